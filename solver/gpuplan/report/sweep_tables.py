"""The points of a curve in a table; several curves side by side; break-even prices."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose
from gpuplan.report.spans import Grid, Row
from gpuplan.report.sweep_words import ENDS, axis, best_of, cost_and_time, short_layout, where
from gpuplan.report.tables import FOOTNOTE, MARK, lead_footnote, marked_hours
from gpuplan.report.words import degrees, gpus
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import BreakEvenAnswer, SeriesAnswer, SweepPoint, SweepResult

#: Changes in short, and which of them say the same as others that are there.
CHANGES = {"GPUs": "count"}
IMPLIED = {
    "region": ("provider",),
    "node": ("GPU", "provider", "GPUs"),
    "nodes": ("GPUs",),
    "layout": ("GPU", "GPUs"),
}
#: What a layout has that the column of the degrees does not show.
INSIDE = {
    "global_batch": "global batch",
    "micro_batch": "micro-batch",
    "zero_stage": "ZeRO",
    "recompute": "recompute",
    "offload": "offload",
    "virtual_stages": "virtual stages",
}
#: Values that differ by a smaller share are the same.
SAME = 1e-9
NO_PLAN = {"infeasible": "no plan", "unknown": "not decided"}
KNEE = "Knee: the least product of both; beyond it 1% less of one costs more than 1% of the other."


def curve(result: SweepResult, series: SeriesAnswer) -> list[RenderableType]:
    """The points of a curve, a row each, and what the marks in it mean."""
    points = [point for point in result.of(series.label) if point.plan is not None or not result.frontier]
    budget = result.swept is not None and result.swept.field == "budget"
    sure = "" if result.confidence is None else f"{f.percent(result.confidence)} sure"
    first = [f">{axis(result.swept.field)}"] if result.swept is not None else []
    sought = [] if result.maximize is None else [f"{'' if result.maximize == 'model' else '>'}{result.maximize}"]
    headers = [*first, *sought, ">cost", ">time", f">{sure}", "GPUs", "nodes from", "layout", "changes"]
    rows = [_row(result, point, before, budget=budget) for before, point in zip([None, *points], points, strict=False)]
    notes = [KNEE] if any(point.knee for point in points) else []
    plans = [point.plan for point in points if point.plan is not None]
    if sure and plans:
        kept = "cost" if budget else "time"
        notes.append(f"{_sentence(sure)}: the {kept} that the plan keeps with {sure.partition(' ')[0]} confidence.")
    if result.frontier and series.beyond:
        notes.append(f"Beyond the last: {series.beyond}.")
    notes += _not_more(result, points)
    return [*([Grid(headers, rows)] if rows else []), *(Prose(note) for note in [*notes, *_footnotes(plans)])]


def _not_more(result: SweepResult, points: Sequence[SweepPoint]) -> list[str]:
    """Why the largest model is not a larger one."""
    if result.maximize != "model":
        return []
    return [f"At {point.at_text}: {point.reason}." for point in points if point.plan is not None and point.reason]


def _footnotes(plans: Sequence[PlanAnswer]) -> list[str]:
    extrapolated = any(plan.prediction.coverage == "extrapolated" for plan in plans)
    return [*([FOOTNOTE] if extrapolated else []), *lead_footnote(plans)]


def _row(result: SweepResult, point: SweepPoint, before: SweepPoint | None, *, budget: bool) -> Row:
    """A point: where it stands, cost, time, cluster, layout and what changes; or why it has no plan."""
    first = (point.at_text,) if result.swept is not None else ()
    if point.plan is None:
        fallback = NO_PLAN.get(point.status, point.status)
        return Row(first, "yellow" if point.status == "unknown" else "dim", point.reason or fallback)
    sought = () if result.maximize is None else (best_of(point, result.maximize).removesuffix(f"{f.GLUE}tokens"),)
    sure = f.money_at_least(point.cost_usd_at_confidence) if budget and point.cost_usd_at_confidence is not None else ""
    if not budget and point.hours_at_confidence is not None:
        sure = f.hours_at_least(point.hours_at_confidence)
    figures = (f.money(point.plan.prediction.cost_usd), marked_hours(point.plan), sure if result.confidence else "")
    same = before is not None and before.plan is not None and _cluster(before.plan) == _cluster(point.plan)
    cluster = ("same plan", "", "") if same else (_gpus(point), where(point.plan), short_layout(point.plan))
    return Row((*first, *sought, *figures, *cluster, _changes(point, before)), "bold" if point.knee else "")


def _cluster(plan: PlanAnswer) -> tuple[object, ...]:
    """What makes a plan the same as another: how long it takes may differ."""
    return plan.offer.id, plan.nodes, plan.layout.model_dump(exclude={"gradient_accumulation"})


def _gpus(point: SweepPoint) -> str:
    if point.plan is None:
        return ""
    each = f"{point.parallel}{f.GLUE}x ({gpus(point.plan)})" if point.parallel > 1 else gpus(point.plan)
    return each + (MARK if point.plan.prediction.coverage == "extrapolated" else "")


def _changes(point: SweepPoint, before: SweepPoint | None) -> str:
    """What is different from the row above, in short; the knee; and that a plan is not proved."""
    named = [change.partition(":")[0] for change in point.changes]
    kept = [CHANGES.get(name, name) for name in named if not any(other in named for other in IMPLIED.get(name, ()))]
    if "layout" in kept and before is not None and before.plan is not None and point.plan is not None:
        inside = _inside(before.plan, point.plan)
        kept = [name for name in kept if name != "layout" or not inside] + inside
    if before is not None and before.model != point.model:  # which says it all
        kept = []
    said = ["knee"] if point.knee else []
    if point.status != "optimal":
        gap = "" if point.solver.gap is None else f", at most {f.percent(point.solver.gap)} off"
        said.append(f"not proved{gap}")
    return "; ".join([*said, *([", ".join(kept)] if kept else [])])


def _inside(before: PlanAnswer, after: PlanAnswer) -> list[str]:
    """What is different between two layouts of the same degrees; nothing where the degrees differ."""
    if degrees(before) != degrees(after):
        return []
    return [name for field, name in INSIDE.items() if getattr(before.layout, field) != getattr(after.layout, field)]


def side_by_side(result: SweepResult) -> RenderableType:
    """Several curves in one table: what each value gives on each curve; of frontiers, the ends and the knee of each."""
    return _frontiers(result) if result.frontier else _by_value(result)


def _by_value(result: SweepResult) -> RenderableType:
    texts = [] if result.swept is None else result.swept.texts
    curves = [{point.at_text: point for point in result.of(one.label)} for one in result.series]
    rows = []
    for text in texts:
        points = [curve.get(text) for curve in curves]
        cells = [_cell(result, point) for point in points]
        rows.append(Row((text, *cells, "" if result.maximize == "model" else _best(result, points))))
    name = "" if result.swept is None else axis(result.swept.field)
    last = "most" if result.maximize else ENDS.get(result.minimize[0], "best")
    return Grid([f">{name}", *(f">{one.label}" for one in result.series), last], rows)


def _cell(result: SweepResult, point: SweepPoint | None) -> str:
    if point is None:
        return ""
    if point.plan is None:
        return NO_PLAN.get(point.status, point.status)
    return cost_and_time(point.plan) if result.maximize is None else best_of(point, result.maximize)


def _best(result: SweepResult, points: Sequence[SweepPoint | None]) -> str:
    """The curve with the best plan at a value, "" where that is not known of all."""
    values = {}
    for one, point in zip(result.series, points, strict=True):
        if point is None or point.status == "unknown":
            return ""
        if point.plan is not None:
            values[one.label] = _value(result, point, point.plan)
    best = min(values.values(), default=0.0)
    return ", ".join(label for label in values if abs(values[label] - best) <= SAME * abs(best))


def _value(result: SweepResult, point: SweepPoint, plan: PlanAnswer) -> float:
    """What is minimised."""
    if result.maximize == "tokens":
        return -point.tokens.tokens * point.tokens.epochs
    values = {"gpus": float(plan.gpus), "time": plan.prediction.total_hours}
    return values.get(result.minimize[0], plan.prediction.cost_usd)


def _frontiers(result: SweepResult) -> RenderableType:
    ends = [ENDS.get(one, one) for one in result.frontier]
    rows = []
    for one in result.series:
        having = [point for point in result.of(one.label) if point.plan is not None]
        if not having:
            rows.append(Row((one.label,), "dim", "no plan" if one.decided else "not decided"))
            continue
        knee = next((point for point in having if point.knee), None)
        cells = [_ends(point) for point in (having[0], knee, having[-1])]
        rows.append(Row((one.label, *cells, f.count(len(having)))))
    return Grid(["curve", ends[0], "knee", ends[1], ">plans"], rows)


def _ends(point: SweepPoint | None) -> str:
    if point is None or point.plan is None:
        return ""
    return f"{cost_and_time(point.plan)}, {gpus(point.plan)}"


def break_even(result: SweepResult) -> list[RenderableType]:
    """Two lines for each offer: listed price, break-even price and the plan with which it draws level; and its name."""
    headers = ["offer", ">listed", ">break-even", ">change", "", ">time", "plan", "layout"]
    alone = result.rival is None
    rows = [row for one in result.break_even for row in (_offer(one, alone), Row((), sentence=2 * f.GLUE + one.offer))]
    plans = [one.plan for one in result.break_even if one.plan is not None]
    notes = [
        "Prices are USD per GPU and hour; below the break-even price the offer is cheaper than the best plan without it."
    ]
    return [*([Grid(headers, rows)] if rows else []), *(Prose(note) for note in [*notes, *_footnotes(plans)])]


def _offer(answer: BreakEvenAnswer, alone: bool) -> Row:
    """Of one offer; `alone`: there is nothing to hold it against."""
    listed = "not sold" if answer.listed_usd_per_gpu_hour is None else f.price(answer.listed_usd_per_gpu_hour)
    first = (f"{answer.gpus_per_node}{f.GLUE}x{f.GLUE}{answer.gpu}", listed)
    if answer.break_even_usd_per_gpu_hour is None or answer.plan is None:
        why = "no plan keeps the limits, at any price" if answer.proved else "not decided"
        if alone and answer.proved and answer.listed_usd_per_gpu_hour is not None:
            why = "keeps the limits; without it nothing does" if answer.wins_now else "no plan at its price"
        elif alone and answer.proved:
            why = "nothing to hold it against"
        return Row(first, sentence=why)
    change = "" if answer.change is None else f"{'+' if answer.change >= 0 else '-'}{f.percent(abs(answer.change))}"
    said = [*(["wins now"] if answer.wins_now else []), *([] if answer.proved else ["not proved"])]
    mark = MARK if answer.plan.prediction.coverage == "extrapolated" else ""
    plan = (marked_hours(answer.plan), gpus(answer.plan) + mark, short_layout(answer.plan))
    price = f.price(answer.break_even_usd_per_gpu_hour)
    return Row((*first, price, change, "; ".join(said), *plan), "bold" if answer.wins_now else "")


def _sentence(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]
