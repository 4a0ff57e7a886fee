"""From the points of a sweep to its answer: in order, with what belongs to each curve as a whole."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Literal

from gpuplan.layout import other_frameworks
from gpuplan.sweeping.frontier import END
from gpuplan.sweeping.points import finished
from gpuplan.sweeping.result import SeriesAnswer, SweepPoint, SweepResult, SweepSolver, SweptAnswer
from gpuplan.sweeping.series import Curve
from gpuplan.sweeping.work import DECIDED, Done


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
            *other_frameworks_note(found),
            *_shared([point.warnings for point in points if point.plan is not None]),
        ],
        solver=solver_answer(points, done, decided),
    )


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
