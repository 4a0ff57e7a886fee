"""The verb `solve`: the best cluster and layout for a job, with its proof, its neighbours and what it rests on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gpuplan.answer import plan_answer
from gpuplan.ask import INTERRUPTED, Asker, unasked
from gpuplan.better import better_framework
from gpuplan.catalogue import listed, offers_for
from gpuplan.explain import explain
from gpuplan.job import Job, JobSpec, resolve_all
from gpuplan.outcome import result_of
from gpuplan.performance.constants import calibrated, use_constants
from gpuplan.pipeline import Outcome, Stopwatch
from gpuplan.plan import Plan
from gpuplan.result import PlanAnswer, Result
from gpuplan.several import combined
from gpuplan.worth import worth
from gpuplan_hardware import Offer

#: Of several choices each gets this much time at least.
LEAST_SECONDS = 0.01


def solve(spec: Job | Sequence[Job] | JobSpec | Mapping[str, Any], offers: Sequence[Offer] | None = None) -> Result:
    """Find the best plan for a job and prove it.

    Parameters
    ----------
    spec
        The job: a mapping or `JobSpec` with the fields of the command line, or a resolved `Job`; or several of these that differ
        in method and precision alone (see `gpuplan.job.resolve_all`).
    offers
        Offers to choose from instead of the built-in ones.

    Returns
    -------
    Result
        With `status` "optimal", "infeasible" (then `conflict` and `relaxations` say why), or "feasible" when the time limit or an
        interrupt (Ctrl-C) ended the proof. Where method or precision are left open, `choices` has one answer for each.

    Raises
    ------
    InputError
        If a field of the job cannot be used.
    """
    clock = Stopwatch()
    jobs = resolve_all(spec, offers) if isinstance(spec, (Job, JobSpec, Mapping)) else list(spec)
    found = offers_for(jobs[0], offers)
    clock.lap("read")
    with use_constants(calibrated(jobs[0].calibration)):
        result = answer_of(jobs, Asker(found, 0.0), clock)
    solver = result.solver.model_copy(update={"offers_listed": listed(jobs[0], offers)})
    return result.model_copy(update={"solver": solver})


def answer_of(jobs: Sequence[Job], asker: Asker, clock: Stopwatch, neighbours: bool = True) -> Result:
    """Answer a job, or several that differ in method and precision alone.

    Parameters
    ----------
    jobs
        At least one; all with the same time limit and offers.
    asker
        Whose offers are chosen from; what it has computed of such jobs is used, and kept for the next.
    clock
        Runs since the question was put.
    neighbours
        Whether to look for alternatives, and for what the limits are worth.
    """
    if len(jobs) == 1:
        return _solve(jobs[0], asker, clock, neighbours)
    end = time.monotonic() + jobs[0].search.time_limit_seconds
    results: list[Result] = []
    for index, job in enumerate(jobs):
        if any(result.solver.stopped == INTERRUPTED for result in results):
            results.append(result_of(job, unasked(job, asker.offers), asker.offers))
            continue
        share = max(LEAST_SECONDS, (end - time.monotonic()) / (len(jobs) - index))  # what one leaves, others have
        limited = replace(job, search=replace(job.search, time_limit_seconds=share))
        results.append(_solve(limited, asker, Stopwatch(), neighbours))
    return combined(results)


def _solve(job: Job, asker: Asker, clock: Stopwatch, neighbours: bool) -> Result:
    """The best plan with its neighbours, or the reason why there is none."""
    found, ask = asker.offers, asker.among(asker.offers)
    ask.extend(job.search.time_limit_seconds)
    outcome = ask(job) or unasked(job, found)
    clock.include(outcome.seconds)
    update: dict[str, Any] = {}
    holding_back: set[str] = set()
    if outcome.plan is not None and ask.stopped != INTERRUPTED:
        better = better_framework(job, outcome, ask)
        update["other_framework"] = None if better is None else plan_answer(better)
        clock.lap("other_frameworks")
        if neighbours:
            found_near, holding_back = _neighbours(job, outcome, ask, clock)
            update |= found_near
    elif outcome.status == "infeasible":
        ask.extend(job.search.time_limit_seconds)  # why there is no plan is a question of its own
        reason = explain(job, found, ask)
        update |= {"conflict": reason.conflict, "relaxations": reason.relaxations, "undecided": reason.undecided}
        clock.lap("explanation")
    outcome.seconds = clock.laps
    result = result_of(job, outcome, found, holding_back=holding_back)
    solver = result.solver.model_copy(update={"stopped": ask.stopped, "reproducible": ask.stopped is None})
    return result.model_copy(update=update | {"solver": solver})


def _neighbours(job: Job, outcome: Outcome, ask: Asker, clock: Stopwatch) -> tuple[dict[str, Any], set[str]]:
    """What the limits are worth, and the next-best plans; also the limits that hold the best plan back."""
    worths = worth(job, outcome, ask)
    clock.lap("worth")
    alternatives, complete = ([], True) if outcome.plan is None else _alternatives(job, outcome.plan, ask)
    clock.lap("alternatives")
    undecided = [*worths.undecided, *([] if complete else ["alternatives"])]
    return {"worth": worths.found, "alternatives": alternatives, "undecided": undecided}, worths.binding


def _alternatives(job: Job, best: Plan, ask: Asker) -> tuple[list[PlanAnswer], bool]:
    """Next-best plans, each with a GPU, provider or layout that none before it has; each is a proved optimum of what is left.

    Also whether all were looked for that are asked for.
    """
    shown = [best]
    while len(shown) <= job.search.alternatives:
        outcome = ask(_without(job, shown))
        if outcome is None or outcome.status not in ("optimal", "infeasible"):
            return [plan_answer(plan) for plan in shown[1:]], False
        if outcome.plan is None:
            break
        shown.append(replace(outcome.plan, job=job))
    return [plan_answer(plan) for plan in shown[1:]], True


def _without(job: Job, shown: Sequence[Plan]) -> Job:
    """The job with what has been shown left out."""
    limits, by = job.limits, job.search.alternatives_by
    if by == "provider":
        names = (*limits.exclude_providers, *(plan.offer.provider.name for plan in shown))
        return replace(job, limits=replace(limits, exclude_providers=names))
    if by == "layout":
        degrees = (*limits.exclude_layouts, *(plan.layout.degrees for plan in shown))
        return replace(job, limits=replace(limits, exclude_layouts=degrees))
    gpus = (*limits.exclude_gpus, *(plan.offer.node.accelerator.name for plan in shown))
    return replace(job, limits=replace(limits, exclude_gpus=gpus))
