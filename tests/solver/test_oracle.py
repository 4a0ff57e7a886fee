"""The solver against the search oracle: optimum and infeasibility on random small problems.

``GPUPLAN_ORACLE_SEED`` and ``GPUPLAN_ORACLE_COUNT`` take other problems, or more of them (thousands: ``python -m benchmarks.soak``).
The shares (infeasible, each rule binding, each decision in the best plan) are properties of the default problems.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from agreement import NEAR, Finding, compare
from gpuplan.build import ModelTooLargeError
from gpuplan.pipeline import find
from gpuplan.verify import VerificationError
from oracle import RULES, SELECTION, Answer, Evaluated
from problems import Problem, free_decisions, problem_of

pytestmark = pytest.mark.sources

SEED = int(os.environ.get("GPUPLAN_ORACLE_SEED", "0"))
COUNT = int(os.environ.get("GPUPLAN_ORACLE_COUNT", "200"))
#: Rules and words of the user that count as one: the solver has one rule for both limits on nodes.
GROUPS = [
    *((rule,) for rule in RULES if rule not in ("max_nodes", "offer_nodes")),
    ("max_nodes", "offer_nodes"),
    ("gpus", "exclude_gpus", "providers", "regions"),
    ("exclude_providers",),
    ("exclude_regions",),
    ("nvswitch_only",),
    ("available_within",),
]
#: Of the problems, at least this share is such that a rule binds, and that the best plan takes a decision which is open.
BINDING, TAKEN = 0.025, 0.02


@dataclass(frozen=True)
class Case:
    """One problem: what the oracle and the solver say."""

    seed: int
    problem: Problem
    answer: Answer
    status: str
    cp_sat_status: str | None
    finding: Finding | None

    @property
    def near(self) -> bool:
        return self.answer.distance < NEAR


def solve(seed: int) -> Case:
    problem = problem_of(seed)
    answer = problem.oracle.solve()
    try:
        outcome = find(problem.job, problem.offers)
    except (VerificationError, ModelTooLargeError) as error:
        return Case(seed, problem, answer, "error", None, Finding("error", f"{error}, the oracle {answer.values}"))
    return Case(seed, problem, answer, outcome.status, outcome.cp_sat_status, compare(problem, answer, outcome))


@pytest.fixture(scope="module")
def cases() -> Iterator[list[Case]]:
    yield [solve(seed) for seed in range(SEED, SEED + COUNT)]


@pytest.mark.slow
def test_the_solver_agrees_with_the_oracle(cases: list[Case]) -> None:
    wrong = [f"seed {c.seed} {c.finding.kind}: {c.finding.text}" for c in cases if c.finding and not c.near]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)} problems:", *wrong])
    near = [case.seed for case in cases if case.near]
    assert len(near) < max(1.0, 0.01 * len(cases)), f"seeds {near} are within rounding of a limit"


@pytest.mark.slow
def test_a_third_of_the_problems_is_infeasible(cases: list[Case]) -> None:
    infeasible = sum(case.answer.best is None for case in cases)
    assert 0.2 * COUNT <= infeasible <= 0.5 * COUNT, f"{infeasible} of {COUNT}"


@pytest.mark.slow
def test_every_rule_binds_in_some_problems(cases: list[Case]) -> None:
    counts = Counter(rule for c in cases for rule in (*RULES, *SELECTION) if c.problem.oracle.binds(rule))
    few = {group: n for group in GROUPS if (n := sum(counts[rule] for rule in group)) < BINDING * COUNT}
    assert not few, f"{few} of {COUNT}; all: {dict(counts)}"


#: What a plan takes that is not plain, the decision that must be open for it to count, and how to see it.
DECISIONS: dict[str, tuple[str, Callable[[Evaluated], bool]]] = {
    "virtual stages": ("virtual", lambda best: best.candidate.layout.virtual > 1),
    "context parallelism": ("context", lambda best: best.candidate.layout.context > 1),
    "expert tensor parallelism": ("expert_tensor", lambda best: best.candidate.layout.expert_tensor > 1),
    "optimizer on the host": ("offload", lambda best: best.candidate.layout.offload == "optimizer"),
    "parameters on the host": ("offload", lambda best: best.candidate.layout.offload == "parameters"),
    "lighter ends": ("lighter", lambda best: best.candidate.layout.lighter != "none"),
    "TP across nodes": ("tensor", lambda best: best.tensor > best.offer.node.gpus_per_node),
}


@pytest.mark.slow
def test_every_decision_is_in_some_best_plans(cases: list[Case]) -> None:
    counts: Counter[str] = Counter()
    for case in cases:
        best = case.answer.best
        for name, (decision, taken) in DECISIONS.items():
            counts[name] += best is not None and taken(best) and decision in free_decisions(case.problem)
    few = {name: counts[name] for name in DECISIONS if counts[name] < TAKEN * COUNT}
    assert not few, f"{few} of {COUNT}; all: {dict(counts)}"


@pytest.mark.slow
def test_cp_sat_decides_the_feasible_problems(cases: list[Case]) -> None:
    feasible = [case for case in cases if case.answer.best is not None]
    decided = sum(case.cp_sat_status == "optimal" for case in feasible)
    assert decided >= 0.95 * len(feasible), Counter(case.cp_sat_status for case in feasible)
