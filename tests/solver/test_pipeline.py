"""The incumbent search and CP-SAT check each other: where they contradict, no answer leaves the program."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from unittest.mock import patch

import pytest

from gpuplan.job import Limits
from gpuplan.pipeline import Outcome, find
from gpuplan.prove import Proof
from gpuplan.verify import VerificationError
from problems import Problem, limited, problem_of

INFEASIBLE = Proof("infeasible", None, None, None, 1, 1)


def says(status: str, value: float | None, bound: float | None = None) -> Proof:
    return Proof(status, value, bound, None, 1, 1)


def find_if_cp_sat_said(problem: Problem, proof: Proof) -> Outcome:
    with patch("gpuplan.prove.prove", lambda *_: proof):
        return find(problem.job, problem.offers)


@cache
def feasible() -> Problem:
    """A problem with a plan and without limits that it could be near to."""
    problem = next(p for p in map(problem_of, range(100)) if p.oracle.solve().value is not None)
    roomy = [
        replace(o, node=replace(o.node, accelerator=replace(o.node.accelerator, usable_memory_bytes=10**13)))
        for o in problem.offers
    ]
    return replace(problem, job=replace(problem.job, limits=Limits(allow_unknown_host=True)), offers=tuple(roomy))


@cache
def optimum() -> float:
    value = find(feasible().job, feasible().offers).value
    assert value is not None
    return value


@pytest.mark.parametrize(
    "proof_share",
    [("infeasible", None), ("optimal", 0.999), ("feasible", 0.999), ("optimal", 1.001)],
    ids=lambda pair: f"{pair[0]} {pair[1]}",
)
def test_a_contradiction_is_an_internal_error(proof_share: tuple[str, float | None]) -> None:
    status, share = proof_share
    with pytest.raises(VerificationError, match=f"CP-SAT says {status}"):
        find_if_cp_sat_said(feasible(), says(status, None if share is None else share * optimum()))


def test_agreement_to_within_rounding_is_a_proof() -> None:
    outcome = find_if_cp_sat_said(feasible(), says("optimal", optimum() * (1 + 1e-6), optimum() * (1 + 1e-6)))
    assert (outcome.status, outcome.cp_sat_status) == ("optimal", "optimal")
    assert outcome.bound == pytest.approx(optimum(), rel=1e-9)


@pytest.mark.parametrize(("status", "share"), [("feasible", 1.5), ("unknown", None)])
def test_without_a_finished_proof_the_plan_is_feasible_only(status: str, share: float | None) -> None:
    value = None if share is None else share * optimum()
    outcome = find_if_cp_sat_said(feasible(), says(status, value, value and 0.5 * value))
    assert outcome.status == "feasible"
    assert outcome.value == pytest.approx(optimum())
    assert outcome.bound == (None if value is None else pytest.approx(0.75 * optimum()))
    assert "time limit" in outcome.proof


def test_a_plan_that_meets_a_limit_exactly_may_be_missing_from_the_integers() -> None:
    problem = feasible()
    plan = find(problem.job, problem.offers).plan
    assert plan is not None
    exact = replace(problem, job=limited(problem.job, budget_usd=plan.cost_usd(plan.step_factor)))
    outcome = find_if_cp_sat_said(exact, INFEASIBLE)
    assert (outcome.status, outcome.value, outcome.bound) == ("optimal", optimum(), optimum())
    assert "within rounding" in outcome.proof


@cache
def hard() -> Problem:
    """A problem without a plan that leaves CP-SAT something to refuse."""
    return next(p for p in map(problem_of, range(200)) if find(p.job, p.offers).cp_sat_status == "infeasible")


def test_no_plan_is_said_only_if_both_say_so() -> None:
    outcome = find(hard().job, hard().offers)
    assert (outcome.status, outcome.plan, outcome.value, outcome.bound) == ("infeasible", None, None, None)
    assert "CP-SAT proves it" in outcome.proof
    with pytest.raises(VerificationError, match="found a plan where exhaustive evaluation found none"):
        find_if_cp_sat_said(hard(), says("feasible", 1.0))


def test_exhaustive_evaluation_alone_is_no_proof_where_cp_sat_does_not_finish() -> None:
    outcome = find_if_cp_sat_said(hard(), says("unknown", None))
    assert outcome.status == "unknown"
    assert "did not finish" in outcome.proof
