"""From what catalogues list to offers: which machine a row is about, what it costs in USD, and which rows are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gpuplan_hardware.currencies import currencies
from gpuplan_hardware.entities import Offer
from gpuplan_hardware.imports.base import GIVEN, SERVER, Listed, Origin, Skipped, Source
from gpuplan_hardware.imports.doubts import Doubts, Why
from gpuplan_hardware.imports.machines import Machines, most_nodes
from gpuplan_hardware.imports.merge import Difference, Price, merge
from gpuplan_hardware.imports.sellers import seller

NO_RATE = "a currency without a rate"

#: How an offer's source says where its day is from, where "date of" and the words for it do not.
_DATES = {GIVEN: "date given by the user", SERVER: "date of the server's copy"}
OWN_DAY = "date of the row"

_NAME_PARTS = 2  # of a file, in an offer's source: the folder tells whose "vms.csv" it is


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an import comes to.

    Attributes
    ----------
    offers : list of Offer
        One for each provider, node, region and pricing.
    skipped : list of (Source, Skipped)
        Prices that were not taken.
    differences : list of Difference
        Prices of one thing that are far apart.
    used : mapping of str to int
        Offers that rest on each file, by its name.
    origins : mapping of str to Origin
        What the offers are from, by their ids.
    """

    offers: list[Offer]
    skipped: list[tuple[Source, Skipped]]
    differences: list[Difference]
    used: Mapping[str, int]
    origins: Mapping[str, Origin]


def resolve(rows: Iterable[tuple[Source, Listed]], formats: Mapping[str, str] | None = None) -> Resolved:
    """Offers of what catalogues list.

    Parameters
    ----------
    rows : iterable of (Source, Listed)
        Prices with the files that they are from.
    formats : mapping of str to str
        Names of the formats by the names of the files, for the offers' sources.

    Returns
    -------
    Resolved
        Every row is either skipped or part of an offer; of several prices of one thing see `merge`.
    """
    listed = list(rows)
    resolver = _Resolver(formats or {}, Doubts(listed))
    prices: list[Price] = []
    skipped: list[tuple[Source, Skipped]] = []
    for source, row in listed:
        found = resolver.price(source, row)
        if isinstance(found, Price):
            prices.append(found)
        else:
            reason, what = found
            skipped.append((source, Skipped(row.line, reason, what)))
    merged = merge(prices)
    return Resolved(merged.offers, skipped, merged.differences, merged.used, merged.origins)


class _Resolver:
    """One import's rates, machines and texts, each of which many rows share."""

    def __init__(self, formats: Mapping[str, str], doubts: Doubts) -> None:
        self._formats = formats
        self._doubts = doubts
        self._machines = Machines()
        self._rates = {"USD": 1.0, **{code: figure.value for code, figure in currencies().items()}}
        self._origins: dict[tuple[str, bool], Origin] = {}
        self._notes: dict[tuple[str, bool, str, bool], tuple[str, str]] = {}

    def price(self, source: Source, row: Listed) -> Price | Why:
        """What a row comes to, or why it is left out."""
        if row.offer is not None:
            return self._doubts.about_day(row) or _ready(source, row, row.offer, self._origin(source, True))
        currency = row.currency.upper()
        rate = self._rates.get(currency)
        if rate is None:
            return NO_RATE, row.currency[:10]
        usd = row.price_per_hour * rate
        doubt = self._doubts.about(source, row, usd)
        if doubt is not None:
            return doubt
        node = self._machines.node(source, row)
        if isinstance(node, tuple):
            return node
        most, assumed = most_nodes(node)
        return Price(
            source=source,
            line=row.line,
            provider=seller(row.provider),
            node=node,
            max_nodes=most,
            region=row.region,
            zone=row.zone,
            pricing=row.pricing,
            usd_per_hour=usd,
            as_of=row.as_of or source.as_of,
            origin=self._origin(source, row.as_of is not None),
            note=self._note(source, row.as_of is not None, currency, assumed),
        )

    def _origin(self, source: Source, own_day: bool) -> Origin:
        """The kind of catalogue and of day; shared, as rows are many."""
        key = (source.name, own_day)
        found = self._origins.get(key)
        if found is None:
            weak = not own_day and source.day_is_weak
            found = self._origins[key] = Origin(self._formats.get(source.name, ""), weak)
        return found

    def _note(self, source: Source, own_day: bool, currency: str, assumed: bool) -> tuple[str, str]:
        """What an offer's source says before and after the line; shared, as rows are many."""
        key = (source.name, own_day, currency, assumed)
        found = self._notes.get(key)
        if found is None:
            name = "/".join(source.name.replace("\\", "/").rstrip("/").split("/")[-_NAME_PARTS:])
            begin = f"{self._formats.get(source.name, 'price catalogue')} {name}"
            basis = source.as_of_basis
            end = f"; {OWN_DAY if own_day else _DATES.get(basis, f'date of {basis}')}"
            if currency != "USD":
                figure = currencies()[currency]
                end += f"; {currency} at {figure.value:g} USD of {figure.as_of}"
            if assumed:
                end += "; most nodes assumed"
            found = self._notes[key] = (begin, end)
        return found


def _ready(source: Source, row: Listed, offer: Offer, origin: Origin) -> Price:
    """An offer that the file has already: it is taken as it is."""
    return Price(
        source=source,
        line=row.line,
        provider=offer.provider,
        node=offer.node,
        max_nodes=offer.max_nodes,
        region=offer.region,
        zone="",
        pricing=offer.pricing,
        usd_per_hour=offer.price_usd_per_hour,
        as_of=offer.as_of,
        origin=origin,
        note=("", ""),
        offer=offer,
    )
