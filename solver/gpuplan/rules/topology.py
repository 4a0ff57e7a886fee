"""Where the GPUs of a layout sit: tensor parallelism inside a node, several nodes used in full and only over a known fabric."""

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


class Topology(Rule):
    """TP divides the GPUs of a node; a cluster of several nodes uses all their GPUs and has a known fabric."""

    name = "topology"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> np.ndarray:
        per_node = space.machines.gpus_per_node[keys.machine]
        fabric = np.array([node.network is not None for node in space.machines.nodes])[keys.machine]
        return (per_node % keys.tensor == 0) & (fabric | ~keys.several_nodes)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        full = (keys.gpus <= keys.gpus_per_node) | (keys.gpus % keys.gpus_per_node == 0)
        pins = space.job.pins
        pinned = np.ones(len(keys), dtype=bool)
        if pins.nodes is not None:
            pinned &= space.nodes(keys) == pins.nodes
        if pins.gpus is not None:
            pinned &= keys.gpus == pins.gpus
        return (keys.gpus_per_node % keys.tensor == 0) & full & pinned

    def quantities(self, plan: Plan) -> list[Quantity]:
        per_node, layout = plan.offer.node.gpus_per_node, plan.layout
        idle = plan.gpus - layout.gpus if plan.nodes > 1 else 0
        across = per_node % layout.tensor != 0
        apart = plan.nodes > 1 and plan.offer.node.network is None
        return [
            Quantity(self.name, "tensor-parallel groups cut by a node boundary", float(across), 0, "count"),
            Quantity(self.name, "GPUs that the layout uses", layout.gpus, plan.gpus, "GPUs"),
            Quantity(self.name, "clusters of several nodes without a known fabric", float(apart), 0, "count"),
            Quantity(self.name, "idle GPUs in a cluster of several nodes", max(0, idle), 0, "GPUs"),
        ]
