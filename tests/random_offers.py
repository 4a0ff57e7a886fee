"""Random offers: nodes that are fast or slow, alone or in racks, with hosts and links that are known or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

from gpuplan.job import Job
from gpuplan.performance.machine import supports
from gpuplan_hardware import Accelerator, Host, Link, Network, Node, Offer, Provider
from gpuplan_hardware.entities import LinkKind, Pricing

#: Makers of the kernel families that run less than everything, or nothing.
_VENDORS = {"cdna3": "AMD", "ada": "Intel", "volta": "Huawei"}
#: How often there are only spot nodes that are taken back nearly as soon as they run.
HECTIC = 0.13


def random_offers(rng: Random, job: Job, focus: str) -> tuple[Offer, ...]:
    """A few offers on a few shapes of nodes; at least one computes in the job's precision."""
    nodes = [_node(rng, index, focus) for index in range(rng.choice((1, 2, 2, 2, 2, 3)))]
    if len(nodes) > 1 and nodes[0].gpus_per_node > 1 and rng.random() < 0.5:
        nodes[1] = _other_link(nodes[0], "node1")
    while not any(supports(node, job.precision) for node in nodes):
        nodes.append(_node(rng, len(nodes), focus))
    volume, least = (0.08, 0.08, 0.2, None), (0.0, 60.0, 3600.0, 14400.0, None)
    providers = [_provider(rng, f"p{index}", rng.choice(volume), rng.choice(least)) for index in range(3)]
    found = [_offer(rng, index, rng.choice(nodes), rng.choice(providers)) for index in range(rng.randint(3, 8))]
    if rng.random() < HECTIC:
        taken = rng.uniform(1.0, 3.0)
        found = [replace(offer, pricing="spot", interruptions_per_node_hour=taken) for offer in found]
    return tuple(found)


def _provider(rng: Random, name: str, volume: float | None, least: float | None) -> Provider:
    """Someone who bills by the second or in steps, and whose further prices are known or not."""
    return Provider(
        name,
        False,
        volume,
        least,
        billing_increment_seconds=rng.choice((None, 1.0, 1.0, 600.0, 3600.0)),
        capacity_block_seconds=rng.choice((None, 86_400.0)),
        spot_interruptions_per_node_hour=rng.choice((None, 0.001, 0.02, 0.3)),
        object_storage_usd_per_gb_month=rng.choice((None, 0.02)),
        egress_usd_per_gb=rng.choice((None, 0.0, 0.09)),
    )


def _node(rng: Random, index: int, focus: str) -> Node:
    rack = focus == "domain" or rng.random() < 0.1
    per_node = rng.choice((2, 2, 3, 4)) if rack else rng.choice((1, 1, 2, 2, 3, 3, 3, 4, 6, 8))
    if focus != "none" and rng.random() < 0.8:
        per_node = rng.choice((2, 2, 4) if rack else (2, 4, 4, 8))
    domain = per_node * rng.choice([k for k in (2, 3, 4, 6, 8) if 4 <= per_node * k <= 16]) if rack else None
    network = (
        None
        if rng.random() < (0.6 if focus == "none" else 0.4)
        else Network("tcp", rng.choice((1e9, 12.5e9, 50e9, 50e9)), None)
    )
    host = Host(vcpus=1000, ram_bytes=10**13, nvme_bytes=10**13)
    return Node(
        name=f"node{index}",
        provider="any",
        accelerator=_accelerator(rng, index, focus),
        gpus_per_node=per_node,
        intra_node=_link(rng, per_node, rack),
        network=network,
        host=host,
        domain_gpus=domain,
    )


def _other_link(node: Node, name: str) -> Node:
    """The same node with a switch instead of none, or the other way round."""
    switched = node.intra_node.kind == "nvswitch"
    return replace(node, name=name, intra_node=Link("nvlink-mesh", 150e9) if switched else Link("nvswitch", 300e9))


def _link(rng: Random, per_node: int, rack: bool) -> Link:
    kinds: tuple[LinkKind, ...] = ("nvswitch", "nvlink-mesh") if rack else ("pcie", "pcie", "nvswitch", "nvlink-mesh")
    kind = rng.choice(kinds)
    return Link("none", 0.0) if per_node == 1 else Link(kind, 16e9 if kind == "pcie" else rng.choice((150e9, 450e9)))


def _accelerator(rng: Random, index: int, focus: str) -> Accelerator:
    peak = rng.uniform(60e12, 900e12)
    formats: dict[str, float] = {"fp16": peak}
    if rng.random() < 0.85:
        formats["bf16"] = peak
        if rng.random() < 0.5:
            formats["fp8"] = 2 * peak
    families = ("hopper", "ampere", "blackwell", "ada", "volta", "cdna3")
    family = rng.choice(families[:3] if rng.random() < (0.5 if focus == "none" else 0.85) else families)
    known = rng.random() < (0.9 if focus in ("optimizer", "parameters") else 0.6)
    return Accelerator(
        name=f"gpu{index}",
        aliases=(),
        families=(),
        vendor=_VENDORS.get(family, "NVIDIA"),
        kernel_family=family,
        usable_memory_bytes=2 * 10**11,
        memory_bandwidth_bytes_per_second=rng.uniform(0.3e12, 8e12),
        peak_flops=formats,
        tdp_watts=400,
        sources={},
        host_link_bytes_per_second=rng.choice((25e9, 50e9, 200e9)) if known else None,
    )


def _offer(rng: Random, index: int, node: Node, provider: Provider) -> Offer:
    most = rng.choice((1, 2, 4, 4, 8, 8))
    # Now and then a price list that promises several nodes without a fabric; the rules have to refuse them.
    joined = node.network is not None or node.domain_gpus is not None
    pricing: Pricing = rng.choice(("on-demand", "on-demand", "spot", "spot", "capacity-block", "owned"))
    share = {"spot": 0.4, "capacity-block": 0.8}.get(pricing, 1.0)
    return Offer(
        id=f"offer{index}",
        provider=provider,
        region=rng.choice(("asia", "eu", "us")),
        pricing=pricing,
        node=node,
        price_usd_per_hour=round(node.gpus_per_node * rng.uniform(0.5, 6.0) * share, 2),
        max_nodes=most if joined or rng.random() < 0.9 else 1,
        as_of=date(2026, 11, 1),
        source="",
        lead_time="queue",
        lead_time_seconds=rng.choice((0.0, 0.0, 1800.0, None)),
        host_open=rng.random() < 0.1,
        interruptions_per_node_hour=rng.choice((None, None, 0.05, 1.0)),
    )
