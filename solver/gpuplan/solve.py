"""The verb `solve`: the best cluster and layout for a job, with its proof, its neighbours and what it rests on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from gpuplan.answer import limits_answer, plan_answer, rule_answer, tokens_answer
from gpuplan.candidates import Physics
from gpuplan.catalogue import offers_for
from gpuplan.caveats import assumptions, left_out, warnings
from gpuplan.explain import explain
from gpuplan.job import Job, JobSpec, resolve
from gpuplan.layout import other_frameworks
from gpuplan.order import Order
from gpuplan.performance.constants import calibrated, constants, use_constants
from gpuplan.pipeline import Outcome, Stopwatch, find
from gpuplan.plan import Plan
from gpuplan.result import PlanAnswer, Result, SolverAnswer
from gpuplan.search import search
from gpuplan.space import build_space
from gpuplan.verify import quantities
from gpuplan_hardware import Offer
from gpuplan_models import frameworks

#: Another framework is named when it lowers the objective by more than this share.
WORTH_SAYING = 0.02


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
    clock = Stopwatch()
    job = resolve(spec, offers)
    found = offers_for(job, offers)
    clock.lap("read")
    with use_constants(calibrated(job.calibration)):
        return _solve(job, found, clock)


def _solve(job: Job, found: Sequence[Offer], clock: Stopwatch) -> Result:
    """The best plan with its neighbours, or the reason why there is none."""
    outcome = find(job, found)
    clock.include(outcome.seconds)
    update: dict[str, Any] = {}
    if outcome.plan is not None:
        better = _better_framework(job, found, outcome)
        update["other_framework"] = None if better is None else plan_answer(better)
        clock.lap("other_frameworks")
        update["alternatives"] = _alternatives(job, found, outcome.plan)
        clock.lap("alternatives")
    else:
        reason = explain(job, found)
        update |= {"conflict": reason.conflict, "relaxations": reason.relaxations}
        clock.lap("explanation")
    outcome.seconds = clock.laps
    return result_of(job, outcome, found).model_copy(update=update)


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
        warnings=[*left_out(job, offers, plan), *([] if plan is None else warnings(plan))],
        solver=solver_answer(outcome, offers),
    )


def _better_framework(job: Job, offers: Sequence[Offer], outcome: Outcome) -> Plan | None:
    """The best plan under another framework than the default, where it is better by more than `WORTH_SAYING`.

    The default is the user's to change, so it is said, not done.
    """
    if job.framework is not None or outcome.value is None:
        return None
    values = {}
    for framework in other_frameworks(job):
        physics = Physics(build_space(replace(job, framework=framework), offers))
        values[framework.name] = search(physics, Order.of((outcome.objective.name,))).value
    name = min(values, key=lambda key: values[key], default="")
    if not name or values[name] >= outcome.value * (1 - WORTH_SAYING):
        return None
    best = find(replace(job, framework=frameworks()[name]), offers)
    return None if best.plan is None else replace(best.plan, job=job)


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
