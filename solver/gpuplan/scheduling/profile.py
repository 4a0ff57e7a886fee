"""How much of a resource is left over time: a step function that is searched for room and booked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

#: No minute at all.
NEVER = 1 << 60


class Profile:
    """Units that are left from each of `times` on, ascending and beginning at minute 0."""

    __slots__ = ("times", "units")

    def __init__(self, capacity: Sequence[tuple[int, int]]) -> None:
        self.times = [minute for minute, _ in capacity]
        self.units = [units for _, units in capacity]

    def book(self, begin: int, end: int, units: int) -> None:
        """Take so many units from one minute up to another; give them back where they are negative."""
        times, left = self.times, self.units
        i = bisect_left(times, begin)
        if i == len(times) or times[i] != begin:
            times.insert(i, begin)
            left.insert(i, left[i - 1])
        j = bisect_left(times, end, i)
        if j == len(times) or times[j] != end:
            times.insert(j, end)
            left.insert(j, left[j - 1])
        for k in range(i, j):
            left[k] -= units
        if left[j] == left[j - 1]:
            del times[j], left[j]
        if i > 0 and left[i] == left[i - 1]:
            del times[i], left[i]

    def first_room(self, start: int, minutes: int, units: int, last: int) -> int:
        """First minute from `start` to `last` from which so many units are free for so long; `NEVER` if there is none."""
        times, left = self.times, self.units
        count = len(times)
        i = bisect_right(times, start) - 1
        while start <= last:
            end = start + minutes
            while i < count and times[i] < end and left[i] >= units:
                i += 1
            if i == count or times[i] >= end:
                return start
            while i < count and left[i] < units:
                i += 1
            if i == count:
                return NEVER
            start = times[i]
        return NEVER


def first_common_room(
    profiles: Sequence[Profile], uses: Sequence[tuple[int, int]], start: int, minutes: int, last: int
) -> int:
    """First minute from `start` to `last` with room in every resource that is used; `NEVER` if there is none."""
    if len(uses) == 1:
        resource, units = uses[0]
        return profiles[resource].first_room(start, minutes, units, last)
    while True:
        before = start
        for resource, units in uses:
            start = profiles[resource].first_room(start, minutes, units, last)
            if start > last:
                return NEVER
        if start == before:
            return start
