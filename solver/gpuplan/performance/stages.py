"""How layers spread over pipeline stages, and what that means for the schedule and for memory.

Three stages stand for all: the first (embedding, most micro-batches in flight), the second (no embedding, may hold more layers)
and the last (head and loss). With one stage, the first holds everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpuplan.layout import LIGHTER
from gpuplan.performance.distinct import distinct
from gpuplan.performance.workload import Workload

Array = np.ndarray

#: The representative stages, in the order of every stage axis.
STAGES = ("first", "middle", "last")


@dataclass(frozen=True)
class StagePlan:
    """Layers of each representative stage for one pipeline degree.

    Attributes
    ----------
    layers
        Array (3 stages, kinds of layer): how many layers of a kind the stage holds.
    embedding, head
        Arrays (3,): 1 where the stage holds the embedding, the LM head.
    exists
        Array (3,): whether there is such a stage.
    """

    layers: Array
    embedding: Array
    head: Array
    exists: Array


def stage_layer_counts(layers: int, stages: int, lighter: str = "none") -> tuple[int, int, int]:
    """Layers of the first stage, of the fullest middle stage and of the last.

    As even as can be; what is left over goes to the middle stages first, since the ends also hold embedding and head (Megatron's
    uneven first and last stage). `lighter` ends have one layer less, which goes to the middle stages, or with two stages to the
    other one.
    """
    if stages == 1:
        return layers, 0, 0
    each, left = divmod(layers, stages)
    middle_stages = stages - 2
    first = each + (1 if left > middle_stages else 0) - (lighter in ("first", "both"))
    last = each - (lighter in ("last", "both"))
    if middle_stages:
        return first, -(-(layers - first - last) // middle_stages), last
    return (first, 0, layers - first) if lighter == "first" else (layers - last, 0, last)


def stage_plan(job: Workload, stages: int, lighter: str = "none") -> StagePlan:
    """Spread the stack of `job` over `stages` pipeline stages."""
    first, middle, last = stage_layer_counts(job.layer_count, stages, lighter)
    stack, kinds = np.array(job.architecture.stack), len(job.layers)
    held = (
        _count(stack, kinds, 0, first),
        _middle(stack, kinds, first, middle, last),
        _count(stack, kinds, len(stack) - last, last),
    )
    exists = np.array([True, stages > 2, stages > 1])
    return StagePlan(
        layers=np.array(held, dtype=float),
        embedding=np.array([1.0, 0.0, 0.0]),
        head=np.array([1.0, 0.0, 0.0]) if stages == 1 else np.array([0.0, 0.0, 1.0]),
        exists=exists,
    )


def stage_plans(job: Workload, stages: Array, lighter: Array) -> StagePlan:
    """`stage_plan` of every pipeline degree in `stages` with the code of `LIGHTER` beside it; arrays gain a leading axis."""
    codes, inverse = distinct(stages * len(LIGHTER) + lighter)
    known = [(int(code) // len(LIGHTER), LIGHTER[int(code) % len(LIGHTER)]) for code in codes] or [(1, "none")]
    plans = [stage_plan(job, degree, which) for degree, which in known]
    fields = ("layers", "embedding", "head", "exists")
    return StagePlan(*(np.stack([getattr(plan, name) for plan in plans])[inverse] for name in fields))


def _count(stack: Array, kinds: int, start: int, length: int) -> Array:
    """How many layers of each kind lie in ``[start, start + length)`` of the stack."""
    return np.bincount(stack[start : start + length], minlength=kinds)


def _middle(stack: Array, kinds: int, first: int, middle: int, last: int) -> Array:
    """The middle stage that holds the most of the last (heaviest) kind of layer; of equal ones the nearest to the end.

    The stages are cut off from the end as if all were as full as the fullest; where kinds alternate, a stage may in truth hold
    one layer more of a kind and one less of another.
    """
    if not middle:
        return np.zeros(kinds)
    starts = range(len(stack) - last - middle, first - 1, -middle)
    return max((_count(stack, kinds, start, middle) for start in starts), key=lambda counts: counts[-1])


@dataclass(frozen=True)
class StageFloor:
    """What every schedule with these stages takes at least.

    The slowest of the representative stages takes at least any weighted mean of them. Of the mean over all stages and of each stage
    alone that weight is taken which makes the least share of any kind of layer largest.

    Attributes
    ----------
    layers, head, fill
        Shares: of all layers and of the head in the slowest stage's own passes, of a whole pass in the filling.
    held
        Array (3, kinds): layers of one micro-batch that a stage holds; under virtual stages those of the mean stage where that is
        less.
    has_head, exists
        Arrays (3,): whether a stage holds the head, whether there is such a stage.
    """

    layers: float
    head: float
    fill: float
    held: Array
    has_head: Array
    exists: Array


def stage_floor(job: Workload, stages: int, lighter: str, virtual: Sequence[int]) -> StageFloor:
    """`StageFloor` of one pipeline degree, of whose `virtual` degrees those count that cut its stages evenly."""
    plan = stage_plan(job, stages, lighter)
    totals = np.array([work.kind.count for work in job.layers], dtype=float)
    mean = np.array([1.0, max(0, stages - 2), 1.0 if stages > 1 else 0.0]) / stages
    weights = [mean, *(row for row, there in zip(np.eye(3), plan.exists, strict=True) if there)]
    shares = [float((weight @ plan.layers / totals).min()) for weight in weights]
    best = int(np.argmax(shares))
    even = stages > 1 and lighter == "none"
    most = max((v for v in virtual if v == 1 or (even and job.layer_count % (stages * v) == 0)), default=1)
    return StageFloor(
        layers=shares[best],
        head=float(weights[best] @ plan.head),
        fill=(stages - 1) / (stages * most),
        held=np.minimum(plan.layers, totals / stages) if most > 1 else plan.layers,
        has_head=plan.head > 0,
        exists=plan.exists,
    )


@dataclass(frozen=True)
class ShapeKeys:
    """The decisions the schedule depends on: arrays of one length; `lighter` holds codes of `LIGHTER`."""

    pipeline: Array
    virtual: Array
    lighter: Array
    data: Array
    micro_batch: Array
    global_batch: Array

    def take(self, index: Array) -> ShapeKeys:
        """The same decisions, restricted to `index`."""
        return ShapeKeys(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.pipeline)


@dataclass(frozen=True)
class Shapes:
    """What a schedule multiplies: arrays over shapes, stages and kinds of layer.

    Attributes
    ----------
    micro_batches
        Micro-batches per pipeline and step, m.
    layer_passes
        (n, 3, kinds): layer passes on the critical path through each stage, ``m layers(stage) + (p - 1) layers / (p v)``.
    head_passes
        (n, 3): head passes likewise.
    transfers
        (n,): stage-to-stage transfers on the critical path, ``m v + p - 1`` (0 for one stage).
    in_flight_layers
        (n, 3, kinds): layers whose activations a stage holds at once.
    mean_layers
        (n, kinds): layers of a stage in the mean, behind whose pass the gradient exchange can hide.
    fill_share
        (n,): ``(p - 1) / (p v)``, the part of a full pass that filling the pipeline takes.
    has_head, exists
        (n, 3): whether a stage holds the LM head, and whether there is such a stage.
    """

    micro_batches: Array
    layer_passes: Array
    head_passes: Array
    transfers: Array
    in_flight_layers: Array
    mean_layers: Array
    fill_share: Array
    has_head: Array
    exists: Array


def shapes(job: Workload, keys: ShapeKeys) -> Shapes:
    """Schedule of one step under 1F1B: the slowest stage runs m micro-batches after the pipeline has filled with mean ones.

    With v virtual stages the pipeline fills in a v-th of the time, at v times the transfers (Narayanan et al., arXiv:2104.04473,
    section 2.2).
    """
    plan = stage_plans(job, keys.pipeline, keys.lighter)
    layers, head, exists = plan.layers, plan.head, plan.exists
    totals = np.array([work.kind.count for work in job.layers], dtype=float)
    p, v = keys.pipeline.astype(float), keys.virtual.astype(float)
    m = np.ceil(keys.global_batch / (keys.data * keys.micro_batch))
    fill = (p - 1) / (p * v)
    passes = m[:, None, None] * layers + (fill[:, None] * totals)[:, None, :]
    return Shapes(
        micro_batches=m,
        layer_passes=np.where(exists[:, :, None], passes, 0.0),
        head_passes=np.where(exists, m[:, None] * head + fill[:, None], 0.0),
        transfers=np.where(p > 1, m * v + p - 1, 0.0),
        in_flight_layers=_in_flight(layers, totals, m, p, v),
        mean_layers=totals[None, :] / p[:, None],
        fill_share=fill,
        has_head=head,
        exists=exists,
    )


def _in_flight(layers: Array, totals: Array, m: Array, p: Array, v: Array) -> Array:
    """Layers (n, 3, kinds) whose activations a stage holds.

    Stage r of p has ``p - r`` micro-batches under way. With v chunks it runs ``2 (p - r - 1) + (v - 1) p`` chunks forward before its
    first backward (Megatron's warm-up).
    """
    depth = np.stack([p, p - 1, np.ones_like(p)], axis=1)
    plain = np.minimum(np.maximum(depth, 1), m[:, None])[:, :, None] * layers
    if not np.any(v > 1):
        return plain
    rank = np.stack([np.zeros_like(p), np.ones_like(p), p - 1], axis=1)
    chunks = 2 * (p[:, None] - rank - 1) + ((v - 1) * p)[:, None] + 1
    held = np.minimum(chunks, (m * v)[:, None]) / (v * p)[:, None]
    return np.where((v > 1)[:, None, None], held[:, :, None] * totals, plain)
