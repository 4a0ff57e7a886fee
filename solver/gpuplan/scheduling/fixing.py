"""What a bound leaves of the ways: none is dropped that a schedule as good as the best one known could take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gpuplan.scheduling.bound import Bound
from gpuplan.scheduling.problem import Problem
from gpuplan.scheduling.windows import Way


def fixed(problem: Problem, ways: Sequence[Sequence[Way]], bound: Bound, best: int) -> tuple[Problem, list[list[Way]]]:
    """Ways and starts with which a schedule of value `best` or less is possible.

    No schedule with a placement is below its `Bound.at_least`. That is linear in the start between two neighbouring columns of a way,
    so where it is too much at both, it is in between; starts from before the first column that is not too much to after the last one
    are left. A task that cannot be left out any more is no longer optional.
    """
    columns, possible = bound.columns, bound.at_least() <= best
    ends = [*columns.first[1:], len(columns.task)]
    tasks, kept = list(problem.tasks), []
    for index, (own, begin, end) in enumerate(zip(ways, columns.first, ends, strict=True)):
        place, good = columns.way[begin:end], possible[begin:end]
        if tasks[index].optional and not good[place == -1].any():
            tasks[index] = replace(tasks[index], value_micro_usd=None)
        kept.append(
            [
                left
                for number, way in enumerate(own)
                if (left := _left(way, place == number, good, columns.start[begin:end]))
            ]
        )
    return replace(problem, tasks=tuple(tasks)), kept


def _left(way: Way, mine: np.ndarray, good: np.ndarray, start: np.ndarray) -> Way | None:
    starts, left = start[mine], np.nonzero(good[mine])[0]
    if not len(left):
        return None
    if len(starts) == 1:
        return way
    first, last = max(0, left[0] - 1), min(len(starts) - 1, left[-1] + 1)
    return replace(way, first=int(starts[first]), last=int(starts[last]))


def least_of_ways(ways: Sequence[Sequence[Way]], bound: Bound) -> dict[tuple[int, int], float]:
    """Least reduced value of each way by its task and mode, and of leaving a task out (-1)."""
    columns, found = bound.columns, dict[tuple[int, int], float]()
    for index, place, reduced in zip(columns.task.tolist(), columns.way.tolist(), bound.reduced.tolist(), strict=True):
        key = (index, -1 if place == -1 else ways[index][place].mode)
        found[key] = min(reduced, found.get(key, reduced))
    return found
