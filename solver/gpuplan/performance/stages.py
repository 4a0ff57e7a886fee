"""How layers spread over pipeline stages, and what that means for the schedule and for memory.

Three stages stand for all: the first (embedding, most micro-batches in flight), the second (no embedding, may hold more layers)
and the last (head and loss). With one stage, the first holds everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


def stage_layer_counts(layers: int, stages: int) -> tuple[int, int, int]:
    """Layers of the first stage, of the fullest middle stage and of the last.

    As even as can be; what is left over goes to the middle stages first, since the ends also hold embedding and head (Megatron's
    uneven first and last stage).
    """
    if stages == 1:
        return layers, 0, 0
    each, left = divmod(layers, stages)
    middle_stages = stages - 2
    middle = each + min(1, left) if middle_stages else 0
    first = each + (1 if left > middle_stages else 0)
    return first, middle, each


def stage_plan(job: Workload, stages: int) -> StagePlan:
    """Spread the stack of `job` over `stages` pipeline stages."""
    first, middle, last = stage_layer_counts(job.layer_count, stages)
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


def stage_plans(job: Workload, stages: Array) -> StagePlan:
    """`stage_plan` of every pipeline degree in `stages`; each array gains a leading axis of that length."""
    degrees, inverse = np.unique(stages, return_inverse=True)
    plans = [stage_plan(job, int(degree)) for degree in degrees] or [stage_plan(job, 1)]
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
class ShapeKeys:
    """The decisions the schedule depends on: arrays of one length."""

    pipeline: Array
    data: Array
    micro_batch: Array
    global_batch: Array

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
        (n, 3, kinds): layer passes on the critical path through each stage, ``m layers(stage) + (p - 1) layers / p``.
    head_passes
        (n, 3): head passes likewise.
    transfers
        (n,): stage-to-stage transfers on the critical path, ``m + p - 1`` (0 for one stage).
    in_flight_layers
        (n, 3, kinds): layers whose activations a stage holds at once under 1F1B.
    mean_layers
        (n, kinds): layers of a stage in the mean, behind whose pass the gradient exchange can hide.
    fill_share
        (n,): ``(p - 1) / p``, the part of a full pass that filling the pipeline takes.
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
    """Schedule of one step under 1F1B: the slowest stage runs m micro-batches after the pipeline has filled with mean ones."""
    plan = stage_plans(job, keys.pipeline)
    layers, head, exists = plan.layers, plan.head, plan.exists
    totals = np.array([work.kind.count for work in job.layers], dtype=float)
    p = keys.pipeline.astype(float)
    m = np.ceil(keys.global_batch / (keys.data * keys.micro_batch))
    fill = (p - 1) / p
    passes = m[:, None, None] * layers + (fill[:, None] * totals)[:, None, :]
    depth = np.stack([p, p - 1, np.ones_like(p)], axis=1)
    in_flight = np.minimum(np.maximum(depth, 1), m[:, None])
    return Shapes(
        micro_batches=m,
        layer_passes=np.where(exists[:, :, None], passes, 0.0),
        head_passes=np.where(exists, m[:, None] * head + fill[:, None], 0.0),
        transfers=np.where(p > 1, m + p - 1, 0.0),
        in_flight_layers=in_flight[:, :, None] * layers,
        mean_layers=totals[None, :] / p[:, None],
        fill_share=fill,
        has_head=head,
        exists=exists,
    )
