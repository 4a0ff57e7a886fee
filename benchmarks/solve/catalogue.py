"""A seeded catalogue of as many offers as are asked for, made of the built-in node shapes and prices.

The built-in list has some 200 that are let on demand. The rest are the same shapes sold in further regions at other prices, and
variants of them with another network or host, as sellers of the same GPUs do differ. It is made for measuring and says nothing about
any market; nothing of it is shipped.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpuplan_hardware import Host, Network, Node, Offer, offers

SEED = 5
REGIONS = 400
"""Further regions, each with a price level of its own."""
REGION_SPREAD, OFFER_SPREAD = 0.20, 0.12
"""Standard deviations of the logarithm of a price: between regions, and between the shapes of one."""
VARIED_SHARE = 0.6
"""Share of the generated offers whose node differs from the built-in shape in its network or host."""

FAST_RATES_GBIT = (100, 200, 400, 800, 1600, 3200)
"""Networks of nodes with eight or more GPUs, Gbit/s of the whole node: from plain Ethernet to a 400G NIC per GPU."""
FASTEST_RATES_GBIT = (800, 1600, 3200, 6400)
"""Those of the generations whose built-in shapes have 400 Gbit/s per GPU and more."""
SLOW_RATES_GBIT = (10, 25, 50, 100, 200, 400)
"""Networks of smaller nodes and of nodes without a fabric for training."""
FASTEST_GPUS = ("B200", "B300", "GB200", "GB300", "MI355X")
VCPUS_PER_GPU = (8, 12, 16, 24, 28, 32)
RAM_GIB_PER_GPU = (64, 96, 128, 160, 192, 234, 256, 384)
NVME_BYTES_PER_GPU = (0, 480_000_000_000, 960_000_000_000, 1_920_000_000_000, 3_840_000_000_000)
MOST_NODES = {1: (1, 4, 8, 16), 2: (1, 4, 8, 16), 4: (2, 4, 8, 16, 32)}
MOST_NODES_OF_EIGHT = (4, 8, 16, 32, 64, 128)
"""Nodes that one job may have, by the GPUs of a node, where its network is known."""


def generated(count: int, seed: int = SEED) -> tuple[Offer, ...]:
    """Return `count` offers; the first of them are the built-in ones in a seeded order, the same for every count.

    A longer catalogue begins with the shorter one, so that more offers can only make the best plan better. Marketplaces, owned
    machines and accelerators that no job is planned on are left out: every offer can be chosen.
    """
    rng = random.Random(seed)
    base = [o for o in offers() if o.pricing == "on-demand" and not o.provider.marketplace]
    base = [o for o in base if o.node.accelerator.refused is None]
    rng.shuffle(base)
    levels = [rng.lognormvariate(0.0, REGION_SPREAD) for _ in range(REGIONS)]
    found, taken = base[:count], {o.id for o in base}
    while len(found) < count:
        offer = _variant(rng.choice(base), rng, levels)
        if offer.id not in taken:
            taken.add(offer.id)
            found.append(offer)
    return tuple(found)


def _variant(offer: Offer, rng: random.Random, levels: Sequence[float]) -> Offer:
    """`offer` in another region, at another price; often with another network or host."""
    region = rng.randrange(len(levels))
    node = _varied(offer.node, rng) if rng.random() < VARIED_SHARE else offer.node
    price = offer.price_usd_per_hour * levels[region] * rng.lognormvariate(0.0, OFFER_SPREAD)
    name = f"region-{region:03d}"
    return replace(
        offer,
        id=f"{offer.provider.name}/{node.name}/{name}/{offer.pricing}",
        region=name,
        node=node,
        price_usd_per_hour=round(price, 4),
        max_nodes=1 if node.network is None else rng.choice(MOST_NODES.get(node.gpus_per_node, MOST_NODES_OF_EIGHT)),
        source=f"generated for benchmarks from {offer.id}",
    )


def _varied(node: Node, rng: random.Random) -> Node:
    """`node` with another network, another host, or both."""
    what = rng.choice(("network", "host", "both"))
    if what != "host":
        node = replace(node, network=_network(node, rng), sources={})
    if what != "network":
        node = replace(node, host=_host(node, rng), sources={})
    return node


def _network(node: Node, rng: random.Random) -> Network:
    """A rate that nodes of this size are sold with; the kind stays what it was."""
    rates: tuple[int, ...] = FASTEST_RATES_GBIT if node.accelerator.name in FASTEST_GPUS else FAST_RATES_GBIT
    if node.gpus_per_node < 8 or node.intra_node.kind == "pcie":
        rates = SLOW_RATES_GBIT
    kind, rdma = ("unspecified", None) if node.network is None else (node.network.kind, node.network.rdma)
    return Network(kind, rng.choice(rates) * 1e9 / 8 / node.gpus_per_node, rdma)


def _host(node: Node, rng: random.Random) -> Host:
    """A host of another size; local disks as before, or others."""
    gpus = node.gpus_per_node
    nvme = rng.choice(NVME_BYTES_PER_GPU) * gpus if rng.random() < 0.5 or node.host.nvme_bytes is None else None
    return Host(
        vcpus=rng.choice(VCPUS_PER_GPU) * gpus,
        ram_bytes=rng.choice(RAM_GIB_PER_GPU) * gpus * 2**30,
        nvme_bytes=node.host.nvme_bytes if nvme is None else nvme,
    )


def write_price_list(chosen: Sequence[Offer], path: Path) -> None:
    """Write `chosen` as a price list that ``gpuplan --offers`` reads back to the same offers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(_row(chosen[0])))
        writer.writeheader()
        writer.writerows(_row(offer) for offer in chosen)


def _row(offer: Offer) -> dict[str, object]:
    node, host, network = offer.node, offer.node.host, offer.node.network
    return {
        "provider": offer.provider.name,
        "region": offer.region,
        "pricing": offer.pricing,
        "node": node.name,
        "gpu": node.accelerator.name,
        "gpus_per_node": node.gpus_per_node,
        "max_nodes": offer.max_nodes,
        "price_usd_per_hour": offer.price_usd_per_hour,
        "as_of": offer.as_of,
        "lead_time": offer.lead_time,
        "lead_time_hours": None if offer.lead_time_seconds is None else offer.lead_time_seconds / 3600,
        "network_gb_per_s_per_gpu": network and network.bytes_per_second_per_gpu / 1e9,
        "vcpus": host.vcpus,
        "ram_gib": host.ram_bytes and host.ram_bytes / 2**30,
        "nvme_gb": None if host.nvme_bytes is None else host.nvme_bytes / 1e9,
        "source": offer.source,
    }
