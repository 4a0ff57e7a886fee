"""Replaying a schedule: its objectives, worked out by hand, and every way in which it can be wrong, planted one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from gpuplan.job import Job
from gpuplan.scheduling.choice import Choice
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.modes import Prepared, prepare
from gpuplan.scheduling.types import Fleet, FleetJob, KnownWork
from gpuplan.scheduling.verify import Run, verify_schedule
from gpuplan.verify import VerificationError

WORDS: dict[str, Any] = {
    "minimize": "tardiness, cost",
    "budget": "$1,000",
    "stock": [
        {
            "name": "dgx",
            "node": "own/HGX-H100",
            "nodes": 2,
            "price": 0.5,
            "calendar": [{"from": "1000 min", "nodes": 3}],
        },
        {"name": "block", "node": "own/HGX-H100", "nodes": 1, "until": "1000 min"},
    ],
    "quotas": [
        {
            "name": "lambda",
            "provider": "lambda",
            "gpus": 16,
            "calendar": [{"from": "900 min", "gpus": 0}],
        }
    ],
    "rent": {"provider": "lambda"},
    "defaults": {"model": "llama-3.1-8b", "method": "lora", "data": "200MB"},
    "jobs": [
        {"name": "bot", "release": "10 min", "deadline": "600 min", "late": False},
        {"name": "eval", "after": "bot", "takes": "2h", "gpus": 8, "gpu": "H100", "deadline": "5 min", "priority": 2},
        {"name": "cloud"},
        {"name": "extra", "value": "$40"},
        {"name": "big", "nodes": 2, "value": "$7"},
    ],
}


@cache
def _prepared() -> tuple[Fleet, Prepared]:
    fleet = load_fleet(WORDS)
    return fleet, prepare(fleet)


def _choice(name: str, source: str, nodes: int = 1) -> Choice:
    """A mode of a job: on the stock of that name, or "rented"."""
    prepared = _prepared()[1]
    index = [task.name for task in prepared.problem.tasks].index(name)
    found = [
        choice
        for choice in prepared.choices[index]
        if source in (choice.source, choice.kind) and choice.nodes == nodes and choice.offer.node.gpus_per_node == 8
    ]
    return found[0]


def _minutes(name: str, choice: Choice) -> int:
    prepared = _prepared()[1]
    index = [task.name for task in prepared.problem.tasks].index(name)
    return prepared.problem.tasks[index].modes[prepared.choices[index].index(choice)].minutes


def _runs() -> list[Run]:
    """A schedule that holds: `big` is left out."""
    bot = _choice("bot", "dgx")
    return [
        Run("bot", 10, bot),
        Run("eval", 10 + _minutes("bot", bot), _choice("eval", "dgx")),
        Run("cloud", 0, _choice("cloud", "rented")),
        Run("extra", 0, _choice("extra", "block")),
    ]


def _wrong(fleet: Fleet, runs: Sequence[Run]) -> list[str]:
    """All that is found."""
    with pytest.raises(VerificationError) as caught:
        verify_schedule(fleet, runs)
    return str(caught.value).removeprefix("the schedule does not hold: ").split("; ")


def _with(runs: Sequence[Run], name: str, **changes: Any) -> list[Run]:
    return [replace(run, **changes) if run.job == name else run for run in runs]


def _job(fleet: Fleet, name: str, **changes: Any) -> Fleet:
    """The fleet with another job of that name."""
    return replace(fleet, jobs=tuple(replace(job, **changes) if job.name == name else job for job in fleet.jobs))


def _work(fleet: Fleet, name: str) -> Job:
    work = next(job.work for job in fleet.jobs if job.name == name)
    assert isinstance(work, Job)
    return work


def _limits(fleet: Fleet, name: str, **limits: Any) -> FleetJob:
    """The job under further limits."""
    job = next(job for job in fleet.jobs if job.name == name)
    work = job.work
    if isinstance(work, KnownWork):
        return replace(job, work=replace(work, like=_limited(work.like, **limits)))
    return replace(job, work=_limited(work, **limits))


def _limited(job: Job, **limits: Any) -> Job:
    return replace(job, limits=replace(job.limits, **limits))


def test_a_schedule_that_holds_is_replayed() -> None:
    fleet, prepared = _prepared()
    runs = _runs()
    found = verify_schedule(fleet, runs)
    minutes = {run.job: _minutes(run.job, run.choice) for run in runs}
    assert minutes["eval"] == 130
    bills = {"eval": 8 * 0.5 * 130 / 60, "extra": 0.0}  # own nodes at $0.5 a GPU-hour; the block is paid for
    for run in runs:
        if run.choice.plan is not None:
            bills[run.job] = run.choice.plan.cost_usd()
    assert bills["extra"] == 0
    assert found.cost == pytest.approx(sum(bills.values()) + 7)
    assert found.value == 7
    assert found.makespan == max(10 + minutes["bot"] + 130, minutes["cloud"], minutes["extra"])
    # Minutes after minute 5, with priority 2.
    assert found.tardiness == 2 * (10 + minutes["bot"] + 130 - 5)
    tasks = {task.name: task for task in prepared.problem.tasks}
    assert set(tasks) == {"bot", "eval", "cloud", "extra", "big"}


def test_nothing_done_is_a_schedule_where_all_is_optional() -> None:
    fleet = _prepared()[0]
    for name in ("bot", "eval", "cloud"):
        fleet = _job(fleet, name, value_usd=1.0)
    found = verify_schedule(fleet, [])
    assert (found.cost, found.value, found.makespan, found.tardiness) == (50, 50, 0, 0)


def test_jobs_that_are_missing_twice_there_or_unknown() -> None:
    fleet, runs = _prepared()[0], _runs()
    assert _wrong(fleet, runs[:2] + runs[3:]) == ["cloud does not run"]
    assert _wrong(fleet, [*runs, replace(runs[3], start=500)]) == ["extra runs 2 times"]
    assert _wrong(fleet, [*runs, replace(runs[3], job="nobody", start=500)]) == ["there is no job nobody"]


def test_starts_before_the_release_and_ends_after_the_deadline() -> None:
    fleet, runs = _prepared()[0], _runs()
    assert _wrong(fleet, _with(runs, "bot", start=9)) == ["bot starts at minute 9, released at 10"]
    end = 10 + _minutes("bot", runs[0].choice)
    assert _wrong(_job(fleet, "bot", deadline=end - 1), runs) == [
        f"bot ends at minute {end}, after its deadline at {end - 1}"
    ]
    verify_schedule(_job(fleet, "bot", deadline=end), runs)
    verify_schedule(_job(fleet, "bot", deadline=end - 1, may_be_late=True), runs)


def test_starts_before_its_nodes_are_there() -> None:
    fleet, runs = _prepared()[0], _runs()
    for lead, said in (
        (7200.0, "cloud starts at minute 0, before its nodes are there, ordered at 0, at 120"),
        (None, "cloud is on nodes of which nobody says how soon they can be had"),
    ):
        offer = replace(runs[2].choice.offer, lead_time_seconds=lead)
        plan = runs[2].choice.plan
        assert plan is not None
        choice = replace(runs[2].choice, offer=offer, plan=replace(plan, offer=offer))
        assert said in _wrong(fleet, _with(runs, "cloud", choice=choice))
        if lead is not None:
            verify_schedule(fleet, _with(runs, "cloud", choice=choice, start=120))


def test_starts_before_what_it_comes_after_has_ended() -> None:
    fleet, runs = _prepared()[0], _runs()
    end = runs[1].start
    early = _with(runs, "eval", start=end - 1)
    assert _wrong(fleet, early) == [f"eval starts at minute {end - 1}, before the end of bot at {end}"]
    optional = _job(fleet, "bot", value_usd=1.0)
    assert _wrong(optional, runs[1:]) == ["eval runs, and bot, which it comes after, does not"]


def test_more_nodes_than_there_are() -> None:
    fleet, runs = _prepared()[0], _runs()
    extra = replace(runs[3], choice=_choice("extra", "dgx"))
    big = Run("big", 1000, _choice("big", "dgx", 2))
    # bot, extra and big: 4 of 2 nodes, and of 3 from minute 1000 on; bot and extra fit.
    verify_schedule(fleet, [*runs[:3], extra, big])
    assert _wrong(fleet, [*runs[:3], extra, replace(big, start=10)]) == ["4 of 2 nodes of dgx are in use at minute 10"]
    at = big.start - _minutes("extra", extra.choice) + 1
    both = [*runs[:3], replace(extra, start=at), replace(big, start=999)]
    assert _wrong(fleet, both) == ["3 of 2 nodes of dgx are in use at minute 999"]
    late = replace(runs[3], start=1001 - _minutes("extra", runs[3].choice))
    assert _wrong(fleet, [*runs[:3], late]) == ["1 of 0 nodes of block are in use at minute 1000"]


def test_more_gpus_than_a_quota_and_more_nodes_than_an_offer_has() -> None:
    fleet, runs = _prepared()[0], _runs()
    cloud = runs[2].choice
    minutes = _minutes("cloud", cloud)
    assert _wrong(fleet, _with(runs, "cloud", start=901 - minutes)) == [
        "8 of 0 GPUs of lambda are in use at minute 900"
    ]
    verify_schedule(fleet, _with(runs, "cloud", start=900 - minutes))
    one = replace(cloud.offer, max_nodes=1)
    assert cloud.plan is not None
    choice = replace(cloud, offer=one, plan=replace(cloud.plan, offer=one))
    both = [*_with(runs, "cloud", choice=choice)[:3], Run("extra", 5, choice)]
    assert _wrong(fleet, both) == [f"2 of 1 nodes of {one.id} are in use at minute 5"]


def test_bills_beyond_the_budget() -> None:
    fleet, runs = _prepared()[0], _runs()
    sure = 8 * 0.5 * 130 / 60 + sum(
        run.choice.plan.cost_at_confidence_usd for run in runs if run.choice.plan is not None
    )
    verify_schedule(replace(fleet, budget_usd=sure + 0.001), runs)
    (said,) = _wrong(replace(fleet, budget_usd=sure - 0.001), runs)
    assert said.startswith("the bills may come to ")


def test_on_what_it_may_not_use() -> None:
    fleet, runs = _prepared()[0], _runs()
    assert _wrong(replace(fleet, rent=False), runs) == ["cloud is rented, and nothing may be"]
    name = runs[2].choice.source
    aws = replace(
        fleet, jobs=tuple(_limits(fleet, "cloud", providers=("aws",)) if j.name == "cloud" else j for j in fleet.jobs)
    )
    assert f"cloud is on {name}, which its provider leaves out" in _wrong(aws, runs)
    assert _wrong(_job(fleet, "bot", stock_gpus=("A100-80GB-SXM",)), runs) == [
        "bot is on dgx, which its gpu leaves out"
    ]
    gone = replace(fleet, stocks=fleet.stocks[:1])
    assert _wrong(gone, runs) == ["extra is on block, which is no stock"]
    dearer = replace(fleet.stocks[0], offer=replace(fleet.stocks[0].offer, price_usd_per_hour=1.0))
    said = _wrong(replace(fleet, stocks=(dearer, fleet.stocks[1])), runs)
    assert said == ["bot is on other nodes than those of dgx", "eval is on other nodes than those of dgx"]


def test_plans_that_break_a_rule_or_are_of_something_else() -> None:
    fleet, runs = _prepared()[0], _runs()
    tight = tuple(_limits(fleet, "bot", max_gpus=4) if job.name == "bot" else job for job in fleet.jobs)
    assert "bot breaks max_gpus: GPUs rented needs 8 of 4 GPUs" in _wrong(replace(fleet, jobs=tight), runs)
    plan = runs[0].choice.plan
    assert plan is not None
    crammed = replace(plan, layout=replace(plan.layout, micro_batch=plan.layout.global_batch // plan.layout.data))
    (said,) = _wrong(fleet, _with(runs, "bot", choice=replace(runs[0].choice, plan=crammed)))
    assert said.startswith("bot breaks memory: ")
    longer = _work(fleet, "bot")
    other = _job(fleet, "bot", work=replace(longer, epochs=longer.epochs * 1.0001))
    assert "bot has the plan of another job" in _wrong(other, runs)
    assert _wrong(fleet, _with(runs, "bot", choice=replace(runs[0].choice, plan=None))) == [
        "bot has no plan",
        "eval runs, and bot, which it comes after, does not",
    ]
    elsewhere = replace(runs[0].choice, plan=replace(plan, offer=runs[2].choice.offer))
    assert "bot has a plan on other nodes" in _wrong(fleet, _with(runs, "bot", choice=elsewhere))
    fewer = replace(runs[0].choice, nodes=2)
    assert _wrong(fleet, _with(runs, "bot", choice=fewer)) == ["bot has 2 nodes, and its plan 1"]


def test_known_work_on_too_little_or_beyond_its_limits() -> None:
    fleet, runs = _prepared()[0], _runs()
    work = fleet.jobs[1].work
    assert isinstance(work, KnownWork)
    assert _wrong(_job(fleet, "eval", work=replace(work, gpus=16)), runs) == ["eval has 8 GPUs of 16"]
    for limits, said in (
        ({"max_gpus": 4}, "eval takes 8 of 4 GPUs"),
        ({"max_nodes": 0}, "eval takes 1 of 0 nodes"),
        ({"budget_usd": 8.0}, f"eval takes {8 * 0.5 * 130 / 60} of 8.0 USD"),
    ):
        jobs = tuple(_limits(fleet, "eval", **limits) if job.name == "eval" else job for job in fleet.jobs)
        assert _wrong(replace(fleet, jobs=jobs), runs) == [said]
    spot = replace(runs[1].choice, kind="rented", offer=replace(runs[1].choice.offer, pricing="spot"))
    assert "eval may be interrupted, and is not saved in between" in _wrong(fleet, _with(runs, "eval", choice=spot))


def test_all_that_is_wrong_is_listed() -> None:
    fleet, runs = _prepared()[0], _runs()
    both = _with(_with(runs, "bot", start=9), "eval", start=0)
    assert len(_wrong(replace(fleet, rent=False), both)) == 3
