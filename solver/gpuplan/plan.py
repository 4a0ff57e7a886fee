"""A plan: an offer, a number of nodes and a layout for a job, with its prediction, its clock and its bill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gpuplan.host import HostNeeds, host_needs
from gpuplan.job import Job
from gpuplan.layout import Layout
from gpuplan.performance import interval
from gpuplan.performance.bill import after_parts_usd
from gpuplan.performance.clock import Clock, offer_clock
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Offer
from gpuplan_models import Framework

#: Halvings that find a chance.
CHANCE_BITS = 20


def workload(job: Job) -> Workload:
    """The part of `job` that the physics reads."""
    return Workload(
        architecture=job.architecture,
        method=job.method,
        precision=job.precision,
        weights=job.weights,
        sequence_length=job.sequence_length,
        optimizer=job.optimizer,
        lora_rank=job.lora_rank,
        lora_targets=job.lora_targets,
    )


@dataclass(frozen=True)
class Plan:
    """One answer, computed in floating point from the formulas; nothing here reads the solver's tables."""

    job: Job
    offer: Offer
    nodes: int
    layout: Layout
    framework: Framework

    @property
    def gpus(self) -> int:
        """GPUs rented for one trial: all of every node, used or not."""
        return self.nodes * self.offer.node.gpus_per_node

    @cached_property
    def prediction(self) -> Prediction:
        return predict(workload(self.job), self.framework, self.offer.node, self.nodes, self.layout)

    @cached_property
    def clock(self) -> Clock:
        return offer_clock(self.job, workload(self.job), self.offer, float(self.nodes))

    @cached_property
    def host(self) -> HostNeeds:
        in_use = min(self.layout.gpus, self.offer.node.gpus_per_node)
        return host_needs(self.job, workload(self.job), self.offer, self.nodes, self.prediction.host_bytes * in_use)

    @property
    def steps(self) -> int:
        return self.job.steps(self.layout.global_batch)

    @property
    def training_seconds(self) -> float:
        """All steps of one trial, nothing around them."""
        return self.steps * self.prediction.step_seconds

    @property
    def step_factor(self) -> float:
        """What the step time is multiplied by to hold at the job's confidence."""
        return interval.factor(self.prediction.step_width, self.job.confidence)

    @property
    def deviations(self) -> float:
        """Standard deviations of what interruptions cost that must be allowed for at the job's confidence."""
        return interval.deviations(self.job.confidence)

    def wall_seconds(self, factor: float = 1.0, deviations: float = 0.0) -> float:
        """From the order to the end of the last trial, if steps take `factor` times the prediction.

        Interruptions then cost so many standard deviations more than is to be expected.
        """
        return float(self.clock.wall_seconds(self.training_seconds * factor, deviations))

    def deadline_clock_seconds(self, factor: float = 1.0, deviations: float = 0.0) -> float:
        """What the deadline counts: from the order, or from the moment the nodes are up."""
        head_start = self.clock.ready_seconds if self.job.limits.deadline_from == "start" else 0.0
        return self.wall_seconds(factor, deviations) - head_start

    def cost_usd(self, factor: float = 1.0, deviations: float = 0.0) -> float:
        """Bill of all trials: nodes, the network volumes they need, and what is paid after the job; likewise."""
        billed = float(self.clock.billed_seconds(self.training_seconds * factor, deviations))
        return billed / 3600 * self.nodes * float(self.host.price_usd_per_node_hour) + sum(self.after_usd.values())

    @property
    def cost_at_confidence_usd(self) -> float:
        """What a budget must cover."""
        return self.cost_usd(self.step_factor, self.deviations)

    @property
    def after_usd(self) -> dict[str, float]:
        """What is paid after the job, by part."""
        return after_parts_usd(self.job, workload(self.job), self.offer)

    def on_time_probability(self) -> float | None:
        """Chance that the deadline is met, as far as step time and interruptions decide; None without a deadline.

        Both are taken to turn out badly together, as the deadline rule takes them.
        """
        deadline = self.job.limits.deadline_seconds
        if deadline is None:
            return None
        fixed = self.deadline_clock_seconds(0.0)
        training = self.deadline_clock_seconds(1.0) - fixed
        if not float(self.clock.spread_slope):
            return interval.probability(self.prediction.step_width, (deadline - fixed) / training)
        low, high = 0.0, 1.0
        for _ in range(CHANCE_BITS):
            chance = (low + high) / 2
            factor = interval.factor(self.prediction.step_width, chance)
            late = self.deadline_clock_seconds(factor, interval.deviations(chance)) > deadline
            low, high = (low, chance) if late else (chance, high)
        return low
