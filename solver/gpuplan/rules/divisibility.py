"""What the models' own frameworks can cut evenly: heads and widths by TP, experts by EP, sequences by CP, layers by PP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gpuplan.layout import LIGHTER
from gpuplan.performance.distinct import distinct
from gpuplan.performance.stages import stage_layer_counts
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.stages import ShapeKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework

Array = np.ndarray


class Divisibility(Rule):
    """TP divides heads, key-value heads and widths; EP the experts and, with expert-TP, the GPUs of a stage; CP the sequence in
    pairs of chunks; every stage has a layer, and interleaved stages are alike and fed in rounds of PP micro-batches.
    """

    name = "divisibility"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> Array:
        return self._divides(space, keys.tensor, keys.context, keys.expert, keys.expert_tensor)

    def shape_allowed(self, space: Space, keys: ShapeKeys) -> Array:
        layers = space.work.layer_count
        return _stages_filled(keys.pipeline, keys.lighter, layers) & _interleaves(keys, layers)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> Array:
        stage = deals_experts(keys.tensor * keys.ranks, keys.tensor, keys.expert, keys.expert_tensor)
        filled = _stages_filled(keys.pipeline, keys.lighter, space.work.layer_count)
        return self._divides(space, keys.tensor, keys.context, keys.expert, keys.expert_tensor) & stage & filled

    def _divides(self, space: Space, tensor: Array, context: Array, expert: Array, expert_tensor: Array) -> Array:
        architecture = space.work.architecture
        eight_bit = space.job.precision == "fp8"
        windowed = architecture.windowed(space.work.sequence_length)
        return (
            _each(tensor, architecture.tensor_parallel_divides)
            & (_each(tensor, architecture.fp8_divides) | (not eight_bit))
            & _each(expert, architecture.expert_parallel_divides)
            & _each(expert_tensor, architecture.expert_tensor_divides)
            & ((expert_tensor == 1) | (expert_tensor == tensor))
            & ((context == 1) | ((space.work.sequence_length % (2 * context) == 0) & (not windowed)))
        )

    def quantities(self, plan: Plan) -> list[Quantity]:
        return [
            Quantity(self.name, name if holds else broken, float(not holds), 0, "count")
            for holds, name, broken in (*_cuts(plan), *_pipeline_cuts(plan))
        ]


def _cuts(plan: Plan) -> list[tuple[bool, str, str]]:
    """What holds of heads, experts and sequences, its name, and the sentence that a reader finds where it does not."""
    layout, model = plan.layout, plan.job.architecture
    ranks = layout.tensor * layout.context * layout.data
    groups = layout.expert * layout.expert_tensor
    experts = f"{model.routed_experts} experts" if model.routed_experts else "a model without experts"
    length = plan.job.sequence_length
    return [
        (
            model.tensor_parallel_divides(layout.tensor),
            "tensor-parallel degrees that do not divide heads and widths",
            f"heads and widths of {model.name} that cannot be cut into {layout.tensor} equal parts (TP)",
        ),
        (
            plan.job.precision != "fp8" or model.fp8_divides(layout.tensor),
            "tensor-parallel degrees that leave widths which 8-bit products do not take",
            f"widths of {model.name} that are no multiples of 16 when cut into {layout.tensor} parts (fp8 with TP)",
        ),
        (
            model.expert_parallel_divides(layout.expert),
            "expert-parallel degrees that do not divide the experts",
            f"{experts} that cannot be dealt to {layout.expert} ranks evenly (EP)",
        ),
        (
            ranks % groups == 0,
            "expert-parallel groups that do not fill a stage",
            f"{ranks} GPUs of a stage that cannot form groups of {groups} (EP)",
        ),
        (
            layout.expert_tensor in (1, layout.tensor) and model.expert_tensor_divides(layout.expert_tensor),
            "expert-tensor-parallel degrees beside 1 and TP, or that do not divide an expert",
            f"experts of {experts} that cannot be cut over {layout.expert_tensor} ranks (ETP must be 1 or TP)",
        ),
        (
            layout.context == 1 or (length % (2 * layout.context) == 0 and not model.windowed(length)),
            "context-parallel degrees that do not divide the sequence into pairs of chunks, or cut a sliding window",
            f"sequences of {length} tokens{' with sliding windows' if model.windowed(length) else ''} that cannot be cut into "
            f"{2 * layout.context} chunks (CP)",
        ),
    ]


def _pipeline_cuts(plan: Plan) -> list[tuple[bool, str, str]]:
    """The same of the layers of a pipeline."""
    layout, layers = plan.layout, plan.job.architecture.layer_count
    stages = stage_layer_counts(layers, layout.pipeline, layout.lighter) if layout.pipeline <= layers else (0, 0, 0)
    exists = (True, layout.pipeline > 2, layout.pipeline > 1)
    lightened = layout.lighter == "none" or layout.pipeline > (2 if layout.lighter == "both" else 1)
    filled = lightened and all(count > 0 for count, there in zip(stages, exists, strict=True) if there)
    alike = layout.virtual == 1 or (
        layout.pipeline > 1
        and layout.lighter == "none"
        and layers % (layout.pipeline * layout.virtual) == 0
        and layout.gradient_accumulation % layout.pipeline == 0
    )
    return [
        (
            filled,
            "pipeline stages without a layer",
            f"pipeline stages without a layer ({layout.pipeline} stages, {layers} layers)",
        ),
        (
            alike,
            "virtual stages that are not alike or not fed in whole rounds",
            f"{layers} layers in {layout.pipeline} x {layout.virtual} virtual stages with {layout.gradient_accumulation} "
            f"micro-batches (both must divide: layers by PP x VP, micro-batches by PP)",
        ),
    ]


def deals_experts(ranks: Array, tensor: Array, expert: Array, expert_tensor: Array) -> Array:
    """Whether the GPUs of a stage form whole groups that hold all experts, cut by nothing or by tensor parallelism."""
    return np.asarray((ranks % (expert * expert_tensor) == 0) & ((expert_tensor == 1) | (expert_tensor == tensor)))


def _stages_filled(pipeline: Array, lighter: Array, layers: int) -> Array:
    """Whether every stage holds a layer; only the ends of a pipeline can be lighter, both only where there is a middle."""
    codes, inverse = distinct(pipeline * len(LIGHTER) + lighter)
    return np.array([_filled(int(code), layers) for code in codes], dtype=bool)[inverse]


def _filled(code: int, layers: int) -> bool:
    stages, which = code // len(LIGHTER), LIGHTER[code % len(LIGHTER)]
    if stages > layers or (which != "none" and stages < (3 if which == "both" else 2)):
        return False
    first, middle, last = stage_layer_counts(layers, stages, which)
    return first > 0 and (stages == 1 or last > 0) and (stages <= 2 or middle > 0)


def _interleaves(keys: ShapeKeys, layers: int) -> Array:
    micro_batches = keys.global_batch // (keys.data * keys.micro_batch)
    alike = (keys.pipeline > 1) & (keys.lighter == 0) & (layers % (keys.pipeline * keys.virtual) == 0)
    return np.asarray((keys.virtual == 1) | (alike & (micro_batches % keys.pipeline == 0)))


def _each(degrees: Array, holds: Callable[[int], bool]) -> Array:
    """`holds` of every degree, asked once per distinct one."""
    values, inverse = distinct(degrees)
    return np.array([holds(int(value)) for value in values], dtype=bool)[inverse]
