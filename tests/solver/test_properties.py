"""What holds for every problem: obedience, monotonicity, indifference to order, repeatability, the order of objectives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gpuplan.job import Job, Pins, Search
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.rules.min_mfu import utilisation
from gpuplan.verify import violations
from gpuplan_hardware import Host, Offer
from problems import Problem, limited, problem_of

pytestmark = pytest.mark.sources

#: A seed is as short as a failure gets: nothing is gained by shrinking it.
FEW = settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
SEEDS = st.integers(0, 10**6)
PROBLEMS = SEEDS.map(problem_of)
#: Also with all decisions open, which is too much for the oracle.
ANY = st.one_of(PROBLEMS, PROBLEMS.map(lambda problem: replace(problem, job=replace(problem.job, pins=Pins()))))
#: Two evaluations of one formula differ by less than this share.
SAME = 1e-8


def value(outcome: Outcome) -> float:
    return math.inf if outcome.value is None else outcome.value


def same_plan(one: Plan | None, other: Plan | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.offer, one.nodes, one.layout) == (other.offer, other.nodes, other.layout)


@FEW
@given(PROBLEMS)
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
        noisy = {"deadline", "budget", "min_mfu"}
        assert all(problem.oracle.evaluate(plan.offer, c).broken <= noisy for c in same) and same


@FEW
@given(ANY)
def test_every_plan_of_a_wide_problem_obeys_every_rule_and_is_proved(problem: Problem) -> None:
    outcome = find(problem.job, problem.offers)
    assert outcome.status in ("optimal", "infeasible")
    if outcome.plan is not None:
        assert violations(outcome.plan) == []
        assert outcome.bound == pytest.approx(outcome.value, rel=1e-4)


# -- more of anything never hurts ------------------------------------------------------------------------------------------
def _raised(job: Job, by: float, name: str) -> Job:
    limit = getattr(job.limits, name)
    if limit is None:
        return job
    return limited(job, **{name: limit * by if isinstance(limit, float) else limit + math.ceil(by)})


def _fewer_words(job: Job, by: float, name: str) -> Job:
    return limited(job, **{name: getattr(job.limits, name)[1:]})


def _less_used(job: Job, by: float) -> Job:
    return limited(job, min_mfu=job.limits.min_mfu and job.limits.min_mfu / by)


def _more_counts(job: Job, by: float) -> Job:
    return limited(job, node_counts=job.limits.node_counts and (*job.limits.node_counts, 1, 2))


RAISED = ("deadline_seconds", "budget_usd", "max_gpus", "max_nodes", "max_tensor")
FEWER_WORDS = ("exclude_layouts", "exclude_gpus", "exclude_providers", "exclude_regions")
WIDER: dict[str, Callable[[Job, float], Job]] = {
    **{name: partial(_raised, name=name) for name in RAISED},
    **{name: partial(_fewer_words, name=name) for name in FEWER_WORDS},
    "min_mfu": _less_used,
    "node_counts": _more_counts,
    "nvswitch_only": lambda job, by: limited(job, nvswitch_only=False),
    "pins": lambda job, by: replace(job, pins=Pins()),
}


@FEW
@given(ANY, st.floats(1.0, 3.0))
def test_a_wider_limit_never_makes_the_optimum_worse(problem: Problem, by: float) -> None:
    asked = value(find(problem.job, problem.offers))
    for name, widened in WIDER.items():
        wider = widened(problem.job, by)
        if wider != problem.job:
            assert value(find(wider, problem.offers)) <= asked * (1 + SAME), name


def _with_memory(offer: Offer, factor: float) -> Offer:
    accelerator = offer.node.accelerator
    more = replace(accelerator, usable_memory_bytes=math.ceil(accelerator.usable_memory_bytes * factor))
    return replace(offer, node=replace(offer.node, accelerator=more))


@FEW
@given(ANY, st.floats(1.0, 3.0))
def test_more_memory_never_makes_the_optimum_worse(problem: Problem, factor: float) -> None:
    roomier = [_with_memory(offer, factor) for offer in problem.offers]
    assert value(find(problem.job, roomier)) <= value(find(problem.job, problem.offers)) * (1 + SAME)


@FEW
@given(ANY)
def test_another_offer_never_makes_the_optimum_worse(problem: Problem) -> None:
    assert value(find(problem.job, problem.offers)) <= value(find(problem.job, problem.offers[1:])) * (1 + SAME)


# -- the same question has one answer --------------------------------------------------------------------------------------
@FEW
@given(ANY, SEEDS)
def test_the_order_of_the_offers_does_not_matter(problem: Problem, seed: int) -> None:
    shuffled = list(problem.offers)
    Random(seed).shuffle(shuffled)
    one, other = find(problem.job, problem.offers), find(problem.job, shuffled)
    assert one.status == other.status
    assert same_plan(one.plan, other.plan)


@FEW
@given(ANY, st.sampled_from([Search(), Search(workers=2), Search(seed=7)]))
def test_the_same_question_gets_the_same_plan(problem: Problem, how: Search) -> None:
    one, other = find(problem.job, problem.offers), find(replace(problem.job, search=how), problem.offers)
    assert (one.status, one.value) == (other.status, other.value)
    assert same_plan(one.plan, other.plan)


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
@given(ANY, SEEDS)
def test_offers_that_are_worse_than_another_do_not_change_the_answer(problem: Problem, seed: int) -> None:
    random = Random(seed)
    more = [*problem.offers, *(_worse(offer, random) for offer in problem.offers)]
    assert same_plan(find(problem.job, problem.offers).plan, find(problem.job, more).plan)


# -- objectives in their order -----------------------------------------------------------------------------------------------
@FEW
@given(PROBLEMS, st.permutations(["cost", "gpus", "time"]))
def test_the_second_objective_is_minimal_among_the_plans_that_are_best_by_the_first(
    problem: Problem, names: list[str]
) -> None:
    job = replace(problem.job, objectives=tuple(names[:2]))
    plan, answer = find(job, problem.offers).plan, problem.oracle.solve(*names[:2])
    if plan is None or answer.values is None:
        assert plan is None and answer.values is None
        return
    found: dict[str, float] = {"cost": plan.cost_usd(), "gpus": plan.gpus, "time": plan.wall_seconds()}
    assert [found[name] for name in names[:2]] == pytest.approx(list(answer.values), rel=SAME)


@FEW
@given(ANY, st.sampled_from(["cost", "time"]))
def test_of_the_fewest_gpus_the_best_by_the_second_objective(problem: Problem, second: str) -> None:
    """The same as the best by the second one where no more GPUs are allowed than it takes at least."""
    job = replace(problem.job, objectives=("gpus", second))
    both = find(job, problem.offers)
    assert value(both) == value(find(job, problem.offers, "gpus"))
    if both.plan is not None:
        fewest = limited(replace(job, objectives=(second,)), max_gpus=both.plan.gpus * job.parallel)
        alone = find(fewest, problem.offers).plan
        assert alone is not None
        assert alone.gpus == both.plan.gpus
        assert (alone.cost_usd(), alone.wall_seconds()) == pytest.approx(
            (both.plan.cost_usd(), both.plan.wall_seconds()), rel=SAME
        )


# -- a limit met exactly ---------------------------------------------------------------------------------------------------
@FEW
@given(
    ANY,
    st.sampled_from(["deadline_seconds", "budget_usd", "min_mfu"]),
    st.sampled_from([0.0, 1e-12, 1e-9, 1e-7]),
)
def test_a_limit_at_the_need_of_the_best_plan_is_no_contradiction(problem: Problem, name: str, above: float) -> None:
    outcome = find(problem.job, problem.offers)
    if outcome.plan is not None:
        again = find(_exact(problem.job, outcome.plan, name, above), problem.offers)
        assert again.status == "optimal"
        assert value(again) == pytest.approx(value(outcome), rel=SAME)


def _exact(job: Job, plan: Plan, name: str, above: float) -> Job:
    limits: dict[str, Any] = {
        "deadline_seconds": plan.deadline_clock_seconds(plan.step_factor, plan.deviations) * (1 + above),
        "budget_usd": plan.cost_at_confidence_usd * (1 + above),
        "min_mfu": utilisation(plan) / (1 + above),
    }
    return limited(job, **{name: limits[name]})
