"""Offers of somebody else: the same GPUs in nodes of the same size, with other links, networks, hosts, prices and terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from gpuplan_hardware import Network, Offer, Provider


def rival(offer: Offer, name: str, random: Random) -> Offer:
    """The same GPUs in nodes of the same size, sold by somebody else."""
    node = offer.node
    link, network = node.intra_node, node.network
    rate = None if network is None else network.bytes_per_second_per_gpu * random.choice((0.1, 1.0, 4.0))
    shape = replace(
        node,
        provider=name,
        intra_node=replace(link, bytes_per_second_per_gpu=(link.bytes_per_second_per_gpu or 0) * random.choice((1, 2))),
        network=None if rate is None or random.random() < 0.2 else Network("tcp", rate, None),
        host=replace(node.host, nvme_bytes=random.choice((0, 10**13, None)), vcpus=random.choice((1000, 40, None))),
    )
    return replace(
        offer,
        id=name,
        node=shape,
        provider=Provider(name, False, random.choice((0.08, None)), random.choice((60.0, 7200.0, None))),
        price_usd_per_hour=offer.price_usd_per_hour * random.choice((0.5, 1.0, 1.0, 1.3)),
        max_nodes=random.choice((1, offer.max_nodes, 8)),
        lead_time_seconds=random.choice((0.0, 0.0, 1800.0)),
        host_open=random.random() < 0.2,
    )


def with_rivals(offers: Sequence[Offer], random: Random, each: int = 3) -> list[Offer]:
    """The offers, and so many variants of each."""
    rivals = [rival(offer, f"{number}-{offer.id}", random) for offer in offers for number in range(each)]
    return sorted([*offers, *rivals], key=lambda offer: offer.id)
