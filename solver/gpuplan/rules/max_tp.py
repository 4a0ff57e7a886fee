"""The user's limit on tensor parallelism."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework


class MaxTensor(Rule):
    """The tensor-parallel degree is not above the user's."""

    name = "max_tp"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> np.ndarray:
        return self._within(space, keys.tensor)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        return self._within(space, keys.tensor)

    def _within(self, space: Space, tensor: np.ndarray) -> np.ndarray:
        most = space.job.limits.max_tensor
        return np.ones(len(tensor), dtype=bool) if most is None else tensor <= most

    def quantities(self, plan: Plan) -> list[Quantity]:
        most = plan.job.limits.max_tensor
        return [] if most is None else [Quantity(self.name, "tensor-parallel degree", plan.layout.tensor, most, "GPUs")]
