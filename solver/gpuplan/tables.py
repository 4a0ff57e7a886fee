"""Every number CP-SAT sees, as an integer, rounded to the safe side: demands up, capacities down. Rounding happens only here.

Units are chosen per job from `horizon_seconds`, the longest training that could still be part of an answer: training time in
``horizon / 2^30``, the parts of a step ``2^20`` times finer; money and wall clock are those of `Bills`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gpuplan.bills import TRAINING_BITS, Bills
from gpuplan.candidates import Families, Rates
from gpuplan.clusters import Clusters, clusters_of
from gpuplan.performance.constants import constants
from gpuplan.rules import Rule, rules
from gpuplan.space import Space

Array = np.ndarray

STEP_BITS = 20
#: Largest sum of a family's step times: the solver bounds it as if all literals could be true.
SUM_BITS = 52


@dataclass(frozen=True)
class Tables:
    """Integers for the rows that a reduction has left (or for all rows of a small space).

    Attributes
    ----------
    rows
        Atoms, shapes and states, each unique.
    offer_indices
        The space's offers that may be chosen.
    horizon_seconds, cost_limit_usd, wall_limit_seconds
        Largest training time, bill and wall clock that could be part of an answer.
    """

    space: Space
    rows: Families
    offer_indices: tuple[int, ...]
    horizon_seconds: float
    cost_limit_usd: float
    wall_limit_seconds: float

    # -- sizes of the families ---------------------------------------------------------------------------------------------
    @property
    def atoms(self) -> int:
        return len(self.rows.atoms)

    @property
    def shapes(self) -> int:
        return len(self.rows.shapes)

    @property
    def states(self) -> int:
        return len(self.rows.states)

    @property
    def offers(self) -> int:
        return len(self.offer_indices)

    # -- units -------------------------------------------------------------------------------------------------------------
    @cached_property
    def _steps_range(self) -> tuple[int, int]:
        steps = [self.steps(batch) for batch in self.shapes_by_batch()]
        return (min(steps), max(steps)) if steps else (1, 1)

    @property
    def training_unit_seconds(self) -> float:
        return self.horizon_seconds / 2**TRAINING_BITS

    @property
    def training_horizon(self) -> int:
        return 2**TRAINING_BITS

    @cached_property
    def training_scale(self) -> int:
        """Step units in a training unit; fewer where the number of steps varies much, so that activities stay below 2^53."""
        low, high = self._steps_range
        literals = max(self.shapes, self.states, 1)
        widest = 2 ** (SUM_BITS - TRAINING_BITS) * low / literals
        return max(1, math.floor(min(2**STEP_BITS * low / high, widest)))

    @property
    def step_unit_seconds(self) -> float:
        return self.training_unit_seconds / self.training_scale

    @property
    def step_horizon(self) -> int:
        """Largest step time of interest, in step units."""
        return self.training_scale * self.training_horizon // self._steps_range[0] + 1

    # -- step time ---------------------------------------------------------------------------------------------------------
    def steps(self, batch: int) -> int:
        return self.space.job.steps(batch)

    def shapes_by_batch(self) -> dict[int, Array]:
        """Shapes of each global batch."""
        batches = self.rows.shapes.keys.global_batch
        return {int(batch): np.flatnonzero(batches == batch) for batch in np.unique(batches)}

    @cached_property
    def _shapes_of_micro_batch(self) -> dict[int, Array]:
        sizes = self.rows.shapes.keys.micro_batch
        return {int(size): np.flatnonzero(sizes == size) for size in np.unique(sizes)}

    def shapes_of(self, atom: int) -> Array:
        """Shapes with the atom's micro-batch."""
        return self._shapes_of_micro_batch.get(int(self.rows.atoms.keys.micro_batch[atom]), np.zeros(0, dtype=np.int64))

    @cached_property
    def _shared(self) -> tuple[Array, Array]:
        """What atoms and states share, numbered: of each atom, of each state."""
        a, s = self.rows.atoms, self.rows.states
        size = self.space.size_codes[a.keys.machine]
        degrees = ("tensor", "context", "expert", "expert_tensor")
        atoms = [a.framework, size, a.keys.several_nodes, a.keys.gather, a.keys.streamed]
        states = [s.framework, s.size, s.keys.several_nodes, s.gather, s.streamed]
        left = np.stack([*atoms, *(getattr(a.keys, name) for name in degrees)], axis=1)
        right = np.stack([*states, *(getattr(s.keys, name) for name in degrees)], axis=1)
        _, codes = np.unique(np.concatenate([left, right]), axis=0, return_inverse=True)
        codes = codes.reshape(-1)
        return codes[: len(left)], codes[len(left) :]

    @property
    def atom_key(self) -> Array:
        """What an atom shares with a state, as one integer."""
        return self._shared[0]

    @property
    def state_key(self) -> Array:
        """What a state shares with an atom, as one integer."""
        return self._shared[1]

    @cached_property
    def _states_by_key(self) -> dict[int, Array]:
        return {int(key): np.flatnonzero(self.state_key == key) for key in np.unique(self.state_key)}

    def states_of(self, atom: int) -> Array:
        """States that agree with the atom."""
        return self._states_by_key.get(int(self.atom_key[atom]), np.zeros(0, dtype=np.int64))

    def stage_units(self, atom: int, stage: int) -> tuple[Array, Array]:
        """Step units of `stage` for each of `shapes_of(atom)`, and the same less the window the exchange can hide behind."""
        counts = self.rows.shapes.counts
        index = self.shapes_of(atom)
        a = self.rows.atoms
        seconds = counts.layer_passes[index, stage] @ a.layer[atom]
        seconds = seconds + a.head[atom] * counts.head_passes[index, stage] + a.transfer[atom] * counts.transfers[index]
        window = constants().value("data_parallel_overlap") * (counts.mean_layers[index] @ a.layer[atom])
        return self._up(seconds), self._up(np.maximum(seconds - window, 0.0))

    def exchange_units(self, machine: int) -> tuple[Array, Array]:
        """Step units beside the stages, for each of `states_on(machine)`: with the hidden share x E, and with all of E."""
        rows, rates = self.rows.states.take(self.states_on(machine)), Rates.of(self.space, machine)
        exchange, rest = rates.exchange(rows), rates.optimizer(rows) + rows.fixed
        return self._up(constants().value("data_parallel_exposed") * exchange + rest), self._up(exchange + rest)

    def states_on(self, machine: int) -> Array:
        """States for nodes of the machine's size."""
        return np.flatnonzero(self.rows.states.size == self.space.size_codes[machine])

    def _up(self, seconds: Array) -> Array:
        units = np.ceil(seconds / self.step_unit_seconds)
        return np.minimum(units, self.step_horizon + 1).astype(np.int64)

    # -- memory ------------------------------------------------------------------------------------------------------------
    @cached_property
    def capacity_bytes(self) -> Array:
        """Usable bytes at the asked confidence, by atom."""
        a = self.rows.atoms
        usable = self.space.machines.usable_memory_bytes[a.keys.machine]
        return np.asarray(np.floor(usable / a.memory_factor).astype(np.int64))

    def activation_bytes(self, atom: int, stage: int) -> Array:
        """Activations, working set and logits of `stage`, for each of `shapes_of(atom)`."""
        counts, a = self.rows.shapes.counts, self.rows.atoms
        index = self.shapes_of(atom)
        held = counts.in_flight_layers[index, stage] @ a.activation[atom]
        held = held + a.working[atom] + a.logits[atom] * counts.has_head[index, stage]
        return self._bytes(np.where(counts.exists[index, stage], held, 0.0), atom)

    def state_bytes(self, atom: int, stage: int) -> Array:
        """States of `stage`, for each of `states_of(atom)`."""
        return self._bytes(self.rows.states.held[self.states_of(atom), stage], atom)

    def stepping_bytes(self, atom: int, stage: int) -> Array:
        """What `stage` holds in the optimizer's step, for each of `states_of(atom)`."""
        return self._bytes(self.rows.states.stepping[self.states_of(atom), stage], atom)

    def _bytes(self, values: Array, atom: int) -> Array:
        return np.minimum(np.ceil(values), float(self.capacity_bytes[atom]) + 1).astype(np.int64)

    # -- clusters ----------------------------------------------------------------------------------------------------------
    @cached_property
    def _size_codes(self) -> tuple[Array, Array]:
        s = self.rows.states
        return np.unique(s.nodes * 1024 + s.keys.gpus_per_node, return_inverse=True)

    @property
    def sizes(self) -> int:
        """Distinct clusters: (nodes, GPUs per node)."""
        return len(self._size_codes[0])

    @property
    def size_nodes(self) -> Array:
        return self._size_codes[0] // 1024

    @property
    def size_gpus(self) -> Array:
        return self.size_nodes * (self._size_codes[0] % 1024)

    @property
    def state_size(self) -> Array:
        """Cluster size of each state."""
        return self._size_codes[1]

    def sizes_of(self, offer: int) -> list[int]:
        """Cluster sizes that are made of the offer's nodes."""
        per_node = self.space.offers[self.offer_indices[offer]].node.gpus_per_node
        return [int(size) for size in np.flatnonzero(self._size_codes[0] % 1024 == per_node)]

    @cached_property
    def clusters(self) -> list[Clusters]:
        """Clusters by size, for each offer."""
        return [clusters_of(self.space, offer, self.size_nodes) for offer in self.offer_indices]

    @cached_property
    def bills(self) -> Bills:
        """Bill and wall clock of the clusters."""
        return Bills(self.clusters, self.horizon_seconds, self.cost_limit_usd, self.wall_limit_seconds)

    @cached_property
    def states_forbidden(self) -> list[Array]:
        """States that an offer cannot hold, for each offer."""
        rows, found = self.rows.states, []
        for offer in self.offer_indices:
            mask = np.ones(len(rows), dtype=bool)
            for rule in rules():
                mask &= rule.state_on_offer_allowed(self.space, offer, rows)
            found.append(np.flatnonzero(~mask))
        return found

    @cached_property
    def factors(self) -> tuple[float, ...]:
        """Distinct confidence factors of the step time among the atoms."""
        return tuple(float(value) for value in np.unique(self.rows.atoms.step_factor))

    def training_cap(self, rule: Rule, offer: int, size: int, factor: float) -> int:
        """Longest training that the rule allows, in training units; -1 where it allows none."""
        seconds = float(rule.training_cap(self.space, self.clusters[offer], factor)[size])
        return math.floor(max(-1.0, min(seconds / self.training_unit_seconds, float(self.training_horizon))))

    # -- rows that a rule forbids on their own (only where the space has not left them out) ---------------------------------
    @cached_property
    def atoms_allowed(self) -> Array:
        a = self.rows.atoms
        return self._allowed("atom_allowed", a.framework, lambda index: (a.keys.take(index),))

    @cached_property
    def states_allowed(self) -> Array:
        s = self.rows.states
        return self._allowed("state_allowed", s.framework, lambda index: (s.take(index).keys,))

    @cached_property
    def shapes_allowed(self) -> Array:
        keys = self.rows.shapes.keys
        return np.logical_and.reduce([rule.shape_allowed(self.space, keys) for rule in rules()])

    def _allowed(self, check: str, framework: Array, keys: Callable[[Array], tuple[object, ...]]) -> Array:
        mask = np.ones(len(framework), dtype=bool)
        for number in np.unique(framework):
            index = np.flatnonzero(framework == number)
            for rule in rules():
                mask[index] &= getattr(rule, check)(self.space, self.space.values.frameworks[number], *keys(index))
        return mask

    # -- whole rows --------------------------------------------------------------------------------------------------------
    def rounding_bound(self, training_seconds: float, step_seconds: float) -> float:
        """Relative error that rounding up can add to a plan's time or cost."""
        parts = 3 * self.step_unit_seconds / step_seconds if step_seconds else 0.0
        return parts + self.training_unit_seconds / max(training_seconds, self.training_unit_seconds) + 2.0**-19
