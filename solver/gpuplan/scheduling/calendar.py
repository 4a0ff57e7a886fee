"""Times of a fleet's file in minutes from its start, rounded to the safe side; and what changes over time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gpuplan.errors import InputError, shown
from gpuplan.scheduling.types import Calendar
from gpuplan.scheduling.words import at, entries, fields, required
from gpuplan.units import parse_duration

MAX_MINUTES = 10 * 366 * 1440
"""Ten years: nobody plans beyond, and a wrong year is caught."""
DATE_EXAMPLE = "2026-12-01 08:00"
_DATE = re.compile(r"\d{4}-")
_NOTHING = re.compile(r"0+(\.0*)?\s*[a-zA-Z]*")
#: Share of a minute that is the noise of arithmetic: 0.7 days are 1,008 minutes, not 1,007.99...
_NOISE = 1e-6


@dataclass(frozen=True, slots=True)
class Clock:
    """Reads times: dates (ISO 8601) where the calendar begins on one, and durations from its start.

    Dates have time zones, or none of them has; without, they are local time in which every day has 24 hours.
    """

    start: datetime | None = None

    def after(self, field: str, value: object) -> int:
        """First whole minute that is not before a time; what was before the start is 0.

        Raises
        ------
        InputError
            Neither a date nor a duration, a date without a start, a time zone that only one of them has, or too late.
        """
        return max(0, up(self.minutes(field, value)))

    def before(self, field: str, value: object) -> int:
        """Last whole minute that is not after a time; below 0 where it is before the start. Errors are those of `after`."""
        return down(self.minutes(field, value))

    def minutes(self, field: str, value: object) -> float:
        """Minutes from the start, which a date before it makes negative. Errors are those of `after`."""
        text = str(value).strip()
        if isinstance(value, date) or _DATE.match(text):
            minutes = self._of_date(field, value)
        elif _NOTHING.fullmatch(text):
            minutes = 0.0
        else:
            minutes = _duration(
                field, value, " from the start" + ("" if self.start is None else f", or {DATE_EXAMPLE}")
            )
        if abs(minutes) > MAX_MINUTES:
            raise InputError(field, value, f"{shown(text)!r} is more than ten years from the start; is the year right?")
        return minutes

    def date(self, minute: int) -> datetime | None:
        """The date of a minute, where the calendar has dates."""
        return None if self.start is None else self.start + timedelta(minutes=minute)

    def _of_date(self, field: str, value: object) -> float:
        found = parse_date(field, value)
        if self.start is None:
            right = (
                "is a date, and the calendar has none; give 'start:' its date, or durations from the start such as 36h"
            )
            raise InputError(field, value, f"{shown(value)!r} {right}")
        if (found.tzinfo is None) != (self.start.tzinfo is None):
            has, lacks = ("the start", "this one") if found.tzinfo is None else ("this one", "the start")
            message = (
                f"{shown(value)!r}: {has} has a time zone, and {lacks} has none; give one to all dates, or to none"
            )
            raise InputError(field, value, message)
        return (found - self.start) / timedelta(minutes=1)


def parse_date(field: str, value: object) -> datetime:
    """A date of ISO 8601, with or without time of day and time zone.

    Raises
    ------
    InputError
        It is none.
    """
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise InputError(field, value, f"{shown(value)!r} is no date; write for example {DATE_EXAMPLE}") from None


def minutes_of_work(field: str, value: object) -> int:
    """Whole minutes that hold a duration, at least 1."""
    minutes = _duration(field, value)
    if minutes > MAX_MINUTES:
        raise InputError(field, value, f"{shown(value)!r} is more than ten years")
    return max(1, up(minutes))


def _duration(field: str, value: object, also: str = "") -> float:
    """Minutes of a duration; the error says what else could be written."""
    try:
        return parse_duration(field, value) / 60
    except InputError as error:
        if not also or error.suggestions or "is not a duration" not in error.message:
            raise
        raise InputError(field, value, f"{shown(value)!r} is no time; write 36h or 3 days{also}") from None


def up(minutes: float) -> int:
    """The next whole minute."""
    return math.ceil(minutes - _NOISE)


def down(minutes: float) -> int:
    """The last whole minute."""
    return math.floor(minutes + _NOISE)


@dataclass(frozen=True, slots=True)
class Span:
    """From a minute to another, None without an end."""

    first: int = 0
    end: int | None = None


def read_calendar(
    words: object, unit: str, first: int, clock: Clock, count: Callable[[str, object], int], span: Span = Span()
) -> Calendar:
    """Units over time: `first` of them, then what each change says, and none outside the span.

    Parameters
    ----------
    words
        A list of changes with the fields `from` and `unit`, ascending; None where there are none.
    unit
        Name of the field with the units: "nodes" or "gpus".
    first
        Units before the first change.
    clock
        Reads `from`: what adds units is rounded up to whole minutes, what takes some away down.
    count
        Reads the units.
    span
        When there are any.

    Raises
    ------
    InputError
        A change that cannot be read or does not come after the one before it.
    """
    levels: list[tuple[int, int]] = [(0, first)]
    last: float | None = None
    for number, entry in enumerate(() if words is None else entries("calendar", words), 1):
        with at(f"calendar[{number}]"):
            change = fields(entry, ("from", unit), "a change")
            value = required(change, "from", DATE_EXAMPLE)
            minutes, units = clock.minutes("from", value), count(unit, required(change, unit, "6"))
            if last is not None and minutes <= last:
                raise InputError(
                    "from", value, f"{shown(value)!r} is not after the change before it; put them in order"
                )
            last = minutes
            levels.append((max(0, (up if units > levels[-1][1] else down)(minutes)), units))
    return _within(levels, span)


def _within(levels: Sequence[tuple[int, int]], span: Span) -> Calendar:
    """The levels inside a span, 0 outside; of several at a minute the last, and none that changes nothing."""
    found: dict[int, int] = {}
    for minute in sorted(
        {0, span.first, *(minute for minute, _ in levels), *(() if span.end is None else (span.end,))}
    ):
        inside = minute >= span.first and (span.end is None or minute < span.end)
        units = [units for begin, units in levels if begin <= minute][-1] if inside else 0
        if not found or units != list(found.values())[-1]:
            found[minute] = units
    return tuple(found.items())
