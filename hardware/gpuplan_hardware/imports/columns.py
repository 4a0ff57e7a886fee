"""Many offers in little space: one row of numbers each, and every text, node and provider once. Numpy; objects on demand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from gpuplan_hardware.entities import Node, Offer, Provider
from gpuplan_hardware.imports.base import Origin
from gpuplan_hardware.imports.standing_for import at_the_price, cheapest, groups_of, kinds_of
from gpuplan_hardware.imports.table_parts import ROW, Codes, Terms, Texts, Thing, kind_code, terms_of


@dataclass(frozen=True, slots=True, eq=False)
class OfferTable(Sequence[Offer]):
    """Offers as columns; an `Offer` is made only when one is asked for.

    Attributes
    ----------
    rows : numpy array of `ROW`
        One row per offer, in their order.
    sellers : tuple of Provider
        What the column "provider" points to.
    nodes : tuple of Node
        What "node" points to.
    terms : tuple of Terms
        What "terms" points to.
    places : tuple of str
        The regions that "region" points to.
    sources : sequence of str
        What "source" points to.
    dropped : int
        Offers of a file that this table lacks, as the package no longer knows their node or GPU.
    """

    rows: NDArray[np.void]
    sellers: tuple[Provider, ...]
    nodes: tuple[Node, ...]
    terms: tuple[Terms, ...]
    places: tuple[str, ...]
    sources: Texts
    dropped: int = 0

    @classmethod
    def from_offers(cls, offers: Iterable[Offer], origins: Mapping[str, Origin] | None = None) -> OfferTable:
        """Make the table of offers, in their order; `origins` are what they are from, by their ids.

        Raises
        ------
        ValueError
            An id that is not provider/node/region/pricing, or an offer that stands for further regions (`also_in`): a table has
            a row for each.
        """
        found = list(offers)
        sellers, nodes = Codes[Provider](), Codes[Node]()
        terms, places, sources = Codes[Terms](), Codes[str](), Codes[str]()
        rows = [
            (
                sellers.of_object(offer.provider),
                nodes.of_object(offer.node),
                terms.of(terms_of(offer)),
                places.of(offer.region),
                sources.of(offer.source),
                offer.as_of.toordinal(),
                offer.price_usd_per_hour,
                *_origin(origins.get(offer.id) if origins else None),
            )
            for offer in found
        ]
        for offer in found:
            if offer.also_in or offer.id != _id(offer.provider, offer.node, offer.region, offer.pricing):
                raise ValueError(
                    f"{offer.id} does not go into a table: another id, or further regions, {offer.also_in}"
                )
        return cls(
            np.array(rows, dtype=ROW), tuple(sellers), tuple(nodes), tuple(terms), tuple(places), Texts.of(sources)
        )

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the providers that have an offer, in alphabetical order."""
        return tuple(sorted({self.sellers[code].name for code in self._used("provider")}))

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions, in alphabetical order."""
        return tuple(sorted({self.places[code] for code in self._used("region")}))

    @property
    def gpus(self) -> tuple[str, ...]:
        """Names of the accelerators that an offer has, in alphabetical order."""
        return tuple(sorted({self.nodes[code].accelerator.name for code in self._used("node")}))

    def _used(self, column: str) -> list[int]:
        """Codes that occur in a column; without sorting it, as there are few of them."""
        codes: list[int] = np.flatnonzero(np.bincount(self.rows[column])).tolist()
        return codes

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Offer: ...
    @overload
    def __getitem__(self, place: slice) -> OfferTable: ...
    def __getitem__(self, place: int | slice) -> Offer | OfferTable:
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        return next(self._offers([range(len(self))[place]]))

    def __iter__(self) -> Iterator[Offer]:
        return self._offers(slice(None))

    def take(self, places: NDArray[Any] | Sequence[int] | slice) -> OfferTable:
        """The offers in some places, in that order; or those where a mask is true."""
        return replace(self, rows=self.rows[places])

    def _offers(
        self, places: Sequence[int] | slice, also_in: Iterable[tuple[str, ...]] | None = None
    ) -> Iterator[Offer]:
        """Make the objects of some rows; `also_in` has their further regions, in the same order."""
        rows = self.rows[places].tolist()
        days: dict[int, date] = {}
        for (seller, shape, terms, region, source, day, price, *_), others in zip(
            rows, also_in if also_in is not None else ((),) * len(rows), strict=True
        ):
            provider, node, place, sold = (
                self.sellers[seller],
                self.nodes[shape],
                self.places[region],
                self.terms[terms],
            )
            as_of = days.get(day) or days.setdefault(day, date.fromordinal(day))
            yield Offer(
                _id(provider, node, place, sold.pricing),
                provider,
                place,
                sold.pricing,
                node,
                price,
                sold.max_nodes,
                as_of,
                self.sources[source],
                sold.lead_time,
                sold.lead_time_seconds,
                sold.host_open,
                sold.interruptions_per_node_hour,
                others,
            )

    def ids(self) -> list[str]:
        """Id of every offer, in their order."""
        columns = (self.rows[name].tolist() for name in ("provider", "node", "region", "terms"))
        return [
            _id(self.sellers[seller], self.nodes[node], self.places[region], self.terms[terms].pricing)
            for seller, node, region, terms in zip(*columns, strict=True)
        ]

    def places_of(self, ids: Collection[str]) -> list[int]:
        """Where some ids are, in the order of the table; ids that it lacks are left out."""
        if not ids:
            return []
        wanted = {(text.partition("/")[0], text.rpartition("/")[2]) for text in ids}
        pairs = [(seller.name, sold.pricing) in wanted for seller in self.sellers for sold in self.terms]
        codes = self.rows["provider"].astype(np.int64) * len(self.terms) + self.rows["terms"]
        near = np.flatnonzero(np.array(pairs, dtype=bool)[codes])
        names = set(ids)
        return [place for place, name in zip(near.tolist(), self.take(near).ids(), strict=True) if name in names]

    def joined(self, other: OfferTable) -> OfferTable:
        """These offers and, after them, those of another table."""
        rows = other.rows.copy()
        sellers, rows["provider"] = _joined(self.sellers, other.sellers, rows["provider"])
        nodes, rows["node"] = _joined(self.nodes, other.nodes, rows["node"])
        terms, rows["terms"] = _joined(self.terms, other.terms, rows["terms"])
        places, rows["region"] = _joined(self.places, other.places, rows["region"])
        rows["source"] += len(self.sources)
        return OfferTable(
            rows=np.concatenate([self.rows, rows]),
            sellers=sellers,
            nodes=nodes,
            terms=terms,
            places=places,
            sources=self.sources.joined(other.sources),
            dropped=self.dropped + other.dropped,
        )

    def newest(self, other: OfferTable, *, dearest: bool = False, stated: bool = False) -> OfferTable:
        """These offers and those of another table, one per id: the newer of two.

        Parameters
        ----------
        other : OfferTable
            The other offers.
        dearest : bool
            Of one day the dearer stays, and of equal prices the other table's; else this table's.
        stated : bool
            Of one kind of catalogue, a price whose day is stated stays before one whose day nobody states, however new that seems.
        """
        both = self.joined(other)
        names: Codes[tuple[str, str]] = Codes()
        shapes = np.array([names.of((node.provider, node.name)) for node in both.nodes], dtype=np.int64)
        pricings: Codes[str] = Codes()
        kinds = np.array([pricings.of(sold.pricing) for sold in both.terms], dtype=np.int64)
        if not len(both):
            return both
        key = shapes[both.rows["node"]] * len(both.places) + both.rows["region"]
        key = key * len(pricings) + kinds[both.rows["terms"]]
        places = np.arange(len(both))
        of_one_day = (-places, -both.rows["price"]) if dearest else (places,)
        beaten = (_beaten(key, both.rows),) if stated else ()
        order = np.lexsort((*of_one_day, -both.rows["day"], *beaten, key))  # the first of a key is the one that stays
        first = np.concatenate([[True], key[order][1:] != key[order][:-1]])
        return both.take(np.sort(order[first]))

    def representatives(
        self,
        regions: Collection[str] | None = None,
        exclude_regions: Collection[str] = (),
        keep_ids: Collection[str] = (),
        alike: Callable[[str, str], int] | None = None,
    ) -> list[Offer]:
        """Of offers that differ in nothing but region and price, the cheapest, with the regions where it costs the same.

        **Why no optimum is lost.** Two offers with the same provider, the same node and the same `Terms` (pricing, lead time,
        most nodes, openness of the host, rate of interruptions) differ in region, price, and what a plan never reads (id, day,
        source). All quantities of a plan but its cost depend on provider, node, terms and layout alone, and its cost rises with
        the price. So in any plan the dearer offer can be replaced by the cheaper one: every rule holds as before (the budget
        the more so), GPUs and time are equal, and the cost is not higher. That needs both regions to be allowed, which is why
        the regions are chosen first, and a rule that tells allowed regions apart (a quota, residency of data) says so by
        `alike`. Of equal prices the first id stays, as in the order in which answers are ranked.

        Parameters
        ----------
        regions : collection of str or None
            Regions that are allowed; None allows all.
        exclude_regions : collection of str
            Regions that are not.
        keep_ids : collection of str
            Ids that are kept whatever they cost and wherever they are.
        alike : callable or None
            Gets names of a provider and a region. Only offers for which it gives the same number may replace each other; those
            for which it is below 0 are not allowed.

        Returns
        -------
        list of Offer
            In the order of the table; `also_in` has the other allowed regions at the same price (to 1e-9).
        """
        kinds = kinds_of(self, regions, exclude_regions, alike)
        allowed = np.flatnonzero(kinds >= 0)
        group = groups_of(self, kinds)
        places, others = cheapest(self, allowed, group)
        kept = [place for place in self.places_of(keep_ids) if place not in set(places)]
        others += [at_the_price(self, place, allowed, group) for place in kept]
        order = sorted(range(len(others)), key=[*places, *kept].__getitem__)
        chosen = [[*places, *kept][index] for index in order]
        return list(self._offers(chosen, [others[index] for index in order]))


@cache
def _origin(origin: Origin | None) -> tuple[bool, int]:
    """The last columns of a row."""
    return (False, 0) if origin is None else (origin.weak_day, kind_code(origin.kind))


def _beaten(key: NDArray[np.int64], rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Rows whose day nobody states, where another one of the same key and kind of catalogue has one that is stated."""
    order = np.lexsort((rows["weak"], rows["kind"], key))
    key, kind, weak = key[order], rows["kind"][order], rows["weak"][order]
    found = np.zeros(len(rows), dtype=bool)
    found[order[1:]] = (key[1:] == key[:-1]) & (kind[1:] == kind[:-1]) & weak[1:] & ~weak[:-1]
    return found


def _joined(
    mine: Sequence[Thing], theirs: Sequence[Thing], column: NDArray[np.int32]
) -> tuple[tuple[Thing, ...], NDArray[np.int32]]:
    """One table of two, that keeps the places of the first, and the new places of what a column of the second points to."""
    table, codes = list(mine), {thing: code for code, thing in enumerate(mine)}
    for thing in theirs:
        if codes.setdefault(thing, len(table)) == len(table):
            table.append(thing)
    places = np.array([codes[thing] for thing in theirs], dtype=np.int32)
    return tuple(table), places[column] if len(column) else column


def _id(provider: Provider, node: Node, region: str, pricing: str) -> str:
    return f"{provider.name}/{node.name}/{region}/{pricing}"
