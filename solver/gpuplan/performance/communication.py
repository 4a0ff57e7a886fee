"""Seconds of communication: tensor, expert, pipeline and data parallelism, ZeRO-3's gathers.

Ranks are laid out tensor-parallel first, then data-parallel, then pipeline stages (Megatron's order), so a group's place relative
to the node follows from the degrees alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan.performance.machine import Machines
from gpuplan.performance.recompute import FULL
from gpuplan.performance.workload import LayerWork, Workload, storage_bytes
from gpuplan_models import Framework

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys

Array = np.ndarray


def tensor_parallel_seconds(job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Exposed collectives of one layer and direction: two all-reduces' worth, ``8 M h (t-1)/t`` bytes per GPU, inside the node.

    Kernels that overlap them with products need a switched or meshed link; over PCIe all of it is exposed.
    """
    tokens = keys.micro_batch * float(job.sequence_length)
    volume = 8 * tokens * job.architecture.hidden_size * (keys.tensor - 1) / keys.tensor
    overlapped = constants().value("tensor_parallel_exposed", framework.kernels)
    exposed = np.where(m.overlaps[keys.machine], overlapped, constants().value("tensor_parallel_exposed", "pcie"))
    return volume / m.link_rate[keys.machine] * exposed


def expert_parallel_seconds(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Exposed all-to-all (dispatch and combine) of one layer and direction.

    ``2 x (2 M h / t) [k (e_in - 1)/e_in / link + G (1 - (1 - 1/G)^k) (G - 1)/G / network]`` with ``e_in`` ranks of the group in
    a node and G nodes: each token crosses the network once per distinct remote node.
    """
    if not work.is_mixture:
        return np.zeros(len(keys))
    in_node = np.minimum(keys.expert, m.gpus_per_node[keys.machine])
    inside = _routed_bytes(job, keys) * work.experts_active * (in_node - 1) / in_node / m.link_rate[keys.machine]
    across = expert_network_bytes(work, job, m, keys) / m.network_rate[keys.machine]
    return constants().value("expert_parallel_exposed") * (2 * inside + across)


def expert_network_bytes(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for the all-to-all of one layer, direction and micro-batch."""
    nodes = np.maximum(keys.expert / m.gpus_per_node[keys.machine], 1.0)
    copies = nodes * (1 - (1 - 1 / nodes) ** work.experts_active) * (nodes - 1) / nodes
    return 2 * _routed_bytes(job, keys) * copies


def _routed_bytes(job: Workload, keys: AtomKeys) -> Array:
    """Bytes of the tokens a GPU routes, one copy of each."""
    return 2 * keys.micro_batch * float(job.sequence_length) * job.architecture.hidden_size / keys.tensor


def exposed_gather(
    work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys, layer: Array
) -> Array:
    """ZeRO-3 traffic of one layer and micro-batch that is not hidden behind its `layer` seconds.

    Two gathers of the weights (three where whole layers are recomputed and gathered anew for it) and one reduction of the
    gradients, ``(2 w + g) (d-1)/d`` bytes per parameter, over the slower of link and network; exposed
    ``max(0, W - layer) + x min(W, layer)``.
    """
    dense, experts = work.parameters_per_rank(keys.tensor, keys.expert)
    per_parameter = _gathered_bytes(job, framework, keys, storage_bytes(job.weights))
    return _exposed_gather(
        framework, m, keys, *_gather_volumes(keys, dense * per_parameter, experts * per_parameter), layer
    )


def exposed_end_gather(job: Workload, framework: Framework, m: Machines, keys: AtomKeys, head: Array) -> Array:
    """ZeRO-3 traffic of embedding and LM head for one micro-batch that is not hidden behind the head's seconds."""
    volumes = _gather_volumes(keys, _end_bytes(job, framework, keys), np.zeros(len(keys)))
    return _exposed_gather(framework, m, keys, *volumes, head)


def gather_network_bytes(work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for one layer and micro-batch under ZeRO-3."""
    dense, experts = work.parameters_per_rank(keys.tensor, keys.expert)
    per_parameter = _gathered_bytes(job, framework, keys, storage_bytes(job.weights))
    volumes = _gather_volumes(keys, dense * per_parameter, experts * per_parameter)
    gpus = m.gpus_per_node[keys.machine]
    rails = volumes[0] / np.maximum(gpus / keys.tensor, 1.0) + volumes[1] / np.maximum(gpus / keys.expert, 1.0)
    return np.where(keys.several_nodes & (keys.gather > 1), rails, 0.0)


def end_gather_network_bytes(job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for embedding and LM head, per micro-batch under ZeRO-3."""
    volume, _ = _gather_volumes(keys, _end_bytes(job, framework, keys), np.zeros(len(keys)))
    rails = volume / np.maximum(m.gpus_per_node[keys.machine] / keys.tensor, 1.0)
    return np.where(keys.several_nodes & (keys.gather > 1), rails, 0.0)


def _end_bytes(job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    architecture = job.architecture
    ends = (architecture.embedding_parameters + architecture.head_parameters) / keys.tensor
    return ends * _gathered_bytes(job, framework, keys, 2.0)


def _gathered_bytes(job: Workload, framework: Framework, keys: AtomKeys, frozen_bytes: float) -> Array:
    """Bytes that ZeRO-3 moves per parameter and micro-batch: gathers for each pass, and a reduction of what is trained."""
    recomputed = constants().value("gathers_recomputed", framework.kernels)
    gathers = np.where(keys.recompute == FULL, recomputed, 2.0)
    if job.trains_adapters:
        return gathers * frozen_bytes
    return gathers * 2.0 + framework.full_bytes.gradient_bytes


def _gather_volumes(keys: AtomKeys, dense_bytes: Array, expert_bytes: Array) -> tuple[Array, Array]:
    """What a ring moves of it: (d - 1)/d, with d ranks for dense parameters and t d / e for experts."""
    expert_group = np.maximum(keys.tensor * keys.gather / keys.expert, 1.0)
    return dense_bytes * (keys.gather - 1) / keys.gather, expert_bytes * (expert_group - 1) / expert_group


def _exposed_gather(
    framework: Framework, m: Machines, keys: AtomKeys, dense_bytes: Array, expert_bytes: Array, busy: Array
) -> Array:
    gpus = m.gpus_per_node[keys.machine]
    seconds = exchange_seconds(
        dense_bytes, expert_bytes, m, keys.machine, gpus / keys.tensor, gpus / keys.expert, keys.several_nodes
    )
    seconds = np.where(keys.gather > 1, seconds, 0.0)
    return np.maximum(0.0, seconds - busy) + constants().value("gather_exposed", framework.kernels) * np.minimum(
        seconds, busy
    )


def exchange_seconds(
    dense_bytes: Array,
    expert_bytes: Array,
    m: Machines,
    machine: Array,
    dense_ranks_in_node: Array,
    expert_ranks_in_node: Array,
    crosses: Array,
) -> Array:
    """Seconds a hierarchical collective takes: the slower of the links inside the node and of the network cards its ranks share."""
    inside = (dense_bytes + expert_bytes) / m.link_rate[machine]
    rails = dense_bytes / np.maximum(dense_ranks_in_node, 1.0) + expert_bytes / np.maximum(expert_ranks_in_node, 1.0)
    return np.maximum(inside, np.where(crosses, rails / m.network_rate[machine], 0.0))


def stage_transfer_seconds(job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Exposed transfer of activations and their gradients between stages, per micro-batch; over the network when there is one."""
    volume = stage_transfer_bytes(job, framework, keys)
    rate = np.where(keys.several_nodes, m.network_rate[keys.machine], m.link_rate[keys.machine])
    return volume / rate * constants().value("pipeline_exposed")


def stage_transfer_bytes(job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """Bytes between stages per micro-batch: 16-bit activations forward, their gradients backward."""
    split = keys.tensor if framework.sequence_parallel else np.ones_like(keys.tensor)
    return 2 * 2 * keys.micro_batch * float(job.sequence_length) * job.architecture.hidden_size / split
