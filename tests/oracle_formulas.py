"""The clock, the bill and the host of the search oracle, written once more from their documented formulas."""

from __future__ import annotations

import math
from functools import cached_property
from statistics import NormalDist

from gpuplan.host import (
    BYTES_PER_TOKEN_ON_DISK,
    CHECKPOINTS_KEPT,
    HOURS_PER_MONTH,
    RAM_BASE_BYTES,
    RAM_PER_GPU_BYTES,
    SYSTEM_DISK_BYTES,
    VCPUS_BASE,
    VCPUS_PER_GPU,
)
from gpuplan.job import Job
from gpuplan.performance.clock import (
    GPU_HOURS_PER_FAILURE,
    LOAD_BYTES_PER_SECOND,
    RESTART_SECONDS,
    SAVE_BYTES_PER_SECOND,
    UNKNOWN_MINIMUM_BILLING_SECONDS,
    WARM_UP_SECONDS,
)
from gpuplan_hardware import Node, Offer

#: A checkpoint holds 16-bit weights, an fp32 master copy and two fp32 moments of what is trained; the result 16-bit weights.
CHECKPOINT_BYTES, RESULT_BYTES = 14.0, 2.0
_Z90 = NormalDist().inv_cdf(0.95)


class Formulas:
    """Time, money and host of a job, given the seconds of pure training of one trial."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @cached_property
    def weight_bytes(self) -> float:
        """Bytes of the published weights."""
        return self.job.architecture.published_bytes

    @cached_property
    def trained(self) -> int:
        """Parameters with gradients."""
        job = self.job
        if job.method.trains == "all":
            return job.architecture.parameters
        return job.architecture.adapter_parameters(job.lora_rank, job.lora_targets)

    def factor(self, width: float) -> float:
        """What a prediction is multiplied by to hold at the job's confidence: the quantile of a log-normal."""
        confidence = self.job.confidence
        return 1.0 if confidence is None else math.exp(NormalDist().inv_cdf(confidence) / _Z90 * width)

    # -- time and money ----------------------------------------------------------------------------------------------------
    def wall(self, offer: Offer, nodes: int, training: float) -> float:
        """Seconds from the order: the wait, the cluster comes up once, then rounds of trials that run side by side."""
        rounds = math.ceil(self.job.trials / self.job.parallel)
        once = (offer.lead_time_seconds or 0.0) + self._once_seconds(offer.node)
        return once + rounds * self._trial_seconds(offer.node, nodes, training)

    def before_start(self, offer: Offer) -> float:
        """Seconds that a deadline from the start leaves out: the wait and the provisioning."""
        if self.job.limits.deadline_from == "order":
            return 0.0
        return (offer.lead_time_seconds or 0.0) + self.job.startup_seconds

    def cost(self, offer: Offer, nodes: int, training: float) -> float:
        """USD: every cluster pays its start, every trial its time, for all nodes and their volumes."""
        seconds = self.job.parallel * self._once_seconds(offer.node)
        seconds += self.job.trials * self._trial_seconds(offer.node, nodes, training)
        if offer.pricing != "owned":
            least = offer.provider.minimum_billing_seconds
            seconds = max(seconds, self.job.parallel * (UNKNOWN_MINIMUM_BILLING_SECONDS if least is None else least))
        rate = offer.provider.volume_usd_per_gb_month or 0.0
        rented = max(0.0, self.storage_bytes(nodes) - (offer.node.host.nvme_bytes or 0)) / 1e9
        if offer.host_open and offer.node.host.nvme_bytes is None:
            rented = 0.0
        return (offer.price_usd_per_hour + rented * rate / HOURS_PER_MONTH) * nodes * seconds / 3600

    def _once_seconds(self, node: Node) -> float:
        """Provisioning and the download of the weights, at the job's rate or that of a slower network."""
        rate = self.job.weights_bytes_per_second
        if node.network is not None:
            rate = min(rate, node.network.bytes_per_second_per_gpu * node.gpus_per_node)
        return self.job.startup_seconds + self.weight_bytes / rate

    def _trial_seconds(self, node: Node, nodes: int, training: float) -> float:
        """Load, warm up, train (with evaluations, checkpoints, failures), save; stretched by the contingency."""
        job = self.job
        load = self.weight_bytes / LOAD_BYTES_PER_SECOND + WARM_UP_SECONDS
        checkpoint, save = (
            size * self.trained / (SAVE_BYTES_PER_SECOND * nodes) for size in (CHECKPOINT_BYTES, RESULT_BYTES)
        )
        lost = RESTART_SECONDS + load + job.checkpoint_interval_seconds / 2
        failures_per_second = nodes * node.gpus_per_node / (GPU_HOURS_PER_FAILURE * 3600)
        share = job.evaluation_share + checkpoint / job.checkpoint_interval_seconds + failures_per_second * lost
        return (load + training * (1 + share) + save) * (1 + job.contingency)

    # -- the host of one node ----------------------------------------------------------------------------------------------
    def vcpus(self, node: Node) -> int:
        """System, and a process with its loader per GPU."""
        return VCPUS_BASE + VCPUS_PER_GPU * node.gpus_per_node

    def ram_bytes(self, node: Node, nodes: int, gpus: int = 0, offloaded_bytes: float = 0.0) -> float:
        """System, a process per GPU, a node's share of a staged checkpoint, and what each of the GPUs in use keeps here."""
        system = RAM_BASE_BYTES + RAM_PER_GPU_BYTES * node.gpus_per_node + CHECKPOINT_BYTES * self.trained / nodes
        return system + offloaded_bytes * min(node.gpus_per_node, gpus)

    def storage_bytes(self, nodes: int) -> float:
        """System, weights, data, and a node's share of the checkpoints that are kept."""
        data = self.job.tokens.data_bytes or self.job.tokens.tokens * BYTES_PER_TOKEN_ON_DISK
        kept = CHECKPOINTS_KEPT * CHECKPOINT_BYTES * self.trained / nodes
        return SYSTEM_DISK_BYTES + self.weight_bytes + data + kept

    def host_suffices(self, offer: Offer, nodes: int, gpus: int = 0, offloaded_bytes: float = 0.0) -> bool:
        """Whether CPUs and memory suffice and what the disk lacks can be rented; the unknown does not, unless that is lifted."""
        node, host = offer.node, offer.node.host
        lifted = self.job.limits.allow_unknown_host or offer.host_open
        cpus = lifted if host.vcpus is None else host.vcpus >= self.vcpus(node)
        ram = self.ram_bytes(node, nodes, gpus, offloaded_bytes)
        memory = lifted if host.ram_bytes is None else host.ram_bytes >= ram
        rentable = lifted or offer.provider.volume_usd_per_gb_month is not None
        return cpus and memory and (rentable or (host.nvme_bytes or 0) >= self.storage_bytes(nodes))
