"""The solver against the search oracle: optimum and infeasibility on random small problems.

``GPUPLAN_ORACLE_SEED`` and ``GPUPLAN_ORACLE_COUNT`` take other problems, or more of them. The shares (infeasible, each rule
binding) are properties of the default problems; with others they are asserted at half of their size.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from gpuplan.build import ModelTooLargeError
from gpuplan.pipeline import Outcome, find
from gpuplan.verify import VerificationError
from oracle import RULES, Answer, Evaluated
from problems import Problem, random_problem

SEED = int(os.environ.get("GPUPLAN_ORACLE_SEED", "0"))
COUNT = int(os.environ.get("GPUPLAN_ORACLE_COUNT", "300"))
SHARE = 1.0 if (SEED, COUNT) == (0, 300) else 0.5
#: A problem with a plan this near to a limit (relative) may go either way: the solver rounds to the safe side.
NEAR = 1e-6
#: What two evaluations of the same formulas in floating point may differ by (relative).
SAME = 1e-8
#: The oracle tells the user's limit on nodes from the offer's; the solver has one rule for both.
RULE_GROUPS = [*((rule,) for rule in RULES if rule not in ("max_nodes", "offer_nodes")), ("max_nodes", "offer_nodes")]


@dataclass(frozen=True)
class Case:
    """One problem: what the oracle and the solver say, and which rules bind."""

    seed: int
    answer: Answer
    status: str
    cp_sat_status: str | None
    disagreement: str | None
    binding: frozenset[str]

    @property
    def near(self) -> bool:
        return self.answer.distance < NEAR


def solve(seed: int) -> Case:
    problem = random_problem(Random(seed))
    answer = problem.oracle.solve()
    binding = frozenset(rule for rule in RULES if problem.oracle.binds(rule))
    try:
        outcome = find(problem.job, problem.offers)
    except (VerificationError, ModelTooLargeError) as error:
        return Case(seed, answer, "error", None, f"{error}, the oracle {answer.value}", binding)
    return Case(seed, answer, outcome.status, outcome.cp_sat_status, disagreement(problem, answer, outcome), binding)


def disagreement(problem: Problem, answer: Answer, outcome: Outcome) -> str | None:
    """What the solver says otherwise than the oracle, None if nothing."""
    name, best = problem.job.objectives[0], answer.best
    if outcome.value is None or outcome.plan is None or best is None:
        agree = best is None and outcome.status == "infeasible"
        return None if agree else f"solver {outcome.status} {outcome.value}, oracle {answer.value}"
    if outcome.status != "optimal" or outcome.bound is None:
        return f"solver {outcome.status} with bound {outcome.bound}"
    if not best.value(name) * (1 - 1e-4) <= outcome.bound <= best.value(name) * (1 + SAME):
        return f"bound {outcome.bound} of an optimum of {best.value(name)}"
    plan = outcome.plan
    found = (outcome.value, plan.cost_usd(), plan.gpus, plan.wall_seconds())
    wanted = (best.value(name), best.cost, best.gpus, best.time)
    if any(abs(a - b) > SAME * b for a, b in zip(found, wanted, strict=True)):
        return f"{name}, cost, GPUs, time: solver {found}, oracle {wanted}; {_layouts(outcome, best)}"
    if plan.layout.plainness() > best.candidate.layout.plainness():
        return f"of equal plans not the plainest: {_layouts(outcome, best)}"
    return None


def _layouts(outcome: Outcome, best: Evaluated) -> str:
    plan = outcome.plan
    return f"solver {plan and plan.layout}, oracle {best.candidate.layout}"


@pytest.fixture(scope="module")
def cases() -> Iterator[list[Case]]:
    yield [solve(seed) for seed in range(SEED, SEED + COUNT)]


@pytest.mark.slow
def test_the_solver_agrees_with_the_oracle(cases: list[Case]) -> None:
    wrong = [f"seed {case.seed}: {case.disagreement}" for case in cases if case.disagreement and not case.near]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)} problems:", *wrong])
    near = [case.seed for case in cases if case.near]
    assert len(near) < max(1.0, 0.01 * len(cases)), f"seeds {near} are within rounding of a limit"


@pytest.mark.slow
def test_a_quarter_of_the_problems_is_infeasible(cases: list[Case]) -> None:
    infeasible = sum(case.answer.value is None for case in cases)
    assert 0.25 * SHARE * COUNT <= infeasible <= 0.75 * COUNT, f"{infeasible} of {COUNT}"


@pytest.mark.slow
@pytest.mark.parametrize("group", RULE_GROUPS, ids="/".join)
def test_every_rule_binds_in_a_twentieth_of_the_problems(cases: list[Case], group: tuple[str, ...]) -> None:
    count = sum(not case.binding.isdisjoint(group) for case in cases)
    shares = Counter(rule for case in cases for rule in case.binding)
    assert count >= 0.05 * SHARE * COUNT, f"{group} in {count} of {COUNT}: {dict(shares)}"


@pytest.mark.slow
def test_cp_sat_decides_the_feasible_problems(cases: list[Case]) -> None:
    feasible = [case for case in cases if case.answer.value is not None]
    decided = sum(case.cp_sat_status == "optimal" for case in feasible)
    assert decided >= 0.95 * len(feasible), Counter(case.cp_sat_status for case in feasible)
