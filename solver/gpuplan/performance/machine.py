"""Machines as arrays: one entry per distinct (accelerator, node shape, links), with the rates the physics uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan_hardware import Node

Array = np.ndarray

#: Stands for "as fast as need be" where a machine has no such link; layouts that would use it are refused by the topology rule.
NO_LINK = 1e30
#: Links over which tensor-parallel collectives run beside matrix products.
OVERLAPPING_LINKS = ("nvswitch", "nvlink-mesh", "infinity-fabric")


@dataclass(frozen=True)
class Machines:
    """Effective rates of machine classes; every array has one entry per class.

    Attributes
    ----------
    matmul_flops, matmul8_flops
        Sustained FLOP/s of 16-bit and 8-bit matrix products (8-bit: NaN where the accelerator has none).
    flash_flops
        Sustained FLOP/s of the flash attention forward.
    memory_rate
        Reachable bytes/s of the accelerator's memory.
    link_rate, network_rate
        Reachable one-way bytes/s per GPU inside a node and between nodes.
    gpus_per_block, domain_gpus
        GPUs that groups of ranks are placed on (see `block_gpus`), and GPUs that the link joins in all.
    host_rate
        Reachable one-way bytes/s between a GPU and the host's memory; `NO_LINK` where nobody states it.
    overlaps
        Whether tensor-parallel collectives run beside matrix products.
    peak_flops
        Datasheet dense FLOP/s of the job's precision (for MFU).
    """

    nodes: tuple[Node, ...]
    matmul_flops: Array
    matmul8_flops: Array
    flash_flops: Array
    memory_rate: Array
    link_rate: Array
    network_rate: Array
    gpus_per_node: Array
    gpus_per_block: Array
    domain_gpus: Array
    host_rate: Array
    usable_memory_bytes: Array
    peak_flops: Array
    overlaps: Array

    def __len__(self) -> int:
        return len(self.nodes)


def block_gpus(node: Node) -> int:
    """GPUs of a block: those of a node, or of a scale-up domain of several nodes as many as a power of two.

    A job that fills more than one NVL72 rack takes 64 of the 72 GPUs of each, so that groups of ranks never straddle two.
    """
    domain = node.scale_up_gpus
    return node.gpus_per_node if domain == node.gpus_per_node else 2 ** (domain.bit_length() - 1)


def supports(node: Node, precision: str) -> bool:
    """Whether the node's accelerator multiplies natively in `precision` (fp8 also needs a 16-bit format for the rest)."""
    peak = node.accelerator.peak_flops
    return precision in peak and (precision != "fp8" or "bf16" in peak)


def machines(nodes: Sequence[Node], precision: str) -> Machines:
    """Effective rates of `nodes` for a job in `precision`.

    Every node must support the precision (`supports`).
    """
    c = constants()
    sixteen = "bf16" if precision == "fp8" else precision
    families = [node.accelerator.kernel_family for node in nodes]
    peak16 = np.array([node.accelerator.peak_flops[sixteen] for node in nodes])
    peak8 = np.array([node.accelerator.peak_flops.get("fp8", np.nan) for node in nodes])
    efficiency = np.array([c.value("matmul_efficiency", family) for family in families])
    links = np.array([node.intra_node.bytes_per_second_per_gpu or NO_LINK for node in nodes], dtype=float)
    networks = np.array(
        [node.network.bytes_per_second_per_gpu if node.network else NO_LINK for node in nodes], dtype=float
    )
    bandwidth = np.array([node.accelerator.memory_bandwidth_bytes_per_second for node in nodes], dtype=float)
    return Machines(
        nodes=tuple(nodes),
        matmul_flops=peak16 * efficiency,
        matmul8_flops=peak8 * efficiency * np.array([c.value("fp8_efficiency", family) for family in families]),
        flash_flops=peak16 * np.array([c.value("flash_efficiency", family) for family in families]),
        memory_rate=bandwidth * c.value("memory_bandwidth_efficiency"),
        link_rate=links * c.value("link_efficiency"),
        network_rate=networks * c.value("network_efficiency"),
        gpus_per_node=np.array([node.gpus_per_node for node in nodes], dtype=np.int64),
        gpus_per_block=np.array([block_gpus(node) for node in nodes], dtype=np.int64),
        domain_gpus=np.array([node.scale_up_gpus for node in nodes], dtype=np.int64),
        host_rate=np.array([node.accelerator.host_link_bytes_per_second or NO_LINK for node in nodes], dtype=float)
        * c.value("host_link_efficiency"),
        usable_memory_bytes=np.array([node.accelerator.usable_memory_bytes for node in nodes], dtype=float),
        peak_flops=peak8 if precision == "fp8" else peak16,
        overlaps=np.array([node.intra_node.kind in OVERLAPPING_LINKS for node in nodes]),
    )
