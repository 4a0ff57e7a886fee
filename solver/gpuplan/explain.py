"""Why nothing fits: a minimal set of limits that conflict, and for each limit the smallest change that makes a plan exist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from gpuplan.answer import plan_answer
from gpuplan.job import Job, Limits
from gpuplan.layout import other_frameworks
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.result import AlsoLifted, Relaxation
from gpuplan.selection import outside, selected
from gpuplan.verify import violations
from gpuplan_hardware import Offer

#: Stated when no limit of the user is to blame: no offer in the selection can hold the job at all.
NO_OFFER = "offers"
#: More nodes than anyone has in one fabric.
MOST_NODES = 100_000


@dataclass(frozen=True)
class Limit:
    """A limit that can be lifted: the field of `Limits`, the objective whose least value is its smallest relaxation."""

    name: str
    field: str
    objective: str
    unit: str
    scale: float = 1.0


#: In the order in which the deletion filter tries to lift them.
LIMITS = (
    Limit("deadline", "deadline_seconds", "time_at_confidence", "hours", 1 / 3600),
    Limit("budget", "budget_usd", "cost_at_confidence", "USD"),
    Limit("max_gpus", "max_gpus", "gpus", "GPUs"),
    Limit("max_nodes", "max_nodes", "nodes", "nodes"),
)


@dataclass(frozen=True)
class Switch:
    """A change of what the user asked about, beside limits: it is off unless `on` of the job is the job itself.

    `reason` is what `space.outside` calls the offers that it lets in; None where it lets in what the rules refuse.
    """

    name: str
    on: Callable[[Job], Job]
    reason: str | None


def _limit_switch(name: str, value: Any, reason: str | None) -> Switch:
    return Switch(name, lambda job: replace(job, limits=replace(job.limits, **{name: value})), reason)


def _precision_switch(before: str, after: str) -> Switch:
    """The next format that more accelerators compute in."""
    change = lambda job: replace(job, precision=after) if job.precision == before else job  # noqa: E731
    return Switch(f"precision_{after}", change, "precision")


SWITCHES = {
    switch.name: switch
    for switch in (
        _limit_switch("allow_unknown_host", True, None),
        _limit_switch("marketplace", True, "marketplace"),
        _limit_switch("deadline_from", "start", "lead_time"),
        _limit_switch("available_within_seconds", None, "lead_time"),
        _limit_switch("providers", None, "provider"),
        _limit_switch("regions", None, "region"),
        _precision_switch("fp8", "bf16"),
        _precision_switch("bf16", "fp16"),
    )
}


@dataclass(frozen=True)
class Explanation:
    """Limits that conflict (a minimal set), and relaxations, cheapest plan first.

    Where no single limit is enough, each is relaxed with all others lifted, and those the plan breaks are named.
    """

    conflict: list[str]
    relaxations: list[Relaxation]


def explain(job: Job, offers: Sequence[Offer]) -> Explanation:
    """Explain why `job` has no plan among `offers`.

    The conflict comes from a deletion filter: a limit is dropped for good when the others alone still leave no plan. What is left
    is minimal: without any one of them there is a plan.
    """
    given = [limit for limit in LIMITS if getattr(job.limits, limit.field) is not None]
    if _outcome(job, offers, given, "gpus").plan is None:
        return Explanation([NO_OFFER], _ways_out(job, offers, _switches(job, offers, given)))
    conflict = list(given)
    for limit in given:
        lifted = [other for other in given if other not in conflict] + [limit]
        if _outcome(job, offers, lifted, "gpus").plan is None:
            conflict.remove(limit)
    return Explanation([limit.name for limit in conflict], _ways_out(job, offers, _fewest(job, offers, given)))


def _ways_out(job: Job, offers: Sequence[Offer], changes: Sequence[Relaxation]) -> list[Relaxation]:
    """Changes of what the user said, more nodes than are sold, another framework: cheapest plan first."""
    found = [*changes, *_more_nodes(job, offers), *_other_framework(job, offers)]
    return sorted(found, key=lambda relaxation: (relaxation.plan.prediction.cost_usd, relaxation.limit))


def _fewest(job: Job, offers: Sequence[Offer], given: Sequence[Limit]) -> list[Relaxation]:
    """Smallest relaxation of each limit, with as few others lifted beside it as lead to a plan at all."""
    for more in range(len(given)):
        found = [
            relaxation
            for limit in given
            for others in combinations([other for other in given if other is not limit], more)
            if (relaxation := _relax(job, offers, limit, [limit, *others])) is not None
            and (more == 0 or relaxation.to > relaxation.from_)
        ]
        if found:
            return found
    return []


def _more_nodes(job: Job, offers: Sequence[Offer]) -> list[Relaxation]:
    """The plan with the fewest nodes if offers with a known fabric came in any number: what nobody sells today in one piece."""
    endless = [replace(o, max_nodes=MOST_NODES) if o.node.network is not None else o for o in offers]
    plan = find(job, endless, "nodes").plan
    sold = {offer.id: offer.max_nodes for offer in offers}
    if plan is None:
        return []
    most = sold[plan.offer.id]
    answer = plan_answer(replace(plan, offer=replace(plan.offer, max_nodes=most)))
    return [Relaxation(limit="offer_nodes", **{"from": most}, to=plan.nodes * job.parallel, unit="nodes", plan=answer)]


def _other_framework(job: Job, offers: Sequence[Offer]) -> list[Relaxation]:
    """The best plan of another framework than the default, under all limits."""
    if job.framework is not None:
        return []
    outcomes = [find(replace(job, framework=framework), offers) for framework in other_frameworks(job)]
    best = min((o for o in outcomes if o.plan is not None), key=lambda o: o.value or 0.0, default=None)
    if best is None or best.plan is None:
        return []
    plan = plan_answer(replace(best.plan, job=job))
    return [Relaxation(limit="framework", **{"from": 0}, to=1, unit="switch", plan=plan)]


def _switches(job: Job, offers: Sequence[Offer], given: Sequence[Limit]) -> list[Relaxation]:
    """The fewest switches of the user that let in offers which hold the job, each with the plan it leads to, cheapest first.

    Where no switches help under the limits, the fewest that help without them.
    """
    reasons = {reason for offer in offers for reason in outside(job, offer)}
    off = [s for s in SWITCHES.values() if s.on(job) != job and (s.reason is None or s.reason in reasons)]
    for lifted in ((), given):
        for size in range(1, len(off) + 1):
            tried = [_switched(job, offers, switches, lifted) for switches in combinations(off, size)]
            found = [relaxation for relaxation in tried if relaxation is not None]
            if found:
                return sorted(found, key=lambda relaxation: relaxation.plan.prediction.cost_usd)
    return []


def _switched(
    job: Job, offers: Sequence[Offer], switches: Sequence[Switch], lifted: Sequence[Limit]
) -> Relaxation | None:
    for switch in switches:
        job = switch.on(job)
    plan = _outcome(job, offers, lifted, job.objectives[0]).plan
    if plan is None:
        return None
    asked = replace(plan, job=job)
    also = [AlsoLifted(limit=switch.name, to=1, unit="switch") for switch in switches[1:]]
    return Relaxation(
        limit=switches[0].name,
        **{"from": 0},
        to=1,
        unit="switch",
        also_lifted=[*also, *_needed(asked, lifted)],
        plan=plan_answer(asked),
    )


def _needed(plan: Plan, lifted: Sequence[Limit]) -> list[AlsoLifted]:
    """What a plan needs of those limits that it breaks."""
    broken = {quantity.rule: quantity.required for quantity in violations(plan)}
    return [
        AlsoLifted(limit=limit.name, to=broken[limit.name] * limit.scale, unit=limit.unit)
        for limit in lifted
        if limit.name in broken
    ]


def _relax(job: Job, offers: Sequence[Offer], limit: Limit, lifted: Sequence[Limit]) -> Relaxation | None:
    """Least value of `limit` with which a plan exists when `lifted` are out of force; None if that does not help."""
    from_start = limit.field == "deadline_seconds" and job.limits.deadline_from == "start"
    outcome = _outcome(job, _without_wait(job, offers) if from_start else offers, lifted, limit.objective)
    if outcome.plan is None or outcome.value is None:
        return None
    original = next(offer for offer in offers if offer.id == outcome.plan.offer.id)
    plan = replace(outcome.plan, job=job, offer=original)
    needed = outcome.value
    if limit.field == "deadline_seconds":
        needed = plan.deadline_clock_seconds(plan.step_factor)
    elif limit.field in ("max_gpus", "max_nodes"):
        needed *= job.parallel
    before = getattr(job.limits, limit.field)
    return Relaxation(
        limit=limit.name,
        **{"from": before * limit.scale},
        to=needed * limit.scale,
        unit=limit.unit,
        also_lifted=_needed(plan, [other for other in lifted if other is not limit]),
        plan=plan_answer(plan),
    )


def _without_wait(job: Job, offers: Sequence[Offer]) -> list[Offer]:
    """Offers in the selection as a deadline from the start sees them: the wait before it does not count."""
    return [replace(offer, lead_time_seconds=0.0) for offer in offers if selected(job, offer)]


def _outcome(job: Job, offers: Sequence[Offer], lifted: Sequence[Limit], objective: str) -> Outcome:
    """Best plan with `lifted` limits out of force."""
    none: dict[str, Any] = {limit.field: None for limit in lifted}
    limits: Limits = replace(job.limits, **none)
    return find(replace(job, limits=limits), offers, objective)
