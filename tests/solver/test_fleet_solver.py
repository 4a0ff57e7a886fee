"""The schedule of a fleet against brute force, and what must always hold of it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

import fleet_oracle
import fleet_problems
from gpuplan.scheduling import level
from gpuplan.scheduling.bound import bound
from gpuplan.scheduling.conflict import Limit, reason
from gpuplan.scheduling.exact import Answer, second_opinion
from gpuplan.scheduling.found import Found
from gpuplan.scheduling.problem import Mode, Problem, Resource, Task, broken, value_of
from gpuplan.scheduling.solve import schedule
from gpuplan.scheduling.windows import bounded, ways

pytestmark = pytest.mark.sources

FIRST = int(os.environ.get("GPUPLAN_FLEET_SEED", "0"))
COUNT = int(os.environ.get("GPUPLAN_FLEET_COUNT", "200"))
SEEDS = range(FIRST, FIRST + COUNT)
FEW = range(FIRST, FIRST + 40)


@cache
def problem_of(seed: int) -> Problem:
    return fleet_problems.random_problem(seed)


@cache
def found(seed: int) -> Found:
    return schedule(problem_of(seed), seconds=60, workers=1)


@cache
def best(seed: int) -> tuple[int, ...] | None:
    return fleet_oracle.best(problem_of(seed))


def values(seed: int) -> tuple[int, ...] | None:
    answer = found(seed).schedule
    return (
        None
        if answer is None
        else tuple(value_of(problem_of(seed), answer, name) for name in problem_of(seed).objectives)
    )


@pytest.mark.parametrize("part", range(10))
def test_the_schedule_is_the_best_there_is(part: int) -> None:
    for seed in SEEDS[part::10]:
        assert values(seed) == best(seed), seed
        assert found(seed).status == ("infeasible" if best(seed) is None else "optimal"), seed
        assert all(level.proved for level in found(seed).levels), seed


def test_no_schedule_breaks_a_limit() -> None:
    for seed in SEEDS:
        answer = found(seed).schedule
        assert answer is None or broken(problem_of(seed), answer) == [], seed


def test_the_problems_are_worth_asking() -> None:
    if COUNT < 200:
        pytest.skip("too few problems were drawn")
    seen = Counter[str]()
    for seed in SEEDS:
        problem = problem_of(seed)
        seen[found(seed).status] += 1
        seen.update(problem.objectives)
        seen["optional"] += any(task.optional for task in problem.tasks)
        seen["after"] += any(task.after for task in problem.tasks)
        seen["budget"] += problem.budget_micro_usd is not None
    for what in ("infeasible", "optimal", "cost", "tardiness", "makespan", "value", "optional", "after", "budget"):
        assert seen[what] >= 15, seen


# -- its parts ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("objective", ["cost", "tardiness", "value"])
def test_no_schedule_is_below_the_bound_of_prices(objective: str) -> None:
    for seed in SEEDS:
        problem = replace(problem_of(seed), objectives=(objective,))
        exact = fleet_oracle.best(problem)
        own = ways(bounded(problem, {}))
        if exact is None or any(not each and not task.optional for each, task in zip(own, problem.tasks, strict=True)):
            continue
        said = bound(bounded(problem, {}), own, objective, {}, problem.horizon, 20, 10.0)
        assert said is not None
        assert said.value <= exact[0], seed


def test_the_second_formulation_says_the_same() -> None:
    for seed in FEW:
        problem = bounded(problem_of(seed), {})
        own = ways(problem)
        if any(not each and not task.optional for each, task in zip(own, problem.tasks, strict=True)):
            assert best(seed) is None
            continue
        assert (second_opinion(problem, own, 30.0, 1, 0).status == "infeasible") == (best(seed) is None), seed


# -- what must always hold ---------------------------------------------------------------------------------------------------
def test_more_of_anything_never_makes_it_worse() -> None:
    for seed in FEW:
        problem, before = problem_of(seed), best(seed)
        if before is None:
            continue
        more = tuple(
            Resource(r.name, tuple((minute, units + 1) for minute, units in r.capacity)) for r in problem.resources
        )
        money = None if problem.budget_micro_usd is None else problem.budget_micro_usd + 5
        tasks = tuple(replace(t, deadline=None if t.deadline is None else t.deadline + 2) for t in problem.tasks)
        for eased in (
            replace(problem, resources=more),
            replace(problem, budget_micro_usd=money),
            replace(problem, tasks=tasks),
        ):
            answer = schedule(eased, 60, 1)
            assert answer.status == "optimal"
            assert (answer.levels[0].value or 0) <= before[0], seed


def test_the_order_of_the_jobs_does_not_matter() -> None:
    for seed in FEW:
        problem = problem_of(seed)
        count = len(problem.tasks)
        turned = tuple(
            replace(task, after=tuple(count - 1 - before for before in task.after)) for task in reversed(problem.tasks)
        )
        answer = schedule(replace(problem, tasks=turned), 60, 1)
        said = None if answer.schedule is None else tuple(level.value for level in answer.levels)
        assert said == best(seed), seed


def test_the_same_input_gives_the_same_schedule() -> None:
    for seed in FEW:
        assert schedule(problem_of(seed), 60, 1).schedule == found(seed).schedule, seed


# -- when there is none ------------------------------------------------------------------------------------------------------
def infeasible() -> list[Problem]:
    return [problem_of(seed) for seed in SEEDS if best(seed) is None][:15]


def eased(problem: Problem, limit: Limit, to: int) -> Problem:
    """The problem with a limit at another value."""
    if limit.kind == "budget":
        return replace(problem, budget_micro_usd=to)
    if limit.kind == "deadline":
        tasks = list(problem.tasks)
        tasks[limit.index] = replace(tasks[limit.index], deadline=to)
        return replace(problem, tasks=tuple(tasks))
    resources = list(problem.resources)
    resource = resources[limit.index]
    more = to - resource.most
    never = not resource.most
    capacity = tuple((minute, units + more if units or never else 0) for minute, units in resource.capacity)
    resources[limit.index] = Resource(resource.name, capacity)
    return replace(problem, resources=tuple(resources))


def test_a_change_is_enough_and_a_hair_less_is_not() -> None:
    changes = 0
    for problem in infeasible():
        for change in reason(problem, 60, 1, 0).changes:
            assert change.smallest
            assert fleet_oracle.best(eased(problem, change.limit, change.after)) is not None
            assert fleet_oracle.best(eased(problem, change.limit, change.after - 1)) is None
            changes += 1
    assert changes >= 10


def test_a_conflict_names_what_the_user_said() -> None:
    """Two jobs of three minutes, one node, both due at minute 4: either deadline, or a second node."""
    mode = Mode(3, 1, 1, ((0, 1),))
    tasks = (Task("one", (mode,), deadline=4), Task("two", (mode,), deadline=4), Task("three", (mode,)))
    problem = Problem(tasks, (Resource("node", ((0, 1),)),), budget_micro_usd=100)
    why = reason(problem, 60, 1, 0)
    assert why.conflict == [Limit("resource", 0), Limit("deadline", 0), Limit("deadline", 1)]
    assert [(change.limit.kind, change.before, change.after) for change in why.changes] == [
        ("resource", 1, 2),
        ("deadline", 4, 6),
        ("deadline", 4, 6),
    ]


# -- the alarm: CP-SAT says that there is none ---------------------------------------------------------------------------------
def says_infeasible(*given: object, **named: object) -> Answer:
    return Answer("infeasible", None, None, interrupted=False)


def hard() -> list[Problem]:
    """Problems that are not decided before CP-SAT is asked."""
    asked: list[Problem] = []
    for seed in FEW:
        problem = replace(problem_of(seed), objectives=("makespan",))
        if len(problem.tasks) > 2 and fleet_oracle.best(problem) is not None:
            asked.append(problem)
    assert len(asked) >= 8
    return asked[:8]


def test_a_verdict_against_a_known_schedule_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level, "solve_exactly", says_infeasible)
    for problem in hard():
        answer, exact = schedule(problem, 5, 1), fleet_oracle.best(problem)
        assert answer.schedule is not None
        assert exact is not None
        assert answer.status == "feasible" or answer.levels[0].value == exact[0]


def test_no_schedule_rests_on_one_formulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level, "solve_exactly", says_infeasible)
    monkeypatch.setattr(level, "construct", lambda booking: None)
    monkeypatch.setattr(level, "improve", lambda *given: True)
    for problem in hard():
        assert schedule(problem, 20, 1).schedule is not None, problem


def test_a_model_that_cp_sat_calls_infeasible_is_asked_about_again() -> None:
    """OR-Tools 9.15 with linearization 2 and without probing says that there is no schedule as good as the one that is known."""
    problem = problem_of(1160)
    answer = schedule(problem, 60, 1)
    assert answer.status == "optimal"
    assert tuple(level.value for level in answer.levels) == fleet_oracle.best(problem)
