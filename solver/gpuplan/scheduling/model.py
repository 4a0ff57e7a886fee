"""The CP-SAT model of a fleet: which way each task takes and when it starts.

Variables: for each task its start, and a literal for each of its ways (for an optional task one more: it is left out); exactly one
literal of a task is true. Each way that uses something has an interval of fixed length from the task's start, present if its literal
is. Every resource is a cumulative constraint over these intervals and over fixed ones where its capacity is below its largest. Sums with
a cap (the budget, objectives that are settled) are linear in the literals.

Where some tasks are held, the model has only the others, and the profiles of what is left of the resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ortools.sat.python import cp_model

from gpuplan.scheduling.booking import LEFT_OUT, Place
from gpuplan.scheduling.problem import Problem
from gpuplan.scheduling.windows import Way

#: Sums must stay below this, so that CP-SAT's arithmetic is exact in every part of it.
LARGEST_ACTIVITY = 2**53


class TooLargeError(ValueError):
    """A sum of the model could pass 2^53."""


@dataclass(frozen=True)
class Option:
    """A way with its literal."""

    way: Way
    literal: cp_model.IntVar


@dataclass
class TaskVariables:
    """A task's start and literals; `left_out` is None where it must be done."""

    start: cp_model.IntVar
    options: list[Option]
    left_out: cp_model.IntVar | None
    late: cp_model.IntVar | None = None

    @property
    def end(self) -> cp_model.LinearExpr:
        """When it ends; where it is left out, its start."""
        return self.start + cp_model.LinearExpr.weighted_sum(
            [option.literal for option in self.options], [option.way.minutes for option in self.options]
        )


@dataclass
class FleetModel:
    """The model of some tasks of a problem.

    Attributes
    ----------
    capacities
        (minute, units) of every resource, of what these tasks may use.
    tasks
        Variables by the index of the task.
    """

    problem: Problem
    capacities: Sequence[Sequence[tuple[int, int]]]
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    tasks: dict[int, TaskVariables] = field(default_factory=dict)
    makespan: cp_model.IntVar | None = None

    def add_tasks(self, ways: Mapping[int, Sequence[Way]]) -> None:
        """Add tasks with the ways that they may take, and what they share."""
        intervals: list[list[tuple[cp_model.IntervalVar, int]]] = [[] for _ in self.capacities]
        for index, own in ways.items():
            self._add_task(index, own, intervals)
        for capacity, used in zip(self.capacities, intervals, strict=True):
            if used:
                self._add_resource(capacity, used)
        for index in ways:
            self._add_order(index)

    def add_tasks_as_one_interval(self, ways: Mapping[int, Sequence[Way]]) -> None:
        """The same in another form: an interval of variable length for each task and resource, with a variable demand."""
        used: list[list[tuple[cp_model.IntervalVar, cp_model.LinearExprT]]] = [[] for _ in self.capacities]
        for index, own in ways.items():
            self._add_task(index, own, [[] for _ in self.capacities])
            task = self.tasks[index]
            for resource, intervals in enumerate(used):
                demands = [(o, units) for o in task.options for which, units in o.way.uses if which == resource]
                if not demands:
                    continue
                longest = max(option.way.minutes for option, _ in demands)
                length = self.model.new_int_var(0, longest, "")
                units = self.model.new_int_var(0, max(number for _, number in demands), "")
                taken = [option.literal for option, _ in demands]
                lengths = [option.way.minutes for option, _ in demands]
                self.model.add(length == cp_model.LinearExpr.weighted_sum(taken, lengths))
                self.model.add(units == cp_model.LinearExpr.weighted_sum(taken, [number for _, number in demands]))
                end = self.model.new_int_var(0, self.problem.horizon + longest, "")
                intervals.append((self.model.new_interval_var(task.start, length, end, ""), units))
        for capacity, intervals in zip(self.capacities, used, strict=True):
            if intervals:
                self._add_resource(capacity, intervals)
        for index in ways:
            self._add_order(index)

    def _add_task(
        self, index: int, own: Sequence[Way], intervals: list[list[tuple[cp_model.IntervalVar, int]]]
    ) -> None:
        task, model = self.problem.tasks[index], self.model
        first = min((way.first for way in own), default=0)
        start = model.new_int_var(first, max((way.last for way in own), default=first), f"start_{index}")
        options = [Option(way, model.new_bool_var(f"way_{index}_{way.mode}")) for way in own]
        left_out = model.new_bool_var(f"left_out_{index}") if task.optional else None
        literals = [option.literal for option in options]
        model.add_exactly_one([*literals, left_out] if left_out is not None else literals)
        for option in options:
            way, literal = option.way, option.literal
            model.add_linear_constraint(start, way.first, way.last).only_enforce_if(literal)
            if way.uses:
                interval = model.new_optional_fixed_size_interval_var(start, way.minutes, literal, "")
                for resource, units in way.uses:
                    intervals[resource].append((interval, units))
        if left_out is not None:
            model.add(start == first).only_enforce_if(left_out)
        self.tasks[index] = TaskVariables(start, options, left_out)

    def _add_resource(self, capacity: Sequence[tuple[int, int]], used: list[tuple[cp_model.IntervalVar, Any]]) -> None:
        most, horizon = max(units for _, units in capacity), self.problem.horizon
        ends = [minute for minute, _ in capacity[1:]] + [horizon]
        for (begin, units), end in zip(capacity, ends, strict=True):
            if units < most and min(end, horizon) > begin:
                missing = self.model.new_fixed_size_interval_var(begin, min(end, horizon) - begin, "")
                used.append((missing, most - units))
        self.model.add_cumulative([interval for interval, _ in used], [units for _, units in used], most)

    def _add_order(self, index: int) -> None:
        """Only among the tasks of the model; the others are in the ways' first and last starts."""
        this = self.tasks[index]
        for before in self.problem.tasks[index].after:
            other = self.tasks.get(before)
            if other is None:
                continue
            order = self.model.add(this.start >= other.end)
            if this.left_out is not None:
                order.only_enforce_if(this.left_out.negated())
            if other.left_out is not None:
                self.model.add(other.left_out <= (0 if this.left_out is None else this.left_out))

    # -- sums ------------------------------------------------------------------------------------------------------------------
    def sum_of(self, name: str) -> cp_model.LinearExprT:
        """An objective, or what the budget must cover.

        Raises
        ------
        TooLargeError
            It could pass 2^53.
        """
        if name == "makespan":
            return self._makespan()
        if name == "tardiness":
            return self._tardiness()
        literals: list[cp_model.IntVar] = []
        amounts: list[int] = []
        for index, task in self.tasks.items():
            value = self.problem.tasks[index].value_micro_usd or 0
            if task.left_out is not None and name != "budget":
                literals.append(task.left_out)
                amounts.append(value)
            for option in task.options if name != "value" else ():
                literals.append(option.literal)
                amounts.append(option.way.cost if name == "cost" else option.way.budget)
        check_activity(amounts)
        return cp_model.LinearExpr.weighted_sum(literals, amounts)

    def _tardiness(self) -> cp_model.LinearExprT:
        late, weights = [], []
        for index, variables in self.tasks.items():
            task = self.problem.tasks[index]
            if task.due is None:
                continue
            if variables.late is None:
                latest = max((option.way.last + option.way.minutes for option in variables.options), default=0)
                variables.late = self.model.new_int_var(0, max(0, latest - task.due), f"late_{index}")
                bound = self.model.add(variables.late >= variables.end - task.due)
                if variables.left_out is not None:
                    bound.only_enforce_if(variables.left_out.negated())
            late.append(variables.late)
            weights.append(task.priority)
        check_activity([weight * self.problem.horizon for weight in weights])
        return cp_model.LinearExpr.weighted_sum(late, weights)

    def _makespan(self) -> cp_model.IntVar:
        if self.makespan is None:
            self.makespan = self.model.new_int_var(0, self.problem.horizon, "makespan")
            for variables in self.tasks.values():
                bound = self.model.add(self.makespan >= variables.end)
                if variables.left_out is not None:
                    bound.only_enforce_if(variables.left_out.negated())
        return self.makespan

    # -- solutions -------------------------------------------------------------------------------------------------------------
    def hint(self, places: Mapping[int, Place]) -> None:
        """Begin where these places are."""
        for index, variables in self.tasks.items():
            way, start = places[index]
            chosen = None if way is None else way.mode
            for option in variables.options:
                self.model.add_hint(option.literal, option.way.mode == chosen)
            if variables.left_out is not None:
                self.model.add_hint(variables.left_out, way is None)
            if way is not None:
                self.model.add_hint(variables.start, start)

    def places(self, solver: cp_model.CpSolver) -> dict[int, Place]:
        """Where a solution puts the tasks."""
        found: dict[int, Place] = {}
        for index, variables in self.tasks.items():
            taken = next((option for option in variables.options if solver.boolean_value(option.literal)), None)
            found[index] = LEFT_OUT if taken is None else (taken.way, solver.value(variables.start))
        return found


def check_activity(amounts: Iterable[int]) -> None:
    """Raise `TooLargeError` where amounts could sum to 2^53 or more."""
    if sum(map(abs, amounts)) >= LARGEST_ACTIVITY:
        raise TooLargeError("a sum of the schedule could pass 2^53; plan fewer jobs at a time")
