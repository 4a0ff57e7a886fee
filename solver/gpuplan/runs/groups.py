"""Many runs predicted at once: those that share a workload, a framework and its software are one call of the vectorised functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gpuplan.layout import Layout
from gpuplan.performance.constants import constants
from gpuplan.performance.layers import AtomKeys, layer_seconds
from gpuplan.performance.machine import Machines, machines
from gpuplan.performance.memory import activation_bytes, loss_bytes, working_bytes
from gpuplan.performance.predict import step_terms
from gpuplan.performance.recompute import FULL, NONE, RECOMPUTE
from gpuplan.performance.stages import ShapeKeys, Shapes, shapes
from gpuplan.performance.states import StateKeys, States, states
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Node
from gpuplan_models import Framework

Array = np.ndarray

#: What a figure counts of a process's base, which nvidia-smi shows with the communicators: the allocator knows workspaces, no context.
BASE_SHARE = {"allocated": 0.2, "active": 0.2, "reserved": 0.65, "nvidia-smi": 1.0}
#: Kernels under which gradients come to be in the backward pass and are gone after the step; Megatron's buffers are always there.
GRADIENTS_FREED = ("hf", "torch")


@dataclass(frozen=True)
class Run:
    """One way to run what a row describes, complete.

    Attributes
    ----------
    measure
        What a memory figure counts: "allocated", "active", "reserved" or "nvidia-smi".
    last_stage
        Whether the memory figure is that of the last pipeline stage instead of the worst GPU's.
    software
        Names of the factors of software.toml that hold.
    partial, share
        Whether full recompute may be held to some of the layers, and to which share of them it is.
    hosted
        Whether those layers keep their activations in the host's memory instead, beside the computation: no time is counted for it.
    inputs_on_host, states_on_host
        Whether the inputs of recomputed layers, and the sharded weights and states, are kept in the host's memory.
    notes
        What was read into the row, for its ``pred_note``.
    """

    workload: Workload
    framework: Framework
    node: Node
    nodes: int
    layout: Layout
    year: float
    software: frozenset[str]
    measure: str
    last_stage: bool
    partial: bool = False
    share: float = 1.0
    hosted: bool = False
    inputs_on_host: bool = False
    states_on_host: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """Bytes (n, 3 stages) that runs hold when they hold most, and which of them the allocator rounds up (activations and logits).

    Both without the base.
    """

    total: Array
    rounded: Array
    exists: Array


@dataclass(frozen=True)
class Group:
    """Runs that one call predicts; `index` are their places in the whole."""

    workload: Workload
    framework: Framework
    year: float
    software: frozenset[str]
    runs: tuple[Run, ...]
    index: Array

    def _column(self, name: str) -> Array:
        return np.array([getattr(run.layout, name) for run in self.runs], dtype=float)

    @cached_property
    def atoms(self) -> AtomKeys:
        zero3 = self._column("zero") == 3
        return AtomKeys(
            machine=np.arange(len(self.runs)),
            tensor=self._column("tensor"),
            context=self._column("context"),
            expert=self._column("expert"),
            expert_tensor=self._column("expert_tensor"),
            micro_batch=self._column("micro_batch"),
            recompute=np.array([RECOMPUTE.index(run.layout.recompute) for run in self.runs], dtype=float),
            several_nodes=np.array([run.nodes > 1 for run in self.runs]),
            gather=np.where(zero3, self._column("data") * self._column("context"), 1.0),
            streamed=np.zeros(len(self.runs), dtype=bool),
        )

    @cached_property
    def _kept(self) -> AtomKeys:
        """The same where layers that need no recompute keep everything."""
        return replace(self.atoms, recompute=np.where(self.atoms.recompute == FULL, NONE, self.atoms.recompute))

    @cached_property
    def share(self) -> Array:
        return np.array([run.share for run in self.runs])

    @cached_property
    def repeated(self) -> Array:
        """Share of the layers whose forward is repeated: none of those that are kept in the host's memory."""
        return np.where([run.hosted for run in self.runs], 0.0, self.share)

    @cached_property
    def shapes(self) -> Shapes:
        """The schedule."""
        return shapes(
            self.workload,
            ShapeKeys(
                pipeline=self._column("pipeline").astype(int),
                virtual=self._column("virtual"),
                lighter=self._even,
                data=self._column("data"),
                micro_batch=self._column("micro_batch"),
                global_batch=self._column("global_batch"),
            ),
        )

    @property
    def _even(self) -> Array:
        """Code of stages that are as long as can be."""
        return np.zeros(len(self.runs), dtype=int)

    @cached_property
    def state_keys(self) -> StateKeys:
        per_node = np.array([run.node.gpus_per_node for run in self.runs], dtype=float)
        return StateKeys(
            gpus_per_node=per_node,
            gpus_per_block=per_node,
            domain_gpus=per_node,
            tensor=self._column("tensor"),
            context=self._column("context"),
            pipeline=self._column("pipeline").astype(int),
            lighter=self._even,
            expert=self._column("expert"),
            expert_tensor=self._column("expert_tensor"),
            data=self._column("data"),
            zero=self._column("zero"),
            offload=self._even,
        )

    def machines(self) -> Machines:
        """Rates of the runs' nodes, with the constants in force."""
        return machines([run.node for run in self.runs], self.workload.precision)

    def _states(self) -> States:
        return states(self.workload, self.framework, self.state_keys)

    def seconds(self) -> Array:
        """Seconds of a step of each run, with the constants in force."""
        whole = self._seconds(self.atoms)
        if np.all(self.repeated == 1):
            return whole
        return self.repeated * whole + (1 - self.repeated) * self._seconds(self._kept)

    def _seconds(self, atom: AtomKeys) -> Array:
        m, work = self.machines(), self.workload
        layers = [layer_seconds(kind, work, self.framework, m, atom) for kind in work.layers]
        return step_terms(work, self.framework, m, atom, layers, self.shapes, self._states()).seconds()

    def held(self) -> Held:
        """Bytes that the runs hold by stage, with the constants in force: the most of three moments.

        After the last forward pass, with all activations and the loss; after the backward pass, with all gradients and the layer
        that was rebuilt; in the optimizer's step. Gradients of earlier micro-batches stand beside the activations of the last one.
        """
        shape, state = self.shapes, self._states()
        away = np.array([run.states_on_host for run in self.runs])[:, None]
        whole = np.where(away, 0.0, state.weights_bytes + state.gradients_bytes + state.optimizer_bytes)
        whole = whole + state.gather_bytes
        freed = (shape.micro_batches == 1)[:, None] & (self.framework.kernels in GRADIENTS_FREED) & ~away
        rebuilt, forward = self._activations()
        moments = (
            (whole - np.where(freed, state.gradients_bytes, 0.0), forward),
            (whole, np.broadcast_to(rebuilt[:, None], whole.shape)),
            (whole + np.where(away, 0.0, state.step_bytes), np.zeros_like(whole)),
        )
        total, rounded = np.zeros_like(whole), np.zeros_like(whole)
        for fixed, working in moments:
            rounded = np.where(fixed + working > total, working, rounded)
            total = np.maximum(total, fixed + working)
        return Held(total, rounded, shape.exists)

    def _activations(self) -> tuple[Array, Array]:
        """Bytes of the layer that is being rebuilt (n,), and of all that the forward pass leaves behind, the loss included (n, 3)."""
        work, atoms, share = self.workload, self.atoms, self.share[:, None]
        rebuilt = working_bytes(work, self.framework, atoms)
        loss = loss_bytes(work, self.framework, atoms)[:, None] * self.shapes.has_head
        away = np.array([run.inputs_on_host for run in self.runs]) & (atoms.recompute == FULL)
        repeated = np.where(away[:, None], 0.0, self._saved(atoms))
        if np.any(share < 1):
            repeated = share * repeated + (1 - share) * self._saved(self._kept)
        return rebuilt, repeated + rebuilt[:, None] + loss

    def _saved(self, atom: AtomKeys) -> Array:
        """Bytes (n, 3) that the layers in flight keep."""
        total: Array = sum(
            activation_bytes(kind, self.workload, self.framework, atom)[:, None]
            * self.shapes.in_flight_layers[:, :, index]
            for index, kind in enumerate(self.workload.layers)
        )
        return total

    def measured_bytes(self) -> Array:
        """Bytes that each row's figure counts: the worst GPU's, or the last stage's, in its measure.

        What the allocator reserves beyond what it has given out it gives back before a run fails: a figure is never more than the
        device has, unless what was given out is.
        """
        held, c = self.held(), constants()
        counted = np.array([run.measure in ("allocated", "active") for run in self.runs])[:, None]
        given_out = held.total - held.rounded * (1 - 1 / c.value("allocator_slack"))
        usable = np.array([run.node.accelerator.usable_memory_bytes for run in self.runs])[:, None]
        total = np.where(counted, given_out, np.minimum(held.total, np.maximum(given_out, usable)))
        total = np.where(held.exists, total, 0.0)
        last = np.where(held.exists[:, 2], total[:, 2], total[:, 0])
        seen = np.array([run.measure == "nvidia-smi" for run in self.runs])
        base = np.array([BASE_SHARE[run.measure] for run in self.runs]) * c.value("base_bytes")
        base = base + np.where(seen & (self.state_keys.gpus > 1), c.value("communicator_bytes"), 0.0)
        return np.where([run.last_stage for run in self.runs], last, total.max(axis=1)) + base

    def device_bytes(self) -> Array:
        """Bytes that the worst GPU's device really holds, the driver's context included."""
        held = self.held()
        total = np.where(held.exists, held.total, 0.0)
        worst: Array = total.max(axis=1) + self._states().base_bytes[:, 0]
        return worst


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
