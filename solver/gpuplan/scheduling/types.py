"""A fleet, resolved: minutes from the start of the calendar, catalogue things instead of names. All of it is immutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gpuplan.job import Job
from gpuplan_hardware import Offer

#: (minute, units): so many from that minute on; the first is at minute 0, minutes ascend.
Calendar = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Stock:
    """Nodes that the user has, or has reserved.

    Attributes
    ----------
    name
        What the file calls it.
    kind
        "owned" nodes, or a "reserved" block: both are paid for, and cost what `offer` says of an hour (0 unless told otherwise).
    offer
        Its node shape, with the price of an hour of use, and the most nodes that one job may use as `max_nodes`: those of the best
        time, 1 where the network between them is unknown; its pricing is "owned".
    nodes
        How many there are, over time; none after the end of a block.
    """

    name: str
    kind: Literal["owned", "reserved"]
    offer: Offer
    nodes: Calendar


@dataclass(frozen=True, slots=True)
class FleetQuota:
    """GPUs that may be rented at a time, by all jobs together; None stands for any provider, GPU or region."""

    name: str
    gpus: Calendar
    provider: str | None = None
    gpu: tuple[str, ...] | None = None
    region: str | None = None

    def counts(self, offer: Offer) -> bool:
        """Whether GPUs of an offer count against it."""
        return (
            (self.provider is None or self.provider == offer.provider.name)
            and (self.gpu is None or offer.node.accelerator.name in self.gpu)
            and (self.region is None or self.region == offer.region)
        )


@dataclass(frozen=True, slots=True)
class KnownWork:
    """Work of known length on GPUs of a kind, such as an evaluation: it runs wherever there are such GPUs.

    Attributes
    ----------
    minutes
        How long it takes once its nodes are up.
    gpus
        GPUs that it needs.
    like
        A training job whose limits and catalogue say which GPUs it runs on and what may be rented for it; nothing else of it is read.
    """

    minutes: int
    gpus: int
    like: Job


@dataclass(frozen=True, slots=True)
class FleetJob:
    """A job of the fleet.

    Attributes
    ----------
    work
        A training job, whose own deadline is left open (its other limits hold), or work of known length.
    deadline
        Minute by which it must have ended; where it `may_be_late`, by which it should.
    priority
        Weight of a minute of being late.
    value_usd
        What it is worth, where it is optional; None: it must be done.
    after
        Names of jobs that must have ended before it starts.
    stock_gpus
        Accelerators of the stock that it may use, where its own words say so; None: all. What the file says of rent is in the limits
        of `work` and does not hold for the stock.
    """

    name: str
    work: Job | KnownWork
    release: int = 0
    deadline: int | None = None
    may_be_late: bool = False
    priority: int = 1
    value_usd: float | None = None
    after: tuple[str, ...] = ()
    stock_gpus: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Jobs, what there is to run them on, and what is wanted.

    Attributes
    ----------
    stocks, quotas
        What the jobs share.
    rent
        Whether more may be rented, from the offers that each job's own limits and catalogue leave.
    budget_usd
        What all bills together may come to, at the asked confidence.
    objectives
        Of "cost", "tardiness", "makespan" and "value", the most important first.
    start
        Date of minute 0; None: the calendar has no dates.
    confidence
        Chance with which every job's end, and the budget, hold; None: point estimates.
    time_limit_seconds, workers, seed
        Of CP-SAT; `workers` 0 takes every core.
    worth
        Whether to ask what each shared limit costs.
    notes
        A sentence for each choice that the file leaves open.
    """

    jobs: tuple[FleetJob, ...]
    stocks: tuple[Stock, ...] = ()
    quotas: tuple[FleetQuota, ...] = ()
    rent: bool = True
    budget_usd: float | None = None
    objectives: tuple[str, ...] = ("cost",)
    start: datetime | None = None
    confidence: float | None = 0.9
    time_limit_seconds: float = 60.0
    workers: int = 0
    seed: int = 0
    worth: bool = True
    notes: tuple[str, ...] = field(default=())
