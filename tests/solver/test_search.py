"""The incumbent search: its numbers are those of the plans, its bounds are bounds, its reduction drops nothing that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from gpuplan.bounds import MARGIN, machine_bounds
from gpuplan.candidates import Candidates
from gpuplan.job import Limits, Pins
from gpuplan.layout import Layout
from gpuplan.look import Look, Pairs
from gpuplan.objectives import objectives
from gpuplan.order import Order
from gpuplan.physics import Physics
from gpuplan.pipeline import find
from gpuplan.plan import Plan
from gpuplan.reduce import build_tables, reduce_rows
from gpuplan.search import Searcher, plan_of
from gpuplan.space import build_space
from gpuplan.verify import violations
from problems import Problem, problem_of

SEEDS = range(25)
SAME = 1e-9
#: Layouts of a machine class that a test looks at, drawn at random where there are more.
SHOWN = 2000


def searcher_of(problem: Problem, *names: str) -> Searcher:
    order = Order.of(names or problem.job.objectives)
    return Searcher(Physics(build_space(problem.job, problem.offers)), order)


@dataclass(frozen=True)
class View:
    """Layouts of one machine class, those that bounds leave out too."""

    look: Look
    pairs: Pairs
    pair: np.ndarray
    candidates: Candidates
    training: np.ndarray
    fits: np.ndarray

    @property
    def state(self) -> np.ndarray:
        return np.asarray(self.pairs.state[self.pair])

    def plan(self, offer: int, row: int) -> Plan:
        c = self.candidates
        return plan_of(self.look.space, c.families, offer, int(c.atom[row]), int(c.shape[row]), int(c.state[row]))


def views(searcher: Searcher) -> list[View]:
    return [view_of(searcher.look(machine)) for machine in range(len(searcher.space.machines))]


def view_of(look: Look) -> View:
    pairs = look.join(np.arange(len(look.shardings)))
    candidates, pair = look.layouts(pairs)
    rows = np.sort(np.random.default_rng(0).permutation(len(pair))[:SHOWN])
    candidates, pair = candidates.take(rows), pair[rows]
    return View(look, pairs, pair, candidates, *look.evaluate(candidates))


@cache
def unpinned(seed: int) -> Problem:
    """A random problem with all decisions open: too many layouts for the oracle, so that only the solver itself is asked."""
    problem = problem_of(seed)
    return replace(problem, job=replace(problem.job, pins=Pins()))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("which", [problem_of, unpinned])
def test_a_row_has_the_numbers_of_its_plan(seed: int, which: Any) -> None:
    searcher, random = searcher_of(which(seed)), Random(seed)
    for view in views(searcher):
        look, offers = view.look, searcher.space.offers_of_machine[view.look.machine]
        for row in random.sample(range(len(view.pair)), min(5, len(view.pair))):
            plan, state = view.plan(offers[0], row), view.state[row : row + 1]
            assert plan.training_seconds == pytest.approx(view.training[row], rel=SAME)
            assert plan.step_factor == pytest.approx(look.factor(state)[0], rel=SAME)
            assert plan.nodes == look.shardings.node_counts[look.shardings.count_index[state[0]]]
            assert all(broken.rule != "memory" for broken in violations(plan)) == view.fits[row]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluster_has_the_money_and_the_time_of_its_plans(seed: int) -> None:
    for view in views(searcher_of(problem_of(seed))):
        for sold in view.look.sold:
            for row in range(0, len(view.pair), 1 + len(view.pair) // 5):
                plan, count = view.plan(sold.offer, row), view.look.shardings.count_index[view.state[row]]
                training = float(view.training[row])
                assert sold.clusters.cost(training)[count] == pytest.approx(plan.cost_usd(), rel=SAME)
                assert sold.clusters.wall(training)[count] == pytest.approx(plan.wall_seconds(), rel=SAME)
                assert sold.clusters.gpus[count] == plan.gpus
                inside, _ = view.look.on_offer(
                    Order.of(("cost",)), sold, view.state[row : row + 1], np.array([training])
                )
                # Rules on rows alone hold in every view; what is left is what the cluster decides.
                assert inside[0] == all(broken.rule == "memory" for broken in violations(plan))


# -- bounds ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["cost", "gpus", "time", "nodes", "cost_at_confidence", "time_at_confidence"])
def test_no_plan_is_better_than_the_bound_of_its_machine(seed: int, name: str) -> None:
    problem = problem_of(seed)
    space = build_space(problem.job, problem.offers, reduced=False)
    ids, bounds = [offer.id for offer in space.offers], machine_bounds(space, objectives()[name])
    for plan in problem.oracle.plans:
        if "memory" not in plan.broken:  # the bound counts on as many GPUs as hold the weights
            assert bounds[space.machine_of_offer[ids.index(plan.offer.id)]] <= plan.value(name) * (1 + SAME)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["cost", "gpus", "time"])
def test_no_layout_is_better_than_the_bound_of_its_machine(seed: int, name: str) -> None:
    searcher = searcher_of(unpinned(seed), name)
    bounds = machine_bounds(searcher.space, searcher.order.primary)
    for view in views(searcher):
        for sold in view.look.sold:
            inside, value = view.look.on_offer(searcher.order, sold, view.state, view.training)
            values = value[inside & view.fits]
            assert (bounds[view.look.machine] <= values * (1 + SAME)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_layout_is_faster_or_smaller_than_its_bounds(seed: int) -> None:
    """Groups and states are bounded by what `Look` holds against the limits, pairs and memory by figures of their own."""
    searcher = searcher_of(unpinned(seed))
    for view in views(searcher):
        look, s = view.look, view.look.shardings
        assert (view.pairs.bound[view.pair] <= view.training * (1 + SAME)).all()
        memory = view.candidates.memory_bytes()
        floor = s.floor[view.state] * look.memory_factor[look.framework[view.state]]
        assert (floor <= memory * (1 + SAME)).all()
        by_group, by_state = bounds_of(look, searcher.order)
        assert (by_group[view.state] <= by_state[view.state] * (1 + SAME)).all()
        assert (by_state[view.state] <= view.training * (1 + SAME)).all()


def bounds_of(look: Look, order: Order) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of all steps that each state takes at least, by its group and by itself; 0 where it is not bounded."""
    s, asked = look.shardings, []

    def note(*arguments: Any) -> tuple[np.ndarray, float]:
        asked.append(arguments[2:])
        return np.ones(len(arguments[2]), dtype=bool), 0.0

    with patch.object(look, "_hope", note):
        look.states(order, None)
    group, state = np.zeros(len(s)), np.zeros(len(s))
    if asked:
        firsts, training = asked[0]
        for first, seconds in zip(firsts, training, strict=True):
            length = int(s.group_length[np.flatnonzero(s.group_first == first)[0]])
            group[first : first + length] = seconds
    for states, seconds in asked[1:]:
        state[states] = seconds
    # What is left out for its memory has no bound of its own.
    return np.where(state > 0, group, 0.0), state


# -- the reduction -----------------------------------------------------------------------------------------------------------
def kept_layouts(searcher: Searcher, kept: Any) -> set[tuple[int, Layout]]:
    """Machine class and layout of every row that is left to CP-SAT."""
    found = set()
    for part in kept.rows:
        for a, h, s in zip(part.atom, part.shape, part.state, strict=True):
            machine = int(part.families.atoms.keys.machine[a])
            offer = searcher.space.offers_of_machine[machine][0]
            found.add((machine, plan_of(searcher.space, part.families, offer, int(a), int(h), int(s)).layout))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_reduction_drops_is_no_better_or_breaks_a_limit(seed: int) -> None:
    searcher = searcher_of(problem_of(seed))
    found = searcher.run()
    kept = reduce_rows(searcher)
    left = kept_layouts(searcher, kept)
    for view in views(searcher):
        machine = view.look.machine
        offer = searcher.space.offers_of_machine[machine][0]
        here = np.array([(machine, view.plan(offer, row).layout) in left for row in range(len(view.pair))], dtype=bool)
        for sold in view.look.sold:
            inside, values = view.look.on_offer(searcher.order, sold, view.state, view.training)
            dropped = ~here if sold.offer in kept.offers else np.ones_like(here)
            assert (values[inside & view.fits & dropped] >= found.value * (1 - MARGIN)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_plan_and_its_training_time_are_kept(seed: int) -> None:
    problem = problem_of(seed)
    searcher = searcher_of(problem)
    found, kept = searcher.run(), reduce_rows(searcher)
    if found.best is None or found.row is None:
        assert problem.oracle.solve().value is None
        return
    machine, offer, _ = found.row
    assert offer in kept.offers
    assert (machine, found.best.layout) in kept_layouts(searcher, kept)
    assert found.best.training_seconds <= build_tables(searcher, kept, searcher.order.primary).horizon_seconds


# -- by example --------------------------------------------------------------------------------------------------------------
@cache
def easy() -> Problem:
    """A problem with a plan and without limits."""
    problem = next(problem_of(seed) for seed in range(100) if problem_of(seed).oracle.solve().value is not None)
    return replace(problem, job=replace(problem.job, limits=Limits(allow_unknown_host=True)))


def test_nothing_to_choose_from_is_infeasible() -> None:
    outcome = find(easy().job, [])
    assert (outcome.status, outcome.plan, outcome.value, outcome.layouts) == ("infeasible", None, None, 0)


def test_equal_offers_are_told_apart_by_their_id() -> None:
    best = find(easy().job, easy().offers).plan
    assert best is not None
    twins = [replace(best.offer, id=name) for name in ("b", "a", "c")]
    chosen = find(easy().job, twins).plan
    assert chosen is not None and chosen.offer.id == "a"
    assert chosen.layout == best.layout


def test_of_equally_many_gpus_the_cheapest_is_taken() -> None:
    problem = easy()
    outcome = find(problem.job, problem.offers, "gpus")
    plans = [plan for plan in problem.oracle.under(problem.job.limits).plans if not plan.broken]
    least = min(plan.gpus for plan in plans)
    assert outcome.value == least
    assert outcome.plan is not None
    assert outcome.plan.cost_usd() == pytest.approx(min(plan.cost for plan in plans if plan.gpus == least))


def test_several_nodes_without_a_known_fabric_are_never_rented() -> None:
    """Also where a price list promises them; nodes of one scale-up domain need no fabric."""
    rented = [find(p.job, p.offers).plan for p in (unfabricked(seed) for seed in SEEDS)]
    several = [plan for plan in rented if plan is not None and plan.nodes > 1]
    assert all(plan.gpus <= plan.offer.node.scale_up_gpus for plan in several)


def unfabricked(seed: int) -> Problem:
    """An unpinned problem whose offers have no network."""
    problem = unpinned(seed)
    offers = tuple(replace(o, node=replace(o.node, network=None), max_nodes=8) for o in problem.offers)
    return replace(problem, offers=offers)
