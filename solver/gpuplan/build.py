"""The CP-SAT model: one literal per row, exactly one row per family, shared decisions agree, every rule posts itself.

minimise    objective(offer, size, training)
subject to  one offer, one atom, one shape, one state
            atom's machine = offer's machine
            atom and state agree on TP, CP, EP, expert-TP, framework, ZeRO-3 group and whether it is streamed, scale-up domain, node size
            atom and shape agree on the micro-batch; shape and state on PP, its lighter ends and DP
            every rule in rules/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from gpuplan.candidates import stage_code
from gpuplan.job import Job
from gpuplan.objectives import Objective
from gpuplan.rules import rules
from gpuplan.tables import Tables

Array = np.ndarray

#: OR-Tools 9.15 has been seen to call a feasible model with larger activities infeasible (google/or-tools#5003, #5295 look similar).
LARGEST_ACTIVITY = 2**53


class ModelTooLargeError(ArithmeticError):
    """A constraint's activity could pass 2^53; such a model is not handed to the solver."""


@dataclass(frozen=True)
class Sum:
    """``base + sum(coefficient * literal)``: one of the literals is true, so `base` is a bound that propagation sees at once."""

    base: int
    literals: list[Any]
    coefficients: list[int]

    @property
    def largest(self) -> int:
        return self.base + sum(self.coefficients)

    @property
    def expression(self) -> Any:
        return cp_model.LinearExpr.weighted_sum(self.literals, self.coefficients) + self.base


class Builder:
    """Variables of the model in domain words, and the few forms of constraint the rules need."""

    def __init__(self, tables: Tables, objective: Objective) -> None:
        self.tables, self.job, self.objective = tables, tables.space.job, objective
        self.model = cp_model.CpModel()
        self.largest_activity: dict[str, int] = {}
        self.offer = self._family("offer", tables.offers)
        self.atom = self._family("atom", tables.atoms)
        self.shape = self._family("shape", tables.shapes)
        self.state = self._family("state", tables.states)
        self.size = self._groups("size", self.state, tables.state_size, range(tables.sizes))
        factors = tables.rows.atoms.step_factor
        by_factor = self._groups(
            "factor", self.atom, np.searchsorted(tables.factors, factors), range(len(tables.factors))
        )
        self.factor = dict(zip(tables.factors, by_factor, strict=True))
        self._machines = self._machine_literals()
        self.training = self.variable("training", 0, tables.training_horizon)
        names = ("pipeline", "late_pipeline", "hidden", "exposed")
        self.pipeline, self.late_pipeline, self.hidden, self.exposed = (
            self.variable(name, 0, tables.step_horizon) for name in names
        )
        self._channel()
        self._forbid_rows()
        for rule in rules():
            rule.post(self)
        self.objective_variable = objective.expression(self)
        self.model.minimize(self.objective_variable)

    # -- variables ---------------------------------------------------------------------------------------------------------
    def variable(self, name: str, low: int, high: int) -> Any:
        """An integer variable."""
        return self.model.new_int_var(low, high, name)

    def _family(self, name: str, count: int) -> list[Any]:
        literals = [self.model.new_bool_var(f"{name}{index}") for index in range(count)]
        self.model.add_exactly_one(literals)
        return literals

    def _groups(self, name: str, literals: Sequence[Any], group: Array, values: range) -> list[Any]:
        """One literal per group of a family: true when the chosen row is in it."""
        found = []
        for value in values:
            literal = self.model.new_bool_var(f"{name}{value}")
            members = [literals[int(index)] for index in np.flatnonzero(group == value)]
            self.model.add_exactly_one([*members, literal.negated()])
            found.append(literal)
        return found

    def _machine_literals(self) -> dict[int, Any]:
        of_atom = self.tables.rows.atoms.keys.machine
        machines = [int(machine) for machine in np.unique(of_atom)]
        literals = self._groups("machine", self.atom, np.searchsorted(machines, of_atom), range(len(machines)))
        return dict(zip(machines, literals, strict=True))

    @property
    def machines(self) -> dict[int, Any]:
        """Literal of each machine class."""
        return self._machines

    def hold(self, objective: Objective, value: float) -> None:
        """Allow only plans whose `objective`, a whole number, is at most `value`."""
        self.model.add(objective.expression(self) <= round(value))

    # -- structure ---------------------------------------------------------------------------------------------------------
    def _channel(self) -> None:
        t = self.tables
        offers = np.array([t.space.machine_of_offer[offer] for offer in t.offer_indices])
        shapes, states, atoms = t.rows.shapes.keys, t.rows.states.keys, t.rows.atoms.keys
        self._agree(self.offer, offers, self.atom, atoms.machine)
        self._agree(self.atom, t.atom_key, self.state, t.state_key)
        self._agree(self.atom, atoms.micro_batch, self.shape, shapes.micro_batch)
        self._agree(
            self.shape,
            stage_code(shapes.pipeline, shapes.lighter, shapes.data),
            self.state,
            stage_code(states.pipeline, states.lighter, states.data),
        )

    def _agree(self, left: list[Any], left_key: Array, right: list[Any], right_key: Array) -> None:
        """The chosen rows of two families have the same key."""
        for key in np.union1d(left_key, right_key):
            here = [left[index] for index in np.flatnonzero(left_key == key)]
            there = [right[index] for index in np.flatnonzero(right_key == key)]
            self.model.add(cp_model.LinearExpr.sum(here) == cp_model.LinearExpr.sum(there))

    def _forbid_rows(self) -> None:
        """Rows and clusters that a rule forbids on their own (a reduced space has left the rows out already)."""
        t = self.tables
        for row, offer in enumerate(self.offer):
            for size in t.sizes_of(row):
                if not t.clusters[row].allowed[size]:
                    self.model.add_bool_or([offer.negated(), self.size[size].negated()])
            forbidden = [self.state[int(state)] for state in t.states_forbidden[row]]
            if forbidden:
                self.model.add_at_most_one([offer, *forbidden])
        if t.space.reduced:
            return
        for literals, allowed in (
            (self.atom, t.atoms_allowed),
            (self.shape, t.shapes_allowed),
            (self.state, t.states_allowed),
        ):
            for index in np.flatnonzero(~allowed):
                self.model.add(literals[index] == 0)

    # -- sums over a family ------------------------------------------------------------------------------------------------
    def shape_sum(self, coefficients: Array, atom: int) -> Sum:
        """Sum over the shapes that agree with `atom`."""
        return _sum(self.shape, self.tables.shapes_of(atom), coefficients)

    def state_sum(self, coefficients: Array, atom: int) -> Sum:
        """Sum over the states that agree with `atom`."""
        return _sum(self.state, self.tables.states_of(atom), coefficients)

    def machine_state_sum(self, coefficients: Array, machine: int) -> Sum:
        """Sum over the states for nodes of the size of `machine`."""
        return _sum(self.state, self.tables.states_on(machine), coefficients)

    def size_sum(self, values: Array) -> Any:
        """Value of the chosen cluster size."""
        variable = self.variable("size_value", int(values.min()), int(values.max()))
        self.model.add(variable == cp_model.LinearExpr.weighted_sum(self.size, [int(value) for value in values]))
        return variable

    # -- constraints -------------------------------------------------------------------------------------------------------
    def at_most(self, sums: Sequence[Sum], limit: int, when: Sequence[Any], why: str) -> None:
        """``sum(sums) <= limit`` when all of `when` hold."""
        self._record(why, sum(part.largest for part in sums) + limit)
        self.model.add(sum(part.expression for part in sums) <= limit).only_enforce_if(when)

    def at_least(self, variable: Any, part: Sum, when: Sequence[Any], why: str) -> None:
        """``variable >= part`` when all of `when` hold."""
        self._record(why, part.largest + self.tables.step_horizon)
        self.model.add(variable >= part.expression).only_enforce_if(when)

    def covers_steps(self, steps: int, parts: Sequence[Any], when: Sequence[Any], why: str) -> None:
        """``scale * training >= steps * sum(parts)`` when all of `when` hold."""
        scale = self.tables.training_scale
        self._record(why, scale * self.tables.training_horizon + steps * len(parts) * self.tables.step_horizon)
        self.model.add(scale * self.training >= steps * sum(parts)).only_enforce_if(when)

    def factors(self, objective: Objective) -> list[tuple[float, list[Any]]]:
        """Confidence factors that `objective` counts with, each with the literals under which it applies."""
        if not objective.at_confidence:
            return [(1.0, [])]
        return self.confidence_factors()

    def clusters(self, factors: Sequence[tuple[float, list[Any]]]) -> Iterator[tuple[int, int, float, list[Any]]]:
        """Every offer with every cluster size of its nodes and every factor: (offer, size, factor, literals of all three)."""
        for offer, literal in enumerate(self.offer):
            for size in self.tables.sizes_of(offer):
                for factor, literals in factors:
                    yield offer, size, factor, [literal, self.size[size], *literals]

    def confidence_factors(self) -> list[tuple[float, list[Any]]]:
        """Every confidence factor of the step time with the literal under which it applies."""
        return [(factor, [literal]) for factor, literal in self.factor.items()]

    def covers_training(
        self, variable: Any, terms: tuple[int, int, int], when: Sequence[Any], why: str, largest: int | None = None
    ) -> None:
        """``scale * variable >= slope * training + fixed`` when all of `when` hold; `terms` is (scale, slope, fixed).

        `largest` is that of the variable; None stands for the largest bill or wall clock.
        """
        scale, slope, fixed = terms
        most = self.tables.bills.horizon if largest is None else largest
        self._record(why, max(scale * most, slope * self.tables.training_horizon + fixed))
        self.model.add(scale * variable >= slope * self.training + fixed).only_enforce_if(when)

    def covers_multiple(self, variable: Any, unit: int, count: Any, fixed: int, when: Sequence[Any]) -> None:
        """``variable >= unit * count + fixed`` when all of `when` hold."""
        self.model.add(variable >= unit * count + fixed).only_enforce_if(when)

    def covers(self, variable: Any, least: int, when: Sequence[Any]) -> None:
        """``variable >= least`` when all of `when` hold."""
        self.model.add(variable >= least).only_enforce_if(when)

    def training_at_most(self, cap: int, when: Sequence[Any]) -> None:
        """``training <= cap`` when all of `when` hold; a negative cap forbids the combination."""
        if cap < 0:
            self.model.add_bool_or([literal.negated() for literal in when])
        elif cap < self.tables.training_horizon:
            self.model.add(self.training <= cap).only_enforce_if(when)

    def any_shape(self, index: Array) -> Any:
        """Literal that is true when one of these shapes is chosen."""
        literal = self.model.new_bool_var("batch")
        self.model.add_exactly_one([*(self.shape[row] for row in index), literal.negated()])
        return literal

    def _record(self, why: str, activity: int) -> None:
        if activity >= LARGEST_ACTIVITY:
            raise ModelTooLargeError(f"{why}: activity {activity} is not below 2^53")
        self.largest_activity[why] = max(activity, self.largest_activity.get(why, 0))


def _sum(literals: Sequence[Any], index: Array, coefficients: Array) -> Sum:
    if len(index) == 0:
        return Sum(0, [], [])
    base = int(coefficients.min())
    extra = [(literals[row], int(value) - base) for row, value in zip(index, coefficients, strict=True) if value > base]
    return Sum(base, [literal for literal, _ in extra], [value for _, value in extra])


__all__ = ["Builder", "Job", "ModelTooLargeError", "Sum"]
