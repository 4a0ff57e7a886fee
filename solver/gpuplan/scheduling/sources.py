"""Where each job of a fleet may run: the stock that its own limits admit, and the offers that may be rented for it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gpuplan.catalogue import offers_for
from gpuplan.job import Job, Quota
from gpuplan.scheduling.choice import Kind
from gpuplan.scheduling.problem import Resource
from gpuplan.scheduling.types import Calendar, Fleet, FleetJob, FleetQuota, KnownWork, Stock
from gpuplan.selection import selected, selection_key, undominated
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Shared:
    """Something that jobs share.

    Attributes
    ----------
    units
        How many there are over time: nodes of a stock or an offer, GPUs of a quota.
    of
        What it is.
    """

    name: str
    kind: Literal["owned", "reserved", "quota", "offer"]
    unit: Literal["nodes", "GPUs"]
    units: Calendar
    of: Stock | FleetQuota | Offer

    @property
    def gpu(self) -> str | None:
        """The accelerator, where there is one only."""
        if isinstance(self.of, FleetQuota):
            return self.of.gpu[0] if self.of.gpu is not None and len(self.of.gpu) == 1 else None
        offer = self.of.offer if isinstance(self.of, Stock) else self.of
        return offer.node.accelerator.name

    @property
    def gpus_per_unit(self) -> int:
        """GPUs of a unit."""
        if isinstance(self.of, FleetQuota):
            return 1
        offer = self.of.offer if isinstance(self.of, Stock) else self.of
        return offer.node.gpus_per_node

    @property
    def resource(self) -> Resource:
        """The same in a problem."""
        return Resource(self.name, self.units)


@dataclass(frozen=True)
class Source:
    """Nodes of a kind that a job may use, and the job as it is asked there.

    Attributes
    ----------
    job
        The training job, or what known work is like; on stock without its limits on what is rented.
    shares
        Indices of what it uses of what is shared, and the units that a node takes of each.
    """

    kind: Kind
    name: str
    offer: Offer
    job: Job
    shares: tuple[tuple[int, int], ...]


class Market:
    """Finds the sources of every job; what jobs of the same words may rent is looked up once.

    Parameters
    ----------
    offers
        What may be rented, in place of what each job says.
    limited
        Ids of offers of which all jobs together may use no more nodes than one may.
    """

    def __init__(self, fleet: Fleet, offers: Sequence[Offer] | None, limited: Collection[str]) -> None:
        self.fleet, self._given, self._limited = fleet, offers, frozenset(limited)
        self._rented: dict[Hashable, tuple[Offer, ...]] = {}
        self.shared: list[Shared] = [
            *(Shared(one.name, one.kind, "nodes", one.nodes, one) for one in fleet.stocks),
            *(Shared(one.name, "quota", "GPUs", one.gpus, one) for one in fleet.quotas),
        ]
        self._place: dict[str, int] = {}

    def sources(self, one: FleetJob) -> list[Source]:
        """Every source of a job: the stocks in their order, then what may be rented."""
        job = one.work.like if isinstance(one.work, KnownWork) else one.work
        own = on_stock(job, one.stock_gpus)
        found = [
            Source(stock.kind, stock.name, stock.offer, own, ((place, 1),))
            for place, stock in enumerate(self.fleet.stocks)
            if selected(own, stock.offer)
        ]
        if not self.fleet.rent:
            return found
        job = to_rent(job)
        return found + [Source("rented", offer.id, offer, job, self._shares(offer)) for offer in self.rented(job)]

    def rented(self, job: Job) -> tuple[Offer, ...]:
        """Offers that the job's words leave; of those that use the same of what is shared, none that another one beats."""
        asked = self.under_quotas(job)
        key = (selection_key(asked), job.catalogue)
        if key not in self._rented:
            found = {offer.id: offer for offer in offers_for(asked, self._given)}
            if self._limited & found.keys():  # then also those that they stand for
                found |= {offer.id: offer for offer in offers_for(asked, self._given, self._limited)}
            alike: dict[Hashable, list[Offer]] = {}
            for offer in found.values():
                if selected(asked, offer):
                    alike.setdefault(self._shares(offer), []).append(offer)
            kept = [offer for group in alike.values() for offer in undominated(asked, group)]
            self._rented[key] = tuple(sorted(kept, key=lambda offer: offer.id))
        return self._rented[key]

    def under_quotas(self, job: Job) -> Job:
        """The job with the fleet's quotas as its own: so that regions with different ones do not stand for each other."""
        most = [(quota, max(units for _, units in quota.gpus)) for quota in self.fleet.quotas]
        quotas = tuple(Quota(units, quota.provider, quota.gpu, quota.region) for quota, units in most)
        return replace(job, limits=replace(job.limits, quotas=(*job.limits.quotas, *quotas)))

    def _shares(self, offer: Offer) -> tuple[tuple[int, int], ...]:
        """What nodes of a rented offer use of what is shared."""
        per_node = offer.node.gpus_per_node
        first = len(self.fleet.stocks)
        found = [(first + place, per_node) for place, quota in enumerate(self.fleet.quotas) if quota.counts(offer)]
        if offer.id in self._limited:
            if offer.id not in self._place:
                self._place[offer.id] = len(self.shared)
                self.shared.append(Shared(offer.id, "offer", "nodes", ((0, offer.max_nodes),), offer))
            found.append((self._place[offer.id], 1))
        return tuple(found)


def on_stock(job: Job, gpus: Sequence[str] | None) -> Job:
    """The job as it is asked on nodes that are there: limits on who sells what, where and how do not apply."""
    limits = replace(
        job.limits,
        gpus=None if gpus is None else tuple(gpus),
        exclude_gpus=(),
        providers=None,
        exclude_providers=(),
        regions=None,
        exclude_regions=(),
        residency=None,
        quotas=(),
        pricing=("owned",),
        available_within_seconds=None,
    )
    return replace(job, limits=limits)


def to_rent(job: Job) -> Job:
    """The job as it is asked of offers: its nodes are ordered in the calendar, so an offer must say how soon they are there."""
    return replace(job, limits=replace(job.limits, timed=True, deadline_from="order"))
