"""The user's limit on GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Gpus(Rule):
    """GPUs of all clusters that run at the same time."""

    name = "max_gpus"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        limit = space.job.limits.max_gpus
        if limit is None:
            return np.ones(len(nodes), dtype=bool)
        return nodes * space.offers[offer].node.gpus_per_node * space.job.parallel <= limit

    def quantities(self, plan: Plan) -> list[Quantity]:
        return [Quantity(self.name, "GPUs rented", plan.gpus * plan.job.parallel, plan.job.limits.max_gpus, "GPUs")]
