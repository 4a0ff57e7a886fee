"""What a curve says, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from gpuplan.report import format as f
from gpuplan.report.format import GLUE
from gpuplan.report.verdict import BAD, GOOD, OPEN
from gpuplan.report.words import BEST, METHODS, degrees, gpus, own_price, plain_pricing, words
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import BreakEvenAnswer, SeriesAnswer, SweepPoint, SweepResult

#: What is varied, in words.
AXES = {
    "max-gpus": "max GPUs",
    "max-nodes": "max nodes",
    "global-batch": "global batch",
    "sequence-length": "sequence length",
}
#: Ends of a frontier, by its two objectives: what its first plan and its last one are.
ENDS = {"cost": "cheapest", "time": "fastest", "deadline": "soonest", "gpus": "fewest GPUs"}
MOST = {"tokens": "the most data", "model": "the largest model"}


def axis(over: str | None) -> str:
    """What is varied, as a person says it."""
    return AXES.get(over or "", over or "")


def where(plan: PlanAnswer) -> str:
    """Nodes and who lets them, in short: "2 x nebius", "2 x aws, spot"."""
    offer = plan.offer
    terms = "" if offer.pricing == "on-demand" else f", {plain_pricing(offer.pricing)}"
    terms = ", your price" if own_price(offer) else terms
    return f"{plan.nodes}{GLUE}x{GLUE}{offer.provider}{terms}"


def who(plan: PlanAnswer, parallel: int = 1) -> str:
    """The GPUs of a plan and who lets them: "16 x H100-SXM, 2 x nebius"."""
    each = f"{parallel} clusters of " if parallel > 1 else ""
    return f"{each}{gpus(plan)}, {where(plan)}"


def short_layout(plan: PlanAnswer) -> str:
    """Parallelism degrees as narrow as they go: "TP2 PP4 DP2"."""
    return degrees(plan).replace(GLUE, "").replace(" x ", " ")


def best_of(point: SweepPoint, maximize: str | None) -> str:
    """What a point is worth, in what is sought: "$139", "2.8 h", "16 GPUs", "2.1 G tokens", a model."""
    if maximize == "model":
        return point.model
    if maximize == "tokens":
        return f.plural(point.tokens.tokens * point.tokens.epochs, "token")
    if point.plan is None:
        return "no plan"
    values = {"gpus": f.plural(point.plan.gpus, "GPU"), "time": f.hours(point.plan.prediction.total_hours)}
    return values.get(point.objective_name, f.money(point.plan.prediction.cost_usd))


def cost_and_time(plan: PlanAnswer) -> str:
    """Cost and expected time: "$139 in 2.8 h"."""
    return f"{f.money(plan.prediction.cost_usd)} in {f.hours(plan.prediction.total_hours)}"


def verdict(result: SweepResult) -> tuple[str, str]:
    """The whole answer in one sentence, and the style it is printed in."""
    if result.question == "break-even":
        return _break_even(result)
    if len(result.series) == 1:
        return curve_verdict(result, result.series[0])
    open_ = [one.label for one in result.series if not one.decided]
    having = sum(any(point.plan is not None for point in result.of(one.label)) for one in result.series)
    proved = f"not decided: {', '.join(open_)}" if open_ else "every point proved"
    style = OPEN if open_ else GOOD if having else BAD
    return f"{len(result.series)} curves, {having} of them with plans; {proved}.", style


def curve_verdict(result: SweepResult, series: SeriesAnswer) -> tuple[str, str]:
    """One curve in one sentence, and its style."""
    points = result.of(series.label)
    having = [point for point in points if point.plan is not None]
    style = OPEN if not series.decided else GOOD if having else BAD
    if result.question == "frontier":
        return _frontier(result, series, having, points), style
    return _sweep(result, series, having, points), style


def _frontier(
    result: SweepResult, series: SeriesAnswer, having: Sequence[SweepPoint], points: Sequence[SweepPoint]
) -> str:
    pair = " and ".join("GPUs" if one == "gpus" else one for one in result.frontier)
    if not having:
        reason = next((point.reason for point in points if point.reason), series.beyond or "no plan")
        return f"{_sentence(reason)}; {'proved' if series.decided else 'not proved'}."
    if len(having) == 1:
        one = "proved" if series.decided else "as far as is decided"
        return f"One plan is best in both {pair}, {one}: {_told(result, having[0])}."
    proved = "each proved" if series.decided else "what comes after the last is not decided"
    first, second = (ENDS.get(one, one) for one in result.frontier)
    said = [f"{first} {_told(result, having[0])}"]
    said.append(f"{second if series.decided else 'last'} {_told(result, having[-1])}")
    knee = next((point for point in having if point.knee), None)
    if knee is not None:
        said.insert(1, f"knee {_told(result, knee)}")
    return f"{len(having)} plans that no other beats in both {pair}, {proved}: {'; '.join(said)}."


def _told(result: SweepResult, point: SweepPoint) -> str:
    """A plan in a phrase: "$139 in 2.8 h (8 x H100-SXM, 1 x nebius)"; with the deadline that it keeps where that is asked for."""
    if point.plan is None:
        return ""
    figures = cost_and_time(point.plan)
    if "deadline" in result.frontier and point.hours_at_confidence is not None:
        figures = f"{f.money(point.plan.prediction.cost_usd)} within {f.hours_at_least(point.hours_at_confidence)}"
    return f"{figures} ({who(point.plan, point.parallel)})"


def _sweep(
    result: SweepResult, series: SeriesAnswer, having: Sequence[SweepPoint], points: Sequence[SweepPoint]
) -> str:
    name = _sentence(axis(None if result.swept is None else result.swept.field))
    if result.swept is not None and result.swept.of is not None:
        name += f" of {result.swept.of}"
    ends = "no points"
    if points:
        one = len(points) == 1
        ends = points[0].at_text if one else f"from {points[0].at_text} to {points[-1].at_text}, {len(points):,} points"
    none = sum(point.status == "infeasible" for point in points)
    undecided = sum(point.status == "unknown" for point in points)
    counts = [_having(result, having, len(points))]
    counts += [f"{none} proved to have no plan"] if none and having else []
    counts += [f"{undecided} not decided"] if undecided else []
    text = f"{name} {ends}: {', '.join(counts)}"
    if not having:
        return f"{text}."
    first, last = having[0], having[-1]
    best = [best_of(one, result.maximize) for one in (first, last)]
    if first is last:
        return f"{text}: {best[0]} at {first.at_text}."
    if best[0] == best[1]:
        return f"{text}: {best[0]} at {first.at_text} and at {last.at_text}."
    return f"{text}: {best[0]} at {first.at_text}, {best[1]} at {last.at_text}."


def _having(result: SweepResult, having: Sequence[SweepPoint], all_points: int) -> str:
    """How many points have a plan, and of what kind it is."""
    if not having:
        return "no point has a plan, proved" if result.status == "decided" else "no plan found"
    open_ = sum(point.status != "optimal" for point in having)
    kind = MOST.get(result.maximize or "", f"the {words(BEST, result.minimize[0])}")
    count = "each" if len(having) == all_points else f"{len(having)} of them"
    proved = f"proved {kind}" if not open_ else f"{open_} of these not proved"
    return f"{count} with a plan, {proved}" if all_points > 1 else f"a plan, {proved if not open_ else 'not proved'}"


def _break_even(result: SweepResult) -> tuple[str, str]:
    """Whether what is asked about wins now, and else at which price it would."""
    known = [one for one in result.break_even if one.break_even_usd_per_gpu_hour is not None]
    proved = "proved" if result.status == "decided" else "as far as is decided"
    if not known:
        if result.status != "decided":
            return "No break-even price was found in time.", OPEN
        only = any(one.wins_now for one in result.break_even)
        why = "no plan on it keeps the limits"
        if result.rival is None:
            why = "only plans on it keep the limits" if only else "without it there is no plan to hold it against"
        return f"No break-even price: {why}; proved.", GOOD if only else BAD
    wins = [one for one in known if one.wins_now]
    best = max(
        wins or known,
        key=lambda one: (-9.0 if one.change is None else one.change, one.break_even_usd_per_gpu_hour or 0),
    )
    against = (
        "" if result.rival is None else f"; the best without it is {who(result.rival)}, {cost_and_time(result.rival)}"
    )
    price = f.price(best.break_even_usd_per_gpu_hour or 0.0)
    where_ = f"{best.gpus_per_node}{GLUE}x{GLUE}{best.gpu} of {best.provider}"
    if wins:
        text = f"{where_} wins at its price of {f.price(best.listed_usd_per_gpu_hour or 0.0)} per GPU-hour, and up to {price}"
    else:
        text = f"{where_} wins below {price} per GPU-hour{_listed(best)}"
    return f"{text}, {proved}{against}.", GOOD if result.status == "decided" else OPEN


def _listed(answer: BreakEvenAnswer) -> str:
    """How far that is from what is asked for it."""
    if answer.listed_usd_per_gpu_hour is None or answer.change is None:
        return ", which nobody lists"
    less = f"{f.percent(abs(answer.change))} {'less' if answer.change < 0 else 'more'}"
    return f", {less} than its {f.price(answer.listed_usd_per_gpu_hour)}"


def curve_name(series: SeriesAnswer) -> str:
    """What a curve is about: "llama-3.1-70b, LoRA in bf16"."""
    return f"{series.model}, {words(METHODS, series.method)} in {series.precision}"


def _sentence(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]
