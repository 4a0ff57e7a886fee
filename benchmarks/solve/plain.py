"""The plain CP-SAT encoding: an integer variable for every decision, tables for what goes together, elements and products for time.

No bound, no incumbent, no literal per row: what one writes first. It reads the same rows as the others, as integers of 20 bits or
more (rounded to the nearest), and the plan that it ends with is evaluated by the formulas.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from benchmarks.solve.plain_rows import Rows, Table, rows_of
from gpuplan.candidates import Families
from gpuplan.job import Job
from gpuplan.performance.constants import constants
from gpuplan.search import plan_of
from gpuplan.space import build_space
from gpuplan_hardware import Offer

Array = np.ndarray

MOST_ROWS = 200_000
"""With more rows the building alone takes longer than the limit."""
BITS, TIME_BITS, VALUE_BITS = 20, 26, 34


@dataclass(frozen=True)
class Plain:
    """What the solver said; `value` is that of its plan by the formulas."""

    status: str
    value: float | None = None
    rows: int = 0
    build_seconds: float = 0.0
    note: str = ""


def plain(job: Job, offers: Sequence[Offer], seconds: float) -> Plain:
    """Solve with the plain model within `seconds`, tables and building included."""
    start = time.perf_counter()
    space = build_space(job, offers)
    if not space.offers or not space.values.frameworks:
        return Plain("infeasible")
    rows = rows_of(space)
    if not min(len(rows.atoms), len(rows.shapes), len(rows.states), len(rows.clusters.cap)):
        return Plain("infeasible", rows=rows.count)
    if rows.count > MOST_ROWS:
        return Plain("unknown", rows=rows.count, note=f"not built: {rows.count:,} rows")
    model = PlainModel(rows)
    built = time.perf_counter() - start
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = max(0.1, seconds - built)
    status = solver.solve(model.model)
    name = solver.status_name(status).lower()
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Plain(name if name == "infeasible" else "unknown", None, rows.count, built, name)
    atom, shape, state, cluster = (solver.value(variable) for variable in model.index)
    offer = int(rows.clusters.table["offer"][cluster])
    plan = plan_of(space, Families(rows.atoms, rows.shapes, rows.states), offer, atom, shape, state)
    return Plain(name, rows.objective.value(plan), rows.count, built)


class PlainModel:
    """The model over `rows`; `index` holds the chosen atom, shape, state and cluster."""

    def __init__(self, rows: Rows) -> None:
        self.rows, self.model = rows, cp_model.CpModel()
        self.shared: dict[str, Any] = {}
        tables = (rows.atom_table, rows.shape_table, rows.state_table, rows.clusters.table)
        self.index = [self._choice(table) for table in tables]
        self.horizon = float(rows.clusters.cap.max())
        self.step_unit = self.horizon / float(rows.steps.min()) / 2**TIME_BITS
        self._memory()
        self._minimise(self._training(self._step()))

    def _choice(self, table: Table) -> Any:
        """Index of a row, tied to the variables of its decisions."""
        columns = [column.astype(np.int64) for column in table.values()]
        for name, column in zip(table, columns, strict=True):
            if name not in self.shared:
                self.shared[name] = self.model.new_int_var(0, 2**20, name)
            self.model.add_linear_constraint(self.shared[name], int(column.min()), int(column.max()))
        index = self._var(len(columns[0]) - 1)
        tuples = np.stack([np.arange(len(columns[0])), *columns], axis=1)
        self.model.add_allowed_assignments([index, *(self.shared[name] for name in table)], tuples.tolist())
        return index

    def _memory(self) -> None:
        """Activations times layers in flight, and what states hold, on each stage that exists."""
        atoms, counts, states = self.rows.atoms, self.rows.shapes.counts, self.rows.states
        atom, shape, state, _ = self.index
        usable = self.rows.space.machines.usable_memory_bytes[atoms.keys.machine]
        unit = float(usable.max()) / 2**BITS
        flight_unit = float(counts.in_flight_layers.max()) / 2**BITS
        capacity = self._element(atom, usable / atoms.memory_factor, unit).variable
        activations = [self._element(atom, column, unit) for column in atoms.activation.T]
        working, logits = self._element(atom, atoms.working, unit), self._element(atom, atoms.logits, unit)
        for stage in range(3):
            exists = self.model.new_bool_var("exists")
            self.model.add_element(shape, counts.exists[:, stage].astype(int).tolist(), exists)
            flying = counts.in_flight_layers[:, stage].T
            pairs = zip(activations, flying, strict=True)
            kept = [self._product(a, self._element(shape, column, flight_unit)) for a, column in pairs]
            held = [
                self._element(state, states.held[:, stage], unit),
                working,
                self._product(logits, self._element(shape, counts.has_head[:, stage], 1.0)),
                self._at_least(kept, unit * flight_unit, unit, 2**TIME_BITS * 2**BITS),
            ]
            self.model.add(sum(part.variable for part in held) <= capacity).only_enforce_if(exists)
            stepping = self._element(state, states.stepping[:, stage], unit)
            self.model.add(stepping.variable <= capacity).only_enforce_if(exists)

    def _step(self) -> Counted:
        """Seconds of a step: every stage with the shown share of the exchange, and with all of it less its window."""
        atoms, counts = self.rows.atoms, self.rows.shapes.counts
        atom, shape, *_ = self.index
        unit = float(max(atoms.layer.max(), atoms.head.max(), atoms.transfer.max())) / 2**BITS
        often = float(max(counts.layer_passes.max(), counts.head_passes.max(), counts.transfers.max(), 1.0)) / 2**BITS
        layers = [self._element(atom, column, unit) for column in atoms.layer.T]
        head, transfer = self._element(atom, atoms.head, unit), self._element(atom, atoms.transfer, unit)
        means = zip(layers, constants().value("data_parallel_overlap") * counts.mean_layers.T, strict=True)
        window = [self._product(layer, self._element(shape, column, often)) for layer, column in means]
        moved = self._product(transfer, self._element(shape, counts.transfers, often))
        all_of_it, shown, rest = self._exchange()
        step = self._var(2**TIME_BITS)
        for stage in range(3):
            passes = zip(layers, counts.layer_passes[:, stage].T, strict=True)
            busy = [self._product(layer, self._element(shape, column, often)) for layer, column in passes]
            busy += [self._product(head, self._element(shape, counts.head_passes[:, stage], often)), moved]
            whole = self._at_least(busy, unit * often, self.step_unit, 2**TIME_BITS)
            open_ = self._at_least(busy, unit * often, self.step_unit, 2**TIME_BITS, less=window)
            self.model.add(step >= whole.variable + shown.variable + rest)
            self.model.add(step >= open_.variable + all_of_it + rest)
        return Counted(step, 2**TIME_BITS)

    def _exchange(self) -> tuple[Any, Counted, Any]:
        """Gradient exchange, its share that always shows, and optimizer with the fixed part: bytes of states times pace of machines."""
        states, pace = self.rows.states, self.rows.pace
        state, machine, most = self.index[2], self.shared["machine"], 2 ** (TIME_BITS + 2)
        seconds = []
        moved = (states.link, states.network, states.optimizer, states.host_link)
        for volume, speed in zip(moved, pace.T, strict=True):
            units = max(float(volume.max()), 1.0) / 2**BITS, float(speed.max()) / 2**BITS
            product = self._product(self._element(state, volume, units[0]), self._element(machine, speed, units[1]))
            seconds.append(self._at_least([product], units[0] * units[1], self.step_unit, most).variable)
        all_of_it = self._var(most)
        self.model.add_max_equality(all_of_it, seconds[:2])
        exposed = constants().value("data_parallel_exposed")
        shown = self._at_least([Counted(all_of_it, most)], exposed, 1.0, most)
        fixed = self._element(state, states.fixed, self.step_unit).variable
        return all_of_it, shown, seconds[2] + seconds[3] + fixed

    def _training(self, step: Counted) -> Counted:
        """Seconds of all steps, within the longest that the cluster allows."""
        unit = self.horizon / 2**TIME_BITS
        product = self._product(step, self._element(self.index[1], self.rows.steps, 1.0))
        training = self._at_least([product], self.step_unit, unit, 2**TIME_BITS)
        cap = self._element(self.index[3], np.ceil(self.rows.clusters.cap / unit), 1.0)
        self.model.add(training.variable <= cap.variable)
        return training

    def _minimise(self, training: Counted) -> None:
        c, cluster = self.rows.clusters, self.index[3]
        name = self.rows.objective.name
        if name == "gpus":
            self.model.minimize(self._element(cluster, c.gpus, 1.0).variable)
            return
        slope, fixed = (c.cost_slope, c.cost_fixed) if name == "cost" else (c.wall_slope, c.wall_fixed)
        least = c.cost_least if name == "cost" else np.zeros(len(c.cap))
        unit = float(np.maximum(slope * c.cap + fixed, least).max()) / 2**VALUE_BITS
        slope_unit = float(slope.max()) / 2**BITS
        product = self._product(training, self._element(cluster, slope, slope_unit))
        value = self._var(2**VALUE_BITS)
        running = self._at_least([product], slope_unit * self.horizon / 2**TIME_BITS, unit, 2**VALUE_BITS)
        self.model.add(value >= running.variable + self._element(cluster, fixed, unit).variable)
        self.model.add(value >= self._element(cluster, least, unit).variable)
        self.model.minimize(value)

    # -- pieces ------------------------------------------------------------------------------------------------------------
    def _var(self, largest: int) -> Any:
        return self.model.new_int_var(0, max(0, int(largest)), "")

    def _element(self, index: Any, values: Array, unit: float) -> Counted:
        """The value at `index`, in units, rounded to the nearest."""
        numbers = np.rint(np.asarray(values, dtype=float) / unit).astype(np.int64)
        found = self.model.new_int_var(int(numbers.min()), int(numbers.max()), "")
        self.model.add_element(index, numbers.tolist(), found)
        return Counted(found, int(numbers.max()))

    def _product(self, one: Counted, other: Counted) -> Counted:
        found = self._var(one.largest * other.largest)
        self.model.add_multiplication_equality(found, [one.variable, other.variable])
        return Counted(found, one.largest * other.largest)

    def _at_least(
        self, parts: list[Counted], of_unit: float, unit: float, cap: int, less: Sequence[Counted] = ()
    ) -> Counted:
        """A variable in `unit` that is no less than the sum of `parts` in `of_unit` (less what is subtracted), and at most `cap`.

        The coefficients are whole and keep their ratio to a few in a million.
        """
        largest, ratio = sum(part.largest for part in parts), unit / of_unit
        most = min(cap, math.ceil(largest / ratio) + 1)
        if largest < ratio:
            return Counted(self._var(1), 1)  # less than one unit in all
        spread = 2 ** max(0, min(20, 61 - largest.bit_length() - max(0, math.ceil(-math.log2(ratio)))))
        small, large = (spread, round(ratio * spread)) if ratio >= 1 else (round(spread / ratio), spread)
        found = self._var(most)
        total = sum(part.variable for part in parts) - sum(part.variable for part in less)
        self.model.add(large * found >= small * total)
        return Counted(found, most)


@dataclass(frozen=True)
class Counted:
    """A variable and its largest value."""

    variable: Any
    largest: int
