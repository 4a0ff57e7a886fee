"""The next-best plans: each differs from those before it in what is asked for, and is the best of what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuplan.result import PlanAnswer
from gpuplan.solve import solve
from oracle import Evaluated
from problems import Problem, problems

pytestmark = pytest.mark.sources

#: What a plan is told apart by, in an answer and in the oracle.
DIFFER: dict[str, tuple[Callable[[PlanAnswer], Any], Callable[[Evaluated], Any]]] = {
    "gpu": (lambda plan: plan.offer.gpu, lambda plan: plan.offer.node.accelerator.name),
    "provider": (lambda plan: plan.offer.provider, lambda plan: plan.offer.provider.name),
    "layout": (
        lambda plan: (
            plan.layout.tensor_parallel,
            plan.layout.pipeline_parallel,
            plan.layout.data_parallel,
            plan.layout.context_parallel,
            plan.layout.expert_parallel,
        ),
        lambda plan: plan.candidate.layout.degrees,
    ),
}


@settings(max_examples=30)
@given(problems(), st.sampled_from(sorted(DIFFER)))
def test_each_alternative_is_the_best_of_what_is_left(problem: Problem, by: str) -> None:
    of_answer, of_oracle = DIFFER[by]
    job = replace(problem.job, search=replace(problem.job.search, alternatives=4, alternatives_by=by))
    result = solve(job, problem.offers)
    if result.plan is None:
        return
    assert (result.alternatives_by, result.solver.reproducible) == (by, True)
    left = [plan for plan in problem.oracle.plans if not plan.broken]
    for shown in (result.plan, *result.alternatives):
        best = min(left, key=lambda plan: plan.values(job.objectives))
        assert of_answer(shown) in {of_oracle(plan) for plan in left}
        assert _value(shown, job.objectives[0]) == pytest.approx(best.value(job.objectives[0]), rel=1e-6)
        left = [plan for plan in left if of_oracle(plan) != of_answer(shown)]
    assert len(result.alternatives) == 4 or not left


def _value(plan: PlanAnswer, objective: str) -> float:
    return {
        "cost": plan.prediction.cost_usd,
        "gpus": float(plan.gpus),
        "time": plan.prediction.total_hours * 3600,
    }[objective]
