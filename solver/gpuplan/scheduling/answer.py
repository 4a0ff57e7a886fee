"""From a settled fleet to the answer that is printed: hours and dates for minutes, dollars for their millionths."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version

from gpuplan.answer import plan_answer
from gpuplan.scheduling.choice import Choice
from gpuplan.scheduling.problem import MICRO, Placed, Task
from gpuplan.scheduling.result import FleetJobAnswer, FleetSolver, FleetTotals, ObjectiveAnswer
from gpuplan.scheduling.settle import Settled, lost_micro_usd
from gpuplan.scheduling.types import Fleet, FleetJob, KnownWork
from gpuplan.units import format_money

#: Unit of each objective, and how much of its whole numbers is one.
UNITS = {
    "cost": ("USD", MICRO),
    "value": ("USD", MICRO),
    "tardiness": ("hours x priority", 60),
    "makespan": ("hours", 60),
}
#: From this share on a job is said to be dearer than alone.
DEARER = 0.01


def date_of(fleet: Fleet, minute: float | None) -> str | None:
    """The date of a minute, where the calendar has dates."""
    if fleet.start is None or minute is None:
        return None
    return (fleet.start + timedelta(minutes=minute)).isoformat(timespec="minutes")


def objective_answers(fleet: Fleet, settled: Settled) -> list[ObjectiveAnswer]:
    """The objectives in their order; without a schedule with nothing."""
    levels = {level.name: level for level in settled.found.levels}
    lost = lost_micro_usd(fleet, settled.prepared)
    found = []
    for name in fleet.objectives:
        unit, scale = UNITS[name]
        level, more = levels.get(name), lost if scale == MICRO else 0
        value = None if level is None or level.value is None else (level.value + more) / scale
        bound = None if level is None or level.bound is None else (level.bound + more) / scale
        gap = None if value is None or bound is None else max(0.0, value - bound) / value if value else 0.0
        words = {"name": name, "value": value, "unit": unit, "bound": bound, "gap": gap}
        found.append(ObjectiveAnswer.model_validate(words))
    return found


def job_answers(fleet: Fleet, settled: Settled) -> list[FleetJobAnswer]:
    """All jobs in the order of the file."""
    tasks = {task.name: (task, index) for index, task in enumerate(settled.prepared.problem.tasks)}
    places = settled.places
    return [_job(fleet, settled, job, tasks.get(job.name), places.get(job.name)) for job in fleet.jobs]


def _job(
    fleet: Fleet, settled: Settled, job: FleetJob, task: tuple[Task, int] | None, place: tuple[Placed, Choice] | None
) -> FleetJobAnswer:
    known = isinstance(job.work, KnownWork)
    alone = None
    if task is not None and (cheapest := settled.prepared.alone[task[1]]) is not None:
        alone = task[0].modes[cheapest].cost_micro_usd / MICRO
    words: dict[str, object] = {
        "name": job.name,
        "status": "left out" if place is None else "planned",
        "model": None if isinstance(job.work, KnownWork) else job.work.architecture.name,
        "method": None if isinstance(job.work, KnownWork) else job.work.method.name,
        "priority": job.priority,
        "optional": job.value_usd is not None,
        "value_usd": job.value_usd,
        "after": list(job.after),
        "release_hours": job.release / 60,
        "release_at": date_of(fleet, job.release),
        "deadline_hours": None if job.deadline is None else job.deadline / 60,
        "deadline_at": date_of(fleet, job.deadline),
        "may_be_late": job.may_be_late,
        "alone_usd": alone,
        "modes": 0 if task is None else len(task[0].modes),
        "why": _why(settled, job, task, place, alone),
    }
    placed = _placed(fleet, job, place, task[0]) if place is not None and task is not None else dict.fromkeys(_PLACED)
    plan = None if place is None or place[1].plan is None or known else plan_answer(place[1].plan)
    return FleetJobAnswer.model_validate({**words, **placed, "plan": plan})


#: What only a job with a place has.
_PLACED = (
    "start_hours",
    "start_at",
    "end_hours",
    "end_at",
    "hours",
    "late_hours",
    "slack_hours",
    "order_by_hours",
    "order_by_at",
    "source",
    "source_kind",
    "gpu",
    "gpus",
    "nodes",
    "provider",
    "region",
    "cost_usd",
    "cost_usd_at_confidence",
)


def _placed(fleet: Fleet, job: FleetJob, place: tuple[Placed, Choice], task: Task) -> dict[str, object]:
    placed, choice = place
    mode = task.modes[placed.mode]
    end = placed.start + mode.minutes
    late = None if job.deadline is None else max(0, end - job.deadline)
    slack = None if job.deadline is None or late else (job.deadline - end) / 60
    order = placed.start - choice.lead_minutes if choice.kind == "rented" else None
    offer, rented = choice.offer, choice.kind == "rented"
    values = (
        placed.start / 60,
        date_of(fleet, placed.start),
        end / 60,
        date_of(fleet, end),
        mode.minutes / 60,
        None if late is None else late / 60,
        slack,
        None if order is None else order / 60,
        date_of(fleet, order),
        choice.source,
        choice.kind,
        offer.node.accelerator.name,
        choice.gpus,
        choice.nodes,
        offer.provider.name if rented else None,
        offer.region if rented else None,
        mode.cost_micro_usd / MICRO,
        mode.budget_micro_usd / MICRO,
    )
    return dict(zip(_PLACED, values, strict=True))


def _why(
    settled: Settled,
    job: FleetJob,
    task: tuple[Task, int] | None,
    place: tuple[Placed, Choice] | None,
    alone: float | None,
) -> str | None:
    """Why a job is left out, or dearer than alone."""
    if task is None:
        return settled.prepared.without.get(job.name)
    if place is None:
        if settled.found.schedule is None:
            return None
        if alone is None:
            return "no plan of it ends in time, even alone"
        if job.value_usd is not None and job.value_usd < alone:
            return (
                f"its value of {format_money(job.value_usd)} is less than the {format_money(alone)} it costs at least"
            )
        return "others are worth more of what is shared"
    cost = task[0].modes[place[0].mode].cost_micro_usd / MICRO
    cheapest = settled.prepared.alone[task[1]]
    if alone is None or cheapest is None or cost <= alone * (1 + DEARER):
        return None
    choice = settled.prepared.choices[task[1]][cheapest]
    where = f"{choice.nodes} x {choice.offer.node.name} of {choice.source}"
    return f"alone it would cost {format_money(alone)} on {where}, which others need more, or which would end too late"


def totals(fleet: Fleet, settled: Settled, jobs: Sequence[FleetJobAnswer]) -> FleetTotals | None:
    """The schedule in figures."""
    if settled.found.schedule is None:
        return None
    done = [job for job in jobs if job.status == "planned"]
    rented = [job for job in done if job.source_kind == "rented"]
    late = [job.late_hours for job in done if job.late_hours]
    return FleetTotals(
        jobs=len(jobs),
        planned=len(done),
        left_out=len(jobs) - len(done),
        late=len(late),
        cost_usd=sum(job.cost_usd or 0.0 for job in done),
        cost_usd_at_confidence=sum(job.cost_usd_at_confidence or 0.0 for job in done),
        rent_usd=sum(job.cost_usd or 0.0 for job in rented),
        gpu_hours=sum((job.gpus or 0) * (job.hours or 0.0) for job in done),
        rented_gpu_hours=sum((job.gpus or 0) * (job.hours or 0.0) for job in rented),
        makespan_hours=max((job.end_hours or 0.0 for job in done), default=0.0),
        late_hours=sum(late),
        value_usd=sum(job.value_usd or 0.0 for job in done),
    )


def solver_answer(fleet: Fleet, settled: Settled, worth_seconds: float) -> FleetSolver:
    """Who decided, how, and how long it took."""
    prepared, found = settled.prepared, settled.found
    sizes = [len(task.modes) for task in prepared.problem.tasks]
    return FleetSolver(
        proof=found.proof or "nothing was proved",
        tasks=len(sizes),
        modes=sum(sizes),
        modes_of_one=max(sizes, default=0),
        plans_looked_at=prepared.plans_looked_at,
        rounds=settled.rounds,
        mode_seconds=settled.mode_seconds,
        schedule_seconds=settled.schedule_seconds,
        worth_seconds=worth_seconds,
        workers=fleet.workers or os.cpu_count() or 1,
        seed=fleet.seed,
        stopped=found.stopped,
        reproducible=found.stopped is None and found.reproducible,
        versions={name: version(name) for name in ("gpuplan", "ortools", "numpy")}
        | {"python": platform.python_version()},
    )
