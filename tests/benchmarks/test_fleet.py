"""Made-up fleets have what they promise, and the rules that people plan by break nothing but deadlines and the budget."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from benchmarks.fleet.baselines import (
    BASELINES,
    cheapest_first_come,
    earliest_deadline_first,
    first_come_in_time,
    missed,
)
from benchmarks.fleet.calendar import Free
from benchmarks.fleet.generate import LEAST_MODES, MOST_MODES, generate
from benchmarks.fleet.seed_table import TABLE, fleet
from gpuplan.job import Job
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.problem import Mode, Placed, Problem, Resource, Task, broken, value_of

NODE = (Resource("node", ((0, 1), (10, 2), (20, 0), (30, 3))),)


@pytest.fixture(scope="module", params=[(0, 50), (1, 50), (2, 100)], ids=str)
def problem(request: pytest.FixtureRequest) -> Problem:
    seed, jobs = request.param
    return generate(seed, jobs)


def _beaten(modes: tuple[Mode, ...]) -> bool:
    def figures(mode: Mode) -> tuple[int, ...]:
        return mode.minutes, mode.cost_micro_usd, mode.budget_micro_usd, mode.earliest

    return any(
        one is not other
        and all(mine <= its for mine, its in zip(figures(one), figures(other), strict=True))
        and all(dict(other.uses).get(resource, 0) >= units for resource, units in one.uses)
        for one in modes
        for other in modes
    )


def test_a_fleet_is_what_it_is_said_to_be(problem: Problem) -> None:
    stocks = [one for one in problem.resources if one.name.startswith(("stock-", "block-"))]
    assert len(stocks) == 4
    assert all(len(stock.capacity) > 1 for stock in stocks)
    assert any(stock.name.startswith("block-") and stock.capacity[-1][1] == 0 for stock in stocks)
    assert any(one.name == "quota" and len(one.capacity) == 2 for one in problem.resources)
    assert all(LEAST_MODES <= len(task.modes) <= MOST_MODES for task in problem.tasks)
    assert not any(_beaten(task.modes) for task in problem.tasks)
    assert any(task.after for task in problem.tasks)
    assert len({task.priority for task in problem.tasks}) == 5
    assert 14 * 1440 <= problem.horizon <= 42 * 1440
    calendar = max(minute for stock in stocks for minute, _ in stock.capacity)
    assert calendar <= 28 * 1440


def test_the_same_seed_is_the_same_fleet_and_another_is_another() -> None:
    assert generate(3, 20) == generate(3, 20)
    assert generate(3, 20) != generate(4, 20)
    soft = generate(3, 20, objectives=("tardiness", "cost"))
    assert [task.due for task in soft.tasks] == [task.deadline for task in generate(3, 20).tasks]
    assert all(task.deadline is None for task in soft.tasks)


@pytest.mark.parametrize("name", BASELINES)
def test_people_break_nothing_but_deadlines_and_the_budget(name: str, problem: Problem) -> None:
    lenient = replace(
        problem, tasks=tuple(replace(task, deadline=None) for task in problem.tasks), budget_micro_usd=None
    )
    schedule = BASELINES[name](problem)
    assert broken(lenient, schedule) == []
    late = broken(replace(problem, budget_micro_usd=None), schedule)
    assert len(late) == missed(problem, schedule)


def test_the_rules_differ_as_they_should(problem: Problem) -> None:
    own, in_time, earliest = (
        rule(problem) for rule in (cheapest_first_come, first_come_in_time, earliest_deadline_first)
    )
    assert missed(problem, own) > max(missed(problem, in_time), missed(problem, earliest))
    assert value_of(problem, own, "cost") < value_of(problem, in_time, "cost")
    rented = {index for index, one in enumerate(problem.resources) if one.name.startswith(("cloud-", "queue-"))}
    assert any(
        place is not None and rented & {used for used, _ in task.modes[place.mode].uses}
        for task, place in zip(problem.tasks, earliest, strict=True)
    )


def test_two_hundred_jobs_are_placed_in_a_second() -> None:
    large = generate(0, 200)
    for rule in BASELINES.values():
        begin = time.process_time()
        rule(large)
        assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ("minutes", "nodes", "begin", "earliest", "start"),
    [
        (5, 1, 0, 0, 0),
        (5, 1, 3, 0, 3),
        (5, 1, 0, 7, 7),
        (5, 2, 0, 0, 10),
        (20, 1, 0, 0, 0),
        (21, 1, 0, 0, 30),
        (5, 1, 16, 0, 30),
        (5, 3, 0, 0, 30),
        (5, 4, 0, 0, None),
    ],
)
def test_the_first_gap(minutes: int, nodes: int, begin: int, earliest: int, start: int | None) -> None:
    assert Free(NODE).first_fit(Mode(minutes, 0, 0, ((0, nodes),), earliest), begin) == start


def test_what_is_booked_is_not_free() -> None:
    free = Free(NODE)
    long, short = Task("a", (Mode(4, 1, 1, ((0, 1),)),)), Mode(3, 1, 1, ((0, 1),))
    assert free.book(long, Placed(0, 2)) == 6
    assert free.first_fit(short, 0) == 6
    assert free.first_fit(replace(short, minutes=2), 0) == 0
    assert free.first_fit(replace(short, minutes=2), 1) == 6


def test_a_plan_of_ones_own_waits_and_one_in_time_pays() -> None:
    # One node: 5 minutes for 1, or 3 minutes elsewhere for 9. Both want to end by minute 6: the second waits, and is late.
    modes = (Mode(5, 1, 1, ((0, 1),)), Mode(3, 9, 9))
    tasks = (Task("a", modes, deadline=6), Task("b", modes, deadline=6))
    problem = Problem(tasks, (Resource("node", ((0, 1),)),), 2)
    own = cheapest_first_come(problem)
    assert own == (Placed(0, 0), Placed(0, 5))
    assert missed(problem, own) == 1
    for rule in (first_come_in_time, earliest_deadline_first):
        assert rule(problem) == (Placed(0, 0), Placed(1, 0))
    assert missed(problem, (None, Placed(1, 0))) == 1


@pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is not there")
def test_the_fleet_of_the_seed_table_can_be_read() -> None:
    found = load_fleet(fleet())
    assert len(found.jobs) == 23
    assert all(isinstance(job.work, Job) and job.work.limits.deadline_seconds is None for job in found.jobs)
    assert [stock.kind for stock in found.stocks] == ["owned", "owned", "owned", "reserved"]
    assert {job.deadline for job in found.jobs if job.name.endswith("100G")} == {21 * 1440}
    assert len({job.release for job in found.jobs}) == 23
