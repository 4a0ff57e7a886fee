"""How many nodes there are: the user's limit, and what the offer has over one fabric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Nodes(Rule):
    """Nodes of all clusters that run at the same time."""

    name = "max_nodes"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        at_once = nodes * space.job.parallel
        limit = space.job.limits.max_nodes
        within = at_once <= space.offers[offer].max_nodes
        return within if limit is None else within & (at_once <= limit)

    def quantities(self, plan: Plan) -> list[Quantity]:
        at_once = plan.nodes * plan.job.parallel
        return [
            Quantity(self.name, "nodes rented", at_once, plan.job.limits.max_nodes, "nodes"),
            Quantity("offer_nodes", "nodes the offer has on one fabric", at_once, plan.offer.max_nodes, "nodes"),
        ]
