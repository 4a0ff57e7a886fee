"""Several methods and precisions side by side: what each saves, and what it may cost in quality. Nothing is chosen among them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from gpuplan.result import ChoiceAnswer, PlanAnswer, Result, SolverAnswer, Status

#: What is known of the quality of each method and format, and where that is published.
QUALITY = {
    "full": (
        "trains every weight: learns most of new code and mathematics, and forgets most of the rest",
        "arXiv:2405.09673",
    ),
    "lora": (
        "at usual ranks learns less than full fine-tuning where the data is new to the model (code, mathematics), and forgets "
        "less of what it knew",
        "arXiv:2405.09673",
    ),
    "qlora": (
        "LoRA on weights rounded to 4 bits: its authors match 16-bit fine-tuning on chat and benchmarks; look at your own task",
        "arXiv:2305.14314",
    ),
    "fp16": ("fp16 compute: the range is narrow, and losses must be scaled or gradients vanish", "arXiv:1710.03740"),
    "fp8": (
        "fp8 products: training losses within 0.25% of bf16 were reported with fine-grained scaling; little is published on "
        "fine-tuning",
        "arXiv:2412.19437",
    ),
    "fp8 weights": ("frozen weights in fp8: as published where the checkpoint is fp8, else rounded once more", ""),
    "int8 weights": ("frozen weights rounded to 8 bits", "arXiv:2208.07339"),
}
#: Formats that round nothing away from a 16-bit run.
SIXTEEN_BITS = ("bf16", "fp16")


def combined(results: Sequence[Result]) -> Result:
    """One answer that holds those of all choices."""
    dearest = _dearest(results)
    choices = [_compared(result, dearest) for result in results]
    shared = _shared([result.assumptions for result in results])
    return results[0].model_copy(
        update={
            "status": _status([result.status for result in results]),
            "method": ", ".join(dict.fromkeys(result.method for result in results)),
            "precision": ", ".join(dict.fromkeys(result.precision for result in results)),
            "weights": ", ".join(dict.fromkeys(result.weights for result in results)),
            "objective": None,
            "bound": None,
            "plan": None,
            "rules": [],
            "alternatives": [],
            "worth": [],
            "other_framework": None,
            "conflict": [],
            "undecided": [],
            "relaxations": [],
            "warnings": [],
            "assumptions": shared,
            "solver": _solver([result.solver for result in results]),
            "choices": choices,
        }
    )


def label(result: Result) -> str:
    """What tells one choice from the others."""
    return f"{result.method} in {result.precision}"


def _status(statuses: Sequence[Status]) -> Status:
    """Optimal if all were decided and one has a plan, infeasible if none can have one, else what was left open."""
    if all(status == "infeasible" for status in statuses):
        return "infeasible"
    if all(status in ("optimal", "infeasible") for status in statuses):
        return "optimal"
    return "feasible" if any(status in ("optimal", "feasible") for status in statuses) else "unknown"


def _dearest(results: Sequence[Result]) -> Result | None:
    """The dearest plan that rounds no weights and computes in 16 bits: what the others are held against."""
    faithful = [result for result in results if result.plan is not None and _faithful(result)]
    return max(faithful, key=_usd, default=None)


def _faithful(result: Result) -> bool:
    return result.precision in SIXTEEN_BITS and result.weights in SIXTEEN_BITS


def _usd(result: Result) -> float:
    return 0.0 if result.plan is None else result.plan.prediction.cost_usd


def _compared(result: Result, dearest: Result | None) -> Result:
    """The answer with what it saves and what it may cost in quality."""
    saves_usd, saves_hours, against = None, None, None
    if dearest is not None and dearest is not result and result.plan is not None and dearest.plan is not None:
        before, after = _totals(dearest.plan), _totals(result.plan)
        saves_usd, saves_hours, against = before[0] - after[0], before[1] - after[1], label(dearest)
    words = [result.method, result.precision]
    if result.method == "lora" and result.weights not in SIXTEEN_BITS:
        words.append(f"{result.weights} weights")
    known = [QUALITY[word] for word in words if word in QUALITY]
    choice = ChoiceAnswer(
        saves_usd=saves_usd,
        saves_hours=saves_hours,
        against=against,
        quality="; ".join(text for text, _ in known),
        quality_sources=list(dict.fromkeys(source for _, source in known if source)),
    )
    return result.model_copy(update={"choice": choice})


def _totals(plan: PlanAnswer) -> tuple[float, float]:
    return plan.prediction.cost_usd, plan.prediction.total_hours


def _shared(lists: Sequence[Sequence[str]]) -> list[str]:
    """Sentences that all answers have."""
    return [sentence for sentence in lists[0] if all(sentence in other for other in lists[1:])]


def _solver(parts: Sequence[SolverAnswer]) -> SolverAnswer:
    """Sums over the searches; what only one of them has is in its own answer."""
    laps: dict[str, float] = {}
    for part in parts:
        for name, seconds in part.seconds.items():
            laps[name] = laps.get(name, 0.0) + seconds
    cut = next((part.stopped for part in parts if part.stopped), None)
    decided = len(list(takewhile(lambda part: part.stopped is None, parts)))
    return parts[0].model_copy(
        update={
            "proof": f"each of {len(parts)} choices has a proof of its own"
            if decided == len(parts)
            else f"stopped at choice {decided + 1} of {len(parts)}",
            "layouts_evaluated": sum(part.layouts_evaluated for part in parts),
            "pairs_left_to_cp_sat": sum(part.pairs_left_to_cp_sat for part in parts),
            "cp_sat_literals": sum(part.cp_sat_literals for part in parts),
            "cp_sat_status": None,
            "gap": None,
            "rounding_bound": None,
            "largest_activity": max((part.largest_activity or 0 for part in parts), default=None),
            "machine_classes": sum(part.machine_classes for part in parts),
            "machine_classes_excluded_by_bound": sum(part.machine_classes_excluded_by_bound for part in parts),
            "seconds": laps,
            "stopped": cut,
            "reproducible": all(part.reproducible for part in parts),
        }
    )
