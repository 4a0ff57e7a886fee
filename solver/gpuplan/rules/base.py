"""What a rule is: a named quantity with a limit, posted to the model, checked on a plan, and used to leave rows out early."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.candidates import StateRows
    from gpuplan.clusters import Clusters
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.stages import ShapeKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework

Array = np.ndarray

#: Relative slack of a comparison in floating point: noise of the arithmetic, nothing a user could notice.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Quantity:
    """A plan needs `required` of something of which `available` is there (both in `unit`); None means unknown or unlimited."""

    rule: str
    name: str
    required: float
    available: float | None
    unit: str
    unknown_fails: bool = False

    @property
    def satisfied(self) -> bool:
        """Whether the rule holds. An unknown `available` fails only where the rule says so."""
        if self.available is None:
            return not self.unknown_fails
        return self.required <= self.available * (1 + TOLERANCE) + TOLERANCE

    @property
    def used_share(self) -> float | None:
        """Required over available; 1 is binding."""
        if self.available is None or self.available <= 0:
            return None
        return self.required / self.available


class Rule(ABC):
    """A rule of the problem. A file in this folder with a `Rule` subclass is found by itself.

    ``*_allowed`` say which rows break the rule whatever the other rows are: the space leaves them out, or, unreduced, the model
    forbids them. `training_cap` is the form of every limit on time or money. `post` adds what else ties rows of several families
    together.

    Attributes
    ----------
    name
        The word under which answers report the rule.
    rounded
        Whether the model holds the rule in integers that are rounded to the safe side, so that it may refuse a plan that meets
        the limit by less than the rounding.
    """

    name: ClassVar[str]
    rounded: ClassVar[bool] = False

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> Array:
        """Mask of the atoms that can be part of a plan."""
        return np.ones(len(keys), dtype=bool)

    def shape_allowed(self, space: Space, keys: ShapeKeys) -> Array:
        """Mask of the shapes that can be part of a plan."""
        return np.ones(len(keys), dtype=bool)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> Array:
        """Mask of the states that can be part of a plan."""
        return np.ones(len(keys), dtype=bool)

    def cluster_allowed(self, space: Space, offer: int, nodes: Array) -> Array:
        """Mask of the node counts at which the offer can be part of a plan."""
        return np.ones(len(nodes), dtype=bool)

    def state_on_offer_allowed(self, space: Space, offer: int, rows: StateRows) -> Array:
        """Mask of the states that can be part of a plan on the offer."""
        return np.ones(len(rows), dtype=bool)

    def training_cap(self, space: Space, clusters: Clusters, factor: float) -> Array:
        """Longest training seconds (at the point estimate) of clusters of an offer when steps take `factor` times the prediction.

        Infinite where the rule sets no limit, negative where it is broken before the first step. Search, tables and model read it.
        """
        return np.full(len(clusters.nodes), np.inf)

    def post(self, builder: Builder) -> None:
        """Add the constraints that tie rows of several families together: by itself, the limit on the training time."""
        if type(self).training_cap is Rule.training_cap:
            return
        for offer, size, factor, when in builder.clusters(builder.confidence_factors()):
            builder.training_at_most(builder.tables.training_cap(self, offer, size, factor), when=when)

    @abstractmethod
    def quantities(self, plan: Plan) -> list[Quantity]:
        """What the rule requires of `plan` and what there is, recomputed from the formulas."""
