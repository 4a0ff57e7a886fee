"""The bill stays within the budget, at the asked confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import TOLERANCE, Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.clusters import Clusters
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Budget(Rule):
    """``price * nodes * billed(nodes, factor * training) <= budget``, as a bound on the training time."""

    name = "budget"
    rounded = True

    def training_cap(self, space: Space, clusters: Clusters, factor: float) -> np.ndarray:
        budget = space.job.limits.budget_usd
        if budget is None:
            return super().training_cap(space, clusters, factor)
        cap = (budget - clusters.cost_fixed) / (clusters.cost_slope * factor)
        return np.where(clusters.cost_least <= budget * (1 + TOLERANCE), cap, -1.0)

    def quantities(self, plan: Plan) -> list[Quantity]:
        return [Quantity(self.name, "cost", plan.cost_usd(plan.step_factor), plan.job.limits.budget_usd, "USD")]
