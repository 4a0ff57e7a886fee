"""The offers a job is solved over: the built-in and imported ones, the user's file, or the user's own price; less his discounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import numpy as np

from gpuplan.errors import InputError
from gpuplan.job import Job
from gpuplan.job.market import market_of
from gpuplan.residency import stays
from gpuplan.units import format_percent
from gpuplan_hardware import Node, Offer, Provider, nodes, providers
from gpuplan_hardware.entities import Pricing

#: Nodes of a shape that nobody sells, at the user's own price, where a fabric joins them (assumed; --max-nodes limits it further).
OWN_PRICE_NODES = 8
#: End of the ids of offers at the user's own price.
OWN_PRICE = "/own-price"


def offers_for(job: Job, given: Sequence[Offer] | None = None, without: Collection[str] = ()) -> tuple[Offer, ...]:
    """Offers of `given`, else of the job's file, else built in and imported; at the user's price where one is given.

    Of built-in and imported offers that differ in nothing but region and price the cheapest stands for all (see
    `OfferTable.representatives`); regions that the job tells apart have their own. The ids of `without` are left out before that,
    so that those they would stand for are there.

    Raises
    ------
    InputError
        If the file cannot be read or holds a row that cannot be used.
    """
    market = market_of(job.catalogue, given)
    age = job.catalogue.max_price_age_days
    found, table = market.offers, market.table
    if without:
        found = tuple(offer for offer in found if offer.id not in without)
        table = None if table is None else table.take(~np.isin(np.arange(len(table)), table.places_of(without)))
    if age is not None:
        oldest = datetime.now(UTC).date() - timedelta(days=age)
        found = tuple(offer for offer in found if offer.as_of >= oldest)
        table = None if table is None else table.take(table.rows["day"] >= oldest.toordinal())
    if table is not None:
        kept = () if job.pins.offer is None else (job.pins.offer,)
        found = tuple(table.representatives(keep_ids=kept, alike=_told_apart(job)))
    price = job.catalogue.price_usd_per_gpu_hour
    if price is not None:
        return _priced(job, found, price)
    return tuple(_discounted(job, offer) for offer in found) if job.catalogue.discounts else found


def listed(job: Job, given: Sequence[Offer] | None = None) -> int:
    """How many offers there are before any stands for others."""
    return len(market_of(job.catalogue, given))


def _told_apart(job: Job) -> Callable[[str, str], int]:
    """Number the regions of providers by what the job's limits make of them: only those with one number may replace each other."""
    limits, numbers = job.limits, dict[tuple[object, ...], int]()

    def alike(provider: str, region: str) -> int:
        key = (
            limits.regions is None or region in limits.regions,
            region in limits.exclude_regions,
            stays(limits, provider, region),
            *(quota.region == region for quota in limits.quotas if quota.region is not None),
        )
        return numbers.setdefault(key, len(numbers))

    return alike


def _discounted(job: Job, offer: Offer) -> Offer:
    """An offer at the price that the user pays."""
    shares = dict(job.catalogue.discounts)
    share = shares.get(offer.provider.name, shares.get("", 0.0))
    if not share or offer.pricing == "owned":
        return offer
    source = f"{offer.source}; less your discount of {format_percent(share)}"
    return replace(offer, price_usd_per_hour=offer.price_usd_per_hour * (1 - share), source=source)


def _priced(job: Job, found: Sequence[Offer], price_usd_per_gpu_hour: float) -> tuple[Offer, ...]:
    """Every known node shape of the user's GPU, sold or not, at the user's price and at once."""
    names = job.limits.gpus or ()
    chosen: dict[tuple[str, str, str], Offer] = {}
    for offer in found:
        if offer.node.accelerator.name in names:
            chosen.setdefault((offer.provider.name, offer.node.name, offer.region), offer)
    sold = {(provider, node) for provider, node, _ in chosen}
    unsold = [node for key, node in nodes().items() if node.accelerator.name in names and key not in sold]
    all_shapes = [*chosen.values(), *(_unsold(node) for node in unsold)]
    if not all_shapes:
        raise InputError("price", price_usd_per_gpu_hour, f"no node shape is known for {', '.join(names)}")
    return tuple(
        replace(
            offer,
            id=f"{offer.provider.name}/{offer.node.name}/{offer.region}{OWN_PRICE}",
            provider=replace(offer.provider, marketplace=False),
            pricing=cast(Pricing, job.limits.pricing[0]),
            price_usd_per_hour=price_usd_per_gpu_hour * offer.node.gpus_per_node,
            as_of=datetime.now(UTC).date(),
            source="price given by the user",
            lead_time="instant",
            lead_time_seconds=0.0,
            host_open=True,
        )
        for offer in all_shapes
    )


def _unsold(node: Node) -> Offer:
    """A node shape that no offer has, to be given the user's price."""
    provider = providers().get(node.provider) or Provider(node.provider, False, None)
    most = 1 if node.network is None else OWN_PRICE_NODES
    return Offer("", provider, "any", "on-demand", node, 1.0, most, datetime.now(UTC).date(), "")
