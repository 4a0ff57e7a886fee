"""The time axis: dates where the calendar has them, else hours and days from its start."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from gpuplan.report.fleet_plots.chart import TimeAxis
from gpuplan.report.fleet_words import DAYS, MONTHS
from gpuplan.report.format import GLUE
from gpuplan.report.sweep_plots.scales import tick_text

#: Most values that are named.
MOST_TICKS = 9
DAY = 24.0
WEEK = 7 * DAY
#: Steps between named times, in hours; after them come months, or where there are no dates weeks.
_STEPS = (1 / 12, 1 / 6, 0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0, DAY, 2 * DAY, WEEK, 2 * WEEK)


def time_axis(start: datetime | None, last: float) -> TimeAxis:
    """An axis from hour 0 to `last` and a little beyond."""
    high = last * 1.02 if last > 0 else 1.0
    if start is None:
        return TimeAxis("from the start of the calendar", high, _plain(high), None)
    title = f"starts {DAYS[start.weekday()]} {start.day} {MONTHS[start.month - 1]} {start:%Y, %H:%M}"
    return TimeAxis(title, high, _ticks(start, high), start)


def _ticks(start: datetime, high: float) -> tuple[tuple[float, str], ...]:
    """Round dates and times of day, few enough to be read."""
    for step in _STEPS:
        if high / step <= MOST_TICKS:
            return _even(start, high, step)
    return _months(start, high)


def _plain(high: float) -> tuple[tuple[float, str], ...]:
    """Round times from the start."""
    step = next((step for step in _STEPS if high / step <= MOST_TICKS), WEEK * math.ceil(high / WEEK / MOST_TICKS))
    places = [index * step for index in range(math.floor(high / step + 1e-9) + 1)]
    return tuple((place, tick_text(place, "hours") if place else "0") for place in places)


def _even(start: datetime, high: float, step: float) -> tuple[tuple[float, str], ...]:
    """Every so many hours, counted from midnight; weeks from a Monday."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if step >= WEEK:
        midnight -= timedelta(days=start.weekday())
    before = (start - midnight).total_seconds() / 3600
    first = math.ceil(before / step - 1e-9)
    places = [index * step - before for index in range(first, math.floor((before + high) / step + 1e-9) + 1)]
    return tuple((place, _text(start, place, step)) for place in places)


def _text(start: datetime, hours: float, step: float) -> str:
    """A day such as "Tue 1 Dec", or the time of day where that is not midnight; Mondays go without their name."""
    at = start + timedelta(minutes=round(60 * hours))
    if at.hour or at.minute:
        return f"{at:%H:%M}"
    day = f"{at.day}{GLUE}{MONTHS[at.month - 1]}"
    return day if step >= WEEK else f"{DAYS[at.weekday()]}{GLUE}{day}"


def _months(start: datetime, high: float) -> tuple[tuple[float, str], ...]:
    """First days of months, every so many."""
    months = high / (30 * DAY)
    every = next(
        (count for count in (1, 2, 3, 6) if months / count <= MOST_TICKS), 12 * math.ceil(months / 12 / MOST_TICKS)
    )
    ticks = []
    for index in range(math.ceil(months) + 2):
        year, month = divmod(start.month - 1 + index, 12)
        first = start.replace(year=start.year + year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
        hours = (first - start).total_seconds() / 3600
        if month % every == 0 and 0 <= hours <= high:
            ticks.append((hours, f"{MONTHS[month]}{GLUE}{first.year}"))
    return tuple(ticks)
