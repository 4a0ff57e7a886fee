"""The offers a job is solved over: the built-in ones, the user's file, or the user's own price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from gpuplan.errors import InputError
from gpuplan.job import Job
from gpuplan.job.limits import known_offers
from gpuplan_hardware import Node, Offer, Provider, nodes, providers
from gpuplan_hardware.entities import Pricing

#: Nodes of a shape that nobody sells, at the user's own price, where a fabric joins them (assumed; --max-nodes limits it further).
OWN_PRICE_NODES = 8
#: End of the ids of offers at the user's own price.
OWN_PRICE = "/own-price"


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
