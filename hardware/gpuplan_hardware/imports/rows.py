"""Rows of a CSV file from outside: fast, by column name, and tolerant of single bad rows but not of a broken file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from math import inf, isfinite, nan
from operator import itemgetter
from typing import TextIO

from gpuplan_hardware.entities import Pricing
from gpuplan_hardware.imports.base import ImportFileError, Listed, Skipped, Source

#: Reasons that every format gives in the same words.
NO_GPU = "no GPU"
NO_REGION = "no region"
NO_NAME = "no instance type"
NOT_A_PRICE = "not a plausible price"
NOT_A_COUNT = "the number of GPUs is no number"
RAGGED = "the row has another number of cells than the header"
CUT = "the file ends in this row without a line end, so that its last cell may be cut off"
MISSING: dict[Pricing, str] = {
    "on-demand": "no on-demand price",
    "spot": "no spot price",
    "reserved-1y": "no price for one year",
    "reserved-3y": "no price for three years",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (from 1) and the stripped cells of the columns that were asked for, "" where a column is absent."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the prices of a row have in common; the attributes are those of `Listed`."""

    line: int
    provider: str
    instance_type: str
    accelerator: str
    accelerator_count: float | None
    region: str
    zone: str = ""
    memory_gib_per_gpu: float | None = None
    vcpus: float | None = None
    ram_gib: float | None = None
    currency: str = "USD"
    as_of: date | None = None
    also_called: str = ""

    def priced(
        self, pricing: Pricing, price: float, text: str = "", on_demand: float | None = None
    ) -> Listed | Skipped:
        """The price, or why it is none: 0 is one that the catalogue does not have, `nan` one that cannot be read.

        Parameters
        ----------
        pricing : str
            Under which terms.
        price : float
            As `amount` gives it; for the whole machine and hour.
        text : str
            How the file has it.
        on_demand : float or None
            The on-demand price of the same row, where `pricing` is another.
        """
        if price == 0:
            return Skipped(self.line, MISSING[pricing], self.instance_type)
        if not 0 < price < inf:
            return Skipped(self.line, NOT_A_PRICE, f"{self.instance_type}: {pricing} {(text or str(price))[:40]!r}")
        return Listed(
            line=self.line,
            provider=self.provider,
            instance_type=self.instance_type,
            accelerator=self.accelerator,
            accelerator_count=self.accelerator_count,
            region=self.region,
            pricing=pricing,
            price_per_hour=price,
            currency=self.currency,
            memory_gib_per_gpu=self.memory_gib_per_gpu,
            vcpus=self.vcpus,
            ram_gib=self.ram_gib,
            zone=self.zone,
            as_of=self.as_of,
            on_demand_per_hour=on_demand,
            also_called=self.also_called,
        )

    def prices(self, texts: Sequence[tuple[Pricing, str]]) -> Iterator[Listed | Skipped]:
        """Every price of the row, the on-demand price first, against which the others are held."""
        on_demand: float | None = None
        for pricing, text in texts:
            price = amount(text)
            yield self.priced(pricing, price, text, on_demand)
            if pricing == "on-demand" and 0 < price < inf:
                on_demand = price


def amount(text: str) -> float:
    """The number of a cell: 0 where it is empty, `nan` where it is none, so that every comparison with it is false."""
    if not text:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        return nan
    return value if isfinite(value) and text.isascii() and "_" not in text else nan


def known(text: str) -> float | None:
    """A figure above 0; None where the cell is empty, 0 or no number, all of which mean unknown."""
    value = amount(text)
    return value if value > 0 else None


def day(text: str) -> date | None:
    """The day at the beginning of "2026-07-20T13:44:30Z"; None where there is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


class _Lines:
    """Lines of a text file for `csv.reader`; remembers whether the one just read has an end."""

    def __init__(self, file: TextIO) -> None:
        self._file = iter(file)
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        if "\0" in line:
            raise ImportFileError("it is a binary file; a CSV file was expected")
        self.last = line
        return line

    @property
    def cut(self) -> bool:
        return self.last[-1:] not in "\r\n"


def header_of(source: Source) -> tuple[str, ...]:
    """The column names of a CSV file.

    Raises
    ------
    ImportFileError
        As `read_rows`.
    """
    with _opened(source) as file:
        return tuple(_header(csv.reader(_Lines(file), strict=True)))


def read_rows(source: Source, names: Sequence[str], spill: str = "") -> Iterator[Row | Skipped]:
    """The rows of a CSV file with a header, in the order of the file; blank ones are left out.

    Parameters
    ----------
    source : Source
        The file, in UTF-8 with or without a byte-order mark.
    names : sequence of str
        Columns that are wanted; two at least. Those that the file lacks are "" in every row.
    spill : str
        Name of a column whose cells may hold unquoted commas: where it is the last one, surplus cells belong to it.

    Raises
    ------
    ImportFileError
        When the file is binary, not in UTF-8, has a column twice, or ends in the middle of a row.
    """
    with _opened(source) as file:
        yield from _rows(_Lines(file), names, spill)


@contextmanager
def _opened(source: Source) -> Iterator[TextIO]:
    try:
        with source.path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise ImportFileError("it is not a text file in UTF-8; a CSV file was expected") from None
    except OSError as error:
        raise ImportFileError(f"it cannot be read ({error.strerror or error})") from None


def _rows(lines: _Lines, names: Sequence[str], spill: str) -> Iterator[Row | Skipped]:
    reader = csv.reader(lines, strict=True)
    header = _header(reader)
    width, last = len(header), header[-1]
    pick = itemgetter(*(header.index(name) if name in header else width for name in names))
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise ImportFileError(f"it is truncated: the text that begins in line {line} has no end") from None
            yield Skipped(line, f"no well-formed CSV ({error})", lines.last.strip()[:60])
            continue
        if len(cells) != width and not (last == spill and _spilled(cells[width - 1 :])):
            if lines.cut and len(cells) < width and any(cells):
                raise ImportFileError(f"it is truncated: it ends in the middle of line {line}")
            if any(map(str.strip, cells)):
                yield Skipped(line, RAGGED, f"{len(cells)} cells for {width} columns: {','.join(cells)[:60]}")
            continue
        if lines.cut and last in names and not lines.last.endswith('"'):
            yield Skipped(line, CUT, ",".join(cells)[:60])
            continue
        cells.insert(width, "")
        picked = tuple(map(str.strip, pick(cells)))
        if any(picked):
            yield Row(line, picked)


def _spilled(cells: list[str]) -> bool:
    """Whether cells are the parts of one that lacks its quotes, as V1 and V2 are: all begin alike."""
    return len(cells) > 1 and all(cell[:1] == cells[0][:1] != "" for cell in cells)


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise ImportFileError(f"its header is no well-formed CSV ({error})") from None
    if not header:
        raise ImportFileError("it is empty; a CSV file with a header was expected")
    for name in header:
        if name and header.count(name) > 1:
            raise ImportFileError(f"its column {name[:60]!r} appears twice; each was expected once")
    return header
