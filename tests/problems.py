"""Random small problems: tiny models, a few offers, and limits drawn near the needs of a random plan so that they often bind.

`random_problem` is plain Python over a `random.Random`; `problems()` is the same as a hypothesis strategy. A problem is drawn around
one legal layout: some decisions stay open, the others are pinned to that layout's, so that the lattice is small and not empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any

from hypothesis import strategies as st

from gpuplan.job import Job, Pins
from gpuplan.values import Values
from gpuplan_hardware import Node, Offer
from oracle import Oracle
from oracle_layouts import Candidate, layout_of
from oracle_structure import Cut, Held
from random_jobs import FOCI, random_job
from random_limits import random_limits
from random_offers import random_offers

#: Most layouts (over all node shapes) that a problem may have: each is predicted once, which takes most of an oracle's time.
MOST_LAYOUTS = 70
#: How many problems may have ten times as many, with more decisions open.
LARGE = 0.02
#: Field of `Pins` and of `Layout` of every decision that may be pinned.
PINNED = {
    "tensor": "tensor_parallel",
    "pipeline": "pipeline_parallel",
    "virtual": "virtual_pipeline",
    "data": "data_parallel",
    "context": "context_parallel",
    "expert": "expert_parallel",
    "expert_tensor": "expert_tensor_parallel",
    "zero": "zero_stage",
    "micro_batch": "micro_batch",
    "recompute": "recompute",
    "offload": "offload",
    "lighter": "lighter",
}
#: Layouts that are tried before a problem is drawn around none.
TRIES = 1000


@dataclass(frozen=True)
class Problem:
    """A job, the offers, and the oracle for both (it has predicted most of the plans when the limits were drawn)."""

    job: Job
    offers: tuple[Offer, ...]
    oracle: Oracle
    focus: str


@lru_cache(maxsize=400)
def problem_of(seed: int) -> Problem:
    """The problem with that number; kept, because many tests look at the first ones."""
    return random_problem(Random(seed))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Strategy of random small problems."""
    return random_problem(draw(st.randoms(use_true_random=False)))


def random_problem(rng: Random) -> Problem:
    """Draw a problem."""
    focus = rng.choices(tuple(FOCI), [one.weight for one in FOCI.values()])[0]
    job = random_job(rng, focus)
    offers = random_offers(rng, job, focus)
    job = _small(rng, job, offers, focus)
    roomy = Oracle(job, offers)
    offers = _tight(rng, roomy, offers, focus)
    free = Oracle(job, offers, roomy)
    job = replace(job, limits=random_limits(rng, job, free, focus))
    return Problem(job, offers, free.under(job.limits), focus)


def limited(job: Job, **limits: Any) -> Job:
    """The job with other limits."""
    return replace(job, limits=replace(job.limits, **limits))


# -- which decisions are open ----------------------------------------------------------------------------------------------
def _small(rng: Random, job: Job, offers: Sequence[Offer], focus: str) -> Job:
    """Pin all decisions to those of a random legal layout but a few; then more, until there are few layouts."""
    oracle = Oracle(job, offers)
    nodes = list({(offer.node.provider, offer.node.name): offer.node for offer in oracle.offers}.values())
    target = _target(rng, oracle, nodes, focus)
    if target is None:
        target = _target(rng, oracle, nodes, "none")
    often = [name for name in ("data", "micro_batch") if rng.random() < (0.9 if focus == "none" else 0.8)]
    closed = FOCI[focus].closed if rng.random() < 0.8 else ()
    open_ = [*FOCI[focus].decisions, *(name for name in often if name not in closed)]
    others = [name for name in PINNED if name not in (*open_, *closed)]
    most, count = (10 * MOST_LAYOUTS, len(others)) if rng.random() < LARGE else (MOST_LAYOUTS, rng.randint(2, 5))
    left = [*open_, *rng.sample(others, min(count, len(others)))]
    while True:
        pins = _pins(target, left)
        small = Oracle(replace(job, pins=pins), offers)
        if not left or _at_most(most, small, nodes):
            return small.job
        left.pop()


def _pins(target: Candidate | None, left: Sequence[str]) -> Pins:
    """Pins of all decisions but those that are left open; what nothing is known of is pinned to nothing special."""
    if target is None:
        return Pins(
            micro_batch=1, recompute="none", virtual_pipeline=1, context_parallel=1, offload="none", lighter="none"
        )
    return Pins(**{pin: getattr(target.layout, name) for name, pin in PINNED.items() if name not in left})


def _at_most(count: int, oracle: Oracle, nodes: Sequence[Node]) -> bool:
    """Whether there are that many layouts at most, on nodes that are sold in that number."""
    sold = {offer.node.name: 0 for offer in oracle.offers}
    for offer in oracle.offers:
        sold[offer.node.name] = max(sold[offer.node.name], offer.max_nodes // oracle.job.parallel)
    legal = (c for node in nodes for c in oracle.layouts.candidates(node) if c.nodes <= sold[node.name])
    return len(list(islice(legal, count + 1))) <= count


def _target(rng: Random, oracle: Oracle, nodes: Sequence[Node], focus: str) -> Candidate | None:
    """A random legal layout that takes the decision of the focus, None if none was found."""
    v, structure = oracle.layouts.values, oracle.layouts.structure
    for _ in range(TRIES if v.frameworks and nodes else 0):
        framework, node = rng.choice(v.frameworks), rng.choice(nodes)
        drawn = _decisions(rng, v, focus)
        cut, held = Cut(*drawn[:6]), Held(*drawn[6:])
        if structure.cut_breaks(framework, node, cut) or structure.held_breaks(framework, node, cut, held):
            continue
        batch, micro = rng.choice(v.global_batch), rng.choice(v.micro_batch[:3])
        recompute = rng.choice(framework.recompute)
        layout = layout_of(framework, cut, held, batch, micro, recompute)
        nodes_used = math.ceil(layout.gpus / node.gpus_per_node)
        if structure.schedule_breaks(framework, cut, held, batch, micro, recompute) or nodes_used > 8:
            continue
        if FOCI[focus].shows(layout, node):
            return Candidate(layout, framework, nodes_used)
    return None


def _decisions(rng: Random, v: Values, focus: str) -> tuple[Any, ...]:
    """Random degrees and memory options; those of the focus are seldom plain, the others often."""
    return (
        _seldom_plain(rng, v.tensor, focus in ("domain", "expert_tensor", "tensor")),
        _seldom_plain(rng, v.context, focus == "context"),
        _seldom_plain(rng, v.pipeline, focus in ("virtual", "lighter")),
        _seldom_plain(rng, v.expert, False),
        _seldom_plain(rng, v.expert_tensor, focus == "expert_tensor"),
        _seldom_plain(rng, v.virtual, focus == "virtual"),
        rng.choice(v.data[:4]),
        3 if focus == "parameters" else rng.choice(v.zero),
        focus if focus in v.offload else _seldom_plain(rng, v.offload, False),
        _seldom_plain(rng, v.lighter, focus == "lighter"),
    )


def _seldom_plain(rng: Random, values: Sequence[Any], wanted: bool) -> Any:
    """One of the values; where it is wanted none of the plain ones, which come first."""
    if wanted and len(values) > 1:
        return rng.choice(values[1:4])
    return values[0] if rng.random() < 0.65 else rng.choice(values[:4])


# -- memories and hosts ----------------------------------------------------------------------------------------------------
def _tight(rng: Random, oracle: Oracle, offers: Sequence[Offer], focus: str) -> tuple[Offer, ...]:
    """Shrink memories and hosts to about what a layout needs, one with the decision of the focus where memory is why."""
    tight: dict[str, tuple[Node, float]] = {}
    for offer in oracle.offers:
        node = offer.node
        if node.name not in tight:
            # Nodes with one GPU have the same memory each: a GPU is what its name says.
            shrunk = (other for other, _ in tight.values() if other.accelerator.name == node.accelerator.name)
            twin = next(shrunk, None)
            alike = twin and (replace(node, accelerator=twin.accelerator), 0.0)
            tight[node.name] = alike or _shrunk(rng, oracle, offer, focus)
    return tuple(
        replace(offer, node=_host(rng, oracle, *tight.get(offer.node.name, (offer.node, 0.0)))) for offer in offers
    )


def _shrunk(rng: Random, oracle: Oracle, offer: Offer, focus: str) -> tuple[Node, float]:
    """The node with less memory, and the bytes that a layout which fits it keeps on the host."""
    node, legal = offer.node, [c for c in oracle.layouts.on(offer.node) if c.nodes <= offer.max_nodes]
    needed = rng.random() < FOCI[focus].for_memory
    if not legal or not (needed or rng.random() < 0.7):
        return node, 0.0
    if needed:
        plans = sorted((oracle.evaluate(offer, c) for c in legal), key=lambda plan: plan.memory_bytes)
        shows = [plan for plan in plans if FOCI[focus].shows(plan.candidate.layout, node)]
        others = [plan.memory_bytes for plan in plans if plan not in shows]
        plan = shows[0] if shows else rng.choice(plans)
        # Between what the least of them needs and what any other does, where there is such a gap.
        most = min([1.1 * plan.memory_bytes, *(need for need in others if need > plan.memory_bytes)])
        usable = int(rng.uniform(plan.memory_bytes, most)) + 1
    else:
        plan = oracle.evaluate(offer, rng.choice([c for c in legal if FOCI[focus].shows(c.layout, node)] or legal))
        usable = int(plan.memory_bytes * rng.uniform(0.98, 1.12))
    smaller = replace(node, accelerator=replace(node.accelerator, usable_memory_bytes=usable))
    return smaller, plan.offloaded_bytes * min(plan.candidate.layout.gpus, node.gpus_per_node)


def _host(rng: Random, oracle: Oracle, node: Node, offloaded: float) -> Node:
    """Mostly ample; else near the need of one or two nodes, or unknown."""
    nodes = rng.choice((1, 2))
    host = node.host
    if rng.random() < 0.12:
        host = replace(host, vcpus=rng.choice((None, oracle.formulas.vcpus(node) - 1, oracle.formulas.vcpus(node))))
    if rng.random() < (0.3 if offloaded else 0.16):
        near = int((oracle.formulas.ram_bytes(node, nodes) + offloaded) * rng.uniform(0.97, 1.03))
        host = replace(host, ram_bytes=rng.choice((None, near, near, near)))
    if rng.random() < 0.4:
        near = int(oracle.formulas.storage_bytes(nodes) * rng.uniform(0.97, 1.03))
        host = replace(host, nvme_bytes=rng.choice((None, 0, near)))
    return replace(node, host=host)


def free_decisions(problem: Problem) -> frozenset[str]:
    """Decisions of `PINNED` that the problem leaves open."""
    names = {field.name for field in fields(Pins)}
    return frozenset(n for n, pin in PINNED.items() if pin in names and getattr(problem.job.pins, pin) is None)
