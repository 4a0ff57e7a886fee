"""Changes beside limits that lead to a plan: switches, more nodes than are sold, another framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from gpuplan.answer import plan_answer
from gpuplan.layout import other_frameworks
from gpuplan.question import Question
from gpuplan.relax import SWITCHES, Given, Switch, needed, without
from gpuplan.result import AlsoLifted, Relaxation
from gpuplan.selection import outside

#: More nodes than anyone has in one fabric.
MOST_NODES = 100_000


def ways_out(question: Question, changes: Sequence[Relaxation]) -> list[Relaxation]:
    """Changes of what the user said, more nodes than are sold, another framework: cheapest plan first."""
    found = [*_apart(changes), *_more_nodes(question), *_other_framework(question)]
    return sorted(found, key=lambda relaxation: (relaxation.plan.prediction.cost_usd, relaxation.limit))


def _apart(changes: Sequence[Relaxation]) -> list[Relaxation]:
    """The changes without those that are the same ones in another order, leading to the same plan."""
    seen: dict[object, Relaxation] = {}
    for change in changes:
        together = frozenset({change.limit, *(other.limit for other in change.also_lifted)})
        plan = (change.plan.offer.id, change.plan.nodes, str(change.plan.layout))
        seen.setdefault((together, plan) if change.also_lifted else change.limit, change)
    return list(seen.values())


def _more_nodes(question: Question) -> list[Relaxation]:
    """The plan with the fewest nodes if offers with a known fabric came in any number: what nobody sells today in one piece."""
    job, offers = question.job, question.offers
    endless = [replace(o, max_nodes=MOST_NODES) if o.node.network is not None else o for o in offers]
    outcome = question.ask(job, "nodes", endless)
    if outcome is None or outcome.status in ("unknown", "feasible"):
        question.open("offer_nodes")
    if outcome is None or outcome.plan is None:
        return []
    plan, most = outcome.plan, {offer.id: offer.max_nodes for offer in offers}[outcome.plan.offer.id]
    answer = plan_answer(replace(plan, job=job, offer=replace(plan.offer, max_nodes=most)))
    return [
        Relaxation(
            limit="offer_nodes",
            **{"from": most},
            to=plan.nodes * job.parallel,
            unit="nodes",
            smallest=outcome.status == "optimal",
            plan=answer,
        )
    ]


def _other_framework(question: Question) -> list[Relaxation]:
    """The best plan of another framework than the default, under all limits."""
    job = question.job
    if job.framework is not None:
        return []
    asked = [question.ask(replace(job, framework=framework)) for framework in other_frameworks(job)]
    if any(outcome is None or outcome.status in ("unknown", "feasible") for outcome in asked):
        question.open("framework")
    found = [outcome for outcome in asked if outcome is not None and outcome.plan is not None]
    best = min(found, key=lambda outcome: outcome.value or 0.0, default=None)
    if best is None or best.plan is None:
        return []
    plan = plan_answer(replace(best.plan, job=job))
    return [Relaxation(limit="framework", **{"from": 0}, to=1, unit="switch", plan=plan)]


def switches_on(question: Question, stated: Sequence[Given]) -> list[Relaxation]:
    """The fewest switches of the user that let in offers which hold the job, each with the plan it leads to, cheapest first.

    Where no switches help under the limits, the fewest that help without them.
    """
    job = question.job
    reasons = {reason for offer in question.offers for reason in outside(job, offer)}
    off = [s for s in SWITCHES.values() if s.on(job) != job and (s.reason is None or s.reason in reasons)]
    for lifted in ((), stated):
        if off and not _any_switches_help(question, off, lifted):
            continue
        for size in range(1, len(off) + 1):
            tried = [_switched(question, switches, lifted) for switches in combinations(off, size)]
            found = [relaxation for relaxation in tried if relaxation is not None]
            if found:
                return sorted(found, key=lambda relaxation: relaxation.plan.prediction.cost_usd)
    return []


def _any_switches_help(question: Question, off: Sequence[Switch], lifted: Sequence[Given]) -> bool:
    """Whether all switches together help: each but one of precision lets in more, so where all do not help, no few do."""
    job = without(question.job, lifted)
    for switch in off:
        job = job if switch.changes_precision else switch.on(job)
    jobs = [job, *(switch.on(job) for switch in off if switch.changes_precision)]
    outcomes = [question.ask(tried, "gpus") for tried in jobs]
    return any(outcome is None or outcome.status != "infeasible" for outcome in outcomes)


def _switched(question: Question, switches: Sequence[Switch], lifted: Sequence[Given]) -> Relaxation | None:
    """The best plan with switches on and limits lifted."""
    job = question.job
    for switch in switches:
        job = switch.on(job)
    outcome = question.ask(without(job, lifted), job.objectives[0])
    if outcome is None or outcome.status in ("unknown", "feasible"):
        question.open(switches[0].name)
    if outcome is None or outcome.plan is None:
        return None
    asked = replace(outcome.plan, job=job)
    also = [AlsoLifted(limit=switch.name, to=1, unit="switch") for switch in switches[1:]]
    return Relaxation(
        limit=switches[0].name,
        **{"from": 0},
        to=1,
        unit="switch",
        also_lifted=[*also, *needed(job, asked, lifted)],
        plan=plan_answer(asked),
    )
