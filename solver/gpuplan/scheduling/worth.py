"""What more of each shared limit would save: at least, by a schedule that is found, and at most, by what the prices of time say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpuplan.scheduling.found import Found
from gpuplan.scheduling.problem import Problem, Resource, Schedule, value_of
from gpuplan.scheduling.solve import schedule

WEEK = 7 * 24 * 60
#: GPUs that are asked for, in whole units.
GPUS = 16
#: Share of the budget that is asked for.
MORE_BUDGET = 0.1
#: Less of the objective is not worth a word.
LEAST_SHARE = 1e-3
#: Most questions that get a schedule of their own: those that could save most.
MOST_ASKED = 8


@dataclass(frozen=True)
class Saving:
    """What so many units more of a resource (None: of the budget) between two minutes save, in units of the first objective.

    `saves` counts from the bound: it is not what a longer search would have found anyway.
    """

    resource: int | None
    units: int
    begin: int
    end: int
    saves: int
    saves_at_most: int | None


def savings(
    problem: Problem, found: Found, gpus_per_unit: Sequence[int], seconds: float, workers: int, seed: int
) -> tuple[list[Saving], bool]:
    """What more of each limit would save, the most first, and whether each that could save anything was asked.

    Every resource in every week of the calendar, until the schedule ends. With prices of time, a unit more cannot save more than its
    minutes cost, beside the gap of the schedule; plans that only fit more than there is are not looked at. What could save most is
    scheduled anew, from the schedule that there is.
    """
    best = found.schedule
    if best is None or not found.levels or found.first_bound is None:
        return [], bool(found.levels) and found.levels[0].proved  # then each job has what it would have alone
    value = found.levels[0].value or 0
    asked = sorted(_questions(problem, found, gpus_per_unit, best), key=lambda one: -(one.saves_at_most or 0))
    worthwhile = [one for one in asked if (one.saves_at_most or 0) > LEAST_SHARE * value]
    end, answered = time.monotonic() + seconds, list[Saving]()
    for place, one in enumerate(worthwhile[:MOST_ASKED]):
        share = (end - time.monotonic()) / (min(len(worthwhile), MOST_ASKED) - place)
        if share <= 0:
            break
        better = schedule(_with_more(problem, one), share, workers, seed, best)
        reached = better.levels[0].value if better.levels else None
        saved = 0 if reached is None else max(0, (found.levels[0].bound or 0) - reached)
        bound = better.levels[0].bound if better.levels else None
        most = min(one.saves_at_most or 0, value - bound) if bound is not None else one.saves_at_most
        answered.append(replace(one, saves=saved, saves_at_most=most))
        if better.stopped == "interrupted":
            raise KeyboardInterrupt
    complete = len(answered) == len(worthwhile)
    return sorted((one for one in answered if one.saves > LEAST_SHARE * value), key=lambda one: -one.saves), complete


def _questions(problem: Problem, found: Found, gpus_per_unit: Sequence[int], best: Schedule) -> list[Saving]:
    said, level = found.first_bound, found.levels[0]
    if said is None:
        return []
    gap = (level.value or 0) - (level.bound or 0)
    until = max(1, value_of(problem, best, "makespan"))
    questions = []
    for resource, per_unit in enumerate(gpus_per_unit):
        units = -(-GPUS // per_unit)
        for begin in range(0, until, WEEK):
            end = min(begin + WEEK, problem.horizon)
            most = gap + units * said.worth(resource, begin, end)
            questions.append(Saving(resource, units, begin, end, 0, int(most)))
    if problem.budget_micro_usd is not None:
        more = int(problem.budget_micro_usd * MORE_BUDGET)
        most = gap + said.sums.get("budget", 0.0) * more / 1e6 * said.scale
        questions.append(Saving(None, more, 0, problem.horizon, 0, int(most)))
    return [one for one in questions if (one.saves_at_most or 0) > gap]


def _with_more(problem: Problem, saving: Saving) -> Problem:
    """The problem with that much more; by its first objective alone."""
    first = problem.objectives[:1]
    if saving.resource is None:
        budget = (problem.budget_micro_usd or 0) + saving.units
        return replace(problem, budget_micro_usd=budget, objectives=first)
    resources = list(problem.resources)
    resources[saving.resource] = more_between(resources[saving.resource], saving.units, saving.begin, saving.end)
    return replace(problem, resources=tuple(resources), objectives=first)


def more_between(resource: Resource, units: int, begin: int, end: int) -> Resource:
    """A resource with so many units more from one minute to another, wherever there are any."""

    def there(minute: int) -> int:
        return [units for since, units in resource.capacity if since <= minute][-1]

    minutes = sorted({begin, end, *(minute for minute, _ in resource.capacity)})
    capacity = [
        (minute, there(minute) + (units if begin <= minute < end and there(minute) else 0)) for minute in minutes
    ]
    return Resource(resource.name, tuple(capacity))
