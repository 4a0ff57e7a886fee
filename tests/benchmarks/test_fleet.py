"""Made-up fleets have what they promise, and the rules that people plan by break nothing but deadlines and the budget."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fleet_oracle
import fleet_problems
from benchmarks.fleet import __main__ as command
from benchmarks.fleet.against import Case, Outcome, as_late_as, compare, generated
from benchmarks.fleet.baselines import (
    BASELINES,
    cheapest_first_come,
    earliest_deadline_first,
    first_come_in_time,
    missed,
)
from benchmarks.fleet.calendar import Free
from benchmarks.fleet.generate import LEAST_MODES, MOST_MODES, generate
from benchmarks.fleet.measure import OURS, PLAIN, Scheduled
from benchmarks.fleet.plain import plain
from benchmarks.fleet.real import MODELS, _lab
from benchmarks.fleet.render import markdown
from benchmarks.fleet.seed_table import TABLE, WEEKS_HOURS, fleet
from gpuplan.job import Job
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.modes import prepare
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


@pytest.mark.slow
@pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is not there")
def test_the_stock_of_the_seed_table_is_as_short_as_it_is_said_to_be() -> None:
    found = prepare(load_fleet(fleet()))
    assert not found.without
    resources, end = found.problem.resources, WEEKS_HOURS * 60
    there = [
        sum(units * (until - begin) for (begin, units), until in zip(one.capacity, _ends(one, end), strict=True))
        for one in resources[:4]
    ]
    needed = [0] * len(resources)
    for task, alone in zip(found.problem.tasks, found.alone, strict=True):
        mode = task.modes[alone if alone is not None else 0]
        for resource, units in mode.uses:
            needed[resource] += units * mode.minutes
    assert needed[3] / there[3] == pytest.approx(2.0, abs=0.05)
    assert sum(needed[:4]) / sum(there) == pytest.approx(0.57, abs=0.02)


def _ends(resource: Resource, end: int) -> list[int]:
    return [*(minute for minute, _ in resource.capacity[1:]), end]


# -- the plain encoding ------------------------------------------------------------------------------------------------------
def _plain_problems() -> Iterator[Problem]:
    """Tiny fleets in which every job must be done, by cost."""
    for seed in range(40):
        problem = fleet_problems.random_problem(seed)
        tasks = tuple(replace(task, value_micro_usd=None, due=None) for task in problem.tasks)
        yield replace(problem, tasks=tasks, objectives=("cost",))


def test_the_plain_encoding_is_right() -> None:
    statuses = []
    for problem in _plain_problems():
        best, said = fleet_oracle.best(problem), plain(problem, 10, 1)
        assert (None if best is None else best[0]) == said.value
        assert said.schedule is None or broken(problem, said.schedule) == []
        assert said.status == ("infeasible" if best is None else "optimal") and said.bound == said.value
        statuses.append(said.status)
    assert min(statuses.count("optimal"), statuses.count("infeasible")) >= 5


def test_the_plain_encoding_refuses_what_it_cannot_say() -> None:
    problem = Problem((Task("a", (Mode(1, 1, 1),), value_micro_usd=5),))
    with pytest.raises(ValueError, match="does every task"):
        plain(problem, 1, 1)
    with pytest.raises(ValueError, match="minimises cost"):
        plain(
            replace(problem, tasks=(replace(problem.tasks[0], value_micro_usd=None),), objectives=("makespan",)), 1, 1
        )


# -- against the rules -------------------------------------------------------------------------------------------------------
def test_a_rule_is_held_against_its_own_deadlines() -> None:
    # As above: the rule takes $1 for each, the second 4 minutes late; in time one of them costs $9, at equal service nobody does.
    usd = 1_000_000
    modes = (Mode(5, 1 * usd, 1 * usd, ((0, 1),)), Mode(3, 9 * usd, 9 * usd))
    tasks = (Task("a", modes, deadline=6), Task("b", modes, deadline=6))
    problem = Problem(tasks, (Resource("node", ((0, 1),)),), 20 * usd)
    case = Case("two", problem, (frozenset({1}), frozenset({1})))
    found = {(row["by"], row["as_late"]): Outcome(**row) for row in compare(case, 10)}
    ours, rule, late = (
        found[key] for key in ((OURS, None), ("cheapest first come", None), (OURS, "cheapest first come"))
    )
    assert (ours.usd, ours.rent_usd, ours.missed, ours.bound_usd) == (10, 9, 0, 10)
    assert (rule.usd, rule.rent_usd, rule.missed) == (2, 0, 1) and rule.late_hours == pytest.approx(4 / 60)
    assert (late.usd, late.missed) == (2, 1)
    assert (OURS, "earliest deadline first") not in found  # it misses nothing: the same question


def test_what_a_rule_does_is_allowed_when_gpuplan_may_be_as_late(problem: Problem) -> None:
    for rule in BASELINES.values():
        schedule = rule(problem)
        assert broken(as_late_as(problem, schedule), schedule) == []


def test_the_rent_of_generated_fleets_is_what_uses_clouds() -> None:
    (case,) = generated(1)
    rented = {r for r, one in enumerate(case.problem.resources) if not one.name.startswith(("stock-", "block-"))}
    for task, numbers in zip(case.problem.tasks, case.rented, strict=True):
        for number, mode in enumerate(task.modes):
            assert (number in numbers) == bool(rented & {used for used, _ in mode.uses})


# -- the page ----------------------------------------------------------------------------------------------------------------
def _part(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"seconds": 60.0, "seeds": 2, "machine": "2 cores", "rows": rows}


def test_the_page_says_what_was_measured() -> None:
    proved = Scheduled(OURS, 50, 1_500, 0, None, "optimal", 100.0, 100.0, 9.0)
    rows = [
        proved,
        replace(proved, seed=1, status="feasible", usd=102.0, bound_usd=100.98, seconds=60.0),
        replace(proved, by=PLAIN, status="feasible", usd=104.0, bound_usd=78.0, seconds=60.0),
        replace(proved, by=PLAIN, seed=1, status="unknown", usd=None, bound_usd=None, seconds=60.0),
    ]
    page = markdown({"sizes": _part([asdict(row) for row in rows])})
    assert f"| 50 | {OURS} | 1 of 2 | 34.5 | 0.50 % | 1.00 % | 0.50 % | a proof |" in page
    assert f"| 50 | {PLAIN} | 0 of 2 | 60.0 | 25.00 % | no schedule in 1 of 2 | 3.85 % | a proof |" in page
    assert "No schedule of one is below the bound of the other." in page and "were tuned" in page
    wrong = replace(rows[2], bound_usd=103.0)
    assert "has $100.00" in markdown({"loads": _part([asdict(proved), asdict(wrong)])})


def test_the_page_says_what_the_rules_cost() -> None:
    ours = Outcome("seed 0", OURS, None, 90.0, 40.0, 0, 0.0, False, 90.0, 5.0)
    rules = [Outcome("seed 0", name, None, 100.0, 50.0, 0, 0.0, False, None, None) for name in BASELINES]
    rules[0] = replace(rules[0], usd=80.0, missed=7, late_hours=12.0)
    late = replace(ours, as_late="cheapest first come", usd=72.0, missed=5)
    rows = [asdict(row) for row in (ours, *rules, late)]
    page = markdown({"rules": _part(rows)})
    assert "| cheapest first come | 1 of 1 | **10.0%** | 10.0% | 10.0% | +12.5% |" in page
    assert "| earliest deadline first | 0 of 1 | **10.0%** | 10.0% | 10.0% | -10.0% |" in page
    assert "| seed 0 | $90 (proved) | $80 (7), 10.0% |" in page
    table = markdown({"table": _part(rows)})
    assert f"| {OURS}, as late as *cheapest first come* | $72 | $40 | 5 | 0.0 | proved, 5.0 s |" in table
    assert "| cheapest first come | 10.0% | +12.5% |" in table


def test_the_command_prints_what_is_not_measured_in_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row = asdict(Scheduled(OURS, 50, 1_500, 0, None, "optimal", 100.0, 100.0, 9.0))
    monkeypatch.setattr(command, "HERE", tmp_path)
    monkeypatch.setattr(command, "by_size", lambda seconds, seeds: iter([row] * seeds))
    short = CliRunner().invoke(command.main, ["--seconds", "1", "--seeds", "1", "--only", "sizes"])
    assert short.exit_code == 0 and "1 of 1" in short.stdout and not list(tmp_path.iterdir())
    assert CliRunner().invoke(command.main, ["--only", "sizes"]).exit_code == 0
    assert len(json.loads((tmp_path / "fleet.json").read_text())["sizes"]["rows"]) == command.SEEDS
    assert f"{command.SEEDS} of {command.SEEDS}" in (tmp_path / "fleet.md").read_text()


def test_the_jobs_of_the_lab_are_different_and_can_be_read() -> None:
    words = _lab(96, rent=True)
    assert len({(job["model"], job["method"], job["data"]) for job in words["jobs"]}) == 96
    few = _lab(24, rent=False)
    assert {job["model"] for job in few["jobs"]} == set(MODELS)
    assert len(load_fleet(few).jobs) == 24 and math.isfinite(load_fleet(few).jobs[-1].deadline or math.inf)
