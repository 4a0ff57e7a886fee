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
from gpuplan.performance.bill import (
    DAYS_PER_MONTH,
    FINE_INCREMENT_SECONDS,
    UNKNOWN_CAPACITY_BLOCK_SECONDS,
    UNKNOWN_EGRESS_USD_PER_GB,
    UNKNOWN_MINIMUM_BILLING_SECONDS,
    UNKNOWN_STORAGE_USD_PER_GB_MONTH,
)
from gpuplan.performance.clock import (
    GPU_HOURS_PER_FAILURE,
    LOAD_BYTES_PER_SECOND,
    RESTART_SECONDS,
    SAVE_BYTES_PER_SECOND,
    WARM_UP_SECONDS,
)
from gpuplan.performance.spot import LEAST_INTERVAL_SECONDS, UNKNOWN_INTERRUPTIONS_PER_NODE_HOUR, USUAL_UTILISATION
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
    def wall(self, offer: Offer, nodes: int, training: float, sure: bool = False) -> float:
        """Seconds from the order: the wait, the cluster comes up once, then rounds of trials that run side by side.

        `sure` adds the reserve for interruptions at the job's confidence.
        """
        rounds = math.ceil(self.job.trials / self.job.parallel)
        once = (offer.lead_time_seconds or 0.0) + self._once_seconds(offer.node)
        reserve = self._reserve(offer, nodes, training * rounds) if sure else 0.0
        return once + rounds * self._trial_seconds(offer, nodes, training) + reserve

    def before_start(self, offer: Offer) -> float:
        """Seconds that a deadline from the start leaves out: the wait and the provisioning."""
        if self.job.limits.deadline_from == "order":
            return 0.0
        return (offer.lead_time_seconds or 0.0) + self.job.startup_seconds

    def cost(self, offer: Offer, nodes: int, training: float, sure: bool = False) -> float:
        """USD: every cluster pays its start, every trial its time, for all nodes and their volumes; then what follows the job.

        `sure` adds the reserve for interruptions, which each of the clusters that run at once keeps for itself.
        """
        job = self.job
        seconds = job.parallel * self._once_seconds(offer.node)
        seconds += job.trials * self._trial_seconds(offer, nodes, training)
        if sure:
            seconds += job.parallel * self._reserve(offer, nodes, training * job.trials / job.parallel)
        least, step = self._billing(offer)
        if step:
            whole = job.parallel * step
            seconds = math.ceil(seconds / whole - 1e-9) * whole
        seconds = max(seconds, job.parallel * least)
        rate = offer.provider.volume_usd_per_gb_month or 0.0
        rented = max(0.0, self.storage_bytes(nodes) - (offer.node.host.nvme_bytes or 0)) / 1e9
        if offer.host_open and offer.node.host.nvme_bytes is None:
            rented = 0.0
        rent = (offer.price_usd_per_hour + rented * rate / HOURS_PER_MONTH) * nodes * seconds / 3600
        return rent + self._after(offer)

    def _billing(self, offer: Offer) -> tuple[float, float]:
        """Least seconds billed, and the step in which more is billed."""
        provider = offer.provider
        if offer.pricing == "owned":
            return 0.0, 0.0
        if offer.pricing == "capacity-block":
            block = provider.capacity_block_seconds or UNKNOWN_CAPACITY_BLOCK_SECONDS
            return block, block
        least, step = provider.minimum_billing_seconds, provider.billing_increment_seconds
        coarse = step is not None and step > FINE_INCREMENT_SECONDS
        return UNKNOWN_MINIMUM_BILLING_SECONDS if least is None else least, (step or 0.0) if coarse else 0.0

    def _after(self, offer: Offer) -> float:
        """USD for checkpoints that are kept and for what is taken out, of every trial."""
        if offer.pricing == "owned":
            return 0.0
        job, provider = self.job, offer.provider
        out = RESULT_BYTES * self.trained if job.egress == "result" else job.egress
        per_gb, per_month = provider.egress_usd_per_gb, provider.object_storage_usd_per_gb_month
        per_gb = UNKNOWN_EGRESS_USD_PER_GB if per_gb is None else per_gb
        per_month = UNKNOWN_STORAGE_USD_PER_GB_MONTH if per_month is None else per_month
        kept = (CHECKPOINT_BYTES + RESULT_BYTES) * self.trained * job.checkpoint_days / DAYS_PER_MONTH
        return job.trials * (out * per_gb + kept * per_month) / 1e9

    # -- stops -------------------------------------------------------------------------------------------------------------
    def taken_per_hour(self, offer: Offer) -> float:
        """How often a node is taken back."""
        if offer.pricing != "spot":
            return 0.0
        said = (
            self.job.spot_interruptions_per_node_hour,
            offer.interruptions_per_node_hour,
            offer.provider.spot_interruptions_per_node_hour,
        )
        return next((rate for rate in said if rate is not None), UNKNOWN_INTERRUPTIONS_PER_NODE_HOUR)

    def _spot(self, offer: Offer, nodes: int) -> tuple[float, float, float, float]:
        """Stops a second of a spot cluster, its interval between checkpoints, the time of one, and the way back after a stop."""
        job, node = self.job, offer.node
        failing = nodes * node.gpus_per_node / GPU_HOURS_PER_FAILURE
        rate = (failing + nodes * self.taken_per_hour(offer)) / 3600
        saving = CHECKPOINT_BYTES * self.trained / (SAVE_BYTES_PER_SECOND * nodes)
        longest = job.checkpoint_interval_seconds
        every = min(longest, max(LEAST_INTERVAL_SECONDS, math.sqrt(2 * saving / rate)))
        back = RESTART_SECONDS + self.weight_bytes / LOAD_BYTES_PER_SECOND + WARM_UP_SECONDS + self._once_seconds(node)
        return rate, every, saving, back

    def stops(self, offer: Offer, nodes: int) -> float:
        """Stops to expect from one checkpoint to the next with the way back."""
        if not self.taken_per_hour(offer):
            return 0.0
        rate, every, saving, back = self._spot(offer, nodes)
        return rate * (every + saving + back)

    def _reserve(self, offer: Offer, nodes: int, training: float) -> float:
        """Seconds on top of the expected at the job's confidence: quantiles of a normal, by the tangent of its deviation."""
        confidence = self.job.confidence
        if confidence is None or not self.taken_per_hour(offer):
            return 0.0
        rate, every, saving, back = self._spot(offer, nodes)
        tried = every + saving
        # Variance of a stretch between checkpoints that is tried until nothing stops it, over the seconds of work in it.
        fails = math.exp(rate * tried) - 1
        returning = (math.exp(rate * back) - 1) / rate
        variance = self._run(rate, tried) + fails * self._run(rate, back)
        variance += fails * (fails + 1) * (returning**2 + 2 * returning * (1 / rate - tried / fails))
        variance /= every
        peak = max(offer.node.accelerator.peak_flops.values()) * nodes * offer.node.gpus_per_node
        touch = 6 * self.job.architecture.active_parameters * self.job.training_tokens / (peak * USUAL_UTILISATION)
        worked = training * (1 + self.job.evaluation_share)
        deviation = math.sqrt(variance) * (math.sqrt(touch) / 2 + worked / (2 * math.sqrt(touch)))
        z = NormalDist().inv_cdf(confidence)
        skewed = max(0.0, (z * z - 1) / 6) * (tried + returning)
        return (z * deviation + skewed) * (1 + self.job.contingency)

    @staticmethod
    def _run(rate: float, length: float) -> float:
        """Variance of the time until that many seconds pass without a stop."""
        x = rate * length
        return (math.exp(2 * x) - 2 * x * math.exp(x) - 1) / rate**2

    def _once_seconds(self, node: Node) -> float:
        """Provisioning and the download of the weights, at the job's rate or that of a slower network."""
        rate = self.job.weights_bytes_per_second
        if node.network is not None:
            rate = min(rate, node.network.bytes_per_second_per_gpu * node.gpus_per_node)
        return self.job.startup_seconds + self.weight_bytes / rate

    def _trial_seconds(self, offer: Offer, nodes: int, training: float) -> float:
        """Load, warm up, train (with evaluations, checkpoints, failures or interruptions), save; stretched by the contingency."""
        job, node = self.job, offer.node
        load = self.weight_bytes / LOAD_BYTES_PER_SECOND + WARM_UP_SECONDS
        checkpoint, save = (
            size * self.trained / (SAVE_BYTES_PER_SECOND * nodes) for size in (CHECKPOINT_BYTES, RESULT_BYTES)
        )
        lost = RESTART_SECONDS + load + job.checkpoint_interval_seconds / 2
        failures_per_second = nodes * node.gpus_per_node / (GPU_HOURS_PER_FAILURE * 3600)
        share = job.evaluation_share + checkpoint / job.checkpoint_interval_seconds + failures_per_second * lost
        stretch = 1 + share
        if self.taken_per_hour(offer):
            rate, every, saving, back = self._spot(offer, nodes)
            stretch = (1 + job.evaluation_share) * math.exp(min(50, rate * back))
            stretch *= math.expm1(min(50, rate * (every + saving))) / (rate * every)
        return (load + training * stretch + save) * (1 + job.contingency)

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
