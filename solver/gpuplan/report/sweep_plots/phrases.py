"""What a picture says about points, plans and questions, shortly."""

from __future__ import annotations

import os
import re

from gpuplan.report import format as say
from gpuplan.report import words
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import SweepPoint, SweepResult

OBJECTIVES = {"cost": "cost", "time": "time", "gpus": "GPUs", "deadline": "deadline"}
#: Limits whose smallest value that has a plan is said at once.
LIMITS = ("deadline", "budget", "max-gpus", "max-nodes")
LONGEST_REASON = 90
LONGEST_NAME = 60


def what_it_trains(result: SweepResult) -> str:
    """Model and method that all curves share, the first line of a picture."""
    models = list(dict.fromkeys(series.model for series in result.series))
    methods = list(dict.fromkeys(series.method for series in result.series))
    named = [short(models[0], LONGEST_NAME)] if len(models) == 1 else []
    if result.maximize == "model":
        family = os.path.commonprefix([point.model for point in result.points if point.plan is not None])  # noqa: RUF071  names, no paths
        family = family.rpartition("-")[0]
        named = [f"{family} family"] if family else []
    if len(methods) == 1:
        named.append(words.words(words.METHODS, methods[0]))
    return ", ".join(named) or "several jobs"


def conditions(result: SweepResult) -> str:
    """Data, limits and their confidence, as far as all points share them: what the second line says."""
    said = [*_data(result), *_limits(result)]
    if result.confidence is None:
        said.append("limits kept at the point estimate")
    else:
        said.append(f"limits kept with {say.percent(result.confidence)} confidence")
    return "; ".join(said)


def proof(result: SweepResult) -> str:
    """How many points are proved."""
    decided = [point for point in result.points if point.status in ("optimal", "infeasible")]
    if not result.points:
        return ""
    if len(decided) == len(result.points):
        return "every point is proved"
    return f"{len(decided)} of {say.plural(len(result.points), 'point')} are proved"


def _data(result: SweepResult) -> list[str]:
    """Amount of data and of its parts, as far as all points share them."""
    said = []
    tokens = {point.tokens.tokens for point in result.points}
    epochs = {point.tokens.epochs for point in result.points}
    lengths = {point.tokens.sequence_length for point in result.points}
    times = say.plural(next(iter(epochs)), "epoch") if len(epochs) == 1 else ""
    if len(tokens) == 1 and result.maximize != "tokens":
        amount = f"{say.count(next(iter(tokens)))} tokens"
        said.append(f"{amount} x {times}" if times else f"{amount} an epoch")
    elif times:
        said.append(times)
    if len(lengths) == 1:
        said.append(f"sequences of {next(iter(lengths)):,}")
    return said


def _limits(result: SweepResult) -> list[str]:
    """Limits that all points share; the one that is varied is not among them."""
    said = {
        (
            "" if one.deadline_hours is None else f"deadline {say.limit_hours(one.deadline_hours)}",
            "" if one.budget_usd is None else f"budget {say.limit_money(one.budget_usd)}",
            "" if one.max_gpus is None else f"at most {say.plural(one.max_gpus, 'GPU')}",
            "" if one.max_nodes is None else f"at most {say.plural(one.max_nodes, 'node')}",
        )
        for one in (point.limits for point in result.points)
    }
    swept = "" if result.swept is None else result.swept.field
    shared = [(name, set(texts)) for name, texts in zip(LIMITS, zip(*said, strict=True), strict=False)]
    return [text for name, texts in shared if name != swept and len(texts) == 1 for text in texts if text]


def plan_label(plan: PlanAnswer) -> str:
    """A plan in a few characters: "8 x H100-SXM nebius"."""
    return f"{plan.gpus} x {plan.offer.gpu} {plan.offer.provider}"


def bar_label(plan: PlanAnswer) -> str:
    """A plan with its layout: "8 x H100-SXM nebius, TP 2 x DP 4"."""
    degrees = words.degrees(plan)
    return plan_label(plan) if degrees == "one GPU" else f"{plan_label(plan)}, {degrees}"


def hover(point: SweepPoint, result: SweepResult) -> tuple[str, ...]:
    """All about a point, a line each."""
    lines = [point.series] if point.series else []
    if point.at is not None:
        lines.append(value(point))
    if point.plan is None:
        return (*lines, f"no plan ({point.status}): {reason(point)}")
    proved = "proved optimal" if point.status == "optimal" else "not proved: there may be a better plan"
    return (
        *lines,
        _job(point),
        *plan_lines(point.plan),
        *_keeps(point, result),
        proved,
        *(["the knee"] if point.knee else []),
        *([f"changes {'; '.join(point.changes)}"] if point.changes else []),
    )


def _job(point: SweepPoint) -> str:
    """What is trained there."""
    tokens = f"{say.count(point.tokens.tokens)} tokens x {say.plural(point.tokens.epochs, 'epoch')}"
    method = words.words(words.METHODS, point.method)
    return f"{point.model}, {method}, {tokens} in sequences of {point.tokens.sequence_length:,}"


def value(point: SweepPoint) -> str:
    """What was varied, and where: "deadline 24h", "global batch 256"."""
    text = point.at_text
    if point.at is not None and point.at_unit in ("USD", "USD/GPU-hour"):
        text = say.limit_money(point.at)
    elif text.isdecimal():
        text = f"{int(text):,}"
    return f"{(point.over or '').replace('-', ' ')} {text}"


def plan_lines(plan: PlanAnswer) -> list[str]:
    """A whole plan, a line each: cluster, cost, time, layout, memory, speed."""
    prediction, layout = plan.prediction, plan.layout
    memory = prediction.memory
    offload = "" if layout.offload == "none" else f", offload {layout.offload}"
    return [
        f"{words.gpus(plan)}: {words.cluster(plan)}",
        f"cost {say.money_interval(prediction.cost_usd_interval)}",
        f"time {say.hours_interval(prediction.total_hours_interval)}",
        f"{words.degrees(plan)}, ZeRO {layout.zero_stage}, micro-batch {layout.micro_batch} x {layout.gradient_accumulation}, "
        f"global batch {layout.global_batch:,}, recompute {layout.recompute}{offload}, {words.framework(layout.framework)}",
        f"memory {say.gib(memory.bytes)}, bound {say.gib(memory.bound_bytes)} of {say.gib(memory.usable_bytes)}",
        f"{say.significant(prediction.tokens_per_second_per_gpu)} tokens/s per GPU, "
        f"MFU {say.percent(prediction.model_flops_utilisation)}",
    ]


def _keeps(point: SweepPoint, result: SweepResult) -> list[str]:
    """Deadline and budget that the plan keeps."""
    hours, usd = point.hours_at_confidence, point.cost_usd_at_confidence
    kept = [] if hours is None else [f"a deadline of {say.hours_at_least(hours)}"]
    kept += [] if usd is None else [f"a budget of {say.money_at_least(usd)}"]
    sure = "" if result.confidence is None else f" with {say.percent(result.confidence)} confidence"
    return [f"keeps {' and '.join(kept)}{sure}"] if kept else []


def reason(point: SweepPoint) -> str:
    """Why there is no plan, in a sentence."""
    if point.reason:
        return point.reason
    return "nothing fits" if point.status == "infeasible" else "not decided in the time"


def short_reason(point: SweepPoint) -> str:
    """The same where there is room for a few words: the smallest limit that has a plan, or the beginning of the sentence."""
    if point.status != "infeasible":
        return "not decided in the time"
    least = least_limit(point)
    if least is not None:
        field, value = least
        return (
            f"no plan: smallest {field.replace('max-', '')} {_limit(field, value)}"
            if field != "budget"
            else (f"no plan below {say.money_at_least(value)}")
        )
    whole = reason(point)
    if whole.startswith("no plan"):
        return short(whole, LONGEST_REASON)
    first = re.split(r"[;:.](?:\s|$)", whole, maxsplit=1)[0]
    return f"no plan: {short(first, LONGEST_REASON)}"


def least_limit(point: SweepPoint) -> tuple[str, float] | None:
    """The limit that is varied and its least value that has a plan, where that was found, and needs no other change."""
    if point.over not in LIMITS:
        return None
    name = point.over.replace("-", "_")
    for change in point.relaxations:
        if change.limit == name and change.smallest and not change.also_lifted:
            return point.over, change.to
    return None


def _limit(field: str, value: float) -> str:
    if field == "deadline":
        return say.hours_at_least(value)
    unit = "GPU" if field == "max-gpus" else "node"
    return say.plural(value, unit)


def short(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis."""
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1].rstrip()}…"


def short_middle(text: str, longest: int) -> str:
    """The text, or both its ends around an ellipsis."""
    head = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:head]}…{text[head + 1 - longest :]}"
