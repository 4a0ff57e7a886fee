"""The verb `sweep`: how the best plan changes with a limit, with the amount of data, with a price; and exact frontiers."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from gpuplan.job import Job, JobSpec
from gpuplan.sweeping.axes import Axis, axis_of
from gpuplan.sweeping.chain import Asked
from gpuplan.sweeping.frontier import END, Ends, frontier_of
from gpuplan.sweeping.points import Mark, finished
from gpuplan.sweeping.result import SeriesAnswer, SweepPoint, SweepResult, SweepSolver, SweptAnswer
from gpuplan.sweeping.series import Curve, curves
from gpuplan.sweeping.tasks import ChainTask, EachTask, FrontierTask, Task
from gpuplan.sweeping.work import DECIDED, Done, Progress, Work
from gpuplan_hardware import Offer

Words = Job | JobSpec | Mapping[str, Any]


def frontier(
    spec: Words,
    objectives: Sequence[str] = ("cost", "time"),
    *,
    start: Any = None,
    stop: Any = None,
    series: Sequence[str | Mapping[str, Any]] = (),
    offers: Sequence[Offer] | None = None,
    journal: Path | None = None,
    restart: bool = False,
    processes: int = 1,
    progress: Progress | None = None,
) -> SweepResult:
    """Every plan that no other plan beats in both of two objectives, each with a proof.

    Parameters
    ----------
    spec
        The job, as for `gpuplan.solve`; where method or precision are left open, a curve for each.
    objectives
        Two of cost, time, gpus and deadline: cost and time at the point estimate, as `gpuplan.solve` minimises them; a deadline as the
        plan keeps it at the asked confidence, which gives the answers of `gpuplan.solve` for every deadline.
    start, stop
        Ends of the second objective, such as "1h" and "24h"; None: from the fastest (or smallest) plan to the cheapest.
    series
        More curves: "field=value; field=value" or a mapping of fields of the job, each.
    journal
        File that keeps every point as soon as it is known; a call with the same question goes on where an earlier one was stopped.
    restart
        Begin anew even so.
    processes
        Curves that are worked on at a time, each in a process of its own.
    progress
        Called with the number of points that are known, and how many there will be (None: nobody knows).

    Raises
    ------
    InputError
        If a field of the job, an objective or an end cannot be used.
    """
    pair = frontier_of(objectives)
    ends = Ends.of(pair, start, stop)
    found = curves(spec, series, {}, offers)
    given = None if offers is None else tuple(offers)
    tasks: list[Task] = [FrontierTask(curve.job, given, series=curve.label, pair=pair, ends=ends) for curve in found]
    done = Work(found, tasks, journal, restart, processes, progress).done(("frontier", pair, ends))
    return _result("frontier", found, done, frontier=list(pair))


def sweep(
    spec: Words,
    *,
    over: str,
    values: Sequence[Any] | None = None,
    start: Any = None,
    stop: Any = None,
    points: int | None = None,
    series: Sequence[str | Mapping[str, Any]] = (),
    offers: Sequence[Offer] | None = None,
    journal: Path | None = None,
    restart: bool = False,
    processes: int = 1,
    progress: Progress | None = None,
) -> SweepResult:
    """The proved answer at each of several values of one field of a job.

    Parameters
    ----------
    over
        What is varied: deadline, budget, max-gpus, max-nodes, data, tokens, epochs, global-batch, sequence-length or price.
    values
        Its values, as one writes them on the command line: "24h", "$500"; or `points` of them from `start` to `stop`.
    spec, series, offers, journal, restart, processes, progress
        See `frontier`.

    Raises
    ------
    InputError
        If a field of the job, or a value, cannot be used.
    """
    axis = axis_of(over)
    texts = axis.values(values, start, stop, points)
    found = curves(spec, series, {axis.field: next(iter(texts.values()))}, offers)
    given = None if offers is None else tuple(offers)
    tasks = [task for curve in found for task in _tasks(curve, axis, texts, given, processes)]
    total = len(found) * len(texts)
    done = Work(found, tasks, journal, restart, processes, progress, total).done(("sweep", axis.word, texts))
    answer = SweptAnswer(
        field=axis.word, unit=axis.unit, values=[value / axis.unit_size for value in texts], texts=list(texts.values())
    )
    return _result("sweep", found, done, swept=answer)


def _tasks(
    curve: Curve, axis: Axis, texts: Mapping[float, str], given: tuple[Offer, ...] | None, processes: int
) -> list[Task]:
    """One curve in parts: a limit's values are a chain, others are spread over the processes."""
    points = [
        Asked(Mark(curve.label, axis.word, value / axis.unit_size, axis.unit, text), _at(curve, axis, text, value, given))
        for value, text in texts.items()
    ]
    if axis.limit is not None:
        loosest_first = tuple(sorted(points, key=lambda point: -(point.mark.at or 0.0)))
        return [ChainTask(curve.job, given, points=loosest_first)]
    each_has = -(-len(points) // max(1, processes))
    parts = [points[first : first + each_has] for first in range(0, len(points), each_has)]
    return [EachTask(curve.job, given, points=tuple(part)) for part in parts]


def _at(curve: Curve, axis: Axis, text: str, value: float, given: tuple[Offer, ...] | None) -> Job:
    """The job at a value of the axis."""
    if curve.spec is None and axis.limit is not None:
        amount: Any = round(value) if axis.whole else value
        timed = curve.job.limits.timed or axis.limit == "deadline_seconds"
        return replace(curve.job, limits=replace(curve.job.limits, timed=timed, **{axis.limit: amount}))
    return curve.with_field(axis.field, text, given)


def _result(
    question: Literal["sweep", "frontier"],
    found: Sequence[Curve],
    done: Done,
    swept: SweptAnswer | None = None,
    frontier: Sequence[str] = (),
) -> SweepResult:
    """Put the points in order, and say what belongs to each curve as a whole."""
    order = {} if swept is None else {value: place for place, value in enumerate(swept.values)}
    points: list[SweepPoint] = []
    series = []
    for curve in found:
        mine = [point for point in done.points if point.series == curve.label]
        mine.sort(key=lambda point: order.get(point.at, 0) if point.at is not None else 0)
        beyond = None
        if swept is None and len(mine) > 1 and mine[-1].at_text == END:
            beyond, mine = mine[-1].reason, mine[:-1]
        points += finished(mine, frontier)
        series.append(_series(curve, mine, beyond))
    decided = done.stopped is None and all(one.decided for one in series)
    job = found[0].job
    return SweepResult(
        status="decided" if decided else "undecided",
        question=question,
        swept=swept,
        frontier=list(frontier),
        minimize=list(frontier or job.objectives[:1]),
        confidence=job.confidence,
        series=series,
        points=points,
        assumptions=_shared([point.assumptions for point in points]),
        warnings=_shared([point.warnings for point in points if point.plan is not None]),
        solver=_solver(points, done, decided),
    )


def _series(curve: Curve, points: Sequence[SweepPoint], beyond: str | None) -> SeriesAnswer:
    return SeriesAnswer(
        label=curve.label,
        words=curve.words,
        model=curve.job.architecture.name,
        method=curve.job.method.name,
        precision=curve.job.precision,
        decided=bool(points) and all(point.status in DECIDED for point in points),
        beyond=beyond,
    )


def _shared(lists: Sequence[Sequence[str]]) -> list[str]:
    """Sentences that all points have."""
    return [sentence for sentence in lists[0] if all(sentence in other for other in lists[1:])] if lists else []


def _solver(points: Sequence[SweepPoint], done: Done, decided: bool) -> SweepSolver:
    reused = sum(point.proved_at is not None for point in points)
    stopped = done.stopped or next((point.solver.stopped for point in points if point.solver.stopped), None)
    return SweepSolver(
        points=len(points),
        asked=len(points) - reused,
        reused=reused,
        resumed=done.resumed,
        processes=done.processes,
        seconds=done.seconds,
        stopped=stopped,
        reproducible=decided,
        versions={name: version(name) for name in ("gpuplan", "ortools", "numpy")} | {"python": platform.python_version()},
    )
