"""The bill stays within the budget, at the asked confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.plan import Plan


class Budget(Rule):
    """``price * nodes * billed(nodes, factor * training) <= budget``, as a bound on the training time."""

    name = "budget"
    rounded = True

    def post(self, builder: Builder) -> None:
        if builder.job.limits.budget_usd is None:
            return
        for offer, size, factor, when in builder.clusters(builder.confidence_factors()):
            builder.training_at_most(builder.tables.budget_cap(offer, size, factor), when=when)

    def quantities(self, plan: Plan) -> list[Quantity]:
        return [Quantity(self.name, "cost", plan.cost_usd(plan.step_factor), plan.job.limits.budget_usd, "USD")]
