"""Every bound of the search is one: no layout trains faster, costs less or needs less memory than it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from gpuplan.bounds import machine_bounds
from gpuplan.candidates import StateRows
from gpuplan.job import Limits
from gpuplan.look import Sold
from gpuplan.objectives import objectives
from gpuplan.order import Order
from gpuplan.physics import Physics
from gpuplan.rules.base import TOLERANCE
from gpuplan.search import Searcher
from gpuplan.space import Space, build_space
from performance.rows import CATALOGUE, Recorder, Rows, Whole, catalogued, whole

Array = np.ndarray

PROBLEMS = 60
#: Rows of each machine class that are taken for the best plan; the last bits of sums of floating-point numbers.
ROWS, NOISE = 3, 1e-12


def check_times(rows: Rows) -> int:
    """No bound exceeds the exact time of any row. How many rows were held against one as states."""
    exact = rows.training
    assert np.all(rows.pairs.bound[rows.pair] <= exact)
    (groups, by_group), (states, by_state) = asked(rows.look)
    bounds = np.zeros(len(rows.look.shardings))
    bounds[states] = by_state
    assert np.all(bounds[rows.states] <= exact)
    seen = bounds[rows.states] > 0
    bounds[:] = 0
    bounds[groups] = by_group
    first = rows.look.shardings.group_first
    group = first[np.searchsorted(first, rows.states, side="right") - 1]
    assert np.all(bounds[group] <= exact)
    return int(seen.sum())


def asked(look: Recorder) -> list[tuple[Array, Array]]:
    """States and their bounds: the first of each group, and all."""
    look.asked.clear()
    look.states(Order.of(("time",)), None)
    nothing = (np.zeros(0, dtype=np.int64), np.zeros(0))
    return [*look.asked, nothing, nothing][:2]


def test_no_layout_is_faster_than_its_bounds() -> None:
    held = [check_times(rows) for seed in range(PROBLEMS) for rows in whole(seed).rows]
    assert sum(held) > sum(len(rows) for seed in range(PROBLEMS) for rows in whole(seed).rows) / 2


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_layout_of_the_catalogue_is_faster_than_its_bounds(name: str) -> None:
    for rows in catalogued(name):
        check_times(rows)
        check_memory(rows)


def check_memory(rows: Rows) -> None:
    assert np.all(rows.look.shardings.floor[rows.states] <= rows.memory * (1 + NOISE))


def test_no_layout_needs_less_memory_than_its_floor() -> None:
    for seed in range(PROBLEMS):
        for rows in whole(seed).rows:
            check_memory(rows)


def test_every_layout_that_fits_is_in_the_space() -> None:
    # What bounds of memory leave out before layouts are whole does not fit.
    for seed in range(PROBLEMS):
        problem = whole(seed)
        space = real(problem)
        searcher = Searcher(Physics(space), Order.of(("time",)))
        for rows in problem.rows:
            kept = alike(searcher.look(rows.look.machine).shardings.rows)
            every = alike(rows.look.shardings.rows)
            fits = rows.states[fitting(rows, space)]
            assert {every[state] for state in np.unique(fits)} <= set(kept)


def alike(rows: StateRows) -> list[tuple[int, ...]]:
    """Framework and decisions of each state."""
    keys = (getattr(rows.keys, name) for name in rows.keys.__dataclass_fields__)
    return list(zip(*(column.tolist() for column in (rows.framework, *keys)), strict=True))


def real(problem: Whole) -> Space:
    """The problem's space with memories as they are, without limits."""
    return build_space(replace(problem.space.job, limits=Limits(allow_unknown_host=True)), problem.offers)


def fitting(rows: Rows, space: Space) -> Array:
    capacity = space.machines.usable_memory_bytes[rows.look.machine]
    return np.asarray(rows.candidates.memory_bytes() <= capacity * (1 + TOLERANCE))


def on_offers(rows: Rows) -> Iterator[tuple[Sold, Array]]:
    """Each offer with the rows that it can hold."""
    for sold in rows.look.sold:
        inside, _ = rows.look.on_offer(Order.of(("time",)), sold, rows.states, rows.training)
        yield sold, np.flatnonzero(inside)


@pytest.mark.parametrize("name", sorted(objectives()))
def test_no_plan_beats_the_bound_of_its_machine(name: str) -> None:
    order, compared = Order.of((name,)), 0
    for seed in range(PROBLEMS):
        problem = whole(seed)
        space = real(problem)
        bounds = machine_bounds(space, order.primary)
        for rows in problem.rows:
            look, fits = rows.look, fitting(rows, space)
            leasts = [look.groups(order, None)[1], look.states(order, None)[1]]
            leasts.append(look.pairs(order, None, look.states(order, None)[0])[1])
            for sold, inside in on_offers(rows):
                _, values = look.on_offer(order, sold, rows.states[inside], rows.training[inside])
                assert np.all(np.max(leasts) <= values * (1 + NOISE))
                assert np.all(bounds[look.machine] <= values[fits[inside]] * (1 + NOISE))
                compared += len(values)
    assert compared > 1000


def test_a_plan_outlasts_every_bound_while_it_is_the_best() -> None:
    # Taken for the best plan so far, a row must still be found among the states and pairs that may be as good.
    orders = [Order.of(names) for names in (("time",), ("cost",), ("gpus", "time"), ("cost_at_confidence",))]
    for seed in range(PROBLEMS):
        rng = Random(seed)
        for rows in whole(seed).rows:
            for sold, inside in on_offers(rows):
                for row in rng.sample(inside.tolist(), min(ROWS, len(inside))):
                    check_stays(rows, sold, row, rng.choice(orders))


def check_stays(rows: Rows, sold: Sold, row: int, order: Order) -> None:
    look, state = rows.look, rows.states[[row]]
    count, factor = look.shardings.count_index[state], look.factor(state)
    _, best = order.best_of(sold.clusters, count, rows.training[[row]], factor)
    states, _ = look.states(order, best)
    assert state[0] in states
    pairs, _ = look.pairs(order, best, states)
    assert np.any((pairs.state == state[0]) & (pairs.atom == rows.pairs.atom[rows.pair[row]]))
