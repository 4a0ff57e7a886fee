"""Axes: where they begin and end, whether they are logarithmic, and which values they name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from gpuplan.report import format as say
from gpuplan.report.sweep_plots.chart import Axis, Kind

#: From this ratio of the largest to the smallest value on an axis is logarithmic.
LOG_FROM = 8.0
MOST_TICKS = 9
#: Share of the axis left free on either side.
MARGIN = 0.05

_MINUTE, _DAY = 1 / 60, 24.0
#: Times that people name, in hours.
_LADDER = (
    *(second / 3600 for second in (1, 2, 5, 10, 15, 30)),
    *(minute * _MINUTE for minute in (1, 2, 5, 10, 15, 20, 30)),
    *(1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 18.0),
    *(day * _DAY for day in (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180, 365, 730, 1825, 3650)),
)


class Scale:
    """From a value to its place on an axis, 0 to 1."""

    def __init__(self, low: float, high: float, log: bool) -> None:
        self._log = log
        self._low, self._high = (math.log(low), math.log(high)) if log else (low, high)

    def __call__(self, value: float) -> float:
        return ((math.log(value) if self._log else value) - self._low) / (self._high - self._low)


def axis(
    title: str,
    kind: Kind,
    values: Sequence[float],
    *,
    left: float = MARGIN,
    right: float = MARGIN,
    named: Sequence[tuple[float, str]] = (),
) -> Axis:
    """An axis that shows all values.

    Parameters
    ----------
    left, right
        Shares of the axis that stay free below the smallest and above the largest value.
    named
        Values that the user gave, times as written: they are named where there is room for all.
    """
    smallest, largest = (min(values), max(values)) if values else (1.0, 1.0)
    log = smallest > 0 and largest / smallest > LOG_FROM
    low, high = _ends(smallest, largest, left, right, log)
    if not values:
        return Axis(title, kind, low, high, log, ())
    place = Scale(low, high, log)
    ticks = sorted((value, text if kind == "hours" else tick_text(value, kind)) for value, text in dict(named).items())
    if not ticks or len(ticks) > MOST_TICKS or not _apart([place(value) for value, _ in ticks], 0.09):
        ticks = [(value, tick_text(value, kind)) for value in _ticks(low, high, kind, log)]
    return Axis(title, kind, low, high, log, tuple(ticks))


def tick_text(value: float, kind: Kind) -> str:
    """A value beside an axis: "30 min", "1 day", "$2,000", "500 MB"."""
    if kind == "hours":
        return _hours(value)
    if kind in ("usd", "usd_per_gpu_hour"):
        return f"${value:,.0f}" if value == round(value) else f"${value:,.2f}"
    if kind == "bytes":
        return say.decimal_bytes(value)
    return say.count(value) if value >= 1 or value == 0 else f"{value:g}"


def _hours(value: float) -> str:
    """A round time in its largest unit."""
    if value >= _DAY:
        days = value / _DAY
        return f"{days:g}{say.GLUE}day" + ("" if days == 1 else "s")
    factor, unit = next(
        ((factor, unit) for factor, unit in ((1.0, "h"), (60.0, "min")) if value * factor >= 0.9999), (3600.0, "s")
    )
    return f"{round(value * factor, 2):g}{say.GLUE}{unit}"


def _ends(smallest: float, largest: float, left: float, right: float, log: bool) -> tuple[float, float]:
    """Both ends, so that the shares stay free; a linear axis of positive values does not go below nought."""
    if log:
        low, high = math.log(smallest), math.log(largest)
        whole = (high - low) / (1 - left - right)
        return math.exp(low - left * whole), math.exp(high + right * whole)
    whole = (largest - smallest) / (1 - left - right) or max(abs(largest), 1e-9)
    low = smallest - left * whole
    if low < 0 <= smallest or smallest - 0.4 * whole < 0 <= smallest:  # nought is near: show it
        low = 0.0
        whole = largest / (1 - right) or whole
    return low, largest + right * whole


def _apart(places: Sequence[float], least: float) -> bool:
    """Whether neighbours are at least that far apart."""
    return all(after - before >= least for before, after in pairwise(places))


def _ticks(low: float, high: float, kind: Kind, log: bool) -> list[float]:
    """Round values between two ends, few enough to be read."""
    if not log:
        step = _step((high - low) / 6, kind)
        first = math.ceil(low / step - 1e-9)
        return [step * index for index in range(first, math.floor(high / step + 1e-9) + 1)]
    for candidates in _log_ladders(low, high, kind):
        inside = [value for value in candidates if low <= value <= high]
        if len(inside) <= MOST_TICKS:
            return inside
    return inside[:: math.ceil(len(inside) / MOST_TICKS)]


def _log_ladders(low: float, high: float, kind: Kind) -> list[Sequence[float]]:
    """Sets of round values, the richest first."""
    if kind == "hours":
        coarse = tuple(
            value for value in _LADDER if not _one_of(value, (2 * _MINUTE, 2.0, 4.0, 9.0, 18.0, 20 * _MINUTE))
        )
        coarser = (
            10 / 3600,
            *(m * _MINUTE for m in (1, 5, 15)),
            1.0,
            3.0,
            12.0,
            *(d * _DAY for d in (1, 3, 7, 30, 90, 365, 3650)),
        )
        middle = (
            *(m * _MINUTE for m in (1, 5, 15, 30)),
            1.0,
            2.0,
            4.0,
            12.0,
            *(d * _DAY for d in (1, 2, 7, 30, 90, 365)),
        )
        return [coarse, middle, coarser]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    twos, fours, eights = ([float(base**power) for power in range(20)] for base in (2, 4, 8))
    fine, plain = ([m * 10.0**p for p in powers for m in some] for some in ((1, 2, 5), (1,)))
    return [twos, fours, eights] if kind == "count" and high <= 5000 else [fine, plain]


def _one_of(value: float, others: Sequence[float]) -> bool:
    return any(math.isclose(value, other) for other in others)


def _step(least: float, kind: Kind) -> float:
    """A round step of at least that size."""
    if kind == "hours":
        return next((step for step in _LADDER if step >= least), 365 * _DAY * math.ceil(least / (365 * _DAY)))
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9))
    return max(1.0, math.ceil(step)) if kind == "count" and least > 0.2 else step
