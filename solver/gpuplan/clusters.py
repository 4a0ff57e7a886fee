"""Clock and bill of an offer by number of nodes: all that a choice of cluster adds to the seconds of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.host import host_needs
from gpuplan.performance.clock import offer_clock
from gpuplan.rules import rules
from gpuplan.space import Space

Array = np.ndarray


@dataclass(frozen=True)
class Clusters:
    """Clusters of one offer, an entry per number of nodes.

    ``wall = wall_fixed + wall_slope * training`` seconds from the order, ``cost = max(cost_fixed + cost_slope * training,
    cost_least)`` USD, with `training` the seconds of all steps. `allowed` says which clusters no rule forbids;
    `head_start_seconds` pass before a deadline from the start begins to count.
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
    head_start_seconds: float

    def cost(self, training: Array | float) -> Array:
        """Bill in USD of each cluster for so many seconds of training."""
        return np.asarray(np.maximum(self.cost_fixed + self.cost_slope * training, self.cost_least))

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
        return np.asarray(np.maximum(c.cost_fixed[i] + c.cost_slope[i] * self.training, c.cost_least[i]))

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
        head_start_seconds=times.ready_seconds if job.limits.deadline_from == "start" else 0.0,
    )
