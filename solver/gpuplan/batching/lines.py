"""Jobs in CSV, columns are the job's fields, and as JSON lines: read line by line, so that files may be large."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from gpuplan.batching.rows import NAME, Row, field_name, row_of, unreadable
from gpuplan.errors import InputError, close_matches, shown
from gpuplan.fields import BY_NAME

#: A job takes a few hundred bytes; a longer line is no line of such a file.
LONGEST_LINE = 1_000_000


def csv_rows(path: Path) -> Iterator[Row]:
    """Rows of a CSV file; an empty cell is not given, an empty line is no row.

    Raises
    ------
    InputError
        It cannot be read, is no CSV in UTF-8, or has a column that is no field of a job.
    """
    try:
        reader = csv.reader(_lines(path), strict=True)
        header = next((cells for cells in reader if any(map(str.strip, cells))), None)
        if header is None:
            raise InputError("jobs", path, f"{str(path)!r} is empty; begin with the columns, such as model,method,data")
        columns = _columns(path, header)
        filled = (cells for cells in reader if any(map(str.strip, cells)))
        for number, cells in enumerate(filled, start=1):
            if len(cells) != len(columns):
                message = (
                    f"the row has {len(cells)} cells, and there are {len(columns)} columns; quote what holds a comma"
                )
                yield unreadable(number, InputError("job", ",".join(cells), message))
            else:
                yield row_of(number, {name: cell.strip() for name, cell in zip(columns, cells, strict=True)})
    except csv.Error as error:
        message = f"{str(path)!r} is no CSV (near line {reader.line_num}: {error}); quotes must be closed"
        raise InputError("jobs", path, message) from None


def _columns(path: Path, header: list[str]) -> list[str]:
    """Names of the columns."""
    names = [field_name(cell) for cell in header]
    for name, cell in zip(names, header, strict=True):
        if name not in BY_NAME and name != NAME:
            other = ";" if ";" in cell else "\t" if "\t" in cell else None
            right = "" if other is None else f"; put commas between the columns, not {other!r}"
            message = f"{shown(cell.strip())!r} in the first line of {shown(path)!r} is no field of a job{right}"
            raise InputError("jobs", cell.strip(), message, close_matches(name.replace("-", "_"), [*BY_NAME, NAME]))
        if names.count(name) > 1:
            raise InputError("jobs", cell.strip(), f"column {name!r} of {shown(path)!r} is there twice; keep one")
    return names


def json_rows(path: Path) -> Iterator[Row]:
    """Rows of JSON lines: a mapping a line; an empty line is no row.

    Raises
    ------
    InputError
        It cannot be read, or is no text in UTF-8.
    """
    number = 0
    for line in _lines(path):
        if not line.strip():
            continue
        number += 1
        try:
            yield row_of(number, json.loads(line, object_pairs_hook=_once, parse_constant=_no_number))
        except InputError as problem:
            yield unreadable(number, problem)
        except ValueError as error:
            message = (
                f'{shown(line.strip())!r} is no JSON ({error}); write one mapping a line, such as {{"model": "..."}}'
            )
            yield unreadable(number, InputError("job", line.strip(), message))
        except RecursionError:
            yield unreadable(
                number, InputError("job", line.strip(), "is nested too deeply; a job is a flat list of fields")
            )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping in which no name stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(shown(twice), found[twice], "stands twice in one job; keep one")
    return found


def _no_number(word: str) -> NoReturn:
    raise InputError("job", word, f"{word} is no number; give one, or leave the field out")


def _lines(path: Path) -> Iterator[str]:
    """Lines of a text.

    Raises
    ------
    InputError
        No such file, a folder, no text in UTF-8, or a line that is too long.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                yield _line(path, number, line)
    except FileNotFoundError:
        raise InputError("jobs", path, f"there is no file {str(path)!r}") from None
    except IsADirectoryError:
        raise InputError("jobs", path, f"{str(path)!r} is a folder; give a file of jobs") from None
    except OSError as error:
        raise InputError("jobs", path, f"cannot read {str(path)!r}: {error.strerror}") from None


def _line(path: Path, number: int, line: bytes) -> str:
    """One line as text."""
    if len(line) > LONGEST_LINE:
        raise InputError("jobs", path, f"line {number} of {str(path)!r} is longer than 1 MB; give one job a line")
    if b"\0" in line:
        raise InputError("jobs", path, f"{str(path)!r} is no text (line {number} has a zero byte); save it as UTF-8")
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise InputError("jobs", path, f"line {number} of {str(path)!r} is not UTF-8; save it so") from None
