"""A bound that no schedule is below, by column generation, and what it says of every task.

Let the time of a resource have a price lambda >= 0 per unit-minute, constant within segments of the calendar, and every sum with a cap
(the budget, objectives that are settled) a price mu >= 0. Then, over all schedules,

    objective >= sum over tasks of min over placements of (value + lambda x use + mu x sums) - lambda x capacity - mu x caps

for any prices: what is paid for use never exceeds what all capacity is worth. The best prices are the dual values of the linear program
that mixes placements (Dantzig and Wolfe, Operations Research 8, 1960); they are found with columns added where their reduced cost is
negative, and the bound is computed from the prices alone, so it holds whatever the precision of that program.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ortools.linear_solver import pywraplp

from gpuplan.scheduling.columns import Array, Columns, columns, segments
from gpuplan.scheduling.problem import MICRO, Problem
from gpuplan.scheduling.windows import Way

#: Objectives that are sums over tasks.
SUMS = ("cost", "tardiness", "value")
#: The program is solved well enough when its value and the bound differ by this share.
CLOSE = 2e-4
#: Shares of the best prices so far that are mixed into the newest ones (Wentges, 1997): alone, they swing.
MIXES = (0.8, 0.4, 0.0)
#: What floating point may have cost of a bound.
NOISE = 1e-9
#: Penalty of a task without a placement, in units of the largest value.
UNPLACED = 10.0


@dataclass(frozen=True)
class Bound:
    """What prices of time say.

    Attributes
    ----------
    value
        No schedule is below it, in millionths of a dollar or weighted minutes.
    columns
        All placements.
    reduced
        Value of each placement less what the prices say that it takes from others.
    prices
        Per unit-minute, (resources, segments).
    sums
        Prices of the sums that have a cap, by name.
    constant
        What the prices of all capacity come to.
    scale
        Units of the objective in one of `reduced`.
    """

    value: int
    columns: Columns
    reduced: Array
    prices: Array
    sums: dict[str, float]
    constant: float
    scale: int

    @property
    def least(self) -> Array:
        """Least reduced value of each task."""
        return np.minimum.reduceat(self.reduced, self.columns.first)

    def worth(self, resource: int, begin: int, end: int) -> float:
        """What a unit more of a resource between two minutes can lower the bound by, at most; in units of the objective."""
        edges = self.columns.edges
        minutes = np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin)
        return float((self.prices[resource] * np.maximum(0, minutes)).sum()) * self.scale

    def at_least(self) -> Array:
        """For each placement, what no schedule with it is below, in the units of the objective."""
        rest = float(self.least.sum()) - self.constant
        found = (rest - self.least[self.columns.task] + self.reduced) * self.scale
        return np.asarray(found - NOISE * (np.abs(found) + self.constant * self.scale))


def bound(
    problem: Problem,
    ways: Sequence[Sequence[Way]],
    objective: str,
    caps: Mapping[str, int],
    until: int,
    count: int,
    seconds: float,
) -> Bound | None:
    """The best bound that segments of the calendar give, about `count` of them up to minute `until`.

    Parameters
    ----------
    objective
        One of `SUMS`.
    caps
        Most of other sums, by name, in their units.
    seconds
        After so long the best bound so far is taken; None where there is none yet.
    """
    found = columns(problem, ways, segments(problem, count, until))
    limits = {name: cap / _scale(name) for name, cap in caps.items() if name in SUMS and name != objective}
    if problem.budget_micro_usd is not None:
        limits["budget"] = problem.budget_micro_usd / MICRO
    return _Program(found, found.sums[objective], limits, len(problem.tasks)).solve(
        _scale(objective), time.monotonic() + seconds
    )


def _scale(objective: str) -> int:
    return 1 if objective == "tardiness" else MICRO


class _Program:
    """The linear program over the columns that are there so far."""

    def __init__(self, columns: Columns, values: Array, limits: Mapping[str, float], tasks: int) -> None:
        self.columns, self.values, self.limits = columns, values, limits
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        self.objective = self.solver.Objective()
        self.objective.SetMinimization()
        infinity = self.solver.infinity()
        self.one = [self.solver.Constraint(1.0, 1.0) for _ in range(tasks)]
        self.rows = [[self.solver.Constraint(-infinity, float(c)) for c in row] for row in columns.capacity]
        self.sums = {name: self.solver.Constraint(-infinity, limit) for name, limit in limits.items()}
        self.variables: dict[int, pywraplp.Variable] = {}
        most = UNPLACED * (1 + float(np.abs(values).max(initial=0.0)))
        for row in self.one:
            missing = self.solver.NumVar(0.0, infinity, "")
            row.SetCoefficient(missing, 1.0)
            self.objective.SetCoefficient(missing, most)
        self._add_each(values)

    def solve(self, scale: int, end: float) -> Bound | None:
        """Add columns until the bound is close, or the time is up."""
        best: tuple[float, Array, dict[str, float]] | None = None
        while self.solver.Solve() == pywraplp.Solver.OPTIMAL:
            value = self.objective.Value()
            newest, newest_sums = self._prices()
            added = 0
            for mix in MIXES if best is not None else MIXES[-1:]:
                prices, sums = newest, newest_sums
                if best is not None and mix:
                    prices = mix * best[1] + (1 - mix) * newest
                    sums = {name: mix * best[2][name] + (1 - mix) * price for name, price in newest_sums.items()}
                reduced = self._reduced(prices, sums)
                bound = float(np.minimum.reduceat(reduced, self.columns.first).sum()) - self._constant(prices, sums)
                if best is None or bound > best[0]:
                    best = (bound, prices, sums)
                added += self._add_each(reduced)
            if best is not None and (value - best[0] <= CLOSE * abs(value) or not added or time.monotonic() > end):
                break
        if best is None:
            return None
        _, prices, sums = best
        reduced, constant = self._reduced(prices, sums), self._constant(prices, sums)
        total = float(np.minimum.reduceat(reduced, self.columns.first).sum())
        noise = NOISE * (abs(total) + constant) * scale
        safe = max(0, math.ceil((total - constant) * scale - noise))
        return Bound(safe, self.columns, reduced, prices, dict(sums), constant, scale)

    def _prices(self) -> tuple[Array, dict[str, float]]:
        prices = np.array([[max(0.0, -row.dual_value()) for row in rows] for rows in self.rows])
        sums = {name: max(0.0, -row.dual_value()) for name, row in self.sums.items()}
        return prices.reshape(self.columns.capacity.shape), sums

    def _reduced(self, prices: Array, sums: Mapping[str, float]) -> Array:
        values = self.values + sum(price * self.columns.sums[name] for name, price in sums.items())
        return self.columns.priced(values, prices)

    def _constant(self, prices: Array, sums: Mapping[str, float]) -> float:
        whole = float((prices * self.columns.capacity).sum())
        return whole + sum(price * self.limits[name] for name, price in sums.items())

    def _add_each(self, reduced: Array) -> int:
        """Add the best column of every task; how many were not there yet."""
        first = self.columns.first
        ends = [*first[1:], len(reduced)]
        return sum(
            self._add(int(begin + np.argmin(reduced[begin:end]))) for begin, end in zip(first, ends, strict=True)
        )

    def _add(self, column: int) -> int:
        if column in self.variables:
            return 0
        variable = self.solver.NumVar(0.0, self.solver.infinity(), "")
        self.variables[column] = variable
        self.objective.SetCoefficient(variable, float(self.values[column]))
        self.one[self.columns.task[column]].SetCoefficient(variable, 1.0)
        for resource, segment, unit_minutes in self.columns.used(column):
            self.rows[resource][segment].SetCoefficient(variable, unit_minutes)
        for name, row in self.sums.items():
            row.SetCoefficient(variable, float(self.columns.sums[name][column]))
        return 1
