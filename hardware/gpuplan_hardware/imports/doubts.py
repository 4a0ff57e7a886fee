"""Prices that catalogues list and that are not believed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from gpuplan_hardware.imports.base import EARLIEST, Listed, Source

#: Why a row is left out, and what it is about.
Why = tuple[str, str]

BROKEN_SPOT = "a spot price above the on-demand price: neither is believed"
EQUAL_SPOT = "a spot price equal to the on-demand price says nothing"
FLOOR_SPOT = "a spot price under 12 % of the on-demand price is the floor of an idle zone"
NOT_PLAUSIBLE = "not a plausible price"
TO_COME = "a day that is still to come"
TOO_OLD = f"a day before {EARLIEST}"
UNREADABLE = "a name that is empty, too long or cannot be printed"

LOWEST_USD, HIGHEST_USD = 1e-3, 1e4  # per hour
SAME_SHARE = 1e-3
FLOOR_SHARE = 0.12

_LONGEST_NAME = 200


class Doubts:
    """What is wrong with a price, seen next to the other prices of its file.

    Parameters
    ----------
    listed : iterable of (Source, Listed)
        All prices of the import.
    """

    def __init__(self, listed: Iterable[tuple[Source, Listed]]) -> None:
        self._latest = datetime.now(UTC).date() + timedelta(days=1)  # it may be tomorrow where the prices are from
        self._broken = {_place(source, row, row.on_demand_per_hour) for source, row in listed if _is_above(row)}

    def about(self, source: Source, row: Listed, usd_per_hour: float) -> Why | None:
        """Why a price is not believed; None where it is.

        Parameters
        ----------
        source, row : Source, Listed
            The price as it is listed.
        usd_per_hour : float
            The same in USD.
        """
        if not LOWEST_USD <= usd_per_hour <= HIGHEST_USD:
            return NOT_PLAUSIBLE, f"{row.instance_type[:60]}: {row.price_per_hour:g} {row.currency[:10]}"
        if day := self.about_day(row):
            return day
        for name in (row.region, row.instance_type, row.provider):
            if not name or len(name) > _LONGEST_NAME or not name.isprintable():
                return UNREADABLE, repr(name[:60])
        if row.pricing == "spot":
            return _about_spot(row)
        if self._broken and row.pricing == "on-demand" and _place(source, row, row.price_per_hour) in self._broken:
            return BROKEN_SPOT, row.instance_type
        return None

    def about_day(self, row: Listed) -> Why | None:
        """Why the day of a row is not believed."""
        if row.as_of is None or EARLIEST <= row.as_of <= self._latest:
            return None
        return TO_COME if row.as_of > self._latest else TOO_OLD, f"{row.instance_type[:60]}: {row.as_of}"


def _about_spot(row: Listed) -> Why | None:
    on_demand = row.on_demand_per_hour
    if not on_demand:
        return None
    if abs(row.price_per_hour - on_demand) <= SAME_SHARE * on_demand:
        return EQUAL_SPOT, row.instance_type
    if row.price_per_hour > on_demand:
        return BROKEN_SPOT, row.instance_type
    if row.provider == "aws" and row.price_per_hour < FLOOR_SHARE * on_demand:
        return FLOOR_SPOT, row.instance_type
    return None


def _is_above(row: Listed) -> bool:
    on_demand = row.on_demand_per_hour
    return row.pricing == "spot" and on_demand is not None and row.price_per_hour > on_demand * (1 + SAME_SHARE)


def _place(source: Source, row: Listed, on_demand: float | None) -> tuple[object, ...]:
    """The on-demand price of a machine in a place: it may be in another row than the spot price."""
    return source.name, row.instance_type, row.accelerator, row.accelerator_count, row.region, row.zone, on_demand
