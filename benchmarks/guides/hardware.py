"""Look-ups in the hardware catalogue, with one clear error for what is not in it."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from benchmarks.guides.facts import fact
from benchmarks.guides.registry import MissingEntryError, Reading
from gpuplan_hardware import Accelerator, Host, Link, Network, Node, Offer, accelerators, nodes, offers

A100, H100 = "A100-80GB-SXM", "H100-SXM"
A100S = ("A100-40GB-SXM", "A100-80GB-SXM", "A100-80GB-PCIe")


def card(name: str) -> Accelerator:
    """The accelerator called `name`."""
    try:
        return accelerators()[name]
    except KeyError:
        raise MissingEntryError(name) from None


def memory_gb(name: str) -> float:
    """What PyTorch can use of an accelerator's memory, in 1e9 bytes."""
    return card(name).usable_memory_bytes / 1e9


def peak_tflops(name: str, precision: str) -> float:
    """Dense peak in 1e12 FLOP/s.

    Raises
    ------
    MissingEntryError
        If the accelerator does not multiply in `precision`.
    """
    peaks = card(name).peak_flops
    if precision not in peaks:
        raise MissingEntryError(f"a peak of {name} in {precision}")
    return peaks[precision] / 1e12


def alone(name: str) -> Node:
    """A node with one such accelerator and nothing else."""
    return Node("one card", "none", card(name), 1, Link("none", 0.0), None, Host(None, None, None), sources={})


def node_of(name: str, gpus: int) -> Node:
    """The catalogue's node with `gpus` such accelerators and the fastest network; the first by name among equals."""
    found = [node for node in nodes().values() if node.accelerator.name == name and node.gpus_per_node == gpus]
    if not found:
        raise MissingEntryError(f"a node with {gpus} x {name}")
    return min(found, key=lambda node: (-_network_rate(node), node.provider, node.name))


def over_pcie(node: Node) -> Node:
    """The same node with its GPUs joined by PCIe 4.0 x16 only."""
    return replace(node, intra_node=Link("pcie", fact("pcie4_x16_bytes_per_second")))


def with_network(node: Node, gbit_per_second: float) -> Node:
    """The same node with a network of `gbit_per_second` in all, for all its GPUs."""
    return replace(node, network=Network("tcp", gbit_per_second * 1e9 / 8 / node.gpus_per_node, False))


def _network_rate(node: Node) -> float:
    return node.network.bytes_per_second_per_gpu if node.network else 0.0


def rents(names: tuple[str, ...], gpus_per_node: int | None = None) -> list[Offer]:
    """On-demand offers of providers that are no marketplaces."""
    found = [
        offer
        for offer in offers()
        if offer.pricing == "on-demand"
        and not offer.provider.marketplace
        and offer.node.accelerator.name in names
        and gpus_per_node in (None, offer.node.gpus_per_node)
    ]
    if not found:
        raise MissingEntryError(f"an on-demand offer of {' or '.join(names)}")
    return found


def rent(
    label: str, names: tuple[str, ...], gpus: float, scale: float = 1.0, gpus_per_node: int | None = None
) -> Reading:
    """Rent of `gpus` GPUs an hour, times `scale`: the median of the offers, with their whole range."""
    prices = [offer.price_usd_per_hour / offer.node.gpus_per_node for offer in rents(names, gpus_per_node)]
    low, middle, high = (price * gpus * scale for price in (min(prices), median(prices), max(prices)))
    return Reading(label, middle, low, high)


def bought(name: str) -> float:
    """Purchase price of an accelerator in USD.

    Raises
    ------
    MissingEntryError
        If the catalogue has none.
    """
    price = card(name).purchase_price_usd
    if price is None:
        raise MissingEntryError(f"a purchase price of {name}")
    return price


def offer_price(provider: str, node: str, region: str) -> Offer:
    """The on-demand offer of a node in a region."""
    wanted = f"{provider}/{node}/{region}/on-demand"
    for offer in offers():
        if offer.id == wanted:
            return offer
    raise MissingEntryError(wanted)
