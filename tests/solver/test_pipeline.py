"""The incumbent search and CP-SAT check each other: where they contradict, no answer leaves the program."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from gpuplan.confirm import LIMITS
from gpuplan.job import Job, Limits
from gpuplan.objectives import Objective
from gpuplan.pipeline import Outcome, find
from gpuplan.prove import Proof, prove
from gpuplan.search import Search, Searcher
from gpuplan.tables import Tables
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
    job = replace(problem.job, limits=Limits(allow_unknown_host=True), objectives=("cost", "gpus", "time"))
    return replace(problem, job=job, offers=tuple(roomy))


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
    exact = replace(problem, job=limited(problem.job, budget_usd=plan.cost_at_confidence_usd))
    outcome = find_if_cp_sat_said(exact, INFEASIBLE)
    assert outcome.status == "optimal"
    assert [outcome.value, outcome.bound] == pytest.approx([optimum(), optimum()])  # billing steps are rounded anew
    assert "within rounding" in outcome.proof


@cache
def hard(by_bounds: bool) -> Problem:
    """A problem without a plan: bounds leave nothing, so that CP-SAT decides over what comes nearest, or leave it something."""
    tried = (_too_dear(seed, 0.5 if by_bounds else 1 - 1e-5) for seed in range(100))
    return next(p for p in tried if p and find(p.job, p.offers).proof.startswith("no layout") == by_bounds)


def _too_dear(seed: int, share: float) -> Problem | None:
    """A problem with a budget below the least bill."""
    problem = problem_of(seed)
    least = find(problem.job, problem.offers, "cost_at_confidence").value
    return None if least is None else replace(problem, job=limited(problem.job, budget_usd=share * least))


def find_hard_if_cp_sat_said(by_bounds: bool, proof: Proof) -> Outcome:
    with patch(f"gpuplan.{'confirm' if by_bounds else 'prove'}.prove", lambda *_: proof):
        return find(hard(by_bounds).job, hard(by_bounds).offers)


@pytest.mark.parametrize("by_bounds", [True, False])
def test_no_plan_is_said_only_if_both_say_so(by_bounds: bool) -> None:
    outcome = find(hard(by_bounds).job, hard(by_bounds).offers)
    assert (outcome.status, outcome.plan, outcome.value, outcome.bound) == ("infeasible", None, None, None)
    assert "CP-SAT proves" in outcome.proof
    assert outcome.pairs > 0
    for status in ("feasible", "optimal"):
        with pytest.raises(VerificationError, match="CP-SAT found a plan where"):
            find_hard_if_cp_sat_said(by_bounds, says(status, 1.0))


@pytest.mark.parametrize("by_bounds", [True, False])
def test_the_search_alone_is_no_proof_where_cp_sat_does_not_finish(by_bounds: bool) -> None:
    outcome = find_hard_if_cp_sat_said(by_bounds, says("unknown", None))
    assert (outcome.status, outcome.stopped) == ("unknown", "time limit")
    assert "did not finish" in outcome.proof


@pytest.mark.parametrize("seed", range(40))
def test_what_comes_nearest_is_a_plan_once_its_limits_are_lifted(seed: int) -> None:
    """So CP-SAT's "infeasible" is about the limits, not about a model in which nothing could ever hold."""
    problem = problem_of(seed)
    outcome = find(problem.job, problem.offers)
    if outcome.status == "infeasible" and outcome.cp_sat_status is not None and outcome.proof.startswith("no layout"):
        asked: list[tuple[Tables, Objective, Job]] = []

        def note(tables: Tables, objective: Objective, job: Job, seconds: float) -> Proof:
            asked.append((tables, objective, job))
            return prove(tables, objective, job, seconds)

        with patch("gpuplan.confirm.prove", note):
            find(problem.job, problem.offers)
        (tables, objective, job) = asked[0]
        none: dict[str, Any] = dict.fromkeys(LIMITS)
        endless = np.full(len(tables.space.machines), 1e15)
        free = replace(
            tables.space,
            job=replace(job, limits=replace(job.limits, **none)),
            machines=replace(tables.space.machines, usable_memory_bytes=endless),
        )
        assert prove(tables, objective, job, 10.0).status == "infeasible"
        assert prove(replace(tables, space=free), objective, free.job, 10.0).status == "optimal"


def test_no_time_for_the_second_opinion_is_no_verdict() -> None:
    """Bounds alone may know at once that nothing fits; without CP-SAT that is not said."""
    problem = hard(True)
    with patch("gpuplan.search.Searcher.run", _out_of_time_for_the_second()):
        outcome = find(problem.job, problem.offers)
    assert (outcome.status, outcome.stopped) == ("unknown", "time limit")


def _out_of_time_for_the_second() -> Any:
    run, calls = Searcher.run, iter((True,))

    def searched(self: Searcher) -> Search:
        if next(calls, False):
            return run(self)
        self.end = -math.inf
        return run(self)

    return searched


# -- the second objective ----------------------------------------------------------------------------------------------------
@cache
def lexicographic() -> Problem:
    return replace(feasible(), job=replace(feasible().job, objectives=("gpus", "time")))


def find_if_cp_sat_said_of_the_second(status: str, share: float) -> Outcome:
    """The first proof is CP-SAT's own."""
    problem, calls = lexicographic(), iter((True, False))
    plan = find(problem.job, problem.offers).plan
    assert plan is not None
    value = share * plan.wall_seconds()

    def answer(*arguments: Any) -> Proof:
        return prove(*arguments) if next(calls) else says(status, value, value)

    with patch("gpuplan.prove.prove", answer):
        return find(problem.job, problem.offers)


@pytest.mark.parametrize(("status", "share"), [("optimal", 0.999), ("feasible", 0.999), ("optimal", 1.001)])
def test_a_contradiction_about_the_second_objective_is_an_internal_error(status: str, share: float) -> None:
    with pytest.raises(VerificationError, match=f"CP-SAT says {status} with time"):
        find_if_cp_sat_said_of_the_second(status, share)


def test_a_plan_is_optimal_only_if_both_objectives_are_proved() -> None:
    proved = find_if_cp_sat_said_of_the_second("optimal", 1.0)
    assert (proved.status, proved.stopped) == ("optimal", None)
    unfinished = find_if_cp_sat_said_of_the_second("feasible", 1.0)
    assert (unfinished.status, unfinished.stopped) == ("feasible", "time limit")
    assert unfinished.bound == unfinished.value == proved.value


def test_cp_sat_finds_the_second_objective_by_itself() -> None:
    """Among plans of as many GPUs as the best one has, and not among those of fewer or more."""
    problem = lexicographic()
    proofs: list[Proof] = []

    def note(*arguments: Any) -> Proof:
        proofs.append(prove(*arguments))
        return proofs[-1]

    with patch("gpuplan.prove.prove", note):
        outcome = find(problem.job, problem.offers)
    assert outcome.plan is not None
    assert [proof.status for proof in proofs] == ["optimal", "optimal"]
    assert proofs[0].value == outcome.plan.gpus
    assert proofs[1].value == pytest.approx(outcome.plan.wall_seconds(), rel=1e-4)
