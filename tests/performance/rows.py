"""Layouts as the search evaluates them, row by row, each with the plan that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from random import Random

import numpy as np

from gpuplan.candidates import Candidates
from gpuplan.job import Job, Limits, resolve
from gpuplan.look import Look, Pairs
from gpuplan.order import Order
from gpuplan.physics import Physics
from gpuplan.plan import Plan
from gpuplan.search import Searcher, plan_of
from gpuplan.space import Space, build_space
from gpuplan_hardware import Offer, offers
from oracle import Oracle
from problems import problem_of

Array = np.ndarray

#: Jobs over the catalogue, where links, racks, models and frameworks are as they are.
CATALOGUE = {
    "dense": {"model": "deepseek-r1-distill-qwen-7b", "method": "full", "global_batch": "64:256"},
    "dense adapters": {"model": "llama-3.1-70b", "method": "qlora", "seq_len": "8192"},
    "mixture": {"model": "deepseek-r1", "method": "lora", "global_batch": "128"},
    "offloaded": {"model": "llama-3.1-8b", "method": "full", "framework": "deepspeed"},
    "long": {"model": "qwen3-30b-a3b", "method": "full", "seq_len": "32768", "framework": "megatron"},
}
CATALOGUE_GPUS = ("H100-SXM", "GB200", "A100-80GB-PCIe")
#: Shardings that are taken of each machine class of the catalogue.
SAMPLE = 40


class Recorder(Look):
    """A look that keeps the lower bounds of training seconds that it holds states against: `asked` has both, each time."""

    asked: list[tuple[Array, Array]]

    def _hope(self, order: Order, best: list[float] | None, state: Array, training: Array) -> tuple[Array, float]:
        self.asked.append((state, training))
        return super()._hope(order, best, state, training)


@dataclass(frozen=True)
class Rows:
    """Layouts on one machine class: `pair` and `states` say which of `pairs`, and which state, each is made of."""

    look: Recorder
    pairs: Pairs
    candidates: Candidates
    pair: Array

    @property
    def space(self) -> Space:
        return self.look.space

    @cached_property
    def states(self) -> Array:
        return np.asarray(self.pairs.state[self.pair])

    @cached_property
    def training(self) -> Array:
        """Exact seconds of all steps."""
        return self.look.evaluate(self.candidates)[0]

    @cached_property
    def memory(self) -> Array:
        """Exact bytes on the worst GPU, at the point estimate."""
        return np.asarray(self.candidates.memory_bytes() / self.look.memory_factor[self.look.framework[self.states]])

    def plan(self, row: int) -> Plan:
        c = self.candidates
        families, offer = c.families, self.look.sold[0].offer
        return plan_of(self.space, families, offer, int(c.atom[row]), int(c.shape[row]), int(c.state[row]))

    def __len__(self) -> int:
        return len(self.candidates)


def look_at(searcher: Searcher, machine: int) -> Recorder:
    """The machine class under the eye."""
    look = searcher.look(machine)
    found = Recorder(look.physics, machine, look.keys, look.shardings, look.batches)
    found.asked = []
    return found


def rows_of(look: Recorder, states: Array) -> Rows:
    """All layouts that are made of some states."""
    pairs = look.join(states)
    return Rows(look, pairs, *look.layouts(pairs))


def some(rows: Rows, index: Array) -> Rows:
    """The rows at `index`."""
    return Rows(rows.look, rows.pairs, rows.candidates.take(index), rows.pair[index])


def unlimited(job: Job, sold: Sequence[Offer]) -> Space:
    """Every layout of a job: no limits, and memories that hold anything."""
    return endless(build_space(replace(job, limits=Limits(allow_unknown_host=True)), sold))


def endless(space: Space) -> Space:
    """The space with memories that hold anything."""
    return replace(space, machines=replace(space.machines, usable_memory_bytes=np.full(len(space.machines), np.inf)))


def real(space: Space) -> Space:
    """The space with the memories that the nodes have."""
    usable = np.array([float(node.accelerator.usable_memory_bytes) for node in space.machines.nodes])
    return replace(space, machines=replace(space.machines, usable_memory_bytes=usable))


@dataclass(frozen=True)
class Whole:
    """All layouts of a random small problem without limits, by machine class; `oracle` knows the predictions of most."""

    space: Space
    oracle: Oracle
    rows: tuple[Rows, ...]


@lru_cache(maxsize=1000)
def whole(seed: int) -> Whole:
    """The random problem of that number (see `problems`)."""
    problem = problem_of(seed)
    space = unlimited(problem.job, problem.offers)
    searcher = Searcher(Physics(space), Order.of(("time",)))
    looks = [look_at(searcher, machine) for machine in range(len(space.machines))]
    return Whole(space, problem.oracle, tuple(rows_of(look, np.arange(len(look.shardings))) for look in looks))


@lru_cache
def catalogued(name: str) -> tuple[Rows, ...]:
    """Random layouts of a job of `CATALOGUE`, on one machine class of each size and GPU."""
    job, rng = resolve(CATALOGUE[name] | {"data": "100MB"}), Random(1)
    space = unlimited(job, [offer for offer in offers() if offer.node.accelerator.name in CATALOGUE_GPUS])
    searcher = Searcher(Physics(space), Order.of(("time",)))
    places = {(node.accelerator.name, node.gpus_per_node): place for place, node in enumerate(space.machines.nodes)}
    found = []
    for machine in places.values():
        look = look_at(searcher, machine)
        states = rng.sample(range(len(look.shardings)), min(SAMPLE, len(look.shardings)))
        found.append(rows_of(look, np.array(states, dtype=np.int64)))
    return tuple(found)
