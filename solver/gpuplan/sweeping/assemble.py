"""From the points of a sweep to its answer: in order, with what belongs to each curve as a whole."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal

from gpuplan.better import WORTH_SAYING
from gpuplan.layout import other_frameworks
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.frontier import END
from gpuplan.sweeping.points import finished
from gpuplan.sweeping.result import SeriesAnswer, SweepPoint, SweepResult, SweepSolver, SweptAnswer
from gpuplan.sweeping.series import Curve
from gpuplan.sweeping.work import DECIDED, Done
from gpuplan.units import format_money


def result_of_points(
    question: Literal["sweep", "frontier"],
    found: Sequence[Curve],
    done: Done,
    swept: SweptAnswer | None = None,
    frontier: Sequence[str] = (),
    maximize: Literal["tokens", "model"] | None = None,
) -> SweepResult:
    """Put the points in order, and say what belongs to each curve as a whole."""
    order = {} if swept is None else {value: place for place, value in enumerate(swept.values)}
    points: list[SweepPoint] = []
    series = []
    for curve in found:
        mine = [point for point in done.points if point.series == curve.label]
        mine.sort(key=lambda point: order.get(point.at, 0) if point.at is not None else 0)
        ended = swept is not None or (bool(mine) and mine[-1].at_text == END)
        decided = ended and bool(mine) and all(point.status in DECIDED for point in mine)
        beyond = None
        if swept is None and ended and len(mine) > 1:
            beyond, mine = mine[-1].reason, mine[:-1]
        points += finished(mine, frontier)
        model = str(curve.spec.model) if maximize == "model" and curve.spec else curve.job.architecture.name
        series.append(series_answer(curve, model, decided, beyond))
    decided = done.stopped is None and all(one.decided for one in series)
    job = found[0].job
    return SweepResult(
        status="decided" if decided else "undecided",
        question=question,
        swept=swept,
        frontier=list(frontier),
        minimize=list(frontier or job.objectives[:1]),
        maximize=maximize,
        confidence=job.confidence,
        series=series,
        points=points,
        assumptions=_shared([point.assumptions for point in points]),
        warnings=[
            *(other_frameworks_note(found) if maximize else better_frameworks_note(points)),
            *_shared([point.warnings for point in points if point.plan is not None]),
        ],
        solver=solver_answer(points, done, decided),
    )


def better_frameworks_note(points: Sequence[SweepPoint]) -> list[str]:
    """At how many points another framework than the default is better by far, and by how much it is most."""
    better = [(point, point.other_framework) for point in points if point.plan and point.other_framework]
    if not better:
        return []
    planned = sum(point.plan is not None for point in points)
    point, other = max(better, key=lambda pair: _usd(pair[0].plan) / _usd(pair[1]))
    name, where = other.layout.framework, f"{point.series} {point.at_text}".strip()
    usd = [format_money(_usd(one)) for one in (other, point.plan)]
    figures = f": {usd[0]} instead of {usd[1]}" if point.objective_unit == "USD" else ""
    return [
        f"at {len(better)} of {planned} points another framework than the default is better by more than {WORTH_SAYING:.0%}, as "
        f"{name} at {where}{figures}; --series framework={name} draws its curve"
    ]


def _usd(plan: PlanAnswer | None) -> float:
    return 0.0 if plan is None else plan.prediction.cost_usd


def other_frameworks_note(found: Sequence[Curve]) -> list[str]:
    """That the proofs are among layouts of the default frameworks, where others may do better."""
    if not any(curve.job.framework is None and other_frameworks(curve.job) for curve in found):
        return []
    return ["proved with the default frameworks; another may do better (--series framework=NAME compares them)"]


def series_answer(curve: Curve, model: str, decided: bool, beyond: str | None) -> SeriesAnswer:
    """Write out what belongs to one curve; `beyond` says why a frontier ends."""
    return SeriesAnswer(
        label=curve.label,
        words=curve.words,
        model=model,
        method=curve.job.method.name,
        precision=curve.job.precision,
        decided=decided,
        beyond=beyond,
    )


def _shared(lists: Sequence[Sequence[str]]) -> list[str]:
    """Sentences that all points have."""
    return [sentence for sentence in lists[0] if all(sentence in other for other in lists[1:])] if lists else []


def solver_answer(points: Sequence[SweepPoint], done: Done, decided: bool) -> SweepSolver:
    """Write out who decided how many points."""
    reused = sum(point.proved_at is not None for point in points)
    proved = sum(point.status in DECIDED for point in points)
    cut = [point.solver.stopped for point in done.points if point.solver.stopped]
    return SweepSolver(
        points=len(points),
        asked=proved - reused,
        reused=reused,
        resumed=done.resumed,
        processes=done.processes,
        seconds=done.seconds,
        stopped=done.stopped or (cut[0] if cut else None),
        reproducible=decided,
        versions={name: version(name) for name in ("gpuplan", "ortools", "numpy")}
        | {"python": platform.python_version()},
    )
