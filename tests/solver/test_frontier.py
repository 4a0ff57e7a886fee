"""Frontiers against brute force: every plan of a random small problem that no other one beats, found and proved.

``GPUPLAN_FRONTIER_SEED`` and ``GPUPLAN_FRONTIER_COUNT`` take other problems, or more of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from unittest.mock import patch

import pytest

import gpuplan
from agreement import NEAR, SAME
from gpuplan.job import Job, Limits
from gpuplan.sweeping.frontier import FRONTIERS
from gpuplan.sweeping.points import value_of
from gpuplan.sweeping.result import SweepResult
from gpuplan_hardware import Offer
from oracle import Evaluated, Oracle
from problems import problem_of

pytestmark = pytest.mark.sources

SEED = int(os.environ.get("GPUPLAN_FRONTIER_SEED", "0"))
COUNT = int(os.environ.get("GPUPLAN_FRONTIER_COUNT", "200"))
#: In turn; time is what gives many points.
PAIRS = [("cost", "time"), ("cost", "deadline"), *FRONTIERS]
#: Nodes of an offer where a problem is made wider.
MOST_NODES = 16
#: Two plans whose values differ by a smaller share are one point.
ONE = 1e-8


@dataclass(frozen=True)
class Case:
    """A problem, its frontier by the solver, and by brute force: pairs of values, the first rising."""

    seed: int
    pair: tuple[str, str]
    found: SweepResult
    exact: list[tuple[float, float]]
    near: bool

    @property
    def values(self) -> list[tuple[float, float]]:
        return [(value_of(p, self.pair[0]), value_of(p, self.pair[1])) for p in self.found.points if p.plan]


def _case(seed: int) -> Case:
    problem, pair = problem_of(seed), PAIRS[seed % len(PAIRS)]
    job, offers = problem.job, problem.offers
    if seed // len(PAIRS) % 4:
        job, offers = _wide(job), tuple(replace(offer, max_nodes=MOST_NODES) for offer in offers)
    with patch(
        "gpuplan.sweeping.chain.better_framework", return_value=None
    ):  # no part of the frontier, and half of the time
        found = gpuplan.frontier(job, pair, offers=offers)
    return Case(seed, pair, found, *_brute_force(job, offers, pair))


def _wide(job: Job) -> Job:
    """With few limits and more decisions open: then a frontier has more than one point."""
    mine = job.limits
    limits = Limits(marketplace=True, allow_unknown_host=mine.allow_unknown_host, pricing=mine.pricing)
    return replace(
        job,
        limits=limits,
        pins=replace(job.pins, data_parallel=None, nodes=None, zero_stage=None, tensor_parallel=None),
    )


def _brute_force(job: Job, offers: Sequence[Offer], pair: tuple[str, str]) -> tuple[list[tuple[float, float]], bool]:
    """Values of the plans that no other plan is as good as in both and better in one; and whether a limit is too near to tell."""
    timed = job.limits.timed or pair != ("cost", "gpus")
    oracle = Oracle(replace(job, limits=replace(job.limits, timed=timed)), offers)
    values = sorted({(_value(plan, pair[0]), _value(plan, pair[1])) for plan in oracle.plans if not plan.broken})
    kept: list[tuple[float, float]] = []
    for first, second in values:
        if kept and kept[-1][0] >= first * (1 - ONE) and second < kept[-1][1] * (1 - ONE):
            kept.pop()  # as cheap, and better otherwise
        if not kept or second < kept[-1][1] * (1 - ONE):
            kept.append((first, second))
    return kept, min((plan.distance for plan in oracle.plans), default=1.0) < NEAR


def _value(plan: Evaluated, word: str) -> float:
    """A value in the units of the answer."""
    if word == "time":
        return plan.time / 3600
    return plan.deadline_clock / 3600 if word == "deadline" else plan.value(word)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [_case(seed) for seed in range(SEED, SEED + COUNT)]


@pytest.mark.slow
def test_the_frontier_is_that_of_brute_force(cases: list[Case]) -> None:
    wrong = [f"seed {c.seed} {c.pair}: {c.values} is not {c.exact}" for c in cases if not c.near and not _same(c)]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)}:", *wrong])
    assert sum(case.near for case in cases) < 0.02 * COUNT
    assert sum(len(case.exact) > 2 for case in cases) > 0.1 * COUNT, "few problems have a frontier worth the name"
    assert any(not case.exact for case in cases)


def _same(case: Case) -> bool:
    if len(case.values) != len(case.exact):
        return False
    # What interruptions may cost beyond the expected is computed by two formulas, which agree to a millionth.
    near = (ONE, NEAR if case.pair[1] == "deadline" else ONE)
    pairs = zip(case.values, case.exact, strict=True)
    return all(abs(a - b) <= share * b for mine, exact in pairs for a, b, share in zip(mine, exact, near, strict=True))


@pytest.mark.slow
def test_every_point_is_proved_and_none_is_beaten(cases: list[Case]) -> None:
    for case in cases:
        assert case.found.status == "decided", case.seed
        assert all(point.status == ("optimal" if point.plan else "infeasible") for point in case.found.points)
        _falls(case.values)


def _falls(values: Sequence[tuple[float, float]]) -> None:
    """Along a frontier the first objective rises while the second falls."""
    for (first, second), (dearer, less) in pairwise(values):
        assert first * (1 - SAME) < dearer and less < second


@pytest.mark.slow
def test_a_problem_without_a_plan_is_a_point_with_its_reason(cases: list[Case]) -> None:
    empty = [case for case in cases if not case.exact and not case.near]
    for case in empty:
        (point,) = case.found.points
        assert point.status == "infeasible" and point.plan is None
        assert point.reason is not None and point.reason.startswith("no plan")


SAMPLED = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB"}
#: What a sampled plan is restricted to, in random combinations.
RESTRICTIONS: dict[str, Sequence[str]] = {
    "gpu": ("H100-SXM", "A100-80GB-SXM", "L40S", "H200-SXM", "B200"),
    "provider": ("aws", "lambda", "nebius", "gcp"),
    "max_gpus": ("1", "4", "16", "64"),
    "deadline": ("2h", "8h", "40h"),
    "minimize": ("cost", "time", "gpus"),
    "global_batch": ("256",),
    "zero": ("0", "3"),
}


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_no_sampled_plan_dominates_a_point(pair: tuple[str, str]) -> None:
    found = gpuplan.frontier(SAMPLED, pair)
    points = [(value_of(point, pair[0]), value_of(point, pair[1])) for point in found.points]
    assert len(points) >= (1 if pair == ("cost", "gpus") else 2)
    _falls(points)
    rng = Random(7)
    for _ in range(15):
        words = {name: rng.choice(values) for name, values in RESTRICTIONS.items() if rng.random() < 0.4}
        (sampled,) = gpuplan.sweep(SAMPLED | words, over="budget", values=["$1M"]).points
        if sampled.plan is None:
            continue
        first, second = value_of(sampled, pair[0]), value_of(sampled, pair[1])
        beaten = [point for point in points if first <= point[0] * (1 - ONE) and second <= point[1] * (1 + ONE)]
        beaten += [point for point in points if first <= point[0] * (1 + ONE) and second <= point[1] * (1 - ONE)]
        assert not beaten, (words, first, second, beaten)
        assert any(point[0] <= first * (1 + ONE) and point[1] <= second * (1 + ONE) for point in points), words
