"""Size: GPUs or nodes rented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpuplan.objectives.base import Amounts, Objective

if TYPE_CHECKING:
    from gpuplan.build import Builder

Array = np.ndarray


class Gpus(Objective):
    """All GPUs of all nodes of one trial."""

    name = "gpus"
    unit = "GPUs"
    strict = True

    def of(self, totals: Amounts) -> Array:
        return np.asarray(totals.gpus, dtype=float)

    def expression(self, builder: Builder) -> Any:
        return builder.size_sum(builder.tables.size_gpus)


class Nodes(Objective):
    """Nodes of one trial."""

    name = "nodes"
    unit = "nodes"
    strict = True

    def of(self, totals: Amounts) -> Array:
        return np.asarray(totals.nodes, dtype=float)

    def expression(self, builder: Builder) -> Any:
        return builder.size_sum(builder.tables.size_nodes)
