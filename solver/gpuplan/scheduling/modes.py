"""From a fleet to its problem in whole numbers: the modes of every job are its exact non-dominated set over all that it may run on.

On every stock and offer, for every number of nodes, the fastest layout under each framework stands for all others (see `fastest`); of
all these a job keeps those that no other one beats in time, money and what it takes of what is shared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from gpuplan.ask import Asker
from gpuplan.explain import explain
from gpuplan.job import Job
from gpuplan.reasons import reason_of
from gpuplan.scheduling.choice import Choice
from gpuplan.scheduling.fastest import Family, Known, kin
from gpuplan.scheduling.options import Options, earliest, known_options, plan_of, training_options, unbeaten, units
from gpuplan.scheduling.problem import MICRO, Mode, Problem, Resource, Task
from gpuplan.scheduling.sources import Market, Shared, Source
from gpuplan.scheduling.types import Fleet, FleetJob, KnownWork
from gpuplan_hardware import Offer

#: Most time for the reason why a job cannot be done at all.
REASON_SECONDS = 5.0


@dataclass(frozen=True)
class Prepared:
    """A fleet's problem, and what is behind it.

    Attributes
    ----------
    problem
        A task for every job that can be done at all, in the order of the fleet, with the job's name.
    choices
        What each mode of each task stands for, parallel to the modes.
    resources
        What each resource of the problem is.
    alone
        Index of each task's cheapest mode that fits into some moment of the calendar before its deadline, if no other job needed
        anything; None where there is none.
    without
        Names of jobs that cannot be done at all, by why.
    plans_looked_at
        Clusters of which the best plan was looked at.
    seconds
        How long it took.
    """

    problem: Problem
    choices: tuple[tuple[Choice, ...], ...]
    resources: tuple[Shared, ...]
    alone: tuple[int | None, ...]
    without: dict[str, str] = field(default_factory=dict)
    plans_looked_at: int = 0
    seconds: float = 0.0


def prepare(
    fleet: Fleet,
    offers: Sequence[Offer] | None = None,
    limited: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
    known: Known | None = None,
) -> Prepared:
    """The problem of a fleet.

    Parameters
    ----------
    offers
        What may be rented, in place of what each job says.
    limited
        Ids of offers of which the jobs together may use no more nodes than one job may; of others each job may have as many.
    progress
        Is told how many jobs are done, of how many.
    known
        Keeps what was found for further calls.
    """
    start = time.perf_counter()
    market, known = Market(fleet, offers, limited), Known() if known is None else known
    sources = [market.sources(job) for job in fleet.jobs]
    resources = tuple(market.shared)
    found: dict[int, _Modes] = {}
    without: dict[str, str] = {}
    looked_at = 0
    for members in _families(fleet.jobs):
        family = _family(fleet.jobs, sources, members, known)
        for index in members:
            job = fleet.jobs[index]
            options = _options(job, sources[index], family)
            looked_at += len(options)
            modes = _modes(options, sources[index], family, resources)
            if modes.modes:
                found[index] = modes
            else:
                without[job.name] = _reason(job, sources[index], market, known)
            if progress is not None:
                progress(len(found) + len(without), len(fleet.jobs))
    _leave_out(fleet.jobs, found, without)
    shared = tuple(each.resource for each in resources)
    problem = _problem(fleet, {index: found[index].modes for index in sorted(found)}, shared)
    return Prepared(
        problem=problem,
        choices=tuple(found[index].choices for index in sorted(found)),
        resources=resources,
        alone=tuple(_alone(task, shared) for task in problem.tasks),
        without={job.name: without[job.name] for job in fleet.jobs if job.name in without},
        plans_looked_at=looked_at,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class _Modes:
    modes: tuple[Mode, ...]
    choices: tuple[Choice, ...]


def _families(jobs: Sequence[FleetJob]) -> list[list[int]]:
    """Jobs whose fastest layouts are the same, together."""
    found: dict[Hashable, list[int]] = {}
    for index, job in enumerate(jobs):
        found.setdefault(None if isinstance(job.work, KnownWork) else kin(job.work), []).append(index)
    return list(found.values())


def _family(
    jobs: Sequence[FleetJob], sources: Sequence[Sequence[Source]], members: Sequence[int], known: Known
) -> Family | None:
    """What the jobs have in common; None for known work."""
    work = jobs[members[0]].work
    if isinstance(work, KnownWork):
        return None
    offers = {source.offer.id: source.offer for index in members for source in sources[index]}
    return Family(work, [offers[name] for name in sorted(offers)], known)


def _options(job: FleetJob, sources: Sequence[Source], family: Family | None) -> Options:
    if isinstance(job.work, KnownWork):
        return known_options(sources, job.work)
    if family is None:
        raise ValueError(f"{job.name} is trained, which takes a family")
    return training_options(sources, family)


def _modes(options: Options, sources: Sequence[Source], family: Family | None, resources: Sequence[Shared]) -> _Modes:
    """The modes of a job, the cheapest first."""
    if not len(options):
        return _Modes((), ())
    used = units(options, sources, len(resources))
    most = np.array([each.resource.most for each in resources], dtype=np.int64)
    modes, choices = [], []
    for option in unbeaten(options, sources, used, most).tolist():
        source, first = sources[int(options.source[option])], earliest(sources[int(options.source[option])])
        uses = tuple((place, int(used[option, place])) for place in np.flatnonzero(used[option]).tolist())
        minutes, cost, budget = (int(column[option]) for column in (options.minutes, options.cost, options.budget))
        modes.append(Mode(minutes, cost, budget, uses, first))
        plan = None if family is None else plan_of(option, options, sources, family)
        choices.append(Choice(source.kind, source.name, source.offer, int(options.nodes[option]), plan, first))
    return _Modes(tuple(modes), tuple(choices))


def _problem(fleet: Fleet, modes: dict[int, tuple[Mode, ...]], resources: tuple[Resource, ...]) -> Problem:
    """The jobs that can be done, on what they share."""
    place = {fleet.jobs[index].name: number for number, index in enumerate(modes)}
    tasks = []
    for index, of_job in modes.items():
        job = fleet.jobs[index]
        tasks.append(
            Task(
                name=job.name,
                modes=of_job,
                release=job.release,
                deadline=None if job.may_be_late else job.deadline,
                due=job.deadline if job.may_be_late else None,
                priority=job.priority,
                value_micro_usd=None if job.value_usd is None else round(job.value_usd * MICRO),
                after=tuple(place[name] for name in job.after),
            )
        )
    budget = None if fleet.budget_usd is None else int(fleet.budget_usd * MICRO)
    return Problem(tuple(tasks), resources, budget, fleet.objectives)


def _leave_out(jobs: Sequence[FleetJob], found: dict[int, _Modes], without: dict[str, str]) -> None:
    """Move jobs that come after one which cannot be done to those, until none is left."""
    while True:
        waiting = {index: name for index in found for name in jobs[index].after if name in without}
        if not waiting:
            return
        for index, name in waiting.items():
            del found[index]
            without[jobs[index].name] = f"comes after {name}, which cannot be done"


def _reason(job: FleetJob, sources: Sequence[Source], market: Market, known: Known) -> str:
    """Why a job has no mode: what stands in the option of renting, or of the stock where nothing is rented."""
    if isinstance(job.work, KnownWork):
        names = job.work.like.limits.gpus
        kind = f" ({' or '.join(names)})" if names else ""
        return f"neither a stock nor an offer that is left has {job.work.gpus} GPUs{kind} for it"
    if not sources:
        return "no stock has GPUs that its own words admit" + (", and no offer is left" if market.fleet.rent else "")
    rented = tuple(source.offer for source in sources if source.kind == "rented")
    asked, offers = (market.under_quotas(sources[-1].job), rented) if rented else _priced(sources)
    key = (asked, tuple((offer.id, offer.price_usd_per_hour) for offer in offers))
    if key not in known.reasons:
        why = explain(asked, offers, Asker(offers, REASON_SECONDS))
        known.reasons[key] = reason_of(why.conflict, why.relaxations)
    return f"{'of what may be rented' if rented else 'on the stock'}: {known.reasons[key]}"


def _priced(sources: Sequence[Source]) -> tuple[Job, tuple[Offer, ...]]:
    """What is asked of the stock: on what is free no budget stands in the way, and any price will do."""
    job, offers = sources[0].job, tuple(source.offer for source in sources)
    free = tuple(replace(offer, price_usd_per_hour=1.0) for offer in offers if offer.price_usd_per_hour == 0)
    return (replace(job, limits=replace(job.limits, budget_usd=None)), free) if free else (job, offers)


def _alone(task: Task, resources: Sequence[Resource]) -> int | None:
    """Index of the cheapest mode that fits somewhere."""
    fitting = (index for index, mode in enumerate(task.modes) if _fits(task, mode, resources))
    return min(fitting, key=lambda index: task.modes[index].cost_micro_usd, default=None)


def _fits(task: Task, mode: Mode, resources: Sequence[Resource]) -> bool:
    """Whether a mode fits into the calendar by itself: at once, or where more becomes available."""
    ready = max(task.release, mode.earliest)
    changes = {minute for index, _ in mode.uses for minute, _ in resources[index].capacity}
    for start in sorted({ready, *(minute for minute in changes if minute > ready)}):
        end = start + mode.minutes
        if task.deadline is not None and end > task.deadline:
            return False
        if all(_least(resources[index], start, end) >= used for index, used in mode.uses):
            return True
    return False


def _least(resource: Resource, start: int, end: int) -> int:
    """Least capacity from a minute to another."""
    levels = pairwise((*resource.capacity, (end, 0)))
    return min(level for (minute, level), (until, _) in levels if minute < end and until > start)
