"""Seconds of communication: tensor, expert, pipeline and data parallelism, ZeRO-3's gathers.

Ranks are laid out tensor-parallel first, then data-parallel, then pipeline stages (Megatron's order), so a group's place relative
to the node follows from the degrees alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan.performance.machine import Machines
from gpuplan.performance.workload import LayerWork, Workload, storage_bytes
from gpuplan_models import Framework

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys

Array = np.ndarray


def tensor_parallel_seconds(job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Exposed collectives of one layer and direction: two all-reduces' worth, ``8 M h (t-1)/t`` bytes per GPU, inside the node."""
    tokens = keys.micro_batch * float(job.sequence_length)
    volume = 8 * tokens * job.architecture.hidden_size * (keys.tensor - 1) / keys.tensor
    return volume / m.link_rate[keys.machine] * constants().value("tensor_parallel_exposed", framework.kernels)


def expert_parallel_seconds(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Exposed all-to-all (dispatch and combine) of one layer and direction.

    ``2 x (2 M h / t) [k (e_in - 1)/e_in / link + G (1 - (1 - 1/G)^k) (G - 1)/G / network]`` with ``e_in`` ranks of the group in
    a node and G nodes: each token crosses the network once per distinct remote node.
    """
    if not work.is_mixture:
        return np.zeros(len(keys))
    tokens = keys.micro_batch * float(job.sequence_length)
    in_node = np.minimum(keys.expert, m.gpus_per_node[keys.machine])
    nodes = np.maximum(keys.expert / in_node, 1.0)
    top_k = work.experts_active
    bytes_per_copy = 2 * tokens * job.architecture.hidden_size / keys.tensor
    inside = top_k * (in_node - 1) / in_node / m.link_rate[keys.machine]
    across = nodes * (1 - (1 - 1 / nodes) ** top_k) * (nodes - 1) / nodes / m.network_rate[keys.machine]
    return 2 * constants().value("expert_parallel_exposed") * bytes_per_copy * (inside + across)


def exposed_gather(
    work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys, layer: Array
) -> Array:
    """ZeRO-3 traffic of one layer and micro-batch that is not hidden behind its `layer` seconds.

    Two gathers of the weights and one reduction of the gradients, ``(2 w + g) (d-1)/d`` bytes per parameter, over the slower of
    link and network; exposed ``max(0, W - layer) + x min(W, layer)``.
    """
    dense, experts = work.parameters_per_rank(keys.tensor, keys.expert)
    if job.trains_adapters:
        bytes_per_parameter = 2 * storage_bytes(job.weights)
    else:
        bytes_per_parameter = 2 * 2.0 + framework.full_bytes.gradient_bytes
    expert_group = np.maximum(keys.tensor * keys.gather / keys.expert, 1.0)
    dense_bytes = dense * bytes_per_parameter * (keys.gather - 1) / keys.gather
    expert_bytes = experts * bytes_per_parameter * (expert_group - 1) / expert_group
    gpus = m.gpus_per_node[keys.machine]
    seconds = exchange_seconds(
        dense_bytes, expert_bytes, m, keys.machine, gpus / keys.tensor, gpus / keys.expert, keys.several_nodes
    )
    seconds = np.where(keys.gather > 1, seconds, 0.0)
    x = constants().value("gather_exposed")
    return np.maximum(0.0, seconds - layer) + x * np.minimum(seconds, layer)


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
    split = keys.tensor if framework.sequence_parallel else np.ones_like(keys.tensor)
    volume = 2 * 2 * keys.micro_batch * float(job.sequence_length) * job.architecture.hidden_size / split
    rate = np.where(keys.several_nodes, m.network_rate[keys.machine], m.link_rate[keys.machine])
    return volume / rate * constants().value("pipeline_exposed")
