"""Safe lower bounds that need no whole layout: per machine class, per sharding, per sharding and atom.

A step takes at least what its slowest representative stage does, and that is at least a weighted mean of the stages; plus the
filling of the pipeline at the largest number of virtual stages; plus the share of the gradient exchange that always shows, the
optimizer and what is fixed. Memory is at least states, one micro-batch of the least activations, and the least working set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.candidates import AtomRows, Physics, Rates, StateRows, link_code
from gpuplan.layout import LIGHTER
from gpuplan.objectives import Objective, Totals
from gpuplan.performance.clock import clock
from gpuplan.performance.constants import constants
from gpuplan.performance.predict import model_flops
from gpuplan.performance.stages import stage_plan
from gpuplan.space import Space

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

    ``first`` and ``count`` say where they lie; ``layers`` and ``head`` are seconds per sequence, ``pass_layers`` and ``pass_head`` of
    one micro-batch; ``activation`` (n, kinds), ``working`` and ``ends`` (working set and logits) bytes.
    """

    code: Array
    first: Array
    count: Array
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
    """The states of one size of node, with what bounds need of them.

    Attributes
    ----------
    code
        `link_code` of each state.
    gpus, node_counts, count_index
        GPUs of each state's cluster; the distinct node counts; which of them each state has.
    stage_share, head_share, fill_share
        See `stage_weights`.
    floor
        Least bytes on the worst GPU.
    """

    rows: StateRows
    code: Array
    node_counts: Array
    count_index: Array
    stage_share: Array
    head_share: Array
    fill_share: Array
    floor: Array

    def __len__(self) -> int:
        return len(self.code)


def shardings(physics: Physics, size: int, keys: Keys, capacity: Array) -> Shardings:
    """States of one size of node, those that fit the roomiest of its machines at least as far as `Keys` go.

    `capacity` (frameworks,) is the largest usable memory over the confidence factor.
    """
    rows = physics.states(size)
    k = rows.keys
    code = link_code(rows.framework, k.tensor, k.context, k.expert, k.expert_tensor)
    share, head, fill, layers, has_head, exists = stage_weights(physics.space, k.pipeline, k.lighter)
    place, there = keys.find(code)
    floor = rows.stepping.max(axis=1) if len(rows) else np.zeros(0)
    if len(keys.code):
        held = rows.held + np.einsum("nk,nsk->ns", keys.activation[place], layers)
        held += np.where(has_head, keys.ends[place, None], keys.working[place, None])
        held = np.where(exists, held, 0.0).max(axis=1)
        floor = np.maximum(floor, np.where(there, held, 0.0))
    kept = np.flatnonzero(floor <= capacity[rows.framework] * (1 + MARGIN))
    counts, index = np.unique(rows.nodes[kept], return_inverse=True)
    return Shardings(
        rows=rows.take(kept),
        code=code[kept],
        node_counts=counts,
        count_index=index,
        stage_share=share[kept],
        head_share=head[kept],
        fill_share=fill[kept],
        floor=floor[kept],
    )


def stage_weights(space: Space, pipeline: Array, lighter: Array) -> tuple[Array, ...]:
    """What of a whole pass every layout with these stages takes: shares of layers, of the head, of the filling; least layers held.

    The slowest of the representative stages takes at least any weighted mean of them. Of the mean over all stages and of each stage
    alone that weight is taken which makes the least share of any kind of layer largest. Layers held (n, 3, kinds) are those of one
    micro-batch, under virtual stages those of the mean stage where that is less.
    """
    codes, inverse = np.unique(pipeline * len(LIGHTER) + lighter, return_inverse=True)
    found = [_weights(space, int(code) // len(LIGHTER), LIGHTER[int(code) % len(LIGHTER)]) for code in codes]
    kinds = len(space.work.layers)
    if not found:
        return np.zeros(0), np.zeros(0), np.zeros(0), np.zeros((0, 3, kinds)), np.zeros((0, 3)), np.zeros((0, 3))
    return tuple(np.stack([np.asarray(row[column]) for row in found])[inverse] for column in range(6))


def _weights(space: Space, stages: int, lighter: str) -> tuple[float, float, float, Array, Array, Array]:
    plan = stage_plan(space.work, stages, lighter)
    totals = np.array([work.kind.count for work in space.work.layers], dtype=float)
    mean = np.array([1.0, max(0, stages - 2), 1.0 if stages > 1 else 0.0]) / stages
    weights = [mean, *(row for row, there in zip(np.eye(3), plan.exists, strict=True) if there)]
    shares = [float((weight @ plan.layers / totals).min()) for weight in weights]
    best = int(np.argmax(shares))
    virtual = max((v for v in space.values.virtual if _alike(space, stages, v, lighter)), default=1)
    least = np.minimum(plan.layers, totals / stages) if virtual > 1 else plan.layers
    fill = (stages - 1) / (stages * virtual)
    return shares[best], float(weights[best] @ plan.head), fill, least, plan.head > 0, plan.exists


def _alike(space: Space, stages: int, virtual: int, lighter: str) -> bool:
    whole = stages > 1 and lighter == "none" and space.work.layer_count % (stages * virtual) == 0
    return virtual == 1 or whole


def always_seconds(rates: Rates, rows: StateRows) -> Array:
    """Seconds of a step beside its stages that no overlap hides."""
    return constants().value("data_parallel_exposed") * rates.exchange(rows) + rates.optimizer(rows) + rows.fixed


def machine_bounds(space: Space, objective: Objective) -> Array:
    """Optimistic objective of any plan on each machine class: model FLOP at the highest rate, cheapest node, no losses."""
    m, job, work = space.machines, space.job, space.work
    count = len(m)
    if count == 0:
        return np.zeros(0)
    rate = np.fmax(np.fmax(m.matmul_flops, m.flash_flops), np.nan_to_num(m.matmul8_flops))
    speedups = [constants().value("dense_speedup_per_year", f.kernels) for f in space.values.frameworks]
    speedup = max(1.0, max(speedups, default=1.0) ** (constants().software_year - 2025))
    sequences = Batches.of(space).least_sequences
    gpu_seconds = model_flops(work, sequences * work.sequence_length) / (rate * speedup)
    price, most = np.full(count, np.inf), np.ones(count)
    for offer, machine in zip(space.offers, space.machine_of_offer, strict=True):
        price[machine] = min(price[machine], offer.price_usd_per_hour)
        most[machine] = max(most[machine], offer.max_nodes)
    least = clock(job, work, most, np.zeros(count))
    node_seconds = least.billed_fixed_seconds + least.billed_slope * gpu_seconds / m.gpus_per_node
    wall = least.fixed_seconds + least.slope * gpu_seconds / (m.gpus_per_node * most)
    totals = Totals(price * node_seconds / 3600, wall, m.gpus_per_node.astype(float), np.ones(count))
    return np.asarray(objective.of(totals), dtype=float)
