"""Time: from the order to the end of the last trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpuplan.objectives.base import Amounts, Objective

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.clusters import Clusters

Array = np.ndarray


class _Clock(Objective):
    """``wall >= fixed + slope * factor * training`` for the chosen number of nodes."""

    unit = "seconds"

    def of(self, totals: Amounts) -> Array:
        return totals.wall_seconds

    def longest_training(self, value: float, clusters: Clusters) -> Array:
        return (value - clusters.wall_fixed) / clusters.wall_slope

    def expression(self, builder: Builder) -> Any:
        bills = builder.tables.bills
        wall = builder.variable("wall", 0, bills.horizon)
        for offer, size, factor, when in builder.clusters(builder.factors(self)):
            builder.covers_training(
                wall, bills.wall_terms(offer, size, factor, self.at_confidence), when=when, why="wall clock"
            )
        return wall

    def unit_value(self, builder: Builder) -> float:
        return builder.tables.bills.wall_unit_seconds


class Time(_Clock):
    """Wall clock at the expected step time."""

    name = "time"


class TimeAtConfidence(_Clock):
    """Wall clock at the asked confidence: what a deadline must allow."""

    name = "time_at_confidence"
    at_confidence = True
