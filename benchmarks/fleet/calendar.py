"""What is free of every resource over time, as steps: where a task fits first, and where it does so cheapest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from gpuplan.scheduling.problem import Mode, Placed, Resource, Task


class Free:
    """Units of every resource that nobody has booked.

    Attributes
    ----------
    resources
        What there is.
    """

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._times = [[minute for minute, _ in resource.capacity] for resource in resources]
        self._units = [[units for _, units in resource.capacity] for resource in resources]

    def first_fit(self, mode: Mode, begin: int) -> int | None:
        """First minute from `begin` on at which a mode fits; None where it never does."""
        start = max(begin, mode.earliest)
        moved = True
        while moved:
            moved = False
            for resource, units in mode.uses:
                later = self._next(resource, units, start, mode.minutes)
                if later is None:
                    return None
                if later > start:
                    start, moved = later, True
        return start

    def _next(self, resource: int, units: int, start: int, minutes: int) -> int | None:
        """First minute from `start` on with so many units free for so long."""
        times, free = self._times[resource], self._units[resource]
        step = bisect_right(times, start) - 1
        while step < len(times) and times[step] < start + minutes:
            if free[step] < units:
                if step + 1 == len(times):
                    return None
                start = times[step + 1]
            step += 1
        return start

    def fits(self, task: Task, begin: int) -> list[Placed]:
        """The first place of every mode that fits at all."""
        starts = ((number, self.first_fit(mode, begin)) for number, mode in enumerate(task.modes))
        return [Placed(number, start) for number, start in starts if start is not None]

    def cheapest_by(self, task: Task, begin: int, deadline: int | None) -> Placed | None:
        """The first place of the cheapest mode that ends in time, else of the one that ends first; None where nothing ever fits."""
        places = self.fits(task, begin)
        in_time = [place for place in places if deadline is None or _end(task, place) <= deadline]
        if in_time:
            return min(in_time, key=lambda place: (task.modes[place.mode].cost_micro_usd, _end(task, place)))
        return min(places, key=lambda place: (_end(task, place), task.modes[place.mode].cost_micro_usd), default=None)

    def book(self, task: Task, place: Placed) -> int:
        """Take what a task uses, and return the minute at which it ends."""
        end = _end(task, place)
        for resource, units in task.modes[place.mode].uses:
            first, last = self._step(resource, place.start), self._step(resource, end)
            for step in range(first, last):
                self._units[resource][step] -= units
        return end

    def _step(self, resource: int, minute: int) -> int:
        """Index of the step that begins at a minute, made where there is none."""
        times, free = self._times[resource], self._units[resource]
        step = bisect_right(times, minute) - 1
        if times[step] != minute:
            step += 1
            times.insert(step, minute)
            free.insert(step, free[step - 1])
        return step


def _end(task: Task, place: Placed) -> int:
    return place.start + task.modes[place.mode].minutes
