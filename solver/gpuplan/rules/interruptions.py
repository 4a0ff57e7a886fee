"""Spot clusters that are taken back so often that they hardly get from one checkpoint to the next are not planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.performance.clock import offer_clock
from gpuplan.performance.spot import MOST_STOPS
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Interruptions(Rule):
    """Fewer stops than one are to be expected from a checkpoint to the next, the way back included (see `performance.spot`)."""

    name = "interruptions"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        sold = space.offers[offer]
        if sold.pricing != "spot":
            return np.ones(len(nodes), dtype=bool)
        return np.asarray(offer_clock(space.job, space.work, sold, nodes).stops <= MOST_STOPS)

    def quantities(self, plan: Plan) -> list[Quantity]:
        if plan.offer.pricing != "spot":
            return []
        return [
            Quantity(self.name, "stops between two checkpoints", float(plan.clock.stops), MOST_STOPS, "interruptions")
        ]
