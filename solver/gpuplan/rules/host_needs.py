"""CPU cores, host memory and storage of each node. What is not known is not enough, unless the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.host import host_needs
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.candidates import StateRows
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Host(Rule):
    """The node has the CPUs and memory the job needs, disk that is local or rented at a known price, and the link to offload over."""

    name = "host"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        lifted = _lifted(space, offer)
        host = space.offers[offer].node.host
        needs = host_needs(space.job, space.work, space.offers[offer], nodes)
        cpus = lifted if host.vcpus is None else needs.vcpus <= host.vcpus
        memory = np.full(len(nodes), lifted) if host.ram_bytes is None else needs.ram_bytes <= host.ram_bytes
        return memory & cpus & (needs.volume_price_known | lifted)

    def state_on_offer_allowed(self, space: Space, offer: int, rows: StateRows) -> np.ndarray:
        node = space.offers[offer].node
        away = rows.keys.offload > 0
        if not away.any():
            return ~away
        ram = node.host.ram_bytes
        enough = np.full(len(away), _lifted(space, offer)) if ram is None else rows.ram <= ram
        return ~away | (enough & (node.accelerator.host_link_bytes_per_second is not None))

    def quantities(self, plan: Plan) -> list[Quantity]:
        needs, host = plan.host, plan.offer.node.host
        strict = not (plan.job.limits.allow_unknown_host or plan.offer.host_open)
        disk = float(needs.storage_bytes) if needs.volume_price_known else None
        away = plan.layout.offload != "none"
        unknown_link = away and plan.offer.node.accelerator.host_link_bytes_per_second is None
        return [
            Quantity(self.name, "virtual CPUs of a node", needs.vcpus, host.vcpus, "vCPUs", strict),
            Quantity(self.name, "memory of a node", float(needs.ram_bytes), host.ram_bytes, "bytes", strict),
            Quantity(
                self.name, "storage of a node (local or rented)", float(needs.storage_bytes), disk, "bytes", strict
            ),
            Quantity(
                self.name, "links to the host of an unknown rate, over which is offloaded", unknown_link, 0, "count"
            ),
        ]


def _lifted(space: Space, offer: int) -> bool:
    """Whether what is unknown of the host is waved through."""
    return space.job.limits.allow_unknown_host or space.offers[offer].host_open
