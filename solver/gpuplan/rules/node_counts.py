"""The user's list of node counts that a cluster may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class NodeCounts(Rule):
    """The nodes of one trial are one of the counts that are allowed."""

    name = "node_counts"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        counts = space.job.limits.node_counts
        return np.ones(len(nodes), dtype=bool) if counts is None else np.isin(nodes, counts)

    def quantities(self, plan: Plan) -> list[Quantity]:
        counts = plan.job.limits.node_counts
        if counts is None:
            return []
        listed = ", ".join(str(count) for count in counts)
        name = f"node counts that are none of {listed}"
        return [Quantity(self.name, name, float(plan.nodes not in counts), 0, "count")]
