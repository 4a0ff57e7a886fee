"""Time and money around the steps: lead time, provisioning, weights, checkpoints, failures, trials, the least a provider bills.

For n nodes the wall clock is linear in the seconds of pure training, and so is the billed time above the provider's minimum: all
the solver needs to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gpuplan.performance.workload import Workload
from gpuplan_hardware import Offer

Array = np.ndarray

#: Compiling kernels and filling caches before the first step (assumed).
WARM_UP_SECONDS = 120.0
#: Local disk to GPU, per node (assumed: a data-centre NVMe drive at PCIe 4).
LOAD_BYTES_PER_SECOND = 2e9
#: Checkpoint write rate per node (assumed: a network volume or one local NVMe drive).
SAVE_BYTES_PER_SECOND = 1e9
#: Unexpected interruptions: 419 in 54 days on 16,384 GPUs (Llama 3 report, arXiv:2407.21783, section 3.3.4).
GPU_HOURS_PER_FAILURE = 16384 * 54 * 24 / 419
#: Least time that is billed where the provider does not say: the coarsest practice among clouds (bare metal by the hour).
UNKNOWN_MINIMUM_BILLING_SECONDS = 3600.0
#: Finding a failed node and restarting the job, without loading (assumed).
RESTART_SECONDS = 600.0


class ClockJob(Protocol):
    """What the clock reads of a job."""

    @property
    def trials(self) -> int: ...

    @property
    def parallel(self) -> int: ...

    @property
    def contingency(self) -> float: ...

    @property
    def evaluation_share(self) -> float: ...

    @property
    def startup_seconds(self) -> float: ...

    @property
    def weights_bytes_per_second(self) -> float: ...

    @property
    def checkpoint_interval_seconds(self) -> float: ...


@dataclass(frozen=True)
class Clock:
    """``wall = fixed + slope * training`` and ``billed node seconds / nodes = billed_fixed + billed_slope * training``.

    Arrays over node counts; `training` is the seconds of all steps of one trial. `parts` names what `fixed` and `slope` hold.
    No less than `least_billed_seconds` is billed for a node; `ready_seconds` pass from the order until the nodes are up.
    """

    fixed_seconds: Array
    slope: Array
    billed_fixed_seconds: Array
    billed_slope: Array
    least_billed_seconds: float
    ready_seconds: float
    parts: dict[str, Array]

    def billed_seconds(self, training: Array | float) -> Array:
        """Seconds that one node is paid for, over all trials."""
        return np.maximum(self.billed_fixed_seconds + self.billed_slope * training, self.least_billed_seconds)


def weight_file_bytes(work: Workload) -> float:
    """Bytes of the published weights that every node downloads: the model's own storage type."""
    return work.architecture.published_bytes


def checkpoint_bytes(work: Workload) -> float:
    """Bytes of a checkpoint: 16-bit weights, fp32 master copy and two moments of what is trained."""
    return 14.0 * work.trainable_parameters


def final_bytes(work: Workload) -> float:
    """Bytes of the result: what was trained, in 16 bit."""
    return 2.0 * work.trainable_parameters


def clock(
    job: ClockJob,
    work: Workload,
    nodes: Array | float,
    gpus: Array | float,
    network_bytes_per_second: float | None = None,
    lead_seconds: float = 0.0,
    minimum_billing_seconds: float = 0.0,
) -> Clock:
    """Wall clock and billing of `job` on `nodes` nodes with `gpus` GPUs (arrays, or scalars).

    Weights arrive at the job's rate, or at that of the node's network where it is known and slower.

    A cluster is provisioned and downloads the weights once; each trial loads, warms up, trains and saves. Failures cost the
    restart and half a checkpoint interval each. `contingency` stretches the trials. Provisioning is billed (an assumption on the
    safe side), the lead time before it is not. Each of the clusters that run at once is billed for `minimum_billing_seconds` at
    least.
    """
    nodes = np.asarray(nodes, dtype=float)
    weights = weight_file_bytes(work)
    rate = min(job.weights_bytes_per_second, network_bytes_per_second or job.weights_bytes_per_second)
    download = np.full_like(nodes, weights / rate)
    load = np.full_like(nodes, weights / LOAD_BYTES_PER_SECOND + WARM_UP_SECONDS)
    save = final_bytes(work) / (SAVE_BYTES_PER_SECOND * nodes)
    checkpoints = checkpoint_bytes(work) / (SAVE_BYTES_PER_SECOND * nodes) / job.checkpoint_interval_seconds
    lost = RESTART_SECONDS + load + job.checkpoint_interval_seconds / 2
    failures = np.asarray(gpus, dtype=float) / GPU_HOURS_PER_FAILURE / 3600 * lost
    stretch = 1 + job.contingency
    rounds = -(-job.trials // job.parallel)
    per_second = 1 + job.evaluation_share + checkpoints + failures
    once = job.startup_seconds + download
    return Clock(
        fixed_seconds=lead_seconds + once + rounds * stretch * (load + save),
        slope=rounds * stretch * per_second,
        billed_fixed_seconds=job.parallel * once + job.trials * stretch * (load + save),
        billed_slope=job.trials * stretch * per_second,
        least_billed_seconds=job.parallel * minimum_billing_seconds,
        ready_seconds=lead_seconds + job.startup_seconds,
        parts={
            "lead_time": np.full_like(nodes, lead_seconds),
            "provisioning": np.full_like(nodes, job.startup_seconds),
            "download_weights": download,
            "load_and_warm_up": load,
            "final_save": save,
            "evaluation_share": np.full_like(nodes, job.evaluation_share),
            "checkpoint_share": checkpoints,
            "failure_share": failures,
        },
    )


def offer_clock(job: ClockJob, work: Workload, offer: Offer, nodes: Array | float) -> Clock:
    """`clock` of a cluster of `nodes` nodes of `offer`; a lead time that nobody states is left out here (see `space.selected`)."""
    node = offer.node
    network = None if node.network is None else node.network.bytes_per_second_per_gpu * node.gpus_per_node
    gpus = np.asarray(nodes) * node.gpus_per_node
    return clock(job, work, nodes, gpus, network, offer.lead_time_seconds or 0.0, minimum_billing_seconds(offer))


def minimum_billing_seconds(offer: Offer) -> float:
    """Least time that a node of `offer` is billed for: nothing where it is owned, the provider's, or the coarsest known."""
    if offer.pricing == "owned":
        return 0.0
    known = offer.provider.minimum_billing_seconds
    return UNKNOWN_MINIMUM_BILLING_SECONDS if known is None else known
