"""CP-SAT is asked so that it answers right, says what it chose, and is never believed alone where it says "infeasible"."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import pytest
from ortools.sat.python import cp_model

from exact_check import broken_constraints
from gpuplan.cp_sat import new_solver
from gpuplan.pipeline import find
from gpuplan.reduce import Kept
from gpuplan.search import Search, Searcher
from gpuplan.verify import VerificationError
from problems import Problem, problem_of

#: A feasible model of the size of a real question that OR-Tools 9.15 calls infeasible; beside the checkout where there is one.
RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "cpsat_9_15_wrong_infeasible.txt.gz"
#: The value of its best solution, which is the upper end of its objective: what it was given as incumbent.
RECORDED_OPTIMUM = 1_489_417_035_344


def known_wrong() -> cp_model.CpModel:
    """A feasible model (``a``, ``y = z = 56661831504``, all else 0) that OR-Tools 9.15 calls infeasible without presolve.

    Its detection of "at least one of several enforced inequalities holds" goes wrong where a product of two coefficients passes
    2^63; with all numbers divided by 1000 the answer is right.
    """
    model = cp_model.CpModel()
    a, b, c, d, x = (model.new_bool_var(name) for name in "abcdx")
    most = 126_477_185_671
    y, z = (model.new_int_var(0, most, name) for name in "yz")
    model.add_exactly_one([a, b, c, d])
    for literal in (a, b):
        model.add(y - 56_661_831_504 * x >= 56_661_831_504).only_enforce_if(literal)
        model.add(z - 56_661_831_504 * x >= 23_224_444_332).only_enforce_if(literal)
    for literal in (c, d):
        model.add(y - 2 * x >= most + 1).only_enforce_if(literal)
    model.minimize(y)
    return model


@pytest.mark.parametrize("presolve", [True, False])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_feasible_model_is_not_called_infeasible(presolve: bool, workers: int) -> None:
    solver = new_solver(60.0, workers, 0)
    solver.parameters.cp_model_presolve = presolve
    assert solver.solve(known_wrong()) == cp_model.OPTIMAL
    assert solver.objective_value == 56_661_831_504


# -- the recorded model ------------------------------------------------------------------------------------------------------
@cache
def recorded() -> cp_model.CpModel:
    if not RECORDED.is_file():
        pytest.skip(f"{RECORDED.name} is not beside this checkout")
    model = cp_model.CpModel()
    assert model.proto.parse_text_format(gzip.decompress(RECORDED.read_bytes()).decode())
    return model


def as_gpuplan_asks(solver: cp_model.CpSolver) -> cp_model.CpSolver:
    """A solver as `prove` sets it up for a reduced model."""
    solver.parameters.num_workers = 1
    solver.parameters.cp_model_presolve = False
    return solver


@pytest.mark.sources
@pytest.mark.slow
def test_the_recorded_model_has_a_solution_and_gpuplan_finds_it() -> None:
    solver, model = as_gpuplan_asks(new_solver(600.0, 1, 0)), recorded()
    assert solver.solve(model) == cp_model.OPTIMAL
    values = [solver.value(model.get_int_var_from_proto_index(index)) for index in range(len(model.proto.variables))]
    assert broken_constraints(model.proto, values) == []
    assert solver.objective_value == RECORDED_OPTIMUM


def test_without_the_switches_it_is_called_infeasible() -> None:
    if not version("ortools").startswith("9.15"):
        pytest.skip(f"seen with OR-Tools 9.15, this is {version('ortools')}")
    assert as_gpuplan_asks(cp_model.CpSolver()).solve(recorded()) == cp_model.INFEASIBLE


# -- the alarm ---------------------------------------------------------------------------------------------------------------
def with_a_plan() -> list[Problem]:
    return [problem for problem in map(problem_of, range(40)) if problem.oracle.solve().best is not None]


def called_infeasible(self: cp_model.CpSolver, model: cp_model.CpModel) -> cp_model.CpSolverStatus:
    """What OR-Tools said of the recorded model, said of every model."""
    return cp_model.INFEASIBLE


class Blind(Searcher):
    """A search that misses every plan."""

    def run(self) -> Search:
        super().run()
        self.found.best = self.found.values = self.found.row = None
        return self.found


def test_a_wrong_infeasible_of_cp_sat_is_an_internal_error_and_never_an_answer() -> None:
    for problem in with_a_plan():
        with patch.object(cp_model.CpSolver, "solve", called_infeasible), pytest.raises(VerificationError):
            find(problem.job, problem.offers)


def test_a_search_that_misses_all_plans_is_found_out_by_cp_sat() -> None:
    for problem in with_a_plan():
        with patch("gpuplan.pipeline.Searcher", Blind), pytest.raises(VerificationError, match="CP-SAT found a plan"):
            find(problem.job, problem.offers)


def test_bounds_that_leave_nothing_are_found_out_by_cp_sat() -> None:
    for problem in with_a_plan():
        with (
            patch("gpuplan.pipeline.Searcher", Blind),
            patch("gpuplan.pipeline.reduce_rows", lambda searcher: Kept()),
            pytest.raises(VerificationError, match="CP-SAT found a plan"),
        ):
            find(problem.job, problem.offers)
