"""Why nothing fits: the conflict is minimal, each relaxation leads to a plan, and a smaller one does not."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explained import NOISE, fewer_pins, is_minimal, keep_promise
from gpuplan.explain import NO_OFFER, Explanation, explain
from gpuplan.job import Job, Limits, Pins
from gpuplan.pipeline import find
from gpuplan.plan import Plan
from gpuplan.relax import LIMITS
from gpuplan.selection import selected
from problems import Problem, limited, problem_of, problems

FEW = settings(max_examples=20)
LIMIT_NAMES = [limit.name for limit in LIMITS]


def impossible(problem: Problem, name: str) -> Job:
    """The job, with one more limit that no plan obeys if the others leave any."""
    job = fewer_pins(problem)
    limit = next(limit for limit in LIMITS if limit.name == name)
    offers = problem.offers
    if name == "deadline" and job.limits.deadline_from == "start":  # the wait does not count then
        offers = tuple(replace(offer, lead_time_seconds=0.0) for offer in offers if selected(job, offer))
    least = find(job, offers, limit.objective)
    if least.plan is None or least.value is None:
        return job
    if name == "deadline":
        value: float = least.plan.deadline_clock_seconds(least.plan.step_factor, least.plan.deviations) * 0.8
    else:
        value = least.value * 0.8 if name == "budget" else least.value * job.parallel - 1
    return limited(job, **{limit.field: value})


@pytest.mark.sources
@FEW
@given(problems(), st.sampled_from(LIMIT_NAMES))
def test_the_conflict_is_a_minimal_set(problem: Problem, name: str) -> None:
    job, offers = impossible(problem, name), problem.offers
    is_minimal(job, offers, explain(job, offers).conflict)


@pytest.mark.sources
@FEW
@given(problems(), st.sampled_from(LIMIT_NAMES))
def test_each_relaxation_is_the_smallest_that_leads_to_a_plan(problem: Problem, name: str) -> None:
    job, offers = impossible(problem, name), problem.offers
    for relaxation in explain(job, offers).relaxations:
        keep_promise(job, offers, relaxation)


@pytest.mark.sources
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
    return plan.cost_at_confidence_usd


def clock(plan: Plan) -> float:
    return plan.deadline_clock_seconds(plan.step_factor, plan.deviations)


def roomy_plan(objective: str) -> Plan:
    problem = roomy()
    plan = find(problem.job, problem.offers, objective).plan
    assert plan is not None
    return plan


def explained(**limits: Any) -> Explanation:
    """The explanation, with relaxations of limits alone: which others there are depends on the offers."""
    problem = roomy()
    answer = explain(limited(problem.job, **limits), problem.offers)
    return replace(answer, relaxations=[change for change in answer.relaxations if change.limit in LIMIT_NAMES])


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


@pytest.mark.sources
def test_counts_are_relaxed_to_whole_numbers() -> None:
    for seed in range(25):
        problem = problem_of(seed)
        for relaxation in explain(impossible(problem, "max_gpus"), problem.offers).relaxations:
            if relaxation.unit in ("GPUs", "nodes"):
                assert relaxation.to == math.floor(relaxation.to)


def test_without_any_offer_no_limit_is_to_blame() -> None:
    job = replace(roomy().job, limits=Limits(deadline_seconds=1.0))
    assert explain(job, []) == Explanation([NO_OFFER], [])
