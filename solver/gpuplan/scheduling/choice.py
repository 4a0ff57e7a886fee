"""What a job of a fleet runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gpuplan.plan import Plan
from gpuplan_hardware import Offer

Kind = Literal["owned", "reserved", "rented"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A cluster for a job, and how it is used.

    Attributes
    ----------
    source
        Name of the stock, or id of the offer.
    nodes
        Nodes in use, those of all clusters of the job together.
    plan
        None for work of known length.
    lead_minutes
        From the order until the nodes are there.
    """

    kind: Kind
    source: str
    offer: Offer
    nodes: int
    plan: Plan | None
    lead_minutes: int

    @property
    def gpus(self) -> int:
        """GPUs in use."""
        return self.nodes * self.offer.node.gpus_per_node
