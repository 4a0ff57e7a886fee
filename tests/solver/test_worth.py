"""What limits are worth: as much as solving again says, and nothing where the plan would stay as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from gpuplan.ask import Asker
from gpuplan.job import Job, Pins
from gpuplan.pipeline import find
from gpuplan.relax import LIMITS
from gpuplan.result import Worth
from gpuplan.solve import solve
from gpuplan.worth import worth
from gpuplan_hardware import Offer
from problems import Problem, limited, problem_of, problems

BY_NAME = {limit.name: limit for limit in LIMITS}


def value_under(job: Job, offers: tuple[Offer, ...], one: Worth) -> float | None:
    limit = BY_NAME[one.limit]
    whole = limit.unit in ("GPUs", "nodes")
    return find(limit.set(job, round(one.to) if whole else one.to / limit.scale), offers).value


@pytest.mark.sources
@settings(max_examples=40)
@given(problems())
def test_a_limit_is_worth_what_solving_again_says(problem: Problem) -> None:
    job, offers = replace(problem.job, pins=Pins()), problem.offers
    outcome = find(job, offers)
    answer = worth(job, outcome, Asker(offers, 60.0))
    if outcome.value is None:
        assert not answer.found
        return
    assert answer.undecided == []
    given_limits = {limit.name for limit in LIMITS if limit.given(job)}
    assert {one.limit for one in answer.found if one.step > 0} == given_limits
    for one in answer.found:
        again = value_under(job, offers, one)
        assert again == pytest.approx(one.objective, rel=1e-9)
        assert one.saves == pytest.approx(outcome.value - one.objective, rel=1e-9, abs=1e-9)
        assert (one.plan is None) == (one.saves == 0.0)
        assert one.saves >= 0.0 if one.step > 0 else one.saves <= 0.0
    for name in given_limits:
        freed = find(BY_NAME[name].lifted(job), offers).value
        assert freed is not None
        assert (name in answer.binding) == (freed < outcome.value * (1 - 1e-9))


@pytest.mark.sources
def test_the_rule_that_holds_the_plan_back_is_said_to_bind() -> None:
    found = 0
    for seed in range(40):
        problem = problem_of(seed)
        free = replace(problem.job, objectives=("time", "cost"), pins=Pins())
        best = find(free, problem.offers).plan
        if best is None or best.gpus * free.parallel == 1:
            continue
        tight = limited(free, max_gpus=best.gpus * free.parallel - 1)
        result = solve(tight, problem.offers)
        if result.plan is not None and any(one.limit == "max_gpus" and one.saves > 0 for one in result.worth):
            found += 1
            assert next(rule for rule in result.rules if rule.rule == "max_gpus").binding
    assert found >= 1


def test_without_time_nothing_is_said_and_that_is_said() -> None:
    problem = next(p for p in map(problem_of, range(60)) if find(p.job, p.offers).plan is not None)
    job = limited(problem.job, max_gpus=10**6)
    answer = worth(job, find(job, problem.offers), Asker(problem.offers, 0.0))
    assert answer.found == []
    assert "worth of max_gpus" in answer.undecided
