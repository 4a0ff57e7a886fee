"""CP-SAT alone, over every row and without reductions, gives the same answers as the pipeline and the oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpuplan.physics import Physics
from gpuplan.pipeline import find
from gpuplan.space import build_space
from gpuplan.unreduced import find_unreduced, unreduced_tables
from gpuplan.verify import violations
from problems import Problem, problem_of

COUNT = 50
#: Literals of a model that CP-SAT decides in well under a second.
MOST_LITERALS = 2000


@pytest.fixture(scope="module")
def small() -> list[tuple[Problem, int]]:
    """Problems with few rows, and how many those are."""
    found = []
    for seed in range(COUNT):
        problem = problem_of(seed)
        space = build_space(problem.job, problem.offers, reduced=False)
        if space.offers and space.values.frameworks:
            tables = unreduced_tables(Physics(space))
            literals = tables.atoms + tables.shapes + tables.states
            found += [(problem, literals)] if literals <= MOST_LITERALS else []
    return found


@pytest.mark.slow
def test_it_agrees_with_the_pipeline_and_the_oracle(small: list[tuple[Problem, int]]) -> None:
    statuses = []
    for problem, _ in small:
        alone, reduced, oracle = (
            find_unreduced(problem.job, problem.offers),
            find(problem.job, problem.offers),
            problem.oracle.solve(),
        )
        assert alone.status == reduced.status == ("infeasible" if oracle.value is None else "optimal")
        statuses.append(alone.status)
        if oracle.value is None or alone.value is None or reduced.value is None or alone.plan is None:
            assert alone.value is oracle.value is reduced.value
            continue
        assert violations(alone.plan) == []
        assert alone.value == pytest.approx(oracle.value, rel=alone.rounding_bound)
        assert alone.value == pytest.approx(reduced.value, rel=alone.rounding_bound)
    assert min(statuses.count("optimal"), statuses.count("infeasible")) >= 10, statuses


def test_every_row_and_offer_is_in_the_model(small: list[tuple[Problem, int]]) -> None:
    problem, literals = small[0]
    space = build_space(problem.job, problem.offers, reduced=False)
    tables, v = unreduced_tables(Physics(space)), space.values
    assert tables.offers == len(space.offers) == len(problem.oracle.offers)
    assert tables.shapes == len(v.pipeline) * len(v.data) * len(v.micro_batch) * len(v.global_batch)
    sizes = len(np.unique(space.machines.gpus_per_node))
    per_framework = len(v.tensor) * len(v.pipeline) * len(v.expert) * len(v.data) * len(v.zero)
    assert tables.states == sizes * len(v.frameworks) * per_framework
    assert find_unreduced(problem.job, problem.offers).literals == literals + tables.offers


def test_nothing_to_choose_from_is_infeasible(small: list[tuple[Problem, int]]) -> None:
    problem, _ = small[0]
    assert find_unreduced(problem.job, []).status == "infeasible"
    nowhere = replace(problem.job, limits=replace(problem.job.limits, regions=("moon",)))
    assert find_unreduced(nowhere, problem.offers).status == "infeasible"
