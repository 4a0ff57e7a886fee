"""Rows evaluated by the million are the layouts predicted one by one: same seconds, same bytes."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from gpuplan.performance import interval
from performance.rows import CATALOGUE, Rows, catalogued, some, whole

#: Random problems; how many rows of each machine class of theirs, and of the catalogue, are predicted one by one.
PROBLEMS, ROWS, CATALOGUE_ROWS = 60, 8, 20


def check_rows(rows: Rows, rng: Random, most: int) -> None:
    """Random rows are what the formulas say of their plans."""
    shardings, factor = rows.look.shardings, rows.look.factor(rows.states)
    memory = rows.candidates.memory_bytes()
    for row in rng.sample(range(len(rows)), min(most, len(rows))):
        plan, state = rows.plan(row), rows.states[row]
        found = plan.prediction
        assert rows.training[row] == pytest.approx(plan.training_seconds, rel=1e-9), plan.layout
        confident = found.memory_bytes * interval.factor(found.memory_width, plan.job.confidence)
        assert memory[row] == pytest.approx(confident, rel=1e-9), plan.layout
        assert shardings.rows.ram[state] == pytest.approx(plan.host.ram_bytes, rel=1e-9), plan.layout
        assert factor[row] == plan.step_factor
        assert shardings.node_counts[shardings.count_index[state]] == plan.nodes
        assert plan.layout.gpus <= plan.gpus


def test_rows_of_random_problems_are_plans() -> None:
    for seed in range(PROBLEMS):
        for rows in whole(seed).rows:
            check_rows(rows, Random(seed), ROWS)


def test_rows_take_every_decision() -> None:
    seen: dict[str, set[object]] = {}
    for seed in range(PROBLEMS):
        for rows in whole(seed).rows:
            for row in Random(seed).sample(range(len(rows)), min(ROWS, len(rows))):
                layout = rows.plan(row).layout
                for name in layout.__dataclass_fields__:
                    seen.setdefault(name, set()).add(getattr(layout, name))
    assert {"none", "optimizer", "parameters"} == seen["offload"]
    assert {"none", "first", "last", "both"} == seen["lighter"]
    assert {"none", "selective", "full"} == seen["recompute"]
    assert {0, 1, 2, 3} == seen["zero"]
    for name in ("tensor", "pipeline", "data", "expert", "virtual", "context", "expert_tensor", "micro_batch"):
        assert len(seen[name]) >= 2, name


def test_rows_are_all_layouts_that_no_rule_of_structure_forbids() -> None:
    for seed in range(PROBLEMS):
        problem = whole(seed)
        space = problem.space
        for rows in problem.rows:
            node = space.machines.nodes[rows.look.machine]
            size = space.sizes[int(space.size_of_machine[rows.look.machine])]
            known = {c.layout for c in problem.oracle.layouts.on(node)}
            known = {layout for layout in known if layout.gpus <= size.most_gpus}
            # Which clusters need a network is a question for each offer.
            most = np.inf if node.network is not None else node.scale_up_gpus
            found = [layout for row in range(len(rows)) if (layout := rows.plan(row).layout).gpus <= most]
            assert len(found) == len(set(found))
            assert set(found) == known


@pytest.mark.parametrize("name", CATALOGUE)
def test_rows_of_the_catalogue_are_plans(name: str) -> None:
    for rows in catalogued(name):
        rng = Random(1)
        index = rng.sample(range(len(rows)), min(CATALOGUE_ROWS, len(rows)))
        check_rows(some(rows, np.array(index, dtype=np.int64)), rng, CATALOGUE_ROWS)
