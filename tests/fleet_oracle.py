"""Brute force over tiny fleets: every way to leave out, every mode, every start.

It shares nothing with the solver but the types of the problem: capacities are counted minute by minute, objectives are added up here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gpuplan.scheduling.problem import Mode, Placed, Problem, Schedule, Task

Values = tuple[int, ...]


def best(problem: Problem, until: int | None = None) -> Values | None:
    """Values of the objectives, the first first, of the best schedule; None where there is none.

    Parameters
    ----------
    problem
        What there is to schedule; a handful of tasks over a handful of minutes.
    until
        Minute by which all must have ended; by default one that no best schedule needs to go beyond.
    """
    found = best_schedule(problem, until)
    return None if found is None else found[0]


def best_schedule(problem: Problem, until: int | None = None) -> tuple[Values, Schedule] | None:
    """The same, with the first schedule found that has these values."""
    search = _Search(problem, _end(problem) if until is None else until)
    search.place(0)
    return None if search.values is None else (search.values, search.schedule)


def _end(problem: Problem) -> int:
    """After the last minute at which anything changes by itself, no minute is idle before the end: moved up, a task loses nothing."""
    changes = {0}
    for resource in problem.resources:
        changes |= {minute for minute, _ in resource.capacity}
    for task in problem.tasks:
        changes |= {task.release, *(mode.earliest for mode in task.modes)}
    return max(changes) + sum(max(mode.minutes for mode in task.modes) for task in problem.tasks)


@dataclass
class _Search:
    """Places one task after the other; gives up where what is placed is no better than the best, as no value ever falls."""

    problem: Problem
    until: int
    values: Values | None = None
    schedule: Schedule = ()
    free: list[list[int]] = field(init=False)
    placed: list[Placed | None] = field(default_factory=list)
    spent: int = 0

    def __post_init__(self) -> None:
        self.free = [_by_minute(resource.capacity, self.until) for resource in self.problem.resources]

    def place(self, index: int) -> None:
        """Try everything for a task and those behind it."""
        so_far = self._values()
        if self.values is not None and so_far >= self.values:
            return
        if index == len(self.problem.tasks):
            if self._in_order():
                self.values, self.schedule = so_far, tuple(self.placed)
            return
        task = self.problem.tasks[index]
        for choice in self._choices(task):
            self._book(task, choice, -1)
            self.placed.append(choice)
            if self._affordable():
                self.place(index + 1)
            self.placed.pop()
            self._book(task, choice, +1)

    def _choices(self, task: Task) -> Iterator[Placed | None]:
        for number, mode in enumerate(task.modes):
            last = self.until if task.deadline is None else min(self.until, task.deadline)
            for start in range(max(task.release, mode.earliest), last - mode.minutes + 1):
                if self._fits(mode, start):
                    yield Placed(number, start)
        if task.value_micro_usd is not None:
            yield None

    def _fits(self, mode: Mode, start: int) -> bool:
        return all(
            self.free[resource][minute] >= units
            for resource, units in mode.uses
            for minute in range(start, start + mode.minutes)
        )

    def _book(self, task: Task, choice: Placed | None, sign: int) -> None:
        if choice is None:
            return
        mode = task.modes[choice.mode]
        self.spent -= sign * mode.budget_micro_usd
        for resource, units in mode.uses:
            for minute in range(choice.start, choice.start + mode.minutes):
                self.free[resource][minute] += sign * units

    def _affordable(self) -> bool:
        return self.problem.budget_micro_usd is None or self.spent <= self.problem.budget_micro_usd

    def _in_order(self) -> bool:
        for task, choice in zip(self.problem.tasks, self.placed, strict=True):
            for before in task.after if choice is not None else ():
                first = self.placed[before]
                if first is None or choice is None:
                    return False
                if first.start + self.problem.tasks[before].modes[first.mode].minutes > choice.start:
                    return False
        return True

    def _values(self) -> Values:
        """The objectives of what is placed so far."""
        bills = worth = late = end = 0
        for task, choice in zip(self.problem.tasks, self.placed, strict=False):
            if choice is None:
                worth += task.value_micro_usd or 0
                continue
            mode = task.modes[choice.mode]
            bills += mode.cost_micro_usd
            ends = choice.start + mode.minutes
            end = max(end, ends)
            if task.due is not None and ends > task.due:
                late += task.priority * (ends - task.due)
        known = {"cost": bills + worth, "value": worth, "tardiness": late, "makespan": end}
        return tuple(known[name] for name in self.problem.objectives)


def _by_minute(capacity: tuple[tuple[int, int], ...], until: int) -> list[int]:
    """Units at every minute."""
    units = [0] * until
    for since, count in capacity:
        for minute in range(since, until):
            units[minute] = count
    return units
