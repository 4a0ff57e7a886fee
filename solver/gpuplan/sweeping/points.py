"""From an outcome to a point of a curve; and what can be said of a whole curve: what changes where, and where its knee is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpuplan.answer import plan_answer
from gpuplan.ask import Asker
from gpuplan.explain import Explanation, explain
from gpuplan.job import Job
from gpuplan.outcome import result_of
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.reasons import reason_of
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import SweepPoint, key_of
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Mark:
    """Where a point stands: what was varied (None on a frontier), its value in a unit, and as text."""

    series: str
    over: str | None
    at: float | None
    unit: str | None
    text: str

    @property
    def key(self) -> str:
        """What tells it from every other point of a sweep; on a frontier only of its end."""
        return key_of(self.series, self.at)


def point_of(
    mark: Mark,
    job: Job,
    outcome: Outcome,
    offers: Sequence[Offer],
    why: Explanation | None = None,
    proved_at: float | None = None,
    reason: str | None = None,
    other: Plan | None = None,
) -> SweepPoint:
    """The answer of `solve` for `job`, at its place on a curve; `why` explains that there is no plan.

    `other` is a better plan under another framework than the default.
    """
    plan = None if outcome.plan is None else replace(outcome.plan, job=job)
    outcome = replace(outcome, plan=plan)
    found = result_of(job, outcome, offers, "sweep")
    extra: dict[str, Any] = {}
    if other is not None:
        extra["other_framework"] = plan_answer(replace(other, job=job))
    if why is not None:
        extra |= {"conflict": why.conflict, "relaxations": why.relaxations, "undecided": why.undecided}
    return SweepPoint(
        **dict(found) | extra,
        series=mark.series,
        over=mark.over,
        at=mark.at,
        at_unit=mark.unit,
        at_text=mark.text,
        hours_at_confidence=None if plan is None else _deadline_hours(plan),
        cost_usd_at_confidence=None if plan is None else plan.cost_at_confidence_usd,
        proved_at=proved_at,
        reason=reason if why is None else reason_of(why.conflict, why.relaxations),
    )


def explained(job: Job, offers: Sequence[Offer], ask: Asker) -> Explanation:
    """Why a point has no plan: a question of its own, with a time of its own."""
    ask.extend(job.search.time_limit_seconds)
    return explain(job, offers, ask)


def _deadline_hours(plan: Plan) -> float:
    return plan.deadline_clock_seconds(plan.step_factor, plan.deviations) / 3600


# -- a whole curve -------------------------------------------------------------------------------------------------------------
def finished(points: Sequence[SweepPoint], objectives: Sequence[str] = ()) -> list[SweepPoint]:
    """The points of one curve with what changes at each; and with its knee, where two `objectives` are given.

    The knee is the point with the least product of both objectives: from there on a per cent less of one costs more than a per
    cent of the other.
    """
    knee = _knee(points, objectives) if objectives else None
    found: list[SweepPoint] = []
    before: PlanAnswer | None = None
    for index, point in enumerate(points):
        said = [] if before is None or point.plan is None else changes(before, point.plan)
        found.append(point.model_copy(update={"changes": said, "knee": index == knee}))
        before = point.plan or before
    return found


def _knee(points: Sequence[SweepPoint], objectives: Sequence[str]) -> int | None:
    """Where the product is least, which must be between two other points."""
    products = [value_of(point, objectives[0]) * value_of(point, objectives[1]) for point in points if point.plan]
    if len(products) < 3:
        return None
    least = min(range(len(products)), key=products.__getitem__)
    return least if 0 < least < len(products) - 1 else None


def value_of(point: SweepPoint, objective: str) -> float:
    """An objective of a point with a plan: USD, hours or GPUs."""
    if point.plan is None or point.hours_at_confidence is None:
        raise ValueError(f"the point {point.at_text} has no plan")
    values = {
        "cost": point.plan.prediction.cost_usd,
        "time": point.plan.prediction.total_hours,
        "deadline": point.hours_at_confidence,
        "gpus": float(point.plan.gpus),
    }
    return values[objective]


def changes(before: PlanAnswer, after: PlanAnswer) -> list[str]:
    """What is different between two plans, the most important first."""
    pairs = {
        "GPU": (before.offer.gpu, after.offer.gpu),
        "provider": (before.offer.provider, after.offer.provider),
        "region": (before.offer.region, after.offer.region),
        "pricing": (before.offer.pricing, after.offer.pricing),
        "node": (before.offer.node, after.offer.node),
        "nodes": (before.nodes, after.nodes),
        "GPUs": (before.gpus, after.gpus),
        "framework": (before.layout.framework, after.layout.framework),
        "layout": (layout_words(before), layout_words(after)),
    }
    return [f"{name}: {old} -> {new}" for name, (old, new) in pairs.items() if old != new]


#: Degrees of a layout by their usual names, those of one left out.
_DEGREES = {
    "TP": "tensor_parallel",
    "PP": "pipeline_parallel",
    "VP": "virtual_stages",
    "CP": "context_parallel",
    "DP": "data_parallel",
    "EP": "expert_parallel",
}


def layout_words(plan: PlanAnswer) -> str:
    """A layout in short: "TP 2 x DP 8, ZeRO 3, micro-batch 4, global batch 64, recompute full"."""
    layout = plan.layout
    degrees = [f"{name} {value}" for name, field in _DEGREES.items() if (value := getattr(layout, field)) > 1]
    said = [" x ".join(degrees) or "one GPU"]
    if layout.zero_stage:
        said.append(f"ZeRO {layout.zero_stage}")
    said += [f"micro-batch {layout.micro_batch}", f"global batch {layout.global_batch}"]
    said += [f"recompute {layout.recompute}"] if layout.recompute != "none" else []
    said += [f"offload {layout.offload}"] if layout.offload != "none" else []
    return ", ".join(said)


__all__ = [
    "Mark",
    "changes",
    "explained",
    "finished",
    "layout_words",
    "point_of",
    "value_of",
]
