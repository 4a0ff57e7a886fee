"""The physics on the rows of the space, in floating point, computed when asked for and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from gpuplan.candidates import AtomRows, ShapeRows, StateRows, concatenate, link_code, shape_code
from gpuplan.host import ram_bytes
from gpuplan.performance.communication import exposed_end_gather, exposed_gather, stage_transfer_seconds
from gpuplan.performance.layers import AtomKeys, head_seconds, layer_seconds
from gpuplan.performance.memory import activation_bytes, loss_bytes, working_bytes
from gpuplan.performance.stages import shapes
from gpuplan.performance.states import states
from gpuplan.selection import machine_key
from gpuplan.space import Size, Space

Array = np.ndarray
T = TypeVar("T")


@dataclass
class Cache:
    """Rows that were computed for a job, whatever its limits are; to be shared by solves that differ in limits and offers only."""

    rows: dict[Hashable, Any] = field(default_factory=dict)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value under `key`, made where it is not there yet."""
        if key not in self.rows:
            self.rows[key] = make()
        found: T = self.rows[key]
        return found


class Physics:
    """Rows of a space with their physics; `seconds` says how long the making of rows took in all."""

    def __init__(self, space: Space, cache: Cache | None = None) -> None:
        self.space = space
        self.seconds = 0.0
        self._cache = cache or Cache()
        self._of_machine: dict[int, AtomRows] = {}
        self._job = (space.values, space.job.pins, space.job.limits.max_tensor, space.job.limits.exclude_layouts)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What the cache has for the space's decisions under `key`, made where it is not there yet."""
        with self._timed():
            return self._cache.get((key, self._job), make)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Count the time inside to `seconds`; what is made for something else is not counted twice."""
        start, before = time.perf_counter(), self.seconds
        try:
            yield
        finally:
            self.seconds = before + time.perf_counter() - start

    @cached_property
    def shapes(self) -> ShapeRows:
        """Every schedule, in the order of `shape_code`."""

        def make() -> ShapeRows:
            keys = self.space.shapes
            keys = keys.take(np.argsort(shape_code(keys), kind="stable"))
            return ShapeRows(keys, shapes(self.space.work, keys))

        return self.kept("shapes", make)

    def states(self, size: int, room_bytes: Sequence[float] | None = None) -> StateRows:
        """Shardings for nodes of that size, under every framework, in the order of the space.

        Those are left out whose weights alone take more than the framework's `room_bytes`.
        """
        which = self.space.sizes[size]
        rooms = tuple(room_bytes) if room_bytes is not None else (np.inf,) * len(self.space.values.frameworks)

        def make() -> StateRows:
            return concatenate([self._states_of(which, index, room) for index, room in enumerate(rooms)])

        return self.kept(("states", which, rooms), make)

    def _states_of(self, which: Size, index: int, room_bytes: float) -> StateRows:
        space, framework = self.space, self.space.values.frameworks[index]
        keys = space.states(which, framework, room_bytes)
        held, nodes = states(space.work, framework, keys), space.nodes(keys)
        return StateRows(
            keys=keys,
            size=np.full(len(keys), which.code),
            framework=np.full(len(keys), index),
            held=held.held_bytes,
            stepping=held.stepping_bytes,
            link=held.link_bytes,
            network=held.network_bytes,
            optimizer=held.optimizer_traffic_bytes,
            host_link=held.host_link_bytes,
            ram=ram_bytes(
                space.work, which.gpus_per_node, nodes, held.host_bytes * np.minimum(keys.gpus, which.gpus_per_node)
            ),
            fixed=held.fixed_seconds,
            nodes=nodes,
        )

    # -- atoms -------------------------------------------------------------------------------------------------------------
    def prepare(self, machines: Sequence[int], alive: Mapping[int, Array] | None = None) -> None:
        """Compute the base atoms of several machine classes at once: one call is hardly slower than one for a single class.

        `alive` has, by size of node, the codes (`link_code`, rising) that some state has; others are left out.
        """
        with self._timed():
            self._prepare(machines, alive)

    def _prepare(self, machines: Sequence[int], alive: Mapping[int, Array] | None) -> None:
        for (size, _), members in self._alike(machines).items():
            codes = None if alive is None else alive.get(size)
            mark = None if codes is None else codes.tobytes()
            keys = {m: (("base", machine_key(self.space.machines.nodes[m]), mark), self._job) for m in members}
            wanted = sorted(machine for machine in members if keys[machine] not in self._cache.rows)
            if wanted:
                found = self._base(wanted, codes)
                each = len(found) // len(wanted)
                for place, machine in enumerate(wanted):
                    self._cache.rows[keys[machine]] = found.take(np.arange(place * each, (place + 1) * each))
            for machine in members:
                rows: AtomRows = self._cache.rows[keys[machine]]
                if len(rows) and rows.keys.machine[0] != machine:
                    rows = replace(rows, keys=replace(rows.keys, machine=np.full(len(rows), machine)))
                self._of_machine[machine] = rows

    def _alike(self, machines: Sequence[int]) -> dict[tuple[int, str], list[int]]:
        """Machine classes by what decides which atoms they have: size of node, and maker."""
        found: dict[tuple[int, str], list[int]] = {}
        for machine in machines:
            vendor = self.space.machines.nodes[machine].accelerator.vendor
            found.setdefault((int(self.space.size_of_machine[machine]), vendor), []).append(machine)
        return found

    def base(self, machine: int) -> AtomRows:
        """Atoms of a machine class inside its domain and with nothing gathered: framework by framework, micro-batch and recompute
        running fastest.
        """
        if machine not in self._of_machine:
            self.prepare([machine])
        return self._of_machine[machine]

    def _base(self, machines: Sequence[int], codes: Array | None) -> AtomRows:
        """Base atoms of machine classes that have the same ones, machine by machine."""
        parts = []
        for index, framework in enumerate(self.space.values.frameworks):
            keys = self.space.base_atoms(machines[0], framework)
            if codes is not None:
                mine = link_code(np.full(len(keys), index), keys.tensor, keys.context, keys.expert, keys.expert_tensor)
                keys = keys.take(np.flatnonzero(np.isin(mine, codes)))
            many = keys.take(np.tile(np.arange(len(keys)), len(machines)))
            many = replace(many, machine=np.repeat(np.asarray(machines, dtype=np.int64), len(keys)))
            parts.append(self.atom_rows(many, index))
        found = concatenate(parts)
        return found.take(np.argsort(found.keys.machine, kind="stable")) if len(machines) > 1 else found

    def atom_rows(self, keys: AtomKeys, index: int) -> AtomRows:
        """Atoms under one framework inside a domain and with nothing gathered, whatever `keys` say of it (see `gathered`)."""
        space, work, m = self.space, self.space.work, self.space.machines
        framework = space.values.frameworks[index]
        no, ones = np.zeros(len(keys), dtype=bool), np.ones(len(keys), dtype=np.int64)
        alone = replace(keys, several_nodes=no, gather=ones, streamed=no)
        seconds = [
            np.sum(list(layer_seconds(kind, work, framework, m, alone).values()), axis=0) for kind in work.layers
        ]
        step, memory = self.space.confidence_factors
        return AtomRows(
            keys=keys,
            framework=np.full(len(keys), index),
            layer=np.stack(seconds, axis=1),
            head=head_seconds(work, framework, m, alone),
            transfer=stage_transfer_seconds(work, framework, m, alone),
            activation=np.stack([activation_bytes(kind, work, framework, keys) for kind in work.layers], axis=1),
            working=working_bytes(work, framework, keys),
            logits=loss_bytes(work, framework, keys),
            step_factor=step[index, keys.machine],
            memory_factor=memory[index, keys.machine],
        )

    def roomiest(self, machines: Array) -> Array:
        """Largest usable memory over the confidence factor among machine classes, by framework."""
        _, memory = self.space.confidence_factors
        room = self.space.machines.usable_memory_bytes / memory
        return np.asarray(room[:, machines].max(axis=1))

    def gathered(self, rows: AtomRows, several: Array, gather: Array, streamed: Array) -> AtomRows:
        """`rows`, one for one, where the cluster leaves its domain, and with what ZeRO-3 exchanges."""
        keys = replace(rows.keys, several_nodes=several, gather=gather, streamed=streamed)
        layer, head, transfer = rows.layer.copy(), rows.head.copy(), rows.transfer.copy()
        work, m = self.space.work, self.space.machines
        for index in np.unique(rows.framework):
            framework = self.space.values.frameworks[int(index)]
            here = rows.framework == index
            far = np.flatnonzero(here & several)
            if len(far):
                transfer[far] = stage_transfer_seconds(work, framework, m, keys.take(far))
            moved = np.flatnonzero(here & ((gather > 1) | streamed))
            if len(moved):
                part = keys.take(moved)
                for kind, layer_work in enumerate(work.layers):
                    layer[moved, kind] += exposed_gather(layer_work, work, framework, m, part, rows.layer[moved, kind])
                head[moved] += exposed_end_gather(work, framework, m, part, rows.head[moved])
        return replace(rows, keys=keys, layer=layer, head=head, transfer=transfer)
