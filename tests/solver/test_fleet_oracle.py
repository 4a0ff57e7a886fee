"""The brute force over tiny fleets, against answers worked by hand; and that random fleets have everything in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fleet_oracle import best, best_schedule
from fleet_problems import CHOICES, random_problem
from gpuplan.scheduling.problem import Mode, Problem, Resource, Task, broken, value_of

ONE = (Resource("node", ((0, 1),)),)


def task(*modes: Mode, name: str = "t", **words: Any) -> Task:
    return Task(name, modes, **words)


def mode(minutes: int, cost: int = 0, nodes: int = 1, **words: Any) -> Mode:
    return Mode(minutes, cost, words.pop("budget", cost), ((0, nodes),) if nodes else (), **words)


BY_HAND: list[tuple[str, Problem, tuple[int, ...] | None]] = [
    ("two on one node, one after the other", Problem((task(mode(2)), task(mode(3))), ONE, None, ("makespan",)), (5,)),
    (
        "cheap and slow until the deadline forbids it",
        Problem((task(mode(3, 1), mode(1, 5), deadline=4), task(mode(2, 1), mode(2, 9, nodes=0), deadline=4)), ONE),
        (6,),  # 5 for the fast one and then 1 (1 + 2 = 3 minutes); 1 and 9 otherwise
    ),
    (
        "not before the release and the lead time",
        Problem((task(mode(2, earliest=3), release=1),), ONE, None, ("makespan",)),
        (5,),
    ),
    (
        "waits for the second node",
        Problem((task(mode(2, nodes=2)),), (Resource("node", ((0, 1), (4, 2))),), None, ("makespan",)),
        (6,),
    ),
    (
        "fits before the node goes",
        Problem((task(mode(3)), task(mode(1))), (Resource("node", ((0, 1), (3, 0), (5, 1))),), None, ("makespan",)),
        (6,),  # 3 minutes until it goes, or 1 and then no 3 before minute 3
    ),
    (
        "the node never comes back",
        Problem((task(mode(3)), task(mode(1))), (Resource("node", ((0, 1), (3, 0))),)),
        None,
    ),
    ("late by three, of weight two", Problem((task(mode(5), due=2, priority=2),), ONE, None, ("tardiness",)), (6,)),
    (
        "the heavier one first",
        Problem((task(mode(2), due=1), task(mode(2), due=1, priority=3)), ONE, None, ("tardiness",)),
        (6,),  # 3 x 1 + 3 against 1 + 3 x 3
    ),
    (
        "left out, as it is worth less than it costs",
        Problem((task(mode(1, 5), value_micro_usd=4), task(mode(1, 5), value_micro_usd=6)), ONE),
        (9,),
    ),
    (
        "the budget is for one of the two: the better one",
        Problem((task(mode(1, 5), value_micro_usd=6), task(mode(1, 5), value_micro_usd=9)), ONE, 8, ("value", "cost")),
        (6, 11),
    ),
    ("the budget counts what is needed to be sure", Problem((task(mode(1, 5, budget=7)),), ONE, 6), None),
    (
        "nothing is done after what is left out",
        Problem((task(mode(1, 5), value_micro_usd=1), task(mode(1), after=(0,), value_micro_usd=3)), ONE),
        (4,),  # 1 + 3 left out, against a bill of 5
    ),
    (
        "done after the end of the other",
        Problem((task(mode(2, nodes=0)), task(mode(1, nodes=0), after=(0,))), ONE, None, ("makespan",)),
        (3,),
    ),
    (
        "fast first, then cheap",
        Problem((task(mode(2, 9), mode(2, 4), mode(3, 1)),), ONE, None, ("makespan", "cost")),
        (2, 4),
    ),
    ("cheap first, then fast", Problem((task(mode(2, 9), mode(3, 1)),), ONE, None, ("cost", "makespan")), (1, 3)),
    ("more than there ever is", Problem((task(mode(1, nodes=2)),), ONE), None),
    ("not by the deadline", Problem((task(mode(3), deadline=2),), ONE), None),
]


@pytest.mark.parametrize(("problem", "values"), [case[1:] for case in BY_HAND], ids=[case[0] for case in BY_HAND])
def test_by_hand(problem: Problem, values: tuple[int, ...] | None) -> None:
    assert best(problem) == values


def test_what_it_finds_breaks_nothing_and_no_later_end_is_better() -> None:
    for seed in range(40):
        problem = random_problem(seed)
        found = best_schedule(problem)
        if found is not None:
            values, schedule = found
            assert broken(problem, schedule) == []
            assert tuple(value_of(problem, schedule, name) for name in problem.objectives) == values
        assert best(problem, until=problem.horizon + 3) == (None if found is None else found[0])


def _all(change: Callable[[Task], Task]) -> Callable[[Problem], Problem]:
    return lambda problem: replace(problem, tasks=tuple(change(task) for task in problem.tasks))


def _instant(task: Task) -> Task:
    return replace(task, modes=tuple(replace(mode, earliest=0) for mode in task.modes))


#: What is taken away, one at a time.
WITHOUT: dict[str, Callable[[Problem], Problem]] = {
    "budget": lambda problem: replace(problem, budget_micro_usd=None),
    "capacity": lambda problem: replace(
        problem, resources=tuple(replace(r, capacity=((0, 99),)) for r in problem.resources)
    ),
    "changes": lambda problem: replace(
        problem, resources=tuple(replace(r, capacity=((0, r.most),)) for r in problem.resources)
    ),
    "release": _all(lambda task: replace(task, release=0)),
    "deadline": _all(lambda task: replace(task, deadline=None)),
    "due": _all(lambda task: replace(task, due=None)),
    "priority": _all(lambda task: replace(task, priority=1)),
    "after": _all(lambda task: replace(task, after=())),
    "lead time": _all(_instant),
    "optional": _all(lambda task: replace(task, value_micro_usd=None)),
}


def test_every_feature_of_random_fleets_binds_often_and_a_fifth_cannot_be_done() -> None:
    problems = [random_problem(seed) for seed in range(100)]
    values = [best(problem) for problem in problems]
    assert 15 <= values.count(None) <= 30
    assert {problem.objectives for problem in problems} == set(CHOICES)
    for name, take in WITHOUT.items():
        binds = sum(best(take(problem)) != value for problem, value in zip(problems, values, strict=True))
        assert binds >= 5, name
