"""Reading a table from outside: a CSV file, its header and the cells of its rows, with errors that name the line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from gpuplan_hardware.errors import CatalogueError

MAX_FILE_BYTES = 50_000_000

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a CSV file; cells are stripped, and empty where the column is absent."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def error(self, field: str, right: str, suggestions: tuple[str, ...] = ()) -> CatalogueError:
        """An error about a cell; `right` says what would be right."""
        value = self.cells.get(field, "")
        message = f"{self.path} line {self.line}: {field} is {value[:200]!r}; {right}."
        return CatalogueError(field, value, message, suggestions)

    def text(self, field: str) -> str:
        """A cell that may not be empty.

        Raises
        ------
        CatalogueError
            When it is empty or holds characters that cannot be printed.
        """
        value = self.cells.get(field, "")
        if not value or not value.isprintable():
            raise self.error(field, "a printable text was expected")
        return value

    def number(self, field: str, lowest: float, highest: float, unit: str) -> float | None:
        """A cell's number, None when the cell is empty.

        Raises
        ------
        CatalogueError
            When it is no plain number or out of the range, both ends included.
        """
        value = self.cells.get(field, "")
        if not value:
            return None
        right = f"a plain number from {lowest:g} to {highest:g} ({unit}) was expected"
        if not _NUMBER.fullmatch(value) or not lowest <= float(value) <= highest:
            raise self.error(field, right)
        return float(value)

    def whole(self, field: str, lowest: int, highest: int, unit: str) -> int | None:
        """A cell's whole number, None when the cell is empty.

        Raises
        ------
        CatalogueError
            When it is no whole number or out of the range, both ends included.
        """
        value = self.number(field, lowest, highest, unit)
        if value is None:
            return None
        if value != int(value):
            raise self.error(field, f"a whole number of {unit} was expected")
        return int(value)

    def day(self, field: str) -> date:
        """A cell's date.

        Raises
        ------
        CatalogueError
            When it is empty or no date written as 2026-11-20.
        """
        value = self.cells.get(field, "")
        try:
            if _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass  # the 30th of February: same answer as for other text
        raise self.error(field, "a date such as 2026-11-20 was expected")


def read_rows(path: Path, required: Collection[str], optional: Collection[str]) -> Iterator[Row]:
    """The rows of a CSV file with a header, columns in any order, blank lines skipped.

    Raises
    ------
    CatalogueError
        When the file cannot be read, is not text, lacks a required column, has an unknown one, or has a ragged row.
    """
    reader = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(path, header, required, optional)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(path, reader.line_num, header, cells)
    except csv.Error as error:
        message = f"{path} line {reader.line_num}: it is not a well-formed CSV file ({error})."
        raise CatalogueError("offers", str(path), message) from None


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        message = f"{path} line {line}: it has {len(cells)} cells, but the header has {len(header)}."
        raise CatalogueError("offers", ",".join(cells)[:200], message)
    return Row(path, line, {key: cell.strip() for key, cell in zip(header, cells, strict=True)})


def _check_header(path: Path, header: list[str], required: Collection[str], optional: Collection[str]) -> None:
    known = [*required, *optional]
    for name in header:
        if name not in known or header.count(name) > 1:
            problem = "appears twice" if name in known else f"is not known; the columns are {', '.join(known)}"
            close = tuple(get_close_matches(name, known, n=3))
            raise CatalogueError(name[:200], name[:200], f"{path} line 1: column {name[:200]!r} {problem}.", close)
    for name in required:
        if name not in header:
            message = f"{path} line 1: column {name!r} is missing; a price list needs {', '.join(required)}."
            raise CatalogueError(name, "", message)


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise _unreadable(path, "it is no regular file" if path.exists() else "there is no such file")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _unreadable(path, f"it has {path.stat().st_size} bytes, more than {MAX_FILE_BYTES}")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(path, "it is not a text file in UTF-8") from None
    except (OSError, ValueError) as error:
        if isinstance(error, CatalogueError):
            raise
        raise _unreadable(path, str(error)) from None
    if "\0" in text:
        raise _unreadable(path, "it is a binary file")
    return text


def _unreadable(path: Path, why: str) -> CatalogueError:
    return CatalogueError("offers", str(path), f"{path}: {why}; a CSV file with a price list was expected.")
