"""The modes of a fleet's jobs against brute force: every plan of random small problems that no other one beats, and no other.

``GPUPLAN_FLEET_MODES_SEED`` and ``GPUPLAN_FLEET_MODES_COUNT`` take other problems, or more of them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import pytest

from agreement import NEAR
from gpuplan.catalogue import offers_for
from gpuplan.job import Job, Limits, resolve
from gpuplan.pipeline import find
from gpuplan.scheduling.fastest import Known
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.modes import Prepared, prepare
from gpuplan.scheduling.problem import Mode
from gpuplan.scheduling.stock import stock_offer
from gpuplan.scheduling.types import Fleet, FleetJob, FleetQuota, Stock
from gpuplan.selection import outside, selected
from gpuplan.verify import violations
from gpuplan_hardware import Offer
from oracle import Evaluated, Oracle
from problems import Problem, problem_of

SEED = int(os.environ.get("GPUPLAN_FLEET_MODES_SEED", "0"))
COUNT = int(os.environ.get("GPUPLAN_FLEET_MODES_COUNT", "150"))
MICRO = 1_000_000


# -- random problems ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Case:
    """A fleet of one job, what it was made of, and its modes."""

    seed: int
    fleet: Fleet
    offers: tuple[Offer, ...]
    limited: frozenset[str]
    found: Prepared

    @property
    def job(self) -> Job:
        work = self.fleet.jobs[0].work
        assert isinstance(work, Job)
        return work

    @property
    def modes(self) -> tuple[Mode, ...]:
        return self.found.problem.tasks[0].modes if self.found.problem.tasks else ()


@cache
def _case(seed: int) -> Case:
    problem, rng = problem_of(seed), Random(f"modes {seed}")
    job = _job(problem, rng)
    fleet = Fleet(
        jobs=(FleetJob("job", job),),
        stocks=tuple(_stocks(problem, rng)) if rng.random() < 0.7 else (),
        quotas=tuple(_quotas(problem, rng)) if rng.random() < 0.5 else (),
        rent=rng.random() < 0.8,
    )
    limited = frozenset(offer.id for offer in problem.offers if rng.random() < 0.2)
    offers = (*problem.offers, *_twins(problem, rng))
    return Case(seed, fleet, offers, limited, prepare(fleet, offers, limited))


def _twins(problem: Problem, rng: Random) -> Iterator[Offer]:
    """The same nodes at a higher price, of somebody of whom there is no quota: worse, unless the others run short."""
    for offer in problem.offers:
        if rng.random() < 0.3:
            seller = replace(offer.provider, name="twin")
            yield replace(
                offer, id=f"{offer.id}-twin", provider=seller, price_usd_per_hour=offer.price_usd_per_hour * 1.1
            )


def _job(problem: Problem, rng: Random) -> Job:
    """The problem's job without a deadline, and at times with few other limits."""
    limits = problem.job.limits
    if rng.random() < 0.6:
        limits = Limits(marketplace=True, allow_unknown_host=limits.allow_unknown_host, pricing=limits.pricing)
    limits = replace(limits, deadline_seconds=None, expected_seconds=None, deadline_from="order", timed=True)
    pins = replace(problem.job.pins, data_parallel=None, nodes=None, gpus=None) if rng.random() < 0.5 else None
    return replace(problem.job, limits=limits, pins=pins or problem.job.pins)


def _stocks(problem: Problem, rng: Random) -> Iterator[Stock]:
    """Some of the nodes, free of charge or nearly so; more of them later."""
    nodes = list({(offer.node.name, offer.node.host): offer.node for offer in problem.offers}.values())
    for number, node in enumerate(rng.sample(nodes, min(len(nodes), rng.choice((1, 2))))):
        calendar = ((0, rng.choice((0, 1, 2))), (60, rng.choice((1, 2, 4))))
        most = 1 if node.network is None else max(count for _, count in calendar)
        kind = rng.choice(("owned", "reserved"))
        name = f"stock{number}"
        yield Stock(name, kind, stock_offer(name, node, "any", rng.choice((0.0, 0.0, 0.2, 3.0)), most), calendar)  # type: ignore[arg-type]


def _quotas(problem: Problem, rng: Random) -> Iterator[FleetQuota]:
    for number in range(rng.choice((1, 2))):
        offer = rng.choice(problem.offers)
        yield FleetQuota(
            name=f"quota{number}",
            gpus=((0, rng.choice((0, 4, 8))), (30, rng.choice((2, 8, 32)))),
            provider=rng.choice((None, offer.provider.name)),
            gpu=rng.choice((None, (offer.node.accelerator.name,))),
            region=rng.choice((None, offer.region)),
        )


# -- brute force -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Exact:
    """What a plan comes to, not rounded; `uses` by the name of what is shared."""

    cost: float
    minutes: float
    budget: float
    earliest: float
    uses: tuple[tuple[str, int], ...]


def _brute_force(case: Case) -> tuple[list[Exact], bool]:
    """All plans on all that the job may run on, and whether a limit is too near to tell."""
    found, near = [], False
    for job, offers in _asked(case):
        oracle = Oracle(job, offers)
        near |= min((plan.distance for plan in oracle.plans), default=1.0) < NEAR
        found += [_exact(case, plan) for plan in oracle.plans if not plan.broken]
    most = {one.name: max(units for _, units in one.nodes) for one in case.fleet.stocks}
    most |= {one.name: max(units for _, units in one.gpus) for one in case.fleet.quotas}
    most |= {offer.id: offer.max_nodes for offer in case.offers}
    return [one for one in found if all(units <= most[name] for name, units in one.uses)], near


def _asked(case: Case) -> Iterator[tuple[Job, Sequence[Offer]]]:
    if case.fleet.rent:
        yield case.job, case.offers
    own = Limits(
        pricing=("owned",),
        timed=True,
        **{
            name: getattr(case.job.limits, name)
            for name in ("budget_usd", "max_gpus", "max_nodes", "max_tensor", "min_mfu", "node_counts", "nvswitch_only")
        },
        exclude_layouts=case.job.limits.exclude_layouts,
        allow_unknown_host=case.job.limits.allow_unknown_host,
    )
    yield replace(case.job, limits=own), [stock.offer for stock in case.fleet.stocks]


def _exact(case: Case, plan: Evaluated) -> Exact:
    offer, nodes = plan.offer, plan.nodes * case.job.parallel
    lead = offer.lead_time_seconds or 0.0
    stock = next((one for one in case.fleet.stocks if one.offer.id == offer.id), None)
    if stock is not None:
        uses = {stock.name: nodes}
    else:
        gpus = nodes * offer.node.gpus_per_node
        uses = {quota.name: gpus for quota in case.fleet.quotas if quota.counts(offer)}
        uses |= {offer.id: nodes} if offer.id in case.limited else {}
    minutes = (plan.time_at_confidence - lead) / 60
    return Exact(plan.cost, minutes, plan.cost_at_confidence, lead / 60, tuple(sorted(uses.items())))


def _covers(mode: Mode, names: Sequence[str], exact: Exact, more: int) -> bool:
    """Whether a mode is as good as a plan (`more` 1), or a plan as good as a mode (-1), but for rounding."""
    uses, theirs = {names[place]: units for place, units in mode.uses}, dict(exact.uses)
    pairs = [
        (mode.minutes, math.ceil(exact.minutes * (1 + more * NEAR) + more * 1e-4)),
        (mode.cost_micro_usd, exact.cost * MICRO * (1 + more * NEAR) + more * 2),
        (mode.budget_micro_usd, exact.budget * MICRO * (1 + more * NEAR) + more * 2),
        (mode.earliest, math.ceil(exact.earliest - 1e-6)),
        *((uses.get(name, 0), theirs.get(name, 0)) for name in {*uses, *theirs}),
    ]
    return all(mine <= theirs if more > 0 else theirs <= mine for mine, theirs in pairs)


@pytest.mark.sources
@pytest.mark.slow
def test_modes_are_those_that_brute_force_leaves() -> None:
    wrong, told, several, shared = [], 0, 0, 0
    for seed in range(SEED, SEED + COUNT):
        case = _case(seed)
        exact, near = _brute_force(case)
        if near:
            continue
        told += 1
        names = [one.name for one in case.found.problem.resources]
        missing = [one for one in exact if not any(_covers(mode, names, one, 1) for mode in case.modes)]
        invented = [mode for mode in case.modes if not any(_covers(mode, names, one, -1) for one in exact)]
        if missing or invented:
            wrong.append(f"seed {seed}: missing {missing[:2]}, invented {invented[:2]}")
        several += len(case.modes) > 2
        shared += any(mode.uses for mode in case.modes)
    assert not wrong, "\n".join(wrong)
    assert told > 0.9 * COUNT and several > 0.15 * COUNT and shared > 0.2 * COUNT, (told, several, shared)


@pytest.mark.sources
@pytest.mark.slow
def test_no_mode_beats_another_and_all_keep_every_rule() -> None:
    for seed in range(SEED, SEED + COUNT):
        case = _case(seed)
        _check_modes(case.modes)
        for mode, choice in zip(case.modes, case.found.choices[0] if case.found.choices else (), strict=True):
            plan = choice.plan
            assert plan is not None and not violations(plan) and not outside(plan.job, plan.offer), seed
            lead = plan.offer.lead_time_seconds or 0.0
            seconds = plan.wall_seconds(plan.step_factor, plan.deviations) - lead
            assert mode.minutes == max(1, math.ceil(seconds / 60 - 1e-6))
            assert -0.001 < mode.cost_micro_usd - plan.cost_usd() * MICRO < 1.001
            assert -0.001 < mode.budget_micro_usd - plan.cost_at_confidence_usd * MICRO < 1.001
            assert choice.nodes == plan.nodes * plan.job.parallel
        assert bool(case.modes) != bool(case.found.without)


def _check_modes(modes: Sequence[Mode]) -> None:
    """None beats another, the cheapest comes first."""
    assert [mode.cost_micro_usd for mode in modes] == sorted(mode.cost_micro_usd for mode in modes)
    for mode in modes:
        for other in modes:
            uses, more = dict(mode.uses), dict(other.uses)
            if mode is not other and all(units <= more.get(place, 0) for place, units in uses.items()):
                left = (mode.minutes, mode.cost_micro_usd, mode.budget_micro_usd, mode.earliest)
                right = (other.minutes, other.cost_micro_usd, other.budget_micro_usd, other.earliest)
                assert any(mine > theirs for mine, theirs in zip(left, right, strict=True)), (mode, other)


@pytest.mark.sources
@pytest.mark.slow
def test_the_cheapest_mode_is_the_optimum_of_solve() -> None:
    plans = 0
    for seed in range(SEED, SEED + COUNT // 3):
        problem = problem_of(seed)
        job = _job(problem, Random(seed))
        found = prepare(Fleet(jobs=(FleetJob("job", job),)), problem.offers)
        best = find(job, problem.offers, "cost")
        assert (best.plan is None) == (not found.choices), seed
        if best.plan is not None:
            assert found.problem.tasks[0].modes[0].cost_micro_usd == pytest.approx(
                best.plan.cost_usd() * MICRO, abs=2
            ), seed
            assert found.alone == (0,)
            plans += 1
    assert plans > COUNT // 8


# -- the catalogue -----------------------------------------------------------------------------------------------------------
BOT = {"name": "bot", "model": "llama-3.1-8b", "method": "lora", "data": "200MB"}
DGX = {"name": "dgx", "node": "own/HGX-H100", "nodes": 4, "price": 0.5}


def _fleet(**words: object) -> Fleet:
    return load_fleet({"jobs": [BOT], "stock": [DGX], **words})


def test_the_cheapest_rented_mode_is_that_of_solve() -> None:
    job = resolve({"model": "llama-3.1-8b", "method": "lora", "data": "200MB", "pricing": "on-demand"})
    job = replace(job, limits=replace(job.limits, timed=True))
    fleet = Fleet(jobs=(FleetJob("bot", job),))
    mode = prepare(fleet).problem.tasks[0].modes[0]
    best = find(job, offers_for(job), "cost")
    assert best.plan is not None
    assert mode.cost_micro_usd == pytest.approx(best.plan.cost_usd() * MICRO, abs=2)


def test_stock_quotas_and_limited_offers_are_resources() -> None:
    quota = {"name": "aws", "provider": "aws", "gpus": 64}
    fleet = _fleet(quotas=[quota])
    first = prepare(fleet)
    assert [(one.name, one.kind, one.unit) for one in first.resources] == [
        ("dgx", "owned", "nodes"),
        ("aws", "quota", "GPUs"),
    ]
    assert (first.resources[0].gpu, first.resources[0].gpus_per_unit) == ("H100-SXM", 8)
    assert (first.resources[1].gpu, first.resources[1].gpus_per_unit) == (None, 1)
    rented = [choice for choice in first.choices[0] if choice.kind == "rented"]
    name = rented[0].source
    second = prepare(fleet, limited=[name])
    assert [(one.name, one.kind) for one in second.resources][2:] == [(name, "offer")]
    assert second.resources[2].units == ((0, rented[0].offer.max_nodes),)
    for mode, choice in zip(second.problem.tasks[0].modes, second.choices[0], strict=True):
        used = dict(mode.uses)
        assert used.get(0, 0) == (choice.nodes if choice.kind == "owned" else 0)
        assert used.get(1, 0) == (choice.gpus if choice.kind == "rented" and choice.offer.provider.name == "aws" else 0)
        assert used.get(2, 0) == (choice.nodes if choice.source == name else 0)
    # What the limited offer stood for, or was better than, is there now.
    assert len(second.choices[0]) >= len(first.choices[0])


def test_words_about_rent_do_not_hold_for_the_stock() -> None:
    job = BOT | {"provider": "nebius", "region": "eu-north1", "gpu": "H100, H200"}
    (choices,) = prepare(_fleet(jobs=[job])).choices
    assert {choice.offer.provider.name for choice in choices if choice.kind == "rented"} == {"nebius"}
    assert any(choice.kind == "owned" for choice in choices)
    (choices,) = prepare(_fleet(jobs=[BOT | {"gpu": "A100-80GB-SXM"}])).choices
    assert {choice.kind for choice in choices} == {"rented"}
    (choices,) = prepare(_fleet(jobs=[BOT | {"max_gpus": 16}], rent=False)).choices
    assert [(choice.kind, choice.nodes) for choice in choices] == [("owned", 1), ("owned", 2)]


def test_jobs_of_a_workload_share_what_is_found() -> None:
    known, told = Known(), []
    fleet = _fleet(jobs=[BOT, BOT | {"name": "twin", "data": "150MB"}])
    found = prepare(fleet, known=known, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    layouts, entries = known.layouts, len(known.found)
    again = prepare(fleet, known=known)
    assert (known.layouts, len(known.found)) == (layouts, entries)
    assert again.problem == found.problem and again.choices == found.choices
    alone = prepare(_fleet(jobs=[BOT | {"name": "twin", "data": "150MB"}]))
    assert alone.problem.tasks[0] == found.problem.tasks[1]


def test_known_work_runs_wherever_there_are_its_gpus() -> None:
    work = {"name": "eval", "takes": "2h", "gpus": 12, "gpu": "H100", "provider": "aws"}
    prepared = prepare(_fleet(jobs=[BOT, work | {"after": "bot"}]))
    (task,) = prepared.problem.tasks[1:]
    assert task.after == (0,)
    modes = {choice.kind: (choice, mode) for choice, mode in zip(prepared.choices[1], task.modes, strict=True)}
    choice, mode = modes["owned"]
    # 12 GPUs are 2 nodes of 8; 120 minutes and 10 to start up; 16 GPUs at $0.5 for 130 minutes.
    assert (choice.nodes, choice.plan, mode.minutes, mode.uses) == (2, None, 130, ((0, 2),))
    assert mode.cost_micro_usd == mode.budget_micro_usd == math.ceil(16 * 0.5 * 130 / 60 * MICRO)
    choice, mode = modes["rented"]
    assert choice.offer.provider.name == "aws" and choice.gpus == 16
    assert mode.cost_micro_usd == math.ceil(2 * choice.offer.price_usd_per_hour * 130 / 60 * MICRO - 1e-6)


def test_billing_steps_count_for_known_work() -> None:
    work = {"name": "eval", "takes": "2h", "gpus": 8, "gpu": "H100"}
    seller = load_fleet({"jobs": [work]}).jobs[0]
    assert not isinstance(seller.work, Job)
    offer = next(
        one for one in offers_for(seller.work.like) if one.node.gpus_per_node == 8 and selected(seller.work.like, one)
    )
    hourly = replace(offer.provider, billing_increment_seconds=3600.0, minimum_billing_seconds=3600.0)
    (choices,) = (found := prepare(load_fleet({"jobs": [work]}), [replace(offer, provider=hourly)])).choices
    assert len(choices) == 1
    # 130 minutes are 3 hours.
    assert found.problem.tasks[0].modes[0].cost_micro_usd == math.ceil(3 * offer.price_usd_per_hour * MICRO - 1e-6)


def test_the_calendar_of_a_job_becomes_that_of_its_task() -> None:
    jobs = [
        BOT | {"release": "2h", "deadline": "40h", "late": True, "priority": 3},
        BOT | {"name": "two", "deadline": "30h", "value": "$10", "after": "bot"},
    ]
    one, two = prepare(_fleet(jobs=jobs, budget="$100")).problem.tasks
    assert (one.release, one.deadline, one.due, one.priority, one.value_micro_usd) == (120, None, 2400, 3, None)
    assert (two.deadline, two.due, two.value_micro_usd, two.after) == (1800, None, 10 * MICRO, (0,))
    assert prepare(_fleet(budget="$100")).problem.budget_micro_usd == 100 * MICRO


def test_alone_is_the_cheapest_that_fits_into_the_calendar() -> None:
    late = DGX | {"name": "late", "price": 0, "from": "100h"}
    prepared = prepare(_fleet(stock=[DGX, late], jobs=[BOT, BOT | {"name": "hasty", "deadline": "20h"}]))
    whole, hasty = (
        choices[place] for choices, place in zip(prepared.choices, prepared.alone, strict=True) if place is not None
    )
    assert (whole.source, hasty.source) == ("late", "dgx")
    none = prepare(_fleet(jobs=[BOT | {"deadline": "11 min"}], rent=False))
    assert none.alone == (None,) and none.problem.tasks[0].modes


def test_a_block_that_ends_too_soon_is_not_the_cheapest_alone() -> None:
    short = DGX | {"name": "short", "price": 0, "until": "12 min"}
    prepared = prepare(_fleet(stock=[DGX, short], rent=False))
    place = prepared.alone[0]
    assert place is not None and prepared.choices[0][place].source == "dgx"


def test_jobs_that_cannot_be_done_say_why() -> None:
    huge = {"name": "huge", "model": "llama-3.1-70b", "method": "full", "data": "1MB", "max_gpus": 1}
    jobs = [BOT, huge, BOT | {"name": "next", "after": "huge"}, BOT | {"name": "last", "after": "bot, next"}]
    prepared = prepare(_fleet(jobs=jobs, rent=False))
    assert [task.name for task in prepared.problem.tasks] == ["bot"]
    assert list(prepared.without) == ["huge", "next", "last"]
    assert prepared.without["huge"].startswith("on the stock: no plan; it takes max GPUs of ")
    assert prepared.without["next"] == "comes after huge, which cannot be done"
    assert prepared.without["last"] == "comes after next, which cannot be done"
    assert len(prepared.choices) == len(prepared.alone) == 1


def test_known_work_without_its_gpus_says_so() -> None:
    work = {"name": "eval", "takes": "2h", "gpus": 8, "gpu": "A100-80GB-SXM"}
    prepared = prepare(_fleet(jobs=[work], rent=False))
    assert prepared.without == {"eval": "neither a stock nor an offer that is left has 8 GPUs (A100-80GB-SXM) for it"}
    assert prepared.problem.tasks == ()


def test_a_job_that_no_stock_admits_says_so() -> None:
    prepared = prepare(_fleet(jobs=[BOT | {"gpu": "A100-80GB-SXM"}], rent=False))
    assert prepared.without == {"bot": "no stock has GPUs that its own words admit"}
