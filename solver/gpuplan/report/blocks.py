"""What the text is made of: prose that keeps numbers with their units, titled sections, rows of facts, tables, bars. ASCII only."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from gpuplan.report.format import GLUE

#: Wider lines of text are hard to read.
MAX_WIDTH = 100
INDENT = 2
#: Width of the labels of facts.
LABEL = 15
BAR = 24
#: A rule below the header and nothing else.
HEADER_RULE = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


class Prose:
    """Text that breaks between words, but not at a hyphen nor between a number and its unit."""

    def __init__(self, text: str, style: str = "") -> None:
        self.text = text
        self.style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = textwrap.wrap(self.text, max(1, options.max_width), break_on_hyphens=False) or [""]
        justify = options.justify or "left"
        yield Text(plain("\n".join(lines)), self.style, justify=justify, overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        words = max((cell_len(word) for word in self.text.split(" ")), default=0)
        longest = max(1, cell_len(self.text))
        return Measurement(max(1, min(words, options.max_width)), max(1, min(longest, options.max_width)))


def plain(text: str) -> str:
    """The text with plain spaces where it must not break."""
    return text.replace(GLUE, " ")


def write(console: Console, blocks: Iterable[RenderableType], width: int) -> None:
    """Print blocks at most `width` columns wide, without trailing spaces."""
    options = console.options.update(width=width)
    for line in console.render_lines(Group(*blocks), options, pad=False):
        text = Text.assemble(*((segment.text, segment.style or Style.null()) for segment in line))
        text.rstrip()
        console.print(text, soft_wrap=True, highlight=False)


def section(title: str, *parts: RenderableType, note: str = "") -> RenderableType:
    """A titled block, set off by an empty line."""
    head = Text.assemble((plain(title), "bold"), plain(f"  {note}" if note else ""), overflow="fold")
    return Group(Text(""), head, *(Padding(part, (0, 0, 0, INDENT)) for part in parts))


def facts(rows: Iterable[tuple[str, str | None]]) -> RenderableType:
    """Labels and what is known; a row without a value is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=LABEL)
    grid.add_column()
    for label, value in rows:
        if value:
            grid.add_row(Prose(label), Prose(value))
    return grid


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> RenderableType:
    """Columns with a header; a header that begins with ">" sets its column flush right."""
    grid = Table(box=HEADER_RULE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="")
    for header in headers:
        grid.add_column(Prose(header.removeprefix(">")), justify="right" if header.startswith(">") else "left")
    for row in rows:
        grid.add_row(*(Prose(value) for value in row))
    return grid


class Rows:
    """A long table, the most important columns first: a row is a line, and columns that do not fit are left out and named."""

    def __init__(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.headers = headers
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [header.removeprefix(">") for header in self.headers]
        cells = [names, *([plain(cell) for cell in row] for row in self.rows)]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        shown = 1
        while shown < len(widths) and sum(widths[: shown + 1]) + 2 * shown <= options.max_width:
            shown += 1
        widths = widths[:shown]
        lines = [_line(row[:shown], widths, self.headers) for row in cells]
        rule = "-" * (sum(widths) + 2 * (shown - 1))
        yield Text("\n".join([lines[0], rule, *lines[1:]]), no_wrap=True, overflow="ignore")
        if shown < len(names):
            yield Prose(f"Too narrow for {', '.join(names[shown:])}; --format csv has every column.")


def _line(row: Sequence[str], widths: Sequence[int], headers: Sequence[str]) -> str:
    """Cells of one row, each padded to the width of its column."""
    padded = []
    for cell, width, header in zip(row, widths, headers, strict=False):
        gap = " " * (width - cell_len(cell))
        padded.append(gap + cell if header.startswith(">") else cell + gap)
    return "  ".join(padded).rstrip()


def columns(rows: Iterable[Sequence[str]], right: Sequence[int]) -> RenderableType:
    """Columns without a header; those in `right` are set flush right."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for index, row in enumerate(rows):
        if index == 0:
            for place in range(len(row)):
                grid.add_column(justify="right" if place in right else "left")
        grid.add_row(*(Prose(value) for value in row))
    return grid


def bullets(sentences: Iterable[str]) -> RenderableType:
    """A list with hanging lines."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for sentence in sentences:
        grid.add_row("-", Prose(sentence))
    return grid


def side_by_side(left: RenderableType, right: RenderableType) -> RenderableType:
    """Two blocks beside each other."""
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_row(left, right)
    return grid


def bar(share: float, width: int = BAR) -> str:
    """A bar of `share` of `width`; at least one mark for what is above zero."""
    return "#" * min(width, max(1 if share > 0 else 0, round(width * share)))
