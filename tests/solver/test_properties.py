"""What holds for every problem: obedience, monotonicity, indifference to order, repeatability, harmless reductions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuplan import reduce, search, space
from gpuplan.job import Job, Search
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.verify import violations
from gpuplan_hardware import Host, Offer
from problems import Problem, limited, problems

FEW = settings(max_examples=25)
#: Two evaluations of one formula differ by less than this share.
SAME = 1e-8


def value(outcome: Outcome) -> float:
    return math.inf if outcome.value is None else outcome.value


def same_plan(one: Plan | None, other: Plan | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.offer, one.nodes, one.layout) == (other.offer, other.nodes, other.layout)


@FEW
@given(problems())
def test_every_plan_obeys_every_rule(problem: Problem) -> None:
    outcome = find(problem.job, problem.offers)
    assert (outcome.plan is None) == (outcome.status == "infeasible")
    if outcome.plan is not None:
        plan = outcome.plan
        assert violations(plan) == []
        same = [
            c for c in problem.oracle.layouts.on(plan.offer.node) if c.layout == plan.layout and c.nodes == plan.nodes
        ]
        # The oracle lets a limit be met exactly; the solver also within the noise of floating point.
        assert all(problem.oracle.evaluate(plan.offer, c).broken <= {"deadline", "budget"} for c in same) and same


# -- more of anything never hurts ------------------------------------------------------------------------------------------
def _raised(job: Job, name: str, by: float) -> Job:
    limit = getattr(job.limits, name)
    if limit is None:
        return job
    return limited(job, **{name: limit * by if isinstance(limit, float) else limit + math.ceil(by)})


@FEW
@given(problems(), st.sampled_from(["deadline_seconds", "budget_usd", "max_gpus", "max_nodes"]), st.floats(1.0, 3.0))
def test_a_wider_limit_never_makes_the_optimum_worse(problem: Problem, name: str, by: float) -> None:
    wider = _raised(problem.job, name, by)
    assert value(find(wider, problem.offers)) <= value(find(problem.job, problem.offers)) * (1 + SAME)


def _with_memory(offer: Offer, factor: float) -> Offer:
    accelerator = offer.node.accelerator
    more = replace(accelerator, usable_memory_bytes=math.ceil(accelerator.usable_memory_bytes * factor))
    return replace(offer, node=replace(offer.node, accelerator=more))


@FEW
@given(problems(), st.floats(1.0, 3.0))
def test_more_memory_never_makes_the_optimum_worse(problem: Problem, factor: float) -> None:
    roomier = [_with_memory(offer, factor) for offer in problem.offers]
    assert value(find(problem.job, roomier)) <= value(find(problem.job, problem.offers)) * (1 + SAME)


@FEW
@given(problems())
def test_another_offer_never_makes_the_optimum_worse(problem: Problem) -> None:
    assert value(find(problem.job, problem.offers)) <= value(find(problem.job, problem.offers[1:])) * (1 + SAME)


# -- the same question has one answer --------------------------------------------------------------------------------------
@FEW
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_offers_does_not_matter(problem: Problem, random: Random) -> None:
    shuffled = list(problem.offers)
    random.shuffle(shuffled)
    one, other = find(problem.job, problem.offers), find(problem.job, shuffled)
    assert one.status == other.status
    assert same_plan(one.plan, other.plan)


@FEW
@given(problems(), st.sampled_from([Search(), Search(workers=2), Search(seed=7)]))
def test_the_same_question_gets_the_same_plan(problem: Problem, how: Search) -> None:
    one, other = find(problem.job, problem.offers), find(replace(problem.job, search=how), problem.offers)
    assert (one.status, one.value) == (other.status, other.value)
    assert same_plan(one.plan, other.plan)


# -- reductions --------------------------------------------------------------------------------------------------------------
def _worse(offer: Offer, random: Random) -> Offer:
    """A dearer offer of the same machine that has no more of anything."""
    host = offer.node.host
    less = Host(host.vcpus, host.ram_bytes, host.nvme_bytes and int(host.nvme_bytes * random.choice((0.5, 1.0))))
    return replace(
        offer,
        id=f"a-{offer.id}",
        node=replace(offer.node, host=less),
        price_usd_per_hour=offer.price_usd_per_hour * random.choice((1.001, 2.0)),
        max_nodes=max(1, offer.max_nodes - random.choice((0, 1))),
    )


@FEW
@given(problems(), st.randoms(use_true_random=False))
def test_offers_that_are_worse_than_another_do_not_change_the_answer(problem: Problem, random: Random) -> None:
    more = [*problem.offers, *(_worse(offer, random) for offer in problem.offers)]
    assert same_plan(find(problem.job, problem.offers).plan, find(problem.job, more).plan)


def keep_all(found: search.Search) -> reduce.Kept:
    """Every layout of every view on every offer."""
    terms = found.terms.values()
    horizon = max((float(view.training.max()) for view in found.views.values() if len(view.training)), default=1e-3)
    rows = {machine: np.arange(len(view.training)) for machine, view in found.views.items() if len(view.training)}
    return reduce.Kept(rows, tuple(sorted(found.terms)), len(terms) * len(rows), max(1e-3, horizon * (1 + 1e-3)))


def all_offers(offers: Sequence[Offer], *_: object) -> list[Offer]:
    return sorted(offers, key=lambda offer: offer.id)


REDUCTIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "undominated": ("gpuplan.space.undominated", all_offers),
    "machine bound": ("gpuplan.search._machine_bound", lambda *_: 0.0),
    "reduce_rows": ("gpuplan.pipeline.reduce_rows", keep_all),
}


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Switch reductions off."""
    patches = [patch(*REDUCTIONS[name]) for name in names]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


@pytest.mark.parametrize("names", [*((name,) for name in REDUCTIONS), tuple(REDUCTIONS)], ids="+".join)
def test_reductions_do_not_change_the_answer(names: tuple[str, ...]) -> None:
    @FEW
    @given(problems())
    def holds(problem: Problem) -> None:
        one = find(problem.job, problem.offers)
        with without(*names):
            other = find(problem.job, problem.offers)
        assert one.status == other.status
        assert value(one) == pytest.approx(value(other), rel=SAME)
        assert same_plan(one.plan, other.plan)

    holds()


def test_the_reductions_that_are_switched_off_are_those_of_the_pipeline() -> None:
    for place, _ in REDUCTIONS.values():
        module, name = place.rsplit(".", 1)
        assert getattr(import_module(module), name) in (space.undominated, search._machine_bound, reduce.reduce_rows)


# -- a limit met exactly ---------------------------------------------------------------------------------------------------
@FEW
@given(problems(), st.sampled_from(["deadline_seconds", "budget_usd"]), st.sampled_from([0.0, 1e-12, 1e-9, 1e-7]))
def test_a_limit_at_the_need_of_the_best_plan_is_no_contradiction(problem: Problem, name: str, above: float) -> None:
    outcome = find(problem.job, problem.offers)
    if outcome.plan is not None:
        again = find(_exact(problem.job, outcome.plan, name, above), problem.offers)
        assert again.status == "optimal"
        assert value(again) == pytest.approx(value(outcome), rel=SAME)


def _exact(job: Job, plan: Plan, name: str, above: float) -> Job:
    factor = plan.step_factor
    need = plan.cost_usd(factor) if name == "budget_usd" else plan.deadline_clock_seconds(factor)
    return limited(job, **{name: need * (1 + above)})
