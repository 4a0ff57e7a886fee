"""From the answer of a sweep or of a frontier to what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from gpuplan.report import format as say
from gpuplan.report.sweep_plots import phrases
from gpuplan.report.sweep_plots.chart import Axis, Bar, Chart, Curve, Kind, Mark, styles_of
from gpuplan.report.sweep_plots.scales import MARGIN, axis
from gpuplan.report.words import MEMORY_PARTS, words
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import SeriesAnswer, SweepPoint, SweepResult
from gpuplan_models import architectures

#: Most plans whose memory is shown.
MOST_BARS = 12
#: Share of the x axis that is left for the words about why nothing lies there.
ROOM_FOR_WORDS = 0.17
#: Share of the y axis kept for crosses: points without a plan.
ROOM_FOR_CROSSES = 0.14
ROOM_FOR_CROSSES_OF_EACH = 0.04

_OBJECTIVES: dict[str, tuple[str, Kind]] = {
    "cost": ("cost (USD)", "usd"),
    "time": ("time from the order to the result", "hours"),
    "gpus": ("GPUs", "count"),
    "deadline": ("deadline that is kept", "hours"),
}
_UNITS: dict[str, Kind] = {"hours": "hours", "USD": "usd", "bytes": "bytes", "USD/GPU-hour": "usd_per_gpu_hour"}
#: What was varied, as an axis calls it.
_SWEPT = {
    "deadline": "deadline",
    "budget": "budget (USD)",
    "max-gpus": "most GPUs allowed",
    "max-nodes": "most nodes allowed",
    "data": "text to train on (bytes)",
    "tokens": "tokens of an epoch",
    "epochs": "epochs",
    "global-batch": "global batch (sequences)",
    "sequence-length": "sequence length (tokens)",
    "price": "price (USD per GPU and hour)",
}
#: Along these a plan of one value holds for every larger one.
_STAIRS = ("deadline", "budget", "max-gpus", "max-nodes")


def curve_chart(result: SweepResult) -> Chart:
    """What is drawn of a sweep or a frontier."""
    single = len(result.series) <= 1
    curves = tuple(_curve(result, series, single) for series in result.series)
    marks = [mark for curve in curves for mark in curve.marks]
    frontier = result.question == "frontier"
    beyond = (
        result.series[0].beyond or "" if frontier and single and result.series and any(c.found for c in curves) else ""
    )
    shut = _shut(result) if single else None
    bars = _bars(curves)
    return Chart(
        title=f"{phrases.what_it_trains(result)}: {_question(result)}",
        subtitle=tuple(line for line in (phrases.conditions(result), phrases.proof(result)) if line),
        x=_x_axis(result, marks, bool(beyond), shut),
        y=_y_axis(result, curves),
        styles=styles_of([mark.group for curve in curves for mark in (curve.found if single else curve.marks)]),
        legend_title="GPU" if single else "",
        curves=curves,
        empty_above=result.maximize is None,
        nothing_below=frontier and single and bool(result.series) and result.series[0].decided,
        beyond=beyond,
        nothing=_nothing(result),
        shut=shut,
        bars=bars,
        bars_title="Memory of the fullest GPU of each plan" if bars else "",
        bound_title=_bound_title(result),
    )


def _question(result: SweepResult) -> str:
    """What against what."""
    if result.question == "frontier":
        first, second = (phrases.OBJECTIVES.get(name, name) for name in result.frontier)
        return f"{first} against {second}"
    swept = result.swept
    over = "" if swept is None else f"by {words({}, swept.field).replace('-', ' ')}"
    if swept is not None and swept.of:
        over = f"by the price of {swept.of}"
    what = {"tokens": "most tokens", "model": "largest model"}.get(result.maximize or "", "")
    best = {"cost": "lowest cost", "time": "least time", "gpus": "fewest GPUs"}
    return f"{what or best.get(_minimized(result), _minimized(result))} {over}"


def _minimized(result: SweepResult) -> str:
    return result.minimize[0] if result.minimize else "cost"


def _curve(result: SweepResult, series: SeriesAnswer, single: bool) -> Curve:
    """One curve; along it a label is given where the cluster becomes another one."""
    points = [point for point in result.of(series.label) if _x(result, point) is not None]
    points.sort(key=lambda point: _x(result, point) or 0.0)
    planned = [point for point in points if point.plan is not None]
    ranks = _ranks(planned)
    stairs = _holds_between(result)
    marks, before = [], ""
    last: SweepPoint | None = None
    for point in points:
        plan = point.plan
        label = "" if plan is None else _label(result, point, plan)
        group = plan.offer.gpu if plan is not None and single else series.label
        marks.append(
            Mark(
                x=_x(result, point) or 0.0,
                y=None if plan is None else _y(result, point, plan),
                group=group,
                label="" if label == before and not point.knee else f"knee: {label}" if point.knee else label,
                rank=ranks.get(id(point), 2),
                knee=point.knee,
                proved=point.status in ("optimal", "infeasible"),
                reason="" if plan is not None else phrases.short_reason(point),
                hover=phrases.hover(point, result),
                again=stairs and last is not None and _same(point, last),
                bar=None if plan is None else _bar(plan, group, _bar_note(result, point)),
            )
        )
        before, last = (before, None) if plan is None else (label, point)
    return Curve(series.label, tuple(marks), stairs)


def _holds_between(result: SweepResult) -> bool:
    """Whether the answer of a point is one for all that comes before the next: a limit, unless data grows with it."""
    over = None if result.swept is None else result.swept.field
    return result.question == "frontier" or (over in _STAIRS and result.maximize != "tokens")


def _same(point: SweepPoint, other: SweepPoint) -> bool:
    """Whether two points have the same plan for the same model."""
    one, two = (
        None if each.plan is None else (each.plan.offer.id, each.plan.nodes, each.plan.layout)
        for each in (point, other)
    )
    return one is not None and one == two and point.model == other.model


def _label(result: SweepResult, point: SweepPoint, plan: PlanAnswer) -> str:
    """The plan in short; the model before it where that is what is sought."""
    return f"{point.model}: {phrases.plan_label(plan)}" if result.maximize == "model" else phrases.plan_label(plan)


def _nothing(result: SweepResult) -> str:
    """Why no point has a plan: what the last one says, which is the loosest of a sweep."""
    if any(point.plan is not None for point in result.points):
        return ""
    return phrases.short_reason(result.points[-1]) if result.points else "no plan"


def _ranks(planned: Sequence[SweepPoint]) -> dict[int, int]:
    """Which labels come first: ends and knee, then where the GPU model changes."""
    ranks = {}
    for before, point in pairwise(planned):
        if before.plan is not None and point.plan is not None and before.plan.offer.gpu != point.plan.offer.gpu:
            ranks[id(point)] = 1
    ranks |= {id(point): 0 for point in [*planned[:1], *planned[-1:]]}
    return ranks | {id(point): 0 for point in planned if point.knee}


def _x(result: SweepResult, point: SweepPoint) -> float | None:
    """Place of a point from left to right."""
    if result.question != "frontier":
        return point.at
    return None if point.plan is None else _objective(result.frontier[1], point, point.plan)


def _y(result: SweepResult, point: SweepPoint, plan: PlanAnswer) -> float:
    """Height of a point."""
    if result.maximize == "tokens":
        return point.tokens.tokens * point.tokens.epochs
    if result.maximize == "model":
        known = architectures()
        return float(known[point.model].parameters) if point.model in known else 0.0
    return _objective(result.frontier[0] if result.frontier else _minimized(result), point, plan)


def _objective(name: str, point: SweepPoint, plan: PlanAnswer) -> float:
    if name == "cost":
        return plan.prediction.cost_usd
    if name == "gpus":
        return float(plan.gpus)
    hours = plan.prediction.total_hours
    return hours if name == "time" or point.hours_at_confidence is None else point.hours_at_confidence


def _x_axis(result: SweepResult, marks: Sequence[Mark], beyond: bool, shut: tuple[float, float] | None) -> Axis:
    values = [mark.x for mark in marks] + ([] if shut is None else [shut[1]])
    left = ROOM_FOR_WORDS if beyond else MARGIN
    if result.question == "frontier":
        title, kind = _OBJECTIVES[result.frontier[1]]
        if result.frontier[1] == "deadline" and result.confidence is not None:
            title += f" with {say.percent(result.confidence)} confidence"
        return axis(title, kind, values, left=left, right=0.09)
    swept = result.swept
    if swept is None:
        return axis("", "count", values)
    title = _SWEPT.get(swept.field, swept.field)
    if swept.of:
        title = f"price of {swept.of} (USD per GPU and hour)"
    kind = _UNITS.get(swept.unit, "count")
    return axis(title, kind, values, named=list(zip(swept.values, swept.texts, strict=True)), right=0.09)


def _y_axis(result: SweepResult, curves: Sequence[Curve]) -> Axis:
    values = [mark.y for curve in curves for mark in curve.found if mark.y is not None]
    crossed = sum(1 for curve in curves if curve.missing)
    room = 0.06 + (ROOM_FOR_CROSSES + ROOM_FOR_CROSSES_OF_EACH * (crossed - 1) if crossed else 0.0)
    below, above = (room, 0.08) if result.maximize else (0.06, max(room, 0.08))
    if result.maximize == "tokens":
        return axis("tokens trained on", "count", values, left=below, right=above)
    if result.maximize == "model":
        return axis("parameters of the model", "count", values, left=below, right=above)
    title, kind = _OBJECTIVES[result.frontier[0] if result.frontier else _minimized(result)]
    return axis(title, kind, values, left=below, right=above)


def _shut(result: SweepResult) -> tuple[float, float] | None:
    """Values of a limit for which there is proved to be no plan: up to the largest asked one, or the smallest that has one."""
    if result.question == "frontier" or result.swept is None or result.swept.field not in _STAIRS:
        return None
    none = [point for point in result.points if point.status == "infeasible" and point.at is not None]
    if not none:
        return None
    last = max(none, key=lambda point: point.at or 0.0)
    least = phrases.least_limit(last)
    return min(point.at or 0.0 for point in none), last.at or 0.0 if least is None else least[1]


def _bars(curves: Sequence[Curve]) -> tuple[Bar, ...]:
    """Memory of the plans, each once, the most telling ones where there are many; none where several curves have too many."""
    first: dict[str, tuple[int, Bar]] = {}
    for mark in (mark for curve in curves for mark in curve.found):
        if mark.bar is not None:
            rank, bar = first.get(mark.bar.label, (mark.rank, mark.bar))
            first[mark.bar.label] = min(rank, mark.rank), bar
    if len(curves) > 1 and len(first) > MOST_BARS:
        return ()
    telling = {bar.label for _, bar in sorted(first.values(), key=lambda item: item[0])[:MOST_BARS]}
    return tuple(bar for _, bar in first.values() if bar.label in telling)


def _bound_title(result: SweepResult) -> str:
    if result.confidence is None:
        return "expected, held against usable (%)"
    return f"bound with {say.percent(result.confidence)} confidence (% of usable)"


def _bar_note(result: SweepResult, point: SweepPoint) -> str:
    """What tells plans apart that are written the same: the curve, and the value where memory or model go with it."""
    same = result.maximize is None and (result.swept is None or result.swept.field in (*_STAIRS, "price"))
    value = "" if same else point.model if result.maximize == "model" else phrases.value(point)
    curve = phrases.short(point.series, 20) if len(result.series) > 1 else ""
    return ", ".join(text for text in (curve, phrases.short(value, 40)) if text)


def _bar(plan: PlanAnswer, group: str, note: str) -> Bar:
    """Memory of a plan."""
    memory = plan.prediction.memory
    name = phrases.bar_label(plan) + (f" ({note})" if note else "")
    parts = sorted(
        ((words(MEMORY_PARTS, part), size) for part, size in memory.parts_bytes.items() if size),
        key=lambda item: -item[1],
    )
    lines = tuple(f"{part} {say.gib_part(size)}" for part, size in parts)
    against = f"bound {say.gib(memory.bound_bytes)} of {say.gib(memory.usable_bytes)} usable"
    return Bar(name, group, tuple(parts), memory.bound_bytes, memory.usable_bytes, (name, *lines, against))
