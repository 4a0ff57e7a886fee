"""Rows of the three families with their physics, whole layouts made of them, and the codes by which they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from gpuplan.performance.layers import AtomKeys
from gpuplan.performance.stages import ShapeKeys, Shapes
from gpuplan.performance.states import PARAMETERS, StateKeys
from gpuplan.performance.step import StepTerms
from gpuplan.space import Space

Array = np.ndarray
T = TypeVar("T")

#: More than any micro-batch: radix of codes.
MICRO_BATCHES = 4096


def take_rows(rows: T, index: Array) -> T:
    """The rows of a dataclass of arrays (or of dataclasses of arrays) at `index`."""
    values: dict[str, Any] = {}
    for each in fields(rows):  # type: ignore[arg-type]  # every argument is a dataclass instance
        value = getattr(rows, each.name)
        values[each.name] = value[index] if isinstance(value, np.ndarray) else take_rows(value, index)
    return type(rows)(**values)


def concatenate(parts: Sequence[T]) -> T:
    """Rows of several dataclasses of arrays, one after the other."""
    first = parts[0]
    if len(parts) == 1:
        return first
    values: dict[str, Any] = {}
    for each in fields(first):  # type: ignore[arg-type]  # as above
        column = [getattr(part, each.name) for part in parts]
        values[each.name] = np.concatenate(column) if isinstance(column[0], np.ndarray) else concatenate(column)
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

    def take(self, index: Array) -> AtomRows:
        return take_rows(self, index)

    def __len__(self) -> int:
        return len(self.head)


@dataclass(frozen=True)
class ShapeRows:
    """Schedules with how often they pass through layers, head and transfers."""

    keys: ShapeKeys
    counts: Shapes

    def take(self, index: Array) -> ShapeRows:
        return take_rows(self, index)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class StateRows:
    """Shardings with what they hold (n, 3) and move; `ram` bytes are needed of each node's host."""

    keys: StateKeys
    size: Array
    framework: Array
    held: Array
    stepping: Array
    link: Array
    network: Array
    optimizer: Array
    host_link: Array
    ram: Array
    fixed: Array
    nodes: Array

    def take(self, index: Array) -> StateRows:
        return take_rows(self, index)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def gather(self) -> Array:
        """Over how many GPUs ZeRO-3 shards the weights; 1 without it."""
        return np.where(self.keys.zero == 3, self.keys.ranks, 1)

    @property
    def streamed(self) -> Array:
        """Whether the weights come from the host."""
        return np.asarray(self.keys.offload == PARAMETERS)


@dataclass(frozen=True)
class Families:
    """Rows of the three families."""

    atoms: AtomRows
    shapes: ShapeRows
    states: StateRows


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

    def terms(self, rates: Rates) -> StepTerms:
        """Step terms of every layout, given the rates of its machine."""
        f = self.families
        atoms, counts = f.atoms, f.shapes.counts
        return StepTerms(
            layer=atoms.layer[self.atom],
            head=atoms.head[self.atom],
            transfer=atoms.transfer[self.atom],
            layer_passes=counts.layer_passes[self.shape],
            head_passes=counts.head_passes[self.shape],
            transfers=counts.transfers[self.shape],
            mean_layers=counts.mean_layers[self.shape],
            exchange=rates.exchange(f.states)[self.state],
            optimizer=rates.optimizer(f.states)[self.state],
            fixed=f.states.fixed[self.state],
        )


@dataclass(frozen=True)
class Rates:
    """Bytes per second of one machine class, or of each state's."""

    link: Any
    network: Any
    memory: Any
    host: Any

    @classmethod
    def of(cls, space: Space, machine: int) -> Rates:
        """Those of a machine class of the space."""
        m = space.machines
        return cls(*(float(rate[machine]) for rate in (m.link_rate, m.network_rate, m.memory_rate, m.host_rate)))

    @classmethod
    def of_each(cls, space: Space, machines: Array) -> Rates:
        """Those of many states, of each on its own machine class."""
        m = space.machines
        return cls(m.link_rate[machines], m.network_rate[machines], m.memory_rate[machines], m.host_rate[machines])

    def exchange(self, rows: StateRows) -> Array:
        """Seconds (n,) of the gradient exchange: the slower of links and network."""
        return np.maximum(rows.link / self.link, rows.network / self.network)

    def optimizer(self, rows: StateRows) -> Array:
        """Seconds (n,) in which the optimizer reads and writes, here or over the link to the host."""
        return np.asarray(rows.optimizer / self.memory + rows.host_link / self.host)


def shape_code(keys: ShapeKeys) -> Array:
    """One integer per pipeline, its ends, data degree and micro-batch."""
    return stage_code(keys.pipeline, keys.lighter, keys.data) * MICRO_BATCHES + keys.micro_batch


def stage_code(pipeline: Array, lighter: Array, data: Array) -> Array:
    """One integer per pipeline, its ends and data degree: what a shape shares with a state."""
    return (pipeline.astype(np.int64) * 4 + lighter) * 1_000_003 + data


def link_code(framework: Array, tensor: Array, context: Array, expert: Array, expert_tensor: Array) -> Array:
    """One integer per framework and degrees inside a stage: what every base atom shares with a state."""
    code = framework.astype(np.int64)
    for digit, radix in ((tensor, 128), (context, 64), (expert, 1024), (expert_tensor, 128)):
        code = code * radix + digit
    return code
