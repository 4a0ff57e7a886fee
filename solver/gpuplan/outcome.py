"""From what was found, and how, to the answer that is printed."""

from __future__ import annotations

import platform
from collections.abc import Collection, Sequence
from importlib.metadata import version

from gpuplan.answer import limits_answer, plan_answer, rule_answer, tokens_answer
from gpuplan.ask import stopped
from gpuplan.buying import buying, currency_answer
from gpuplan.caveats import assumptions, left_out, warnings
from gpuplan.job import Job
from gpuplan.performance.constants import constants
from gpuplan.pipeline import Outcome
from gpuplan.result import Result, SolverAnswer
from gpuplan.verify import quantities
from gpuplan_hardware import Offer


def result_of(
    job: Job, outcome: Outcome, offers: Sequence[Offer], question: str = "solve", holding_back: Collection[str] = ()
) -> Result:
    """Write out an outcome without alternatives and explanation; `holding_back` names limits without which there is a better plan."""
    plan = outcome.plan
    return Result(
        status=outcome.status,
        question=question,
        model=job.architecture.name,
        method=job.method.name,
        precision=job.precision,
        weights=job.weights,
        objective_order=list(job.objectives),
        objective_name=outcome.objective.name,
        objective=outcome.value,
        objective_unit=outcome.objective.unit,
        bound=outcome.bound,
        confidence=job.confidence,
        tokens=tokens_answer(job),
        limits=limits_answer(job),
        trials=job.trials,
        parallel=job.parallel,
        plan=None if plan is None else plan_answer(plan),
        rules=[] if plan is None else [rule_answer(quantity, holding_back) for quantity in quantities(plan)],
        alternatives=[],
        alternatives_by=job.search.alternatives_by,
        buying=None if plan is None else buying(plan, offers),
        currency=currency_answer(plan, job.currency),
        conflict=[],
        undecided=[],
        relaxations=[],
        assumptions=assumptions(job, plan),
        warnings=[*left_out(job, offers, plan), *([] if plan is None else warnings(plan))],
        solver=solver_answer(outcome, offers),
    )


def solver_answer(outcome: Outcome, offers: Sequence[Offer]) -> SolverAnswer:
    """Who decided, how, and how long it took."""
    gap = None
    if outcome.value is not None and outcome.bound is not None:
        gap = max(0.0, (outcome.value - outcome.bound) / outcome.value) if outcome.value else 0.0
    dates, cut = [offer.as_of for offer in offers], stopped(outcome)
    return SolverAnswer(
        proof=outcome.proof,
        offers=len(offers),
        offers_listed=len(offers),
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
        stopped=cut,
        reproducible=cut is None,
        catalogue_as_of=max(dates).isoformat() if dates else None,
        constants_as_of=constants().as_of,
    )
