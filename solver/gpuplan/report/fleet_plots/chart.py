"""What is drawn of a schedule, before anybody knows by which library: rows, bars, steps, words and colours. Times are hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from gpuplan.report.sweep_plots.chart import Style

#: Colours of what is no GPU: rows in turn, a window or a slack, a deadline, what is late.
BAND, WINDOW, DEADLINE, LATE = "#F4F6F8", "#DDE1E6", "#222222", "#B00020"


@dataclass(frozen=True)
class TimeAxis:
    """From hour 0 to `high`; `start` is the date of hour 0, None where there are no dates."""

    title: str
    high: float
    ticks: tuple[tuple[float, str], ...]
    start: datetime | None


@dataclass(frozen=True)
class Head:
    """The first row of a lane: where its jobs run."""

    text: str


@dataclass(frozen=True)
class Task:
    """A job in its place.

    Attributes
    ----------
    labels
        What is said beside its bar, the longest form first.
    deadline
        When it must, or should, have ended; it may lie beyond the axis.
    late_from
        Where its bar begins to be late.
    ready
        From when on it could have run, where that is before its start and not the beginning of the calendar.
    """

    name: str
    group: str
    start: float
    end: float
    labels: tuple[str, ...]
    hover: tuple[str, ...]
    deadline: float | None = None
    late_from: float | None = None
    ready: float | None = None


@dataclass(frozen=True)
class Out:
    """A job without a place: the window in which it could have run, and why it does not."""

    name: str
    words: str
    hover: tuple[str, ...]
    since: float
    until: float | None


Row = Head | Task | Out


@dataclass(frozen=True)
class Link:
    """A job that starts after another one: names of both."""

    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """So many units from that hour on."""

    hours: float
    units: int


@dataclass(frozen=True)
class Panel:
    """How much of a limit is in use.

    Attributes
    ----------
    notes
        Lines under its name.
    full
        From when to when nothing is left of it.
    top
        Most units that the panel shows.
    """

    name: str
    notes: tuple[str, ...]
    unit: str
    colour: str
    use: tuple[Step, ...]
    capacity: tuple[Step, ...]
    full: tuple[tuple[float, float], ...]
    top: float

    @property
    def named(self) -> int:
        """The number beside it: what there is at most, or where that is far above, what is used at most."""
        most = max(1, *(step.units for step in self.capacity))
        return most if most <= self.top else max(step.units for step in self.use)

    def use_at(self, hours: float) -> int:
        """Units in use at that hour."""
        return units_at(self.use, hours)

    def capacity_at(self, hours: float) -> int:
        """Units that there are at that hour."""
        return units_at(self.capacity, hours)


@dataclass(frozen=True)
class FleetChart:
    """A whole picture: rows of jobs above, panels of limits below, one time axis."""

    title: str
    subtitle: tuple[str, ...]
    time: TimeAxis
    rows: tuple[Row, ...]
    links: tuple[Link, ...]
    panels: tuple[Panel, ...]
    styles: dict[str, Style]
    more: str = ""

    @cached_property
    def places(self) -> dict[str, int]:
        """Row of each job that has a place."""
        return {row.name: index for index, row in enumerate(self.rows) if isinstance(row, Task)}

    @property
    def tasks(self) -> list[Task]:
        """Jobs that have a place, from the top down."""
        return [row for row in self.rows if isinstance(row, Task)]

    @property
    def outs(self) -> list[Out]:
        """Jobs without a place, from the top down."""
        return [row for row in self.rows if isinstance(row, Out)]


def units_at(steps: Sequence[Step], hours: float) -> int:
    """What the last step before or at an hour says; 0 before the first."""
    return next((step.units for step in reversed(steps) if step.hours <= hours), 0)
