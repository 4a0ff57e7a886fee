"""The offers a job is solved over: the built-in ones, the user's file, or the user's own price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gpuplan.errors import InputError
from gpuplan.job import Job
from gpuplan.job.limits import known_offers
from gpuplan_hardware import Offer


def offers_for(job: Job, given: Sequence[Offer] | None = None) -> tuple[Offer, ...]:
    """Offers of `given`, else of the job's file, else built in; at the user's price where one is given.

    Raises
    ------
    InputError
        If the file cannot be read or holds a row that cannot be used.
    """
    found = tuple(known_offers(job.catalogue, given))
    price = job.catalogue.price_usd_per_gpu_hour
    return found if price is None else _priced(job, found, price)


def _priced(job: Job, found: Sequence[Offer], price_usd_per_gpu_hour: float) -> tuple[Offer, ...]:
    """Every known node shape of the user's GPU, at the user's price."""
    names = job.limits.gpus or ()
    chosen = [offer for offer in found if offer.node.accelerator.name in names]
    if not chosen:
        raise InputError("price", price_usd_per_gpu_hour, f"no node shape is known for {', '.join(names)}")
    return tuple(
        replace(
            offer,
            id=f"{offer.id}/own-price",
            price_usd_per_hour=price_usd_per_gpu_hour * offer.node.gpus_per_node,
            as_of=datetime.now(UTC).date(),
            source="price given by the user",
        )
        for offer in chosen
    )
