"""The global batch is made of whole micro-batches on every data-parallel rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.stages import ShapeKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Batch(Rule):
    """``data * micro_batch`` divides the global batch."""

    name = "batch"

    def shape_allowed(self, space: Space, keys: ShapeKeys) -> np.ndarray:
        return keys.global_batch % (keys.data * keys.micro_batch) == 0

    def quantities(self, plan: Plan) -> list[Quantity]:
        layout = plan.layout
        left_over = layout.global_batch % (layout.data * layout.micro_batch)
        return [Quantity(self.name, "sequences left over from the global batch", left_over, 0, "sequences")]
