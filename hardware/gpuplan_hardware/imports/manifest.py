"""The pointer file of the user's catalogue: which imports were kept, and which snapshot is the current one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from gpuplan_hardware.errors import CatalogueError

#: Of the manifest and the snapshots together; a program reads its own and older ones.
SCHEMA = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """One file of an import.

    Attributes
    ----------
    name : str
        The path or URL that was given, with the member's name where it came out of an archive.
    format, provider : str or None
        What it was recognised as, and whose prices it has; None where several or nobody's.
    as_of : date
        The day of prices whose rows carry none; where all rows carry one, the newest of theirs.
    as_of_basis : str
        Where that day is from.
    sha256 : str
        Digest of the bytes as they were found.
    rows, taken : int
        Prices that were read, and those that are part of an offer.
    offers : int
        Offers of the import that rest on it.
    skipped : mapping of str to int
        Prices that are part of none, by reason.
    refused : str or None
        Why it was not read as a whole.
    """

    name: str
    format: str | None
    provider: str | None
    as_of: date
    as_of_basis: str
    sha256: str
    rows: int
    taken: int
    offers: int
    skipped: Mapping[str, int]
    refused: str | None


@dataclass(frozen=True, slots=True)
class Import:
    """One import and the snapshot that it left.

    Attributes
    ----------
    number : int
        Counted from 1.
    time : datetime
        When, UTC.
    snapshot : str
        Name of the file with all offers after it.
    sha256 : str
        Digest of that file.
    offers : int
        How many it has.
    files : tuple of ImportedFile
        What was imported.
    replaced : bool
        Whether it began with nothing.
    """

    number: int
    time: datetime
    snapshot: str
    sha256: str
    offers: int
    files: tuple[ImportedFile, ...]
    replaced: bool


class DamagedManifestError(CatalogueError):
    """The pointer file is not one that gpuplan wrote."""


def read_manifest(folder: Path) -> tuple[Import, ...]:
    """Read the imports that are kept, the oldest first; none where nothing was imported.

    Raises
    ------
    DamagedManifestError
        It is no manifest.
    CatalogueError
        It cannot be read, or a newer version wrote it.
    """
    from pydantic import TypeAdapter  # not at the top: importing the package must stay cheap

    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise unusable(path, f"it cannot be read ({error.strerror})", "make it readable") from None
    try:
        record = json.loads(content)
        schema = record["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            update = f"update gpuplan, or set GPUPLAN_OFFERS_DIR to another folder than {folder}"
            raise unusable(path, f"a newer gpuplan wrote it (schema {schema}, this one knows {SCHEMA})", update)
        imports = TypeAdapter(tuple[Import, ...]).validate_python(record["imports"])
    except CatalogueError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(path) from None
    names = [one.snapshot for one in imports]
    numbers = [one.number for one in imports]
    if not imports or numbers != sorted(set(numbers)) or any(Path(name).name != name for name in names):
        raise _damaged(path)
    return imports


def manifest_text(imports: tuple[Import, ...]) -> bytes:
    """The pointer file for some imports, the oldest first; the last one's snapshot is the current one."""
    record = {"schema": SCHEMA, "imports": [asdict(one) for one in imports]}
    return json.dumps(record, indent=1, default=_as_text, ensure_ascii=False).encode()


def unusable(path: Path, why: str, way_out: str) -> CatalogueError:
    """An error about a file of the user's catalogue."""
    return CatalogueError("offers", str(path), f"{path}, of your imported offers: {why}; {way_out}.")


def afresh(folder: Path) -> str:
    """What to do about offers that are lost."""
    return f"gpuplan offers import --replace FILES starts afresh, and deleting {folder / MANIFEST} leaves the built-in offers"


def _damaged(path: Path) -> DamagedManifestError:
    error = unusable(path, "it is damaged", afresh(path.parent))
    return DamagedManifestError(error.field, error.value, error.message)


def _as_text(value: object) -> str:
    if isinstance(value, date):  # of which a datetime is one
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not go into a manifest")
