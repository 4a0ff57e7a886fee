"""Safe lower bounds that need no whole layout: per machine class, per sharding, per sharding and atom.

A step takes at least what its slowest representative stage does, and that is at least a weighted mean of the stages; plus the
filling of the pipeline at the largest number of virtual stages; plus the share of the gradient exchange that always shows, the
optimizer and what is fixed. Memory is at least states, one micro-batch of the least activations, and the least working set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.candidates import AtomRows, Rates, StateRows, link_code
from gpuplan.layout import LIGHTER
from gpuplan.objectives import Objective, Totals
from gpuplan.performance.bill import minimum_billing_seconds
from gpuplan.performance.clock import clock
from gpuplan.performance.constants import constants
from gpuplan.performance.distinct import distinct
from gpuplan.performance.layers import AtomKeys, head_seconds, layer_seconds
from gpuplan.performance.stages import StageFloor, stage_floor
from gpuplan.performance.states import least_weight_bytes
from gpuplan.physics import Physics
from gpuplan.space import Space
from gpuplan_models import Framework

Array = np.ndarray

#: Relative margin of every bound: far above the noise of floating point, far below what matters.
MARGIN = 1e-6


@dataclass(frozen=True)
class Batches:
    """Over all global batches B with their steps n: the least ``n B``, the least ``n``."""

    least_sequences: float
    least_steps: float

    @classmethod
    def of(cls, space: Space) -> Batches:
        """Those of a space."""
        steps = [(space.job.steps(batch), batch) for batch in space.values.global_batch]
        return cls(float(min(n * batch for n, batch in steps)), float(min(n for n, _ in steps)))


@dataclass(frozen=True)
class Keys:
    """Least figures of the atoms that share framework and degrees (`code`), whatever micro-batch and recompute are.

    ``first`` and ``count`` say where they lie; ``ranks`` is TP x CP; ``layers`` and ``head`` are seconds per sequence,
    ``pass_layers`` and ``pass_head`` of one micro-batch; ``activation`` (n, kinds), ``working`` and ``ends`` (working set and logits)
    bytes.
    """

    code: Array
    first: Array
    count: Array
    ranks: Array
    layers: Array
    head: Array
    pass_layers: Array
    pass_head: Array
    activation: Array
    working: Array
    ends: Array

    @classmethod
    def of(cls, rows: AtomRows, seconds: Array) -> Keys:
        """Those of one machine's base atoms, whose layers together take `seconds` for a micro-batch."""
        k = rows.keys
        codes = link_code(rows.framework, k.tensor, k.context, k.expert, k.expert_tensor)
        first = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.zeros(0, int)

        def least(values: Array) -> Array:
            return np.minimum.reduceat(values, first, axis=0) if len(first) else values[:0]

        order = np.argsort(codes[first])
        found = cls(
            code=codes[first],
            first=first,
            count=np.diff(np.append(first, len(codes))),
            ranks=(k.tensor * k.context)[first],
            layers=least(seconds / k.micro_batch),
            head=least(rows.head / k.micro_batch),
            pass_layers=least(seconds),
            pass_head=least(rows.head),
            activation=least(rows.activation),
            working=least(rows.working),
            ends=least(rows.working + rows.logits),
        )
        return cls(*(getattr(found, name)[order] for name in cls.__dataclass_fields__))

    def find(self, codes: Array) -> tuple[Array, Array]:
        """Index of each code, and whether it is there."""
        if not len(self.code):
            return np.zeros(len(codes), dtype=np.int64), np.zeros(len(codes), dtype=bool)
        place = np.minimum(np.searchsorted(self.code, codes), len(self.code) - 1)
        return place, self.code[place] == codes


@dataclass(frozen=True)
class Shardings:
    """The states of one size of node, those that fit at least as far as bounds go, with what bounds need of them.

    Attributes
    ----------
    rows
        The states, ordered by group.
    code
        `link_code` of each state.
    node_counts, count_index
        The distinct node counts; which of them each state has.
    layers_share, head_share, fill_share
        See `performance.stages.StageFloor`.
    floor
        Least bytes on the worst GPU.
    group_code, group_count, group_first, group_length
        Of all states with one code and node count: these two, and where they lie.
    group_share
        Least ``pipeline * layers_share`` of a group: what of the mean stage the slowest one takes at least.
    offloads
        Whether any state leaves something to the host.
    """

    rows: StateRows
    code: Array
    node_counts: Array
    count_index: Array
    layers_share: Array
    head_share: Array
    fill_share: Array
    floor: Array
    group_code: Array
    group_count: Array
    group_first: Array
    group_length: Array
    group_share: Array
    offloads: bool

    def __len__(self) -> int:
        return len(self.code)


def shardings(physics: Physics, size: int, keys: Keys, capacity: Array) -> Shardings:
    """States of one size of node, those that fit the roomiest of its machines at least as far as `Keys` go.

    `capacity` (frameworks,) is the largest usable memory over the confidence factor.
    """
    key = ("shardings", physics.space.sizes[size], tuple(capacity))
    return physics.kept(key, lambda: _shardings(physics, size, keys, capacity))


def _shardings(physics: Physics, size: int, keys: Keys, capacity: Array) -> Shardings:
    rows = physics.states(size, capacity.tolist())
    k = rows.keys
    code = link_code(rows.framework, k.tensor, k.context, k.expert, k.expert_tensor)
    floors, inverse = _stage_floors(physics.space, k.pipeline, k.lighter)
    floor = _memory_floor(rows, keys, code, floors, inverse)
    kept = np.flatnonzero(floor <= capacity[rows.framework] * (1 + MARGIN))
    counts, index = distinct(rows.nodes[kept])
    order = np.lexsort((index, code[kept]))
    kept, index = kept[order], index[order]
    code, inverse = code[kept], inverse[kept]
    new = np.ones(len(kept), dtype=bool)
    new[1:] = (code[1:] != code[:-1]) | (index[1:] != index[:-1])
    first = np.flatnonzero(new)
    layers, head, fill = (np.array([getattr(each, name) for each in floors]) for name in ("layers", "head", "fill"))
    share = layers[inverse] * k.pipeline[kept] if len(kept) else np.zeros(0)
    return Shardings(
        rows=rows.take(kept),
        code=code,
        node_counts=counts,
        count_index=index,
        layers_share=layers[inverse],
        head_share=head[inverse],
        fill_share=fill[inverse],
        floor=floor[kept],
        group_code=code[first],
        group_count=index[first],
        group_first=first,
        group_length=np.diff(np.append(first, len(kept))),
        offloads=bool((k.offload[kept] > 0).any()),
        group_share=np.minimum.reduceat(share, first) if len(first) else share,
    )


def _stage_floors(space: Space, pipeline: Array, lighter: Array) -> tuple[list[StageFloor], Array]:
    codes, inverse = distinct(pipeline * len(LIGHTER) + lighter)
    virtual = space.values.virtual
    degrees = [(int(code) // len(LIGHTER), LIGHTER[int(code) % len(LIGHTER)]) for code in codes] or [(1, "none")]
    return [stage_floor(space.work, stages, word, virtual) for stages, word in degrees], inverse


def _memory_floor(rows: StateRows, keys: Keys, code: Array, floors: list[StageFloor], inverse: Array) -> Array:
    """Least bytes of each state on the worst GPU, with the least activations of one micro-batch."""
    if not len(rows):
        return np.zeros(0)
    floor = np.asarray(rows.stepping.max(axis=1))
    if not len(keys.code):
        return floor
    place, there = keys.find(code)
    layers, has_head, exists = (np.stack([getattr(e, n) for e in floors]) for n in ("held", "has_head", "exists"))
    # Least activations by kind of stage and key: few, so that a state only looks its own up.
    active = np.einsum("ak,psk->aps", keys.activation, layers)
    active += np.where(has_head[None], keys.ends[:, None, None], keys.working[:, None, None])
    held = rows.held + active[place, inverse]
    held = np.where(exists[inverse], held, 0.0).max(axis=1)
    return np.asarray(np.maximum(floor, np.where(there, held, 0.0)))


def always_seconds(rates: Rates, rows: StateRows, index: Array) -> Array:
    """Seconds of a step beside its stages that no overlap hides, of some rows."""
    exchange = np.maximum(rows.link[index] / rates.link, rows.network[index] / rates.network)
    optimizer = rows.optimizer[index] / rates.memory + rows.host_link[index] / rates.host
    return np.asarray(constants().value("data_parallel_exposed") * exchange + optimizer + rows.fixed[index])


#: Parts of a layer's time that a layout may not have at all.
AVOIDABLE = ("recompute", "tensor_parallel", "context_parallel", "expert_parallel", "launch", "weight_gather")


def machine_bounds(space: Space, objective: Objective) -> Array:
    """Optimistic objective of any plan on each machine class; infinite where even optimism breaks a limit.

    As many GPUs as hold the weights and meet the deadline; each sequence takes the GPU-seconds of the layers uncut, in the largest
    micro-batch, with every expert on a GPU of its own: cutting adds traffic and narrows products, smaller batches read weights more
    often. Nothing is lost to exchanges or bubbles; the cheapest node is rented.
    """
    m, job, limits = space.machines, space.job, space.job.limits
    if len(m) == 0 or not space.values.frameworks:
        return np.full(len(m), np.inf)
    gpu_seconds = Batches.of(space).least_sequences * np.min(
        [_sequence_seconds(space, f) for f in space.values.frameworks], axis=0
    )
    price, most, billed = _cheapest(space)
    nodes = np.maximum(np.ceil(_least_gpus(space) * (1 - MARGIN) / m.gpus_per_node), 1.0)
    least = clock(job, space.work, np.maximum(most, nodes), np.zeros(len(m)))
    node_seconds = gpu_seconds / m.gpus_per_node
    sure = node_seconds * space.confidence_factors[0].min(axis=0)
    head_start = job.startup_seconds if limits.deadline_from == "start" else 0.0
    for limit, seconds in (
        (None if limits.deadline_seconds is None else limits.deadline_seconds + head_start, sure),
        (limits.expected_seconds, node_seconds),
    ):
        if limit is not None:
            left = limit * (1 + MARGIN) - least.fixed_seconds
            enough = np.ceil(least.slope * seconds / np.maximum(left, 1e-9) * (1 - MARGIN))
            nodes = np.maximum(nodes, np.where(left > 0, enough, most + 1))

    def bill(seconds: Array) -> Array:
        spent = nodes * least.billed_fixed_seconds + least.billed_slope * seconds
        return np.asarray(
            price / 3600 * np.maximum(spent, nodes * job.parallel * billed)
        )  # steps and reserves only add

    counted = sure if objective.at_confidence else node_seconds
    wall = least.fixed_seconds + least.slope * counted / np.maximum(most, 1.0)
    bounds = np.asarray(objective.of(Totals(bill(counted), wall, nodes * m.gpus_per_node, nodes)), dtype=float)
    within = nodes <= most
    if limits.budget_usd is not None:
        within &= bill(sure) <= limits.budget_usd * (1 + MARGIN)
    return np.where(within, bounds * (1 - MARGIN), np.inf)


def _cheapest(space: Space) -> tuple[Array, Array, Array]:
    """Of each machine class the lowest price of a node, the most nodes of a trial, the least seconds billed."""
    count, limits = len(space.machines), space.job.limits
    price, most, billed = np.full(count, np.inf), np.zeros(count), np.full(count, np.inf)
    for offer, machine in zip(space.offers, space.machine_of_offer, strict=True):
        price[machine] = min(price[machine], offer.price_usd_per_hour)
        most[machine] = max(most[machine], offer.max_nodes)
        billed[machine] = min(billed[machine], minimum_billing_seconds(offer))
    if limits.max_nodes is not None:
        most = np.minimum(most, limits.max_nodes)
    if limits.max_gpus is not None:
        most = np.minimum(most, limits.max_gpus // space.machines.gpus_per_node)
    return price, most // space.job.parallel, billed


def _sequence_seconds(space: Space, framework: Framework) -> Array:
    """Least GPU-seconds of a sequence through all layers and the head, by machine class."""
    work, m = space.work, space.machines
    ones, no = np.ones(len(m), dtype=np.int64), np.zeros(len(m), dtype=bool)
    micro = ones * max(space.values.micro_batch)
    experts = ones * max(1, work.architecture.routed_experts)
    keys = AtomKeys(np.arange(len(m)), ones, ones, experts, ones, micro, 0 * ones, no, ones, no)
    total = head_seconds(work, framework, m, keys)
    for kind in work.layers:
        parts = layer_seconds(kind, work, framework, m, keys)
        total = total + kind.kind.count * np.sum([s for name, s in parts.items() if name not in AVOIDABLE], axis=0)
    return np.asarray(total / micro)


def _least_gpus(space: Space) -> Array:
    """GPUs over which the weights must be spread, by machine class; 1 where they may stay on the host."""
    found = []
    one = np.ones(1)
    for framework in space.values.frameworks:
        if "parameters" in framework.offload:
            return np.ones(len(space.machines))
        bytes_ = least_weight_bytes(space.work, framework, one, one, one)[0]
        found.append(bytes_ / space.machines.usable_memory_bytes)
    return np.asarray(np.min(found, axis=0))
