"""Why nothing fits: the conflict is minimal, each relaxation leads to a plan, and a smaller one does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuplan.explain import NO_OFFER, Explanation, explain
from gpuplan.job import Job, Limits, Pins
from gpuplan.pipeline import find
from gpuplan.plan import Plan
from gpuplan.relax import LIMITS, PINS, SWITCHES, Limit, without
from gpuplan.relax import given as given_by
from gpuplan.result import Relaxation
from gpuplan_hardware import Offer
from gpuplan_models import frameworks
from problems import Problem, limited, problem_of, problems

FEW = settings(max_examples=20)
#: A plan that meets a limit to within this share may be seen or not: the noise of floating point.
NOISE = 1e-8


def under(job: Job, offers: Sequence[Offer], **limits: Any) -> Plan | None:
    """Plan with other limits; None means "not limited"."""
    return find(limited(job, **limits), offers, "cost").plan


def fewer_pins(problem: Problem) -> Job:
    """The job with at most two decisions taken: a user who has taken them all has nothing left to be told."""
    taken = {pin.field: getattr(problem.job.pins, pin.field) for pin in PINS if pin.given(problem.job)}
    return replace(problem.job, pins=Pins(**dict(list(taken.items())[:2])))


def impossible(problem: Problem, name: str) -> Job:
    """The job, with one more limit that no plan obeys if the others leave any."""
    job = fewer_pins(problem)
    limit = next(limit for limit in LIMITS if limit.name == name)
    least = find(job, problem.offers, limit.objective)
    if least.plan is None or least.value is None:
        return job
    if name == "deadline":
        value: float = least.plan.deadline_clock_seconds(least.plan.step_factor) * 0.8
    else:
        value = least.value * 0.8 if name == "budget" else least.value * job.parallel - 1
    return limited(job, **{limit.field: value})


@FEW
@given(problems(), st.sampled_from([limit.name for limit in LIMITS]))
def test_the_conflict_is_a_minimal_set(problem: Problem, name: str) -> None:
    job, offers = impossible(problem, name), problem.offers
    conflict = explain(job, offers).conflict
    every = {item.name: item for item in given_by(job)}
    if conflict == [NO_OFFER]:
        assert find(without(job, every.values()), offers, "cost").plan is None
        return
    assert conflict and set(conflict) <= set(every)
    others = [item for name, item in every.items() if name not in conflict]
    assert find(without(job, others), offers, "cost").plan is None
    for name in conflict:
        assert find(without(job, [*others, every[name]]), offers, "cost").plan is not None


@FEW
@given(problems(), st.sampled_from([limit.name for limit in LIMITS]))
def test_each_relaxation_is_the_smallest_that_leads_to_a_plan(problem: Problem, name: str) -> None:
    job, offers = impossible(problem, name), problem.offers
    for relaxation in explain(job, offers).relaxations:
        keep_promise(job, offers, relaxation)


def keep_promise(job: Job, offers: Sequence[Offer], relaxation: Relaxation) -> None:
    """A plan exists with what a relaxation says; and with a hair less of a limit it does not."""
    others = [other.limit for other in relaxation.also_lifted]
    items = {item.name: item for item in given_by(job)}
    eased = without(job, [items[name] for name in others if name in items])
    for name in others:
        eased = SWITCHES[name].on(eased) if name in SWITCHES else eased
    enough, less = in_base_units(relaxation)
    if relaxation.limit == "framework":
        assert find(replace(eased, framework=frameworks()[relaxation.plan.layout.framework]), offers).plan is not None
    elif relaxation.limit == "offer_nodes":
        found = [find(eased, _in_any_number(offers, count), "cost").plan for count in (round(enough), round(less))]
        assert [plan is not None for plan in found] == [True, False]
    elif relaxation.unit == "switch":
        switched = (
            SWITCHES[relaxation.limit].on(eased)
            if relaxation.limit in SWITCHES
            else items[relaxation.limit].lifted(eased)
        )
        assert find(switched, offers, "cost").plan is not None
    elif relaxation.limit == "node_counts":
        allowed = (*(job.limits.node_counts or ()), round(relaxation.to))
        assert under(eased, offers, node_counts=allowed) is not None
    else:
        item = items[relaxation.limit]
        assert isinstance(item, Limit)
        whole = item.unit in ("GPUs", "nodes")
        assert find(item.set(eased, round(enough) if whole else enough), offers, "cost").plan is not None
        assert find(item.set(eased, round(less) if whole else less), offers, "cost").plan is None


def _in_any_number(offers: Sequence[Offer], most: int) -> list[Offer]:
    return [replace(offer, max_nodes=max(most, offer.max_nodes)) if offer.node.network else offer for offer in offers]


def in_base_units(relaxation: Relaxation) -> tuple[float, float]:
    """What is said to be enough, and a hundredth (or one) less."""
    if relaxation.limit == "max_tp":  # degrees double
        return relaxation.to, math.ceil(relaxation.to / 2)
    if relaxation.unit in ("GPUs", "nodes"):
        return relaxation.to, relaxation.to - 1
    if relaxation.unit == "share":  # here less is enough
        return relaxation.to * (1 - NOISE), relaxation.to * 1.01
    enough = relaxation.to * (3600 if relaxation.unit == "hours" else 1)
    return enough * (1 + NOISE), enough * 0.99


@FEW
@given(problems())
def test_a_relaxation_names_the_plan_it_buys(problem: Problem) -> None:
    job = impossible(problem, "budget")
    answer = explain(job, problem.offers)
    for relaxation in answer.relaxations:
        if relaxation.limit == "max_gpus":
            assert relaxation.to == relaxation.plan.gpus * job.parallel
        if relaxation.limit == "max_nodes":
            assert relaxation.to == relaxation.plan.nodes * job.parallel
        if relaxation.limit == "budget" and job.confidence is None:
            assert relaxation.to == pytest.approx(relaxation.plan.prediction.cost_usd)
    costs = [relaxation.plan.prediction.cost_usd for relaxation in answer.relaxations]
    assert costs == sorted(costs)


# -- by example --------------------------------------------------------------------------------------------------------------
@cache
def roomy() -> Problem:
    """A problem without limits on time, money and size whose cheapest and fastest plans differ in both."""
    for seed in range(1000):
        problem = problem_of(seed)
        job = replace(problem.job, limits=Limits(), pins=Pins())
        cheap, fast = (find(job, problem.offers, name).plan for name in ("cost_at_confidence", "time_at_confidence"))
        if cheap and fast and bill(fast) > 1.1 * bill(cheap) and clock(cheap) > 1.1 * clock(fast):
            return replace(problem, job=job)
    raise LookupError("no such problem")


def bill(plan: Plan) -> float:
    return plan.cost_usd(plan.step_factor)


def clock(plan: Plan) -> float:
    return plan.deadline_clock_seconds(plan.step_factor)


def roomy_plan(objective: str) -> Plan:
    problem = roomy()
    plan = find(problem.job, problem.offers, objective).plan
    assert plan is not None
    return plan


def explained(**limits: Any) -> Explanation:
    problem = roomy()
    return explain(limited(problem.job, **limits), problem.offers)


def test_time_and_money_that_conflict_are_both_named_and_each_can_give_way() -> None:
    problem = roomy()
    cheap, fast = (find(problem.job, problem.offers, f"{name}_at_confidence").plan for name in ("cost", "time"))
    assert cheap is not None and fast is not None
    answer = explained(deadline_seconds=clock(fast) * 1.01, budget_usd=bill(cheap) * 1.01, max_gpus=10**6)
    assert answer.conflict == ["deadline", "budget"]
    assert {relaxation.limit for relaxation in answer.relaxations} == {"deadline", "budget"}
    by_name = {relaxation.limit: relaxation for relaxation in answer.relaxations}
    assert clock(fast) * 1.01 / 3600 < by_name["deadline"].to <= clock(cheap) * (1 + NOISE) / 3600
    assert bill(cheap) * 1.01 < by_name["budget"].to <= bill(fast) * (1 + NOISE)


def test_one_limit_that_nothing_meets_is_the_whole_conflict() -> None:
    answer = explained(deadline_seconds=1.0, budget_usd=10.0**9)
    assert answer.conflict == ["deadline"]
    (relaxation,) = answer.relaxations
    assert (relaxation.limit, relaxation.unit, relaxation.also_lifted) == ("deadline", "hours", [])
    assert relaxation.from_ == pytest.approx(1 / 3600)


def test_where_no_single_limit_is_enough_the_others_that_must_give_way_are_named() -> None:
    answer = explained(deadline_seconds=1.0, budget_usd=1e-6)
    assert len(answer.conflict) == 1
    also = {relaxation.limit: [other.limit for other in relaxation.also_lifted] for relaxation in answer.relaxations}
    assert also == {"deadline": ["budget"], "budget": ["deadline"]}
    by_name = {relaxation.limit: relaxation for relaxation in answer.relaxations}
    assert by_name["deadline"].also_lifted[0].to == pytest.approx(bill(roomy_plan("time_at_confidence")))
    assert by_name["budget"].also_lifted[0].to == pytest.approx(clock(roomy_plan("cost_at_confidence")) / 3600)


def test_counts_are_relaxed_to_whole_numbers() -> None:
    for seed in range(25):
        problem = problem_of(seed)
        for relaxation in explain(impossible(problem, "max_gpus"), problem.offers).relaxations:
            if relaxation.unit in ("GPUs", "nodes"):
                assert relaxation.to == math.floor(relaxation.to)


def test_without_any_offer_no_limit_is_to_blame() -> None:
    job = replace(roomy().job, limits=Limits(deadline_seconds=1.0))
    assert explain(job, []) == Explanation([NO_OFFER], [])
