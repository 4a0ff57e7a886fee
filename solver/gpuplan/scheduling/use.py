"""What is used of what jobs share, over the calendar."""

from __future__ import annotations

from gpuplan.scheduling.result import PeriodAnswer, ResourceAnswer, StepAnswer
from gpuplan.scheduling.settle import Settled
from gpuplan.scheduling.sources import Shared


def resource_answers(settled: Settled) -> list[ResourceAnswer]:
    """Every stock and quota, and offers that are a limit, up to the end of the schedule."""
    problem, schedule = settled.prepared.problem, settled.found.schedule
    runs: list[list[tuple[int, int, int]]] = [[] for _ in problem.resources]
    for task, placed in zip(problem.tasks, schedule or (), strict=False):
        if placed is None:
            continue
        mode = task.modes[placed.mode]
        for resource, units in mode.uses:
            runs[resource].append((placed.start, placed.start + mode.minutes, units))
    end = max((end for each in runs for _, end, _ in each), default=0)
    return [_resource(shared, used, end) for shared, used in zip(settled.prepared.resources, runs, strict=True)]


def _resource(shared: Shared, runs: list[tuple[int, int, int]], end: int) -> ResourceAnswer:
    steps = _steps(runs)
    ends = [*(minute for minute, _ in shared.units[1:]), end]
    periods = [
        _period(steps, begin, min(until, end), units)
        for (begin, units), until in zip(shared.units, ends, strict=True)
        if begin < end
    ]
    there = sum(one.units * (one.until_hours - one.from_hours) for one in periods)
    used = sum((until - begin) * units for begin, until, units in runs) / 60
    return ResourceAnswer(
        name=shared.name,
        kind=shared.kind,
        unit=shared.unit,
        gpu=shared.gpu,
        gpus_per_unit=shared.gpus_per_unit,
        periods=periods,
        in_use=[StepAnswer(hours=minute / 60, units=units) for minute, units in steps],
        used_share=used / there if there else None,
    )


def _steps(runs: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """(minute, units in use) from that minute on, beginning at 0."""
    changes = {0: 0}
    for begin, end, units in runs:
        changes[begin] = changes.get(begin, 0) + units
        changes[end] = changes.get(end, 0) - units
    found, total = list[tuple[int, int]](), 0
    for minute in sorted(changes):
        total += changes[minute]
        if not found or found[-1][1] != total:
            found.append((minute, total))
    return found


def _period(steps: list[tuple[int, int]], begin: int, end: int, units: int) -> PeriodAnswer:
    ends = [*(minute for minute, _ in steps[1:]), end]
    inside = [
        (max(start, begin), min(until, end), used)
        for (start, used), until in zip(steps, ends, strict=True)
        if start < end and until > begin
    ]
    unit_minutes = sum((until - start) * used for start, until, used in inside)
    return PeriodAnswer(
        from_hours=begin / 60,
        until_hours=end / 60,
        units=units,
        peak=max((used for _, _, used in inside), default=0),
        used_share=unit_minutes / (units * (end - begin)) if units and end > begin else None,
    )
