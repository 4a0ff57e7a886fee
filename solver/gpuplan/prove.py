"""Run CP-SAT on the rows that a reduction has left, and say what that proves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from gpuplan.build import Builder
from gpuplan.cp_sat import new_solver
from gpuplan.interrupts import handler_kept
from gpuplan.job import Job
from gpuplan.objectives import Objective
from gpuplan.tables import Tables


@dataclass(frozen=True)
class Proof:
    """What CP-SAT said.

    `status` is its own word; `value` and `bound` are in the objective's unit (None: none found); `rows` is the solution: which
    offer, atom, shape and state of the tables; `stopped` is why the search ended early, None where it did not.
    """

    status: str
    value: float | None
    bound: float | None
    rows: tuple[int, int, int, int] | None
    literals: int
    largest_activity: int
    stopped: str | None = None


def prove(
    tables: Tables, objective: Objective, job: Job, seconds: float, first: tuple[Objective, float] | None = None
) -> Proof:
    """Minimise the objective over `tables`, among plans whose `first` objective is at most a value.

    One worker by default and a fixed seed: the same input gives the same search. Presolve is off for reduced models, which are
    small (measured to be faster); an infeasible verdict is never taken from here alone.
    """
    builder = Builder(tables, objective)
    if first is not None:
        builder.hold(*first)
    solver = new_solver(seconds, job.search.workers, job.search.seed)
    solver.parameters.cp_model_presolve = not tables.space.reduced
    with handler_kept():
        status = solver.solve(builder.model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    unit = objective.unit_value(builder)
    return Proof(
        status=solver.status_name(status).lower(),
        value=solver.objective_value * unit if found else None,
        bound=solver.best_objective_bound * unit if found else None,
        rows=_chosen(solver, builder) if found else None,
        literals=tables.offers + tables.atoms + tables.shapes + tables.states,
        largest_activity=max(builder.largest_activity.values(), default=0),
        stopped=_stopped(solver, status),
    )


def _stopped(solver: cp_model.CpSolver, status: Any) -> str | None:
    """Why a search without a verdict ended: CP-SAT takes Ctrl-C for itself and then ends before its time."""
    if status in (cp_model.OPTIMAL, cp_model.INFEASIBLE):
        return None
    return "time limit" if solver.wall_time >= 0.9 * solver.parameters.max_time_in_seconds else "interrupted"


def _chosen(solver: cp_model.CpSolver, builder: Builder) -> tuple[int, int, int, int]:
    """The row of each family whose literal is true."""
    offer, atom, shape, state = (
        next(row for row, literal in enumerate(family) if solver.boolean_value(literal))
        for family in (builder.offer, builder.atom, builder.shape, builder.state)
    )
    return offer, atom, shape, state
