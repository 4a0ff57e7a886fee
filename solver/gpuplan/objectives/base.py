"""What an objective is: a value of a plan, of arrays of candidates, and an integer expression of the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.clusters import Clusters
    from gpuplan.plan import Plan

Array = np.ndarray


class Amounts(Protocol):
    """What candidates (or a plan) come to; `nodes` and `gpus` are those of one trial."""

    @property
    def cost_usd(self) -> Array: ...
    @property
    def wall_seconds(self) -> Array: ...
    @property
    def gpus(self) -> Array: ...
    @property
    def nodes(self) -> Array: ...


@dataclass(frozen=True)
class Totals:
    """`Amounts` that are known already."""

    cost_usd: Array
    wall_seconds: Array
    gpus: Array
    nodes: Array


class Objective(ABC):
    """Something to minimise. A file in this folder with an `Objective` subclass is found by itself.

    Attributes
    ----------
    at_confidence
        Whether time and money are taken at the job's confidence instead of at the point estimate.
    strict
        Whether only rows that are strictly better are worth proving away (few distinct values, many ties).
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    at_confidence: ClassVar[bool] = False
    strict: ClassVar[bool] = False

    @abstractmethod
    def of(self, totals: Amounts) -> Array:
        """Value of candidates; lower bounds in, lower bounds out."""

    def longest_training(self, value: float, clusters: Clusters) -> Array:
        """Longest training seconds at which the bill or the wall clock of `clusters` still reaches `value`."""
        return np.full(len(clusters.nodes), np.inf)

    def value(self, plan: Plan) -> float:
        """Value of a plan, recomputed from the formulas."""
        factor, deviations = (plan.step_factor, plan.deviations) if self.at_confidence else (1.0, 0.0)
        totals = Totals(
            np.asarray(plan.cost_usd(factor, deviations)),
            np.asarray(plan.wall_seconds(factor, deviations)),
            np.asarray(float(plan.gpus)),
            np.asarray(float(plan.nodes)),
        )
        return float(self.of(totals))

    @abstractmethod
    def expression(self, builder: Builder) -> Any:
        """Post what the value needs and return the variable to minimise, in the tables' integer unit."""

    def unit_value(self, builder: Builder) -> float:
        """Size of one integer unit of `expression`, in `unit`."""
        return 1.0
