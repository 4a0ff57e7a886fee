"""The node shapes of the catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gpuplan.errors import InputError, close_matches, shown
from gpuplan.listing.base import FigureEntry, Listing, figures
from gpuplan.listing.known_offers import known_offers
from gpuplan.listing.offers import OfferEntry, cheapest, offer_entries
from gpuplan.result import Answer
from gpuplan_hardware import Node, Offer, nodes


class NodeEntry(Answer):
    """One node shape, in short; links and networks are one way and per GPU, null is unknown.

    `scale_up_gpus` are the GPUs that its link joins: those of the node, or of a whole rack.
    """

    name: str
    provider: str
    gpu: str
    gpus_per_node: int
    scale_up_gpus: int
    intra_node: str
    intra_node_bytes_per_second_per_gpu: float
    network: str | None
    network_bytes_per_second_per_gpu: float | None
    rdma: bool | None
    vcpus: int | None
    ram_bytes: int | None
    nvme_bytes: int | None
    offers: int
    lowest_price_usd_per_hour: float | None


class NodeList(Listing):
    """Node shapes by provider, accelerator and number of GPUs."""

    nodes: list[NodeEntry]

    def rows(self) -> list[NodeEntry]:
        return self.nodes

    def row_type(self) -> type[NodeEntry]:
        return NodeEntry


class NodeDetails(NodeEntry):
    """Everything known of a node shape."""

    notes: str
    figures: list[FigureEntry]
    offer_entries: list[OfferEntry]


def node_details(text: str) -> NodeDetails:
    """Everything about a node shape, PROVIDER/NODE; raises `InputError` (with close matches) for an unknown one."""
    known = {f"{node.provider}/{node.name}".lower(): node for node in all_nodes()}
    found = known.get(text.strip().lower())
    if found is None:
        names = [f"{node.provider}/{node.name}" for node in known.values()]
        message = f"{shown(text)!r} is none of the {len(known)} node shapes (provider/node)"
        raise InputError("node", text, message, close_matches(text, names))
    (entry,) = node_entries([found])
    sold = [offer for offer in known_offers() if (offer.provider.name, offer.node.name) == (found.provider, found.name)]
    return NodeDetails(
        **entry.model_dump(),
        notes=found.notes,
        figures=figures(found.sources),
        offer_entries=offer_entries(sold),
    )


def all_nodes() -> list[Node]:
    """Every node shape: those with a file of their own, and those that only a price list describes."""
    found = dict(nodes())
    for offer in known_offers():
        found.setdefault((offer.provider.name, offer.node.name), offer.node)
    return list(found.values())


def node_entries(found: Sequence[Node]) -> list[NodeEntry]:
    """Node shapes as rows, by provider, accelerator and number of GPUs."""
    sold = defaultdict(list)
    for offer in known_offers():
        sold[offer.provider.name, offer.node.name].append(offer)
    ordered = sorted(found, key=lambda node: (node.provider, node.accelerator.name, node.gpus_per_node, node.name))
    return [_node(node, sold[node.provider, node.name]) for node in ordered]


def _node(node: Node, sold: Sequence[Offer]) -> NodeEntry:
    network, host, lowest = node.network, node.host, cheapest(sold)
    return NodeEntry(
        name=node.name,
        provider=node.provider,
        gpu=node.accelerator.name,
        gpus_per_node=node.gpus_per_node,
        scale_up_gpus=node.scale_up_gpus,
        intra_node=node.intra_node.kind,
        intra_node_bytes_per_second_per_gpu=node.intra_node.bytes_per_second_per_gpu,
        network=None if network is None else network.kind,
        network_bytes_per_second_per_gpu=None if network is None else network.bytes_per_second_per_gpu,
        rdma=None if network is None else network.rdma,
        vcpus=host.vcpus,
        ram_bytes=host.ram_bytes,
        nvme_bytes=host.nvme_bytes,
        offers=len(sold),
        lowest_price_usd_per_hour=None if lowest is None else lowest.price_usd_per_hour,
    )
