"""Sizes of a picture, in inches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpuplan.report.fleet_plots.chart import FleetChart

WIDTH = 12.0
#: Around everything, and between what stands beside each other.
EDGE, GAP = 0.12, 0.1
#: Letters of rows in points: the larger while there are few of them.
LARGE, SMALL = 9.0, 7.4
FEW_ROWS, MANY_ROWS = 50, 95
#: Height of a row against its letters.
LEADING = 1.62
POINTS = 72.0
#: What is named on the left takes no more than this.
MOST_LEFT = 2.9
#: Room for the numbers beside a panel, for dates, and between panels.
NUMBERS, DATES, BETWEEN = 0.42, 0.24, 0.2
PANEL = 0.62
#: Most pixels of the longer side of a PNG.
MOST_PIXELS = 20_000
SHARP = 200


@dataclass(frozen=True)
class Layout:
    """Where everything goes; heights from the top of the picture downwards.

    Attributes
    ----------
    size
        Letters of the rows, in points.
    head
        Height of title, second line and legend.
    left
        Width of the names.
    """

    size: float
    row: float
    rows: int
    panels: int
    head: float
    left: float

    @property
    def axes_left(self) -> float:
        """Where time begins."""
        return EDGE + self.left + NUMBERS

    @property
    def axes_width(self) -> float:
        """From the beginning of the time axis to its end."""
        return WIDTH - self.axes_left - 2 * EDGE

    @property
    def rows_height(self) -> float:
        """All rows."""
        return self.row * max(1, self.rows)

    @property
    def rows_top(self) -> float:
        """Above the first row stand dates."""
        return self.head + DATES

    @property
    def height(self) -> float:
        """The whole picture."""
        below = BETWEEN + self.panels * (PANEL + BETWEEN) + DATES if self.panels else 0.0
        return self.rows_top + self.rows_height + below + EDGE

    def panel_top(self, index: int) -> float:
        """Where a panel begins."""
        return self.rows_top + self.rows_height + 2 * BETWEEN + index * (PANEL + BETWEEN)

    def box(self, top: float, height: float) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of what goes beside the names, in shares of the picture."""
        whole = self.height
        return self.axes_left / WIDTH, (whole - top - height) / whole, self.axes_width / WIDTH, height / whole

    @property
    def dpi(self) -> int:
        """Pixels of an inch: fewer where the picture is very high."""
        return min(SHARP, int(MOST_PIXELS / self.height))


def letters(chart: FleetChart) -> float:
    """Size of the letters of rows."""
    share = (len(chart.rows) - FEW_ROWS) / (MANY_ROWS - FEW_ROWS)
    return LARGE - (LARGE - SMALL) * min(1.0, max(0.0, share))


def shortened(text: str, width: float, measure: Callable[[str], float], *, ends: bool = False) -> str:
    """The text, or as much of its beginning as has room, and an ellipsis; "" where not even three letters have.

    With `ends` as much of both ends: names often differ in the last letters.
    """
    if measure(text) <= width:
        return text

    def cut(count: int) -> str:
        head = (count + 1) // 2 if ends else count
        return f"{text[:head].rstrip()}…{text[len(text) - count + head :]}"

    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(cut(middle)) <= width else (low, middle - 1)
    return cut(low) if low >= 3 else ""
