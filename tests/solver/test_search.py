"""The incumbent search: its numbers are those of the plans, its bounds are bounds, its reduction drops nothing that counts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
import pytest

from gpuplan.job import Limits
from gpuplan.objectives import Objective, objectives
from gpuplan.physics import Physics
from gpuplan.pipeline import find
from gpuplan.reduce import reduce_rows
from gpuplan.search import MARGIN, Search, _machine_bound, evaluate, make_plan, search
from gpuplan.space import build_space, undominated
from gpuplan.verify import violations
from gpuplan_hardware import Host, Offer, Provider
from problems import Problem, problem_of

SEEDS = range(25)
SAME = 1e-9


def searched(problem: Problem, objective: Objective | None = None) -> Search:
    space = build_space(problem.job, problem.offers)
    return search(Physics(space), objective or objectives()[problem.job.objectives[0]])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_view_has_the_numbers_of_its_plans(seed: int) -> None:
    space = build_space(problem_of(seed).job, problem_of(seed).offers)
    physics, random = Physics(space), Random(seed)
    for machine in range(len(space.machines)):
        view, offer = evaluate(physics, machine), space.offers_of(machine)[0]
        assert (view.training_bound <= view.training).all()
        for row in random.sample(range(len(view.training)), min(5, len(view.training))):
            plan = make_plan(space, view, offer, row)
            assert plan.training_seconds == pytest.approx(view.training[row], rel=SAME)
            assert plan.step_factor == pytest.approx(view.factor[row], rel=SAME)
            assert (plan.nodes, plan.gpus) == (view.nodes[row], view.gpus[row])
            assert all(broken.rule != "memory" for broken in violations(plan)) == view.fits[row]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["cost", "gpus", "time", "nodes", "cost_at_confidence", "time_at_confidence"])
def test_no_plan_is_better_than_the_bound_of_its_machine(seed: int, name: str) -> None:
    problem = problem_of(seed)
    space = build_space(problem.job, problem.offers, reduced=False)
    ids = [offer.id for offer in space.offers]
    bounds = [_machine_bound(space, objectives()[name], machine) for machine in range(len(space.machines))]
    for plan in problem.oracle.plans:
        assert bounds[space.machine_of_offer[ids.index(plan.offer.id)]] <= plan.value(name) * (1 + SAME)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_reduction_drops_is_no_better_or_breaks_a_limit(seed: int) -> None:
    problem = problem_of(seed)
    found = searched(problem)
    kept = reduce_rows(found)
    for machine, view in found.views.items():
        dropped = np.ones(len(view.training), dtype=bool)
        dropped[kept.rows.get(machine, np.zeros(0, dtype=np.int64))] = False
        for offer in found.space.offers_of(machine):
            terms = found.terms[offer]
            feasible = view.fits & terms.within(found.space, view.training, view.factor)
            values = terms.values(found.objective, view.training, view.factor)
            left_out = feasible & (dropped if offer in kept.offers else np.ones_like(dropped))
            assert (values[left_out] >= found.value * (1 - MARGIN)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_plan_and_its_training_time_are_kept(seed: int) -> None:
    found = searched(problem_of(seed))
    kept = reduce_rows(found)
    if found.best is None or found.row is None:
        assert problem_of(seed).oracle.solve().value is None
        return
    offer, row = found.row
    assert offer in kept.offers
    assert row in kept.rows[int(found.space.machine_of_offer[offer])]
    assert found.best.training_seconds <= kept.horizon_seconds


# -- by example --------------------------------------------------------------------------------------------------------------
@cache
def easy() -> Problem:
    """A problem with a plan and without limits."""
    problem = next(problem_of(seed) for seed in range(100) if problem_of(seed).oracle.solve().value is not None)
    return replace(problem, job=replace(problem.job, limits=Limits(allow_unknown_host=True)))


def test_nothing_to_choose_from_is_infeasible() -> None:
    outcome = find(easy().job, [])
    assert (outcome.status, outcome.plan, outcome.value, outcome.layouts) == ("infeasible", None, None, 0)


def test_equal_offers_are_told_apart_by_their_id() -> None:
    best = find(easy().job, easy().offers).plan
    assert best is not None
    twins = [replace(best.offer, id=name) for name in ("b", "a", "c")]
    chosen = find(easy().job, twins).plan
    assert chosen is not None and chosen.offer.id == "a"
    assert chosen.layout == best.layout


def test_of_equally_many_gpus_the_cheapest_is_taken() -> None:
    problem = easy()
    outcome = find(problem.job, problem.offers, "gpus")
    plans = [plan for plan in problem.oracle.under(problem.job.limits).plans if not plan.broken]
    least = min(plan.gpus for plan in plans)
    assert outcome.value == least
    assert outcome.plan is not None
    assert outcome.plan.cost_usd() == pytest.approx(min(plan.cost for plan in plans if plan.gpus == least))


def _variant(
    offer: Offer, name: str, vcpus: int | None = 100, nvme: int | None = 0, volume: float | None = 0.1
) -> Offer:
    node = replace(offer.node, host=Host(vcpus, 10**15, nvme))
    return replace(offer, id=name, node=node, provider=Provider("p", False, volume))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"vcpus": 99}),
        ({}, {"vcpus": None}),
        ({"nvme": 10**12}, {}),
        ({}, {"nvme": None}),
        ({"nvme": None}, {}),
        ({"volume": 0.05}, {}),
        ({}, {"volume": None}),
    ],
)
def test_a_host_that_is_no_worse_dominates(better: dict[str, int], worse: dict[str, int]) -> None:
    offer = easy().offers[0]
    pair = [_variant(offer, "a", **better), _variant(offer, "b", **worse)]
    assert [kept.id for kept in undominated(pair)] == ["a"]


@pytest.mark.parametrize(("one", "other"), [({}, {"vcpus": None}), ({}, {"volume": None})])
def test_an_unknown_host_is_not_dominated_where_it_is_allowed(
    one: dict[str, int], other: dict[str, int | None]
) -> None:
    """A known figure may fall short where the unknown one is waved through; an unknown price of storage then counts as nothing."""
    offer = easy().offers[0]
    pair = [_variant(offer, "a", **one), _variant(offer, "b", **other)]
    assert [kept.id for kept in undominated(pair, allow_unknown_host=True)] == ["a", "b"]


def test_a_short_known_host_does_not_hide_an_unknown_one() -> None:
    job, offer = easy().job, find(easy().job, easy().offers).plan
    assert offer is not None
    short, unknown = _variant(offer.offer, "a", vcpus=1), _variant(offer.offer, "b", vcpus=None)
    assert find(job, [short]).plan is None
    chosen = find(job, [short, unknown]).plan
    assert chosen is not None and chosen.offer.id == "b"
