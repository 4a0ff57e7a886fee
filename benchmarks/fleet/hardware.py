"""What generated fleets run on: kinds of nodes, of which some are there and some may be rented.

Speeds and prices are of the order of those of the catalogue, and made up otherwise: what is measured is scheduling.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from gpuplan.scheduling.problem import Resource

GPUS_PER_NODE = 8
DAY = 1440


@dataclass(frozen=True, slots=True)
class Kind:
    """Nodes of eight GPUs.

    Attributes
    ----------
    gpu
        Name of the GPU.
    speed
        Work that one does in an hour, that of an H100 being 1.
    memory_gb
        Memory of one.
    own_usd
        What an hour of one that is there already is charged with: what owning it costs, some two thirds of what renting one costs
        where that is cheapest, and about as much for the same work on any kind: else everyone would want the same nodes.
    rent_usd
        Rent for an hour of one where it is cheapest.
    """

    gpu: str
    speed: float
    memory_gb: int
    own_usd: float
    rent_usd: float


KINDS = (
    Kind("H100", 1.0, 80, 1.50, 2.20),
    Kind("A100-80GB", 0.42, 80, 0.66, 1.30),
    Kind("L40S", 0.26, 48, 0.42, 0.90),
    Kind("A100-40GB", 0.38, 40, 0.60, 1.00),
    Kind("H200", 1.15, 141, 1.74, 2.80),
    Kind("MI300X", 0.85, 192, 1.32, 2.10),
    Kind("B200", 2.0, 180, 2.85, 4.60),
    Kind("A10G", 0.08, 24, 0.15, 0.60),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Nodes of a kind at a price: a stock, or an offer.

    Attributes
    ----------
    resources
        Indices of the resources that a node uses, and units of each.
    most
        Nodes that one job may use.
    usd_per_hour
        Price of a node.
    lead_minutes
        First minute at which nodes can be had.
    least_minutes, step_minutes
        Time that is billed at least, and steps in which the rest is.
    """

    kind: Kind
    resources: tuple[tuple[int, int], ...]
    most: int
    usd_per_hour: float
    lead_minutes: int = 0
    least_minutes: int = 1
    step_minutes: int = 1
    rented: bool = False


@dataclass(frozen=True, slots=True)
class Hardware:
    """All sources, and the resources that they use."""

    resources: tuple[Resource, ...]
    sources: tuple[Source, ...]

    @property
    def stock(self) -> tuple[Source, ...]:
        return tuple(source for source in self.sources if not source.rented)

    def work_hours(self, minutes: int) -> float:
        """H100-hours that the stock can do in the first minutes."""
        return sum(
            _unit_minutes(self.resources[source.resources[0][0]], minutes) / 60 * GPUS_PER_NODE * source.kind.speed
            for source in self.stock
        )


def _unit_minutes(resource: Resource, until: int) -> int:
    ends = [minute for minute, _ in resource.capacity[1:]] + [until]
    return sum(
        units * max(0, min(end, until) - start) for (start, units), end in zip(resource.capacity, ends, strict=True)
    )


def hardware(random: Random, stocks: int, nodes: int, minutes: int) -> Hardware:
    """Stocks of different kinds with so many nodes in all, the last of them a reserved block; and offers of every kind of the stock.

    Every stock that is owned changes two or three times within the calendar: nodes are delivered, serviced, lent. Of each kind two
    offers can be had: one at once, dearer, and one that is cheaper and has a lead time of some days; the first is billed to the
    minute, an hour at least, the second by the hour. What is rented at once falls under a quota of GPUs, which is raised once.
    """
    resources: list[Resource] = []
    sources: list[Source] = []
    kinds = [KINDS[number % len(KINDS)] for number in range(stocks)]
    shares = [random.uniform(0.6, 1.4) for _ in kinds]
    for number, (kind, share) in enumerate(zip(kinds, shares, strict=True)):
        count = max(3, round(nodes * share / sum(shares)))
        block = number == stocks - 1
        capacity = _block(random, count, minutes) if block else _changing(random, count, minutes)
        resources.append(Resource(f"{'block' if block else 'stock'}-{kind.gpu}", capacity))
        most = max(units for _, units in capacity)
        sources.append(Source(kind, ((number, 1),), most, kind.own_usd * GPUS_PER_NODE))
    quota = len(resources)
    raised = random.randrange(minutes // 4, minutes // 2)
    gpus = 8 * max(6, nodes // 2)
    resources.append(Resource("quota", ((0, gpus), (raised, gpus * 3 // 2))))
    for kind in kinds:
        at_once = kind.rent_usd * random.uniform(1.1, 1.5) * GPUS_PER_NODE
        later = kind.rent_usd * random.uniform(0.9, 1.0) * GPUS_PER_NODE
        sources.append(Source(kind, ((quota, GPUS_PER_NODE), (len(resources), 1)), 16, at_once, 15, 60, 1, rented=True))
        resources.append(Resource(f"cloud-{kind.gpu}", ((0, 16),)))
        lead = random.choice((1, 2, 3)) * DAY
        sources.append(Source(kind, ((len(resources), 1),), 8, later, lead, 60, 60, rented=True))
        resources.append(Resource(f"queue-{kind.gpu}", ((0, 8),)))
    return Hardware(tuple(resources), tuple(sources))


def _changing(random: Random, count: int, minutes: int) -> tuple[tuple[int, int], ...]:
    """Nodes that are delivered, serviced and lent: between half and half as many again."""
    times = sorted(random.sample(range(DAY, minutes, 60), random.choice((2, 3))))
    levels = [max(1, round(count * random.uniform(0.5, 1.5))) for _ in times]
    return ((0, count), *zip(times, levels, strict=True))


def _block(random: Random, count: int, minutes: int) -> tuple[tuple[int, int], ...]:
    """Nodes that are there for a half to a whole of the calendar, and then no more."""
    first = random.randrange(0, minutes // 4, 60)
    last = random.randrange(minutes * 3 // 4, minutes, 60)
    return ((0, count), (last, 0)) if first == 0 else ((0, 0), (first, count), (last, 0))
