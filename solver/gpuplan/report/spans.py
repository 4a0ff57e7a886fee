"""A table in which a row may be a sentence over all its columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from gpuplan.report.blocks import plain

GAP = 2
#: No column is made narrower than this, whatever the width.
LEAST = 4


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, a column each; or where `sentence` is given, the first cells and then the sentence over all that is left."""

    cells: tuple[str, ...]
    style: str = ""
    sentence: str | None = None


class Grid:
    """Rows below a header; a header that begins with ">" sets its column flush right. Columns without any text are left out."""

    def __init__(self, headers: Sequence[str], rows: Sequence[Row]) -> None:
        kept = [
            place for place in range(len(headers)) if any(place < len(row.cells) and row.cells[place] for row in rows)
        ]
        self.headers = [headers[place] for place in kept]
        self.rows = [
            Row(tuple(row.cells[place] for place in kept if place < len(row.cells)), row.style, row.sentence)
            for row in rows
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = tuple(header.removeprefix(">") for header in self.headers)
        widths = _widths([names, *(row.cells for row in self.rows)], len(names), options.max_width)
        yield from self._lines(Row(names), widths, options.max_width)
        yield Text("-" * (sum(widths) + GAP * (len(widths) - 1)), no_wrap=True, overflow="ignore")
        for row in self.rows:
            yield from self._lines(row, widths, options.max_width)

    def _lines(self, row: Row, widths: Sequence[int], most: int) -> Iterator[Text]:
        """A row, on as many lines as its fullest cell needs; its sentence goes as far as the page."""
        used = [*widths[: len(row.cells)]]
        cells = [_wrapped(cell, width) for cell, width in zip(row.cells, widths, strict=False)]
        if row.sentence is not None:
            used.append(max(LEAST, most - sum(used) - GAP * len(used)))
            cells.append(_wrapped(row.sentence, used[-1]))
        for parts in zip_longest(*cells, fillvalue=""):
            padded = [
                _padded(part, width, right=place < len(row.cells) and self.headers[place].startswith(">"))
                for place, (part, width) in enumerate(zip(parts, used, strict=True))
            ]
            line = (" " * GAP).join(padded).rstrip()
            yield Text(line, row.style, no_wrap=True, overflow="ignore")


def _widths(rows: Sequence[Sequence[str]], columns: int, most: int) -> list[int]:
    """Widths of the columns: what their cells need; where that is too much, the widest give way, first as far as words allow."""
    by_column = [[row[place] for row in rows if place < len(row)] for place in range(columns)]
    widths = [max(map(cell_len, cells)) for cells in by_column]
    words = [max(cell_len(word) for cell in cells for word in cell.split(" ")) for cells in by_column]
    for least in (words, [LEAST] * columns):
        while sum(widths) + GAP * (columns - 1) > most:
            place = max(range(columns), key=lambda place: (widths[place] > least[place], widths[place]))
            if widths[place] <= least[place]:
                break
            widths[place] -= 1
    return widths


def _wrapped(cell: str, width: int) -> list[str]:
    return [plain(line) for line in textwrap.wrap(cell, width, break_on_hyphens=False)] or [""]


def _padded(text: str, width: int, *, right: bool) -> str:
    gap = " " * (width - cell_len(text))
    return gap + text if right else text + gap
