"""The market that every tool chooses from: clusters of gpuplan's own built-in on-demand offers, at today's prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers.questions import Facts
from gpuplan_hardware import Offer, offers

#: Nodes of a cluster: powers of two, and three times those.
NODE_COUNTS = tuple(sorted({1 << shift for shift in range(12)} | {3 << shift for shift in range(11)}))


@dataclass(frozen=True)
class Cluster:
    """So many GPUs of one kind; all figures but `memory_bytes` and `tflops`, which are of one GPU, are of the whole cluster.

    `tflops` is the dense bf16 peak of the datasheet.
    """

    gpu: str
    gpus: int
    price_usd_per_hour: float
    vcpus: int
    ram_gb: float
    memory_bytes: int
    tflops: float
    provider: str
    region: str


def market() -> list[Cluster]:
    """Clusters of the offers that `gpuplan solve` looks at by default; of those with the same GPUs the ones that no other beats."""
    found: dict[tuple[str, int], list[Cluster]] = {}
    for cluster in sorted(_clusters(), key=lambda c: (c.gpu, c.gpus, c.price_usd_per_hour, -c.ram_gb, -c.vcpus)):
        kept = found.setdefault((cluster.gpu, cluster.gpus), [])
        if not any(other.ram_gb >= cluster.ram_gb and other.vcpus >= cluster.vcpus for other in kept):
            kept.append(cluster)
    return [cluster for kept in found.values() for cluster in kept]


def _clusters() -> Iterator[Cluster]:
    for offer in offers():
        if _shown(offer):
            yield from (_cluster(offer, nodes) for nodes in NODE_COUNTS if nodes <= _most_nodes(offer))


def _shown(offer: Offer) -> bool:
    """On demand, no marketplace, host and lead time known, bf16 in hardware, and jobs are planned on it."""
    host, gpu = offer.node.host, offer.node.accelerator
    known = None not in (host.vcpus, host.ram_bytes, offer.lead_time_seconds)
    return (
        offer.pricing == "on-demand"
        and not offer.provider.marketplace
        and known
        and gpu.refused is None
        and "bf16" in gpu.peak_flops
    )


def _most_nodes(offer: Offer) -> int:
    return offer.max_nodes if offer.node.network else 1


def _cluster(offer: Offer, nodes: int) -> Cluster:
    node = offer.node
    return Cluster(
        gpu=node.accelerator.name,
        gpus=nodes * node.gpus_per_node,
        price_usd_per_hour=nodes * offer.price_usd_per_hour,
        vcpus=nodes * (node.host.vcpus or 0),
        ram_gb=nodes * (node.host.ram_bytes or 0) / 2**30,
        memory_bytes=node.accelerator.usable_memory_bytes,
        tflops=node.accelerator.peak_flops["bf16"] / 1e12,
        provider=offer.provider.name,
        region=offer.region,
    )


def within(clusters: Sequence[Cluster], asked: Facts) -> list[Cluster]:
    """The clusters that the question's wishes leave."""
    return [
        cluster
        for cluster in clusters
        if (asked.gpus is None or cluster.gpu in asked.gpus)
        and (asked.max_gpus is None or cluster.gpus <= asked.max_gpus)
    ]
