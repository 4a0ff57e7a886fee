"""Clock and bill of an offer by number of nodes: all that a choice of cluster adds to the seconds of training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gpuplan.host import host_needs
from gpuplan.performance import interval
from gpuplan.performance.bill import after_parts_usd
from gpuplan.performance.clock import STEP_NOISE, in_steps, offer_clock
from gpuplan.performance.spot import bad_luck
from gpuplan.rules import rules
from gpuplan.space import Space

Array = np.ndarray


@dataclass(frozen=True)
class Clusters:
    """Clusters of one offer, an entry per number of nodes.

    ``wall = wall_fixed + wall_slope * training`` seconds from the order, and
    ``cost = cost_once + max(in whole steps of cost_step(cost_fixed + cost_slope * training), cost_least)`` USD, with `training` the
    seconds of all steps. `allowed` says which clusters no rule forbids; `head_start_seconds` pass before a deadline from the start
    begins to count. What interruptions may cost beyond the expected at the job's confidence is in the four `*_reserve_*`, lines
    likewise: `sure` counts with them.
    """

    offer: int
    nodes: Array
    gpus: Array
    allowed: Array
    wall_fixed: Array
    wall_slope: Array
    cost_fixed: Array
    cost_slope: Array
    cost_least: Array
    cost_step: Array
    cost_once: Array
    wall_reserve_fixed: Array
    wall_reserve_slope: Array
    cost_reserve_fixed: Array
    cost_reserve_slope: Array
    head_start_seconds: float

    @cached_property
    def sure(self) -> Clusters:
        """The same at the job's confidence, as far as interruptions go."""
        if not (self.wall_reserve_fixed.any() or self.wall_reserve_slope.any()):
            return self
        none = np.zeros(len(self.nodes))
        return replace(
            self,
            wall_fixed=self.wall_fixed + self.wall_reserve_fixed,
            wall_slope=self.wall_slope + self.wall_reserve_slope,
            cost_fixed=self.cost_fixed + self.cost_reserve_fixed,
            cost_slope=self.cost_slope + self.cost_reserve_slope,
            wall_reserve_fixed=none,
            wall_reserve_slope=none,
            cost_reserve_fixed=none,
            cost_reserve_slope=none,
        )

    def counted(self, at_confidence: bool) -> Clusters:
        """What a value is counted with."""
        return self.sure if at_confidence else self

    def cost(self, training: Array | float) -> Array:
        """Bill in USD of each cluster for so many seconds of training."""
        return self.bill(self.cost_fixed + self.cost_slope * training, slice(None))

    def bill(self, used_usd: Array, index: Array | slice) -> Array:
        """Bill in USD of the clusters at `index`, of what the time that is used comes to."""
        billed = in_steps(used_usd, self.cost_step[index]) if self.cost_step.any() else used_usd
        return np.asarray(self.cost_once[index] + np.maximum(billed, self.cost_least[index]))

    def longest_for_cost(self, usd: float) -> Array:
        """Longest training seconds that so much money pays; negative where it pays none."""
        left = usd - self.cost_once
        step = np.where(self.cost_step > 0, self.cost_step, 1.0)
        whole = np.where(self.cost_step > 0, np.floor(left / step * (1 + STEP_NOISE)) * step, left)
        longest = self.longest_for(whole)
        return np.asarray(np.where(self.cost_least <= left * (1 + STEP_NOISE), longest, -1.0))

    def longest_for(self, used_usd: Array | float) -> Array:
        """Longest training seconds that use no more than that, before anything is rounded up; what is free may last for ever."""
        left = used_usd - self.cost_fixed
        free = self.cost_slope == 0
        return np.asarray(
            np.where(free, np.where(left >= 0, np.inf, -1.0), left / np.where(free, 1.0, self.cost_slope))
        )

    def wall(self, training: Array | float) -> Array:
        """Seconds from the order to the end, likewise."""
        return np.asarray(self.wall_fixed + self.wall_slope * training)

    def longest_training(self, space: Space, factor: float) -> Array:
        """Longest training seconds under every rule that limits time or money; negative where a cluster is forbidden."""
        cap = np.full(len(self.nodes), np.inf)
        for rule in rules():
            cap = np.minimum(cap, rule.training_cap(space, self, factor))
        return np.where(self.allowed, cap, -1.0)


@dataclass(frozen=True)
class Rented:
    """Candidates on clusters of one offer (`index` into them) that train for so many seconds; each figure is computed when read."""

    clusters: Clusters
    index: Array
    training: Array

    @property
    def cost_usd(self) -> Array:
        """Bill."""
        c, i = self.clusters, self.index
        return c.bill(c.cost_fixed[i] + c.cost_slope[i] * self.training, i)

    @property
    def wall_seconds(self) -> Array:
        """From the order to the end."""
        return np.asarray(self.clusters.wall_fixed[self.index] + self.clusters.wall_slope[self.index] * self.training)

    @property
    def gpus(self) -> Array:
        """GPUs of one trial."""
        return np.asarray(self.clusters.gpus[self.index])

    @property
    def nodes(self) -> Array:
        """Nodes of one trial."""
        return np.asarray(self.clusters.nodes[self.index])


def clusters_of(space: Space, offer: int, nodes: Array) -> Clusters:
    """Clusters of `nodes` (an array of distinct counts) nodes of an offer."""
    job, sold = space.job, space.offers[offer]
    allowed = np.ones(len(nodes), dtype=bool)
    for rule in rules():
        allowed &= rule.cluster_allowed(space, offer, nodes)
    times = offer_clock(job, space.work, sold, nodes)
    rent = host_needs(job, space.work, sold, nodes).price_usd_per_node_hour * nodes / 3600
    deviations = interval.deviations(job.confidence)
    return Clusters(
        offer=offer,
        nodes=nodes,
        gpus=nodes * sold.node.gpus_per_node,
        allowed=allowed,
        wall_fixed=times.fixed_seconds,
        wall_slope=times.slope,
        cost_fixed=rent * times.billed_fixed_seconds,
        cost_slope=rent * times.billed_slope,
        cost_least=rent * times.least_billed_seconds,
        cost_step=rent * times.billing_step_seconds,
        cost_once=np.full(len(nodes), sum(after_parts_usd(job, space.work, sold).values())),
        wall_reserve_fixed=deviations * times.spread_fixed_seconds + bad_luck(deviations) * times.loss_seconds,
        wall_reserve_slope=deviations * times.spread_slope,
        cost_reserve_fixed=rent
        * (deviations * times.billed_spread_fixed_seconds + bad_luck(deviations) * times.billed_loss_seconds),
        cost_reserve_slope=deviations * rent * times.billed_spread_slope,
        head_start_seconds=times.ready_seconds if job.limits.deadline_from == "start" else 0.0,
    )
