"""Replay a schedule minute by minute, from the fleet and the plans alone: no problem, no mode and nothing of a solver takes part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gpuplan.job import Job
from gpuplan.job.types import STARTUP_SECONDS
from gpuplan.performance.bill import billing_increment_seconds, minimum_billing_seconds
from gpuplan.plan import Plan
from gpuplan.scheduling.choice import Choice
from gpuplan.scheduling.types import Calendar, Fleet, FleetJob, KnownWork
from gpuplan.selection import outside
from gpuplan.verify import VerificationError, violations

#: Parts of a minute that are noise of the arithmetic.
NOISE = 1e-6
#: By so much money may pass a budget: a millionth of a dollar for every job is noise, too.
NOISE_USD = 1e-4
#: Words of a job that say what may be rented, and nothing about nodes that are there.
OF_RENT = ("gpu", "provider", "region", "residency", "pricing", "marketplace", "lead_time")


@dataclass(frozen=True)
class Run:
    """A job in a schedule: from which minute on it runs, and on what."""

    job: str
    start: int
    choice: Choice


@dataclass(frozen=True)
class Replay:
    """The objectives of a schedule, recomputed: USD, minutes times priority, minutes, USD; see `problem.value_of`."""

    cost: float
    tardiness: int
    makespan: int
    value: float


def verify_schedule(fleet: Fleet, runs: Sequence[Run]) -> Replay:
    """Check a schedule, and compute its objectives.

    Raises
    ------
    VerificationError
        Listing all that is wrong.
    """
    jobs = {job.name: job for job in fleet.jobs}
    wrong = [f"there is no job {run.job}" for run in runs if run.job not in jobs]
    known = [_Replayed(jobs[run.job], run) for run in runs if run.job in jobs]
    replayed = [one for one in known if one.whole]
    wrong += [f"{one.job.name} has no plan" for one in known if not one.whole]
    wrong += _not_once(fleet, known)
    for one in replayed:
        wrong += [
            f"{one.job.name} {sentence}" for sentence in (*_off_time(one), *_off_source(fleet, one), *_unfit(one))
        ]
    wrong += _out_of_order(replayed)
    wrong += _too_many(fleet, replayed)
    spent = sum(one.cost_usd(at_confidence=True) for one in replayed)
    if fleet.budget_usd is not None and spent > fleet.budget_usd + NOISE_USD:
        wrong.append(f"the bills may come to {spent:.6f} of {fleet.budget_usd:.6f} USD")
    if wrong:
        raise VerificationError("the schedule does not hold: " + "; ".join(wrong))
    return _objectives(fleet, replayed)


@dataclass(frozen=True)
class _Replayed:
    """A job and its run, with what follows from them."""

    job: FleetJob
    run: Run

    @property
    def choice(self) -> Choice:
        return self.run.choice

    @property
    def whole(self) -> bool:
        """Whether what is trained has a plan."""
        return isinstance(self.job.work, KnownWork) or self.choice.plan is not None

    @property
    def asked(self) -> Job:
        """Whose limits hold."""
        return self.job.work.like if isinstance(self.job.work, KnownWork) else self.job.work

    @property
    def rented(self) -> bool:
        return self.choice.kind == "rented"

    @cached_property
    def minutes(self) -> int:
        """How long the nodes are in use: from when they are there to the end, at the job's confidence."""
        if isinstance(self.job.work, KnownWork):
            seconds = self.job.work.minutes * 60 + STARTUP_SECONDS
        else:
            plan = self.plan
            lead = float(plan.clock.parts["lead_time"])
            seconds = plan.wall_seconds(plan.step_factor, plan.deviations) - lead
        return max(1, math.ceil(seconds / 60 - NOISE))

    @property
    def end(self) -> int:
        return self.run.start + self.minutes

    @cached_property
    def plan(self) -> Plan:
        """The plan under the limits of the fleet's job; on stock without its quotas, which are on what is rented."""
        if self.choice.plan is None:
            raise ValueError(f"{self.job.name} has no plan")
        limits = self.asked.limits if self.rented else replace(self.asked.limits, quotas=())
        return replace(self.choice.plan, job=replace(self.asked, limits=limits))

    @property
    def nodes(self) -> int:
        """Nodes in use: of training those of the plan, for each cluster at a time."""
        if isinstance(self.job.work, KnownWork):
            return self.choice.nodes
        return self.plan.nodes * self.asked.parallel

    def cost_usd(self, at_confidence: bool = False) -> float:
        """The bill."""
        if not isinstance(self.job.work, KnownWork):
            return self.plan.cost_at_confidence_usd if at_confidence else self.plan.cost_usd()
        offer, seconds = self.choice.offer, self.job.work.minutes * 60 + STARTUP_SECONDS
        step = billing_increment_seconds(offer)
        billed = math.ceil(seconds / step * (1 - 1e-9)) * step if step else seconds
        hours = max(billed, minimum_billing_seconds(offer)) / 3600
        return self.nodes * hours * offer.price_usd_per_hour


def _not_once(fleet: Fleet, replayed: Sequence[_Replayed]) -> list[str]:
    names = [one.job.name for one in replayed]
    twice = [f"{name} runs {names.count(name)} times" for name in dict.fromkeys(names) if names.count(name) > 1]
    missing = [job.name for job in fleet.jobs if job.value_usd is None and job.name not in names]
    return twice + [f"{name} does not run" for name in missing]


def _off_time(one: _Replayed) -> list[str]:
    """Starts too early, ends too late."""
    found, job, start = [], one.job, one.run.start
    if start < job.release:
        found.append(f"starts at minute {start}, released at {job.release}")
    lead = one.choice.offer.lead_time_seconds if one.rented else 0.0
    if lead is None:
        found.append("is on nodes of which nobody says how soon they can be had")
    elif start < lead / 60 - NOISE:
        found.append(f"starts at minute {start}, before its nodes are there, ordered at 0, at {lead / 60:g}")
    if job.deadline is not None and not job.may_be_late and one.end > job.deadline:
        found.append(f"ends at minute {one.end}, after its deadline at {job.deadline}")
    return found


def _off_source(fleet: Fleet, one: _Replayed) -> list[str]:
    """Is not on what it may use."""
    choice, offer = one.choice, one.choice.offer
    if one.rented:
        found = [] if fleet.rent else ["is rented, and nothing may be"]
        left_out = outside(one.asked, offer)
    else:
        stock = next((stock for stock in fleet.stocks if stock.name == choice.source), None)
        if stock is None:
            return [f"is on {choice.source}, which is no stock"]
        same = (stock.kind, stock.offer) == (choice.kind, offer)
        found = [] if same else [f"is on other nodes than those of {stock.name}"]
        gpu, gpus = offer.node.accelerator, one.job.stock_gpus
        left_out = [word for word in outside(one.asked, offer) if word not in OF_RENT]
        left_out += ["gpu"] if gpu.refused is not None or (gpus is not None and gpu.name not in gpus) else []
    return found + [f"is on {choice.source}, which its {word} leaves out" for word in left_out]


def _unfit(one: _Replayed) -> list[str]:
    """Is not the job, or breaks one of its rules."""
    choice, limits = one.choice, one.asked.limits
    if isinstance(one.job.work, KnownWork) or choice.plan is None:
        return _unfit_known(one)
    found = [
        f"breaks {broken.rule}: {broken.name} needs {broken.required:.6g} of {broken.available} {broken.unit}"
        for broken in violations(one.plan)
    ]
    if replace(choice.plan.job, limits=limits) != one.asked:
        found.append("has the plan of another job")
    if choice.plan.offer != choice.offer:
        found.append("has a plan on other nodes")
    if choice.nodes != one.nodes:
        found.append(f"has {choice.nodes} nodes, and its plan {one.nodes}")
    return found


def _unfit_known(one: _Replayed) -> list[str]:
    """Known work is not on what it needs, or breaks its limits."""
    choice, limits, node = one.choice, one.asked.limits, one.choice.offer.node
    needed = one.job.work.gpus if isinstance(one.job.work, KnownWork) else 0
    found = [] if choice.gpus >= needed else [f"has {choice.gpus} GPUs of {needed}"]
    if choice.offer.pricing == "spot":
        found.append("may be interrupted, and is not saved in between")
    if node.network is None and choice.nodes > 1 and choice.gpus > node.scale_up_gpus:
        found.append("is on several nodes, and nobody knows what joins them")
    for unit, has, most in (
        ("nodes", choice.nodes, limits.max_nodes),
        ("nodes", choice.nodes, choice.offer.max_nodes),
        ("GPUs", choice.gpus, limits.max_gpus),
        ("USD", one.cost_usd(), limits.budget_usd),
    ):
        found += [f"takes {has} of {most} {unit}"] if most is not None and has > most else []
    return found


def _out_of_order(replayed: Sequence[_Replayed]) -> list[str]:
    found, ends = [], {one.job.name: one.end for one in replayed}
    for one in replayed:
        for name in one.job.after:
            if name not in ends:
                found.append(f"{one.job.name} runs, and {name}, which it comes after, does not")
            elif ends[name] > one.run.start:
                found.append(
                    f"{one.job.name} starts at minute {one.run.start}, before the end of {name} at {ends[name]}"
                )
    return found


def _too_many(fleet: Fleet, replayed: Sequence[_Replayed]) -> list[str]:
    """More in use than there is at a minute: of each stock, each quota and each offer."""
    end = max((one.end for one in replayed), default=0)
    found: list[str] = []

    def hold(name: str, unit: str, units: Calendar, users: Iterable[tuple[_Replayed, int]]) -> None:
        in_use = np.zeros(end, dtype=np.int64)
        for one, used in users:
            in_use[max(0, one.run.start) : max(0, one.end)] += used
        over = np.flatnonzero(in_use > _each_minute(units, end))
        if len(over):
            minute = int(over[0])
            there = _each_minute(units, minute + 1)[minute]
            found.append(f"{in_use[minute]} of {there} {unit} of {name} are in use at minute {minute}")

    for stock in fleet.stocks:
        here = [one for one in replayed if not one.rented and one.choice.source == stock.name]
        hold(stock.name, "nodes", stock.nodes, ((one, one.nodes) for one in here))
    rented = [one for one in replayed if one.rented]
    for quota in fleet.quotas:
        counted = [one for one in rented if quota.counts(one.choice.offer)]
        gpus = ((one, one.nodes * one.choice.offer.node.gpus_per_node) for one in counted)
        hold(quota.name, "GPUs", quota.gpus, gpus)
    for offer in {one.choice.offer.id: one.choice.offer for one in rented}.values():
        users = ((one, one.nodes) for one in rented if one.choice.offer.id == offer.id)
        hold(offer.id, "nodes", ((0, offer.max_nodes),), users)
    return found


def _each_minute(units: Calendar, end: int) -> np.ndarray:
    """Units of a calendar at every minute before the end."""
    found = np.zeros(end, dtype=np.int64)
    for minute, count in units:
        found[minute:] = count
    return found


def _objectives(fleet: Fleet, replayed: Sequence[_Replayed]) -> Replay:
    done = {one.job.name for one in replayed}
    left_out = sum(job.value_usd or 0.0 for job in fleet.jobs if job.name not in done)
    late = [
        one.job.priority * max(0, one.end - one.job.deadline)
        for one in replayed
        if one.job.deadline is not None and one.job.may_be_late
    ]
    return Replay(
        cost=sum(one.cost_usd() for one in replayed) + left_out,
        tardiness=sum(late),
        makespan=max((one.end for one in replayed), default=0),
        value=left_out,
    )
