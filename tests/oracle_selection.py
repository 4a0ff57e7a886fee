"""Which offers the search oracle looks at: the user's words about GPUs, providers, regions, prices and time."""

from __future__ import annotations

from gpuplan.job import Job, Limits
from gpuplan_hardware import Node, Offer

#: The user's words that leave offers out of the question.
SELECTION = (
    "gpus",
    "exclude_gpus",
    "providers",
    "exclude_providers",
    "regions",
    "exclude_regions",
    "nvswitch_only",
    "pricing",
    "marketplace",
    "available_within",
    "offer",
)


def left_out_by(job: Job, offer: Offer) -> frozenset[str]:
    """The words of `SELECTION` that leave an offer out."""
    limits, gpu = job.limits, offer.node.accelerator.name
    provider, region = offer.provider.name, offer.region
    inside = {
        "gpus": limits.gpus is None or gpu in limits.gpus,
        "exclude_gpus": gpu not in limits.exclude_gpus,
        "providers": limits.providers is None or provider in limits.providers,
        "exclude_providers": provider not in limits.exclude_providers,
        "regions": limits.regions is None or region in limits.regions,
        "exclude_regions": region not in limits.exclude_regions,
        "nvswitch_only": not limits.nvswitch_only or offer.node.intra_node.kind == "nvswitch",
        "pricing": offer.pricing in limits.pricing,
        "marketplace": limits.marketplace or not offer.provider.marketplace,
        "available_within": _in_time(job, offer),
        "offer": job.pins.offer is None or job.pins.offer == offer.id,
    }
    return frozenset(word for word, holds in inside.items() if not holds)


def quotas(limits: Limits, offer: Offer) -> list[int]:
    """The quotas that an offer falls under."""
    gpu, provider = offer.node.accelerator.name, offer.provider.name
    return [
        quota.gpus
        for quota in limits.quotas
        if (quota.provider is None or quota.provider == provider)
        and (quota.region is None or quota.region == offer.region)
        and (quota.gpu is None or gpu in quota.gpu)
    ]


def computes(node: Node, precision: str) -> bool:
    """Whether jobs are planned on the GPU and it multiplies in that precision; with fp8 the rest is done in bf16."""
    peak = node.accelerator.peak_flops
    return node.accelerator.refused is None and precision in peak and (precision != "fp8" or "bf16" in peak)


def _in_time(job: Job, offer: Offer) -> bool:
    """Whether the wait is short enough: what nobody states passes only where neither a limit nor a clock from the order asks."""
    limits, within = job.limits, job.limits.available_within_seconds
    if offer.lead_time_seconds is None:
        return within is None and (limits.deadline_from == "start" or not limits.timed)
    return within is None or offer.lead_time_seconds + job.startup_seconds <= within
