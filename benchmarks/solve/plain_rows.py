"""The rows of the plain model: all atoms of all machines, all schedules, all shardings, all clusters, with the decisions they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.solve.joined import groups, lattice
from gpuplan.candidates import AtomRows, Rates, ShapeRows, StateRows, concatenate
from gpuplan.clusters import clusters_of
from gpuplan.look import step_counts
from gpuplan.objectives import Objective, objectives
from gpuplan.physics import Physics
from gpuplan.rules import rules
from gpuplan.rules.base import TOLERANCE
from gpuplan.space import Space

Array = np.ndarray
Table = dict[str, Array]


@dataclass(frozen=True)
class ClusterRows:
    """Offer, nodes, framework and kind of sharding, as far as all rules allow them, with what clock and bill make of training."""

    table: Table
    cap: Array
    gpus: Array
    wall_fixed: Array
    wall_slope: Array
    cost_fixed: Array
    cost_slope: Array
    cost_least: Array


@dataclass(frozen=True)
class Rows:
    """Rows with their physics, and the decisions that tie them: equal names must have equal values."""

    space: Space
    objective: Objective
    atoms: AtomRows
    shapes: ShapeRows
    states: StateRows
    steps: Array
    clusters: ClusterRows
    atom_table: Table
    shape_table: Table
    state_table: Table
    pace: Array

    @property
    def count(self) -> int:
        """Rows of all families."""
        return len(self.atoms) + len(self.shapes) + len(self.states) + len(self.clusters.cap)


def rows_of(space: Space) -> Rows:
    """All rows of a space that has offers. Shardings that fit no machine are left out, and atoms that go with no sharding."""
    physics = Physics(space)
    atoms, states = [], []
    for group in groups(physics):
        joined = lattice(physics, group)
        states.append(joined.states)
        ways = (joined.base, joined.several, joined.gather, joined.streamed)
        atoms += [physics.gathered(physics.base(machine).take(ways[0]), *ways[1:]) for machine in group.members]
    every = _distinct(concatenate(states))
    kind, allowed = _kinds(space, every)
    a, h, s = concatenate(atoms), physics.shapes, every
    links = {"tensor": 0, "context": 0, "expert": 0, "expert_tensor": 0}
    return Rows(
        space=space,
        objective=objectives()[space.job.objectives[0]],
        atoms=a,
        shapes=h,
        states=s,
        steps=step_counts(space, h.keys.global_batch),
        clusters=_clusters(space, a, s, kind, allowed),
        atom_table={name: getattr(a.keys, name) for name in links}
        | {"framework": a.framework, "several": a.keys.several_nodes, "gather": a.keys.gather}
        | {"streamed": a.keys.streamed, "machine": a.keys.machine, "micro_batch": a.keys.micro_batch},
        shape_table={name: getattr(h.keys, name) for name in ("pipeline", "lighter", "data", "micro_batch")},
        state_table={name: getattr(s.keys, name) for name in (*links, "pipeline", "lighter", "data")}
        | {"framework": s.framework, "several": s.keys.several_nodes, "gather": s.gather, "streamed": s.streamed}
        | {"size": _places(space, s), "nodes": s.nodes, "kind": kind},
        pace=1 / np.array([_pace(Rates.of(space, machine)) for machine in range(len(space.machines))]),
    )


def _pace(rates: Rates) -> tuple[float, float, float, float]:
    return rates.link, rates.network, rates.memory, rates.host


def _distinct(states: StateRows) -> StateRows:
    """Groups of one size have states in common."""
    k = states.keys
    columns = [states.size, states.framework, *(getattr(k, name) for name in k.__dataclass_fields__)]
    _, first = np.unique(np.stack(columns), axis=1, return_index=True)
    return states.take(np.sort(first))


def _places(space: Space, states: StateRows) -> Array:
    """Place of each state's size of node among those of the space."""
    codes = np.array([size.code for size in space.sizes])
    order = np.argsort(codes)
    return order[np.searchsorted(codes[order], states.size)]


def _kinds(space: Space, states: StateRows) -> tuple[Array, Array]:
    """Kinds of sharding that the same offers can hold, and (offers, kinds) whether they can."""
    allowed = np.ones((len(space.offers), len(states)), dtype=bool)
    for offer in range(len(space.offers)):
        for rule in rules():
            allowed[offer] &= rule.state_on_offer_allowed(space, offer, states)
    kinds, kind = np.unique(allowed, axis=1, return_inverse=True)
    return kind.ravel(), kinds


def _clusters(space: Space, atoms: AtomRows, states: StateRows, kind: Array, allowed: Array) -> ClusterRows:
    columns: dict[str, list[Array]] = {}
    for offer, machine in enumerate(space.machine_of_offer):
        here = states.size == space.size_codes[machine]
        for framework in np.unique(states.framework[here]):
            mine = (atoms.keys.machine == machine) & (atoms.framework == framework)
            if not mine.any():
                continue
            chosen = here & (states.framework == framework) & allowed[offer, kind]
            pairs = np.unique(np.stack([states.nodes[chosen], kind[chosen]]), axis=1)
            clusters = clusters_of(space, offer, pairs[0])
            factor = float(atoms.step_factor[mine][0])
            cap = clusters.longest_training(space, factor) * (1 + TOLERANCE)
            good = np.flatnonzero(cap >= 0)
            fixed = {"offer": offer, "machine": machine, "size": space.size_of_machine[machine], "framework": framework}
            parts = {name: np.full(len(good), value) for name, value in fixed.items()}
            parts |= {"nodes": pairs[0][good], "kind": pairs[1][good], "cap": cap[good]}
            names = ("gpus", "wall_fixed", "wall_slope", "cost_fixed", "cost_slope", "cost_least")
            parts |= {name: getattr(clusters, name)[good] for name in names}
            for name, column in parts.items():
                columns.setdefault(name, []).append(column)
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    shared = ("offer", "machine", "size", "framework", "nodes", "kind")
    table = {name: whole.pop(name) for name in shared} if whole else {name: np.zeros(0, dtype=int) for name in shared}
    return ClusterRows(table, **whole) if whole else ClusterRows(table, *(np.zeros(0),) * 7)
