"""The physics on the rows of the space, in floating point, and the join of the three families into whole layouts."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from gpuplan.performance import interval
from gpuplan.performance.communication import stage_transfer_seconds
from gpuplan.performance.layers import AtomKeys, head_seconds, layer_seconds
from gpuplan.performance.memory import activation_bytes, loss_bytes, working_bytes
from gpuplan.performance.stages import ShapeKeys, Shapes, shapes
from gpuplan.performance.states import StateKeys, states
from gpuplan.performance.step import StepTerms
from gpuplan.space import Space

Array = np.ndarray
T = TypeVar("T")


def _take(rows: T, index: Array) -> T:
    """The rows of a dataclass of arrays (or of dataclasses of arrays) at `index`."""
    values: dict[str, Any] = {}
    for field in fields(rows):  # type: ignore[arg-type]  # every argument is a dataclass instance
        value = getattr(rows, field.name)
        values[field.name] = value[index] if isinstance(value, np.ndarray) else _take(value, index)
    return type(rows)(**values)


def concatenate(parts: list[T]) -> T:
    """Rows of several dataclasses of arrays, one after the other."""
    first = parts[0]
    values: dict[str, Any] = {}
    for field in fields(first):  # type: ignore[arg-type]  # as above
        column = [getattr(part, field.name) for part in parts]
        values[field.name] = np.concatenate(column) if isinstance(column[0], np.ndarray) else concatenate(column)
    return type(first)(**values)


@dataclass(frozen=True)
class AtomRows:
    """Atoms with what they cost: seconds per pass of a layer (n, kinds), head and transfer; bytes; how sure that is."""

    keys: AtomKeys
    framework: Array
    layer: Array
    head: Array
    transfer: Array
    activation: Array
    working: Array
    logits: Array
    step_factor: Array
    memory_factor: Array
    capacity: Array

    def take(self, index: Array) -> AtomRows:
        return _take(self, index)

    def __len__(self) -> int:
        return len(self.head)


@dataclass(frozen=True)
class ShapeRows:
    """Schedules with how often they pass through layers, head and transfers."""

    keys: ShapeKeys
    counts: Shapes

    def take(self, index: Array) -> ShapeRows:
        return _take(self, index)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class StateRows:
    """Shardings with what they hold (n, 3) and move."""

    keys: StateKeys
    framework: Array
    held: Array
    stepping: Array
    link: Array
    network: Array
    optimizer: Array
    fixed: Array
    nodes: Array

    def take(self, index: Array) -> StateRows:
        return _take(self, index)

    def __len__(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True)
class Families:
    """Rows of the three families: of one machine, or of what a reduction has left."""

    atoms: AtomRows
    shapes: ShapeRows
    states: StateRows


class Physics:
    """Rows of a space with their physics, computed when asked for and kept; `seconds` says how long that took in all."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.seconds = 0.0
        self._states: dict[int, StateRows] = {}
        self._atoms: dict[int, AtomRows] = {}

    @cached_property
    def shapes(self) -> ShapeRows:
        keys = self.space.shapes
        return ShapeRows(keys, shapes(self.space.work, keys))

    def states(self, gpus_per_node: int) -> StateRows:
        """Shardings for nodes of that size, under every framework."""
        if gpus_per_node not in self._states:
            parts = [self._states_of(gpus_per_node, index) for index in range(len(self.space.values.frameworks))]
            self._states[gpus_per_node] = concatenate(parts)
        return self._states[gpus_per_node]

    def _states_of(self, gpus_per_node: int, framework: int) -> StateRows:
        space = self.space
        keys = space.states(gpus_per_node, space.values.frameworks[framework])
        held = states(space.work, space.values.frameworks[framework], keys)
        return StateRows(
            keys=keys,
            framework=np.full(len(keys), framework),
            held=held.held_bytes,
            stepping=held.stepping_bytes,
            link=held.link_bytes,
            network=held.network_bytes,
            optimizer=held.optimizer_traffic_bytes,
            fixed=held.fixed_seconds,
            nodes=space.nodes(keys),
        )

    def atoms(self, machine: int) -> AtomRows:
        """Atoms on that machine class, under every framework."""
        if machine not in self._atoms:
            parts = [self._atoms_of(machine, index) for index in range(len(self.space.values.frameworks))]
            self._atoms[machine] = concatenate(parts)
        return self._atoms[machine]

    def _atoms_of(self, machine: int, index: int) -> AtomRows:
        space, work, m = self.space, self.space.work, self.space.machines
        framework = space.values.frameworks[index]
        keys = space.atoms(machine, framework)
        seconds = [np.sum(list(layer_seconds(kind, work, framework, m, keys).values()), axis=0) for kind in work.layers]
        family = m.nodes[machine].accelerator.kernel_family
        step_width = interval.step_width(family, framework.kernels, work.is_mixture, framework.stand_in)
        memory_width = interval.memory_width(family, framework.kernels, framework.stand_in)
        confidence = space.job.confidence
        return AtomRows(
            keys=keys,
            framework=np.full(len(keys), index),
            layer=np.stack(seconds, axis=1),
            head=head_seconds(work, framework, m, keys),
            transfer=stage_transfer_seconds(work, framework, m, keys),
            activation=np.stack([activation_bytes(kind, work, framework, keys) for kind in work.layers], axis=1),
            working=working_bytes(work, framework, keys),
            logits=loss_bytes(work, framework, keys),
            step_factor=np.full(len(keys), interval.factor(step_width, confidence)),
            memory_factor=np.full(len(keys), interval.factor(memory_width, confidence)),
            capacity=m.usable_memory_bytes[keys.machine],
        )

    def families(self, machine: int) -> Families:
        """All rows for one machine class."""
        start = time.perf_counter()
        per_node = int(self.space.machines.gpus_per_node[machine])
        found = Families(self.atoms(machine), self.shapes, self.states(per_node))
        self.seconds += time.perf_counter() - start
        return found


@dataclass(frozen=True)
class Candidates:
    """Whole layouts: indices into the rows of `families`, one entry per layout."""

    families: Families
    atom: Array
    shape: Array
    state: Array

    def __len__(self) -> int:
        return len(self.atom)

    def take(self, index: Array) -> Candidates:
        return Candidates(self.families, self.atom[index], self.shape[index], self.state[index])

    def memory_bytes(self) -> Array:
        """Bytes (n,) on the worst GPU at the asked confidence."""
        f = self.families
        atoms, counts = f.atoms, f.shapes.counts
        activations = np.einsum("nk,nsk->ns", atoms.activation[self.atom], counts.in_flight_layers[self.shape])
        ends = atoms.logits[self.atom, None] * counts.has_head[self.shape] + atoms.working[self.atom, None]
        total = np.maximum(f.states.held[self.state] + activations + ends, f.states.stepping[self.state])
        return np.where(counts.exists[self.shape], total, 0.0).max(axis=1) * atoms.memory_factor[self.atom]

    def terms(self, link_rate: Array, network_rate: Array, memory_rate: Array) -> StepTerms:
        """Step terms of every layout, given the rates (n,) of its machine."""
        f = self.families
        atoms, counts, held = f.atoms, f.shapes.counts, f.states
        return StepTerms(
            layer=atoms.layer[self.atom],
            head=atoms.head[self.atom],
            transfer=atoms.transfer[self.atom],
            layer_passes=counts.layer_passes[self.shape],
            head_passes=counts.head_passes[self.shape],
            transfers=counts.transfers[self.shape],
            mean_layers=counts.mean_layers[self.shape],
            exchange=np.maximum(held.link[self.state] / link_rate, held.network[self.state] / network_rate),
            optimizer=held.optimizer[self.state] / memory_rate,
            fixed=held.fixed[self.state],
        )


def join(families: Families, recompute: tuple[int, ...], state_mask: Array | None = None) -> Candidates:
    """All layouts that agree on what their rows share: pipeline and data degree, TP, EP, micro-batch, framework, node count, ZeRO-3.

    `state_mask` leaves states out before the join (they are few; the layouts are many).
    """
    states_, shapes_ = families.states, families.shapes
    chosen = np.arange(len(states_)) if state_mask is None else np.flatnonzero(state_mask)
    order = np.argsort(_shape_code(shapes_.keys), kind="stable")
    codes = _shape_code(shapes_.keys)[order]
    wanted = degree_code(states_.keys.pipeline[chosen], states_.keys.data[chosen])
    low, high = np.searchsorted(codes, wanted, "left"), np.searchsorted(codes, wanted, "right")
    count = high - low
    state = np.repeat(chosen, count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    shape = order[np.repeat(low, count) + within]
    state, shape = np.repeat(state, len(recompute)), np.repeat(shape, len(recompute))
    mode = np.tile(np.array(recompute, dtype=np.int64), len(state) // max(1, len(recompute)))
    return _attach_atoms(families, state, shape, mode)


def _attach_atoms(families: Families, state: Array, shape: Array, mode: Array) -> Candidates:
    atoms, states_, shapes_ = families.atoms, families.states, families.shapes
    atom_codes = atom_code(
        atoms.framework,
        atoms.keys.tensor,
        atoms.keys.expert,
        atoms.keys.micro_batch,
        atoms.keys.recompute,
        atoms.keys.several_nodes,
        atoms.keys.gather,
    )
    order = np.argsort(atom_codes)
    zero3 = states_.keys.zero[state] == 3
    wanted = atom_code(
        states_.framework[state],
        states_.keys.tensor[state],
        states_.keys.expert[state],
        shapes_.keys.micro_batch[shape],
        mode,
        states_.nodes[state] > 1,
        np.where(zero3, states_.keys.data[state], 1),
    )
    place = np.searchsorted(atom_codes[order], wanted)
    place = np.minimum(place, max(0, len(order) - 1))
    found = (atom_codes[order][place] == wanted) if len(order) else np.zeros(len(wanted), dtype=bool)
    return Candidates(families, order[place[found]] if len(order) else place[found], shape[found], state[found])


def atom_code(
    framework: Array, tensor: Array, expert: Array, micro_batch: Array, recompute: Array, several: Array, gather: Array
) -> Array:
    """One integer per combination of an atom's decisions (the machine apart)."""
    code = framework.astype(np.int64)
    for digit, radix in (
        (tensor, 64),
        (expert, 1024),
        (micro_batch, 4096),
        (recompute, 4),
        (several, 2),
        (gather, 65536),
    ):
        code = code * radix + digit
    return code


def _shape_code(keys: ShapeKeys) -> Array:
    return degree_code(keys.pipeline, keys.data)


def degree_code(pipeline: Array, data: Array) -> Array:
    """One integer per pipeline and data degree."""
    return pipeline.astype(np.int64) * 1_000_003 + data
