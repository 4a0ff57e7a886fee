"""What changed between two imports of price catalogues, and which imports there were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from gpuplan.errors import InputError, input_error
from gpuplan.listing.base import Listing
from gpuplan.result import Answer
from gpuplan_hardware import CatalogueError
from gpuplan_hardware.imports.manifest import Import
from gpuplan_hardware.imports.store import Store, built_in_offers, current_offers, user_store

if TYPE_CHECKING:
    from gpuplan_hardware.imports.columns import OfferTable
    from gpuplan_hardware.imports.differences import Change
    from gpuplan_hardware.imports.report import ImportReport

BUILT_IN, CURRENT = "built-in", "current"


class ChangeEntry(Answer):
    """One offer that is not as it was; `share` is what was added to the old price, or taken off (below 0)."""

    change: Literal["new", "gone", "dearer", "cheaper"]
    id: str
    old_usd_per_hour: float | None
    new_usd_per_hour: float | None
    share: float | None
    old_as_of: str | None
    new_as_of: str | None


class OffersDiff(Listing):
    """What changed from one state of the offers to another, the largest share first."""

    old: str
    new: str
    unchanged: int
    changes: list[ChangeEntry]

    def rows(self) -> list[ChangeEntry]:
        return self.changes

    def row_type(self) -> type[ChangeEntry]:
        return ChangeEntry


class ImportEntry(Answer):
    """One import; `offers` are all that were imported by then, `taken` and `skipped` those of this import."""

    number: int
    time: str
    offers: int
    taken: int
    skipped: int
    replaced: bool
    files: list[str]


class OffersHistory(Listing):
    """The imports that are kept, the newest first."""

    folder: str | None
    imports: list[ImportEntry]

    def rows(self) -> list[ImportEntry]:
        return self.imports

    def row_type(self) -> type[ImportEntry]:
        return ImportEntry


def diff_offers(old: str | None = None, new: str | None = None) -> OffersDiff:
    """Say what changed from one state of the offers to another.

    Parameters
    ----------
    old, new
        Number of an import, "built-in", "current" (built-in and imported, as `solve` sees them), or a file that could be
        imported. Neither: the last two imports. The first alone: from that to now.

    Raises
    ------
    InputError
        There is no such state, or it cannot be read.
    """
    from gpuplan_hardware.imports.differences import compare

    store = user_store()
    try:
        if old is None:
            old, new = _last_two(store)
        words = (old, CURRENT if new is None else new)
        changes = compare(*(_state(store, word) for word in words))
    except CatalogueError as error:
        raise input_error(error) from None
    return OffersDiff(
        old=_called(words[0]),
        new=_called(words[1]),
        unchanged=changes.unchanged,
        changes=change_entries(changes.changed),
    )


def history() -> OffersHistory:
    """List the imports that are kept; raises `InputError` where their list cannot be read."""
    store = user_store()
    try:
        imports = store.imports()
    except CatalogueError as error:
        raise input_error(error) from None
    folder = None if store.folder is None else str(store.folder)
    return OffersHistory(folder=folder, imports=[_import_entry(one) for one in reversed(imports)])


def _import_entry(one: Import) -> ImportEntry:
    return ImportEntry(
        number=one.number,
        time=one.time.isoformat(),
        offers=one.offers,
        taken=sum(file.taken for file in one.files),
        skipped=sum(sum(file.skipped.values()) for file in one.files),
        replaced=one.replaced,
        files=[file.name for file in one.files if file.refused is None],
    )


def read_places(places: Sequence[str], provider: str | None, day: date | None) -> ImportReport:
    """What price catalogues have; raises `CatalogueError` where a place cannot be read as a whole."""
    from gpuplan_hardware.imports.read import import_places

    return import_places(places, provider=provider, as_of=day)


def change_entries(changes: Iterable[Change]) -> list[ChangeEntry]:
    """Changes as rows."""
    return [
        ChangeEntry(
            change=one.kind,
            id=one.id,
            old_usd_per_hour=one.old_usd_per_hour,
            new_usd_per_hour=one.new_usd_per_hour,
            share=one.share,
            old_as_of=None if one.old_as_of is None else one.old_as_of.isoformat(),
            new_as_of=None if one.new_as_of is None else one.new_as_of.isoformat(),
        )
        for one in changes
    ]


def _last_two(store: Store) -> tuple[str, str]:
    """The numbers of the last two imports."""
    numbers = [str(one.number) for one in store.imports()]
    if len(numbers) >= 2:
        return numbers[-2], numbers[-1]
    there = "only one import is kept" if numbers else "nothing has been imported"
    way_out = (
        "gpuplan offers diff built-in compares the built-in offers with those of now"
        if numbers
        else "gpuplan offers import FILE"
    )
    raise InputError("import", " ".join(numbers), f"{there}, and two are compared; {way_out}")


def _state(store: Store, word: str) -> OfferTable:
    """The offers that a word stands for."""
    from gpuplan_hardware.imports.columns import OfferTable

    if word == BUILT_IN:
        return built_in_offers()
    if word == CURRENT:
        return current_offers()
    if word.isdecimal():
        found = store.table(int(word))
        return OfferTable.from_offers(()) if found is None else found
    return OfferTable.from_offers(read_places([word], None, None).offers)


def _called(word: str) -> str:
    """A state as people call it."""
    from gpuplan_hardware.imports.sources import shown_place

    named = {BUILT_IN: "the built-in offers", CURRENT: "the offers of now"}
    return f"import {word}" if word.isdecimal() else named.get(word) or shown_place(word)
