"""The answer to `sweep` as flat rows, for CSV and data frames: a point or an offer each, units in the names, None is unknown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TypeVar

from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import BreakEvenAnswer, SweepPoint, SweepResult

Cell = float | int | str | bool | None
T = TypeVar("T")

#: Columns of a point: what was asked, and what came of it.
_POINT: dict[str, Callable[[SweepPoint], Cell]] = {
    "series": lambda point: point.series,
    "over": lambda point: point.over,
    "at": lambda point: point.at,
    "at_unit": lambda point: point.at_unit,
    "at_text": lambda point: point.at_text,
    "status": lambda point: point.status,
    "reason": lambda point: point.reason,
    "knee": lambda point: point.knee,
    "changes": lambda point: "; ".join(point.changes),
    "model": lambda point: point.model,
    "method": lambda point: point.method,
    "precision": lambda point: point.precision,
    "weights": lambda point: point.weights,
    "tokens": lambda point: point.tokens.tokens,
    "epochs": lambda point: point.tokens.epochs,
    "sequences": lambda point: point.tokens.sequences,
    "sequence_length_tokens": lambda point: point.tokens.sequence_length,
    "trials": lambda point: point.trials,
    "parallel": lambda point: point.parallel,
    "deadline_hours": lambda point: point.limits.deadline_hours,
    "budget_usd": lambda point: point.limits.budget_usd,
    "max_gpus": lambda point: point.limits.max_gpus,
    "max_nodes": lambda point: point.limits.max_nodes,
    "confidence": lambda point: point.confidence,
    "minimized": lambda point: point.objective_name,
    "objective": lambda point: point.objective,
    "objective_unit": lambda point: point.objective_unit,
    "bound": lambda point: point.bound,
    "gap": lambda point: point.solver.gap,
    "proved_at": lambda point: point.proved_at,
    "cost_usd_at_confidence": lambda point: point.cost_usd_at_confidence,
    "hours_at_confidence": lambda point: point.hours_at_confidence,
}
#: Columns of a plan, empty where there is none.
_PLAN: dict[str, Callable[[PlanAnswer], Cell]] = {
    "cost_usd": lambda plan: plan.prediction.cost_usd,
    "cost_usd_low": lambda plan: plan.prediction.cost_usd_interval.low,
    "cost_usd_high": lambda plan: plan.prediction.cost_usd_interval.high,
    "total_hours": lambda plan: plan.prediction.total_hours,
    "total_hours_low": lambda plan: plan.prediction.total_hours_interval.low,
    "total_hours_high": lambda plan: plan.prediction.total_hours_interval.high,
    "lead_time_hours": lambda plan: plan.offer.lead_time_hours,
    "on_time_probability": lambda plan: plan.prediction.on_time_probability,
    "gpus": lambda plan: plan.gpus,
    "gpus_used": lambda plan: plan.layout.gpus_used,
    "nodes": lambda plan: plan.nodes,
    "gpu": lambda plan: plan.offer.gpu,
    "gpus_per_node": lambda plan: plan.offer.gpus_per_node,
    "node": lambda plan: plan.offer.node,
    "provider": lambda plan: plan.offer.provider,
    "region": lambda plan: plan.offer.region,
    "pricing": lambda plan: plan.offer.pricing,
    "offer": lambda plan: plan.offer.id,
    "price_usd_per_node_hour": lambda plan: plan.offer.price_usd_per_hour,
    "price_as_of": lambda plan: plan.offer.price_as_of,
    "framework": lambda plan: plan.layout.framework,
    "tensor_parallel": lambda plan: plan.layout.tensor_parallel,
    "pipeline_parallel": lambda plan: plan.layout.pipeline_parallel,
    "virtual_stages": lambda plan: plan.layout.virtual_stages,
    "context_parallel": lambda plan: plan.layout.context_parallel,
    "data_parallel": lambda plan: plan.layout.data_parallel,
    "expert_parallel": lambda plan: plan.layout.expert_parallel,
    "expert_tensor_parallel": lambda plan: plan.layout.expert_tensor_parallel,
    "zero_stage": lambda plan: plan.layout.zero_stage,
    "micro_batch": lambda plan: plan.layout.micro_batch,
    "gradient_accumulation": lambda plan: plan.layout.gradient_accumulation,
    "global_batch": lambda plan: plan.layout.global_batch,
    "recompute": lambda plan: plan.layout.recompute,
    "offload": lambda plan: plan.layout.offload,
    "lighter_stages": lambda plan: plan.layout.lighter_stages,
    "step_seconds": lambda plan: plan.prediction.step_seconds,
    "steps": lambda plan: plan.prediction.steps,
    "tokens_per_second_per_gpu": lambda plan: plan.prediction.tokens_per_second_per_gpu,
    "model_flops_utilisation": lambda plan: plan.prediction.model_flops_utilisation,
    "memory_bytes": lambda plan: plan.prediction.memory.bytes,
    "memory_bytes_at_confidence": lambda plan: plan.prediction.memory.bound_bytes,
    "memory_bytes_usable": lambda plan: plan.prediction.memory.usable_bytes,
    "coverage": lambda plan: plan.prediction.coverage,
}
#: Columns of a break-even price; those of the plan at that price follow, and what it is held against.
_BREAK_EVEN: dict[str, Callable[[BreakEvenAnswer], Cell]] = {
    "priced_offer": lambda answer: answer.offer,
    "priced_gpu": lambda answer: answer.gpu,
    "priced_provider": lambda answer: answer.provider,
    "priced_gpus_per_node": lambda answer: answer.gpus_per_node,
    "listed_usd_per_gpu_hour": lambda answer: answer.listed_usd_per_gpu_hour,
    "break_even_usd_per_gpu_hour": lambda answer: answer.break_even_usd_per_gpu_hour,
    "change": lambda answer: answer.change,
    "wins_now": lambda answer: answer.wins_now,
    "proved": lambda answer: answer.proved,
}
_RIVAL = ("offer", "gpu", "gpus", "nodes", "cost_usd", "total_hours")


def columns(result: SweepResult) -> list[str]:
    """Names of the columns, also where there are no rows."""
    if result.question == "break-even":
        return [*_BREAK_EVEN, *_PLAN, *(f"rival_{name}" for name in _RIVAL)]
    return [*_POINT, *_PLAN]


def rows(result: SweepResult) -> list[dict[str, Cell]]:
    """The points, or the offers of a break-even question, a mapping each, with the same keys in the order of `columns`."""
    if result.question == "break-even":
        rival = _cells(result.rival)
        against = {f"rival_{name}": rival[name] for name in _RIVAL}
        return [_own(_BREAK_EVEN, one) | _cells(one.plan) | against for one in result.break_even]
    return [_own(_POINT, point) | _cells(point.plan) for point in result.points]


def as_csv(result: SweepResult) -> str:
    """The rows with a header; unknown is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns(result), lineterminator="\n")
    writer.writeheader()
    for row in rows(result):
        writer.writerow({name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()})
    return buffer.getvalue()


def _own(getters: dict[str, Callable[[T], Cell]], thing: T) -> dict[str, Cell]:
    return {name: get(thing) for name, get in getters.items()}


def _cells(plan: PlanAnswer | None) -> dict[str, Cell]:
    return dict.fromkeys(_PLAN) if plan is None else _own(_PLAN, plan)
