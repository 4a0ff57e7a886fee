"""The bill stays within the budget, at the asked confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.clusters import Clusters
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Budget(Rule):
    """``once + price * nodes * billed(nodes, factor * training) <= budget``, as a bound on the training time."""

    name = "budget"
    rounded = True

    def training_cap(self, space: Space, clusters: Clusters, factor: float) -> np.ndarray:
        budget = space.job.limits.budget_usd
        if budget is None:
            return super().training_cap(space, clusters, factor)
        return clusters.sure.longest_for_cost(budget) / factor

    def quantities(self, plan: Plan) -> list[Quantity]:
        return [Quantity(self.name, "cost", plan.cost_at_confidence_usd, plan.job.limits.budget_usd, "USD")]
