"""The file of the rows: JSON lines or CSV, written whole, from one row after the other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from gpuplan.batching.result import BatchRow
from gpuplan.batching.table import COLUMNS, lines_of
from gpuplan.columns import text_of
from gpuplan.errors import InputError, shown
from gpuplan.files import whole_file

ENDINGS = (".jsonl", ".csv")


def check_target(out: str | os.PathLike[str], source: Path | None) -> Path:
    """The path of the rows.

    Raises
    ------
    InputError
        It has no ending that says how to write, is a folder, or is the file that is read.
    """
    path = Path(out)
    if path.suffix.lower() not in ENDINGS:
        message = f"{shown(path)!r} must end in .jsonl (every answer whole) or .csv (a line each)"
        raise InputError("out", path, message)
    if path.is_dir():
        raise InputError("out", path, f"{str(path)!r} is a folder; give the path of a file")
    if not path.parent.is_dir():
        raise InputError("out", path, f"the folder of {str(path)!r} does not exist; make it, or give another path")
    if source is not None and source.exists() and path.exists() and path.samefile(source):
        raise InputError("out", path, f"{str(path)!r} is the file that is read; give another path")
    return path


def written(path: Path, texts: Iterable[str]) -> Iterator[BatchRow]:
    """Write rows, given as JSON, and hand each on; the file is there when the last has been taken.

    Raises
    ------
    InputError
        It cannot be written.
    """
    as_csv = path.suffix.lower() == ".csv"
    with whole_file(path) as file:
        if as_csv:
            file.write(text_of(COLUMNS, ()).encode())
        for text in texts:
            row = BatchRow.model_validate_json(text)
            line = text_of(COLUMNS, lines_of(row), header=False) if as_csv else f"{text}\n"
            file.write(line.encode())
            yield row
        file.flush()
        os.fsync(file.fileno())  # the journal is removed after this
