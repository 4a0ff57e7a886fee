"""The offers that there are: built in and imported, or of a price list; where each is from and how old it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from gpuplan.errors import InputError, input_error, shown
from gpuplan_hardware import CatalogueError, Offer, offers, read_offers

Origin = Literal["built-in", "imported", "file"]


def known_offers(path: str | None = None) -> Sequence[Offer]:
    """The offers of the catalogue, or those of a file; raises `InputError` when they cannot be read."""
    from gpuplan_hardware.imports.store import current_offers, user_store

    try:
        if path is not None:
            return read_offers(path)
        # Without an import there is nothing to join, and the list does not wait for numpy.
        return current_offers() if user_store().imports() else offers()
    except CatalogueError as error:
        raise input_error(error, "offers") from None


def age_days(offer: Offer) -> int:
    """Whole days since the day of an offer's price."""
    return max(0, (datetime.now(UTC).date() - offer.as_of).days)


def origins(path: str | None, wanted: str | None) -> Callable[[Offer], Origin]:
    """Where offers come from; raises `InputError` where a file leaves no choice."""
    if path is not None:
        if wanted is not None:
            raise InputError(
                "origin", wanted, f"the offers are those of {shown(path)!r} alone; leave out one of the two"
            )
        return lambda offer: "file"
    own = {offer.id: offer.source for offer in offers()}
    return lambda offer: "built-in" if own.get(offer.id) == offer.source else "imported"
