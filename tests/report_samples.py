"""Answers with round figures for the tests of the report."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from gpuplan.report.text import render
from gpuplan.result import BuyingAnswer, CommitmentAnswer, PlanAnswer, QuotaAnswer, Relaxation, Result, RuleAnswer

GIB = 2.0**30


def plan(gpu: str = "H100-SXM", hours: float = 2.8, usd: float = 139.0, *, measured: bool = True) -> PlanAnswer:
    """One node of eight GPUs, with round figures."""
    interval = {"point": hours, "low": hours * 0.85, "high": hours * 1.18}
    return PlanAnswer.model_validate(
        {
            "offer": {
                "id": "nebius/gpu-8/eu-north1/on-demand",
                "provider": "nebius",
                "region": "eu-north1",
                "pricing": "on-demand",
                "node": "gpu-8",
                "gpu": gpu,
                "gpus_per_node": 8,
                "price_usd_per_hour": 23.6,
                "price_as_of": "2025-08-01",
                "lead_time": "instant",
                "lead_time_hours": 0.0,
                "minimum_billing_seconds": 60.0,
                "price_age_days": 476,
                "max_nodes": 32,
                "intra_node": "nvswitch 450 GB/s per GPU",
                "network": "infiniband 50 GB/s per GPU",
                "source": "a price list",
            },
            "nodes": 1,
            "gpus": 8,
            "layout": {
                "framework": "megatron",
                "tensor_parallel": 2,
                "pipeline_parallel": 1,
                "data_parallel": 4,
                "expert_parallel": 1,
                "zero_stage": 1,
                "micro_batch": 2,
                "gradient_accumulation": 32,
                "global_batch": 256,
                "recompute": "none",
                "gpus_used": 8,
                "stage_layers": [28],
            },
            "prediction": {
                "step_seconds": 40.0,
                "step_seconds_interval": {"point": 40.0, "low": 34.0, "high": 47.0},
                "step_parts_seconds": {"matmul": 35.0, "a_new_part": 4.9, "fixed": 0.1},
                "steps": 239,
                "total_hours": hours,
                "total_hours_interval": interval,
                "time_parts_hours": {"provisioning": hours / 10, "training": hours * 0.9, "evaluation": 0.0},
                "cost_usd": usd,
                "cost_usd_interval": {"point": usd, "low": usd * 0.85, "high": usd * 1.17},
                "cost_parts_usd": {"nodes": usd - 0.4, "network_volume": 0.4},
                "on_time_probability": 0.97,
                "tokens_per_second_per_gpu": 6592.0,
                "model_flops_utilisation": 0.46,
                "memory": {
                    "bytes": 40 * GIB,
                    "bound_bytes": 50 * GIB,
                    "usable_bytes": 79 * GIB,
                    "worst_stage": "first",
                    "parts_bytes": {"weights": 30 * GIB, "activations": 10 * GIB, "gradients": 0.0},
                },
                "coverage": "measured" if measured else "extrapolated",
            },
            "host": {
                "required_vcpus": 18,
                "available_vcpus": None,
                "required_ram_bytes": 56 * GIB,
                "available_ram_bytes": 1600 * GIB,
                "required_storage_bytes": 67e9,
                "available_nvme_bytes": None,
                "rented_volume_bytes": 67e9,
                "required_network_bytes_per_second": 1e9,
                "available_network_bytes_per_second": 0.625e9,
            },
        }
    )


def rule(
    rule: str, name: str, required: float, available: float | None, unit: str, *, satisfied: bool | None = None
) -> RuleAnswer:
    """A rule's answer as the solver writes it."""
    holds = available is not None and required <= available
    share = required / available if available else None
    return RuleAnswer(
        rule=rule,
        name=name,
        required=required,
        available=available,
        unit=unit,
        used_share=share,
        satisfied=holds if satisfied is None else satisfied,
        binding=holds and share is not None and share > 0.995,
    )


def answer(**changes: Any) -> Result:
    """A solved job, with changes."""
    solved = Result.model_validate(
        {
            "status": "optimal",
            "question": "solve",
            "model": "deepseek-r1-distill-qwen-7b",
            "method": "lora",
            "precision": "bf16",
            "weights": "bf16",
            "objective_order": ["cost", "gpus", "time"],
            "objective_name": "cost",
            "objective": 139.0,
            "objective_unit": "USD",
            "bound": 139.0,
            "confidence": 0.9,
            "tokens": {
                "tokens": 250e6,
                "low": 208e6,
                "high": 333e6,
                "basis": "1 GB at 4.0 bytes per token",
                "epochs": 1.0,
                "sequences": 61036,
                "sequence_length": 4096,
            },
            "limits": {
                "deadline_hours": 24.0,
                "deadline_from": "order",
                "budget_usd": None,
                "max_gpus": None,
                "max_nodes": None,
            },
            "trials": 1,
            "parallel": 1,
            "plan": plan(),
            "rules": [
                rule("memory", "memory of the worst GPU", 50 * GIB, 79 * GIB, "bytes"),
                rule("deadline", "time to the deadline", 24 * 3600.0, 24 * 3600.0, "seconds"),
                rule("budget", "cost", 160.0, None, "USD", satisfied=True),
                rule("step_time", "step time against the sum of its parts", 40.0, 40.0, "seconds"),
            ],
            "alternatives": [plan("H200-SXM", 2.5, 152.9), plan("L4", 20.0, 278.0, measured=False)],
            "conflict": [],
            "undecided": [],
            "relaxations": [],
            "assumptions": ["LoRA rank 16", "no contingency"],
            "warnings": ["the price of nebius/gpu-8 is 476 days old (2025-08-01); ask before you order"],
            "solver": {
                "proof": "CP-SAT proved that no plan is better",
                "offers": 103,
                "machine_classes": 44,
                "machine_classes_excluded_by_bound": 28,
                "layouts_evaluated": 23583,
                "pairs_left_to_cp_sat": 12,
                "cp_sat_literals": 16,
                "cp_sat_status": "optimal",
                "gap": 0.0,
                "rounding_bound": 1.9e-6,
                "largest_activity": 2**50,
                "seconds": {"incumbent": 0.04, "cp_sat": 0.01},
                "versions": {"gpuplan": "0.1.0"},
                "catalogue_as_of": "2026-10-07",
                "constants_as_of": "2026-11-20",
            },
        }
    )
    return solved.model_copy(update=changes)


def infeasible(conflict: list[str], relaxations: list[Relaxation]) -> Result:
    """No plan under limits of which `relaxations` say what they were."""
    fields = {"deadline": "deadline_hours", "budget": "budget_usd"}
    given = {fields.get(change.limit, change.limit): change.from_ for change in relaxations}
    solved = answer(
        status="infeasible", plan=None, rules=[], alternatives=[], conflict=conflict, relaxations=relaxations
    )
    return solved.model_copy(update={"limits": solved.limits.model_copy(update=given)})


def relaxation(limit: str, before: float, to: float, unit: str) -> Relaxation:
    return Relaxation.model_validate({"limit": limit, "from": before, "to": to, "unit": unit, "plan": plan()})


def quota(**changes: Any) -> QuotaAnswer:
    """Eight GPUs of a quota that new accounts have none of."""
    return QuotaAnswer.model_validate(
        {
            "name": "GPUs of a region",
            "unit": "GPUs",
            "code": "Q-1",
            "amount": 8,
            "region": "eu-north1",
            "default_amount": 0.0,
            "how": "https://example.org/quotas",
            "note": "Per account.",
            "source": "a manual",
            "as_of": "2026-11-01",
            "basis": "datasheet",
        }
        | changes
    )


def commitment(**changes: Any) -> CommitmentAnswer:
    """A year at 60 % of the price on demand."""
    return CommitmentAnswer.model_validate(
        {
            "pricing": "reserved-1y",
            "offer": "nebius/gpu-8/eu-north1/reserved-1y",
            "region": "eu-north1",
            "price_usd_per_hour": 14.16,
            "price_as_of": "2026-11-01",
            "term_hours": 8760.0,
            "total_usd": 124_041.6,
            "used_share": 0.0003,
            "on_demand_usd_per_hour": 23.6,
            "wins_from_utilisation": 0.6,
            "chosen": False,
        }
        | changes
    )


def buying(**changes: Any) -> BuyingAnswer:
    """How to order the plan of `answer`."""
    return BuyingAnswer.model_validate(
        {
            "ask_for": [quota()],
            "lead_time": "instant",
            "commitments": [],
            "checkpoint_interval_minutes": 60.0,
            "result_gb": 0.08,
            "checkpoint_gb": 0.56,
            "egress_result_usd": 0.0,
            "egress_price_known": True,
        }
        | changes
    )


def failed(*violations: RuleAnswer, fits: bool, finishes: bool, **changes: Any) -> Result:
    return answer(
        status="infeasible",
        question="check",
        fits=fits,
        finishes=finishes,
        violations=list(violations),
        alternatives=[],
        **changes,
    )


def text(result: Result, width: int = 100) -> str:
    """What is printed into a pipe of that width."""
    file = io.StringIO()
    render(result, Console(file=file, width=width))
    return file.getvalue()


def unwrapped(result: Result) -> str:
    return " ".join(text(result).split())


def line_with(result: Result, label: str) -> str:
    """The first line that begins with `label`, its spaces folded."""
    lines = (" ".join(line.split()) for line in text(result).split("\n"))
    return next(line for line in lines if line.startswith(label))
