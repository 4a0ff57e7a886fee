"""Answers as flat rows, for CSV and data frames: what columns those of all verbs share, units in the names, None is unknown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gpuplan.result import PlanAnswer, Result

Cell = float | int | str | bool | None
T = TypeVar("T")

#: Columns of an answer: what was asked, and what came of it.
RESULT: dict[str, Callable[[Result], Cell]] = {
    "model": lambda result: result.model,
    "method": lambda result: result.method,
    "precision": lambda result: result.precision,
    "weights": lambda result: result.weights,
    "tokens": lambda result: result.tokens.tokens,
    "epochs": lambda result: result.tokens.epochs,
    "sequences": lambda result: result.tokens.sequences,
    "sequence_length_tokens": lambda result: result.tokens.sequence_length,
    "trials": lambda result: result.trials,
    "parallel": lambda result: result.parallel,
    "deadline_hours": lambda result: result.limits.deadline_hours,
    "budget_usd": lambda result: result.limits.budget_usd,
    "max_gpus": lambda result: result.limits.max_gpus,
    "max_nodes": lambda result: result.limits.max_nodes,
    "confidence": lambda result: result.confidence,
    "minimized": lambda result: result.objective_name,
    "objective": lambda result: result.objective,
    "objective_unit": lambda result: result.objective_unit,
    "bound": lambda result: result.bound,
    "gap": lambda result: result.solver.gap,
}
#: Columns of a plan, empty where there is none.
PLAN: dict[str, Callable[[PlanAnswer], Cell]] = {
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


def cells(getters: Mapping[str, Callable[[T], Cell]], thing: T) -> dict[str, Cell]:
    """One row."""
    return {name: get(thing) for name, get in getters.items()}


def plan_cells(plan: PlanAnswer | None) -> dict[str, Cell]:
    """The columns of `PLAN`."""
    return dict.fromkeys(PLAN) if plan is None else cells(PLAN, plan)


def text_of(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]], header: bool = True) -> str:
    """Rows as CSV; unknown is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    for row in rows:
        writer.writerow({name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()})
    return buffer.getvalue()
