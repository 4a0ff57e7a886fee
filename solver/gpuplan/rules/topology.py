"""Where the GPUs of a layout sit: tensor parallelism where one link reaches, several nodes used in full and over a known fabric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.performance.machine import block_gpus
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework

Array = np.ndarray


class Topology(Rule):
    """TP divides the GPUs of a node, or of a block of nodes that one link joins; a cluster of several nodes uses all their GPUs,
    and beyond its scale-up domain whole blocks over a known fabric.
    """

    name = "topology"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> Array:
        m = space.machines
        fabric = np.array([node.network is not None for node in m.nodes])[keys.machine]
        groups = within_link(keys.tensor, m.gpus_per_node[keys.machine], m.gpus_per_block[keys.machine])
        return groups & (fabric | ~keys.several_nodes)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> Array:
        pins = space.job.pins
        pinned = np.ones(len(keys), dtype=bool)
        if pins.nodes is not None:
            pinned &= space.nodes(keys) == pins.nodes
        if pins.gpus is not None:
            pinned &= keys.gpus == pins.gpus
        full = fills_nodes(keys.gpus, keys.gpus_per_node, keys.gpus_per_block, keys.domain_gpus)
        # In one rack no group is larger than a block: what a larger one would cost is not modelled.
        groups = np.maximum(keys.tensor * keys.context, keys.expert_ranks)
        full &= keys.several_nodes | (keys.gpus <= keys.gpus_per_node) | (groups <= keys.gpus_per_block)
        return within_link(keys.tensor, keys.gpus_per_node, keys.gpus_per_block) & full & pinned

    def cluster_allowed(self, space: Space, offer: int, nodes: Array) -> Array:
        node = space.offers[offer].node
        return (nodes * node.gpus_per_node <= node.scale_up_gpus) | (node.network is not None)

    def quantities(self, plan: Plan) -> list[Quantity]:
        node, layout = plan.offer.node, plan.layout
        block, rented = block_gpus(node), plan.gpus
        idle = rented - layout.gpus if plan.nodes > 1 else 0
        apart = rented > node.scale_up_gpus
        groups = max(layout.tensor * layout.context, layout.expert * layout.expert_tensor)
        large = plan.nodes > 1 and groups > block
        cut = not within_link(np.array(layout.tensor), np.array(node.gpus_per_node), np.array(block))
        return [
            Quantity(self.name, "tensor-parallel groups cut by a node boundary", float(cut), 0, "count"),
            Quantity(self.name, "GPUs that the layout uses", layout.gpus, rented, "GPUs"),
            Quantity(
                self.name,
                "clusters of several nodes without a known fabric",
                float(apart and node.network is None),
                0,
                "count",
            ),
            Quantity(self.name, "idle GPUs in a cluster of several nodes", max(0, idle), 0, "GPUs"),
            Quantity(self.name, "GPUs beside whole blocks of a rack", rented % block if apart else 0, 0, "GPUs"),
            Quantity(
                self.name, "groups in a rack that are larger than a block", float(large and not apart), 0, "count"
            ),
        ]


def within_link(tensor: Array, per_node: Array, per_block: Array) -> Array:
    """Whether every tensor-parallel group sits where one link reaches: in a node, or in whole nodes of a block."""
    inside = per_node % tensor == 0
    across = (per_block % tensor == 0) & (tensor % per_node == 0) & (per_block > per_node)
    return np.asarray(inside | across)


def fills_nodes(gpus: Array, per_node: Array, per_block: Array, domain: Array) -> Array:
    """Whether a cluster is part of one node, or whole nodes of one domain, or whole blocks of several."""
    return np.asarray((gpus <= per_node) | ((gpus % per_node == 0) & ((gpus <= domain) | (gpus % per_block == 0))))
