"""Several prices of one thing: the newest stands, of one day the dearest, and what differs much is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from gpuplan_hardware.entities import LeadTime, Node, Offer, Pricing, Provider
from gpuplan_hardware.imports.base import Origin, Source

#: Prices that differ by more are told.
TOLD_SHARE = 0.2
#: Zones that differ by less cost the same: catalogues round in different digits.
TOLD_CENT = 0.01

_LEAD_TIMES: dict[Pricing, tuple[LeadTime, float | None]] = {
    "on-demand": ("instant", 0.0),
    "spot": ("instant", 0.0),
    "owned": ("instant", 0.0),
    "reserved-1y": ("contract", None),
    "reserved-3y": ("contract", None),
    "capacity-block": ("queue", None),
}


class Price(NamedTuple):
    """One price that is understood, of which an offer can be made.

    Attributes
    ----------
    source : Source
        The file.
    line : int
        Line or place in it.
    provider : Provider
        Who sells it.
    node : Node
        What is sold.
    max_nodes : int
        Most that one job may use.
    region, zone : str
        Where; the zone is "" where prices are by region.
    pricing : str
        Under which terms.
    usd_per_hour : float
        For the whole node.
    as_of : date
        Its day.
    origin : Origin
        The kind of catalogue, and whether nobody states that day.
    note : tuple of str
        What its source says before and after the line; shared by many prices.
    offer : Offer or None
        Where the file has offers that are complete, the offer as it is there.
    """

    source: Source
    line: int
    provider: Provider
    node: Node
    max_nodes: int
    region: str
    zone: str
    pricing: Pricing
    usd_per_hour: float
    as_of: date
    origin: Origin
    note: tuple[str, str]
    offer: Offer | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two prices of one thing that differ by more than a fifth; the places of one file's zones are not told.

    Attributes
    ----------
    key : str
        Id of the offer.
    kept_usd_per_hour, other_usd_per_hour : float
        The price that stands, and the one that does not.
    kept_as_of, other_as_of : date
        Their days.
    kept_source, other_source : str
        Name of the file and the line.
    share : float
        Part of the kept price by which the other is dearer (above 0) or cheaper.
    """

    key: str
    kept_usd_per_hour: float
    kept_as_of: date
    kept_source: str
    other_usd_per_hour: float
    other_as_of: date
    other_source: str
    share: float


@dataclass(frozen=True, slots=True)
class Merged:
    """Offers in the order in which they were found first, differences, and how many offers rest on each file, by its name.

    `origins` are what the offers are from, by their ids.
    """

    offers: list[Offer]
    origins: Mapping[str, Origin]
    differences: list[Difference]
    used: Mapping[str, int]


def merge(prices: Iterable[Price]) -> Merged:
    """One offer for each provider, node, region and pricing.

    Of several zones of a region in one file the dearest stands for the region, as nobody knows which of them has room. Of several
    files the newest day stands, and of one day the dearest. Where nobody states the day of a price, it does not stand before one of
    the same kind of catalogue whose day is stated.
    """
    groups: dict[tuple[str, str, str, str], list[Price]] = {}
    for price in prices:
        groups.setdefault((price.provider.name, price.node.name, price.region, price.pricing), []).append(price)
    offers: list[Offer] = []
    differences: list[Difference] = []
    used: Counter[str] = Counter()
    origins: dict[str, Origin] = {}
    for key, group in groups.items():
        name = "/".join(key)
        kept, zones = (group[0], "") if len(group) == 1 else _kept(name, group, differences)
        offers.append(_offer(name, kept, zones))
        origins[offers[-1].id] = kept.origin
        used[kept.source.name] += 1
    return Merged(offers, origins, differences, used)


def _kept(name: str, group: list[Price], differences: list[Difference]) -> tuple[Price, str]:
    """The price that stands, and what there is to say of its zones."""
    files: dict[tuple[str, date], dict[str, Price]] = {}
    lost: list[Price] = []
    for price in group:
        zones = files.setdefault((price.source.name, price.as_of), {})
        before = zones.setdefault(price.zone, price)
        if before is not price:  # the same zone twice
            cheaper, zones[price.zone] = sorted((before, price), key=_usd)
            lost.append(cheaper)
    standing = [max(zones.values(), key=_usd) for zones in files.values()]
    stated = {price.origin.kind for price in standing if not price.origin.weak_day}
    kept = max(
        (price for price in standing if not (price.origin.weak_day and price.origin.kind in stated)),
        key=lambda price: (price.as_of, price.usd_per_hour),
    )
    lost += [price for price in standing if price is not kept]
    differences.extend(_difference(name, kept, price) for price in lost if _share(kept, price) > TOLD_SHARE)
    places = files[kept.source.name, kept.as_of].values()
    cheapest = min(price.usd_per_hour for price in places)
    if kept.usd_per_hour - cheapest < TOLD_CENT:
        return kept, ""
    return kept, f"; dearest of {len(places)} zones, {cheapest:g}-{kept.usd_per_hour:g} USD/h"


def _usd(price: Price) -> float:
    return price.usd_per_hour


def _share(kept: Price, other: Price) -> float:
    return abs(other.usd_per_hour - kept.usd_per_hour) / kept.usd_per_hour


def _difference(name: str, kept: Price, other: Price) -> Difference:
    return Difference(
        key=name,
        kept_usd_per_hour=kept.usd_per_hour,
        kept_as_of=kept.as_of,
        kept_source=f"{kept.source.name}, line {kept.line}",
        other_usd_per_hour=other.usd_per_hour,
        other_as_of=other.as_of,
        other_source=f"{other.source.name}, line {other.line}",
        share=(other.usd_per_hour - kept.usd_per_hour) / kept.usd_per_hour,
    )


def _offer(name: str, price: Price, zones: str) -> Offer:
    if price.offer is not None:
        return price.offer
    begin, end = price.note
    lead_time, seconds = _LEAD_TIMES[price.pricing]
    return Offer(
        id=name,
        provider=price.provider,
        region=price.region,
        pricing=price.pricing,
        node=price.node,
        price_usd_per_hour=price.usd_per_hour,
        max_nodes=price.max_nodes,
        as_of=price.as_of,
        source=f"{begin}, line {price.line}{end}{zones}",
        lead_time=lead_time,
        lead_time_seconds=seconds,
        host_open=price.pricing == "owned",
    )
