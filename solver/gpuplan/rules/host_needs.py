"""CPU cores, host memory and storage of each node. What is not known is not enough, unless the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.host import host_needs
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Host(Rule):
    """The node has the CPUs and memory the job needs, and disk that is local or rented at a known price."""

    name = "host"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        lifted = space.job.limits.allow_unknown_host or space.offers[offer].host_open
        host = space.offers[offer].node.host
        mask = np.ones(len(nodes), dtype=bool)
        for index, count in enumerate(nodes):
            needs = host_needs(space.job, space.work, space.offers[offer], int(count))
            cpus = lifted if host.vcpus is None else needs.vcpus <= host.vcpus
            memory = lifted if host.ram_bytes is None else needs.ram_bytes <= host.ram_bytes
            mask[index] = cpus and memory and (needs.volume_price_known or lifted)
        return mask

    def quantities(self, plan: Plan) -> list[Quantity]:
        needs, host = plan.host, plan.offer.node.host
        strict = not (plan.job.limits.allow_unknown_host or plan.offer.host_open)
        disk = needs.storage_bytes if needs.volume_price_known else None
        return [
            Quantity(self.name, "virtual CPUs of a node", needs.vcpus, host.vcpus, "vCPUs", strict),
            Quantity(self.name, "memory of a node", needs.ram_bytes, host.ram_bytes, "bytes", strict),
            Quantity(self.name, "storage of a node (local or rented)", needs.storage_bytes, disk, "bytes", strict),
        ]
