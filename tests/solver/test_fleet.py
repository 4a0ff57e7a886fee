"""`gpuplan.fleet` from its words to its answer: small fleets with the true physics, and figures that can be worked out by hand.

Known work of 50 minutes is in use for an hour: its nodes start in 10 minutes. Eight GPUs at $1 are $8 an hour.
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest

import gpuplan
from gpuplan.cp_sat import new_solver
from gpuplan.errors import InputError
from gpuplan.scheduling import exact, worth
from gpuplan.scheduling import settle as settling
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.result import FleetJobAnswer, FleetRelaxation, FleetResult
from gpuplan.scheduling.settle import settle
from gpuplan.scheduling.solve import schedule

LAB = {"name": "lab", "node": "own/HGX-H100", "nodes": 1, "price": 1}
#: Whose H100 are rented for $31.92 (one node), the same, and $36 (four nodes) an hour.
SELLERS = {"gpu": "H100", "provider": "lambda, runpod, nebius"}


def work(name: str, takes: str = "50m", gpus: int = 8, **more: Any) -> dict[str, Any]:
    return {"name": name, "takes": takes, "gpus": gpus, "gpu": "H100", **more}


def training(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "model": "llama-3.1-8b", "method": "lora", "data": "1GB", **more}


def fleet(jobs: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"stock": [LAB], "rent": False, "workers": 1, "jobs": list(jobs), **more}


def ask(jobs: Sequence[dict[str, Any]], **more: Any) -> FleetResult:
    return gpuplan.fleet(fleet(jobs, **more))


def job(result: FleetResult, name: str) -> FleetJobAnswer:
    return next(one for one in result.jobs if one.name == name)


def span(result: FleetResult, name: str) -> tuple[float | None, float | None]:
    one = job(result, name)
    return one.start_hours, one.end_hours


# -- what is asked for ---------------------------------------------------------------------------------------------------------
TRAINED = fleet(
    [
        training("bot", deadline="3h"),
        training("large", data="3GB", deadline="5h", release="30m"),
        training("small", model="qwen2.5-0.5b", method="full", deadline="4h"),
        work("eval", after="bot", deadline="4h"),
    ],
    rent={"gpu": "H100, A100-80GB", "provider": "lambda, runpod, nebius"},
    start="2026-12-01 08:00",
)


def test_training_on_stock_and_rent() -> None:
    result = gpuplan.fleet(TRAINED)
    assert result.status == "optimal" and result.solver.stopped is None and result.totals is not None
    assert [one.status for one in result.jobs] == ["planned"] * 4
    assert all((one.end_hours or 0) <= (one.deadline_hours or 0) for one in result.jobs)
    assert (job(result, "eval").start_hours or 0) >= (job(result, "bot").end_hours or 0)
    assert all((one.cost_usd or 0) >= (one.alone_usd or 0) - 1e-6 for one in result.jobs)
    assert result.totals.cost_usd == pytest.approx(sum(one.cost_usd or 0 for one in result.jobs))
    assert result.objectives[0].value == pytest.approx(result.totals.cost_usd)
    bot = job(result, "bot")
    assert bot.plan is not None and (bot.plan.nodes, bot.plan.gpus) == (bot.nodes, bot.gpus)
    assert bot.start_at is not None and bot.start_at.startswith("2026-12-01T")
    assert job(result, "eval").plan is None


def test_the_same_words_give_the_same_answer() -> None:
    one, other = (gpuplan.fleet({**deepcopy(TRAINED), "workers": 2}) for _ in range(2))
    assert _without_seconds(one) == _without_seconds(other)


def _without_seconds(result: FleetResult) -> dict[str, Any]:
    found = result.model_dump()
    found["solver"] = {name: value for name, value in found["solver"].items() if not name.endswith("seconds")}
    return found


@pytest.mark.parametrize("minimize", ["cost", "makespan", "tardiness, cost", "makespan, cost"])
def test_the_replay_says_what_the_answer_says(minimize: str) -> None:
    words = {**deepcopy(TRAINED), "minimize": minimize, "worth": False}
    known = load_fleet(words)
    replay, result = settle(known, None, None).replay, gpuplan.fleet(known)
    assert replay is not None and result.status == "optimal"
    said = {one.name: one.value for one in result.objectives}
    expected = {"cost": replay.cost, "tardiness": replay.tardiness / 60, "makespan": replay.makespan / 60}
    assert said == pytest.approx({name: expected[name] for name in said}, abs=1e-5)


def test_more_than_an_offer_has_takes_another_round() -> None:
    # Three at the same hour: all on the one node of a seller at $31.92; then two on that of the other one; then at $36, too.
    result = ask(
        [work("a", deadline="1h"), work("b", deadline="1h"), work("c", deadline="1h")], stock=None, rent=SELLERS
    )
    assert (result.status, result.solver.rounds) == ("optimal", 3)
    assert sorted(one.provider or "" for one in result.jobs) == ["lambda", "nebius", "runpod"]
    assert result.totals is not None and result.totals.cost_usd == pytest.approx(31.92 + 31.92 + 36.0)
    assert {one.name for one in result.resources} >= {one.source for one in result.jobs if one.provider != "nebius"}
    alone = ask([work("a", deadline="1h"), work("b", release="1h")], stock=None, rent=SELLERS)
    assert alone.solver.rounds == 1 and alone.objectives[0].value == pytest.approx(63.84)


# -- objectives ----------------------------------------------------------------------------------------------------------------
def test_one_after_the_other() -> None:
    result = ask(
        [work("second", after="first"), work("first"), work("third", after="second")], stock=[{**LAB, "nodes": 3}]
    )
    assert [span(result, name) for name in ("first", "second", "third")] == [(0, 1), (1, 2), (2, 3)]


def test_tardiness_with_jobs_that_are_late() -> None:
    # One node, an hour each: first the one with the priority; the other ends at 2 h, an hour late.
    jobs = [work("a", deadline="1h"), work("b", deadline="1h", priority=3)]
    result = ask(jobs, minimize="tardiness, cost")
    assert (span(result, "b"), span(result, "a")) == ((0, 1), (1, 2))
    assert [(one.value, one.gap) for one in result.objectives] == [(1.0, 0.0), (16.0, 0.0)]
    late = job(result, "a")
    assert (late.may_be_late, late.late_hours, late.slack_hours) == (True, 1.0, None)
    assert result.totals is not None and (result.totals.late, result.totals.late_hours) == (1, 1.0)
    # Whose deadline must hold goes first, whatever the priorities.
    firm = ask([{**jobs[0], "late": False}, jobs[1]], minimize="tardiness")
    assert (span(firm, "a"), firm.objectives[0].value) == ((0, 1), 3.0)


def test_makespan() -> None:
    # 3 + 2 + 2 + 1 hours on two nodes: 4 hours, whichever way they are put.
    jobs = [work(f"{hours} h {n}", f"{hours * 60 - 10}m") for n, hours in enumerate((3, 2, 2, 1))]
    result = ask(jobs, stock=[{**LAB, "nodes": 2}], minimize="makespan")
    assert (result.status, result.objectives[0].value) == ("optimal", 4.0)
    # With rent nobody waits: the longest decides, and of such schedules the cheapest is asked for.
    both = ask(jobs, rent=SELLERS, minimize="makespan, cost")
    assert [one.value for one in both.objectives] == [3.0, pytest.approx(3 * 8 + 2 * 31.92 + 2 * 31.92 + 31.92)]


def test_value_within_a_budget() -> None:
    # $8 an hour and a budget of $30: of 2 h for $50, 1 h for $30 and 1 h for $25 not all three fit; two may be done, or 2 + 1.
    jobs = [
        work("two hours", "110m", value="$50"),
        work("good", value="$30"),
        work("poor", value="$25"),
        work("must"),
    ]
    result = ask(jobs, minimize="value, cost", budget="$32")
    assert {one.name for one in result.jobs if one.status == "planned"} == {"two hours", "good", "must"}
    assert [one.value for one in result.objectives] == [25.0, 57.0]
    assert job(result, "poor").why == "others are worth more of what is shared"
    assert result.totals is not None and (result.totals.value_usd, result.totals.cost_usd) == (80.0, 32.0)


def test_what_costs_more_than_it_is_worth_is_left_out() -> None:
    result = ask([work("dear", value="$7.99"), work("worth it", value="$8.01")])
    assert [one.status for one in result.jobs] == ["left out", "planned"]
    assert job(result, "dear").why == "its value of $7.99 is less than the $8.00 it costs at least"
    assert result.objectives[0].value == pytest.approx(7.99 + 8.00)


def test_what_comes_after_a_job_that_is_left_out_is_left_out_too() -> None:
    result = ask([work("dear", value="$5"), work("good", value="$9", after="dear")])
    # Together they are worth $14 and cost $16.
    assert [one.status for one in result.jobs] == ["left out", "left out"]
    assert ask([work("dear", value="$8"), work("good", value="$9", after="dear")]).totals is not None


# -- the calendar --------------------------------------------------------------------------------------------------------------
def test_a_block_is_there_in_its_window() -> None:
    block = {**LAB, "name": "block", "from": "5h", "until": "7h"}
    result = ask([work("a"), work("b")], stock=[block])
    assert sorted([span(result, "a"), span(result, "b")], key=str) == [(5, 6), (6, 7)]
    shared = result.resources[0]
    assert (shared.kind, [(one.from_hours, one.units, one.peak) for one in shared.periods]) == (
        "reserved",
        [(0, 0, 0), (5, 1, 1)],
    )
    three = ask([work("a"), work("b"), work("c")], stock=[block])
    assert (three.status, three.conflict) == ("infeasible", ["block"])
    assert [one.to for one in three.relaxations] == [2]


def test_a_quota_that_changes() -> None:
    quotas = [{"name": "h100", "gpu": "H100", "gpus": 8, "calendar": [{"from": "3h", "gpus": 16}]}]
    jobs = [work("now", deadline="1h"), work("later"), work("last", after="now", release="3h", deadline="4h")]
    result = ask(jobs, stock=None, rent=SELLERS, quotas=quotas, minimize="makespan")
    assert result.status == "optimal" and span(result, "now") == (0, 1) and result.objectives[0].value == 4.0
    shared = next(one for one in result.resources if one.name == "h100")
    assert [(one.from_hours, one.units) for one in shared.periods] == [(0, 8), (3, 16)]
    assert all(one.peak <= one.units for one in shared.periods)
    # 16 GPUs before 3 h are more than the quota.
    none = ask([work("now", deadline="1h"), work("also", deadline="1h")], stock=None, rent=SELLERS, quotas=quotas)
    assert (none.status, none.conflict) == ("infeasible", ["h100", "deadline of now", "deadline of also"])
    assert (
        ask([jobs[0], work("also", release="3h", deadline="4h")], stock=None, rent=SELLERS, quotas=quotas).status
        == "optimal"
    )


def test_nodes_that_are_serviced() -> None:
    stock = [{**LAB, "nodes": 2, "calendar": [{"from": "30m", "nodes": 1}, {"from": "90m", "nodes": 2}]}]
    result = ask([work("a"), work("b"), work("c")], stock=stock, minimize="makespan")
    # From 0 to 1 one node, from 1 h one and from 1.5 h another one.
    assert sorted(str(span(result, name)) for name in "abc") == ["(0.0, 1.0)", "(1.0, 2.0)", "(1.5, 2.5)"]


# -- what cannot be done -------------------------------------------------------------------------------------------------------
def eased(words: dict[str, Any], change: FleetRelaxation, by: float = 0.0) -> dict[str, Any]:
    """The words with a limit at what is said, or a hair from it."""
    words, to = deepcopy(words), change.to + by
    if change.job is not None:
        next(one for one in words["jobs"] if one["name"] == change.job)["deadline"] = f"{round(to * 60)}m"
    elif change.limit == "budget":
        words["budget"] = to
    else:
        next(one for one in words["stock"] if one["name"] == change.limit)["nodes"] = round(to)
    return words


HAIR = {"hours": -1 / 60, "USD": -0.01, "nodes": -1}
IMPOSSIBLE = {
    "deadlines and nodes": (
        fleet([training("a", deadline="1h"), training("b", deadline="90m"), work("c", deadline="2h")]),
        {"lab", "deadline of a", "deadline of b", "deadline of c"},
    ),
    "a deadline alone": (fleet([training("a", deadline="20m"), work("c")]), {"deadline of a"}),
    "the budget": (fleet([training("a"), training("b", data="2GB")], budget="$12"), {"budget"}),
    "budget or deadline": (
        fleet([work("a", deadline="1h"), work("b", deadline="1h")], rent=SELLERS, budget="$20"),
        {"lab", "deadline of a", "deadline of b", "budget"},
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_is_said_is_enough_and_a_hair_less_is_not(name: str) -> None:
    words, limits = IMPOSSIBLE[name]
    result = gpuplan.fleet(words)
    assert (result.status, result.totals, result.undecided) == ("infeasible", None, [])
    assert set(result.conflict) <= limits and len(result.conflict) >= 1
    assert result.relaxations and all(one.smallest for one in result.relaxations)
    assert {one.limit for one in result.relaxations} <= set(result.conflict)
    for change in result.relaxations:
        assert gpuplan.fleet(eased(words, change)).status == "optimal", change.sentence
        less = gpuplan.fleet({**eased(words, change, HAIR[change.unit]), "worth": False})
        assert less.status == "infeasible", change.sentence


def test_limits_that_conflict_are_all_needed() -> None:
    result = ask([work("a", deadline="90m"), work("b", deadline="90m"), work("c")])
    assert result.conflict == ["lab", "deadline of a", "deadline of b"]
    assert [one.sentence for one in result.relaxations] == [
        "1 more node of lab throughout (2 instead of 1 at most)",
        "the deadline of a 30.0 min later, at 2.0 h from the start",
        "the deadline of b 30.0 min later, at 2.0 h from the start",
    ]


def test_a_job_that_nothing_can_run() -> None:
    large = {"name": "large", "model": "deepseek-r1", "method": "full", "data": "1MB", "offload": "none"}
    must = ask([training("a"), large, work("eval", after="large")])
    assert (must.status, must.conflict, must.relaxations) == ("infeasible", ["plan of large", "plan of eval"], [])
    why = job(must, "large").why
    assert why is not None and why.startswith("on the stock: ") and f"large cannot be done: {why}" in must.warnings
    assert job(must, "eval").why == "comes after large, which cannot be done"
    may = ask([training("a"), {**large, "value": "$900"}, work("eval", after="large", value="$100")])
    assert (may.status, [one.status for one in may.jobs]) == ("optimal", ["planned", "left out", "left out"])
    assert job(may, "large").why == why and job(may, "large").modes == 0
    assert may.objectives[0].value == pytest.approx(1000 + (job(may, "a").cost_usd or 0))
    none = ask([work("a", gpus=16, value="$5")])
    assert (job(none, "a").why or "").startswith("neither a stock nor an offer that is left has 16 GPUs (H100")
    assert (none.status, none.objectives[0].value) == ("optimal", 5.0)


# -- what limits are worth -----------------------------------------------------------------------------------------------------
def test_another_node_saves_what_is_said() -> None:
    # Two hours of work each due at 1 h: one on the lab for $8, the other rented for $31.92.
    jobs = [work("a", deadline="1h"), work("b", deadline="1h")]
    result = ask(jobs, rent=SELLERS)
    assert result.objectives[0].value == pytest.approx(8 + 31.92)
    (said,) = [one for one in result.worth if one.limit == "lab"]
    assert said.step == 2 and said.saves == pytest.approx(31.92 - 8)
    assert said.sentence.startswith("16 more H100-SXM of lab in week 1 would save $23.92")
    more = ask(jobs, rent=SELLERS, stock=[{**LAB, "nodes": 1 + int(said.step)}])
    assert more.objectives[0].value == pytest.approx((result.objectives[0].value or 0) - said.saves)


def test_more_budget_saves_what_is_said() -> None:
    # $8 for what is worth $10, $20 for what is worth $30: the budget has room for the second; with a tenth more, for both.
    jobs = [work("a", value="$10"), work("b", "140m", value="$30")]
    result = ask(jobs, budget="$26")
    assert [one.status for one in result.jobs] == ["left out", "planned"]
    assert result.objectives[0].value == pytest.approx(10 + 20)
    (said,) = result.worth
    assert (said.limit, said.unit) == ("budget", "USD")
    assert said.step == pytest.approx(2.6) and said.saves == pytest.approx(2.0)
    assert said.sentence == "$2.60 more budget would save $2.00"
    more = ask(jobs, budget=26 + said.step)
    assert more.objectives[0].value == pytest.approx((result.objectives[0].value or 0) - said.saves)


def test_what_is_not_short_is_worth_nothing() -> None:
    result = ask([work("a"), work("b")], rent=SELLERS)
    assert (result.worth, result.undecided) == ([], [])
    assert ask([work("a", deadline="1h"), work("b", deadline="1h")], rent=SELLERS, worth=False).worth == []


# -- Ctrl-C --------------------------------------------------------------------------------------------------------------------
#: Two nodes for work of 3 + 3 + 3 + 4 + 5 hours: whether they end at 9 nobody sees but CP-SAT.
HARD = fleet(
    [work(f"{n}", f"{hours * 60 - 10}m") for n, hours in enumerate((3, 3, 3, 4, 5))],
    stock=[{**LAB, "nodes": 2}],
    minimize="makespan",
)


def test_ctrl_c_keeps_the_schedule(monkeypatch: pytest.MonkeyPatch, python_handler: None) -> None:
    def press(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return new_solver(*given)

    monkeypatch.setattr(exact, "new_solver", press)
    result = gpuplan.fleet(HARD)
    assert (result.status, result.solver.stopped, result.solver.reproducible) == ("feasible", "interrupted", False)
    assert result.totals is not None and (result.objectives[0].value or 0) >= 9
    assert result.objectives[0].bound is not None and result.objectives[0].bound >= 5


def test_ctrl_c_while_asking_what_limits_are_worth_keeps_the_answer(
    monkeypatch: pytest.MonkeyPatch, python_handler: None
) -> None:
    def press(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(worth, "_questions", press)
    result = ask([work("a", deadline="1h"), work("b", deadline="1h")], rent=SELLERS)
    assert (result.status, result.solver.stopped, result.undecided) == ("optimal", "interrupted", ["worth"])
    assert result.objectives[0].value == pytest.approx(39.92)


def test_ctrl_c_while_asking_why_keeps_the_verdict(monkeypatch: pytest.MonkeyPatch, python_handler: None) -> None:
    def press(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(importlib.import_module("gpuplan.fleet"), "reason", press)
    result = gpuplan.fleet(IMPOSSIBLE["the budget"][0])
    assert (result.status, result.solver.stopped, result.undecided) == ("infeasible", "interrupted", ["conflict"])


def test_ctrl_c_before_an_offer_is_shared_gives_no_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*given: Any) -> Any:
        found = schedule(*given)
        found.stopped = "interrupted"
        return found

    monkeypatch.setattr(settling, "schedule", stopped)
    result = ask([work("a", deadline="1h"), work("b", deadline="1h")], stock=None, rent=SELLERS)
    assert (result.status, result.totals, result.solver.stopped) == ("unknown", None, "interrupted")


# -- words ---------------------------------------------------------------------------------------------------------------------
def test_a_path_a_mapping_and_a_fleet_are_the_same(tmp_path: Any) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(
        "stock: [{name: lab, node: own/HGX-H100, nodes: 1}]\njobs: [{name: a, takes: 50m, gpus: 8, gpu: H100}]\n"
    )
    words = {"stock": [{**LAB, "price": 0}], "jobs": [work("a")]}
    answers = [_without_seconds(gpuplan.fleet(each)) for each in (str(path), path, words, load_fleet(words))]
    assert all(each == answers[0] for each in answers)


def test_progress_counts_the_jobs() -> None:
    seen: list[tuple[int, int]] = []
    gpuplan.fleet(fleet([work("a"), work("b"), training("c")]), progress=lambda done, total: seen.append((done, total)))
    assert sorted(seen) == [(1, 3), (2, 3), (3, 3)]


def test_what_cannot_be_read_says_where() -> None:
    with pytest.raises(InputError, match=r"jobs\[2\] b: deadline"):
        ask([work("a"), work("b", deadline="soon")])
