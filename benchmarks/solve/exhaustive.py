"""The yardstick: every offer with every layout that fits, evaluated in numpy, with no bound against the best plan so far.

What a good engineer would write who has the same tables: rows of atoms, shapes and shardings with their physics, dominated offers
left out. Layouts are joined once for all machines with the same rows; memory is looked at once for each accelerator and prunes first;
the time of the pipeline is computed once per atom and shape, which several shardings share. What is left, every (offer, layout)
pair, gets its time, its limits and its objective. Blocks bound the memory and stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.solve.joined import STAGES, Block, Group, Lattice, blocks, count_layouts, groups, lattice
from gpuplan.candidates import AtomRows, Rates
from gpuplan.clusters import Clusters, clusters_of
from gpuplan.job import Job
from gpuplan.performance.constants import constants
from gpuplan.physics import Physics
from gpuplan.rules import rules
from gpuplan.rules.base import TOLERANCE
from gpuplan.space import Space, build_space
from gpuplan_hardware import Offer

Array = np.ndarray


@dataclass
class Exhausted:
    """Best objective (None: no plan), and how many pairs were evaluated: those that fit the memory."""

    value: float | None = None
    evaluated: int = 0


def exhaustive(job: Job, offers: Sequence[Offer]) -> Exhausted:
    """Best value of the job's first objective over all offers and layouts."""
    space, found = build_space(job, offers), Exhausted()
    if not space.values.frameworks:
        return found
    physics = Physics(space)
    for group in groups(physics):
        rows = lattice(physics, group)
        hosts = {machine: _Host.of(physics, machine, rows) for machine in group.members}
        for block in blocks(physics, group, rows):
            _evaluate(space, group, hosts, block, found)
    return found


def count_pairs(job: Job, offers: Sequence[Offer]) -> int:
    """Pairs of offer and layout in the space, whether they fit the memory or not; dominated offers are not part of it."""
    space = build_space(job, offers)
    if not space.values.frameworks:
        return 0
    physics = Physics(space)
    return sum(
        count_layouts(physics, group) * sum(len(space.offers_of_machine[machine]) for machine in group.members)
        for group in groups(physics)
    )


@dataclass(frozen=True)
class _Sold:
    """An offer: its clusters by node count, the longest training of each by framework, which states it can hold."""

    clusters: Clusters
    caps: Array
    states: Array


@dataclass(frozen=True)
class _Host:
    """A machine class with its atoms under every way of gathering, and its offers."""

    atoms: AtomRows
    rates: Rates
    capacity_bytes: float
    memory_factor: Array
    count: Array
    sold: list[_Sold] = field(default_factory=list)

    @classmethod
    def of(cls, physics: Physics, machine: int, rows: Lattice) -> _Host:
        space, base = physics.space, physics.base(machine)
        step, memory = np.ones(len(space.values.frameworks)), np.ones(len(space.values.frameworks))
        step[base.framework], memory[base.framework] = base.step_factor, base.memory_factor
        nodes, count = np.unique(rows.states.nodes, return_inverse=True)
        atoms = physics.gathered(base.take(rows.base), rows.several, rows.gather, rows.streamed)
        capacity = float(space.machines.usable_memory_bytes[machine])
        host = cls(atoms, Rates.of(space, machine), capacity, memory, count)
        for offer in space.offers_of_machine[machine]:
            clusters = clusters_of(space, offer, nodes)
            caps = np.stack([clusters.longest_training(space, float(factor)) for factor in step])
            allowed = np.ones(len(rows.states), dtype=bool)
            for rule in rules():
                allowed &= rule.state_on_offer_allowed(space, offer, rows.states)
            host.sold.append(_Sold(clusters, caps * (1 + TOLERANCE), allowed))
        return host


def _evaluate(space: Space, group: Group, hosts: dict[int, _Host], block: Block, found: Exhausted) -> None:
    """Hold every layout of the block against the memory of each accelerator, then time it on its machines, on every offer."""
    for machines in group.machines.values():
        first = hosts[machines[0]]
        room = first.capacity_bytes * (1 + TOLERANCE) / first.memory_factor[block.states.framework]
        index = np.flatnonzero(block.raw_bytes <= room[block.state])
        if not len(index):
            continue
        state, pair, part = block.state[index], block.pair[index], block
        wanted = np.zeros(len(block.atom), dtype=bool)
        wanted[pair] = True
        if 2 * wanted.sum() < len(wanted):
            part, pair = block.with_pairs(np.flatnonzero(wanted)), (np.cumsum(wanted) - 1)[pair]
        for machine in machines:
            host = hosts[machine]
            training = _training_seconds(host, part, state, pair)
            for sold in host.sold:
                found.evaluated += len(index)
                value = _best(space.job, host, sold, part, state, training)
                if np.isfinite(value):
                    found.value = value if found.value is None else min(found.value, value)


def _training_seconds(host: _Host, block: Block, state: Array, pair: Array) -> Array:
    """Seconds of all steps: slowest stage, exposed exchange, optimizer, fixed part (`StepTerms.seconds`, factored)."""
    c, states, atoms = constants(), block.states, host.atoms
    kinds = range(atoms.layer.shape[1])
    layer = [atoms.layer[block.atom, kind] for kind in kinds]
    head = atoms.head[block.atom]
    slowest = np.zeros(len(block.atom))
    for stage in STAGES:
        seconds = head * block.head_passes[stage]
        for kind in kinds:
            seconds += layer[kind] * block.passes[stage][kind]
        np.maximum(slowest, seconds, out=slowest)
    slowest += atoms.transfer[block.atom] * block.transfers
    window = c.value("data_parallel_overlap") * sum(layer[kind] * block.mean_layers[kind] for kind in kinds)
    exchange = host.rates.exchange(states)
    rest = host.rates.optimizer(states) + states.fixed
    training: Array = exchange[state]
    training -= window[pair]
    np.maximum(training, (c.value("data_parallel_exposed") * exchange)[state], out=training)
    training += slowest[pair]
    training += rest[state]
    training *= block.steps[pair]
    return training


def _best(job: Job, host: _Host, sold: _Sold, block: Block, state: Array, training: Array) -> float:
    """Best objective of an offer over these layouts, infinite if none is within its limits: those are longest training times."""
    count, clusters = host.count[block.rows], sold.clusters
    cap = np.where(sold.states[block.rows], sold.caps[block.states.framework, count], -1.0)
    outside = training > cap[state]
    if job.objectives[0] == "cost":
        values = clusters.cost_slope[count][state]
        values *= training
        values += clusters.cost_fixed[count][state]
        values = clusters.bill(values, count[state])
    elif job.objectives[0] == "time":
        values = clusters.wall_slope[count][state]
        values *= training
        values += clusters.wall_fixed[count][state]
    else:
        values = clusters.gpus[count][state].astype(float)
    values[outside] = np.inf
    return float(values.min())
