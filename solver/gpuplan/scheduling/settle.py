"""The schedule of a fleet: its modes, CP-SAT, and again as long as jobs together use more of an offer than one of them may."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpuplan.scheduling.choice import Choice
from gpuplan.scheduling.fastest import Known
from gpuplan.scheduling.found import Found, ScheduleError
from gpuplan.scheduling.modes import Prepared, prepare
from gpuplan.scheduling.problem import MICRO, Placed
from gpuplan.scheduling.solve import schedule
from gpuplan.scheduling.types import Fleet
from gpuplan.scheduling.verify import Replay, Run, verify_schedule
from gpuplan_hardware import Offer

#: Share of the time limit that every further round has at least.
LEAST_SHARE = 0.3


@dataclass(frozen=True)
class Settled:
    """A fleet's modes and its schedule.

    Attributes
    ----------
    replay
        Its objectives, recomputed from fleet and plans; None: there is no schedule.
    rounds
        How often it was scheduled.
    """

    prepared: Prepared
    found: Found
    replay: Replay | None
    rounds: int
    mode_seconds: float
    schedule_seconds: float

    @property
    def places(self) -> dict[str, tuple[Placed, Choice]]:
        """Place and choice of every job that is done, by its name."""
        if self.found.schedule is None:
            return {}
        tasks = zip(self.prepared.problem.tasks, self.prepared.choices, self.found.schedule, strict=True)
        return {task.name: (placed, choices[placed.mode]) for task, choices, placed in tasks if placed is not None}


def settle(fleet: Fleet, offers: Sequence[Offer] | None, progress: Callable[[int, int], None] | None) -> Settled:
    """Schedule a fleet and replay the schedule.

    How many nodes an offer has for all jobs together only matters where they would use more. So it is left open at first: that leaves
    fewer plans to choose from, as offers that share nothing can be compared. An offer that is used beyond its nodes becomes a shared
    limit, and the fleet is scheduled again; what is best without a limit, and keeps it, is best with it.

    Raises
    ------
    VerificationError, ScheduleError
        Internal errors.
    """
    limited: set[str] = set()
    known, rounds = Known(), 0
    mode_seconds = schedule_seconds = 0.0
    end: float | None = None
    while True:
        begin = time.monotonic()
        prepared = prepare(fleet, offers, limited, progress, known)
        ready = time.monotonic()
        mode_seconds += ready - begin
        end = ready + fleet.time_limit_seconds if end is None else end
        seconds = max(end - ready, LEAST_SHARE * fleet.time_limit_seconds)
        found = _impossible(fleet, prepared) or schedule(prepared.problem, seconds, fleet.workers, fleet.seed)
        schedule_seconds += time.monotonic() - ready
        rounds += 1
        settled = Settled(prepared, found, None, rounds, mode_seconds, schedule_seconds)
        more = _overused(settled) - limited
        if not more or found.stopped == "interrupted":
            break
        limited |= more
    if more:  # interrupted before it was known how an offer's nodes are shared: this is no schedule
        nothing = Found(stopped=found.stopped, seconds=found.seconds)
        return Settled(prepared, nothing, None, rounds, mode_seconds, schedule_seconds)
    if found.schedule is None:
        return settled
    runs = [Run(name, placed.start, choice) for name, (placed, choice) in settled.places.items()]
    replay = verify_schedule(fleet, runs)
    _check(settled, replay, lost_micro_usd(fleet, prepared))
    return Settled(prepared, found, replay, rounds, mode_seconds, schedule_seconds)


def _overused(settled: Settled) -> set[str]:
    """Offers of which more nodes are in use at a time than the provider lets one have."""
    changes: dict[str, dict[int, int]] = {}
    most: dict[str, int] = {}
    problem = settled.prepared.problem
    modes = {task.name: task.modes for task in problem.tasks}
    for name, (placed, choice) in settled.places.items():
        if choice.kind != "rented":
            continue
        most[choice.source] = choice.offer.max_nodes
        steps, end = changes.setdefault(choice.source, {}), placed.start + modes[name][placed.mode].minutes
        steps[placed.start] = steps.get(placed.start, 0) + choice.nodes
        steps[end] = steps.get(end, 0) - choice.nodes
    return {source for source, steps in changes.items() if _peak(steps) > most[source]}


def _peak(steps: dict[int, int]) -> int:
    total = peak = 0
    for minute in sorted(steps):
        total += steps[minute]
        peak = max(peak, total)
    return peak


def _impossible(fleet: Fleet, prepared: Prepared) -> Found | None:
    """The answer where a job that must be done has no plan at all."""
    names = [job.name for job in fleet.jobs if job.value_usd is None and job.name in prepared.without]
    if not names:
        return None
    return Found("infeasible", proof="; ".join(f"{name}: {prepared.without[name]}" for name in names))


def lost_micro_usd(fleet: Fleet, prepared: Prepared) -> int:
    """Value of the optional jobs that have no plan at all, and are no part of the problem."""
    return sum(round((job.value_usd or 0.0) * MICRO) for job in fleet.jobs if job.name in prepared.without)


def _check(settled: Settled, replay: Replay, lost: int) -> None:
    """The replay's objectives are those of the schedule; money but for what was rounded up, a millionth of a dollar a job."""
    for level in settled.found.levels:
        money = level.name in ("cost", "value")
        value = getattr(replay, level.name) * (MICRO if money else 1)
        noise = 2 * (len(settled.places) + 1) if money else 0
        found = (level.value or 0) + (lost if money else 0)
        if abs(found - value) > noise + 1e-9 * abs(value):
            raise ScheduleError(f"{level.name} is {found} in the schedule, and {value} in its replay")
