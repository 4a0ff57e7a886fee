"""Predict all runs at once with the product's own functions, for any table of constants.

Runs that share a workload, a framework and its software form a group, which is one call of the vectorised functions. Two things the
product does not plan are corrected here: interleaved pipelines fill faster (virtual stages), context parallelism divides the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmarks.fit.parameters import Point
from benchmarks.fit.rows import Run
from gpuplan.performance.constants import use_constants
from gpuplan.performance.layers import RECOMPUTE, AtomKeys, layer_seconds
from gpuplan.performance.machine import Machines, machines
from gpuplan.performance.memory import activation_bytes, logit_bytes, working_bytes
from gpuplan.performance.predict import step_terms
from gpuplan.performance.stages import ShapeKeys, Shapes, shapes
from gpuplan.performance.states import StateKeys, states
from gpuplan.performance.workload import Workload
from gpuplan_models import Framework

Array = np.ndarray


@dataclass(frozen=True)
class Group:
    """Runs that one call predicts; `index` are their places in the whole."""

    workload: Workload
    framework: Framework
    year: int
    software: frozenset[str]
    runs: tuple[Run, ...]
    index: Array

    def _column(self, name: str) -> Array:
        return np.array([getattr(run.layout, name) for run in self.runs], dtype=float)

    @cached_property
    def context(self) -> Array:
        return np.array([run.context for run in self.runs], dtype=float)

    @cached_property
    def virtual(self) -> Array:
        return np.array([run.virtual for run in self.runs], dtype=float)

    @cached_property
    def ranks(self) -> Array:
        """Over how many GPUs states are sharded and gradients exchanged: data and context parallelism together."""
        together: Array = self._column("data") * self.context
        return together

    @cached_property
    def atoms(self) -> AtomKeys:
        zero3 = self._column("zero") == 3
        return AtomKeys(
            machine=np.arange(len(self.runs)),
            tensor=self._column("tensor"),
            expert=self._column("expert"),
            micro_batch=self._column("micro_batch") / self.context,
            recompute=np.array([RECOMPUTE.index(run.layout.recompute) for run in self.runs], dtype=float),
            several_nodes=np.array([run.nodes > 1 for run in self.runs]),
            gather=np.where(zero3, self.ranks, 1.0),
        )

    @cached_property
    def shapes(self) -> Shapes:
        """The schedule, with the shorter fill of an interleaved pipeline."""
        keys = ShapeKeys(
            self._column("pipeline").astype(int),
            self._column("data"),
            self._column("micro_batch"),
            self._column("global_batch"),
        )
        plain = shapes(self.workload, keys)
        share = (1 - 1 / self.virtual) * plain.fill_share
        totals = np.array([work.kind.count for work in self.workload.layers], dtype=float)
        saved = np.where(plain.exists[:, :, None], share[:, None, None] * totals, 0.0)
        return replace(
            plain,
            layer_passes=plain.layer_passes - saved,
            head_passes=plain.head_passes - np.where(plain.exists, share[:, None], 0.0),
            transfers=np.where(keys.pipeline > 1, plain.micro_batches * self.virtual + keys.pipeline - 1, 0.0),
        )

    @cached_property
    def in_flight_layers(self) -> Array:
        """Layers whose activations a stage holds; interleaved, Megatron warms up with more, shorter chunks.

        Stage r of p with v chunks runs ``2 (p - r - 1) + (v - 1) p`` chunks forward before its first backward.
        """
        pipeline, plain = self._column("pipeline"), self.shapes.in_flight_layers
        total = (self._column("global_batch") / (self._column("data") * self._column("micro_batch"))) * self.virtual
        rank = np.stack([np.zeros_like(pipeline), np.ones_like(pipeline), pipeline - 1], axis=1)
        chunks = 2 * (pipeline[:, None] - rank - 1) + ((self.virtual - 1) * pipeline)[:, None] + 1
        held = np.minimum(chunks, total[:, None]) / (self.virtual * pipeline)[:, None]
        layers = np.array([work.kind.count for work in self.workload.layers], dtype=float)
        interleaved = held[:, :, None] * layers
        return np.where((self.virtual > 1)[:, None, None], interleaved, plain)

    @cached_property
    def state_keys(self) -> StateKeys:
        return StateKeys(
            np.array([run.node.gpus_per_node for run in self.runs], dtype=float),
            self._column("tensor"),
            self._column("pipeline").astype(int),
            self._column("expert"),
            self.ranks,
            self._column("zero"),
        )

    def machines(self) -> Machines:
        return machines([run.node for run in self.runs], self.workload.precision)

    def seconds(self) -> Array:
        """Seconds of a step of each run, with the constants in force."""
        m, work, atom, shape = self.machines(), self.workload, self.atoms, self.shapes
        state = states(work, self.framework, self.state_keys)
        layers = [layer_seconds(kind, work, self.framework, m, atom) for kind in work.layers]
        return step_terms(work, self.framework, m, atom, layers, shape, state).seconds()

    def bytes(self) -> Array:
        """Bytes on the worst GPU (of the last stage where the figure is that stage's), without the fixed base."""
        work, atom, shape = self.workload, self.atoms, self.shapes
        state = states(work, self.framework, self.state_keys)
        held = state.weights_bytes + state.gradients_bytes + state.optimizer_bytes + state.gather_bytes
        activations = sum(
            activation_bytes(kind, work, self.framework, atom)[:, None] * self.in_flight_layers[:, :, index]
            for index, kind in enumerate(work.layers)
        )
        total = held + activations + working_bytes(work, self.framework, atom)[:, None]
        total = total + logit_bytes(work, self.framework, atom)[:, None] * shape.has_head
        total = np.where(shape.exists, total, 0.0)
        last = np.where(shape.exists[:, 2], total[:, 2], total[:, 0])
        return np.where([run.last_stage for run in self.runs], last, total.max(axis=1))


def groups_of(runs: Sequence[Run]) -> list[Group]:
    """Group `runs` by what one call of the vectorised functions shares."""
    members: dict[tuple[object, ...], list[int]] = {}
    for place, run in enumerate(runs):
        key = (id(run.workload), id(run.framework), run.year, run.software)
        members.setdefault(key, []).append(place)
    found = []
    for places in members.values():
        first = runs[places[0]]
        chosen = tuple(runs[place] for place in places)
        found.append(Group(first.workload, first.framework, first.year, first.software, chosen, np.array(places)))
    return found


def predict_seconds(groups: Sequence[Group], count: int, point: Point) -> Array:
    """Seconds of a step of every run at a point of the fit."""
    found = np.empty(count)
    for group in groups:
        with use_constants(point.table(group.year, group.software)):
            found[group.index] = group.seconds()
    return found


def predict_bytes(groups: Sequence[Group], count: int, point: Point) -> Array:
    """Bytes on the worst GPU of every run; the fixed base and the allocator's slack follow the figure's measure."""
    found = np.empty(count)
    for group in groups:
        with use_constants(point.table(group.year, group.software)):
            with_slack = group.bytes()
        with use_constants(point.table(group.year, group.software | {"allocated"})):
            allocated = group.bytes()
        counted = np.array([run.memory_measure == "allocated" for run in group.runs])
        base = np.array([point.base_bytes(run.memory_measure) for run in group.runs])
        found[group.index] = np.where(counted, allocated, with_slack) + base
    return found
