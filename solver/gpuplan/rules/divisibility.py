"""What the models' own frameworks can cut evenly: heads and widths by TP, experts by EP, layers by PP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework


class Divisibility(Rule):
    """TP divides heads, key-value heads and widths; EP divides the experts and the GPUs of a stage; a stage has a layer."""

    name = "divisibility"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> np.ndarray:
        return self._divides(space, keys.tensor, keys.expert)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        stage = (keys.tensor * keys.data) % keys.expert == 0
        layers = keys.pipeline <= space.work.layer_count
        return self._divides(space, keys.tensor, keys.expert) & stage & layers

    def _divides(self, space: Space, tensor: np.ndarray, expert: np.ndarray) -> np.ndarray:
        architecture = space.work.architecture
        return _each(tensor, architecture.tensor_parallel_divides) & _each(expert, architecture.expert_parallel_divides)

    def quantities(self, plan: Plan) -> list[Quantity]:
        layout, model = plan.layout, plan.job.architecture
        ranks = layout.tensor * layout.data
        experts = f"{model.routed_experts} experts" if model.routed_experts else "a model without experts"
        # What holds, its name, and the sentence that a reader finds where it does not.
        cut = [
            (
                model.tensor_parallel_divides(layout.tensor),
                "tensor-parallel degrees that do not divide heads and widths",
                f"heads and widths of {model.name} that cannot be cut into {layout.tensor} equal parts (TP)",
            ),
            (
                model.expert_parallel_divides(layout.expert),
                "expert-parallel degrees that do not divide the experts",
                f"{experts} that cannot be dealt to {layout.expert} ranks evenly (EP)",
            ),
            (
                ranks % layout.expert == 0,
                "expert-parallel groups that do not fill a stage",
                f"{ranks} GPUs of a stage that cannot form groups of {layout.expert} (EP)",
            ),
            (
                layout.pipeline <= model.layer_count,
                "pipeline stages without a layer",
                f"pipeline stages without a layer ({layout.pipeline} stages, {model.layer_count} layers)",
            ),
        ]
        return [
            Quantity(self.name, name if holds else broken, float(not holds), 0, "count") for holds, name, broken in cut
        ]


def _each(degrees: np.ndarray, holds: Callable[[int], bool]) -> np.ndarray:
    """`holds` of every degree, asked once per distinct one."""
    values, inverse = np.unique(degrees, return_inverse=True)
    return np.array([holds(int(value)) for value in values], dtype=bool)[inverse]
