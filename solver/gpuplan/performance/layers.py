"""Seconds that one layer takes for one micro-batch: forward, backward, repeated forward, exposed communication.

Every term depends only on the fields of `AtomKeys` (accelerator and links, how tensors, sequences and experts are cut, micro-batch,
recompute, whether the cluster leaves its scale-up domain, over how many GPUs ZeRO-3 gathers and from where): the solver tabulates a
layer over exactly those.

Symbols: M tokens of the micro-batch, h hidden size, t tensor parallelism, e expert parallelism, P sustained FLOP/s, B memory bytes/s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gpuplan.performance import communication
from gpuplan.performance.constants import constants
from gpuplan.performance.machine import Machines
from gpuplan.performance.recompute import FULL, SELECTIVE
from gpuplan.performance.workload import LayerWork, Workload
from gpuplan_models import Framework, Linear

Array = np.ndarray


@dataclass(frozen=True)
class AtomKeys:
    """The decisions a layer's time and activations depend on; arrays of one length.

    `machine` indexes `Machines`; `recompute` indexes `RECOMPUTE`; `gather` is the number of GPUs over which ZeRO-3 shards the
    weights (1: not sharded) and `streamed` says whether the shards live on the host; `several_nodes` says whether the cluster
    leaves its scale-up domain (a node, or a rack whose nodes one link joins).
    """

    machine: Array
    tensor: Array
    context: Array
    expert: Array
    expert_tensor: Array
    micro_batch: Array
    recompute: Array
    several_nodes: Array
    gather: Array
    streamed: Array

    @property
    def expert_ranks(self) -> Array:
        """GPUs over which the experts of a layer are dealt and cut."""
        return self.expert * self.expert_tensor

    def tokens(self, job: Workload) -> Array:
        """Tokens of one micro-batch on a rank (per tensor-parallel group)."""
        return self.micro_batch * float(job.sequence_length) / self.context

    def take(self, index: Array) -> AtomKeys:
        """The same decisions, restricted to `index`."""
        return replace(self, **{name: getattr(self, name)[index] for name in self.__dataclass_fields__})

    def __len__(self) -> int:
        return len(self.machine)


#: Experts of a layer on one GPU that are launched apart; of more, none was measured, and grouped products launch them together.
MOST_LAUNCHED = 32

#: Names of the parts of a layer's time, as the answer prints them.
PARTS = (
    "matmul",
    "attention",
    "elementwise",
    "quantise",
    "recompute",
    "tensor_parallel",
    "context_parallel",
    "expert_parallel",
    "launch",
    "weight_gather",
)


def layer_seconds(
    work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys
) -> dict[str, Array]:
    """Seconds of each part of one layer of kind `work.kind`, forward and backward, for one micro-batch.

    ``layer = forward (1 + repeated share) + backward``; then the launch floor as a cubic norm, ``(layer^3 + floor^3)^(1/3)``;
    then what ZeRO-3 traffic is not hidden behind it.
    """
    c = constants()
    forward = _forward(work, job, framework, m, keys)
    backward_products = 1.0 if job.trains_adapters else 2.0
    parts = {
        "matmul": forward["matmul"] * (1 + backward_products),
        "attention": forward["attention"] * (1 + 2.5 / c.value("flash_backward_ratio")),
        "elementwise": forward["elementwise"] * 3,
        "quantise": forward["quantise"] + forward["dequantise"] * 2,
        "recompute": _repeated(forward, framework, keys),
        "tensor_parallel": forward["tensor_parallel"] * 2,
        "context_parallel": forward["context_parallel"] * 3,
        "expert_parallel": forward["expert_parallel"] * 2,
    }
    parts["elementwise"] = parts["elementwise"] + _expert_weight_traffic(work, m, keys)
    if not work.is_mixture:
        speedup = c.value("dense_speedup_per_year", framework.kernels) ** (c.software_year - 2025)
        parts = {name: seconds / speedup for name, seconds in parts.items()}
    busy = np.sum(list(parts.values()), axis=0)
    floor = _launch_floor(work, job, framework, keys)
    total = np.cbrt(busy**3 + floor**3)
    parts["launch"] = np.maximum(0.0, total - busy)  # the cube root may round to just below `busy`
    parts["weight_gather"] = communication.exposed_gather(work, job, framework, m, keys, total)
    return parts


def _forward(work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> dict[str, Array]:
    return {
        "matmul": _matmul_forward(work, job, framework, m, keys),
        "attention": _attention_forward(work, job, m, keys),
        "elementwise": _elementwise_forward(work, job, framework, m, keys),
        "quantise": _quantise_forward(work, job, framework, m, keys),
        "dequantise": _dequantise(work, job, m, keys),
        "tensor_parallel": communication.tensor_parallel_seconds(job, framework, m, keys),
        "context_parallel": communication.context_parallel_seconds(work, job, m, keys),
        "expert_parallel": communication.expert_parallel_seconds(work, job, m, keys),
    }


def matmul_seconds(
    rows: Array, inner: Array | float, columns: Array | float, flops: Array, memory_rate: Array
) -> Array:
    """Additive roofline of one matrix product (rows x inner) (inner x columns).

    ``T = 2 M K N [1/P + (kappa/B) (1/M + 1/K + 1/N)]``: the second term is the traffic ``2 (MK + KN + MN)`` bytes, of which the
    share kappa is not hidden.
    """
    kappa = constants().value("matmul_traffic_share")
    return 2 * rows * inner * columns * (1 / flops + kappa / memory_rate * (1 / rows + 1 / inner + 1 / columns))


def sequence_split(framework: Framework, keys: AtomKeys) -> Array:
    """Over how many GPUs sequence parallelism splits what tensor parallelism does not (norms, residuals)."""
    return keys.tensor if framework.sequence_parallel else np.ones_like(keys.tensor)


def _matmul_forward(work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    rows = keys.tokens(job)
    rate = m.memory_rate[keys.machine]
    sixteen = m.matmul_flops[keys.machine]
    flops = m.matmul8_flops[keys.machine] if job.precision == "fp8" else sixteen
    total = np.zeros(len(keys))
    for linear in work.kind.linears:
        speed = sixteen if linear.part == "router" else flops
        total += _linear_forward(linear, rows, speed, rate, framework, keys)
    return total


def _linear_forward(
    linear: Linear, rows: Array, flops: Array, rate: Array, framework: Framework, keys: AtomKeys
) -> Array:
    inner, columns = float(linear.in_features), float(linear.out_features)
    if linear.split == "expert":
        # Each expert multiplies the tokens routed to it by all ranks of its group; one that is cut is so along its own width.
        rows_per_expert = rows * linear.active * keys.expert_ranks / (keys.tensor * linear.copies)
        local = linear.copies / keys.expert
        cut_inner, cut_columns = (keys.expert_tensor, 1) if linear.goes_down else (1, keys.expert_tensor)
        return local * matmul_seconds(rows_per_expert, inner / cut_inner, columns / cut_columns, flops, rate)
    if linear.split == "column":
        return matmul_seconds(rows, inner, columns / keys.tensor, flops, rate)
    if linear.split == "row":
        return matmul_seconds(rows, inner / keys.tensor, columns, flops, rate)
    return matmul_seconds(rows / sequence_split(framework, keys), inner, columns, flops, rate)


def _attention_forward(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Flash attention: ``F = M s heads (d_qk + d_v) share / t`` FLOP; short sequences are slower by ``1 + 512/s``.

    The share of pairs is 1 for causal attention to the whole sequence; see `AttentionCore.pair_share` for windows.
    """
    core = work.kind.attention
    sequence = float(job.sequence_length)
    pairs = keys.tokens(job) * sequence * core.pair_share(sequence)
    flop = pairs * core.heads * (core.qk_head_dim + core.v_head_dim) / keys.tensor
    short = 1 + constants().value("flash_short_sequence_tokens") / sequence
    return flop / m.flash_flops[keys.machine] * short


def _elementwise_forward(work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Bytes ``2 M [10 h/S + 2 (Hq + 2 Hk)/t + (2g + 2) f/t]`` times the framework's factor, plus routing and adapters."""
    c = constants()
    kind, h = work.kind, float(job.architecture.hidden_size)
    m_tokens = keys.tokens(job)
    heads = 2 * (kind.query_width + 2 * kind.key_value_width) / keys.tensor
    mlp = work.gate_factor * kind.mlp_width / keys.tensor
    moved = 2 * m_tokens * (10 * h / sequence_split(framework, keys) + heads + mlp)
    moved = moved * c.value("elementwise_traffic", framework.kernels)
    if work.is_mixture:
        moved += c.value("permute_bytes_per_element") * 2 * work.experts_active * h * m_tokens / keys.tensor
    if job.trains_adapters:
        features = work.adapted_whole + work.adapted_split / keys.tensor
        moved += c.value("adapter_traffic", framework.kernels) * 2 * m_tokens * features
    return moved / m.memory_rate[keys.machine]


def _quantise_forward(work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Casting activations to 8 bit: ``c M (2h/S + Hq/t + f/t)`` bytes."""
    if job.precision != "fp8":
        return np.zeros(len(keys))
    h = float(job.architecture.hidden_size)
    elements = 2 * h / sequence_split(framework, keys) + (work.kind.query_width + work.kind.mlp_width) / keys.tensor
    moved = constants().value("quantise_bytes_per_element") * keys.tokens(job) * elements
    return moved / m.memory_rate[keys.machine]


def _dequantise(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Unpacking the frozen weights that a GPU holds (or has gathered), for one pass."""
    if not job.unpacks_weights:
        return np.zeros(len(keys))
    dense, experts = work.parameters_per_rank(keys.tensor, keys.expert_ranks)
    moved = constants().value("dequantise_bytes_per_parameter", job.weights) * (dense + experts)
    return moved / m.memory_rate[keys.machine]


def _expert_weight_traffic(work: LayerWork, m: Machines, keys: AtomKeys) -> Array:
    moved = constants().value("expert_weight_bytes") * work.expert_parameters / keys.expert_ranks
    return moved / m.memory_rate[keys.machine]


def _repeated(forward: dict[str, Array], framework: Framework, keys: AtomKeys) -> Array:
    """Forward time repeated by recompute: all of it; the attention core (Megatron); a share (torch's operator-selective)."""
    everything = np.sum(list(forward.values()), axis=0)
    if framework.kernels == "megatron":
        selective = forward["attention"]
    else:
        selective = constants().value("selective_recompute_share") * everything
    return np.where(keys.recompute == FULL, everything, np.where(keys.recompute == SELECTIVE, selective, 0.0))


def _launch_floor(work: LayerWork, job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    c = constants()
    floor = np.full(len(keys), c.value("launch_seconds", framework.kernels))
    if work.is_mixture:
        floor = floor * c.value("launch_moe_ratio") + c.value("launch_seconds_per_expert") * np.minimum(
            work.experts / keys.expert, MOST_LAUNCHED
        )
    if job.unpacks_weights:
        floor = floor * c.value("launch_unpack_ratio")
    return floor * np.where(keys.recompute == FULL, c.value("launch_recompute_ratio"), 1.0)


def head_seconds(job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """LM head and loss for one micro-batch: forward and one (adapters) or two backward products, always in 16 bit.

    Under ZeRO-3 the gathers of embedding and head that it does not hide are added.
    """
    architecture = job.architecture
    columns = architecture.vocab_size / keys.tensor
    rate = m.memory_rate[keys.machine]
    product = matmul_seconds(
        keys.tokens(job), float(architecture.hidden_size), columns, m.matmul_flops[keys.machine], rate
    )
    passes = 2 if job.trains_adapters else 3
    loss = keys.tokens(job) * columns * constants().value("loss_bytes_per_logit", framework.kernels) / rate
    head = passes * product + loss
    return head + communication.exposed_end_gather(job, framework, m, keys, head)
