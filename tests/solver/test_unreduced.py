"""CP-SAT alone, over every row and without reductions, gives the same answers as the pipeline and the oracle."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from agreement import compare_alone, literals
from gpuplan.physics import Physics
from gpuplan.pipeline import find
from gpuplan.space import build_space
from gpuplan.unreduced import find_unreduced, unreduced_tables
from gpuplan.verify import violations
from problems import Problem, problem_of

pytestmark = pytest.mark.sources

COUNT = 60
#: Literals of a model that CP-SAT decides in well under a second.
MOST_LITERALS = 2000


@pytest.fixture(scope="module")
def small() -> list[tuple[Problem, int]]:
    """Problems with few rows, and how many those are."""
    sizes = [(problem, literals(problem)) for problem in map(problem_of, range(COUNT))]
    return [(problem, size) for problem, size in sizes if 0 < size <= MOST_LITERALS]


@pytest.mark.slow
def test_it_agrees_with_the_pipeline_and_the_oracle(small: list[tuple[Problem, int]]) -> None:
    statuses: Counter[str] = Counter()
    for problem, _ in small:
        alone, oracle = find_unreduced(problem.job, problem.offers), problem.oracle.solve()
        assert compare_alone(oracle, alone) is None
        reduced = find(problem.job, problem.offers)
        statuses[alone.status] += 1
        assert alone.status == reduced.status
        if alone.value is not None and alone.plan is not None:
            assert violations(alone.plan) == []
            assert alone.value == pytest.approx(reduced.value, rel=alone.rounding_bound)
    assert min(statuses["optimal"], statuses["infeasible"]) >= 10, statuses


def test_the_only_training_time_there_is_fits_its_own_units() -> None:
    # One shape: the longest training is that of the plan, and rounding up must not push it out.
    problem = problem_of(9350)
    assert compare_alone(problem.oracle.solve(), find_unreduced(problem.job, problem.offers)) is None


def test_every_row_and_offer_is_in_the_model(small: list[tuple[Problem, int]]) -> None:
    problem, size = small[0]
    space = build_space(problem.job, problem.offers, reduced=False)
    tables, v = unreduced_tables(Physics(space)), space.values
    shapes = len(v.pipeline) * len(v.virtual) * len(v.lighter) * len(v.data) * len(v.micro_batch) * len(v.global_batch)
    degrees = len(v.tensor) * len(v.context) * len(v.pipeline) * len(v.expert) * len(v.expert_tensor)
    held = len(v.lighter) * len(v.data) * len(v.zero) * len(v.offload)
    sizes = len(np.unique(space.machines.gpus_per_node))
    assert tables.offers == len(space.offers)
    assert tables.shapes == shapes
    assert tables.states == sizes * len(v.frameworks) * degrees * held
    assert find_unreduced(problem.job, problem.offers).literals == size + tables.offers


def test_nothing_to_choose_from_is_infeasible(small: list[tuple[Problem, int]]) -> None:
    problem, _ = small[0]
    assert find_unreduced(problem.job, []).status == "infeasible"
    nowhere = replace(problem.job, limits=replace(problem.job.limits, regions=("moon",)))
    assert find_unreduced(nowhere, problem.offers).status == "infeasible"
