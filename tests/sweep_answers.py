"""Answers of sweeps with round figures, for the tests of the command line and of the text."""

from __future__ import annotations

from typing import Any

from gpuplan.sweeping.result import BreakEvenAnswer, SeriesAnswer, SweepPoint, SweepResult, SweepSolver, SweptAnswer
from report_samples import answer, plan


def point(text: str, at: float | None, **changes: Any) -> SweepPoint:
    """A point of a sweep over the deadline: a node of eight GPUs unless told otherwise; `at` None is one of a frontier."""
    place = {"series": "", "over": None if at is None else "deadline", "at": at, "at_text": text}
    place |= {"at_unit": None if at is None else "hours"}
    sure = {"hours_at_confidence": 3.3, "cost_usd_at_confidence": 163.0}
    limits = answer().limits.model_copy(update={"deadline_hours": at})
    return SweepPoint.model_validate({**dict(answer(warnings=[])), "limits": limits, **place, **sure, **changes})


def at(text: str, gpu: str, hours: float, usd: float, **changes: Any) -> SweepPoint:
    """A point of a frontier."""
    found = plan(gpu, hours, usd)
    offer = found.offer.model_copy(update={"id": f"nebius/{gpu}/eu-north1/on-demand"})
    own = {"plan": found.model_copy(update={"offer": offer}), "hours_at_confidence": hours * 1.2}
    return point(text, None, **own | changes)


def series(label: str = "", **changes: Any) -> SeriesAnswer:
    """A curve."""
    known = {"label": label, "words": {}, "model": "qwen-7b", "method": "lora", "precision": "bf16", "decided": True}
    return SeriesAnswer.model_validate(known | changes)


def swept(points: list[SweepPoint], curves: list[SeriesAnswer] | None = None, **changes: Any) -> SweepResult:
    """A sweep over the deadline."""
    first = [one for one in points if one.series == points[0].series]
    known = {
        "status": "decided",
        "question": "sweep",
        "swept": SweptAnswer(
            field="deadline",
            unit="hours",
            values=[one.at or 0.0 for one in first],
            texts=[one.at_text for one in first],
        ),
        "minimize": ["cost"],
        "confidence": 0.9,
        "series": curves or [series()],
        "points": points,
        "assumptions": ["LoRA rank 16"],
        "solver": SweepSolver(
            points=len(points), asked=len(points), reused=0, seconds=1.0, versions={"gpuplan": "0.1.0"}
        ),
    }
    return SweepResult.model_validate(known | changes)


def frontier(points: list[SweepPoint], curves: list[SeriesAnswer] | None = None, **changes: Any) -> SweepResult:
    """A frontier of cost and time."""
    return swept(points, curves, **{"question": "frontier", "swept": None, "frontier": ["cost", "time"]} | changes)


def break_even_answer(**changes: Any) -> SweepResult:
    """Two offers: one that would win at less than its price, one without a plan."""
    first = BreakEvenAnswer(
        offer="nebius/gpu-8/eu-north1/on-demand",
        gpu="H200-SXM",
        provider="nebius",
        gpus_per_node=8,
        listed_usd_per_gpu_hour=3.5,
        break_even_usd_per_gpu_hour=2.5,
        change=2.5 / 3.5 - 1,
        wins_now=False,
        proved=True,
        plan=plan("H200-SXM", 2.5, 139.0),
    )
    none = {"offer": "aws/p5e/us-east-1/on-demand", "break_even_usd_per_gpu_hour": None, "change": None, "plan": None}
    known = {
        "question": "break-even",
        "swept": None,
        "break_even": [first, first.model_copy(update=none)],
        "rival": plan(),
    }
    return swept([], **known | changes)
