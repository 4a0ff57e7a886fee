"""Why there is no schedule: limits that cannot be kept together, and the smallest change of each that makes one possible."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gpuplan.scheduling.found import Found
from gpuplan.scheduling.problem import Problem, Resource, Task
from gpuplan.scheduling.solve import schedule

Verdict = Literal["feasible", "infeasible", "unknown"]
Kind = Literal["deadline", "budget", "resource"]


@dataclass(frozen=True)
class Limit:
    """A limit of a problem: the deadline of a task, the budget, or how much there is of a resource (by index)."""

    kind: Kind
    index: int = 0


@dataclass(frozen=True)
class Change:
    """What a limit must become: minutes, millionths of a dollar, or units more; whether less is proved not to be enough."""

    limit: Limit
    before: int
    after: int
    smallest: bool


@dataclass
class Reason:
    """Limits without any of which there is a schedule, and changes of which each by itself is enough."""

    conflict: list[Limit] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def reason(problem: Problem, seconds: float, workers: int, seed: int) -> Reason:
    """Explain that `problem` has no schedule, within a time limit.

    The conflict is a minimal one: limits are lifted one after the other (halves of them first), and stay lifted where that leaves no
    schedule. So each limit that remains is needed: lifted together with those before it, there is a schedule.
    """
    asker = _Asker(time.monotonic() + seconds, workers, seed)
    limits = _limits(problem)
    found = Reason()
    if (
        asker.verdict(_lifted(problem, limits)) == "infeasible"
    ):  # nothing that may change is the reason: what comes after what
        return found
    kept = _needed(limits, lambda some: asker.verdict(_lifted(problem, [one for one in limits if one not in some])))
    if kept is None:
        found.undecided.append("conflict")
        kept = limits if len(limits) <= 3 else [one for one in limits if one.kind != "deadline"]
    else:
        found.conflict = kept
    for limit in kept:
        change = asker.smallest(problem, limit)
        if change is not None:
            found.changes.append(change)
    return found


def _limits(problem: Problem) -> list[Limit]:
    """All that could give way, what one gives up first first."""
    resources = [Limit("resource", index) for index in range(len(problem.resources))]
    deadlines = [Limit("deadline", index) for index, task in enumerate(problem.tasks) if task.deadline is not None]
    budget = [] if problem.budget_micro_usd is None else [Limit("budget")]
    return [*resources, *deadlines, *budget]


def _lifted(problem: Problem, limits: Sequence[Limit]) -> Problem:
    """The problem without some of its limits."""
    tasks, resources = list(problem.tasks), list(problem.resources)
    budget = problem.budget_micro_usd
    plenty = sum(max((units for mode in task.modes for _, units in mode.uses), default=0) for task in tasks)
    for limit in limits:
        if limit.kind == "deadline":
            tasks[limit.index] = replace(tasks[limit.index], deadline=None)
        elif limit.kind == "budget":
            budget = None
        else:
            resources[limit.index] = Resource(resources[limit.index].name, ((0, plenty),))
    return replace(problem, tasks=tuple(tasks), resources=tuple(resources), budget_micro_usd=budget)


def _needed(limits: list[Limit], verdict: Callable[[Sequence[Limit]], Verdict]) -> list[Limit] | None:
    """A minimal set of limits that alone leave no schedule (QuickXplain, Junker 2004); None where a question was not decided."""
    undecided = False

    def ask(some: Sequence[Limit]) -> bool:
        nonlocal undecided
        answer = verdict(some)
        undecided |= answer == "unknown"
        return answer == "infeasible"

    def explain(base: list[Limit], added: bool, left: list[Limit]) -> list[Limit]:
        if undecided or (added and ask(base)):
            return []
        if len(left) == 1:
            return left
        half = len(left) // 2
        second = explain([*base, *left[:half]], True, left[half:])
        first = explain([*base, *second], bool(second), left[:half])
        return [*first, *second]

    found = explain([], False, limits) if limits else []
    return None if undecided else [limit for limit in limits if limit in found]


class _Asker:
    """Asks for schedules until the time is up; Ctrl-C ends all questions, not only one."""

    def __init__(self, end: float, workers: int, seed: int) -> None:
        self.end, self.workers, self.seed = end, workers, seed

    def find(self, problem: Problem) -> Found:
        left = self.end - time.monotonic()
        found = schedule(problem, left, self.workers, self.seed) if left > 0 else Found()
        if found.stopped == "interrupted":
            raise KeyboardInterrupt
        return found

    def verdict(self, problem: Problem) -> Verdict:
        """Whether there is any schedule; what it costs does not matter."""
        found = self.find(replace(problem, tasks=tuple(map(_free, problem.tasks)), objectives=("cost",)))
        if found.schedule is not None:
            return "feasible"
        return "infeasible" if found.status == "infeasible" else "unknown"

    def smallest(self, problem: Problem, limit: Limit) -> Change | None:
        """The least that one limit must give way while all others are kept; None where that is not enough, or nobody knows."""
        if limit.kind == "resource":
            return self._more_units(problem, limit)
        tasks = tuple(replace(task, due=None) for task in problem.tasks)
        if limit.kind == "deadline":
            task = problem.tasks[limit.index]
            late = replace(task, deadline=None, due=task.deadline, priority=1)
            changed = tuple(late if index == limit.index else task for index, task in enumerate(tasks))
            asked = replace(problem, tasks=changed, objectives=("tardiness",))
            before = task.deadline or 0
        else:
            asked = replace(problem, tasks=tuple(map(_billed, tasks)), objectives=("cost",), budget_micro_usd=None)
            before = 0
        found = self.find(asked)
        if found.schedule is None or not found.levels or found.levels[0].value is None:
            return None
        value, old = found.levels[0].value, problem.budget_micro_usd or 0
        return Change(limit, before or old, before + value, found.status == "optimal")

    def _more_units(self, problem: Problem, limit: Limit) -> Change | None:
        """The fewest units more, wherever there are any, by halving."""
        most = problem.resources[limit.index].most
        enough = self._plenty(problem, limit.index)
        if self.verdict(_more(problem, limit.index, enough)) != "feasible":
            return None
        too_few, smallest = 0, True
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            answer = self.verdict(_more(problem, limit.index, middle))
            if answer == "feasible":
                enough = middle
            else:
                too_few, smallest = middle, smallest and answer == "infeasible"
        return Change(limit, most, most + enough, smallest)

    def _plenty(self, problem: Problem, resource: int) -> int:
        """So many more that all could run at once."""
        return sum(
            max((units for mode in task.modes for used, units in mode.uses if used == resource), default=0)
            for task in problem.tasks
        )


def _free(task: Task) -> Task:
    """The task at no cost: where nothing costs anything, the first schedule is the best."""
    modes = tuple(replace(mode, cost_micro_usd=0) for mode in task.modes)
    return replace(task, modes=modes, value_micro_usd=None if task.value_micro_usd is None else 0, due=None)


def _billed(task: Task) -> Task:
    """The task at what the budget must cover."""
    modes = tuple(replace(mode, cost_micro_usd=mode.budget_micro_usd) for mode in task.modes)
    return replace(task, modes=modes, value_micro_usd=None if task.value_micro_usd is None else 0)


def _more(problem: Problem, index: int, units: int) -> Problem:
    """The problem with so many units more of a resource wherever there are any; of one that is never there, always."""
    resource = problem.resources[index]
    never = not resource.most
    capacity = tuple((minute, there + units if there or never else 0) for minute, there in resource.capacity)
    resources = tuple(Resource(one.name, capacity) if one is resource else one for one in problem.resources)
    return replace(problem, resources=resources)
