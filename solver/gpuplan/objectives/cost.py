"""Money: rent of all nodes, and of the network volumes they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpuplan.objectives.base import Amounts, Objective

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.clusters import Clusters

Array = np.ndarray


class _Money(Objective):
    """``cost >= once + price * nodes * max(least, billed_fixed + billed_slope * factor * training)`` for the chosen offer and nodes.

    Where time is billed in steps, their number is a variable: ``steps * step >= billed_fixed + billed_slope * factor * training``.
    """

    unit = "USD"

    def of(self, totals: Amounts) -> Array:
        return totals.cost_usd

    def longest_training(self, value: float, clusters: Clusters) -> Array:
        return clusters.longest_for(value - clusters.cost_once)

    def expression(self, builder: Builder) -> Any:
        bills = builder.tables.bills
        cost = builder.variable("cost", 0, bills.horizon)
        for offer, size, factor, when in builder.clusters(builder.factors(self)):
            step = bills.step_cost(offer, size)
            if step:
                most = bills.most_steps(offer, size, factor, self.at_confidence)
                steps = builder.variable("billing_steps", 0, most)
                terms = bills.step_terms(offer, size, factor, self.at_confidence)
                builder.covers_training(steps, terms, when=when, why="billing steps", largest=most)
                builder.covers_multiple(cost, step, steps, bills.cost_once(offer, size), when=when)
            else:
                terms = bills.cost_terms(offer, size, factor, self.at_confidence)
                builder.covers_training(cost, terms, when=when, why="cost")
            builder.covers(cost, bills.least_cost(offer, size), when=when)
        return cost

    def unit_value(self, builder: Builder) -> float:
        return builder.tables.bills.cost_unit_usd


class Cost(_Money):
    """Money at the expected time."""

    name = "cost"


class CostAtConfidence(_Money):
    """Money at the asked confidence: what a budget must cover."""

    name = "cost_at_confidence"
    at_confidence = True
