"""CP-SAT is asked so that it answers right, the same each time, and says what it chose."""

from __future__ import annotations

import pytest
from ortools.sat.python import cp_model

from gpuplan.prove import _mend


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
    solver = cp_model.CpSolver()
    solver.parameters.cp_model_presolve = presolve
    solver.parameters.num_workers = workers
    _mend(solver)
    assert solver.solve(known_wrong()) == cp_model.OPTIMAL
    assert solver.objective_value == 56_661_831_504
