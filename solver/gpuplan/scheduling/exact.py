"""CP-SAT on the whole of what is left, with what the bound says as a constraint; and a second formulation for a second opinion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from gpuplan.cp_sat import new_solver
from gpuplan.interrupts import handler_kept
from gpuplan.scheduling.booking import LEFT_OUT, Place
from gpuplan.scheduling.bound import Bound
from gpuplan.scheduling.fixing import least_of_ways
from gpuplan.scheduling.model import FleetModel
from gpuplan.scheduling.problem import Problem
from gpuplan.scheduling.windows import Way


@dataclass(frozen=True)
class Answer:
    """What CP-SAT said: its status in lower case, the places of the tasks (None: none found), a bound, whether Ctrl-C ended it."""

    status: str
    places: list[Place] | None
    bound: int | None
    interrupted: bool


@dataclass(frozen=True)
class Question:
    """The schedule that is looked for: best by `objective`, at most `best` of it (None: any), with `caps` on other sums."""

    problem: Problem
    ways: Sequence[Sequence[Way]]
    objective: str
    caps: Mapping[str, int]
    best: int | None = None


def solve_exactly(
    question: Question,
    seconds: float,
    workers: int,
    seed: int,
    places: Sequence[Place] | None,
    said: Bound | None,
    all_ways: Sequence[Sequence[Way]],
) -> Answer:
    """Ask CP-SAT, beginning at `places`; `said` is a bound over `all_ways`."""
    problem = question.problem
    model = FleetModel(problem, [resource.capacity for resource in problem.resources])
    model.add_tasks(dict(enumerate(question.ways)))
    goal = model.sum_of(question.objective)
    if said is not None:
        _add_bound(model, goal, said, all_ways)
    if question.best is not None:
        model.model.add(goal <= question.best)
    _add_caps(model, question)
    model.model.minimize(goal)
    if places is not None:
        model.hint(dict(enumerate(places)))
    return _answer(model, new_solver(seconds, workers, seed), len(problem.tasks))


def _add_caps(model: FleetModel, question: Question) -> None:
    budget = question.problem.budget_micro_usd
    for name, cap in {**question.caps, **({} if budget is None else {"budget": budget})}.items():
        model.model.add(model.sum_of(name) <= cap)


def _add_bound(model: FleetModel, goal: cp_model.LinearExprT, said: Bound, ways: Sequence[Sequence[Way]]) -> None:
    """The objective is not below the least reduced values of the ways that are taken, less what the capacity is worth.

    One constraint with which the relaxation of the model is as good as the linear program over all placements.
    """
    model.model.add(goal >= said.value)
    least, literals, amounts = least_of_ways(ways, said), [], []
    for index, variables in model.tasks.items():
        taken = [(option.literal, option.way.mode) for option in variables.options]
        taken += [(variables.left_out, -1)] if variables.left_out is not None else []
        for literal, mode in taken:
            literals.append(literal)
            amounts.append(math.floor(least[index, mode] * said.scale) - 1)
    constant = math.ceil(said.constant * said.scale) + len(model.tasks) + 1
    if sum(map(abs, amounts)) + constant < 2**52:
        model.model.add(cp_model.LinearExpr.weighted_sum(literals, amounts) <= goal + constant)


def _answer(model: FleetModel, solver: cp_model.CpSolver, tasks: int) -> Answer:
    with handler_kept():
        status = solver.solve(model.model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    decided = status in (cp_model.OPTIMAL, cp_model.INFEASIBLE)
    places = model.places(solver) if found else {}
    return Answer(
        status=solver.status_name(status).lower(),
        places=[places.get(index, LEFT_OUT) for index in range(tasks)] if found else None,
        bound=math.ceil(solver.best_objective_bound - 0.5) if found else None,
        interrupted=not decided and solver.wall_time < 0.9 * solver.parameters.max_time_in_seconds,
    )


def second_opinion(problem: Problem, ways: Sequence[Sequence[Way]], seconds: float, workers: int, seed: int) -> Answer:
    """Whether there is any schedule at all, by another formulation.

    One interval of variable length for each task and resource, with a variable number of units that is nothing where the way does
    not use it; no literal is shared with the intervals. Without presolve.
    """
    model = FleetModel(problem, [resource.capacity for resource in problem.resources])
    model.add_tasks_as_one_interval(dict(enumerate(ways)))
    _add_caps(model, Question(problem, ways, "cost", {}))
    solver = new_solver(seconds, workers, seed)
    solver.parameters.cp_model_presolve = False
    return _answer(model, solver, len(problem.tasks))
