"""Seconds of communication: tensor, expert, pipeline and data parallelism, ZeRO-3's gathers.

Ranks are laid out tensor-parallel first, then context-parallel, then data-parallel, then pipeline stages (Megatron's order), so a
group's place relative to a block (the GPUs that one link joins: a node, or the part of a rack) follows from the degrees alone.
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
    volume = 8 * keys.tokens(job) * job.architecture.hidden_size * (keys.tensor - 1) / keys.tensor
    overlapped = constants().value("tensor_parallel_exposed", framework.kernels)
    exposed = np.where(m.overlaps[keys.machine], overlapped, constants().value("tensor_parallel_exposed", "pcie"))
    return volume / m.link_rate[keys.machine] * exposed


def context_parallel_seconds(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Exposed ring of keys and values of one layer, forward: ``2 M 2 Hkv/t (c-1)`` bytes per GPU; backward moves twice that.

    Over the link where a sequence's ranks sit in one block, else at the network's rate: the slowest hop sets the pace.
    """
    rate = np.where(_ring_inside(m, keys), m.link_rate[keys.machine], m.network_rate[keys.machine])
    return _ring_bytes(work, job, keys) / rate * constants().value("context_parallel_exposed")


def context_network_bytes(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for the ring of one layer and micro-batch, forward."""
    return np.where(_ring_inside(m, keys), 0.0, _ring_bytes(work, job, keys))


def _ring_bytes(work: LayerWork, job: Workload, keys: AtomKeys) -> Array:
    return 4 * keys.tokens(job) * work.kind.key_value_width / keys.tensor * (keys.context - 1)


def _ring_inside(m: Machines, keys: AtomKeys) -> Array:
    return np.asarray(keys.tensor * keys.context <= m.gpus_per_block[keys.machine])


def expert_parallel_seconds(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Exposed all-to-all (dispatch and combine) of one layer and direction, and what experts that are cut gather and reduce.

    ``2 x (2 M h / t) [k (e_in - 1)/e_in / link + G (1 - (1 - 1/G)^k) (G - 1)/G / network]`` with ``e_in`` ranks of the group in
    a block and G blocks: each token crosses the network once per distinct remote one. Experts cut over ``f`` ranks add
    ``2 x (2 M h / t) k (f - 1) / link``.
    """
    if not work.is_mixture:
        return np.zeros(len(keys))
    in_block = np.minimum(keys.expert, np.maximum(m.gpus_per_block[keys.machine] / keys.expert_tensor, 1.0))
    dealt = (in_block - 1) / in_block + (keys.expert_tensor - 1)
    inside = _routed_bytes(job, keys) * work.experts_active * dealt / m.link_rate[keys.machine]
    across = expert_network_bytes(work, job, m, keys) / m.network_rate[keys.machine]
    return constants().value("expert_parallel_exposed") * (2 * inside + across)


def expert_network_bytes(work: LayerWork, job: Workload, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for the all-to-all of one layer, direction and micro-batch."""
    blocks = np.maximum(keys.expert_ranks / m.gpus_per_block[keys.machine], 1.0)
    copies = blocks * (1 - (1 - 1 / blocks) ** work.experts_active) * (blocks - 1) / blocks
    return 2 * _routed_bytes(job, keys) * copies


def _routed_bytes(job: Workload, keys: AtomKeys) -> Array:
    """Bytes of the tokens a GPU routes, one copy of each."""
    return 2 * keys.tokens(job) * job.architecture.hidden_size / keys.tensor


def exposed_gather(
    work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys, layer: Array
) -> Array:
    """ZeRO-3 traffic of one layer and micro-batch that is not hidden behind its `layer` seconds.

    Two gathers of the weights (three where whole layers are recomputed and gathered anew for it) and one reduction of the
    gradients, ``(2 w + g) (d-1)/d`` bytes per parameter, over the slower of link and network; where the shards live on the host,
    each GPU's share comes from there first; exposed ``max(0, W - layer) + x min(W, layer)``.
    """
    dense, experts = work.parameters_per_rank(keys.tensor, keys.expert_ranks)
    per_parameter = _gathered_bytes(job, framework, keys, storage_bytes(job.weights))
    return _exposed_gather(framework, m, keys, dense * per_parameter, experts * per_parameter, layer)


def exposed_end_gather(job: Workload, framework: Framework, m: Machines, keys: AtomKeys, head: Array) -> Array:
    """ZeRO-3 traffic of embedding and LM head for one micro-batch that is not hidden behind the head's seconds."""
    return _exposed_gather(framework, m, keys, _end_bytes(job, framework, keys), np.zeros(len(keys)), head)


def gather_network_bytes(work: LayerWork, job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for one layer and micro-batch under ZeRO-3."""
    dense, experts = work.parameters_per_rank(keys.tensor, keys.expert_ranks)
    per_parameter = _gathered_bytes(job, framework, keys, storage_bytes(job.weights))
    return _network_share(m, keys, *_gather_volumes(keys, dense * per_parameter, experts * per_parameter))


def end_gather_network_bytes(job: Workload, framework: Framework, m: Machines, keys: AtomKeys) -> Array:
    """Bytes each network card carries for embedding and LM head, per micro-batch under ZeRO-3."""
    return _network_share(m, keys, *_gather_volumes(keys, _end_bytes(job, framework, keys), np.zeros(len(keys))))


def _network_share(m: Machines, keys: AtomKeys, dense_bytes: Array, expert_bytes: Array) -> Array:
    gpus = m.gpus_per_block[keys.machine]
    rails = dense_bytes / np.maximum(gpus / keys.tensor, 1.0) + expert_bytes / np.maximum(gpus / keys.expert_ranks, 1.0)
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


def _expert_group(keys: AtomKeys) -> Array:
    """Ranks over which ZeRO-3 shards an expert: ``t d / (e f)``."""
    return np.maximum(keys.tensor * keys.gather / keys.expert_ranks, 1.0)


def _gather_volumes(keys: AtomKeys, dense_bytes: Array, expert_bytes: Array) -> tuple[Array, Array]:
    """What a ring moves of it: (d - 1)/d, with d ranks for dense parameters and `_expert_group` for experts."""
    group = _expert_group(keys)
    return dense_bytes * (keys.gather - 1) / keys.gather, expert_bytes * (group - 1) / group


def _exposed_gather(
    framework: Framework, m: Machines, keys: AtomKeys, dense_bytes: Array, expert_bytes: Array, busy: Array
) -> Array:
    gpus = m.gpus_per_block[keys.machine]
    volumes = _gather_volumes(keys, dense_bytes, expert_bytes)
    seconds = exchange_seconds(
        *volumes, m, keys.machine, gpus / keys.tensor, gpus / keys.expert_ranks, keys.several_nodes
    )
    own = dense_bytes / keys.gather + expert_bytes / _expert_group(keys)
    seconds = np.where(keys.gather > 1, seconds, 0.0)
    seconds = seconds + np.where(keys.streamed, own / m.host_rate[keys.machine], 0.0)
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
    return 2 * 2 * keys.tokens(job) * job.architecture.hidden_size / split
