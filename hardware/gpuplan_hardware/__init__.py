"""What can be rented or bought: accelerators, links, node shapes, providers, and offers (a node shape at a price).

Everything is data with sources: one TOML file per accelerator, node and provider, one CSV file of prices per provider,
all under `data/`. The files are read on first use.
"""

from gpuplan_hardware.catalogue import accelerators, nodes, providers
from gpuplan_hardware.entities import Accelerator, Figure, Host, Link, Network, Node, Offer, Provider
from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.names import resolve_gpus
from gpuplan_hardware.price_list import offers, read_offers

__all__ = [
    "Accelerator",
    "CatalogueError",
    "Figure",
    "Host",
    "Link",
    "Network",
    "Node",
    "Offer",
    "Provider",
    "accelerators",
    "nodes",
    "offers",
    "providers",
    "read_offers",
    "resolve_gpus",
]
