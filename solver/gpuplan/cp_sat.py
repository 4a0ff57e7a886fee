"""CP-SAT as every search here uses it: without two steps that give wrong answers."""

from __future__ import annotations

from ortools.sat.python import cp_model


def new_solver(seconds: float, workers: int, seed: int) -> cp_model.CpSolver:
    """A solver with a time limit.

    Two steps of OR-Tools 9.15 are off that give wrong answers on models like those of this package. With the detection of "at least
    one of several enforced two-variable inequalities holds" it calls models infeasible whose solution is known, seen where a product
    of two coefficients passes 2^63. With the removal of linear constraints that others seem to include, a step of presolve, it calls a
    worse plan optimal. The search oracle found both; each switch cures its own.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = max(0.01, seconds)
    solver.parameters.auto_detect_greater_than_at_least_one_of = False
    solver.parameters.presolve_inclusion_work_limit = 0
    return solver
