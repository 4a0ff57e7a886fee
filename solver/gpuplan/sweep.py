"""The verb `sweep`: how the best plan changes with a limit, with the amount of data, with a price; and exact frontiers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from gpuplan.answer import plan_answer
from gpuplan.ask import Asker
from gpuplan.caveats import assumptions, warnings
from gpuplan.errors import InputError, choose
from gpuplan.fields import BY_NAME
from gpuplan.job import Job, JobSpec, resolve
from gpuplan.performance.constants import calibrated, use_constants
from gpuplan.sweeping.assemble import other_frameworks_note, result_of_points, series_answer, solver_answer
from gpuplan.sweeping.axes import Axis, axis_of
from gpuplan.sweeping.break_even import break_evens
from gpuplan.sweeping.chain import Asked
from gpuplan.sweeping.family import members
from gpuplan.sweeping.frontier import Ends, frontier_of
from gpuplan.sweeping.points import Mark
from gpuplan.sweeping.prices import priced
from gpuplan.sweeping.result import SweepResult, SweptAnswer
from gpuplan.sweeping.series import SIZES, Curve, curves, instead
from gpuplan.sweeping.tasks import ChainTask, EachTask, FrontierTask, ModelTask, PriceTask, Task, TokensTask
from gpuplan.sweeping.work import Done, Progress, Work
from gpuplan_hardware import Offer

T = TypeVar("T")
Words = Job | JobSpec | Mapping[str, Any]


def frontier(
    spec: Words,
    objectives: Sequence[str] | str = ("cost", "time"),
    *,
    start: Any = None,
    stop: Any = None,
    series: Sequence[str | Mapping[str, Any]] | str | Mapping[str, Any] = (),
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
        Two of cost, time, gpus and deadline, such as "cost,time": cost and time at the point estimate, as `gpuplan.solve` minimises
        them; a deadline as the plan keeps it at the asked confidence, which gives the answers of `gpuplan.solve` for every deadline.
    start, stop
        Ends of the second objective, such as "1h" and "24h"; None: from the fastest (or smallest) plan to the cheapest.
    series
        Curves beside each other: "field=value; field=value" or a mapping of fields of the job, each.
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
    result = result_of_points("frontier", found, done, frontier=list(pair))
    return result.model_copy(update={"warnings": [*_minimized(spec, "the frontier has its own"), *result.warnings]})


def sweep(
    spec: Words,
    *,
    over: str,
    values: Sequence[Any] | str | None = None,
    start: Any = None,
    stop: Any = None,
    points: int | None = None,
    maximize: Literal["tokens", "model"] | None = None,
    of: str | None = None,
    series: Sequence[str | Mapping[str, Any]] | str | Mapping[str, Any] = (),
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
    maximize
        Instead of the job's objective: the most tokens, or the largest model of the family that the job's model stands for (see
        `gpuplan.sweeping.family.family`), with which a plan keeps every limit.
    of
        With ``over="price"``: the GPU, provider or offer whose price per GPU-hour is varied; None: of the one GPU that the job names.
    spec, series, offers, journal, restart, processes, progress
        See `frontier`.

    Raises
    ------
    InputError
        If a field of the job, or a value, cannot be used.
    """
    axis = axis_of(over)
    if maximize is not None:
        choose("maximize", maximize, ("tokens", "model"))
    if maximize is not None and axis.limit is None:
        raise InputError("maximize", maximize, f"goes with a limit, such as --over budget, not with --over {axis.word}")
    if of is not None and axis.word != "price":
        raise InputError("of", of, f"goes with --over price, not with --over {axis.word}; leave it out")
    texts = axis.values(values, start, stop, points)
    first = {} if of is not None else {axis.field: next(iter(texts.values()))}
    try:
        found = curves(spec, series, first, offers, maximize)
    except InputError as error:
        if axis.word != "price" or error.field != "price":
            raise
        right = "the price of what? Say --of WHAT (a GPU, a provider, an offer), or name one --gpu"
        raise InputError("of", "", right) from None
    given = None if offers is None else tuple(offers)
    tasks = [task for curve in found for task in _tasks(curve, axis, texts, given, maximize, of, processes)]
    total = len(found) * len(texts)
    done = Work(found, tasks, journal, restart, processes, progress, total).done(
        ("sweep", axis.word, texts, maximize, of)
    )
    answer = SweptAnswer(
        field=axis.word,
        unit=axis.unit,
        values=[value / axis.unit_size for value in texts],
        texts=list(texts.values()),
        of=of,
    )
    result = result_of_points("sweep", found, done, swept=answer, maximize=maximize)
    unused = _unused(spec, "" if of is not None else axis.field, maximize)
    return result.model_copy(update={"warnings": [*unused, *result.warnings]})


def _said(spec: Words) -> dict[str, Any]:
    """What a job says by itself; nothing where that is not known any more."""
    if isinstance(spec, Job):
        return {}
    return spec.model_dump(exclude_defaults=True) if isinstance(spec, JobSpec) else dict(spec)


def _minimized(spec: Words, why: str) -> list[str]:
    """That an objective is not used, where the job names one."""
    objective = _said(spec).get("minimize")
    return [] if objective is None else [f"the job's own --minimize {_text(objective)} is not used: {why}"]


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _unused(spec: Words, field: str, maximize: str | None) -> list[str]:
    """What the job says of what is varied or looked for."""
    words = _said(spec)
    why = dict.fromkeys(SIZES, "the most is looked for") if maximize == "tokens" else {}
    for name in instead(field, "") if field else ():
        why[name] = f"{'it' if name == field else BY_NAME[field].flag} is varied"
    given = [(name, words[name]) for name in why if words.get(name) is not None]
    return [f"the job's own {BY_NAME[name].flag} {value} is not used: {why[name]}" for name, value in given]


def _tasks(
    curve: Curve,
    axis: Axis,
    texts: Mapping[float, str],
    given: tuple[Offer, ...] | None,
    maximize: str | None,
    of: str | None,
    processes: int,
) -> list[Task]:
    """One curve in parts: a limit's values are a chain, others are spread over the processes."""
    marks = [Mark(curve.label, axis.word, value / axis.unit_size, axis.unit, text) for value, text in texts.items()]
    if of is not None:
        priced(curve.job, of, given)  # what is wrong with it is said before the work begins
        same = tuple(Asked(mark, curve.job) for mark in marks)
        return [PriceTask(curve.job, given, points=tuple(part), of=of) for part in _parts(same, processes)]
    if maximize == "model":
        specs = [curve.spec_with(axis.field, mark.text) for mark in marks]
        models = [(mark, tuple(members(spec, given))) for mark, spec in zip(marks, specs, strict=True)]
        return [ModelTask(curve.job, given, points=tuple(part)) for part in _parts(models, processes)]
    points = [Asked(mark, _at(curve, axis, mark.text, value, given)) for mark, value in zip(marks, texts, strict=True)]
    if maximize == "tokens":
        default = curve.spec is not None and curve.spec.global_batch is None
        return [
            TokensTask(curve.job, given, points=tuple(part), default_batch=default)
            for part in _parts(points, processes)
        ]
    if axis.limit is not None:
        loosest_first = tuple(sorted(points, key=lambda point: -(point.mark.at or 0.0)))
        return [ChainTask(curve.job, given, points=loosest_first)]
    return [EachTask(curve.job, given, points=tuple(part)) for part in _parts(points, processes)]


def _parts(points: Sequence[T], count: int) -> list[Sequence[T]]:
    """So many parts of nearly the same size, in order."""
    size = -(-len(points) // max(1, count))
    return [points[first : first + size] for first in range(0, len(points), size)]


def break_even(spec: Words, of: str, *, offers: Sequence[Offer] | None = None) -> SweepResult:
    """The price per GPU-hour below which offers of a GPU, of a provider, or one offer, are the cheapest: exact, for each of them.

    Parameters
    ----------
    spec, offers
        See `frontier`; method and precision must be one each.
    of
        A GPU ("H200"), a provider, or the id of an offer; a GPU that nobody sells becomes available.

    Raises
    ------
    InputError
        If a field of the job cannot be used, or `of` is nothing that is known.
    """
    start = time.perf_counter()
    job = resolve(spec, offers)
    curve = Curve("", {}, job, None)
    with use_constants(calibrated(job.calibration)):
        ask = Asker((), job.search.time_limit_seconds)
        found = break_evens(job, of, ask, offers)
    decided = all(one.proved for one in found.answers)
    rival = found.rival.plan
    done = Done([], 0, 1, time.perf_counter() - start, None)
    solver = solver_answer([], done, decided).model_copy(
        update={"points": len(found.answers), "asked": found.questions, "stopped": None if decided else ask.stopped}
    )
    return SweepResult(
        status="decided" if decided else "undecided",
        question="break-even",
        swept=None,
        minimize=["cost"],
        confidence=job.confidence,
        series=[series_answer(curve, job.architecture.name, decided, None)],
        points=[],
        break_even=found.answers,
        rival=None if rival is None else plan_answer(rival),
        assumptions=assumptions(job, rival),
        warnings=[
            *_minimized(spec, "prices change the cost"),
            *found.warnings,
            *other_frameworks_note([curve]),
            *([] if rival is None else warnings(rival)),
        ],
        solver=solver,
    )


def _at(curve: Curve, axis: Axis, text: str, value: float, given: tuple[Offer, ...] | None) -> Job:
    """The job at a value of the axis."""
    if curve.spec is None and axis.limit is not None:
        amount: Any = round(value) if axis.whole else value
        timed = curve.job.limits.timed or axis.limit == "deadline_seconds"
        return replace(curve.job, limits=replace(curve.job.limits, timed=timed, **{axis.limit: amount}))
    return curve.with_field(axis.field, text, given)
