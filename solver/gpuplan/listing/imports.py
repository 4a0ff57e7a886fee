"""Imports of price catalogues: what one read, what it took, and what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from gpuplan.errors import InputError, input_error, shown
from gpuplan.listing.base import Listing
from gpuplan.listing.offer_changes import ChangeEntry, change_entries, read_places
from gpuplan.result import Answer
from gpuplan_hardware import CatalogueError
from gpuplan_hardware.imports.manifest import ImportedFile
from gpuplan_hardware.imports.store import Store, user_store
from gpuplan_hardware.imports.text import printable

if TYPE_CHECKING:
    from gpuplan_hardware.imports.differences import Changes
    from gpuplan_hardware.imports.keep import Kept
    from gpuplan_hardware.imports.report import FileReport, ImportReport

#: Prices that moved by more are told, as the price before or the new one may be wrong.
TOLD_SHARE = 0.2
#: Of each reason in a file, how many different things are listed.
MOST_THINGS = 200


class FileEntry(Answer):
    """One file of an import: prices that were read, taken and skipped, and the offers that rest on it.

    `as_of` is the day of prices whose rows carry none, where `as_of_basis` is not "the rows": then it is the newest of theirs.
    `as_of_in_path` is the day in its path, where another one was given. `refused` says why nothing of it was read.
    """

    name: str
    format: str | None
    provider: str | None
    as_of: str
    as_of_basis: str
    as_of_in_path: str | None
    sha256: str
    rows: int
    taken: int
    skipped: int
    offers: int
    refused: str | None


class SkippedThing(Answer):
    """What was left out: an instance type, a GPU, a value; the first line that has it, and how many prices do."""

    what: str
    line: int
    prices: int


class SkippedEntry(Answer):
    """Prices of a file that were left out for one reason: the most frequent things, and how many more things there are."""

    reason: str
    prices: int
    things: list[SkippedThing]
    more_things: int


class ReadFile(FileEntry):
    """One file of an import, with what was left out."""

    reasons: list[SkippedEntry]


class DifferenceEntry(Answer):
    """Two prices of one offer that differ by over 20 %: the one that stands and the other; `share` is of the first."""

    id: str
    kept_usd_per_hour: float
    kept_as_of: str
    kept_source: str
    other_usd_per_hour: float
    other_as_of: str
    other_source: str
    share: float


class OffersImport(Listing):
    """What an import took and changed.

    `taken` offers were read: `new` ones, `dearer`, `cheaper` and `unchanged` ones, and those that were known at a newer price,
    which stays: imported before (`older`), or built in (`older_than_built_in`), or imported before from the same kind of
    catalogue with a day that is stated, while that of the new price is only that of its file (`undated`). `gone` are those that
    `--replace` left out. `differences` are between the files, `moved` between now and before. `folder` is null where nothing is
    kept, `number` where nothing was written.
    """

    number: int | None
    folder: str | None
    dry_run: bool
    taken: int
    new: int
    dearer: int
    cheaper: int
    unchanged: int
    older: int
    older_than_built_in: int
    undated: int
    gone: int
    imported_offers: int
    files: list[ReadFile]
    differences: list[DifferenceEntry]
    moved: list[ChangeEntry]

    def rows(self) -> list[FileEntry]:
        return [FileEntry(**one.model_dump(exclude={"reasons"})) for one in self.files]

    def row_type(self) -> type[FileEntry]:
        return FileEntry


def import_offers(
    places: Sequence[str],
    *,
    provider: str | None = None,
    as_of: str | None = None,
    replace: bool = False,
    dry_run: bool = False,
) -> OffersImport:
    """Import price catalogues into the user's own.

    Parameters
    ----------
    places
        Files, folders, archives and URLs.
    provider
        Whose prices they are, where no file says so.
    as_of
        The day of all prices whose rows carry none, also where the path has one, YYYY-MM-DD.
    replace
        Forget what was imported before.
    dry_run
        Change nothing.

    Raises
    ------
    InputError
        A place cannot be read as a whole, nothing can be taken from any file, or the user's catalogue cannot be read or written;
        it is as it was. One file of several that has nothing is no error: the answer says so.
    """
    store, day = user_store(), _day(as_of)
    try:
        if not dry_run:
            store.writable_folder()  # said before the work, not after
        report = read_places(places, provider, day)
        kept = _keep(store, report, replace=replace, dry_run=dry_run)
    except CatalogueError as error:
        raise input_error(error) from None
    return _answer(store, report, kept, dry_run=dry_run)


def _day(word: str | None) -> date | None:
    try:
        return None if word is None else date.fromisoformat(word.strip())
    except ValueError:
        raise InputError("as_of", word, f"{shown(word)!r} is no day; write it as 2026-11-20") from None


def _keep(store: Store, report: ImportReport, *, replace: bool, dry_run: bool) -> Kept:
    from gpuplan_hardware.imports.keep import keep

    files = [_kept_file(one) for one in report.files]
    return keep(store, report.offers, files, origins=report.origins, replace=replace, dry_run=dry_run)


def _kept_file(one: FileReport) -> ImportedFile:
    """What is kept of the report on a file: all but the things that were left out."""
    return ImportedFile(
        name=one.name,
        format=one.format,
        provider=one.provider,
        as_of=one.as_of,
        as_of_basis=one.as_of_basis,
        sha256=one.sha256,
        rows=one.rows,
        taken=one.taken,
        offers=one.offers,
        skipped=dict(one.skipped),
        refused=one.refused,
    )


def _answer(store: Store, report: ImportReport, kept: Kept, *, dry_run: bool) -> OffersImport:
    effect = kept.effect
    return OffersImport(
        number=None if kept.made is None else kept.made.number,
        folder=None if store.folder is None else str(store.folder),
        dry_run=dry_run,
        taken=len(report.offers),
        new=effect.new,
        dearer=effect.dearer,
        cheaper=effect.cheaper,
        unchanged=effect.unchanged,
        older=effect.older,
        older_than_built_in=effect.older_than_built_in,
        undated=effect.undated,
        gone=effect.gone,
        imported_offers=kept.offers,
        files=[_read_file(one) for one in report.files],
        differences=[
            DifferenceEntry(
                id=one.key,
                kept_usd_per_hour=one.kept_usd_per_hour,
                kept_as_of=one.kept_as_of.isoformat(),
                kept_source=one.kept_source,
                other_usd_per_hour=one.other_usd_per_hour,
                other_as_of=one.other_as_of.isoformat(),
                other_source=one.other_source,
                share=one.share,
            )
            for one in report.differences
        ],
        moved=_moved(kept.changes),
    )


def _moved(changes: Changes) -> list[ChangeEntry]:
    """Prices that moved by so much that one of the two may be wrong."""
    return change_entries(one for one in changes.changed if one.share is not None and abs(one.share) > TOLD_SHARE)


def _read_file(one: FileReport) -> ReadFile:
    return ReadFile(
        name=one.name,
        format=one.format,
        provider=one.provider,
        as_of=one.as_of.isoformat(),
        as_of_basis=one.as_of_basis,
        as_of_in_path=None if one.day_in_path is None else one.day_in_path.isoformat(),
        sha256=one.sha256,
        rows=one.rows,
        taken=one.taken,
        offers=one.offers,
        skipped=sum(one.skipped.values()),
        refused=one.refused,
        reasons=[_left_out(one, reason, number) for reason, number in one.skipped.most_common()],
    )


def _left_out(one: FileReport, reason: str, number: int) -> SkippedEntry:
    things = one.most(reason)
    listed = [
        SkippedThing(what=printable(thing.what), line=thing.line, prices=thing.prices) for thing in things[:MOST_THINGS]
    ]
    return SkippedEntry(reason=reason, prices=number, things=listed, more_things=len(things) - len(listed))
