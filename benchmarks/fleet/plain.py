"""The plain CP-SAT encoding of a fleet: an optional interval for every mode, a cumulative for every resource, a greedy hint.

What one writes first: no bound but CP-SAT's own, no reduction, no neighbourhoods. The hint is the schedule by earliest deadline. Every
task must be done, and cost is minimised.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ortools.sat.python import cp_model

from benchmarks.fleet.baselines import earliest_deadline_first
from gpuplan.scheduling.problem import Placed, Problem, Resource, Schedule


@dataclass(frozen=True)
class Plain:
    """What CP-SAT says: both numbers in millionths of a dollar; None where it has found nothing."""

    status: str
    schedule: Schedule | None
    value: int | None
    bound: int | None
    seconds: float


def plain(problem: Problem, seconds: float, workers: int, seed: int = 0) -> Plain:
    """Solve with the plain model; building it counts.

    Raises
    ------
    ValueError
        The problem has optional tasks or minimises something else than cost.
    """
    if problem.objectives != ("cost",) or any(task.optional for task in problem.tasks):
        raise ValueError("the plain model minimises cost, and does every task")
    begin = time.monotonic()
    written = _Model(problem)
    written.hint(earliest_deadline_first(problem))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = max(0.1, seconds - (time.monotonic() - begin))
    status = solver.solve(written.model)
    name = solver.status_name(status).lower()
    took = time.monotonic() - begin
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Plain("infeasible" if status == cp_model.INFEASIBLE else "unknown", None, None, None, took)
    value, bound = round(solver.objective_value), round(solver.best_objective_bound)
    return Plain(name, written.schedule(solver), value, bound, took)


@dataclass
class _Model:
    """The model of a problem, with the start of every task and the literals of its modes."""

    problem: Problem
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    starts: list[Any] = field(default_factory=list)
    chosen: list[list[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem, model = self.problem, self.model
        demands: list[list[tuple[Any, int]]] = [[] for _ in problem.resources]
        ends = []
        for task in problem.tasks:
            latest = problem.horizon if task.deadline is None else task.deadline
            start = model.new_int_var(task.release, latest, f"start of {task.name}")
            end = model.new_int_var(task.release, latest, f"end of {task.name}")
            literals = [model.new_bool_var(f"{task.name} in mode {number}") for number in range(len(task.modes))]
            model.add_exactly_one(literals)
            for mode, literal in zip(task.modes, literals, strict=True):
                interval = model.new_optional_interval_var(start, mode.minutes, end, literal, "")
                model.add(start >= mode.earliest).only_enforce_if(literal)
                for resource, units in mode.uses:
                    demands[resource].append((interval, units))
            self.starts.append(start)
            self.chosen.append(literals)
            ends.append(end)
        for task, start in zip(problem.tasks, self.starts, strict=True):
            for before in task.after:
                model.add(ends[before] <= start)
        for shared, of_it in zip(problem.resources, demands, strict=True):
            self._cumulative(shared, of_it)
        modes = [
            (mode, literal)
            for task, own in zip(problem.tasks, self.chosen, strict=True)
            for mode, literal in zip(task.modes, own, strict=True)
        ]
        if problem.budget_micro_usd is not None:
            model.add(sum(mode.budget_micro_usd * one for mode, one in modes) <= problem.budget_micro_usd)
        model.minimize(sum(mode.cost_micro_usd * one for mode, one in modes))

    def _cumulative(self, resource: Resource, demands: list[tuple[Any, int]]) -> None:
        """Never more in use than there is: what is not there at some time is in use by nobody."""
        most, horizon = resource.most, self.problem.horizon
        until = [*(minute for minute, _ in resource.capacity[1:]), max(horizon, resource.capacity[-1][0])]
        for (begin, units), end in zip(resource.capacity, until, strict=True):
            if units < most and begin < end:
                demands.append((self.model.new_fixed_size_interval_var(begin, end - begin, ""), most - units))
        self.model.add_cumulative([interval for interval, _ in demands], [units for _, units in demands], most)

    def hint(self, schedule: Schedule) -> None:
        """Begin with a schedule, also with one that misses deadlines."""
        for start, literals, place in zip(self.starts, self.chosen, schedule, strict=True):
            if place is None:
                continue
            self.model.add_hint(start, place.start)
            for number, literal in enumerate(literals):
                self.model.add_hint(literal, number == place.mode)

    def schedule(self, solver: cp_model.CpSolver) -> Schedule:
        """What the solver has found."""
        return tuple(
            Placed(
                next(number for number, one in enumerate(literals) if solver.boolean_value(one)), solver.value(start)
            )
            for start, literals in zip(self.starts, self.chosen, strict=True)
        )
