"""Money: rent of all nodes, and of the network volumes they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpuplan.objectives.base import Amounts, Objective

if TYPE_CHECKING:
    from gpuplan.build import Builder

Array = np.ndarray


class _Money(Objective):
    """``cost >= price * nodes * max(least, billed_fixed + billed_slope * factor * training)`` for the chosen offer and nodes."""

    unit = "USD"

    def of(self, totals: Amounts) -> Array:
        return totals.cost_usd

    def longest_training(self, value: float, cost: tuple[Array, Array], wall: tuple[Array, Array]) -> Array:
        return (value - cost[0]) / cost[1]

    def expression(self, builder: Builder) -> Any:
        tables = builder.tables
        cost = builder.variable("cost", 0, tables.money_horizon)
        for offer, size, factor, when in builder.clusters(builder.factors(self)):
            builder.covers_training(cost, tables.cost_terms(offer, size, factor), when=when, why="cost")
            builder.covers(cost, tables.least_cost(offer, size), when=when)
        return cost

    def unit_value(self, builder: Builder) -> float:
        return builder.tables.cost_unit_usd


class Cost(_Money):
    """Money at the expected time."""

    name = "cost"


class CostAtConfidence(_Money):
    """Money at the asked confidence: what a budget must cover."""

    name = "cost_at_confidence"
    at_confidence = True
