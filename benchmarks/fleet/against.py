"""Schedules against what people do: each rule as it is, and gpuplan with all deadlines, and with those that the rule has kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from benchmarks.fleet.baselines import BASELINES, missed
from benchmarks.fleet.generate import generate
from benchmarks.fleet.measure import OURS, WORKERS
from benchmarks.fleet.seed_table import TABLE, fleet
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.modes import prepare
from gpuplan.scheduling.problem import MICRO, Problem, Schedule, Task, value_of
from gpuplan.scheduling.solve import schedule

JOBS, FLEETS = 100, 10
SEED_TABLE = "the 23 rows of the sizing table"


@dataclass(frozen=True)
class Case:
    """A fleet, and which modes of its tasks are rented."""

    name: str
    problem: Problem
    rented: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Outcome:
    """A schedule of a fleet, in USD and hours.

    Attributes
    ----------
    by
        The rule, or gpuplan; `as_late` names the rule whose deadlines gpuplan had: each moved to when the rule ends the job, where that
        is later, and no budget.
    late_hours
        Of all jobs together.
    over_budget
        Whether the bills at the asked confidence pass the budget.
    bound_usd
        What no schedule that keeps all this is below; None of a rule.
    """

    fleet: str
    by: str
    as_late: str | None
    usd: float | None
    rent_usd: float | None
    missed: int | None
    late_hours: float | None
    over_budget: bool | None
    bound_usd: float | None
    seconds: float | None


def generated(fleets: int) -> Iterator[Case]:
    """Made-up fleets; rented is what uses clouds and queues."""
    for seed in range(fleets):
        problem = generate(seed, JOBS)
        names = [resource.name for resource in problem.resources]
        rents = {index for index, name in enumerate(names) if name.startswith(("cloud-", "queue-"))}
        yield Case(f"seed {seed}", problem, tuple(_using(task, rents) for task in problem.tasks))


def of_the_table() -> Case:
    """The fleet of the sizing table."""
    prepared = prepare(load_fleet(fleet(TABLE)))
    rented = (
        frozenset(number for number, choice in enumerate(own) if choice.kind == "rented") for own in prepared.choices
    )
    return Case(SEED_TABLE, prepared.problem, tuple(rented))


def compare(case: Case, seconds: float) -> Iterator[dict[str, Any]]:
    """The rules, and gpuplan against each of them."""
    problem = case.problem
    yield asdict(_ours(case, problem, None, seconds))
    for name, rule in BASELINES.items():
        found = rule(problem)
        yield asdict(_outcome(case, name, None, found, None, None))
        if missed(problem, found) or _over_budget(problem, found):
            yield asdict(_ours(case, as_late_as(problem, found), name, seconds))


def as_late_as(problem: Problem, rule: Schedule) -> Problem:
    """The problem in which a job may end when a rule ends it, where that is later than it should; and without the budget."""
    tasks = []
    for task, place in zip(problem.tasks, rule, strict=True):
        end = None if place is None else place.start + task.modes[place.mode].minutes
        deadline = None if end is None or task.deadline is None else max(task.deadline, end)
        tasks.append(replace(task, deadline=deadline))
    return replace(problem, tasks=tuple(tasks), budget_micro_usd=None)


def _using(task: Task, resources: set[int]) -> frozenset[int]:
    """Modes that use one of these resources."""
    return frozenset(
        number for number, mode in enumerate(task.modes) if any(used in resources for used, _ in mode.uses)
    )


def _ours(case: Case, problem: Problem, as_late: str | None, seconds: float) -> Outcome:
    found = schedule(problem, seconds, workers=WORKERS)
    bound = found.levels[0].bound if found.levels else None
    return _outcome(case, OURS, as_late, found.schedule, bound, found.seconds)


def _outcome(
    case: Case, by: str, as_late: str | None, found: Schedule | None, bound: int | None, seconds: float | None
) -> Outcome:
    """What a schedule comes to, its lateness by the fleet's own deadlines."""
    make: Callable[..., Outcome] = partial(Outcome, fleet=case.name, by=by, as_late=as_late, seconds=seconds)
    if found is None:
        return make(usd=None, rent_usd=None, missed=None, late_hours=None, over_budget=None, bound_usd=None)
    due = replace(
        case.problem, tasks=tuple(replace(task, due=task.deadline, priority=1) for task in case.problem.tasks)
    )
    return make(
        usd=value_of(case.problem, found, "cost") / MICRO,
        rent_usd=_rent(case, found) / MICRO,
        missed=missed(case.problem, found),
        late_hours=value_of(due, found, "tardiness") / 60,
        over_budget=_over_budget(case.problem, found),
        bound_usd=None if bound is None else bound / MICRO,
    )


def _rent(case: Case, found: Schedule) -> int:
    return sum(
        task.modes[place.mode].cost_micro_usd
        for task, place, rented in zip(case.problem.tasks, found, case.rented, strict=True)
        if place is not None and place.mode in rented
    )


def _over_budget(problem: Problem, found: Schedule) -> bool:
    spent = sum(
        task.modes[place.mode].budget_micro_usd for task, place in zip(problem.tasks, found, strict=True) if place
    )
    return problem.budget_micro_usd is not None and spent > problem.budget_micro_usd
