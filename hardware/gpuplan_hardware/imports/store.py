"""The user's own catalogue: snapshots of all imported offers, and a pointer to the current one that moves in one step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports.manifest import (
    MANIFEST,
    DamagedManifestError,
    Import,
    ImportedFile,
    afresh,
    manifest_text,
    read_manifest,
    unusable,
)
from gpuplan_hardware.imports.store_files import VARIABLE, drop_others, locked, numbers, write_whole, writing

if TYPE_CHECKING:
    from gpuplan_hardware.imports.columns import OfferTable

# numpy is imported with a table, not here: who has imported nothing does not wait for it.

NOWHERE = "none"
KEPT_IMPORTS = 10


class Store:
    """The folder of the user's catalogue.

    An import writes a new snapshot next to the old ones, and only when that is safely on the disk replaces the pointer file
    (`manifest.json`), which is atomic: whoever reads, and whatever crashes when, sees the whole old catalogue or the whole new
    one. The last `KEPT_IMPORTS` snapshots stay, to say what changed.

    Parameters
    ----------
    folder : Path or None
        Where it is, made on the first import; None where there is to be none, and then nothing can be imported.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def imports(self) -> tuple[Import, ...]:
        """Every import that is kept, the oldest first.

        Raises
        ------
        CatalogueError
            The pointer file cannot be read.
        """
        return () if self.folder is None else read_manifest(self.folder)

    def table(self, number: int | None = None) -> OfferTable | None:
        """All offers after an import, after the last one unless told otherwise; None where nothing was imported.

        Raises
        ------
        CatalogueError
            There is no import of that number, or a file cannot be read.
        """
        imports = self.imports()
        if number is None:
            return self._read(imports[-1]) if imports else None
        for one in imports:
            if one.number == number:
                return self._read(one)
        kept = ", ".join(str(one.number) for one in imports) or "none"
        message = f"import is {number}: the offers of this import are not kept; kept are {kept}."
        raise CatalogueError("import", str(number), message)

    def add(
        self, files: Sequence[ImportedFile], merge: Callable[[OfferTable | None], OfferTable], *, replace: bool = False
    ) -> Import:
        """Make what `merge` gives the current table; two imports at once come one after the other.

        Parameters
        ----------
        files : sequence of ImportedFile
            What is imported.
        merge : callable
            Gets the current table, None where there is none, and returns the new one.
        replace : bool
            Begin with nothing; a damaged catalogue is no obstacle then.

        Raises
        ------
        CatalogueError
            The current table cannot be read, another import takes too long, or the folder cannot be written to; the
            catalogue is as it was.
        """
        from gpuplan_hardware.imports.packing import pack

        folder = self.writable_folder()
        with writing(folder), locked(folder):
            imports = self.imports_to_follow(replace)
            table = merge(self.table_to_follow(imports, replace))
            content = pack(table)
            number = 1 + max([0, *(one.number for one in imports), *numbers(folder)])
            made = Import(
                number=number,
                time=datetime.now(UTC).replace(microsecond=0),
                snapshot=f"{number:06}.npz",
                sha256=hashlib.sha256(content).hexdigest(),
                offers=len(table),
                files=tuple(files),
                replaced=replace,
            )
            kept = (*imports, made)[-KEPT_IMPORTS:]
            write_whole(folder / made.snapshot, content)
            write_whole(folder / MANIFEST, manifest_text(kept))
            drop_others(folder, {one.snapshot for one in kept})
        return made

    def writable_folder(self) -> Path:
        """The folder of a store that can be imported into.

        Raises
        ------
        CatalogueError
            There is to be none.
        """
        if self.folder is None:
            message = f"{VARIABLE} is {NOWHERE!r}: there is no place for imported offers; unset it, or give a folder."
            raise CatalogueError("offers", NOWHERE, message)
        return self.folder

    def table_to_follow(self, imports: Sequence[Import], replace: bool) -> OfferTable | None:
        """The last of some imports; None where there is none, or where it is damaged and all begins afresh anyway."""
        try:
            return self._read(imports[-1]) if imports else None
        except CatalogueError:
            if replace:
                return None
            raise

    def imports_to_follow(self, replace: bool) -> tuple[Import, ...]:
        """What the manifest lists; nothing where it is damaged and all begins afresh anyway."""
        try:
            return self.imports()
        except DamagedManifestError:
            if replace:
                return ()
            raise

    def _read(self, one: Import) -> OfferTable:
        """The table of an import, from memory where it was read last and has not been touched since."""
        path = self.writable_folder() / one.snapshot
        try:
            status = path.stat()
        except OSError as error:
            why = f"the offers after import {one.number} cannot be read ({error.strerror})"
            raise unusable(path, why, afresh(path.parent)) from None
        return _read_snapshot(path, one.sha256, (status.st_ino, status.st_mtime_ns, status.st_size))


def user_store() -> Store:
    """Return the store of this user: the folder in GPUPLAN_OFFERS_DIR ("none" for none), else the user's data folder."""
    given = os.environ.get(VARIABLE, "").strip()
    if given.lower() == NOWHERE:
        return Store(None)
    if given:
        return Store(Path(given).expanduser())
    import platformdirs

    return Store(platformdirs.user_data_path("gpuplan") / "offers")


def user_offers() -> OfferTable | None:
    """All offers that the user has imported; None where nothing was.

    Raises
    ------
    CatalogueError
        Files of the user's catalogue cannot be read; the message says which and what to do.
    """
    return user_store().table()


def current_offers() -> OfferTable:
    """The built-in offers and those of the user: of each id the newer one, the user's where both are of one day.

    Raises
    ------
    CatalogueError
        As `user_offers`.
    """
    return with_built_in(user_offers())


def with_built_in(imported: OfferTable | None) -> OfferTable:
    """Return the built-in offers and some of the user's, as `current_offers` says."""
    return built_in_offers() if imported is None else _with_built_in(imported)


@lru_cache(maxsize=1)
def built_in_offers() -> OfferTable:
    """Return the built-in offers as a table."""
    from gpuplan_hardware.imports.columns import OfferTable
    from gpuplan_hardware.price_list import offers

    return OfferTable.from_offers(offers())


@lru_cache(maxsize=1)
def _with_built_in(imported: OfferTable) -> OfferTable:
    return imported.newest(built_in_offers())


@lru_cache(maxsize=2)
def _read_snapshot(path: Path, sha256: str, stamp: tuple[int, int, int]) -> OfferTable:
    """A snapshot, checked against the digest that the manifest has; `stamp` tells that the file is still the same."""
    from gpuplan_hardware.imports.packing import DamagedTableError, unpack

    try:
        content = path.read_bytes()
    except OSError as error:
        raise unusable(path, f"it cannot be read ({error.strerror})", afresh(path.parent)) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise unusable(path, "it is damaged: not what the import wrote", afresh(path.parent))
    try:
        return unpack(content)
    except DamagedTableError as error:
        raise unusable(path, f"it is no table of offers ({error})", afresh(path.parent)) from None
