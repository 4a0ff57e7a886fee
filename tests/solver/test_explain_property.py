"""No infeasible answer without its explanation, and none that is wrong: whatever the user states, and whatever it conflicts with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explained import cheapest, check, fewer_pins
from gpuplan.ask import Asker
from gpuplan.explain import explain
from gpuplan.job import Job, Quota
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.relax import MIN_MFU
from gpuplan_hardware import Offer
from problems import Problem, limited, problems

pytestmark = pytest.mark.sources


def _pinned(job: Job, plan: Plan) -> Job:
    """The best layout with one micro-batch size more than fits the batch."""
    pins = replace(job.pins, tensor_parallel=plan.layout.tensor, micro_batch=7 * plan.layout.micro_batch)
    return replace(job, pins=pins)


#: What a user may state so that the best plan, at least, is out.
SIDE_RULES: dict[str, Callable[[Job, Plan], Job]] = {
    "max_tp": lambda job, plan: limited(job, max_tensor=max(1, plan.layout.tensor // 2)),
    "min_mfu": lambda job, plan: limited(job, min_mfu=min(0.99, 1.5 * MIN_MFU.needs(plan))),
    "node_counts": lambda job, plan: limited(job, node_counts=(plan.nodes + 1,)),
    "no_provider": lambda job, plan: limited(job, exclude_providers=(plan.offer.provider.name,)),
    "nvswitch": lambda job, plan: limited(job, nvswitch_only=True),
    "layout": _pinned,
    "deadline": lambda job, plan: limited(
        job, deadline_seconds=0.9 * plan.deadline_clock_seconds(plan.step_factor, plan.deviations), timed=True
    ),
    "budget": lambda job, plan: limited(job, budget_usd=0.9 * plan.cost_at_confidence_usd),
    "quota": lambda job, plan: limited(
        job, quotas=(Quota(max(1, plan.gpus * job.parallel - 1), provider=plan.offer.provider.name), *job.limits.quotas)
    ),
    "max_gpus": lambda job, plan: limited(job, max_gpus=max(1, plan.gpus * job.parallel - 1)),
}


@settings(max_examples=40)
@given(problems(), st.lists(st.sampled_from(sorted(SIDE_RULES)), min_size=1, max_size=3, unique=True))
def test_every_infeasible_question_is_explained_and_the_explanation_holds(problem: Problem, names: list[str]) -> None:
    job, offers = fewer_pins(problem), problem.offers
    for name in names:
        best = cheapest(job, offers)
        job = job if best is None else SIDE_RULES[name](job, best)
    assume(cheapest(job, offers) is None)
    check(job, offers, explain(job, offers))


class _Few(Asker):
    """Answers a number of questions, and then the time is up."""

    def __init__(self, offers: Sequence[Offer], questions: int) -> None:
        super().__init__(offers, math.inf)
        self._left = questions

    def __call__(self, job: Job, objective: str | None = None, offers: Sequence[Offer] | None = None) -> Outcome | None:
        if self._left == 0:
            self.extend(0.0)
        self._left -= 1
        return super().__call__(job, objective, offers)


@settings(max_examples=10)
@given(problems(), st.integers(0, 3))
def test_what_was_not_decided_in_time_is_named_and_nothing_is_guessed(problem: Problem, questions: int) -> None:
    """The time ends after so many questions: what is said is true, and what is not known is named."""
    job, offers = limited(fewer_pins(problem), budget_usd=1e-9, max_gpus=1), problem.offers
    whole = explain(job, offers)
    ask = _Few(offers, questions)
    part = explain(job, offers, ask)
    if not part.undecided:
        assert part == whole
        return
    assert set(part.conflict) <= set(whole.conflict)
    assert set(whole.conflict) <= {*part.conflict, *part.undecided}
