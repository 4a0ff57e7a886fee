"""What may be rented at all: the caller's offers, those of the user's file, or the built-in ones with what the user has imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gpuplan.errors import InputError, close_matches, input_error, shown
from gpuplan.job.types import Catalogue
from gpuplan_hardware import CatalogueError, Offer, read_offers
from gpuplan_hardware.imports.store import built_in_offers, current_offers, user_offers

if TYPE_CHECKING:
    from gpuplan_hardware.imports.columns import OfferTable


@dataclass(frozen=True)
class Market:
    """Offers, and the names that occur among them.

    Attributes
    ----------
    offers
        All of them, where they are the caller's or of a file.
    table
        All of them, where they are built in or imported: there may be very many.
    """

    offers: tuple[Offer, ...] = ()
    table: OfferTable | None = None

    def __len__(self) -> int:
        return len(self.offers) if self.table is None else len(self.table)

    @cached_property
    def sample(self) -> Sequence[Offer]:
        """An offer of every node of every provider under every pricing, wherever it is."""
        return self.offers if self.table is None else self.table.representatives()

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """Names of the providers."""
        return self.table.providers if self.table else tuple(sorted({o.provider.name for o in self.offers}))

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions."""
        return self.table.regions if self.table else tuple(sorted({offer.region for offer in self.offers}))

    def offer(self, name: str) -> Offer:
        """The offer with an id that is there."""
        if self.table is None:
            return next(offer for offer in self.offers if offer.id == name)
        return self.table[self.table.places_of([name])[0]]

    def offer_id(self, field: str, text: str) -> str:
        """Id of an offer, in any case; there are too many of them to list in a message.

        Raises
        ------
        InputError
            There is no such offer, with close matches.
        """
        every = [offer.id for offer in self.offers] if self.table is None else self.table.ids()
        ids = {name.lower(): name for name in every}
        if text.lower() not in ids:
            message = f"{shown(text)!r} is none of the {len(ids):,} offers (provider/node/region/pricing)"
            raise InputError(field, text, message, close_matches(text, ids.values()))
        return ids[text.lower()]


def market_of(catalogue: Catalogue, offers_of_caller: Sequence[Offer] | None = None) -> Market:
    """Offers whose names a job may use.

    Raises
    ------
    InputError
        The file, or the user's own catalogue, cannot be read; or nothing has been imported that is asked for.
    """
    if offers_of_caller is not None:
        return Market(tuple(offers_of_caller))
    try:
        if catalogue.offers_path is not None:
            return Market(read_offers(catalogue.offers_path))
        if catalogue.origin == "built-in":
            return Market(table=built_in_offers())
        if catalogue.origin == "all":
            return Market(table=current_offers())
        imported = user_offers()
    except CatalogueError as error:
        raise input_error(error, "offers") from None
    if imported is None:
        message = "'imported': nothing has been imported yet; gpuplan offers import FILE does it"
        raise InputError("offers", "imported", message)
    return Market(table=imported)
