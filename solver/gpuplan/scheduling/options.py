"""Every cluster on which a job can be done, with its minutes and its money; and which of them no other one beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpuplan.candidates import concatenate, take_rows
from gpuplan.clusters import clusters_of
from gpuplan.job.types import STARTUP_SECONDS
from gpuplan.order import Order
from gpuplan.performance.bill import billing_increment_seconds, minimum_billing_seconds
from gpuplan.performance.clock import in_steps
from gpuplan.plan import Plan
from gpuplan.rules.base import TOLERANCE
from gpuplan.scheduling.fastest import Family, training_units
from gpuplan.scheduling.problem import MICRO
from gpuplan.scheduling.sources import Source
from gpuplan.scheduling.types import KnownWork
from gpuplan.space import Space

Array = np.ndarray

#: Parts of a minute, or of a millionth of a dollar, that are noise of the arithmetic and not rounded up.
NOISE = 1e-6


@dataclass(frozen=True)
class Options:
    """Clusters, an entry each: the index of their source, all nodes of the job, whole minutes in use, millionths of a dollar.

    `budget` is the cost at the asked confidence; `entry` is that of the source's `Fastest`, -1 for known work.
    """

    source: Array
    nodes: Array
    minutes: Array
    cost: Array
    budget: Array
    entry: Array

    def __len__(self) -> int:
        return len(self.source)

    def take(self, index: Array) -> Options:
        return take_rows(self, index)


def training_options(sources: Sequence[Source], family: Family) -> Options:
    """The fastest layout on every cluster that keeps all limits of the job, by framework."""
    spaces: dict[int, Space] = {}
    parts = []
    for index, source in enumerate(sources):
        space = spaces.setdefault(id(source.job), replace(family.space, job=source.job))
        parts.append(_on_source(index, family, space, family.place(source.offer)))
    return concatenate(parts) if parts else _none()


def _on_source(index: int, family: Family, space: Space, place: int) -> Options:
    """The options on one offer: the formulas are those of the search (see `clusters`)."""
    job, offer, fastest = space.job, space.offers[place], family.fastest(place)
    rows = np.flatnonzero(fastest.nodes * job.parallel <= offer.max_nodes)
    counts, cluster = np.unique(fastest.nodes[rows], return_inverse=True)
    if not len(counts):
        return _none()
    clusters, framework = clusters_of(space, place, counts), fastest.framework[rows]
    factors = family.space.confidence_factors[0][:, int(space.machine_of_offer[place])]
    caps = np.stack([clusters.longest_training(space, float(factor)) for factor in factors])
    training = fastest.seconds_per_unit[rows] * training_units(job)
    kept = np.flatnonzero(training <= caps[framework, cluster] * (1 + TOLERANCE))
    rows, cluster, training, factor = rows[kept], cluster[kept], training[kept], factors[framework[kept]]
    names = ("time_at_confidence", "cost", "cost_at_confidence")
    order = Order(Order.of(names).levels[: len(names)])
    wall, cost, budget = (order.value(level, clusters, cluster, training, factor) for level in range(len(names)))
    return Options(
        source=np.full(len(rows), index),
        nodes=counts[cluster] * job.parallel,
        minutes=whole_minutes(wall - (offer.lead_time_seconds or 0.0)),
        cost=micro_usd(cost),
        budget=micro_usd(budget),
        entry=rows,
    )


def known_options(sources: Sequence[Source], work: KnownWork) -> Options:
    """Every source that has as many GPUs, but no nodes that may be taken back: such work is not saved in between.

    A start-up comes before the work. Time is billed as the provider bills it.
    """
    found = [option for index, source in enumerate(sources) if (option := _known(index, source, work)) is not None]
    return Options(*(np.array(column, dtype=np.int64) for column in zip(*found, strict=True))) if found else _none()


def _known(index: int, source: Source, work: KnownWork) -> tuple[int, int, int, int, int, int] | None:
    limits, offer, node = source.job.limits, source.offer, source.offer.node
    nodes = -(-work.gpus // node.gpus_per_node)
    gpus = nodes * node.gpus_per_node
    seconds = work.minutes * 60 + STARTUP_SECONDS
    billed = max(float(in_steps(np.asarray(seconds), billing_increment_seconds(offer))), minimum_billing_seconds(offer))
    usd = nodes * offer.price_usd_per_hour * billed / 3600
    within = (
        offer.pricing != "spot"
        and nodes <= offer.max_nodes
        and (node.network is not None or gpus <= max(node.gpus_per_node, node.scale_up_gpus))
        and (limits.max_nodes is None or nodes <= limits.max_nodes)
        and (limits.max_gpus is None or gpus <= limits.max_gpus)
        and (limits.budget_usd is None or usd <= limits.budget_usd)
    )
    cost = int(micro_usd(np.asarray(usd)))
    return (index, nodes, int(whole_minutes(np.asarray(seconds))), cost, cost, -1) if within else None


def _none() -> Options:
    nothing = np.zeros(0, dtype=np.int64)
    return Options(nothing, nothing, nothing, nothing, nothing, nothing)


def whole_minutes(seconds: Array) -> Array:
    """Minutes that hold so many seconds, at least 1."""
    return np.maximum(np.ceil(seconds / 60 - NOISE), 1).astype(np.int64)


def micro_usd(usd: Array) -> Array:
    """Millionths of a dollar, rounded up."""
    return np.ceil(np.asarray(usd) * MICRO - NOISE).astype(np.int64)


def earliest(source: Source) -> int:
    """First minute at which nodes can be there: what is rented is ordered in minute 0 at the earliest."""
    if source.kind != "rented":
        return 0
    return int(np.ceil((source.offer.lead_time_seconds or 0.0) / 60 - NOISE))


def units(options: Options, sources: Sequence[Source], shared: int) -> Array:
    """Units (n, shared) that each option uses of all that is shared."""
    per_node = np.zeros((len(sources), shared), dtype=np.int64)
    for index, source in enumerate(sources):
        for place, each in source.shares:
            per_node[index, place] = each
    return np.asarray(per_node[options.source] * options.nodes[:, None])


def unbeaten(options: Options, sources: Sequence[Source], used: Array, most: Array) -> Array:
    """Indices of the options that fit into the largest capacities and that none beats, the cheapest first.

    One beats another where it is no worse in minutes, cost, budget, earliest minute, and units of everything that is shared; of equal
    ones the first by nodes and name stays.
    """
    names = np.argsort(np.argsort([source.name for source in sources], kind="stable"), kind="stable")
    first = np.array([earliest(source) for source in sources], dtype=np.int64)
    figures = np.column_stack([options.cost, options.minutes, options.budget, first[options.source], used])
    fitting = np.flatnonzero((used <= most).all(axis=1))
    order = np.lexsort(
        (
            names[options.source],
            options.nodes,
            used.sum(axis=1),
            first[options.source],
            options.budget,
            options.minutes,
            options.cost,
        )
    )
    kept: list[int] = []
    # In this order nothing is beaten by what comes after it.
    left = order[np.isin(order, fitting)]
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[(figures[left] < figures[best]).any(axis=1)]
    return np.array(kept, dtype=np.int64)


def plan_of(option: int, options: Options, sources: Sequence[Source], family: Family) -> Plan | None:
    """The plan of an option; None for known work."""
    entry, source = int(options.entry[option]), sources[int(options.source[option])]
    if entry < 0:
        return None
    framework, layout = family.fastest(family.place(source.offer)).layout(entry)
    return Plan(source.job, source.offer, int(options.nodes[option]) // source.job.parallel, layout, framework)
