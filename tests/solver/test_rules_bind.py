"""Without any one of its rules the solver disagrees with the oracle: no rule is idle, and the oracle would notice its loss."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import islice
from unittest.mock import patch

import pytest

from agreement import literals
from gpuplan.job import Job
from gpuplan.pipeline import Outcome, find
from gpuplan.rules import rules
from gpuplan.unreduced import find_unreduced
from gpuplan.verify import VerificationError
from gpuplan_hardware import Offer
from oracle import RULES
from problems import Problem, problem_of

pytestmark = pytest.mark.sources

#: Rules of the oracle that one rule of the solver stands for; the step time binds wherever there is a plan.
ORACLE_RULES = {
    "max_nodes": ("max_nodes", "offer_nodes"),
    "max_tp": ("max_tensor",),
    "shown": ("exclude_layouts",),
}
NAMES = [rule.name for rule in rules()]
#: Problems that are looked at before a rule is called idle.
MOST = 300


def _binds(problem: Problem, name: str) -> bool:
    if name == "step_time":
        return problem.oracle.solve().value is not None
    return any(problem.oracle.binds(rule) for rule in ORACLE_RULES.get(name, (name,)))


def test_the_oracle_knows_every_rule() -> None:
    known = {rule for name in NAMES for rule in ORACLE_RULES.get(name, (name,))}
    assert known - {"step_time"} == set(RULES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_without_the_rule_the_oracle_disagrees(name: str) -> None:
    problems = (problem_of(seed) for seed in range(MOST))
    assert any(_binds(problem, name) and _disagrees(find, problem, name) for problem in problems)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_without_the_rule_cp_sat_alone_disagrees_with_the_oracle(name: str) -> None:
    problems = (problem_of(seed) for seed in range(MOST))
    small = (problem for problem in problems if _binds(problem, name) and 0 < literals(problem) <= 1000)
    assert any(_disagrees(find_unreduced, problem, name) for problem in islice(small, 5))


def _disagrees(solve: Callable[[Job, Sequence[Offer]], Outcome], problem: Problem, without: str) -> bool:
    """Whether the solver without a rule gives another answer, or notices itself that its parts contradict each other."""
    left = tuple(rule for rule in rules() if rule.name != without)
    users = [
        name for name, module in sys.modules.items() if getattr(module, "rules", None) is rules and name != __name__
    ]
    patches = [patch(f"{name}.rules", lambda: left) for name in users if name != "gpuplan.rules"]
    for each in patches:
        each.start()
    try:
        outcome = solve(problem.job, problem.offers)
    except VerificationError:
        return True
    finally:
        for each in patches:
            each.stop()
    return not _same(outcome, problem.oracle.solve().value)


def _same(outcome: Outcome, value: float | None) -> bool:
    if outcome.value is None or value is None:
        return outcome.value is value
    return abs(outcome.value - value) <= 1e-5 * value
