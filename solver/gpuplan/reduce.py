"""The reduction: what a plan as good as the best one could still be made of, and its tables."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from gpuplan.bounds import MARGIN
from gpuplan.candidates import Candidates, Families, concatenate
from gpuplan.clusters import Clusters, clusters_of
from gpuplan.look import Look
from gpuplan.objectives import Objective
from gpuplan.order import Order
from gpuplan.performance.layers import AtomKeys
from gpuplan.performance.states import StateKeys
from gpuplan.search import Searcher
from gpuplan.space import Space
from gpuplan.tables import Tables

Array = np.ndarray

#: So many layouts are left to CP-SAT by bounds alone; those of further machine classes are thinned by their exact memory and time.
MOST_BY_BOUND = 120


@dataclass
class Kept:
    """What may still be part of a plan at least as good as the best one: rows by machine class, and offers."""

    rows: list[Candidates] = field(default_factory=list)
    offers: set[int] = field(default_factory=set)
    pairs: int = 0


def reduce_rows(searcher: Searcher, levels: int = 1) -> Kept:
    """Keep what a plan as good as the best one could be made of, as far as the first `levels` objectives go.

    Argument: a layout is left out only if even a bound that its time cannot undercut breaks a limit or loses against the best plan
    on every offer, or if memory that it cannot undercut does not fit. Where many are left (`MOST_BY_BOUND`), those go as well whose
    memory or time, evaluated exactly, does the same. None of these can be part of a better plan. The best plan itself is always
    kept, so that the model must find a solution. With the objective "gpus" a plan of the same size is no improvement; where it is
    the last objective, such rows go too.
    """
    found, kept = searcher.found, Kept()
    order = Order(searcher.order.levels[:levels])
    best = None
    if found.values is not None:
        margin = -MARGIN if order.levels[-1].strict else MARGIN
        best = [*found.values[: levels - 1], found.values[levels - 1] * (1 + margin)]
    for machine in np.flatnonzero([found.open(machine) for machine in range(len(found.bounds))]):
        _keep(searcher.look(int(machine)), order, best, kept)
    if found.row is not None:
        _, offer, row = found.row
        kept.rows.append(row)
        kept.offers.add(offer)
        kept.pairs += 1
    return kept


def _keep(look: Look, order: Order, best: list[float] | None, kept: Kept) -> None:
    """Add what one machine class may contribute."""
    states, _ = look.states(order, best)
    pairs, _ = look.pairs(order, best, states)
    candidates, pair = look.layouts(pairs)
    training, index = pairs.bound[pair], np.arange(len(pair))
    if kept.pairs + len(index) > MOST_BY_BOUND:
        exact, fits = look.evaluate(candidates)
        training = exact * (1 - MARGIN)
        index = np.flatnonzero(fits)
    state, training = pairs.state[pair[index]], training[index]
    hope = np.zeros(len(index), dtype=bool)
    for sold in look.sold:
        mine = look.hopeful(order, best, sold, state, training)
        if mine.any():
            kept.offers.add(sold.offer)
        hope |= mine
    if hope.any():
        kept.rows.append(candidates.take(index[hope]))
        kept.pairs += int(hope.sum())


def build_tables(searcher: Searcher, kept: Kept, objective: Objective) -> Tables:
    """Tables of the rows of `kept`, in units that suit the objective."""
    found, space, shapes = searcher.found, searcher.space, searcher.physics.shapes
    atoms = concatenate([part.families.atoms.take(np.unique(part.atom)) for part in kept.rows])
    states = concatenate([part.families.states.take(np.unique(part.state)) for part in kept.rows])
    rows = Families(
        atoms.take(_first_of_each(atoms.framework, atoms.keys)),
        shapes.take(np.unique(np.concatenate([part.shape for part in kept.rows]))),
        states.take(_first_of_each(states.framework, states.keys, states.size)),
    )
    offers = tuple(sorted(kept.offers))
    clusters = [clusters_of(space, offer, np.unique(rows.states.nodes)) for offer in offers]
    value = None if found.best is None else objective.value(found.best)
    horizon = _horizon(space, rows, clusters, objective, value)
    counted = horizon * float(rows.atoms.step_factor.max())
    cost = max(float(each.sure.cost(counted).max()) for each in clusters)
    wall = max(float(each.sure.wall(counted).max()) for each in clusters)
    if value is not None:
        slack = value * (1 + 1e-3)
        cost, wall = slack if objective.unit == "USD" else cost, slack if objective.unit == "seconds" else wall
    return Tables(space, rows, offers, horizon, max(cost, 1e-9), max(wall, 1e-9))


def _horizon(
    space: Space, rows: Families, clusters: list[Clusters], objective: Objective, value: float | None
) -> float:
    """Longest training that any plan of the rows may take under every limit and the best value."""
    longest = 0.0
    for each in clusters:
        cap = each.longest_training(space, float(rows.atoms.step_factor.min()))
        if value is not None:
            cap = np.minimum(cap, objective.longest_training(value, each.counted(objective.at_confidence)))
        longest = max(longest, float(cap.max(initial=0.0)))
    if not np.isfinite(longest):
        longest = longest_training(space, rows)
    return max(1e-3, longest * (1 + 1e-3))


def _first_of_each(framework: Array, keys: AtomKeys | StateKeys, *others: Array) -> Array:
    """Index of the first of all rows that are alike."""
    columns = [getattr(keys, field.name) for field in fields(keys)]
    _, index = np.unique(np.stack([framework, *others, *columns], axis=1), axis=0, return_index=True)
    return np.sort(index)


def longest_training(space: Space, rows: Families) -> float:
    """Seconds of training that no combination of rows exceeds."""
    atoms, counts, states, m = rows.atoms, rows.shapes.counts, rows.states, space.machines
    step = float(counts.layer_passes.max(axis=(0, 1)) @ atoms.layer.max(axis=0))
    step += float(atoms.head.max() * counts.head_passes.max() + atoms.transfer.max() * counts.transfers.max())
    step += float(max(states.link.max() / m.link_rate.min(), states.network.max() / m.network_rate.min()))
    step += float(states.optimizer.max() / m.memory_rate.min() + states.fixed.max())
    step += float(states.host_link.max() / m.host_rate.min())
    return step * max(space.job.steps(batch) for batch in space.values.global_batch)
