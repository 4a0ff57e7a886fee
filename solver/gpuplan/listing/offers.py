"""The offers of the catalogue, built in and imported, or of the user's own price list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, get_args

from pydantic import Field

from gpuplan.errors import InputError, choose, close_matches, input_error, shown
from gpuplan.listing.base import Listing, some_of
from gpuplan.listing.known_offers import Origin, age_days, known_offers, origins
from gpuplan.providers import choose_provider
from gpuplan.result import Answer
from gpuplan_hardware import CatalogueError, Offer, resolve_gpus
from gpuplan_hardware.entities import Pricing

PRICINGS: tuple[str, ...] = get_args(Pricing)
USUAL_PRICING = "on-demand"
#: Most ids that a mistyped one is compared with.
MOST_COMPARED = 5_000


class OfferEntry(Answer):
    """One offer, in short; a lead time that nobody states is null."""

    id: str
    provider: str
    marketplace: bool
    region: str
    pricing: str
    node: str
    gpu: str
    gpus_per_node: int
    price_usd_per_hour: float
    price_usd_per_gpu_hour: float
    max_nodes: int
    lead_time: str
    lead_time_seconds: float | None
    as_of: str
    age_days: int
    origin: Origin


class OfferList(Listing):
    """Offers in the order asked for, and how many more there are behind `--marketplace`, `--pricing`, `--all`.

    `more` counts those that pass all filters and were left out as there are so many (never in JSON or CSV), `dropped` imported
    ones whose node or GPU this version no longer knows.
    `gpus_without_price` are those that were asked for and that no offer has, whatever the other filters.
    """

    offers: list[OfferEntry]
    left_out_marketplaces: int
    left_out_pricings: dict[str, int]
    gpus_without_price: list[str] = Field(default_factory=list)
    more: int = 0
    dropped: int = 0

    def rows(self) -> list[OfferEntry]:
        return self.offers

    def row_type(self) -> type[OfferEntry]:
        return OfferEntry


class OfferDetails(OfferEntry):
    """Everything known of an offer; what is billed at least and in which steps is null where nobody states it.

    `also_in` are further regions of the provider with the same node, terms and price.
    """

    host_open: bool
    refused: str | None
    volume_usd_per_gb_month: float | None
    minimum_billing_seconds: float | None
    billing_increment_seconds: float | None
    provider_notes: str
    source: str
    also_in: list[str]


def list_offers(
    *,
    gpus: Sequence[str] = (),
    providers: Sequence[str] = (),
    regions: Sequence[str] = (),
    pricing: Sequence[str] = (),
    max_price_usd_per_gpu_hour: float | None = None,
    available_within_seconds: float | None = None,
    max_age_days: float | None = None,
    origin: str | None = None,
    marketplace: bool = False,
    everything: bool = False,
    path: str | None = None,
    sort: str = "gpu-price",
    most: Callable[[int], int] | None = None,
) -> OfferList:
    """List offers; as `solve`, on demand and without marketplaces unless told otherwise.

    Parameters
    ----------
    gpus, providers, regions, pricing
        Names, families of GPUs among them; empty takes all (pricing: on demand).
    max_price_usd_per_gpu_hour
        Most that a GPU may cost per hour.
    available_within_seconds
        Time from the order to running nodes; a lead time that nobody states is too long.
    max_age_days
        Most days since the day of the price.
    origin
        "built-in" or "imported"; None takes both.
    marketplace, everything
        Also marketplaces; every pricing and marketplaces.
    path
        CSV file of offers, in place of the catalogue (all its pricings then count).
    sort
        One of `SORTS`: what comes first is the cheapest, or the first name, or the newest.
    most
        Gets the number of offers and says how many of them are listed.

    Raises
    ------
    InputError
        An unknown name, or a file that cannot be read.
    """
    order = SORTS[choose("sort", sort, SORTS)]
    there = known_offers(path)
    known = list(there)
    origin_of = origins(path, origin)
    wanted = None if origin is None else choose("origin", origin, ("built-in", "imported"))
    keep: list[Callable[[Offer], bool]] = [
        *_names_kept(known, gpus, providers, regions),
        lambda offer: max_price_usd_per_gpu_hour is None or _per_gpu(offer) <= max_price_usd_per_gpu_hour,
        partial(_in_time, within_seconds=available_within_seconds),
        lambda offer: max_age_days is None or age_days(offer) <= max_age_days,
        lambda offer: wanted is None or origin_of(offer) == wanted,
    ]
    fitting = [offer for offer in known if all(test(offer) for test in keep)]
    usual = PRICINGS if everything or (path is not None and not pricing) else pricing or (USUAL_PRICING,)
    pricings = some_of("pricing", usual, PRICINGS)
    markets = marketplace or everything or path is not None
    priced = [offer for offer in fitting if offer.pricing in pricings]
    shown_offers = [offer for offer in priced if markets or not offer.provider.marketplace]
    sold = {offer.node.accelerator.name for offer in known}
    others = [offer.pricing for offer in fitting if offer.pricing not in pricings]
    listed = sorted(shown_offers, key=order)[: None if most is None else most(len(shown_offers))]
    return OfferList(
        offers=[offer_entry(offer, origin_of(offer)) for offer in listed],
        left_out_marketplaces=len(priced) - len(shown_offers),
        left_out_pricings={name: others.count(name) for name in PRICINGS if name in others},
        gpus_without_price=sorted(gpu_names("gpu", gpus) - sold),
        more=len(shown_offers) - len(listed),
        dropped=getattr(there, "dropped", 0),  # of a table of imports; its type would load numpy for everybody
    )


def offer_details(text: str) -> OfferDetails:
    """Everything about an offer, by its id (provider/node/region/pricing).

    Raises
    ------
    InputError
        There is no such offer, with close matches.
    """
    by_id = {offer.id.lower(): offer for offer in known_offers()}
    found = by_id.get(text.strip().lower())
    if found is None:
        message = f"{shown(text)!r} is none of the {len(by_id):,} offers (provider/node/region/pricing)"
        raise InputError("offer", text, message, close_matches(text, _alike(text, by_id)))
    seller = found.provider
    return OfferDetails(
        **offer_entry(found, origins(None, None)(found)).model_dump(),
        host_open=found.host_open,
        refused=found.node.accelerator.refused,
        volume_usd_per_gb_month=seller.volume_usd_per_gb_month,
        minimum_billing_seconds=seller.minimum_billing_seconds,
        billing_increment_seconds=seller.billing_increment_seconds,
        provider_notes=seller.notes,
        source=found.source,
        also_in=sorted(one.region for one in by_id.values() if one.id != found.id and _sold_as(one) == _sold_as(found)),
    )


def offer_entry(offer: Offer, origin: Origin = "built-in") -> OfferEntry:
    """One offer as a row."""
    return OfferEntry(
        id=offer.id,
        provider=offer.provider.name,
        marketplace=offer.provider.marketplace,
        region=offer.region,
        pricing=offer.pricing,
        node=offer.node.name,
        gpu=offer.node.accelerator.name,
        gpus_per_node=offer.node.gpus_per_node,
        price_usd_per_hour=offer.price_usd_per_hour,
        price_usd_per_gpu_hour=_per_gpu(offer),
        max_nodes=offer.max_nodes,
        lead_time=offer.lead_time,
        lead_time_seconds=offer.lead_time_seconds,
        as_of=offer.as_of.isoformat(),
        age_days=age_days(offer),
        origin=origin,
    )


def offer_entries(found: Iterable[Offer]) -> list[OfferEntry]:
    """Offers as rows, the lowest price per GPU first."""
    return [offer_entry(offer) for offer in sorted(found, key=SORTS["gpu-price"])]


def gpu_names(field: str, words: Iterable[str]) -> frozenset[str]:
    """Accelerators that words stand for, families among them; raises `InputError` for a word that is none."""
    try:
        parts = [part for word in words for part in word.split(",") if part.strip()]
        return frozenset(name for part in parts for name in resolve_gpus(part))
    except CatalogueError as error:
        raise input_error(error, field) from None


def cheapest(found: Iterable[Offer]) -> Offer | None:
    """Return the offer with the lowest price per GPU on demand, marketplaces left out; None where there is none."""
    usual = [offer for offer in found if offer.pricing == USUAL_PRICING and not offer.provider.marketplace]
    return min(usual, key=lambda offer: (_per_gpu(offer), offer.id), default=None)


def _alike(text: str, by_id: Mapping[str, Offer]) -> list[str]:
    """Ids that a mistyped one is compared with: where there are many, those of its provider."""
    seller = text.strip().lower().partition("/")[0] + "/"
    named = [offer.id for lower, offer in by_id.items() if lower.startswith(seller)]
    return (named or [offer.id for offer in by_id.values()])[:MOST_COMPARED]


def _sold_as(offer: Offer) -> tuple[object, ...]:
    """What offers have in common that differ in their region alone."""
    lead = (offer.lead_time, offer.lead_time_seconds)
    return offer.provider.name, offer.node.name, offer.pricing, offer.price_usd_per_hour, offer.max_nodes, lead


def _names_kept(
    known: Sequence[Offer], gpus: Sequence[str], providers: Sequence[str], regions: Sequence[str]
) -> list[Callable[[Offer], bool]]:
    """Tests of an offer's GPU, provider and region."""
    models = gpu_names("gpu", gpus)
    sellers = some_of("provider", providers, (offer.provider.name for offer in known), choose_provider)
    places = some_of("region", regions, (offer.region for offer in known))
    return [
        lambda offer: not models or offer.node.accelerator.name in models,
        lambda offer: offer.provider.name in sellers,
        lambda offer: offer.region in places,
    ]


def _in_time(offer: Offer, within_seconds: float | None) -> bool:
    """Whether nodes run in time, provisioning included, as `solve` counts it."""
    if within_seconds is None:
        return True
    from gpuplan.job.types import STARTUP_SECONDS

    return offer.lead_time_seconds is not None and offer.lead_time_seconds + STARTUP_SECONDS <= within_seconds


def _per_gpu(offer: Offer) -> float:
    return offer.price_usd_per_hour / offer.node.gpus_per_node


#: Orders of a list; equal ones follow each other by price per GPU and id.
SORTS: Mapping[str, Callable[[Offer], Any]] = {
    "gpu-price": lambda offer: (_per_gpu(offer), offer.id),
    "price": lambda offer: (offer.price_usd_per_hour, offer.id),
    "gpu": lambda offer: (offer.node.accelerator.name, _per_gpu(offer), offer.id),
    "region": lambda offer: (offer.region, _per_gpu(offer), offer.id),
    "age": lambda offer: (-offer.as_of.toordinal(), _per_gpu(offer), offer.id),
    "provider": lambda offer: (offer.provider.name, _per_gpu(offer), offer.id),
}
