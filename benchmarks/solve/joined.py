"""Whole layouts for the exhaustive search: the rows of machines that are alike, joined once, in blocks that fit the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gpuplan.candidates import MICRO_BATCHES, AtomRows, StateRows, link_code, shape_code, stage_code
from gpuplan.physics import Physics

Array = np.ndarray

BLOCK = 1 << 17
"""Layouts of a block: a few arrays of them fit into the cache."""
STAGES = range(3)
GATHERS = 1 << 16
"""More GPUs than ZeRO-3 shards anything over; radix of codes."""
WAYS = 4 * GATHERS
STAGE_CODES = 1 << 28
"""More than any `stage_code` of 64 stages."""


@dataclass(frozen=True)
class Group:
    """Machine classes with nodes of one size by one maker, which have the same atoms, by accelerator."""

    size: int
    machines: dict[str, list[int]]

    @property
    def members(self) -> list[int]:
        """Every machine class of the group."""
        return [machine for machines in self.machines.values() for machine in machines]


def groups(physics: Physics) -> list[Group]:
    """Every machine class in a group of its like."""
    found: dict[tuple[int, str], Group] = {}
    for machine, node in enumerate(physics.space.machines.nodes):
        size, gpu = int(physics.space.size_of_machine[machine]), node.accelerator
        group = found.setdefault((size, gpu.vendor), Group(size, {}))
        group.machines.setdefault(gpu.name, []).append(machine)
    return list(found.values())


@dataclass(frozen=True)
class Lattice:
    """The rows of a group and how they go together.

    An atom is a base atom (`base`) under a way of gathering: out of the domain or not, over so many GPUs, from the host or not.
    States of a signature have the same atoms and shapes: `pair_atom` and `pair_shape` from ``first[signature]`` on. `states` are in
    the order of their signatures.
    """

    base: Array
    several: Array
    gather: Array
    streamed: Array
    states: StateRows
    signature: Array
    pair_atom: Array
    pair_shape: Array
    first: Array


def lattice(physics: Physics, group: Group) -> Lattice:
    """Join the rows of a group, without the states that alone exceed the roomiest machine's memory."""
    room = physics.roomiest(np.array(group.members))
    states = physics.states(group.size, room.tolist())
    states = states.take(
        np.flatnonzero(states.stepping.max(axis=1, initial=0.0) <= room[states.framework] * (1 + 1e-9))
    )
    physics.prepare(group.members, {group.size: np.unique(_state_link(states))})
    atoms = physics.base(group.members[0])
    ways, way = np.unique(_way_code(states), return_inverse=True)
    base_link = _atom_link(atoms)
    order = np.argsort(base_link, kind="stable")
    of_way, base = _ranges(base_link[order], ways // WAYS, order)
    signatures, signature = np.unique(way * STAGE_CODES + _stage_code(states), return_inverse=True)
    micro_batch = atoms.keys.micro_batch[base]
    atom_order = np.lexsort((micro_batch, of_way))
    shape_codes = shape_code(physics.shapes.keys)
    places = np.arange(len(shape_codes))
    of_signature, shape = _ranges(shape_codes // MICRO_BATCHES, signatures % STAGE_CODES, places)
    wanted = (signatures // STAGE_CODES)[of_signature] * MICRO_BATCHES + shape_codes[shape] % MICRO_BATCHES
    index, atom = _ranges((of_way * MICRO_BATCHES + micro_batch)[atom_order], wanted, atom_order)
    by_signature = np.argsort(signature, kind="stable")
    return Lattice(
        base=base,
        several=(ways // (2 * GATHERS) % 2 == 1)[of_way],
        gather=(ways // 2 % GATHERS)[of_way],
        streamed=(ways % 2 == 1)[of_way],
        states=states.take(by_signature),
        signature=signature[by_signature],
        pair_atom=atom,
        pair_shape=shape[index],
        first=np.searchsorted(of_signature[index], np.arange(len(signatures) + 1)),
    )


def count_layouts(physics: Physics, group: Group) -> int:
    """Layouts of all states, those without room as well: for each micro-batch, atoms of its degrees times schedules of its stages."""
    states, atoms = physics.states(group.size), physics.base(group.members[0])
    links, stages = np.unique(_state_link(states)), np.unique(_stage_code(states))
    sizes = np.unique(atoms.keys.micro_batch)
    shape_codes = shape_code(physics.shapes.keys)
    of_atoms = _histogram(links, _atom_link(atoms), sizes, atoms.keys.micro_batch)
    of_shapes = _histogram(stages, shape_codes // MICRO_BATCHES, sizes, shape_codes % MICRO_BATCHES)
    link, stage = np.searchsorted(links, _state_link(states)), np.searchsorted(stages, _stage_code(states))
    return int(np.einsum("nb,nb->", of_atoms[link], of_shapes[stage]))


def _histogram(rows: Array, row: Array, columns: Array, column: Array) -> Array:
    """How often each of `rows` meets each of `columns`, both sorted; others are left out."""
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    if len(rows) and len(columns):
        places = np.minimum(np.searchsorted(rows, row), len(rows) - 1)
        beside = np.minimum(np.searchsorted(columns, column), len(columns) - 1)
        known = (rows[places] == row) & (columns[beside] == column)
        np.add.at(counts, (places[known], beside[known]), 1)
    return counts


@dataclass(frozen=True)
class Block:
    """Some states of a lattice with all their layouts: `state` and `pair` index the block's own states and pairs.

    Beside the pairs stands what their schedules multiply; `raw_bytes` are those of the layouts before the factor of confidence.
    """

    rows: Array
    states: StateRows
    atom: Array
    steps: Array
    passes: tuple[tuple[Array, ...], ...]
    head_passes: tuple[Array, ...]
    transfers: Array
    mean_layers: tuple[Array, ...]
    state: Array
    pair: Array
    raw_bytes: Array

    def with_pairs(self, used: Array) -> Block:
        """The same block with some of its pairs alone; what indexes them is not renumbered."""
        return replace(
            self,
            atom=self.atom[used],
            steps=self.steps[used],
            passes=tuple(tuple(column[used] for column in kinds) for kinds in self.passes),
            head_passes=tuple(column[used] for column in self.head_passes),
            transfers=self.transfers[used],
            mean_layers=tuple(column[used] for column in self.mean_layers),
        )


def blocks(physics: Physics, group: Group, rows: Lattice) -> Iterator[Block]:
    """Every layout of a lattice, in blocks of about `BLOCK`."""
    count = np.diff(rows.first)[rows.signature]
    ends = np.cumsum(count)
    first = 0
    while first < len(count):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + BLOCK, "right")))
        if ends[last - 1] > done:
            yield _block(physics, group, rows, np.arange(first, last), count[first:last])
        first = last


def _block(physics: Physics, group: Group, rows: Lattice, chosen: Array, count: Array) -> Block:
    low, high = int(rows.first[rows.signature[chosen[0]]]), int(rows.first[rows.signature[chosen[-1]] + 1])
    atom, shape = rows.pair_atom[low:high], rows.pair_shape[low:high]
    within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    state = np.repeat(np.arange(len(chosen)), count)
    pair = np.repeat(rows.first[rows.signature[chosen]] - low, count) + within
    states, counts = rows.states.take(chosen), physics.shapes.counts
    batches, inverse = np.unique(physics.shapes.keys.global_batch[shape], return_inverse=True)
    kinds = range(counts.mean_layers.shape[1])
    return Block(
        rows=chosen,
        states=states,
        atom=atom,
        steps=np.array([physics.space.job.steps(int(batch)) for batch in batches], dtype=float)[inverse],
        passes=tuple(tuple(counts.layer_passes[shape, stage, kind] for kind in kinds) for stage in STAGES),
        head_passes=tuple(counts.head_passes[shape, stage] for stage in STAGES),
        transfers=counts.transfers[shape],
        mean_layers=tuple(counts.mean_layers[shape, kind] for kind in kinds),
        state=state,
        pair=pair,
        raw_bytes=_raw_bytes(physics, physics.base(group.members[0]), rows.base[atom], shape, states, state, pair),
    )


def _raw_bytes(
    physics: Physics, atoms: AtomRows, base: Array, shape: Array, states: StateRows, state: Array, pair: Array
) -> Array:
    """Bytes on the worst GPU of every layout: what the pairs hold is computed once for all states that share it."""
    counts, raw = physics.shapes.counts, np.zeros(len(pair))
    for stage in STAGES:
        held = atoms.logits[base] * counts.has_head[shape, stage] + atoms.working[base]
        for kind in range(atoms.activation.shape[1]):
            held += atoms.activation[base, kind] * counts.in_flight_layers[shape, stage, kind]
        held = np.where(counts.exists[shape, stage], held, -np.inf)
        total = states.held[state, stage] + held[pair]
        np.maximum(raw, total, out=raw)
        stepping = np.where(counts.exists[shape, stage][pair], states.stepping[state, stage], 0.0)
        np.maximum(raw, stepping, out=raw)
    return raw


def _atom_link(atoms: AtomRows) -> Array:
    k = atoms.keys
    return link_code(atoms.framework, k.tensor, k.context, k.expert, k.expert_tensor)


def _state_link(states: StateRows) -> Array:
    k = states.keys
    return link_code(states.framework, k.tensor, k.context, k.expert, k.expert_tensor)


def _way_code(states: StateRows) -> Array:
    """What a state shares with an atom: degrees, out of the domain or not, gathered over how many, streamed or not."""
    gathered = (states.keys.several_nodes * GATHERS + states.gather) * 2 + states.streamed
    return np.asarray(_state_link(states) * WAYS + gathered)


def _stage_code(states: StateRows) -> Array:
    return stage_code(states.keys.pipeline, states.keys.lighter, states.keys.data)


def _ranges(known: Array, wanted: Array, order: Array) -> tuple[Array, Array]:
    """For each of `wanted` the rows (through `order`) whose code in the sorted `known` is the same: (index into wanted, row)."""
    low, high = np.searchsorted(known, wanted, "left"), np.searchsorted(known, wanted, "right")
    count = high - low
    index = np.repeat(np.arange(len(wanted)), count)
    within = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    return index, order[np.repeat(low, count) + within]
