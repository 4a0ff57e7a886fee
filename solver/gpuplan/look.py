"""One machine class under the eye of the search: which shardings, which atoms with them, which whole layouts are worth a look."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gpuplan.bounds import MARGIN, Batches, Keys, Shardings, always_seconds
from gpuplan.candidates import MICRO_BATCHES, AtomRows, Candidates, Families, Rates, shape_code, stage_code
from gpuplan.clusters import Clusters, clusters_of
from gpuplan.order import Order
from gpuplan.performance.distinct import distinct
from gpuplan.physics import Physics
from gpuplan.rules import rules
from gpuplan.rules.base import TOLERANCE
from gpuplan.space import Space

Array = np.ndarray


@dataclass(frozen=True)
class Sold:
    """An offer of the machine class: its clusters by node count, and the longest training of each by framework."""

    offer: int
    clusters: Clusters
    caps: Array


@dataclass(frozen=True)
class Pairs:
    """Shardings with base atoms, and a lower bound of the seconds of all steps."""

    state: Array
    atom: Array
    bound: Array

    def take(self, index: Array) -> Pairs:
        return Pairs(self.state[index], self.atom[index], self.bound[index])

    def __len__(self) -> int:
        return len(self.state)


class Look:
    """What bounds and evaluations of one machine class share. Indices of states are those of `shardings`."""

    def __init__(self, physics: Physics, machine: int, keys: Keys, shardings: Shardings, batches: Batches) -> None:
        self.physics, self.space, self.machine = physics, physics.space, machine
        self.atoms = physics.base(machine)
        self.keys, self.shardings, self.batches = keys, shardings, batches
        self.rates = Rates.of(self.space, machine)
        self.seconds = layer_sum(self.space, self.atoms)
        self.step_factor, self.memory_factor = (each[:, machine] for each in self.space.confidence_factors)
        self.capacity = float(self.space.machines.usable_memory_bytes[machine])
        self.framework = shardings.rows.framework
        self._held: dict[int, Array] = {}
        self.sold = [self._sold(offer) for offer in self.space.offers_of_machine[machine]]
        self._envelope = _envelope(self.sold)

    def _sold(self, offer: int) -> Sold:
        clusters = clusters_of(self.space, offer, self.shardings.node_counts)
        caps = np.stack([clusters.longest_training(self.space, float(factor)) for factor in self.step_factor])
        return Sold(offer, clusters, caps)

    # -- bounds ------------------------------------------------------------------------------------------------------------
    def groups(self, order: Order, best: list[float] | None) -> tuple[Array, float]:
        """Groups of states (see `Shardings`) that may hold a plan as good as `best`, and the least bound among all.

        The GPUs of a cluster do at least the layers' work of the least atom: ``n k T >= sequences t c layers``.
        """
        s, k = self.shardings, self.keys
        place, there = k.find(s.group_code)
        groups = np.flatnonzero(there)
        if not len(groups):
            return groups, np.inf
        place, count = place[groups], s.group_count[groups]
        gpus = s.node_counts[count] * int(self.space.machines.gpus_per_node[self.machine])
        work = self.batches.least_sequences * k.layers[place] * k.ranks[place] * s.group_share[groups]
        training = work / gpus * (1 - MARGIN)
        hope, least = self._hope(order, best, s.group_first[groups], training)
        return groups[hope], least

    def states(self, order: Order, best: list[float] | None) -> tuple[Array, float]:
        """States that may be part of a plan as good as `best`, and the least bound of the first objective among them."""
        s = self.shardings
        groups, _ = self.groups(order, best)
        length = s.group_length[groups]
        alive = np.repeat(s.group_first[groups] - np.cumsum(length) + length, length) + np.arange(int(length.sum()))
        alive = alive[s.floor[alive] * self.memory_factor[self.framework[alive]] <= self.capacity * (1 + MARGIN)]
        if not len(alive):
            return alive, np.inf
        hope, least = self._hope(order, best, alive, self.state_bound(alive))
        return alive[hope], least

    def state_bound(self, states: Array) -> Array:
        """Lower bound of the seconds of all steps of states, with whatever atom of theirs; there must be one."""
        s, k = self.shardings, self.keys
        place, _ = k.find(s.code[states])
        passes = s.layers_share[states] * k.layers[place] + s.head_share[states] * k.head[place]
        rest = s.fill_share[states] * (k.pass_layers[place] + k.pass_head[place]) + self.always(states)
        return self._training(passes / s.rows.keys.data[states], rest)

    def pairs(self, order: Order, best: list[float] | None, states: Array) -> tuple[Pairs, float]:
        """The states with every base atom that may make a plan as good as `best` with them, and their least bound."""
        pairs = self.join(states)
        hope, least = self._hope(order, best, pairs.state, pairs.bound)
        return pairs.take(np.flatnonzero(hope)), least

    def join(self, states: Array) -> Pairs:
        """The states with every base atom."""
        s, k = self.shardings, self.keys
        place, there = k.find(s.code[states])
        states, place = states[there], place[there]
        count = k.count[place]
        state = np.repeat(states, count)
        atom = np.repeat(k.first[place] - np.cumsum(count) + count, count) + np.arange(len(state))
        micro, head = self.atoms.keys.micro_batch[atom], self.atoms.head[atom]
        passes = (s.layers_share[state] * self.seconds[atom] + s.head_share[state] * head) / micro
        rest = s.fill_share[state] * (self.seconds[atom] + head) + self.always(state)
        return Pairs(state, atom, self._training(passes / s.rows.keys.data[state], rest))

    def always(self, states: Array) -> Array:
        """Seconds of a step beside the stages of each state, as far as no overlap hides them."""
        return always_seconds(self.rates, self.shardings.rows, states)

    def factor(self, states: Array) -> Array:
        """Confidence factor of the step time of each state."""
        return np.asarray(self.step_factor[self.framework[states]])

    def _training(self, per_sequence: Array, per_step: Array) -> Array:
        return (self.batches.least_sequences * per_sequence + self.batches.least_steps * per_step) * (1 - MARGIN)

    def _hope(self, order: Order, best: list[float] | None, state: Array, training: Array) -> tuple[Array, float]:
        """Mask of rows that some offer may make as good as `best`, and the least first value of those within the limits.

        Rows are held against the best of all offers in every respect, whatever offer that is.
        """
        if self._envelope is None:
            return np.zeros(len(state), dtype=bool), np.inf
        clusters, caps = self._envelope
        count, factor = self.shardings.count_index[state], self.factor(state)
        hope = training <= caps[self.framework[state], count] * (1 + TOLERANCE)
        first = order.value(0, clusters, count, training, factor)
        least = float(first[hope].min(initial=np.inf))
        if best is not None:
            hope &= first <= best[0] * (1 + TOLERANCE)
            rows = np.flatnonzero(hope)
            hope[rows] = order.hopeful(best, clusters, count[rows], training[rows], factor[rows], first[rows])
        return hope, least

    def on_offer(self, order: Order, sold: Sold, state: Array, training: Array) -> tuple[Array, Array]:
        """Which rows keep every limit on the offer, and their first value (a bound where `training` is one)."""
        count = self.shardings.count_index[state]
        inside = training <= sold.caps[self.framework[state], count] * (1 + TOLERANCE)
        if self.shardings.offloads:
            inside &= self._holds(sold.offer)[state]
        return inside, order.value(0, sold.clusters, count, training, self.factor(state))

    def hopeful(self, order: Order, best: list[float] | None, sold: Sold, state: Array, training: Array) -> Array:
        """Which rows the offer may make as good as `best` within the limits."""
        inside, first = self.on_offer(order, sold, state, training)
        if best is not None:
            count, factor = self.shardings.count_index[state], self.factor(state)
            inside &= order.hopeful(best, sold.clusters, count, training, factor, first)
        return inside

    def _holds(self, offer: int) -> Array:
        """Mask of the states that the offer can hold."""
        if offer not in self._held:
            mask = np.ones(len(self.shardings), dtype=bool)
            for rule in rules():
                mask &= rule.state_on_offer_allowed(self.space, offer, self.shardings.rows)
            self._held[offer] = mask
        return self._held[offer]

    def least_value(self, order: Order, pairs: Pairs) -> Array:
        """Least first value of each pair over the offers that may hold it."""
        found = np.full(len(pairs), np.inf)
        for sold in self.sold:
            inside, first = self.on_offer(order, sold, pairs.state, pairs.bound)
            found = np.where(inside, np.minimum(found, first), found)
        return found

    # -- whole layouts -----------------------------------------------------------------------------------------------------
    def layouts(self, pairs: Pairs) -> tuple[Candidates, Array]:
        """Every schedule of the pairs: candidates over rows of their own, and for each its pair."""
        return layouts_of(self.physics, self.shardings, self.atoms, pairs)

    def evaluate(self, candidates: Candidates) -> tuple[Array, Array]:
        """Seconds of all steps of whole layouts, and whether their memory fits."""
        if not len(candidates):
            return np.zeros(0), np.zeros(0, dtype=bool)
        batch = candidates.families.shapes.keys.global_batch[candidates.shape]
        fits = candidates.memory_bytes() <= self.capacity * (1 + TOLERANCE)
        training = step_counts(self.space, batch) * candidates.terms(self.rates).seconds()
        return training, fits


def layouts_of(physics: Physics, shardings: Shardings, atoms: AtomRows, pairs: Pairs) -> tuple[Candidates, Array]:
    """Every schedule of pairs of these rows: candidates over rows of their own, and for each its pair."""
    s, shapes = shardings.rows.keys, physics.shapes
    stages = stage_code(s.pipeline[pairs.state], s.lighter[pairs.state], s.data[pairs.state])
    wanted = stages * MICRO_BATCHES + atoms.keys.micro_batch[pairs.atom]
    codes = shape_code(shapes.keys)
    low, high = np.searchsorted(codes, wanted, "left"), np.searchsorted(codes, wanted, "right")
    count = high - low
    row = np.repeat(np.arange(len(pairs)), count)
    shape = np.repeat(low - np.cumsum(count) + count, count) + np.arange(len(row))
    kept = np.flatnonzero(count > 0)
    states = shardings.rows.take(pairs.state[kept])
    near = atoms.take(pairs.atom[kept])
    gathered = physics.gathered(near, states.keys.several_nodes, states.gather, states.streamed)
    place = np.zeros(len(pairs), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    candidates = Candidates(Families(gathered, shapes, states), place[row], shape, place[row])
    return candidates, row


def _envelope(sold: list[Sold]) -> tuple[Clusters, Array] | None:
    """Clusters that are in every respect as good as the best offer's, and the longest training of any; None without an offer."""
    if not sold:
        return None
    allowed = np.stack([each.clusters.allowed for each in sold])

    def least(name: str) -> Array:
        columns = np.stack([getattr(each.clusters, name) for each in sold])
        return np.asarray(np.where(allowed, columns, np.inf).min(axis=0))

    clusters = replace(
        sold[0].clusters,
        allowed=np.asarray(allowed.any(axis=0)),
        wall_fixed=least("wall_fixed"),
        wall_slope=least("wall_slope"),
        cost_fixed=least("cost_fixed"),
        cost_slope=least("cost_slope"),
        cost_least=least("cost_least"),
        cost_step=np.zeros(len(sold[0].clusters.nodes)),  # steps only round up, and need not agree
        cost_once=least("cost_once"),
        wall_reserve_fixed=least("wall_reserve_fixed"),
        wall_reserve_slope=least("wall_reserve_slope"),
        cost_reserve_fixed=least("cost_reserve_fixed"),
        cost_reserve_slope=least("cost_reserve_slope"),
    )
    return clusters, np.asarray(np.max([each.caps for each in sold], axis=0))


def layer_sum(space: Space, atoms: AtomRows) -> Array:
    """Seconds of all layers of the model for one micro-batch on one stage."""
    totals = np.array([work.kind.count for work in space.work.layers], dtype=float)
    return np.asarray(atoms.layer @ totals)


def step_counts(space: Space, batch: Array) -> Array:
    """Steps of each global batch."""
    values, inverse = distinct(batch)
    return np.asarray(np.array([space.job.steps(int(value)) for value in values], dtype=float)[inverse])
