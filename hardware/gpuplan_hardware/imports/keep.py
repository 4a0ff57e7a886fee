"""The last step of an import: what was read goes into the user's catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpuplan_hardware.entities import Offer
from gpuplan_hardware.imports.base import Origin
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.differences import Changes, Effect, compare, effect
from gpuplan_hardware.imports.manifest import Import, ImportedFile
from gpuplan_hardware.imports.store import Store, with_built_in


@dataclass(frozen=True, slots=True)
class Kept:
    """What an import did.

    Attributes
    ----------
    made : Import or None
        Its entry; None where nothing was to be written.
    offers : int
        Offers in the user's catalogue after it.
    effect : Effect
        What became of its offers, among all that are known, built in or imported.
    changes : Changes
        What changed among those.
    """

    made: Import | None
    offers: int
    effect: Effect
    changes: Changes


def keep(
    store: Store,
    offers: Sequence[Offer],
    files: Sequence[ImportedFile],
    *,
    origins: Mapping[str, Origin] | None = None,
    replace: bool = False,
    dry_run: bool = False,
) -> Kept:
    """Merge offers into the user's catalogue: of each id the newest, of one day the dearest.

    Of one kind of catalogue, an offer whose day nobody states gives way to one whose day is stated, and never takes its place.

    Parameters
    ----------
    store : Store
        The catalogue.
    offers : sequence of Offer
        What was read, one per id.
    files : sequence of ImportedFile
        Where from.
    origins : mapping of str to Origin
        What the offers are from, by their ids.
    replace : bool
        Forget what was imported before.
    dry_run : bool
        Write nothing.

    Raises
    ------
    CatalogueError
        The catalogue cannot be read or written; it is as it was.
    """
    imported = OfferTable.from_offers(offers, origins)
    tables: list[OfferTable | None] = []

    def merge(before: OfferTable | None) -> OfferTable:
        after = imported if before is None or replace else before.newest(imported, dearest=True, stated=True)
        tables[:] = [before, after]
        return after

    made = None
    if dry_run:
        merge(store.table_to_follow(store.imports_to_follow(replace), replace))
    else:
        made = store.add(files, merge, replace=replace)
    mine = tables[0] if tables[0] is not None and not replace else OfferTable.from_offers(())
    before, after = (with_built_in(table) for table in tables)
    number = 0 if tables[1] is None else len(tables[1])
    return Kept(made, number, effect(before, imported, after, mine), compare(before, after))
