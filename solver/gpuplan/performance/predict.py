"""Predict one plan: the same functions the solver tabulates, composed for a single layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.layout import LIGHTER, OFFLOAD, Layout
from gpuplan.performance import interval
from gpuplan.performance.communication import (
    context_network_bytes,
    end_gather_network_bytes,
    expert_network_bytes,
    gather_network_bytes,
    stage_transfer_bytes,
    stage_transfer_seconds,
)
from gpuplan.performance.constants import Coverage, constants
from gpuplan.performance.layers import PARTS, AtomKeys, head_seconds, layer_seconds
from gpuplan.performance.machine import Machines, block_gpus, machines
from gpuplan.performance.memory import activation_bytes, loss_bytes, working_bytes
from gpuplan.performance.recompute import FULL, RECOMPUTE
from gpuplan.performance.stages import STAGES, ShapeKeys, Shapes, shapes
from gpuplan.performance.states import StateKeys, States, states
from gpuplan.performance.step import StepTerms
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Node
from gpuplan_models import Framework


@dataclass(frozen=True)
class Prediction:
    """Seconds of a step and bytes on the worst GPU, each as named parts that sum to the total.

    `step_width` and `memory_width` are two-sided 90 % widths of log(measured / predicted); `coverage` says how
    well published runs speak for the accelerator under the framework; `host_bytes` are kept in the host's memory for each GPU.
    """

    step_seconds: float
    step_parts: dict[str, float]
    memory_bytes: float
    memory_parts: dict[str, float]
    worst_stage: str
    usable_memory_bytes: float
    step_width: float
    memory_width: float
    coverage: Coverage
    tokens_per_step: float
    model_flops_utilisation: float
    host_bytes: float
    network_bytes_per_step_per_gpu: float


def predict(work: Workload, framework: Framework, node: Node, nodes: int, layout: Layout) -> Prediction:
    """Predict `layout` of `work` on `nodes` nodes of shape `node` under `framework`.

    The node must support the precision (see `machine.supports`); nothing else is required: whether the plan obeys any rule is for
    the rules to say.
    """
    m = machines([node], work.precision)
    atom, shape_keys, state_keys = _keys(layout, node, nodes)
    shape = shapes(work, shape_keys)
    state = states(work, framework, state_keys)
    layers = [layer_seconds(kind, work, framework, m, atom) for kind in work.layers]
    terms = step_terms(work, framework, m, atom, layers, shape, state)
    step = float(terms.seconds()[0])
    memory_parts, stage = _memory(work, framework, atom, shape, state)
    family = node.accelerator.kernel_family
    tokens = float(layout.global_batch * work.sequence_length)
    return Prediction(
        step_seconds=step,
        step_parts=_step_parts(work, layers, terms, float(shape.fill_share[0])),
        memory_bytes=sum(memory_parts.values()),
        memory_parts=memory_parts,
        worst_stage=stage,
        usable_memory_bytes=float(m.usable_memory_bytes[0]),
        step_width=interval.step_width(family, framework.kernels, work.is_mixture, framework.stand_in),
        memory_width=interval.memory_width(family, framework.kernels, framework.stand_in),
        coverage=constants().coverage(family, framework.kernels, framework.stand_in),
        tokens_per_step=tokens,
        model_flops_utilisation=model_flops(work, tokens) / (step * layout.gpus * float(m.peak_flops[0])),
        host_bytes=float(state.host_bytes[0]),
        network_bytes_per_step_per_gpu=_network_bytes(work, framework, m, atom, shape, state, layout.virtual),
    )


def _network_bytes(
    work: Workload, framework: Framework, m: Machines, atom: AtomKeys, shape: Shapes, state: States, virtual: int
) -> float:
    """Bytes each network card carries in a step: gradient exchange, ZeRO-3 gathers, rings, routed tokens, stage transfers."""
    passes = 3 if atom.recompute[0] == FULL else 2  # the ring of keys and values moves twice as much backward
    per_micro_batch = float(end_gather_network_bytes(work, framework, m, atom)[0])
    for index, kind in enumerate(work.layers):
        gathered = gather_network_bytes(kind, work, framework, m, atom)[0]
        routed = passes * expert_network_bytes(kind, work, m, atom)[0] if kind.is_mixture else 0.0
        ring = (passes + 1) * context_network_bytes(kind, work, m, atom)[0]
        per_micro_batch += float(shape.mean_layers[0, index] * (gathered + routed + ring))
    if atom.several_nodes[0] and shape.transfers[0] > 0:
        per_micro_batch += virtual * float(stage_transfer_bytes(work, framework, atom)[0])
    return float(state.network_bytes[0]) + float(shape.micro_batches[0]) * per_micro_batch


def model_flops(work: Workload, tokens: float) -> float:
    """FLOP the model needs for `tokens` trained tokens: no recompute, only visible pairs, no weight gradients of frozen weights."""
    passes = 2.0 if work.trains_adapters else 3.0
    products = 2.0 * work.architecture.active_parameters - 2.0 * work.architecture.embedding_parameters
    if work.architecture.head_parameters == 0:
        products += 2.0 * work.architecture.vocabulary_parameters
    attention = sum(
        kind.count
        * work.sequence_length
        * kind.attention.heads
        * (kind.attention.qk_head_dim + kind.attention.v_head_dim)
        * kind.attention.pair_share(work.sequence_length)
        for kind in work.architecture.layers
    )
    return tokens * (passes * products + 3.0 * attention)


def _keys(layout: Layout, node: Node, nodes: int) -> tuple[AtomKeys, ShapeKeys, StateKeys]:
    def one(value: float) -> np.ndarray:
        return np.array([value])

    zero3 = layout.zero == 3
    atom = AtomKeys(
        machine=np.array([0]),
        tensor=one(layout.tensor),
        context=one(layout.context),
        expert=one(layout.expert),
        expert_tensor=one(layout.expert_tensor),
        micro_batch=one(layout.micro_batch),
        recompute=one(RECOMPUTE.index(layout.recompute)),
        several_nodes=np.array([nodes * node.gpus_per_node > node.scale_up_gpus]),
        gather=one(layout.data * layout.context if zero3 else 1),
        streamed=np.array([layout.offload == "parameters"]),
    )
    lighter = one(LIGHTER.index(layout.lighter))
    shape = ShapeKeys(
        pipeline=one(layout.pipeline),
        virtual=one(layout.virtual),
        lighter=lighter,
        data=one(layout.data),
        micro_batch=one(layout.micro_batch),
        global_batch=one(layout.global_batch),
    )
    state = StateKeys(
        gpus_per_node=one(node.gpus_per_node),
        gpus_per_block=one(block_gpus(node)),
        domain_gpus=one(node.scale_up_gpus),
        tensor=one(layout.tensor),
        context=one(layout.context),
        pipeline=one(layout.pipeline),
        lighter=lighter,
        expert=one(layout.expert),
        expert_tensor=one(layout.expert_tensor),
        data=one(layout.data),
        zero=one(layout.zero),
        offload=one(OFFLOAD.index(layout.offload)),
    )
    return atom, shape, state


def step_terms(
    work: Workload,
    framework: Framework,
    m: Machines,
    atom: AtomKeys,
    layers: list[dict[str, np.ndarray]],
    shape: Shapes,
    state: States,
) -> StepTerms:
    """Terms of a step of each row; the rows of `m`, `atom`, `shape` and `state` belong together one by one."""
    return StepTerms(
        layer=np.stack([np.sum(list(parts.values()), axis=0) for parts in layers], axis=1),
        head=head_seconds(work, framework, m, atom),
        transfer=stage_transfer_seconds(work, framework, m, atom),
        layer_passes=shape.layer_passes,
        head_passes=shape.head_passes,
        transfers=shape.transfers,
        mean_layers=shape.mean_layers,
        exchange=np.maximum(state.link_bytes / m.link_rate, state.network_bytes / m.network_rate),
        optimizer=state.optimizer_traffic_bytes / m.memory_rate + state.host_link_bytes / m.host_rate,
        fixed=state.fixed_seconds,
    )


def _step_parts(
    work: Workload, layers: list[dict[str, np.ndarray]], terms: StepTerms, fill_share: float
) -> dict[str, float]:
    """Parts of the step on the slowest stage; the bubble is the time the pipeline needs to fill."""
    slowest = int(np.argmax(terms.stage_seconds()[0]))
    fill = fill_share * np.array([kind.kind.count for kind in work.layers], dtype=float)
    own = terms.layer_passes[0, slowest] - fill
    parts = {name: float(sum(layer[name][0] * own[kind] for kind, layer in enumerate(layers))) for name in PARTS}
    parts["head_and_loss"] = float(terms.head[0] * (terms.head_passes[0, slowest] - fill_share))
    parts["pipeline_bubble"] = float(terms.layer[0] @ fill + terms.head[0] * fill_share)
    parts["pipeline_transfer"] = float(terms.transfer[0] * terms.transfers[0])
    parts["gradient_exchange"] = float(terms.exposed_exchange()[0])
    parts["optimizer"] = float(terms.optimizer[0])
    parts["fixed"] = float(terms.fixed[0])
    return parts


def _memory(
    work: Workload, framework: Framework, atom: AtomKeys, shape: Shapes, state: States
) -> tuple[dict[str, float], str]:
    """Bytes by part on the stage that needs most."""
    activations = sum(
        activation_bytes(kind, work, framework, atom)[:, None] * shape.in_flight_layers[:, :, index]
        for index, kind in enumerate(work.layers)
    )
    logits = loss_bytes(work, framework, atom)[:, None] * shape.has_head
    activations = activations + working_bytes(work, framework, atom)[:, None]
    by_part = {
        "weights": state.weights_bytes,
        "gradients": state.gradients_bytes,
        "optimizer": state.optimizer_bytes,
        "activations": activations,
        "logits_and_loss": logits,
        "gathered_and_unpacked": state.gather_bytes,
        "context_and_communicators": state.base_bytes,
        "optimizer_step": np.maximum(0.0, state.step_bytes - activations - logits),
    }
    total = np.where(shape.exists, np.sum(list(by_part.values()), axis=0), 0.0)[0]
    worst = int(np.argmax(total))
    return {name: float(values[0, worst]) for name, values in by_part.items()}, STAGES[worst]
