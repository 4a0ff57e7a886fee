"""CP-SAT on the whole of what is left, with what the bound says as a constraint; and a second formulation for a second opinion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ortools.sat.python import cp_model

from gpuplan.cp_sat import new_solver
from gpuplan.scheduling.booking import LEFT_OUT, Place
from gpuplan.scheduling.bound import Bound
from gpuplan.scheduling.fixing import least_of_ways
from gpuplan.scheduling.model import FleetModel
from gpuplan.scheduling.problem import Problem
from gpuplan.scheduling.windows import Way

#: How often a search that was interrupted is told to stop.
STOP_SECONDS = 0.02

#: With more ways than this presolve takes longer than it saves (measured with 3,000 and 6,000).
MOST_PRESOLVED = 4000


@dataclass(frozen=True)
class Answer:
    """What CP-SAT said: its status in lower case, the places of the tasks (None: none found), a bound, whether Ctrl-C ended it."""

    status: str
    places: list[Place] | None
    bound: int | None
    interrupted: bool


@dataclass(frozen=True)
class Question:
    """The schedule that is looked for: best by `objective`, from `least` to `best` of it (None: any), with `caps` on other sums.

    `doubted` says that CP-SAT was wrong about it before: then it is asked with its own settings.
    """

    problem: Problem
    ways: Sequence[Sequence[Way]]
    objective: str
    caps: Mapping[str, int]
    least: int = 0
    best: int | None = None
    doubted: bool = False


def solve_exactly(
    question: Question,
    seconds: float,
    workers: int,
    seed: int,
    places: Sequence[Place] | None,
    said: Bound | None,
    all_ways: Sequence[Sequence[Way]],
) -> Answer:
    """Ask CP-SAT, beginning at `places`; `said` is a bound over `all_ways`.

    Measured on generated fleets: its linear relaxation over all constraints raises the bound two to three times as far in the same
    time, and finds better schedules sooner; probing takes seconds and finds nothing.
    """
    problem = question.problem
    model = FleetModel(problem, [resource.capacity for resource in problem.resources])
    model.add_tasks(dict(enumerate(question.ways)))
    goal = model.sum_of(question.objective)
    if said is not None:
        _add_bound(model, goal, said, all_ways)
    model.model.add(goal >= question.least)
    if question.best is not None:
        model.model.add(goal <= question.best)
    _add_caps(model, question)
    model.model.minimize(goal)
    if places is not None:
        model.hint(dict(enumerate(places)))
    solver = new_solver(seconds, workers, seed)
    if not question.doubted:
        solver.parameters.linearization_level = 2
        solver.parameters.cp_model_probing_level = 0
        solver.parameters.cp_model_presolve = sum(map(len, question.ways)) <= MOST_PRESOLVED
    return _answer(model, solver, len(problem.tasks))


def _add_caps(model: FleetModel, question: Question) -> None:
    budget = question.problem.budget_micro_usd
    for name, cap in {**question.caps, **({} if budget is None else {"budget": budget})}.items():
        model.model.add(model.sum_of(name) <= cap)


def _add_bound(model: FleetModel, goal: cp_model.LinearExprT, said: Bound, ways: Sequence[Sequence[Way]]) -> None:
    """The objective is not below the least reduced values of the ways that are taken, less what the capacity is worth.

    One constraint with which the relaxation of the model is as good as the linear program over all placements.
    """
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
    status, interrupted = _solved(model.model, solver)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    places = model.places(solver) if found else {}
    return Answer(
        status=solver.status_name(status).lower(),
        places=[places.get(index, LEFT_OUT) for index in range(tasks)] if found else None,
        bound=math.ceil(solver.best_objective_bound - 0.5) if found else None,
        interrupted=interrupted,
    )


def _solved(model: cp_model.CpModel, solver: cp_model.CpSolver) -> tuple[cp_model.CpSolverStatus, bool]:
    """Solve in a thread while this one listens for Ctrl-C: CP-SAT, which may stop well before its limit, does not say who ended it."""
    solver.parameters.catch_sigint_signal = False
    interrupted = False
    with ThreadPoolExecutor(1) as pool:
        solving = pool.submit(solver.solve, model)
        while True:
            try:
                return solving.result(STOP_SECONDS if interrupted else None), interrupted
            except KeyboardInterrupt:
                interrupted = True
            except TimeoutError:
                solver.stop_search()  # again, as it is not heard before the search begins


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
