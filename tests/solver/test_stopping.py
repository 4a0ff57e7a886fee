"""A search that is cut short, by its time limit or by the user, gives the best so far with a bound, and claims no proof."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gpuplan.build import ModelTooLargeError
from gpuplan.job import Job, Pins
from gpuplan.order import Order
from gpuplan.physics import Physics
from gpuplan.pipeline import Outcome, find
from gpuplan.prove import Proof, prove
from gpuplan.search import Search, Searcher
from gpuplan.space import build_space
from gpuplan.verify import violations
from gpuplan_hardware import Offer
from problems import problem_of

pytestmark = pytest.mark.sources

FEW = settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
#: What two evaluations may differ by, and the margin of every bound.
SAME = 1e-8
#: Looks at the clock, or evaluations, after which a search is stopped: some searches are over by then.
TURNS = st.integers(0, 12)


@cache
def asked(seed: int) -> tuple[Job, tuple[Offer, ...]]:
    """A random problem with all decisions open."""
    problem = problem_of(seed)
    return replace(problem.job, pins=Pins()), problem.offers


ASKED = st.integers(0, 10**6).map(asked)


class Clock:
    """A clock on which a second passes whenever somebody looks at it."""

    def __init__(self) -> None:
        self.now = -1.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


def searched(job: Job, offers: tuple[Offer, ...], seconds: float) -> Search:
    """A search on such a clock, a few pairs at a time."""
    space = build_space(job, offers)
    with (
        patch("gpuplan.search.time", Clock()),
        patch("gpuplan.search.FIRST_CHUNK", 20),
        patch("gpuplan.search.LARGEST_CHUNK", 20),
    ):
        return Searcher(Physics(space), Order.of(job.objectives), seconds).run()


# -- the time limit ----------------------------------------------------------------------------------------------------------
@FEW
@given(ASKED, TURNS)
def test_the_bound_of_a_search_that_ran_out_of_time_is_no_better_than_the_best_plan(
    question: tuple[Job, tuple[Offer, ...]], turns: int
) -> None:
    job, offers = question
    best = find(job, offers).value
    found = searched(job, offers, turns)
    assert found.bound <= (math.inf if best is None else best) * (1 + SAME)
    if best is None:
        assert found.best is None
    elif found.complete:
        assert found.value == pytest.approx(best, rel=1e-6)
    elif found.best is not None:
        assert found.value >= best * (1 - SAME)
        assert violations(found.best) == []


def test_searches_are_cut_short_in_every_state() -> None:
    """The clock above stops some with a plan, some without, and lets some finish."""
    found = [searched(*asked(seed), turns) for seed in range(12) for turns in (0, 1, 2, 4, 8, 16)]
    assert any(not each.complete and each.best is None for each in found)
    assert any(not each.complete and each.best is not None for each in found)
    assert any(each.complete and each.best is not None for each in found)


@FEW
@given(ASKED)
def test_no_time_at_all_proves_nothing(question: tuple[Job, tuple[Offer, ...]]) -> None:
    job, offers = question
    best = find(job, offers)
    outcome = find(replace(job, search=replace(job.search, time_limit_seconds=0.0)), offers)
    assert outcome.plan is None
    _is_honest(outcome, best)
    if len(outcome.space.machines) and outcome.bound is not None:
        assert (outcome.status, outcome.stopped) == ("unknown", "time limit")


@pytest.mark.parametrize("seconds", [1e-3, 5e-3, 0.02])
def test_a_tiny_limit_never_calls_a_worse_plan_optimal(seconds: float) -> None:
    for seed in range(15):
        job, offers = asked(seed)
        best = find(job, offers)
        outcome = find(replace(job, search=replace(job.search, time_limit_seconds=seconds)), offers)
        _is_honest(outcome, best)


def _is_honest(outcome: Outcome, best: Outcome) -> None:
    """What the outcome of a shorter search claims is true, held against the whole search."""
    if outcome.status in ("optimal", "infeasible"):
        value = None if best.value is None else pytest.approx(best.value, rel=SAME)
        assert (outcome.status, outcome.value) == (best.status, value)
        return
    assert outcome.status == ("unknown" if outcome.plan is None else "feasible")
    assert outcome.stopped in ("time limit", "interrupted")
    optimum = math.inf if best.value is None else best.value
    assert outcome.bound is None or outcome.bound <= optimum * (1 + SAME)
    assert outcome.value is None or outcome.value >= optimum * (1 - SAME)


# -- the user ----------------------------------------------------------------------------------------------------------------
def interrupted(place: str, turns: int) -> Any:
    """The user interrupts when a function is called for more than so many times."""
    return patch(place, _until(turns, ORIGINALS[place]))


def _until(turns: int, function: Callable[..., Any]) -> Callable[..., Any]:
    calls = iter(range(turns))

    def called(*arguments: Any, **words: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return function(*arguments, **words)

    return called


ORIGINALS: dict[str, Callable[..., Any]] = {
    "gpuplan.search.Searcher._evaluate": Searcher._evaluate,
    "gpuplan.search.Searcher._look": Searcher._look,
    "gpuplan.prove.prove": prove,
}


@FEW
@given(ASKED, st.sampled_from(["gpuplan.search.Searcher._evaluate", "gpuplan.search.Searcher._look"]), TURNS)
def test_an_interrupted_search_gives_the_best_so_far(
    question: tuple[Job, tuple[Offer, ...]], place: str, turns: int
) -> None:
    job, offers = question
    with interrupted(place, turns):
        outcome = find(job, offers)
    _is_honest(outcome, find(job, offers))


def test_plans_that_were_found_before_the_interrupt_are_not_lost() -> None:
    kept = 0
    for seed in range(20):
        job, offers = asked(seed)
        with (
            interrupted("gpuplan.search.Searcher._evaluate", 1),
            patch("gpuplan.search.FIRST_CHUNK", 20),
            patch("gpuplan.search.LARGEST_CHUNK", 20),
        ):
            outcome = find(job, offers)
        kept += outcome.stopped == "interrupted" and outcome.plan is not None
    assert kept > 2


@pytest.mark.parametrize("objectives", [("cost",), ("gpus", "time")])
def test_an_interrupted_proof_leaves_the_plan_without_one(objectives: tuple[str, ...]) -> None:
    for seed in range(10):
        job, offers = asked(seed)
        job = replace(job, objectives=objectives)
        best = find(job, offers)
        for turns in range(len(objectives)):
            with interrupted("gpuplan.prove.prove", turns):
                outcome = find(job, offers)
            if best.plan is not None:
                assert (outcome.status, outcome.stopped) == ("feasible", "interrupted")
                assert outcome.plan is not None
                assert (outcome.plan.offer, outcome.plan.layout) == (best.plan.offer, best.plan.layout)
            else:
                _is_honest(outcome, best)


# -- models that are too large -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("which", [0, 1])
def test_a_model_too_large_for_cp_sat_is_no_proof(which: int) -> None:
    """Be it the first objective's or the second's."""
    calls = iter(range(2))

    def asked_too_much(*arguments: Any) -> Proof:
        if next(calls) == which:
            raise ModelTooLargeError("cost: activity 9007199254740992 is not below 2^53")
        return prove(*arguments)

    job, offers = next(asked(seed) for seed in range(50) if find(*asked(seed)).plan is not None)
    with patch("gpuplan.prove.prove", asked_too_much):
        outcome = find(replace(job, objectives=("gpus", "time")), offers)
    assert outcome.plan is not None
    assert outcome.status == "feasible"
    assert "not proved by CP-SAT" in outcome.proof
