"""Which files of a folder or an archive may be price catalogues, by their names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

DATA = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson"})
ARCHIVES = frozenset({".zip", ".gz"})
_YAML = frozenset({".yml", ".yaml"})  # most YAML configures something


def data_files(folder: Path) -> Iterator[Path]:
    """Data files and archives of a folder and the folders in it; links to folders are not followed.

    Raises
    ------
    OSError
        A folder cannot be listed.
    """
    for root, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root, name)
            if is_data(path, DATA | ARCHIVES) and path.is_file():
                yield path


def is_data(path: PurePath, suffixes: frozenset[str]) -> bool:
    """Whether a file is not hidden and called as data are: with one of the suffixes, or as a price list in YAML."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts if part not in ("..", "."))
    suffix = path.suffix.lower()
    return not hidden and (suffix in suffixes or (suffix in _YAML and "pricing" in path.stem.lower()))


def _raise(error: OSError) -> None:
    raise error
