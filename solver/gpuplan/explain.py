"""Why nothing fits: a minimal set of limits that conflict, and for each limit the smallest change that makes a plan exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from gpuplan.answer import plan_answer
from gpuplan.job import Job, Limits
from gpuplan.layout import other_frameworks
from gpuplan.pipeline import Outcome, find
from gpuplan.result import Relaxation
from gpuplan.space import selected
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


#: What the user may allow beside limits: the field of `Limits` and the value that lets more offers in.
SWITCHES: dict[str, Any] = {"allow_unknown_host": True, "marketplace": True, "deadline_from": "start"}


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
        changes = [*_switches(job, offers, given), *_more_nodes(job, offers), *_other_framework(job, offers)]
        return Explanation([NO_OFFER], changes)
    conflict = list(given)
    for limit in given:
        lifted = [other for other in given if other not in conflict] + [limit]
        if _outcome(job, offers, lifted, "gpus").plan is None:
            conflict.remove(limit)
    relaxations = [found for limit in given if (found := _relax(job, offers, limit, [limit])) is not None]
    if not relaxations:
        together = [found for limit in given if (found := _relax(job, offers, limit, given)) is not None]
        relaxations = [found for found in together if found.to > found.from_]
    relaxations += [*_more_nodes(job, offers), *_other_framework(job, offers)]
    return Explanation(
        [limit.name for limit in conflict], sorted(relaxations, key=lambda r: (r.plan.prediction.cost_usd, r.limit))
    )


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
    off = [name for name, on in SWITCHES.items() if getattr(job.limits, name) != on]
    for lifted in ((), given):
        for size in range(1, len(off) + 1):
            tried = [_switched(job, offers, names, lifted) for names in combinations(off, size)]
            found = [relaxation for relaxation in tried if relaxation is not None]
            if found:
                return sorted(found, key=lambda relaxation: relaxation.plan.prediction.cost_usd)
    return []


def _switched(job: Job, offers: Sequence[Offer], names: tuple[str, ...], lifted: Sequence[Limit]) -> Relaxation | None:
    on: dict[str, Any] = {name: SWITCHES[name] for name in names} | {limit.field: None for limit in lifted}
    plan = find(replace(job, limits=replace(job.limits, **on)), offers).plan
    if plan is None:
        return None
    asked = replace(plan, job=job)
    broken = {quantity.rule for quantity in violations(replace(plan, job=_switch_on(job, names)))}
    return Relaxation(
        limit=names[0],
        **{"from": 0},
        to=1,
        unit="switch",
        also_lifted=[*names[1:], *(limit.name for limit in lifted if limit.name in broken)],
        plan=plan_answer(asked),
    )


def _switch_on(job: Job, names: Sequence[str]) -> Job:
    on: dict[str, Any] = {name: SWITCHES[name] for name in names}
    return replace(job, limits=replace(job.limits, **on))


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
    broken = {quantity.rule for quantity in violations(plan)}
    return Relaxation(
        limit=limit.name,
        **{"from": before * limit.scale},
        to=needed * limit.scale,
        unit=limit.unit,
        also_lifted=[other.name for other in lifted if other is not limit and other.name in broken],
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
