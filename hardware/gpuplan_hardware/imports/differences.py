"""What changed between two tables of offers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from gpuplan_hardware.imports.columns import OfferTable

#: Prices that differ by less, relatively, have not moved: catalogues round, and sum GPUs and hosts.
MOVED_SHARE = 1e-4

Kind = Literal["new", "gone", "dearer", "cheaper"]


@dataclass(frozen=True, slots=True)
class Change:
    """One offer that is not as it was.

    Attributes
    ----------
    kind : {"new", "gone", "dearer", "cheaper"}
        What happened to it.
    id : str
        Its id.
    old_usd_per_hour, new_usd_per_hour : float or None
        Price of the node; None where there is none.
    old_as_of, new_as_of : date or None
        Days of the prices.
    share : float or None
        Part of the old price that was added (above 0) or taken off; None of new and gone ones.
    """

    kind: Kind
    id: str
    old_usd_per_hour: float | None
    new_usd_per_hour: float | None
    old_as_of: date | None
    new_as_of: date | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes, and how many offers cost the same; the largest share comes first, then the dearest offer."""

    changed: tuple[Change, ...]
    unchanged: int

    def of(self, kind: Kind) -> list[Change]:
        """The changes of one kind."""
        return [one for one in self.changed if one.kind == kind]


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of the offers of an import; all but `gone` add up to them.

    Attributes
    ----------
    new : int
        Offers that were not known.
    dearer, cheaper : int
        Offers whose price moved.
    unchanged : int
        Offers that cost what they did.
    older : int
        Offers that were imported before at a newer price, or a dearer one of the same day, which stays.
    gone : int
        Offers that were known and no longer are.
    older_than_built_in : int
        Offers that are built in at a newer price, which stays.
    undated : int
        Offers whose day nobody states, and that were imported before from the same kind of catalogue with a stated one, whose
        price stays.
    """

    new: int
    dearer: int
    cheaper: int
    unchanged: int
    older: int
    gone: int
    older_than_built_in: int = 0
    undated: int = 0


def compare(old: OfferTable, new: OfferTable) -> Changes:
    """Say what changed from one table to another, by the ids of the offers."""
    before, after = _prices(old), _prices(new)
    found = [change for name, was in before.items() if (change := _change(name, was, after.get(name)))]
    found += [_came(name, now) for name, now in after.items() if name not in before]
    return Changes(tuple(sorted(found, key=_order)), len(before.keys() & after.keys()) - _both(found))


def _prices(table: OfferTable) -> dict[str, tuple[float, int]]:
    """Price and day of every offer by its id."""
    return dict(zip(table.ids(), table.rows[["price", "day"]].tolist(), strict=True))


def _change(name: str, was: tuple[float, int], now: tuple[float, int] | None) -> Change | None:
    """What became of an offer; None where it costs the same."""
    old, old_day = was[0], date.fromordinal(was[1])
    if now is None:
        return Change("gone", name, old, None, old_day, None, None)
    new, new_day = now[0], date.fromordinal(now[1])
    if abs(new - old) <= MOVED_SHARE * old:
        return None
    return Change("dearer" if new > old else "cheaper", name, old, new, old_day, new_day, new / old - 1)


def _came(name: str, now: tuple[float, int]) -> Change:
    return Change("new", name, None, now[0], None, date.fromordinal(now[1]), None)


def _both(found: list[Change]) -> int:
    """Changes of offers that both tables have."""
    return sum(one.share is not None for one in found)


def _order(one: Change) -> tuple[float, float, str]:
    price = one.new_usd_per_hour if one.new_usd_per_hour is not None else one.old_usd_per_hour
    return -abs(one.share or 0.0), -(price or 0.0), one.id


def effect(before: OfferTable, imported: OfferTable, after: OfferTable, mine: OfferTable) -> Effect:
    """Count what became of the offers of an import.

    Parameters
    ----------
    before, after : OfferTable
        All offers before it and after it, built in or imported.
    imported : OfferTable
        Its offers.
    mine : OfferTable
        Those that were imported before and that it does not replace.
    """
    was, now, known = _prices(before), _prices(after), _origins(mine)
    found = dict.fromkeys(("new", "dearer", "cheaper", "unchanged", "older", "older_than_built_in", "undated"), 0)
    origins = _origins(imported)
    for name, (price, _) in _prices(imported).items():
        outcome = _outcome(price, was.get(name), now[name][0])
        if outcome == "older" and name not in known:
            outcome = "older_than_built_in"
        elif outcome == "older":
            (weak, kind), (weak_before, kind_before) = origins[name], known[name]
            outcome = "undated" if weak and not weak_before and kind == kind_before else "older"
        found[outcome] += 1
    return Effect(**found, gone=len(was.keys() - now.keys()))


def _origins(table: OfferTable) -> dict[str, tuple[bool, int]]:
    """Whether nobody states the day, and the kind of catalogue, of every offer by its id."""
    return dict(zip(table.ids(), table.rows[["weak", "kind"]].tolist(), strict=True))


def _outcome(price: float, was: tuple[float, int] | None, now: float) -> str:
    """What became of one offer that was imported at a price."""
    if was is None:
        return "new"
    if abs(now - price) > MOVED_SHARE * price:
        return "older"
    if abs(now - was[0]) <= MOVED_SHARE * now:
        return "unchanged"
    return "dearer" if now > was[0] else "cheaper"
