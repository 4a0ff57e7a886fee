"""The integers of the model: rounded to the safe side, nearly exact, and never so large that the solver goes wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gpuplan.build import LARGEST_ACTIVITY, Builder, ModelTooLargeError
from gpuplan.job import Job
from gpuplan.objectives import Objective, objectives
from gpuplan.order import Order
from gpuplan.performance.constants import constants
from gpuplan.physics import Physics
from gpuplan.plan import Plan
from gpuplan.prove import Proof, prove
from gpuplan.reduce import build_tables, reduce_rows
from gpuplan.rules import rules
from gpuplan.rules.base import Rule
from gpuplan.rules.min_mfu import utilisation
from gpuplan.search import Search, Searcher, plan_of
from gpuplan.space import build_space
from gpuplan.tables import Tables
from gpuplan.unreduced import unreduced_tables
from gpuplan.verify import violations
from problems import problem_of

#: Share by which a product in floating point may miss: a rounded-up number is not smaller than this much less.
NOISE = 1e-12
#: The design's bound on the relative error of what is rounded.
EXACT = 1e-4


@cache
def reduced() -> list[tuple[Tables, Search]]:
    """Tables of random problems that leave something to CP-SAT, and of the same ones under a limit near the best plan's need."""
    found = []
    for seed in range(40):
        problem = problem_of(seed)
        job = problem.job
        for _ in range(2):
            searcher = Searcher(Physics(build_space(job, problem.offers)), Order.of(job.objectives))
            incumbent = searcher.run()
            kept = reduce_rows(searcher)
            if kept.rows:
                found.append((build_tables(searcher, kept, searcher.order.primary), incumbent))
            if incumbent.best is None:
                break
            job = _tight(job, incumbent.best, seed)
    return found


def _tight(job: Job, plan: Plan, turn: int) -> Job:
    """The fewest GPUs under a limit that the plan just keeps."""
    needs: tuple[dict[str, Any], ...] = (
        {"budget_usd": 1.05 * plan.cost_at_confidence_usd},
        {"deadline_seconds": 1.05 * plan.deadline_clock_seconds(plan.step_factor, plan.deviations)},
        {"min_mfu": utilisation(plan) / 1.05},
    )
    return replace(job, limits=replace(job.limits, **needs[turn % len(needs)]), objectives=("gpus", "time"))


@cache
def unreduced() -> list[Tables]:
    """Tables of all rows of some random problems."""
    spaces = [build_space(p.job, p.offers, reduced=False) for p in (problem_of(seed) for seed in range(6))]
    return [unreduced_tables(Physics(space)) for space in spaces if space.offers and space.values.frameworks]


def every() -> list[Tables]:
    return [tables for tables, _ in reduced()] + unreduced()


# -- demands round up, capacities down -------------------------------------------------------------------------------------
def test_step_times_round_up_by_less_than_a_unit() -> None:
    for tables in every():
        overlap = constants().value("data_parallel_overlap")
        counts, a = tables.rows.shapes.counts, tables.rows.atoms
        for atom in range(0, tables.atoms, 1 + tables.atoms // 20):
            index = tables.shapes_of(atom)
            for stage in range(3):
                seconds = (
                    counts.layer_passes[index, stage] @ a.layer[atom] + a.head[atom] * counts.head_passes[index, stage]
                )
                seconds = seconds + a.transfer[atom] * counts.transfers[index]
                hidden = overlap * (counts.mean_layers[index] @ a.layer[atom])
                busy, late = tables.stage_units(atom, stage)
                rounds_up(tables, busy, seconds)
                rounds_up(tables, late, np.maximum(seconds - hidden, 0.0))


def test_exchange_rounds_up_by_less_than_a_unit() -> None:
    exposed = constants().value("data_parallel_exposed")
    for tables in every():
        m, s = tables.space.machines, tables.rows.states
        for machine in np.unique(tables.rows.atoms.keys.machine):
            index = tables.states_on(machine)
            exchange = np.maximum(s.link[index] / m.link_rate[machine], s.network[index] / m.network_rate[machine])
            rest = s.optimizer[index] / m.memory_rate[machine] + s.fixed[index]
            rest = rest + s.host_link[index] / m.host_rate[machine]
            hidden, whole = tables.exchange_units(machine)
            rounds_up(tables, hidden, exposed * exchange + rest)
            rounds_up(tables, whole, exchange + rest)


def rounds_up(tables: Tables, units: np.ndarray, seconds: np.ndarray) -> None:
    """Not less than the seconds, and less than a unit more; what passes the horizon says just that."""
    exact = seconds / tables.step_unit_seconds
    capped = units > tables.step_horizon
    assert (exact[capped] > tables.step_horizon * (1 - NOISE)).all()
    assert (units[~capped] >= exact[~capped] * (1 - NOISE)).all()
    assert (units[~capped] - exact[~capped] <= 1 + NOISE * exact[~capped]).all()


def test_memory_rounds_up_and_its_capacity_down() -> None:
    for tables in every():
        counts, a, s = tables.rows.shapes.counts, tables.rows.atoms, tables.rows.states
        usable = tables.space.machines.usable_memory_bytes[a.keys.machine] / a.memory_factor
        assert (tables.capacity_bytes <= usable).all()
        assert (tables.capacity_bytes > usable - 1).all()
        for atom in range(0, tables.atoms, 1 + tables.atoms // 20):
            most = tables.capacity_bytes[atom] + 1
            for stage in range(3):
                shapes, states = tables.shapes_of(atom), tables.states_of(atom)
                held = counts.in_flight_layers[shapes, stage] @ a.activation[atom] + a.working[atom]
                held = np.where(
                    counts.exists[shapes, stage], held + a.logits[atom] * counts.has_head[shapes, stage], 0.0
                )
                assert (tables.activation_bytes(atom, stage) >= np.minimum(held, most) * (1 - NOISE)).all()
                assert (tables.state_bytes(atom, stage) >= np.minimum(s.held[states, stage], most)).all()
                assert (tables.stepping_bytes(atom, stage) >= np.minimum(s.stepping[states, stage], most)).all()


def limiting() -> list[Rule]:
    """Rules that limit time or money."""
    return [rule for rule in rules() if type(rule).training_cap is not Rule.training_cap]


def test_a_cap_on_training_keeps_within_its_limit_and_wastes_less_than_a_unit() -> None:
    assert {rule.name for rule in limiting()} == {"deadline", "budget", "min_mfu"}
    seen: set[str] = set()
    for tables, _ in reduced():
        for offer, size, factor in every_cluster(tables):
            for rule in limiting():
                seconds = float(rule.training_cap(tables.space, tables.clusters[offer], factor)[size])
                cap = tables.training_cap(rule, offer, size, factor)
                seen |= {rule.name} if 0 < cap < tables.training_horizon else set()
                if seconds < 0:
                    assert cap < 0
                else:
                    unit = tables.training_unit_seconds
                    assert cap * unit <= seconds * (1 + NOISE)
                    assert cap == tables.training_horizon or (cap + 1) * unit > seconds * (1 - NOISE)
    assert seen == {rule.name for rule in limiting()}


def test_a_cap_on_training_is_where_time_and_money_end() -> None:
    for tables, _ in reduced():
        limits = tables.space.job.limits
        for offer, size, factor in every_cluster(tables):
            clusters = tables.clusters[offer]
            for rule in limiting():
                cap = float(rule.training_cap(tables.space, clusters, factor)[size])
                if rule.name == "budget" and limits.budget_usd is not None and cap >= 0:
                    # A billing step is paid whole: at the cap the bill is within the budget, and a hair later it is not.
                    assert clusters.sure.cost(cap * factor)[size] <= limits.budget_usd * (1 + 1e-9)
                    assert clusters.sure.cost(cap * factor * (1 + 1e-6))[size] > limits.budget_usd * (1 - 1e-9)
                if rule.name == "deadline" and limits.deadline_seconds is not None and cap >= 0:
                    wall = clusters.sure.wall(cap * factor)[size] - clusters.head_start_seconds
                    assert wall == pytest.approx(limits.deadline_seconds, rel=1e-9)


def every_cluster(tables: Tables) -> list[tuple[int, int, float]]:
    """Offer, cluster size of its nodes, confidence factor."""
    return [
        (offer, size, factor)
        for offer in range(tables.offers)
        for size in tables.sizes_of(offer)
        for factor in tables.factors
    ]


@pytest.mark.parametrize("training_share", [0.0, 0.3, 1.0])
def test_bills_and_clocks_round_up_nearly_exactly(training_share: float) -> None:
    for tables, _ in reduced():
        training = int(training_share * tables.training_horizon)
        seconds = training * tables.training_unit_seconds
        for offer, size, factor in every_cluster(tables):
            each = tables.clusters[offer]
            least = float(each.cost_least[size] + each.cost_once[size])
            assert (
                least / tables.bills.cost_unit_usd
                <= tables.bills.least_cost(offer, size)
                < least / tables.bills.cost_unit_usd + 1
            )
            used, once, step = (float(of[size]) for of in (each.cost_fixed, each.cost_once, each.cost_step))
            used += float(each.cost_slope[size]) * seconds * factor
            close_above(
                tables.bills.cost_terms(offer, size, factor), training, (used + once) / tables.bills.cost_unit_usd
            )
            if step:
                close_above(tables.bills.step_terms(offer, size, factor), training, used / step)
                assert (
                    step
                    <= tables.bills.step_cost(offer, size) * tables.bills.cost_unit_usd
                    < step + tables.bills.cost_unit_usd
                )
                assert tables.bills.cost_once(offer, size) * tables.bills.cost_unit_usd >= once
            wall = float(each.wall(seconds * factor)[size])
            close_above(tables.bills.wall_terms(offer, size, factor), training, wall / tables.bills.wall_unit_seconds)


def close_above(terms: tuple[int, int, int], training: int, exact: float) -> None:
    scale, slope, fixed = terms
    rounded = -(-(slope * training + fixed) // scale)
    assert exact * (1 - NOISE) <= rounded
    # Relative to the largest amount of interest, 2^34 units: smaller ones are of no interest to the proof.
    assert rounded - exact <= EXACT * max(exact, 2.0**34)


# -- what rounding adds to an answer ---------------------------------------------------------------------------------------
def proof_of(tables: Tables, objective: Objective) -> Proof:
    return prove(tables, objective, tables.space.job, 60.0)


def test_cp_sat_finds_the_incumbent_to_within_the_stated_rounding() -> None:
    compared = 0
    for tables, found in reduced():
        if found.best is not None:
            bound = tables.rounding_bound(found.best.training_seconds, found.best.prediction.step_seconds)
            proof = proof_of(tables, found.order.primary)
            assert bound < EXACT
            assert proof.value is not None and proof.bound is not None
            assert found.value * (1 - 1e-9) <= proof.value <= found.value * (1 + bound)
            compared += 1
    assert compared > 10


def test_what_cp_sat_calls_feasible_is_feasible() -> None:
    for tables, found in reduced():
        proof = proof_of(tables, found.order.primary)
        if proof.rows is not None:
            offer, atom, shape, state = proof.rows
            plan = plan_of(tables.space, tables.rows, tables.offer_indices[offer], atom, shape, state)
            assert violations(plan) == []


# -- large numbers ---------------------------------------------------------------------------------------------------------
def test_every_recorded_activity_is_below_2_to_the_53() -> None:
    models = [(tables, objective) for tables, _ in reduced() for objective in objectives().values()]
    models += [(tables, objectives()[tables.space.job.objectives[0]]) for tables in unreduced()]
    for tables, objective in models:
        activities = Builder(tables, objective).largest_activity
        assert activities and all(0 < activity < 2**53 for activity in activities.values())


def test_an_activity_of_2_to_the_53_is_refused() -> None:
    tables, found = next((tables, found) for tables, found in reduced() if found.best is not None)
    builder = Builder(tables, found.order.primary)
    assert LARGEST_ACTIVITY == 2**53
    scale = (2**53 - 1) // tables.bills.horizon
    builder.covers_training(builder.training, (scale, 1, 1), [], "as large as can be")
    with pytest.raises(ModelTooLargeError, match=r"^too large: activity \d+ is not below 2\^53$"):
        builder.covers_training(builder.training, (scale + 1, 1, 1), [], "too large")
    with pytest.raises(ModelTooLargeError):
        builder.covers_training(builder.training, (1, 2**53 // tables.training_horizon, 0), [], "too steep")


def test_a_model_whose_money_spans_too_much_is_refused() -> None:
    """A bill of 2^18 times the largest of interest cannot be held at a precision of 2^-34 below 2^53."""
    tables, _ = next((tables, found) for tables, found in reduced() if found.best is not None)
    narrow = replace(
        tables, cost_limit_usd=max(float(tables.clusters[0].cost_fixed[tables.sizes_of(0)[0]]), 1e-6) / 2**20
    )
    with pytest.raises(ModelTooLargeError, match="cost"):
        Builder(narrow, objectives()["cost"])
