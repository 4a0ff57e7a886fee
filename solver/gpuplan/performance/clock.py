"""Time and money around the steps: lead time, provisioning, weights, checkpoints, failures, interruptions, trials, billing.

For n nodes the wall clock is linear in the seconds of pure training, and so is the billed time before it is rounded up: all the
solver needs to know. What chance adds to it on spot nodes is held by a line as well (see `spot`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from gpuplan.performance.bill import (
    billing_increment_seconds,
    checkpoint_bytes,
    final_bytes,
    minimum_billing_seconds,
)
from gpuplan.performance.spot import (
    Spread,
    bad_luck,
    checkpoint_interval,
    expected_stops,
    expected_stretch,
    interruptions_per_node_hour,
    spread,
    usual_seconds,
)
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
#: Finding a failed node and restarting the job, without loading (assumed).
RESTART_SECONDS = 600.0
#: A bill this share beyond a step of billing is not rounded up to the next: noise of the arithmetic.
STEP_NOISE = 1e-9


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

    @property
    def spot_interruptions_per_node_hour(self) -> float | None: ...

    @property
    def training_tokens(self) -> int: ...


@dataclass(frozen=True)
class Clock:
    """``wall = fixed + slope * training`` and ``billed node seconds / nodes = billed_fixed + billed_slope * training``.

    Arrays over node counts; `training` is the seconds of all steps of one trial. `parts` names what `fixed` and `slope` hold.
    What is billed is rounded up to whole steps of `billing_step_seconds` (0: not at all), and is no less than
    `least_billed_seconds`; `ready_seconds` pass from the order until the nodes are up. `spread_*` and `loss_seconds` are the
    `spot.Spread` of the time, `billed_*` that of the bill; `stops` the interruptions to expect from a checkpoint to the next.
    """

    fixed_seconds: Array
    slope: Array
    billed_fixed_seconds: Array
    billed_slope: Array
    least_billed_seconds: float
    billing_step_seconds: float
    ready_seconds: float
    spread_fixed_seconds: Array
    spread_slope: Array
    billed_spread_fixed_seconds: Array
    billed_spread_slope: Array
    loss_seconds: Array
    billed_loss_seconds: Array
    stops: Array
    checkpoint_interval_seconds: Array
    parts: dict[str, Array]

    def wall_seconds(self, training: Array | float, deviations: float = 0.0) -> Array:
        """From the order to the end, if interruptions cost so many standard deviations more than is to be expected."""
        spread = deviations * (self.spread_fixed_seconds + self.spread_slope * training)
        strays = self.slope * training + spread + bad_luck(max(deviations, 0.0)) * self.loss_seconds
        return np.asarray(self.fixed_seconds + np.maximum(strays, self.slope * self._undisturbed * training))

    def used_seconds(self, training: Array | float, deviations: float = 0.0) -> Array:
        """Seconds that one node is used over all trials, likewise."""
        spread = deviations * (self.billed_spread_fixed_seconds + self.billed_spread_slope * training)
        strays = self.billed_slope * training + spread + bad_luck(max(deviations, 0.0)) * self.billed_loss_seconds
        return np.asarray(
            self.billed_fixed_seconds + np.maximum(strays, self.billed_slope * self._undisturbed * training)
        )

    @property
    def _undisturbed(self) -> Array:
        """Share of the time of training, evaluations and checkpoints that is left if nothing is lost: no luck makes it shorter."""
        lost = self.parts["failure_share"] + self.parts["interruption_share"]
        return np.asarray(1 - lost / (1 + self.parts["evaluation_share"] + self.parts["checkpoint_share"] + lost))

    def billed_seconds(self, training: Array | float, deviations: float = 0.0) -> Array:
        """Seconds that one node is paid for over all trials, likewise."""
        used = self.used_seconds(training, deviations)
        return np.maximum(in_steps(used, self.billing_step_seconds), self.least_billed_seconds)


def in_steps(amount: Array, step: Array | float) -> Array:
    """Round an amount up to whole steps; a step of 0 leaves it as it is."""
    step = np.asarray(step)
    size = np.where(step > 0, step, 1.0)
    return np.asarray(np.where(step > 0, np.ceil(amount / size * (1 - STEP_NOISE)) * size, amount))


def weight_file_bytes(work: Workload) -> float:
    """Bytes of the published weights that every node downloads: the model's own storage type."""
    return work.architecture.published_bytes


def clock(
    job: ClockJob,
    work: Workload,
    nodes: Array | float,
    gpus: Array | float,
    network_bytes_per_second: float | None = None,
    lead_seconds: float = 0.0,
    minimum_billing_seconds: float = 0.0,
    billing_increment_seconds: float = 0.0,
    interruptions_per_node_hour: float = 0.0,
    usual_seconds: Array | float = 86_400.0,
) -> Clock:
    """Wall clock and billing of `job` on `nodes` nodes with `gpus` GPUs (arrays, or scalars).

    Weights arrive at the job's rate, or at that of the node's network where it is known and slower.

    A cluster is provisioned and downloads the weights once; each trial loads, warms up, trains and saves. Failures cost the
    restart and half a checkpoint interval each. `contingency` stretches the trials. Provisioning is billed (an assumption on the
    safe side), the lead time before it is not. Each of the clusters that run at once is billed for `minimum_billing_seconds` at
    least, in steps of `billing_increment_seconds`. Where nodes are taken back, `_interrupted` takes the place of the failures, and
    `usual_seconds` is about how long the training takes.
    """
    nodes = np.asarray(nodes, dtype=float)
    weights = weight_file_bytes(work)
    rate = min(job.weights_bytes_per_second, network_bytes_per_second or job.weights_bytes_per_second)
    download = np.full_like(nodes, weights / rate)
    load = np.full_like(nodes, weights / LOAD_BYTES_PER_SECOND + WARM_UP_SECONDS)
    save = final_bytes(work) / (SAVE_BYTES_PER_SECOND * nodes)
    failures_per_second = np.asarray(gpus, dtype=float) / GPU_HOURS_PER_FAILURE / 3600
    writing = checkpoint_bytes(work) / (SAVE_BYTES_PER_SECOND * nodes)
    taken_per_second = nodes * interruptions_per_node_hour / 3600
    if interruptions_per_node_hour > 0:
        once_more = job.startup_seconds + download
        back = RESTART_SECONDS + load + once_more
        lost = _interrupted(job, failures_per_second, taken_per_second, writing, back, np.asarray(usual_seconds))
    else:
        lost = _uninterrupted(job, failures_per_second, writing, RESTART_SECONDS + load)
    stretch = 1 + job.contingency
    rounds = -(-job.trials // job.parallel)
    per_second = 1 + job.evaluation_share + lost.checkpoints + lost.failures + lost.interruptions
    once = job.startup_seconds + download
    return Clock(
        fixed_seconds=lead_seconds + once + rounds * stretch * (load + save),
        slope=rounds * stretch * per_second,
        billed_fixed_seconds=job.parallel * once + job.trials * stretch * (load + save),
        billed_slope=job.trials * stretch * per_second,
        least_billed_seconds=job.parallel * minimum_billing_seconds,
        billing_step_seconds=job.parallel * billing_increment_seconds,
        ready_seconds=lead_seconds + job.startup_seconds,
        spread_fixed_seconds=stretch * lost.spread.fixed,
        spread_slope=stretch * rounds * lost.spread.slope,
        billed_spread_fixed_seconds=job.parallel * stretch * lost.spread.fixed,
        billed_spread_slope=job.trials * stretch * lost.spread.slope,
        loss_seconds=stretch * lost.spread.loss,
        billed_loss_seconds=job.parallel * stretch * lost.spread.loss,
        stops=lost.stops,
        checkpoint_interval_seconds=lost.interval,
        parts={
            "lead_time": np.full_like(nodes, lead_seconds),
            "provisioning": np.full_like(nodes, job.startup_seconds),
            "download_weights": download,
            "load_and_warm_up": load,
            "final_save": save,
            "evaluation_share": np.full_like(nodes, job.evaluation_share),
            "checkpoint_share": lost.checkpoints,
            "failure_share": lost.failures,
            "interruption_share": lost.interruptions,
        },
    )


@dataclass(frozen=True)
class _Lost:
    """Seconds per second of training that saving and stops cost, and how far that may go; arrays over node counts."""

    checkpoints: Array
    failures: Array
    interruptions: Array
    spread: Spread
    stops: Array
    interval: Array


def _uninterrupted(job: ClockJob, failures_per_second: Array, writing: Array, back: Array) -> _Lost:
    """Failures are rare: each costs the way back and half an interval, and chance is not counted."""
    interval = job.checkpoint_interval_seconds
    none = np.zeros_like(writing)
    failures = failures_per_second * (back + interval / 2)
    return _Lost(writing / interval, failures, none, Spread(none, none, none), none, np.full_like(writing, interval))


def _interrupted(
    job: ClockJob, failures_per_second: Array, taken_per_second: Array, writing: Array, back: Array, usual: Array
) -> _Lost:
    """Spot nodes: Daly's expected time at Young's interval; a node that was taken is replaced and gets the weights anew."""
    stops_per_second = failures_per_second + taken_per_second
    interval = checkpoint_interval(stops_per_second, writing, job.checkpoint_interval_seconds)
    work = 1 + job.evaluation_share
    checkpoints = work * writing / interval
    stretch = work * expected_stretch(stops_per_second, interval, writing, back)
    by_stops = np.maximum(stretch - work - checkpoints, 0.0)
    taken = taken_per_second / stops_per_second
    strays = spread(stops_per_second, interval, writing, back, usual)
    return _Lost(
        checkpoints=checkpoints,
        failures=by_stops * (1 - taken),
        interruptions=by_stops * taken,
        spread=replace(strays, slope=strays.slope * work),
        stops=expected_stops(stops_per_second, interval, writing, back),
        interval=interval,
    )


def offer_clock(job: ClockJob, work: Workload, offer: Offer, nodes: Array | float) -> Clock:
    """`clock` of a cluster of `nodes` nodes of `offer`; a lead time that nobody states is left out here (see `space.selected`)."""
    node = offer.node
    network = None if node.network is None else node.network.bytes_per_second_per_gpu * node.gpus_per_node
    return clock(
        job,
        work,
        nodes,
        np.asarray(nodes) * node.gpus_per_node,
        network,
        lead_seconds=offer.lead_time_seconds or 0.0,
        minimum_billing_seconds=minimum_billing_seconds(offer),
        billing_increment_seconds=billing_increment_seconds(offer),
        interruptions_per_node_hour=interruptions_per_node_hour(offer, job.spot_interruptions_per_node_hour),
        usual_seconds=usual_seconds(job.training_tokens, work, offer, nodes),
    )
