"""The verb `solve`: the best cluster and layout for a job, with its proof, its neighbours and what it rests on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from gpuplan.answer import limits_answer, plan_answer, rule_answer, today, tokens_answer
from gpuplan.candidates import Physics
from gpuplan.catalogue import offers_for
from gpuplan.explain import explain
from gpuplan.job import Job, JobSpec, resolve
from gpuplan.layout import default_framework, obstacle
from gpuplan.performance.clock import minimum_billing_seconds
from gpuplan.performance.constants import constants
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.result import PlanAnswer, Result, SolverAnswer
from gpuplan.search import search
from gpuplan.space import build_space
from gpuplan.verify import quantities
from gpuplan_hardware import Offer
from gpuplan_models import Framework, frameworks

#: A price older than this is called old.
OLD_PRICE_DAYS = 180
#: Another framework is named when it lowers the objective by more than this share.
WORTH_SAYING = 0.02
#: Billing in longer steps than this is said.
COARSE_BILLING_SECONDS = 60.0


def solve(spec: Job | JobSpec | Mapping[str, Any], offers: Sequence[Offer] | None = None) -> Result:
    """Find the best plan for a job and prove it.

    Parameters
    ----------
    spec
        The job: a mapping or `JobSpec` with the fields of the command line, or a resolved `Job`.
    offers
        Offers to choose from instead of the built-in ones.

    Returns
    -------
    Result
        With `status` "optimal", "infeasible" (then `conflict` and `relaxations` say why), or "feasible" when the time limit
        ended the proof.

    Raises
    ------
    InputError
        If a field of the job cannot be used.
    """
    job = resolve(spec, offers)
    found = offers_for(job, offers)
    outcome = find(job, found)
    result = result_of(job, outcome, found)
    if outcome.plan is not None:
        better = _better_framework(job, found, outcome)
        update = {"alternatives": _alternatives(job, found, outcome.plan), "warnings": [*better, *result.warnings]}
        return result.model_copy(update=update)
    reason = explain(job, found)
    return result.model_copy(update={"conflict": reason.conflict, "relaxations": reason.relaxations})


def result_of(job: Job, outcome: Outcome, offers: Sequence[Offer], question: str = "solve") -> Result:
    """Write out an outcome without alternatives and explanation."""
    plan = outcome.plan
    return Result(
        status=outcome.status,
        question=question,
        model=job.architecture.name,
        method=job.method.name,
        objective_name=outcome.objective.name,
        objective=outcome.value,
        objective_unit=outcome.objective.unit,
        bound=outcome.bound,
        confidence=job.confidence,
        tokens=tokens_answer(job),
        limits=limits_answer(job.limits),
        trials=job.trials,
        parallel=job.parallel,
        plan=None if plan is None else plan_answer(plan),
        rules=[] if plan is None else [rule_answer(quantity) for quantity in quantities(plan)],
        alternatives=[],
        conflict=[],
        undecided=[],
        relaxations=[],
        assumptions=assumptions(job, plan),
        warnings=[] if plan is None else warnings(plan),
        solver=solver_answer(outcome, offers),
    )


def _better_framework(job: Job, offers: Sequence[Offer], outcome: Outcome) -> list[str]:
    """What another framework than the default would save; the default is the user's to change, so it is said, not done."""
    if job.framework is not None or outcome.value is None:
        return []
    values = {}
    for framework in _worth_trying(job):
        physics = Physics(build_space(replace(job, framework=framework), offers))
        values[framework.name] = search(physics, outcome.objective).value
    name = min(values, key=lambda key: values[key], default="")
    if not name or values[name] >= outcome.value * (1 - WORTH_SAYING):
        return []
    best = find(replace(job, framework=frameworks()[name]), offers)
    plan = best.plan
    if plan is None or best.value is None:
        return []
    less = 1 - best.value / outcome.value
    what = f"{plan.gpus} x {plan.offer.node.accelerator.name} for ${plan.cost_usd():,.2f} in {plan.wall_seconds() / 3600:.1f} h"
    return [f"{less:.0%} less {outcome.objective.name} with --framework {name} in place of the default: {what}"]


def _worth_trying(job: Job) -> list[Framework]:
    """Frameworks that run the job and may do better than the default.

    The default's space holds every layout of the framework that it takes without model parallelism; and where one framework covers
    another, the other cannot be better.
    """
    adapters = job.method.trains == "adapters"
    tried = frameworks()[default_framework(job, model_parallel=False)]
    able = [tried]
    for framework in frameworks().values():
        if obstacle(framework, job) is None and not any(other.covers(framework, adapters) for other in able):
            able = [other for other in able if other is tried or not framework.covers(other, adapters)] + [framework]
    return able[1:]


def _alternatives(job: Job, offers: Sequence[Offer], best: Plan) -> list[PlanAnswer]:
    """Next-best plans, each on an accelerator that none before it uses; each is a proved optimum of what is left."""
    used = [best.offer.node.accelerator.name]
    found: list[PlanAnswer] = []
    while len(found) < job.search.alternatives:
        without = replace(job.limits, exclude_gpus=(*job.limits.exclude_gpus, *used))
        plan = find(replace(job, limits=without), offers).plan
        if plan is None:
            break
        used.append(plan.offer.node.accelerator.name)
        found.append(plan_answer(replace(plan, job=job)))
    return found


def assumptions(job: Job, plan: Plan | None) -> list[str]:
    """What the answer rests on beside the user's own words."""
    said = list(job.assumptions)
    if plan is not None:
        said.append(f"framework {plan.framework.title}")
        if plan.host.volume_bytes > 0:
            volume = plan.host.volume_bytes / 1e9
            said.append(
                f"a network volume of {volume:,.0f} GB per node, priced with the nodes, holds what the local disk does not"
            )
    return said


def warnings(plan: Plan) -> list[str]:
    """What the reader must know before signing."""
    said = []
    name, framework = plan.offer.node.accelerator.name, plan.framework.title
    if plan.framework.stand_in:
        said.append(
            f"no published runs of {framework} stand behind the constants; those of its nearest relative stand in"
        )
    if plan.prediction.coverage == "extrapolated":
        said.append(f"too few published runs stand behind {name} or {framework}; time and memory are extrapolated")
    elif plan.prediction.coverage == "transferred" and not plan.framework.stand_in:
        said.append(f"no published runs combine {name} with {framework}; constants of each are put together")
    if plan.offer.lead_time_seconds is None:
        said.append(
            f"{plan.offer.id} is sold by {plan.offer.lead_time}, and how long that takes is not stated: time counts without it"
        )
    said.extend(_billing_warnings(plan))
    age = (today() - plan.offer.as_of).days
    if age > OLD_PRICE_DAYS:
        said.append(f"the price of {plan.offer.id} is {age} days old ({plan.offer.as_of}); ask before you order")
    if plan.job.global_batches == (plan.layout.global_batch,) and plan.layout.data == plan.layout.global_batch:
        said.append(f"the global batch of {plan.layout.global_batch} sequences caps data parallelism")
    return said


def _billing_warnings(plan: Plan) -> list[str]:
    """Where the least bill decides, or is not known, or time is billed in coarse steps."""
    offer, least = plan.offer, plan.clock.least_billed_seconds
    said = []
    used = float(plan.clock.billed_fixed_seconds + plan.clock.billed_slope * plan.training_seconds)
    if used < least:
        known = offer.provider.minimum_billing_seconds is not None
        why = f"{offer.provider.name}'s least" if known else f"assumed, as {offer.provider.name}'s least is unknown"
        said.append(
            f"billed for {minimum_billing_seconds(offer) / 60:g} minutes ({why}), though it runs {used / plan.job.parallel / 60:.0f}"
        )
    step = offer.provider.billing_increment_seconds or 0.0
    if offer.pricing != "owned" and step > COARSE_BILLING_SECONDS:
        more = step / 3600 * plan.nodes * plan.job.parallel * plan.host.price_usd_per_node_hour
        said.append(f"{offer.provider.name} bills in steps of {step / 60:g} minutes: up to ${more:,.2f} more")
    return said


def solver_answer(outcome: Outcome, offers: Sequence[Offer]) -> SolverAnswer:
    """Who decided, how, and how long it took."""
    gap = None
    if outcome.value is not None and outcome.bound is not None:
        gap = max(0.0, (outcome.value - outcome.bound) / outcome.value) if outcome.value else 0.0
    dates = [offer.as_of for offer in offers]
    return SolverAnswer(
        proof=outcome.proof,
        offers=len(offers),
        machine_classes=len(outcome.space.machines),
        machine_classes_excluded_by_bound=outcome.skipped_machines,
        layouts_evaluated=outcome.layouts,
        pairs_left_to_cp_sat=outcome.pairs,
        cp_sat_literals=outcome.literals,
        cp_sat_status=outcome.cp_sat_status,
        gap=gap,
        rounding_bound=outcome.rounding_bound,
        largest_activity=outcome.largest_activity,
        seconds=outcome.seconds,
        versions={name: version(name) for name in ("gpuplan", "ortools", "numpy")}
        | {"python": platform.python_version()},
        catalogue_as_of=max(dates).isoformat() if dates else None,
        constants_as_of=constants().as_of,
    )
