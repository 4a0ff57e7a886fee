"""The offers of the catalogue, or of the user's own price list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import get_args

from pydantic import Field

from gpuplan.errors import InputError, close_matches, input_error, shown
from gpuplan.listing.base import Listing, some_of
from gpuplan.providers import choose_provider
from gpuplan.result import Answer
from gpuplan_hardware import CatalogueError, Offer, offers, read_offers, resolve_gpus
from gpuplan_hardware.entities import Pricing

PRICINGS: tuple[str, ...] = get_args(Pricing)
USUAL_PRICING = "on-demand"


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


class OfferList(Listing):
    """Offers, the lowest price per GPU first, and how many more there are behind `--marketplace`, `--pricing`, `--all`.

    `gpus_without_price` are those that were asked for and that no offer has, whatever the other filters.
    """

    offers: list[OfferEntry]
    left_out_marketplaces: int
    left_out_pricings: dict[str, int]
    gpus_without_price: list[str] = Field(default_factory=list)

    def rows(self) -> list[OfferEntry]:
        return self.offers

    def row_type(self) -> type[OfferEntry]:
        return OfferEntry


class OfferDetails(OfferEntry):
    """Everything known of an offer; what is billed at least and in which steps is null where nobody states it."""

    host_open: bool
    refused: str | None
    volume_usd_per_gb_month: float | None
    minimum_billing_seconds: float | None
    billing_increment_seconds: float | None
    provider_notes: str
    source: str


def list_offers(
    *,
    gpus: Sequence[str] = (),
    providers: Sequence[str] = (),
    regions: Sequence[str] = (),
    pricing: Sequence[str] = (),
    max_price_usd_per_gpu_hour: float | None = None,
    available_within_seconds: float | None = None,
    marketplace: bool = False,
    everything: bool = False,
    path: str | None = None,
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
    marketplace, everything
        Also marketplaces; every pricing and marketplaces.
    path
        CSV file of offers, in place of the built-in ones (all its pricings then count).

    Raises
    ------
    InputError
        An unknown name, or a file that cannot be read.
    """
    known = known_offers(path)
    keep: list[Callable[[Offer], bool]] = [
        *_names_kept(known, gpus, providers, regions),
        lambda offer: max_price_usd_per_gpu_hour is None or _per_gpu(offer) <= max_price_usd_per_gpu_hour,
        partial(_in_time, within_seconds=available_within_seconds),
    ]
    fitting = [offer for offer in known if all(test(offer) for test in keep)]
    usual = PRICINGS if everything or (path is not None and not pricing) else pricing or (USUAL_PRICING,)
    pricings = some_of("pricing", usual, PRICINGS)
    markets = marketplace or everything or path is not None
    priced = [offer for offer in fitting if offer.pricing in pricings]
    shown_offers = [offer for offer in priced if markets or not offer.provider.marketplace]
    sold = {offer.node.accelerator.name for offer in known}
    others = [offer.pricing for offer in fitting if offer.pricing not in pricings]
    return OfferList(
        offers=offer_entries(shown_offers),
        left_out_marketplaces=len(priced) - len(shown_offers),
        left_out_pricings={name: others.count(name) for name in PRICINGS if name in others},
        gpus_without_price=sorted(gpu_names("gpu", gpus) - sold),
    )


def offer_details(text: str) -> OfferDetails:
    """Everything about an offer, by its id (provider/node/region/pricing).

    Raises
    ------
    InputError
        There is no such offer, with close matches.
    """
    by_id = {offer.id.lower(): offer for offer in offers()}
    found = by_id.get(text.strip().lower())
    if found is None:
        message = f"{shown(text)!r} is none of the {len(by_id):,} offers (provider/node/region/pricing)"
        raise InputError("offer", text, message, close_matches(text, (offer.id for offer in by_id.values())))
    seller = found.provider
    return OfferDetails(
        **offer_entry(found).model_dump(),
        host_open=found.host_open,
        refused=found.node.accelerator.refused,
        volume_usd_per_gb_month=seller.volume_usd_per_gb_month,
        minimum_billing_seconds=seller.minimum_billing_seconds,
        billing_increment_seconds=seller.billing_increment_seconds,
        provider_notes=seller.notes,
        source=found.source,
    )


def offer_entry(offer: Offer) -> OfferEntry:
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
    )


def offer_entries(found: Iterable[Offer]) -> list[OfferEntry]:
    """Offers as rows, the lowest price per GPU first."""
    return [offer_entry(offer) for offer in sorted(found, key=lambda offer: (_per_gpu(offer), offer.id))]


def known_offers(path: str | None = None) -> Sequence[Offer]:
    """The built-in offers or those of a file; raises `InputError` when it cannot be read."""
    if path is None:
        return offers()
    try:
        return read_offers(path)
    except CatalogueError as error:
        raise input_error(error, "offers") from None


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
