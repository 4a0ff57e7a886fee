"""What people do instead of planning the whole: rules that place one job after the other, and never move it again.

They keep capacities, releases, lead times and the order of jobs. Deadlines and the budget they may break. Every task is done. A job takes
the first gap in which it fits, also before others that were placed earlier.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

from benchmarks.fleet.calendar import Free
from gpuplan.scheduling.problem import Placed, Problem, Schedule, Task

#: Chooses the place of a task from a minute on, given what is free.
Choice = Callable[[Task, int, Free], Placed | None]


def cheapest_first_come(problem: Problem) -> Schedule:
    """Everyone takes the plan that is cheapest for himself, and waits until it is free; who is released first comes first.

    His own plan is the cheapest mode with which he would meet his deadline if nobody else was there, else the fastest.
    """
    untouched = Free(problem.resources)

    def own(task: Task, begin: int, free: Free) -> Placed | None:
        alone = untouched.cheapest_by(task, begin, _wanted(task))
        start = None if alone is None else free.first_fit(task.modes[alone.mode], begin)
        if alone is None or start is None:  # it would have been free once, and is no more
            return free.cheapest_by(task, begin, None)
        return Placed(alone.mode, start)

    return _placed(problem, lambda task: task.release, own)


def first_come_in_time(problem: Problem) -> Schedule:
    """Who is released first comes first, and takes what is cheapest of that which ends in time given what is booked."""
    return _placed(problem, lambda task: task.release, _cheapest_in_time)


def earliest_deadline_first(problem: Problem) -> Schedule:
    """Whose deadline is first comes first, and takes what is cheapest of that which ends in time, else what ends first."""
    return _placed(problem, lambda task: math.inf if _wanted(task) is None else _wanted(task) or 0, _cheapest_in_time)


BASELINES: dict[str, Callable[[Problem], Schedule]] = {
    "cheapest first come": cheapest_first_come,
    "first come in time": first_come_in_time,
    "earliest deadline first": earliest_deadline_first,
}


def missed(problem: Problem, schedule: Schedule) -> int:
    """Tasks that end after the minute by which they must, or should, or that are not done."""
    late = 0
    for task, place in zip(problem.tasks, schedule, strict=True):
        wanted = _wanted(task)
        late += place is None or (wanted is not None and place.start + task.modes[place.mode].minutes > wanted)
    return late


def _wanted(task: Task) -> int | None:
    """When it must have ended, or should."""
    return task.due if task.deadline is None else task.deadline


def _cheapest_in_time(task: Task, begin: int, free: Free) -> Placed | None:
    return free.cheapest_by(task, begin, _wanted(task))


def _placed(problem: Problem, rank: Callable[[Task], float], choose: Choice) -> Schedule:
    """Place the tasks by their rank, none before those that it comes after."""
    free = Free(problem.resources)
    places: list[Placed | None] = [None] * len(problem.tasks)
    ends: dict[int, int] = {}
    waiting = {index: set(task.after) for index, task in enumerate(problem.tasks)}
    ready = [(rank(problem.tasks[index]), index) for index, before in waiting.items() if not before]
    heapq.heapify(ready)
    while ready:
        index = heapq.heappop(ready)[1]
        task = problem.tasks[index]
        place = choose(task, max([task.release, *(ends[before] for before in task.after)]), free)
        if place is None:  # it fits nowhere, and so nothing comes after it
            continue
        places[index], ends[index] = place, free.book(task, place)
        for other, before in waiting.items():
            if index in before:
                before.discard(index)
                if not before:
                    heapq.heappush(ready, (rank(problem.tasks[other]), other))
    return tuple(places)
