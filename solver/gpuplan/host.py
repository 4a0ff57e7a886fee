"""What a job needs of the machine around the GPUs: CPU cores, memory, storage; and what storage beyond the local disk costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpuplan.job import Job
from gpuplan.performance.bill import checkpoint_bytes
from gpuplan.performance.clock import weight_file_bytes
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Offer

#: Virtual CPUs for the system and per GPU process with its data loader (assumed; packed text needs no more).
VCPUS_BASE, VCPUS_PER_GPU = 2, 2
#: Host memory of the system and per GPU process: Python, CUDA libraries, loader buffers (assumed).
RAM_BASE_BYTES, RAM_PER_GPU_BYTES = 8e9, 6e9
#: Disk for the operating system, containers and logs (assumed).
SYSTEM_DISK_BYTES = 50e9
#: Checkpoints kept at a time: the last good one and the one being written.
CHECKPOINTS_KEPT = 2
HOURS_PER_MONTH = 730.0
#: Text that was given as tokens takes this many bytes each on disk.
BYTES_PER_TOKEN_ON_DISK = 4.0


@dataclass(frozen=True)
class HostNeeds:
    """Needs of one node, and what the offer has (None: unknown); what depends on the number of nodes has its shape.

    `volume_bytes` is what does not fit on the known local disk and is rented as a network volume; `volume_price_known` says
    whether the provider's price for it is known; `price_usd_per_node_hour` includes it.
    """

    vcpus: int
    ram_bytes: Any
    storage_bytes: Any
    volume_bytes: Any
    volume_price_known: Any
    price_usd_per_node_hour: Any


def host_needs(job: Job, work: Workload, offer: Offer, nodes: Any, offloaded_bytes: Any = 0.0) -> HostNeeds:
    """Needs of each of `nodes` nodes of `offer` (a number or an array), of which each keeps `offloaded_bytes` for its GPUs.

    Memory holds the processes, what is offloaded and a staged checkpoint (each node stages its share); storage holds the published
    weights, the data and this node's share of the checkpoints. A local disk of unknown size counts as none, except where the host
    is open: there the buyer puts in what is needed.
    """
    node = offer.node
    staged = checkpoint_bytes(work) / nodes
    storage = SYSTEM_DISK_BYTES + weight_file_bytes(work) + _data_bytes(job) + CHECKPOINTS_KEPT * staged
    disk = storage if offer.host_open and node.host.nvme_bytes is None else float(node.host.nvme_bytes or 0)
    volume = np.maximum(0.0, storage - disk)
    rate = offer.provider.volume_usd_per_gb_month
    rent = volume / 1e9 * (rate or 0.0) / HOURS_PER_MONTH
    return HostNeeds(
        vcpus=VCPUS_BASE + VCPUS_PER_GPU * node.gpus_per_node,
        ram_bytes=ram_bytes(work, node.gpus_per_node, nodes, offloaded_bytes),
        storage_bytes=storage,
        volume_bytes=volume,
        volume_price_known=(volume == 0) | (rate is not None),
        price_usd_per_node_hour=offer.price_usd_per_hour + rent,
    )


def ram_bytes(work: Workload, gpus_per_node: Any, nodes: Any, offloaded_bytes: Any) -> Any:
    """Memory of each of `nodes` nodes (see `host_needs`)."""
    return RAM_BASE_BYTES + RAM_PER_GPU_BYTES * gpus_per_node + checkpoint_bytes(work) / nodes + offloaded_bytes


def _data_bytes(job: Job) -> float:
    return job.tokens.data_bytes or job.tokens.tokens * BYTES_PER_TOKEN_ON_DISK
