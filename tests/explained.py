"""What an explanation promises, held against further searches: the conflict is minimal, each relaxation is enough, and the least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from gpuplan.explain import NO_OFFER, Explanation
from gpuplan.job import Job, Pins
from gpuplan.pipeline import find
from gpuplan.plan import Plan
from gpuplan.relax import NODE_COUNTS, PINS, QUOTA, SWITCHES, Limit, given, without
from gpuplan.result import Relaxation
from gpuplan_hardware import Offer
from gpuplan_models import frameworks
from problems import Problem

#: A plan that meets a limit to within this share may be seen or not: the noise of floating point.
NOISE = 1e-8
#: Two costs of the same plan differ by less.
SAME = 1e-6


def fewer_pins(problem: Problem, most: int = 2) -> Job:
    """The job with at most some decisions taken: a user who has taken them all has nothing left to be told."""
    taken = {pin.field: getattr(problem.job.pins, pin.field) for pin in PINS if pin.given(problem.job)}
    return replace(problem.job, pins=Pins(**dict(list(taken.items())[:most])))


def cheapest(job: Job, offers: Sequence[Offer]) -> Plan | None:
    return find(job, offers, "cost").plan


def check(job: Job, offers: Sequence[Offer], answer: Explanation) -> None:
    """Hold all of an explanation that was given in time."""
    assert answer.undecided == []
    is_minimal(job, offers, answer.conflict)
    assert answer.relaxations or answer.conflict == [NO_OFFER]
    for relaxation in answer.relaxations:
        keep_promise(job, offers, relaxation)


def is_minimal(job: Job, offers: Sequence[Offer], conflict: Sequence[str]) -> None:
    """The limits of a conflict leave no plan, and without any one of them there is one."""
    every = {item.name: item for item in given(job)}
    if conflict == [NO_OFFER]:
        assert cheapest(without(job, every.values()), offers) is None
        return
    assert conflict and set(conflict) <= set(every)
    others = [item for name, item in every.items() if name not in conflict]
    assert cheapest(without(job, others), offers) is None
    for name in conflict:
        assert cheapest(without(job, [*others, every[name]]), offers) is not None


def keep_promise(job: Job, offers: Sequence[Offer], relaxation: Relaxation) -> None:
    """What a relaxation says leads to a plan that is no dearer than the one it names; and a hair less of a limit leads to none."""
    enough, less = _relaxed(job, offers, relaxation)
    found = find(*enough, "cost").plan
    assert found is not None
    assert found.cost_usd() <= relaxation.plan.prediction.cost_usd * (1 + SAME)
    if less is not None:
        assert find(*less, "cost").plan is None


def _relaxed(
    job: Job, offers: Sequence[Offer], relaxation: Relaxation
) -> tuple[tuple[Job, Sequence[Offer]], tuple[Job, Sequence[Offer]] | None]:
    """The question with what a relaxation says, and with a hair less where it is a number."""
    others = [other.limit for other in relaxation.also_lifted]
    items = {item.name: item for item in given(job)}
    eased = without(job, [items[name] for name in others if name in items])
    for name in others:
        eased = SWITCHES[name].on(eased) if name in SWITCHES else eased
    name = relaxation.limit
    enough, less = _in_base_units(relaxation)
    if name == "framework":
        return (replace(eased, framework=frameworks()[relaxation.plan.layout.framework]), offers), None
    if name == "offer_nodes":
        return (eased, _in_any_number(offers, round(enough))), (eased, _in_any_number(offers, round(less)))
    if relaxation.unit == "switch":
        return (SWITCHES[name].on(eased) if name in SWITCHES else items[name].lifted(eased), offers), None
    item = items[name]
    assert isinstance(item, Limit)
    if item == QUOTA:
        stated = [_quotas_at_least(eased, job, round(value)) for value in (enough, less)]
        return (stated[0], offers), (stated[1], offers)
    if item == NODE_COUNTS:
        return (item.set(eased, (*item.value(job), round(relaxation.to))), offers), None
    whole = item.unit in ("GPUs", "nodes")
    stated = [item.set(eased, round(value) if whole else value) for value in (enough, less)]
    return (stated[0], offers), (stated[1], offers)


def _quotas_at_least(eased: Job, job: Job, gpus: int) -> Job:
    quotas = tuple(replace(quota, gpus=max(gpus, quota.gpus)) for quota in job.limits.quotas)
    return replace(eased, limits=replace(eased.limits, quotas=quotas))


def _in_any_number(offers: Sequence[Offer], most: int) -> list[Offer]:
    return [replace(offer, max_nodes=max(most, offer.max_nodes)) if offer.node.network else offer for offer in offers]


def _in_base_units(relaxation: Relaxation) -> tuple[float, float]:
    """What is said to be enough, and a hundredth (or one) less."""
    if relaxation.limit == "max_tp":  # degrees double
        return relaxation.to, math.ceil(relaxation.to / 2)
    if relaxation.unit in ("GPUs", "nodes"):
        return relaxation.to, relaxation.to - 1
    if relaxation.unit == "share":  # here less is enough
        return relaxation.to * (1 - NOISE), relaxation.to * 1.01
    enough = relaxation.to * (3600 if relaxation.unit == "hours" else 1)
    return enough * (1 + NOISE), enough * 0.99
