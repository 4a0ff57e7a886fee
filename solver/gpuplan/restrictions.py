"""What the user restricts the choice to, in words: an answer is proved the best of what is left, which its reader must know."""

from __future__ import annotations

from gpuplan.job import Job
from gpuplan.job.types import Quota
from gpuplan.units import format_hours, format_money, format_percent

#: Decisions of the user that are called otherwise than in `Pins`.
_PINNED = {
    "tensor_parallel": "TP",
    "pipeline_parallel": "PP",
    "data_parallel": "DP",
    "expert_parallel": "EP",
    "context_parallel": "CP",
    "virtual_pipeline": "virtual stages",
    "expert_tensor_parallel": "TP inside an expert",
    "zero_stage": "ZeRO stage",
    "micro_batch": "micro-batch",
    "lighter": "lighter end stages",
}


def restrictions(job: Job) -> list[str]:
    """A phrase for each restriction that the user set beside deadline and budget: where to look, how much, at which prices."""
    return [*_where(job), *_how_much(job), *_prices(job), *_decided(job)]


def _where(job: Job) -> list[str]:
    limits = job.limits
    lists = {
        "GPU": limits.gpus,
        "provider": limits.providers,
        "region": limits.regions,
        "residency": limits.residency,
        "without GPU": limits.exclude_gpus,
        "without provider": limits.exclude_providers,
        "without region": limits.exclude_regions,
    }
    said = [f"{name} {' or '.join(values)}" for name, values in lists.items() if values]
    if limits.nvswitch_only:
        said.append("NVSwitch nodes only")
    if limits.available_within_seconds is not None:
        said.append(f"to be had within {format_hours(limits.available_within_seconds / 3600)}")
    return said


def _how_much(job: Job) -> list[str]:
    limits = job.limits
    said = [_quota(quota) for quota in limits.quotas]
    if limits.max_gpus is not None:
        said.append(f"at most {_count(limits.max_gpus, 'GPU')}")
    if limits.max_nodes is not None:
        said.append(f"at most {_count(limits.max_nodes, 'node')}")
    if limits.node_counts is not None:
        said.append(f"a cluster of {' or '.join(map(str, limits.node_counts))} nodes")
    if limits.max_tensor is not None:
        said.append(f"TP at most {limits.max_tensor}")
    if limits.min_mfu is not None:
        said.append(f"MFU at least {format_percent(limits.min_mfu)}")
    return said


def _quota(quota: Quota) -> str:
    where = [quota.provider, None if quota.gpu is None else "/".join(quota.gpu), quota.region]
    return f"quota {' '.join([part for part in where if part] + [_count(quota.gpus, 'GPU')])}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _prices(job: Job) -> list[str]:
    catalogue, said = job.catalogue, []
    if catalogue.price_usd_per_gpu_hour is None and not any(map(_says_pricing, job.assumptions)):
        said.append(f"pricing {' or '.join(job.limits.pricing)}")
    if catalogue.offers_path is not None:
        said.append(f"the offers of {catalogue.offers_path.name}")
    elif catalogue.origin != "all":
        said.append(f"{catalogue.origin} offers")
    if catalogue.price_usd_per_gpu_hour is not None:
        said.append(f"your price of {format_money(catalogue.price_usd_per_gpu_hour)} per GPU and hour")
    if catalogue.max_price_age_days is not None:
        said.append(f"prices of at most {_days(catalogue.max_price_age_days)}")
    said.extend(
        f"your discount of {format_percent(share)} with {provider or 'every other provider'}"
        for provider, share in catalogue.discounts
    )
    return said


def _says_pricing(assumption: str) -> bool:
    """Whether an assumption says the pricing: then the user did not (`job.gpus.default_pricing`)."""
    return assumption.startswith("on-demand prices") or "priced as owned machines" in assumption


def _days(days: float) -> str:
    return format_hours(24 * days) if days % 1 else _count(int(days), "day")


def _decided(job: Job) -> list[str]:
    pins = job.pins
    values = {name: getattr(pins, name) for name in pins.__slots__}
    return [f"{_PINNED.get(name, name)} {value}" for name, value in values.items() if value is not None]
