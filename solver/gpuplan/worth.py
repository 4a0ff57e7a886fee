"""What limits cost: what one unit more or less of each is worth in what is minimised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpuplan.answer import plan_answer
from gpuplan.ask import Asker
from gpuplan.job import Job
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.relax import LIMITS, Limit, in_time
from gpuplan.result import Worth

#: A value that is lower by less than this share is the same: the noise of floating point.
SAME = 1e-9
#: Units that are tried: an hour of deadline, a share of the budget, a node.
HOUR = 3600.0
BUDGET_SHARE = 0.05


@dataclass(frozen=True)
class Worths:
    """What limits are worth, names of those that hold the plan back, and names of those that were not looked at in time."""

    found: list[Worth]
    binding: set[str]
    undecided: list[str]


def worth(job: Job, outcome: Outcome, ask: Asker) -> Worths:
    """Solve again with one unit more of each limit that is given, and with one hour less of the deadline.

    A limit without which the best plan is no better is worth nothing, and one unit more of it is not tried. Where the plan without
    the limit needs no more than the unit, it is the best with the unit as well.
    """
    plan, value = outcome.plan, outcome.value
    answer = Worths([], set(), [])
    if plan is None or value is None or outcome.status != "optimal":
        return answer
    for limit in LIMITS:
        if not limit.given(job):
            continue
        for step in _steps(limit, job, plan):
            changed = _changed(job, limit, step, plan, value, ask)
            if changed is None:
                answer.undecided.append(f"worth of {limit.name}")
                break
            answer.found.extend(changed.found)
            answer.binding.update(changed.binding)
    return answer


def _steps(limit: Limit, job: Job, plan: Plan) -> Sequence[float]:
    """Changes that are tried, in the unit of the field of `Limits`."""
    if limit.name == "deadline":
        return (HOUR, -HOUR)
    if limit.name == "budget":
        return (BUDGET_SHARE * float(limit.value(job)),)
    nodes_at_once = float(job.parallel)
    return (nodes_at_once * plan.offer.node.gpus_per_node if limit.name == "max_gpus" else nodes_at_once,)


def _changed(job: Job, limit: Limit, step: float, plan: Plan, value: float, ask: Asker) -> Worths | None:
    """What one change of a limit is worth; None where the time is up. What leaves no plan has no worth."""
    to = float(limit.value(job)) + step
    if step < 0:
        if to <= 0:
            return Worths([], set(), [])
        if limit.needs(plan) <= to:
            return Worths([_worth(limit, step, to, value, value, None)], set(), [])
        return _asked(job, limit, step, to, value, ask(_under(job, limit, to)))
    free = ask(limit.lifted(job))
    if free is None or free.plan is None or free.value is None or free.status != "optimal":
        return None
    if free.value >= value - SAME * max(abs(value), 1.0):
        return Worths([_worth(limit, step, to, value, value, None)], set(), [])
    binding = {limit.name}
    freed = replace(free.plan, job=job)
    if limit.needs(freed) <= to:
        return Worths([_worth(limit, step, to, value, free.value, freed)], binding, [])
    found = _asked(job, limit, step, to, value, ask(_under(job, limit, to)))
    return None if found is None else replace(found, binding=binding)


def _under(job: Job, limit: Limit, value: float) -> Job:
    return limit.set(job, round(value) if limit.unit in ("GPUs", "nodes") else value)


def _asked(job: Job, limit: Limit, step: float, to: float, value: float, found: Outcome | None) -> Worths | None:
    if found is None or found.status not in ("optimal", "infeasible"):
        return None
    if found.plan is None or found.value is None:
        return Worths([], set(), [])
    return Worths([_worth(limit, step, to, value, found.value, replace(found.plan, job=job))], set(), [])


def _worth(limit: Limit, step: float, to: float, before: float, after: float, plan: Plan | None) -> Worth:
    saves = before - after
    same = abs(saves) <= SAME * max(abs(before), 1.0)
    return Worth(
        limit=limit.name,
        unit=limit.unit,
        step=step * limit.scale,
        to=to * limit.scale,
        objective=before if same else after,
        saves=0.0 if same else saves,
        plan=None if same or plan is None else plan_answer(in_time(plan)),
    )
