"""Rows evaluated by the million are the layouts predicted one by one: same seconds, same bytes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gpuplan.candidates import Physics
from gpuplan.job import Job, resolve
from gpuplan.performance import interval
from gpuplan.plan import Plan
from gpuplan.search import View, evaluate, make_plan
from gpuplan.space import Space, build_space
from gpuplan_hardware import offers

ROWS = 300
JOBS = {
    "dense": {"model": "deepseek-r1-distill-qwen-7b", "method": "full", "data": "1GB", "global_batch": "64:256"},
    "dense adapters": {"model": "llama-3.1-70b", "method": "qlora", "data": "1GB", "seq_len": "8192"},
    "r1": {"model": "deepseek-r1", "method": "lora", "data": "100MB", "global_batch": "128"},
}


@pytest.fixture(scope="module", params=list(JOBS.values()), ids=list(JOBS))
def space(request: pytest.FixtureRequest) -> Space:
    job: Job = resolve(request.param | {"gpu": ["H100-SXM", "H200-SXM"]})
    return build_space(job, offers())


@pytest.fixture(scope="module")
def plans(space: Space) -> list[tuple[View, int, Plan]]:
    """Random rows of all machines, each with the plan it stands for."""
    physics = Physics(space)
    views = [evaluate(physics, machine) for machine in range(len(space.machines))]
    rows = [(view, row) for view in views for row in range(len(view.candidates))]
    chosen = random.Random(1).sample(rows, min(ROWS, len(rows)))
    return [(view, row, make_plan(space, view, space.offers_of(view.machine)[0], row)) for view, row in chosen]


def test_sample_is_large_and_varied(plans: list[tuple[View, int, Plan]]) -> None:
    assert len(plans) == ROWS
    layouts = [plan.layout for _, _, plan in plans]
    assert len({(layout.data, layout.micro_batch, layout.recompute, layout.zero) for layout in layouts}) > 30


def test_rows_are_plans(plans: list[tuple[View, int, Plan]]) -> None:
    for view, row, plan in plans:
        assert view.training[row] == pytest.approx(plan.training_seconds, rel=1e-12)
        assert view.candidates.memory_bytes()[row] == pytest.approx(
            plan.prediction.memory_bytes * interval.factor(plan.prediction.memory_width, plan.job.confidence),
            rel=1e-12,
        )
        assert view.factor[row] == plan.step_factor
        assert (view.gpus[row], view.nodes[row]) == (plan.gpus, plan.nodes)
        assert plan.layout.gpus <= plan.gpus


def test_bounds_are_bounds(space: Space) -> None:
    physics = Physics(space)
    for machine in range(len(space.machines)):
        view = evaluate(physics, machine)
        assert np.all(view.training_bound <= view.training)
