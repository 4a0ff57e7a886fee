"""Which offers a question is about, and which of them another one makes superfluous."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from gpuplan.job import Job
from gpuplan.performance.bill import (
    billing_increment_seconds,
    egress_usd_per_gb,
    minimum_billing_seconds,
    storage_usd_per_gb_month,
)
from gpuplan.performance.machine import OVERLAPPING_LINKS, supports
from gpuplan.performance.spot import interruptions_per_node_hour
from gpuplan.residency import stays
from gpuplan.rules.quota import quota_gpus
from gpuplan_hardware import Node, Offer

Array = np.ndarray


def selected(job: Job, offer: Offer) -> bool:
    """Whether `offer` is among those the user asked about."""
    return not outside(job, offer)


def selection_key(job: Job) -> Hashable:
    """All of a job that `selected` and `undominated` depend on."""
    limits = replace(
        job.limits,
        deadline_seconds=None,
        expected_seconds=None,
        budget_usd=None,
        max_gpus=None,
        max_nodes=None,
        node_counts=None,
        max_tensor=None,
        min_mfu=None,
        exclude_layouts=(),
    )
    rest = (job.precision, job.startup_seconds, job.weights_bytes_per_second)
    paid = (job.egress, job.checkpoint_days, job.spot_interruptions_per_node_hour)
    return limits, job.pins.offer, rest, paid


def outside(job: Job, offer: Offer) -> list[str]:
    """What of the user's selection leaves `offer` out: names of fields, nothing where it is in."""
    limits, gpu = job.limits, offer.node.accelerator
    inside = {
        "gpu": gpu.refused is None
        and (limits.gpus is None or gpu.name in limits.gpus)
        and gpu.name not in limits.exclude_gpus,
        "provider": (limits.providers is None or offer.provider.name in limits.providers)
        and offer.provider.name not in limits.exclude_providers,
        "region": (limits.regions is None or offer.region in limits.regions)
        and offer.region not in limits.exclude_regions,
        "residency": offer.pricing == "owned" or stays(limits, offer.provider.name, offer.region),
        "nvswitch": not limits.nvswitch_only or offer.node.intra_node.kind == "nvswitch",
        "pricing": offer.pricing in limits.pricing,
        "marketplace": limits.marketplace or not offer.provider.marketplace,
        "lead_time": _available(job, offer),
        "precision": gpu.refused is not None or supports(offer.node, job.precision),
        "offer": job.pins.offer is None or offer.id == job.pins.offer,
    }
    return [name for name, holds in inside.items() if not holds]


def _available(job: Job, offer: Offer) -> bool:
    """Whether the nodes can be had as soon as asked; a lead time that nobody states is too long for any limit from the order."""
    limits, lead = job.limits, offer.lead_time_seconds
    if lead is None:
        return limits.available_within_seconds is None and not limits.needs_lead_time
    return limits.available_within_seconds is None or lead + job.startup_seconds <= limits.available_within_seconds


def undominated(job: Job, offers: Sequence[Offer]) -> list[Offer]:
    """Leave out offers that another one beats.

    Argument: take an offer with the same GPUs in nodes of the same size, billed in the same steps, with links, network, host, storage
    and egress prices, lead time, interruptions and least bill that are no worse, at least as many nodes (within the user's quotas)
    and a price that is not higher. Step time, clock and bill never fall when a
    link, a network or a download gets slower, so it can take the other's place in any plan without breaking a rule or raising cost,
    GPUs or time. What is unknown of a host is worse than any figure, or better than any where the job waves it through; an
    unknown network is one that no job may use. Where all else is equal only an offer whose id comes first replaces
    another, as it does among equally good plans.
    """
    groups: dict[tuple[object, ...], list[Offer]] = {}
    for offer in sorted(offers, key=lambda o: (o.price_usd_per_hour, o.id)):
        node = offer.node
        key = (node.accelerator.name, node.gpus_per_node, node.scale_up_gpus, billing_increment_seconds(offer))
        groups.setdefault(key, []).append(offer)
    kept = [offer for group in groups.values() for offer in _undominated(job, group)]
    return sorted(kept, key=lambda o: o.id)


def _undominated(job: Job, offers: Sequence[Offer]) -> list[Offer]:
    """The same for offers of one kind of GPU and size of node, in the order of price and id: only earlier ones replace later ones."""
    figures = np.array([_figures(job, offer) for offer in offers])
    kept: list[int] = []
    for index, mine in enumerate(figures):
        if not kept or not (figures[kept] >= mine).all(axis=1).any():
            kept.append(index)
    return [offers[index] for index in kept]


def _figures(job: Job, offer: Offer) -> list[float]:
    """What matters of an offer beside its price, each figure the better the larger."""
    node, host = offer.node, offer.node.host
    allow_unknown_host, download = job.limits.allow_unknown_host, job.weights_bytes_per_second
    unknown = math.inf if allow_unknown_host else -math.inf
    quota = quota_gpus(job.limits, offer)
    # An unknown price of storage counts as nothing where it is allowed at all (see `host_needs`); an unknown disk always as none.
    rate = offer.provider.volume_usd_per_gb_month
    storage = (0.0 if allow_unknown_host else math.inf) if rate is None else rate
    network = -1.0 if node.network is None else node.network.bytes_per_second_per_gpu
    # Weights arrive at the job's rate, or at the network's where that is known and slower.
    if node.network is not None:
        download = min(download, node.network.bytes_per_second_per_gpu * node.gpus_per_node)
    return [
        node.intra_node.bytes_per_second_per_gpu or math.inf,
        node.intra_node.kind in OVERLAPPING_LINKS,
        network,
        download,
        unknown if host.vcpus is None else host.vcpus,
        unknown if host.ram_bytes is None else host.ram_bytes,
        host.nvme_bytes or 0,
        -storage,
        offer.host_open,
        -(offer.lead_time_seconds or 0.0),
        -minimum_billing_seconds(offer),
        -interruptions_per_node_hour(offer, job.spot_interruptions_per_node_hour),
        *_after(job, offer),
        offer.max_nodes if quota is None else min(offer.max_nodes, quota // node.gpus_per_node),
    ]


def _after(job: Job, offer: Offer) -> tuple[float, float]:
    """What matters of the prices that are paid after the job: nothing of an owned node's."""
    if offer.pricing == "owned":
        return 0.0, 0.0
    egress = 0.0 if job.egress == 0 else egress_usd_per_gb(offer)
    return -egress, -storage_usd_per_gb_month(offer) if job.checkpoint_days else 0.0


def machine_key(node: Node) -> tuple[object, ...]:
    """What of a node the time and memory of a job depend on."""
    network = node.network.bytes_per_second_per_gpu if node.network else None
    link = (node.intra_node.bytes_per_second_per_gpu, node.intra_node.kind in OVERLAPPING_LINKS)
    return (node.accelerator.name, node.gpus_per_node, node.scale_up_gpus, *link, network)
