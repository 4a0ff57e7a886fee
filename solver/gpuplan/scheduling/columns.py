"""Every way to place a task that a best price of time could choose, as arrays: the columns of a large linear program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gpuplan.scheduling.problem import Problem, Task
from gpuplan.scheduling.windows import Way

Array = np.ndarray


def segments(problem: Problem, count: int, until: int) -> Array:
    """Minutes that part the calendar: every change of a capacity, and between them about `count` even steps up to `until`."""
    horizon = problem.horizon
    changes = {minute for resource in problem.resources for minute, _ in resource.capacity if minute < horizon}
    fixed = sorted({0, min(until, horizon), horizon, *changes})
    step = max(1.0, min(until, horizon) / count)
    found = [
        begin + (end - begin) * part // parts
        for begin, end in pairwise(fixed)
        for parts in [1 if begin >= until else max(1, min(end - begin, round((end - begin) / step)))]
        for part in range(parts)
    ]
    return np.array([*found, horizon])


@dataclass(frozen=True)
class Columns:
    """Placements, an entry each, ordered by task.

    Attributes
    ----------
    task, way
        Which task, and which of its ways; -1: it is left out.
    start, end
        Minutes.
    first_segment, last_segment
        Segments of the start and of the end.
    units
        Units of each resource that it uses, (resources, columns).
    sums
        What it adds to cost, tardiness, value and budget, in USD and weighted minutes, by name.
    first
        First column of each task.
    edges
        The segments' first minutes and the end of the last one.
    capacity
        Unit-minutes of each resource in each segment.
    """

    task: Array
    way: Array
    start: Array
    end: Array
    first_segment: Array
    last_segment: Array
    units: Array
    sums: dict[str, Array]
    first: Array
    edges: Array
    capacity: Array

    def priced(self, values: Array, prices: Array) -> Array:
        """`values` of the columns, and what they use at `prices` per unit-minute (resources, segments)."""
        total = values.copy()
        lengths = np.diff(self.edges)
        for units, price in zip(self.units, prices, strict=True):
            if not price.any():
                continue
            before = np.concatenate([[0.0], np.cumsum(price * lengths)])
            begin = before[self.first_segment] + price[self.first_segment] * (
                self.start - self.edges[self.first_segment]
            )
            end = before[self.last_segment] + price[self.last_segment] * (self.end - self.edges[self.last_segment])
            total += units * (end - begin)
        return total

    def used(self, column: int) -> list[tuple[int, int, float]]:
        """Resource, segment and unit-minutes that a column uses."""
        begin, end = self.first_segment[column], self.last_segment[column]
        found = []
        for resource in np.nonzero(self.units[:, column])[0]:
            for segment in range(begin, end + 1):
                minutes = min(self.end[column], self.edges[segment + 1]) - max(self.start[column], self.edges[segment])
                if minutes > 0:
                    found.append((int(resource), segment, float(minutes * self.units[resource, column])))
        return found


def columns(problem: Problem, ways: Sequence[Sequence[Way]], edges: Array) -> Columns:
    """All columns: for every way the starts at which a linear price of time may be least.

    A price per unit-minute that is constant within each segment makes the price of a placement a linear function of its start between
    the minutes at which its start or its end meets an edge, and the tardiness adds a bend at the due time. So the least is at one of
    these.
    """
    parts: list[tuple[Array, ...]] = []
    units: list[Array] = []
    first, count = [], 0
    for index, (task, own) in enumerate(zip(problem.tasks, ways, strict=True)):
        first.append(count)
        if task.optional:
            parts.append(_left_out(index, task))
            units.append(np.zeros((len(problem.resources), 1)))
            count += 1
        for number, way in enumerate(own):
            part, used = _placements(problem, index, number, way, edges)
            parts.append(part)
            units.append(used)
            count += len(part[0])
    which, place, start, end, cost, late, value, budget = (np.concatenate(each) for each in zip(*parts, strict=True))
    last = len(edges) - 2
    return Columns(
        task=which,
        way=place,
        start=start,
        end=end,
        first_segment=np.clip(np.searchsorted(edges, start, "right") - 1, 0, last),
        last_segment=np.clip(np.searchsorted(edges, end, "right") - 1, 0, last),
        units=np.concatenate(units, axis=1),
        sums={"cost": cost, "tardiness": late, "value": value, "budget": budget},
        first=np.array(first),
        edges=edges,
        capacity=_capacity(problem, edges),
    )


def _left_out(index: int, task: Task) -> tuple[Array, ...]:
    value = (task.value_micro_usd or 0) / 1e6
    return tuple(np.array([entry]) for entry in (index, -1, 0, 0, value, 0.0, value, 0.0))


def _placements(problem: Problem, index: int, place: int, way: Way, edges: Array) -> tuple[tuple[Array, ...], Array]:
    task = problem.tasks[index]
    starts = np.array([way.first])
    if way.uses:
        due = [] if task.due is None else [task.due - way.minutes]
        inner = np.concatenate([edges, edges - way.minutes, np.array(due, dtype=edges.dtype)])
        inner = inner[(inner > way.first) & (inner < way.last)]
        starts = np.unique(np.concatenate([[way.first, way.last], inner]))
    size, ends = len(starts), starts + way.minutes
    late = np.zeros(size) if task.due is None else task.priority * np.maximum(0, ends - task.due).astype(float)
    part = (
        np.full(size, index),
        np.full(size, place),
        starts,
        ends,
        np.full(size, way.cost / 1e6),
        late,
        np.zeros(size),
        np.full(size, way.budget / 1e6),
    )
    units = np.zeros((len(problem.resources), size))
    for resource, number in way.uses:
        units[resource] = number
    return part, units


def _capacity(problem: Problem, edges: Array) -> Array:
    found = np.zeros((len(problem.resources), len(edges) - 1))
    for row, resource in zip(found, problem.resources, strict=True):
        minutes = np.array([minute for minute, _ in resource.capacity])
        units = np.array([number for _, number in resource.capacity])
        row[:] = units[np.searchsorted(minutes, edges[:-1], "right") - 1] * np.diff(edges)
    return found
