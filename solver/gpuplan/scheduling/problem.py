"""What there is to schedule, in whole numbers: tasks with modes, resources with capacities that change, one budget.

Minimise the `objectives`, one after the other, over

- which optional tasks are done,
- one mode for every task that is done,
- its start,

subject to

- a task starts no earlier than it is released and its mode can be had, and not before the tasks it comes after have ended,
- it ends by its deadline,
- at no minute the tasks that run use more of a resource than there is,
- what the modes add to the budget is within it.

Times are minutes from the start of the calendar, money is millionths of a dollar: sums stay far below 2^53.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

#: Objectives by name: what each adds up. All are minimised.
OBJECTIVES = ("cost", "tardiness", "makespan", "value")
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to do a task: a cluster for so long.

    Attributes
    ----------
    minutes
        How long the cluster is in use, at least 1.
    cost_micro_usd
        What it adds to the bill, as is to be expected.
    budget_micro_usd
        What it adds to what the budget must cover: at the asked confidence.
    uses
        Units of resources, by the index of the resource, ascending, each more than 0.
    earliest
        First minute at which it can start: its lead time, if it is ordered at minute 0.
    """

    minutes: int
    cost_micro_usd: int
    budget_micro_usd: int
    uses: tuple[tuple[int, int], ...] = ()
    earliest: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """A job of the fleet.

    Attributes
    ----------
    modes
        Ways to do it; at least one.
    release
        First minute at which it may start.
    deadline
        Minute by which it must have ended; None: any time.
    due
        Minute after which every minute counts `priority` as tardiness; None: never.
    value_micro_usd
        What it is worth, where it may be left out; None: it must be done.
    after
        Indices of tasks that must have ended before it starts. Where one of them is left out, so is this one.
    """

    name: str
    modes: tuple[Mode, ...]
    release: int = 0
    deadline: int | None = None
    due: int | None = None
    priority: int = 1
    value_micro_usd: int | None = None
    after: tuple[int, ...] = ()

    @property
    def optional(self) -> bool:
        """Whether it may be left out."""
        return self.value_micro_usd is not None


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that tasks share: nodes of a stock, GPUs of a quota, nodes of an offer.

    Attributes
    ----------
    capacity
        (minute, units): so many units from that minute on; the first is at minute 0, minutes ascend, units are at least 0.
    """

    name: str
    capacity: tuple[tuple[int, int], ...]

    @property
    def most(self) -> int:
        """Largest capacity at any time."""
        return max(units for _, units in self.capacity)


@dataclass(frozen=True)
class Problem:
    """Tasks on shared resources; see the module."""

    tasks: tuple[Task, ...]
    resources: tuple[Resource, ...] = ()
    budget_micro_usd: int | None = None
    objectives: tuple[str, ...] = field(default=("cost",))

    @cached_property
    def horizon(self) -> int:
        """A minute by which some best schedule has ended, if there is any schedule.

        No objective gains from a later start, so let every task of a best schedule start as early as the others leave it. After the
        last minute at which anything changes by itself (a capacity, a release, a lead time), something runs at every minute until the
        end; so the end is not later than that minute and the longest modes one after the other.
        """
        changes = [minute for resource in self.resources for minute, _ in resource.capacity]
        changes += [task.release for task in self.tasks]
        changes += [mode.earliest for task in self.tasks for mode in task.modes]
        serial = max(changes, default=0) + sum(max(mode.minutes for mode in task.modes) for task in self.tasks)
        if all(task.deadline is not None for task in self.tasks):
            return min(serial, max((task.deadline or 0 for task in self.tasks), default=0))
        return serial


@dataclass(frozen=True, slots=True)
class Placed:
    """A task in a schedule: its mode, by index, and the minute at which it starts."""

    mode: int
    start: int


#: A schedule: each task's place, None where it is left out.
Schedule = tuple[Placed | None, ...]


def value_of(problem: Problem, schedule: Schedule, objective: str) -> int:
    """An objective of a schedule, in millionths of a dollar or (weighted) minutes, from the schedule alone.

    cost
        The bills of what is done, and the value of what is left out.
    value
        The value of what is left out.
    tardiness
        Minutes after the due time, times priority.
    makespan
        The minute at which the last task ends.
    """
    done = [(task, task.modes[place.mode], place) for task, place in zip(problem.tasks, schedule, strict=True) if place]
    left_out = sum(task.value_micro_usd or 0 for task, place in zip(problem.tasks, schedule, strict=True) if not place)
    if objective == "cost":
        return left_out + sum(mode.cost_micro_usd for _, mode, _ in done)
    if objective == "value":
        return left_out
    ends = [(task, place.start + mode.minutes) for task, mode, place in done]
    if objective == "tardiness":
        return sum(task.priority * max(0, end - task.due) for task, end in ends if task.due is not None)
    if objective == "makespan":
        return max((end for _, end in ends), default=0)
    raise ValueError(f"no objective {objective!r}")


def broken(problem: Problem, schedule: Schedule) -> list[str]:
    """What a schedule breaks, a sentence each; replayed at every minute at which something begins or ends."""
    found: list[str] = []
    ends: dict[int, int] = {}
    for index, (task, place) in enumerate(zip(problem.tasks, schedule, strict=True)):
        if place is None:
            if not task.optional:
                found.append(f"{task.name} is left out")
            continue
        mode = task.modes[place.mode]
        ends[index] = place.start + mode.minutes
        if place.start < max(task.release, mode.earliest):
            found.append(f"{task.name} starts at {place.start}, before {max(task.release, mode.earliest)}")
        if task.deadline is not None and ends[index] > task.deadline:
            found.append(f"{task.name} ends at {ends[index]}, after {task.deadline}")
    found += _out_of_order(problem, schedule, ends)
    found += _over_capacity(problem, schedule)
    spent = sum(
        task.modes[place.mode].budget_micro_usd for task, place in zip(problem.tasks, schedule, strict=True) if place
    )
    if problem.budget_micro_usd is not None and spent > problem.budget_micro_usd:
        found.append(f"the budget must cover {spent}, of {problem.budget_micro_usd}")
    return found


def _out_of_order(problem: Problem, schedule: Schedule, ends: dict[int, int]) -> list[str]:
    found = []
    for task, place in zip(problem.tasks, schedule, strict=True):
        for before in task.after if place else ():
            if before not in ends:
                found.append(f"{task.name} is done, but not {problem.tasks[before].name} before it")
            elif place and ends[before] > place.start:
                found.append(f"{task.name} starts at {place.start}, before the end of {problem.tasks[before].name}")
    return found


def _over_capacity(problem: Problem, schedule: Schedule) -> list[str]:
    found = []
    for index, resource in enumerate(problem.resources):
        changes: dict[int, int] = {}
        for task, place in zip(problem.tasks, schedule, strict=True):
            if place is None:
                continue
            mode = task.modes[place.mode]
            for used, units in mode.uses:
                if used == index:
                    changes[place.start] = changes.get(place.start, 0) + units
                    changes[place.start + mode.minutes] = changes.get(place.start + mode.minutes, 0) - units
        capacity = dict(resource.capacity)
        in_use = available = 0
        for minute in sorted({*changes, *capacity}):
            in_use += changes.get(minute, 0)
            available = capacity.get(minute, available)
            if in_use > available:
                found.append(f"{in_use} of {available} {resource.name} are in use at minute {minute}")
                break
    return found
