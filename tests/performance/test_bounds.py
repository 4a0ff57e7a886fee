"""Every bound of the search is one: no layout trains faster, costs less or needs less memory than it says."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from gpuplan.bounds import machine_bounds
from gpuplan.look import Look, Pairs, Sold
from gpuplan.objectives import objectives
from gpuplan.order import Order
from gpuplan.physics import Physics
from gpuplan.rules.base import TOLERANCE
from gpuplan.search import Searcher
from gpuplan.space import Space
from performance.rows import CATALOGUE, Recorder, Rows, catalogued, real, whole

Array = np.ndarray

PROBLEMS = 90
#: Rows of each machine class that are taken for the best plan; the last bits of sums of floating-point numbers.
ROWS, NOISE = 6, 1e-12


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


@pytest.mark.sources
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


def test_every_layout_that_fits_is_looked_at() -> None:
    # What bounds of memory leave out before layouts are whole does not fit, nor do atoms that fit with no state.
    for seed in range(PROBLEMS):
        problem = whole(seed)
        space = real(problem.space)
        searcher = Searcher(Physics(space), Order.of(("time",)))
        searcher.run()
        for rows in problem.rows:
            look = searcher.look(rows.look.machine)
            kept = look.join(np.arange(len(look.shardings)))
            every = decisions(rows.look, rows.pairs)
            fits = np.unique(rows.pair[fitting(rows, space)])
            assert {every[pair] for pair in fits} <= set(decisions(look, kept))


def decisions(look: Look, pairs: Pairs) -> list[tuple[int, ...]]:
    """Framework and all decisions of each pair."""
    states, atoms = look.shardings.rows.keys, look.atoms.keys
    columns = [look.framework[pairs.state]]
    columns += [getattr(states, name)[pairs.state] for name in states.__dataclass_fields__]
    columns += [atoms.micro_batch[pairs.atom], atoms.recompute[pairs.atom]]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def fitting(rows: Rows, space: Space) -> Array:
    capacity = space.machines.usable_memory_bytes[rows.look.machine]
    return np.asarray(rows.candidates.memory_bytes() <= capacity * (1 + TOLERANCE))


def on_offers(rows: Rows) -> Iterator[tuple[Sold, Array]]:
    """Each offer with the rows that it can hold."""
    for sold in rows.look.sold:
        inside, _ = rows.look.on_offer(Order.of(("time",)), sold, rows.states, rows.training)
        yield sold, np.flatnonzero(inside)


@pytest.mark.parametrize("name", sorted(objectives()))
def test_no_plan_beats_the_bounds_of_its_machine(name: str) -> None:
    order, compared = Order.of((name,)), 0
    for seed in range(PROBLEMS):
        problem = whole(seed)
        space = real(problem.space)
        bounds = machine_bounds(space, order.primary)
        for rows in problem.rows:
            compared += check_values(rows, space, order, float(bounds[rows.look.machine]))
    assert compared > 1000


@pytest.mark.parametrize("job", CATALOGUE)
@pytest.mark.parametrize("name", ["cost", "gpus", "time"])
def test_no_plan_of_the_catalogue_beats_the_bounds_of_its_machine(name: str, job: str) -> None:
    order = Order.of((name,))
    space = real(catalogued(job)[0].space)
    bounds = machine_bounds(space, order.primary)
    compared = [check_values(rows, space, order, float(bounds[rows.look.machine])) for rows in catalogued(job)]
    assert sum(compared) > 100


def check_values(rows: Rows, space: Space, order: Order, bound: float) -> int:
    """No row has a lower value on any offer than the bounds of groups, states and pairs, nor one that fits than the machine's."""
    look, fits, compared = rows.look, fitting(rows, space), 0
    states, least = look.states(order, None)
    leasts = [look.groups(order, None)[1], least, look.pairs(order, None, states)[1]]
    for sold, inside in on_offers(rows):
        _, values = look.on_offer(order, sold, rows.states[inside], rows.training[inside])
        assert np.all(np.max(leasts) <= values * (1 + NOISE))
        assert np.all(bound <= values[fits[inside]] * (1 + NOISE))
        compared += len(values)
    return compared


def test_a_plan_outlasts_every_bound_while_it_is_the_best() -> None:
    # Taken for the best plan so far, a row must still be found among the states and pairs that may be as good.
    orders = [Order.of(names) for names in (("time",), ("cost",), ("gpus", "time"), ("cost_at_confidence",))]
    checked = 0
    for seed in range(PROBLEMS):
        rng = Random(seed)
        for rows in whole(seed).rows:
            for sold, inside in on_offers(rows):
                for row in rng.sample(inside.tolist(), min(ROWS, len(inside))):
                    check_stays(rows, sold, row, rng.choice(orders))
                    checked += 1
    assert checked > 500


def check_stays(rows: Rows, sold: Sold, row: int, order: Order) -> None:
    look, state = rows.look, rows.states[[row]]
    count, factor = look.shardings.count_index[state], look.factor(state)
    _, best = order.best_of(sold.clusters, count, rows.training[[row]], factor)
    states, _ = look.states(order, best)
    assert state[0] in states
    pairs, _ = look.pairs(order, best, states)
    assert np.any((pairs.state == state[0]) & (pairs.atom == rows.pairs.atom[rows.pair[row]]))
