"""Times of a page: plotly's dates where the calendar has dates, else hours."""

from __future__ import annotations

from typing import Any

from gpuplan.report.fleet_plots.chart import TimeAxis
from gpuplan.report.fleet_words import date_of
from gpuplan.report.sweep_plots.chart import INK

MILLISECONDS = 3_600_000.0
Moment = str | float


class Clock:
    """From hours to what plotly draws along the time axis."""

    def __init__(self, time: TimeAxis) -> None:
        self._time = time

    @property
    def high(self) -> float:
        """The last hour."""
        return self._time.high

    def at(self, hours: float) -> Moment:
        """A moment."""
        start = self._time.start
        return hours if start is None else date_of(start, hours).replace(tzinfo=None).isoformat()

    def long(self, hours: float) -> float:
        """A length: on an axis of dates plotly counts milliseconds."""
        return hours if self._time.start is None else hours * MILLISECONDS

    def axis(self) -> dict[str, Any]:
        """An axis of plotly's; its steps are its own, as it is zoomed."""
        kind = {"type": "linear", "ticksuffix": " h"} if self._time.start is None else {"type": "date"}
        ends = [self.at(0.0), self.at(self._time.high)]
        return {**kind, "range": ends, "showline": True, "linecolor": INK, "showgrid": True, "zeroline": False}
