"""The decision space of a job: offers, machine classes, and the candidate rows of the three families.

A plan is one offer and one row of each family: an *atom* (what a layer's time and activations depend on), a *shape* (what the
schedule depends on) and a *state* (what the model states depend on). Rows that a rule forbids on their own are left out, unless
the space is built with ``reduced=False``: then all are posted and the rules forbid them inside the model.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gpuplan.job import Job
from gpuplan.layout import LIGHTER, OFFLOAD
from gpuplan.performance import interval
from gpuplan.performance.distinct import distinct
from gpuplan.performance.layers import AtomKeys
from gpuplan.performance.machine import Machines, block_gpus, machines
from gpuplan.performance.stages import ShapeKeys, stage_floor
from gpuplan.performance.states import StateKeys, least_weight_bytes
from gpuplan.performance.workload import Workload
from gpuplan.plan import workload
from gpuplan.rules import rules
from gpuplan.rules.divisibility import deals_experts
from gpuplan.rules.topology import fills_nodes
from gpuplan.selection import machine_key, selected, selection_key, undominated
from gpuplan.values import Values, candidate_values
from gpuplan_hardware import Node, Offer
from gpuplan_models import Framework

Array = np.ndarray


@dataclass(frozen=True)
class Size:
    """How nodes of one shape hold groups of ranks: GPUs of a node, of a block and of a scale-up domain, and at most rented."""

    gpus_per_node: int
    gpus_per_block: int
    domain_gpus: int
    most_gpus: int

    @property
    def code(self) -> int:
        """One integer for the first three."""
        return (self.gpus_per_node * 4096 + self.gpus_per_block) * 4096 + self.domain_gpus


@dataclass(frozen=True)
class Space:
    """Everything that may be decided for a job.

    Attributes
    ----------
    offers
        Candidate offers; `machine_of_offer` indexes `machines`.
    sizes, size_of_machine
        Distinct sizes of nodes, and which one each machine class has.
    values
        Candidate values of the layout decisions.
    reduced
        Whether rows that break a rule on their own are left out.
    """

    job: Job
    work: Workload
    offers: tuple[Offer, ...]
    machines: Machines
    machine_of_offer: Array
    sizes: tuple[Size, ...]
    size_of_machine: Array
    values: Values
    reduced: bool = True

    @cached_property
    def shapes(self) -> ShapeKeys:
        """All schedules: pipeline x virtual stages x lighter ends x data x micro-batch x global batch."""
        v = self.values
        lighter = _codes(v.lighter, LIGHTER)
        keys = ShapeKeys(*_grid(v.pipeline, v.virtual, lighter, v.data, v.micro_batch, v.global_batch))
        mask = np.ones(len(keys), dtype=bool)
        if self.reduced:
            # A rule of the framework's, applied before the rows are multiplied: only ends of a pipeline can be lighter.
            keys = keys.take(np.flatnonzero((keys.pipeline > 1) | ((keys.virtual == 1) & (keys.lighter == 0))))
            mask = self._keep("shape_allowed", len(keys), keys)
        return keys.take(np.flatnonzero(mask))

    def states(self, size: Size, framework: Framework, room_bytes: float = np.inf) -> StateKeys:
        """All shardings for nodes of one size under `framework`, without those whose weights alone take more than `room_bytes`."""
        v = self.values.of(framework) if self.reduced else self.values
        t, c, p, d = _grid(v.tensor, v.context, v.pipeline, v.data)
        if self.reduced:
            t, c, p, d = _rentable(size, t, c, p, d)
        e, f = _grid(v.expert, v.expert_tensor)
        (t, c, p, d), (e, f) = _cross((t, c, p, d), (e, f))
        if self.reduced:
            index = np.flatnonzero(
                deals_experts(t * c * d, t, e, f) & self._fits(framework, room_bytes, t, p, e * f, c * d)
            )
            t, c, p, d, e, f = (column[index] for column in (t, c, p, d, e, f))
        ends, z, o = _grid(_codes(v.lighter, LIGHTER), v.zero, _codes(v.offload, OFFLOAD))
        (t, c, p, d, e, f), (ends, z, o) = _cross((t, c, p, d, e, f), (ends, z, o))
        node, block, domain = (np.full(len(t), n) for n in (size.gpus_per_node, size.gpus_per_block, size.domain_gpus))
        keys = StateKeys(node, block, domain, t, c, p, ends, e, f, d, z, o)
        return keys.take(np.flatnonzero(self._keep("state_allowed", len(keys), framework, keys)))

    def _fits(self, framework: Framework, room: float, t: Array, p: Array, expert_ranks: Array, ranks: Array) -> Array:
        """Whether the weights fit, sharded as far as ZeRO can, or stay on the host: a bound, for rows that are not multiplied yet."""
        stages, place = distinct(p)
        words = self.values.lighter
        virtual = self.values.virtual
        shares = [min(stage_floor(self.work, int(n), word, virtual).layers for word in words) for n in stages]
        share = np.array(shares)[place]
        least = least_weight_bytes(self.work, framework, t, expert_ranks, share)
        shards = np.isin(p, stages[stages == 1]) | (3 in framework.zero_stages_with_pipeline)
        sharded = np.where(shards & (3 in framework.zero_stages), least / ranks / t, least)
        return np.asarray((sharded <= room * (1 + 1e-6)) | ("parameters" in framework.offload))

    def base_atoms(self, machine: int, framework: Framework) -> AtomKeys:
        """All per-layer decisions on a machine class under `framework`, beside what ZeRO-3 and the network add.

        In the order of the degrees; micro-batch and recompute run fastest. Rules ask for the maker and the size of its nodes only.
        """
        v = self.values.of(framework) if self.reduced else self.values
        t, c, e, f, b, r = _grid(v.tensor, v.context, v.expert, v.expert_tensor, v.micro_batch, v.recompute)
        m = np.full(len(t), machine)
        ones, no = np.ones(len(t), dtype=np.int64), np.zeros(len(t), dtype=bool)
        keys = AtomKeys(m, t, c, e, f, b, r, no, ones, no)
        return keys.take(np.flatnonzero(self._keep("atom_allowed", len(keys), framework, keys)))

    def atoms(self, machine: int, framework: Framework) -> AtomKeys:
        """All per-layer decisions, with every way of gathering, inside and outside of a scale-up domain."""
        base, v = self.base_atoms(machine, framework), self.values
        gathers = sorted({1, *((d * c for d in v.data for c in v.context) if 3 in v.zero else ())})
        streams = (0, 1) if "parameters" in v.offload else (0,)
        several, gather, streamed = _grid((0, 1), gathers, streams)
        index, (several, gather, streamed) = _cross((np.arange(len(base)),), (several, gather, streamed))
        keys = replace(
            base.take(index[0]), several_nodes=several.astype(bool), gather=gather, streamed=streamed.astype(bool)
        )
        return keys.take(np.flatnonzero(self._keep("atom_allowed", len(keys), framework, keys)))

    def nodes(self, keys: StateKeys) -> Array:
        """Nodes that a sharding occupies."""
        return -(-keys.gpus // keys.gpus_per_node)

    def _keep(self, check: str, count: int, *arguments: object) -> Array:
        """Rows that no rule forbids on their own (all of them in an unreduced space)."""
        mask = np.ones(count, dtype=bool)
        if self.reduced:
            for rule in rules():
                mask &= getattr(rule, check)(self, *arguments)
        return mask

    @cached_property
    def confidence_factors(self) -> tuple[Array, Array]:
        """What step time and memory are multiplied by to hold at the job's confidence: arrays (frameworks, machine classes)."""
        families = [node.accelerator.kernel_family for node in self.machines.nodes]
        step, memory = (np.ones((len(self.values.frameworks), len(families))) for _ in range(2))
        for place, framework in enumerate(self.values.frameworks):
            for family in set(families):
                here = np.array([name == family for name in families])
                width = interval.step_width(family, framework.kernels, self.work.is_mixture, framework.stand_in)
                step[place, here] = interval.factor(width, self.job.confidence)
                width = interval.memory_width(family, framework.kernels, framework.stand_in)
                memory[place, here] = interval.factor(width, self.job.confidence)
        return step, memory

    @cached_property
    def size_codes(self) -> Array:
        """`Size.code` of each machine class."""
        return np.array([self.sizes[size].code for size in self.size_of_machine], dtype=np.int64)

    @cached_property
    def offers_of_machine(self) -> tuple[tuple[int, ...], ...]:
        """Offers with each machine class."""
        found: list[list[int]] = [[] for _ in range(len(self.machines))]
        for offer, machine in enumerate(self.machine_of_offer):
            found[int(machine)].append(offer)
        return tuple(tuple(offers) for offers in found)


def build_space(
    job: Job,
    offers: Sequence[Offer],
    reduced: bool = True,
    kept: Callable[[Hashable, Callable[[], Any]], Any] | None = None,
) -> Space:
    """Space of `job` over `offers`.

    Offers outside the user's selection (GPU, provider, region, pricing, marketplace, precision the accelerator lacks) are not part
    of the question. With `reduced`, dominated offers are left out too (see `undominated`). `kept` keeps what it has made under a
    key: questions that differ in other limits only have the same offers.
    """
    if kept is None:
        market = _rented(job, offers, reduced)
    else:
        # The offers are kept with what is made of them, so that nothing else can have their identity.
        _, market = kept(
            ("rented", id(offers), reduced, selection_key(job)), lambda: (offers, _rented(job, offers, reduced))
        )
    return _space(job, market, reduced)


def space_over(job: Job, offers: Sequence[Offer]) -> Space:
    """Space of `job` over just these offers, whatever its words about offers are."""
    return _space(job, _market(job, offers), True)


def _space(job: Job, market: _Rented, reduced: bool) -> Space:
    return Space(
        job=job,
        work=workload(job),
        offers=market.offers,
        machines=market.machines,
        machine_of_offer=market.machine_of_offer,
        sizes=market.sizes,
        size_of_machine=market.size_of_machine,
        values=candidate_values(job, market.machines.nodes),
        reduced=reduced,
    )


@dataclass(frozen=True)
class _Rented:
    """What may be rented for a job, as `Space` has it."""

    offers: tuple[Offer, ...]
    machines: Machines
    machine_of_offer: Array
    sizes: tuple[Size, ...]
    size_of_machine: Array


def _rented(job: Job, offers: Sequence[Offer], reduced: bool) -> _Rented:
    """The same of the offers in the selection."""
    chosen = [offer for offer in offers if selected(job, offer)]
    return _market(job, undominated(job, chosen) if reduced else chosen)


def _market(job: Job, chosen: Sequence[Offer]) -> _Rented:
    """Offers and their machine classes."""
    nodes: list[Node] = []
    index: dict[tuple[object, ...], int] = {}
    of_offer = []
    for offer in chosen:
        key = machine_key(offer.node)
        if key not in index:
            index[key] = len(nodes)
            nodes.append(offer.node)
        of_offer.append(index[key])
    sizes, of_machine = _sizes(nodes, chosen)
    return _Rented(
        offers=tuple(chosen),
        machines=machines(nodes, job.precision),
        machine_of_offer=np.array(of_offer, dtype=np.int64),
        sizes=sizes,
        size_of_machine=of_machine,
    )


def _sizes(nodes: Sequence[Node], offers: Sequence[Offer]) -> tuple[tuple[Size, ...], Array]:
    """Distinct sizes of `nodes`, with the most GPUs that an offer of that size has, and the size of each node."""
    keys = [(node.gpus_per_node, block_gpus(node), node.scale_up_gpus) for node in nodes]
    most = dict.fromkeys(keys, 0)
    for offer in offers:
        key = (offer.node.gpus_per_node, block_gpus(offer.node), offer.node.scale_up_gpus)
        most[key] = max(most[key], offer.max_nodes * offer.node.gpus_per_node)
    places = {key: place for place, key in enumerate(sorted(most))}
    sizes = tuple(Size(*key, most[key]) for key in sorted(most))
    return sizes, np.array([places[key] for key in keys], dtype=np.int64)


def _codes(words: Sequence[str], known: Sequence[str]) -> list[int]:
    return [known.index(word) for word in words]


def _grid(*values: Sequence[int]) -> list[Array]:
    """Cartesian product as flat arrays, the last value running fastest."""
    return [axis.ravel() for axis in np.meshgrid(*(np.asarray(v, dtype=np.int64) for v in values), indexing="ij")]


def _cross(left: Sequence[Array], right: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """Every row of `left` with every row of `right`."""
    n, m = len(left[0]), len(right[0])
    return [np.repeat(column, m) for column in left], [np.tile(column, n) for column in right]


def _rentable(size: Size, t: Array, c: Array, p: Array, d: Array) -> list[Array]:
    """Degrees that fill nodes of that size, of which no offer has more; the same as the rules, before the rows are multiplied."""
    gpus = t * c * p * d
    fits = fills_nodes(gpus, *(np.full(len(t), n) for n in (size.gpus_per_node, size.gpus_per_block, size.domain_gpus)))
    index = np.flatnonzero(fits & (gpus <= size.most_gpus))
    return [column[index] for column in (t, c, p, d)]
