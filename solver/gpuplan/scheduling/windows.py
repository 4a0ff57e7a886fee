"""When each task can run at all: releases, lead times, deadlines and precedence, before anything is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpuplan.scheduling.problem import Problem, Task


@dataclass(frozen=True, slots=True)
class Way:
    """A mode of a task that can be kept, with its first and last possible start."""

    mode: int
    first: int
    last: int
    minutes: int
    uses: tuple[tuple[int, int], ...]
    cost: int
    budget: int


def ways(problem: Problem) -> list[list[Way]]:
    """Modes of every task that fit between what must come before and what must come after, the cheapest first."""
    first, last = _earliest_starts(problem), _latest_ends(problem)
    found = []
    for task, begin, end in zip(problem.tasks, first, last, strict=True):
        fitting = [
            Way(index, start, end - mode.minutes, mode.minutes, mode.uses, mode.cost_micro_usd, mode.budget_micro_usd)
            for index, mode in enumerate(task.modes)
            if (start := max(begin, mode.earliest)) + mode.minutes <= end
            and all(units <= problem.resources[resource].most for resource, units in mode.uses)
        ]
        found.append(sorted(fitting, key=lambda way: (way.cost, way.minutes, way.mode)))
    return found


def in_order(problem: Problem) -> list[int]:
    """Tasks, each after those that it comes after.

    Raises
    ------
    ValueError
        The precedence goes in a circle.
    """
    order: list[int] = []
    placed: set[int] = set()
    left = list(range(len(problem.tasks)))
    while left:
        ready = [index for index in left if all(before in placed for before in problem.tasks[index].after)]
        if not ready:
            raise ValueError(f"{', '.join(problem.tasks[index].name for index in left)} come after each other")
        order += ready
        placed.update(ready)
        left = [index for index in left if index not in placed]
    return order


def successors(problem: Problem) -> list[list[int]]:
    """The tasks that come after each task."""
    found: list[list[int]] = [[] for _ in problem.tasks]
    for index, task in enumerate(problem.tasks):
        for before in task.after:
            found[before].append(index)
    return found


def _shortest(task: Task, begin: int) -> int:
    """Earliest end of a task that may begin at a minute."""
    return min(max(begin, mode.earliest) + mode.minutes for mode in task.modes)


def _earliest_starts(problem: Problem) -> list[int]:
    """What comes before a task is done where the task is, optional or not; so its shortest time counts."""
    found = [task.release for task in problem.tasks]
    for index in in_order(problem):
        task = problem.tasks[index]
        ends = [_shortest(problem.tasks[before], found[before]) for before in task.after]
        found[index] = max([task.release, *ends])
    return found


def _latest_ends(problem: Problem) -> list[int]:
    """What comes after a task that may be left out says nothing about it."""
    horizon, after = problem.horizon, successors(problem)
    found = [horizon if task.deadline is None else min(task.deadline, horizon) for task in problem.tasks]
    for index in reversed(in_order(problem)):
        for later in after[index]:
            task = problem.tasks[later]
            if not task.optional:
                found[index] = min(found[index], found[later] - min(mode.minutes for mode in task.modes))
    return found


def bounded(problem: Problem, caps: dict[str, int]) -> Problem:
    """The problem with no more than so much of some objectives, as far as tasks by themselves can say it.

    The makespan is a deadline of every task; no tardiness makes a due time a deadline; no lost value leaves nothing out.
    """
    makespan, tasks = caps.get("makespan"), list(problem.tasks)
    for index, task in enumerate(tasks):
        ends = [task.deadline, makespan, task.due if caps.get("tardiness") == 0 else None]
        deadline = min((end for end in ends if end is not None), default=None)
        value = None if caps.get("value") == 0 and task.value_micro_usd else task.value_micro_usd
        tasks[index] = replace(task, deadline=deadline, value_micro_usd=value)
    for index in reversed(in_order(problem)):  # what comes before a task that must be done must be done too
        for before in tasks[index].after if not tasks[index].optional else ():
            tasks[before] = replace(tasks[before], value_micro_usd=None)
    return replace(problem, tasks=tuple(tasks))
