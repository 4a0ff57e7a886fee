"""What is drawn of a batch, before anybody knows by which library: places, words and colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from gpuplan.batching.result import BatchResult
from gpuplan.report import format as say
from gpuplan.report.batch import NO_PLAN, verdict
from gpuplan.report.batch_plots.points import Point
from gpuplan.report.sweep_plots.chart import STYLES, Axis, Style, styles_of
from gpuplan.report.sweep_plots.phrases import short
from gpuplan.report.sweep_plots.scales import axis

#: What has a place of its own; what is left is drawn together.
MOST_MODELS, MOST_COLOURS, MOST_GPUS, MOST_PROVIDERS, MOST_REASONS = 30, 6, 14, 10, 8
#: Points that are drawn one by one; of more every n-th, while boxes and counts are of all.
MOST_POINTS = 4000
#: Fewer costs than these have no box: every one is seen.
BOXED = 6
LONGEST_NAME, LONGEST_REASON = 40, 92
OTHERS = Style("#8A8A8A", "o", "circle")
#: Colour of a reason by what a row is: proved, not decided, an error.
REASON_COLOURS = {"infeasible": STYLES[0].colour, "unknown": STYLES[4].colour, "error": STYLES[1].colour, "": "#8A8A8A"}


@dataclass(frozen=True)
class Dot:
    """A plan; `aside` is how far it is moved across the line that it lies on, -1 to 1."""

    x: float
    y: float
    group: str
    aside: float
    hover: tuple[str, ...]


@dataclass(frozen=True)
class Strip:
    """Costs of a model: least, quartiles, most; a few of the plans as dots."""

    label: str
    count: int
    five: tuple[float, float, float, float, float]
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Bar:
    """Rows without a plan for a reason."""

    label: str
    count: int
    status: str


@dataclass(frozen=True)
class BatchChart:
    """A whole picture.

    Attributes
    ----------
    strips
        Costs by model, the largest median at the top; of many models those that cost most in all have a line of their own.
    dots
        Cost against time; `styles` says the colour of each GPU.
    counts
        Plans by GPU (a row each) and provider (a column each).
    reasons
        Why there is no plan; empty where every row has one.
    sampled
        How many of the plans are drawn one by one; None: all.
    """

    title: str
    subtitle: str
    cost: Axis
    time: Axis
    strips: tuple[Strip, ...]
    dots: tuple[Dot, ...]
    styles: dict[str, Style]
    gpus: tuple[str, ...]
    providers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    reasons: tuple[Bar, ...]
    sampled: int | None


def batch_chart(result: BatchResult, points: Sequence[Point]) -> BatchChart:
    """What is drawn of a batch with these plans."""
    shown = points[:: -(-len(points) // MOST_POINTS) or 1]
    costs, times = [point.cost_usd for point in points], [point.hours for point in points]
    gpus_used = Counter(point.gpu for point in points)
    colour = _ranked(gpus_used, MOST_COLOURS, "other GPUs")
    groups = list(dict.fromkeys(colour(gpu) for gpu, _ in gpus_used.most_common()))
    styles = styles_of([group for group in groups if group != "other GPUs"])
    gpus, providers, counts = _matrix(points)
    return BatchChart(
        title=verdict(result)[0].removesuffix("."),
        subtitle=_subtitle(len(points), len(shown)),
        cost=axis("cost (USD)", "usd", [cost for cost in costs if cost > 0]),
        time=axis("time from the order", "hours", [time for time in times if time > 0]),
        strips=tuple(_strips(points, set(shown))),
        dots=tuple(Dot(one.hours, one.cost_usd, colour(one.gpu), 0.0, _hover(one)) for one in shown),
        styles=styles | ({"other GPUs": OTHERS} if "other GPUs" in groups else {}),
        gpus=gpus,
        providers=providers,
        counts=counts,
        reasons=tuple(_reasons(result)),
        sampled=len(shown) if len(shown) < len(points) else None,
    )


def _subtitle(plans: int, shown: int) -> str:
    each = f"{say.plural(plans, 'plan')}, each the best for its job and rented by itself"
    if plans == 1:
        each = "one plan, the best for its job"
    return each if shown == plans else f"{each}; {shown:,} of them are drawn as dots, boxes and counts are of all"


def _ranked(names: Mapping[str, float], most: int, others: str) -> Callable[[str], str]:
    """The name itself for those of most weight, `others` for what is left; one alone is never "others"."""
    order = sorted(names, key=lambda name: (-names[name], name))
    kept = set(order if len(order) <= most else order[: most - 1])
    return lambda name: name if name in kept else others


def _strips(points: Sequence[Point], shown: set[Point]) -> list[Strip]:
    costs: dict[str, float] = {}
    for point in points:
        costs[point.model] = costs.get(point.model, 0.0) + point.cost_usd
    named = _ranked(costs, MOST_MODELS, "other models")
    by_model: dict[str, list[Point]] = {}
    for point in points:
        by_model.setdefault(named(point.model), []).append(point)
    strips = [_strip(model, found, shown) for model, found in by_model.items()]
    return sorted(strips, key=lambda strip: (strip.label == "other models", -strip.five[2], strip.label))


def _strip(model: str, points: Sequence[Point], shown: set[Point]) -> Strip:
    costs = sorted(point.cost_usd for point in points)
    middle = quantiles(costs, n=4, method="inclusive") if len(costs) > 1 else [costs[0]] * 3
    spread = 0.0 if len(costs) < BOXED else 1.0
    dots = [
        # The golden ratio spreads dots evenly, and the same every time.
        Dot(point.cost_usd, 0.0, model, spread * (2 * (0.618034 * place % 1) - 1), _hover(point))
        for place, point in enumerate(points)
        if point in shown
    ]
    five = (costs[0], middle[0], middle[1], middle[2], costs[-1])
    return Strip(short(model, LONGEST_NAME), len(costs), five, tuple(dots))


def _hover(point: Point) -> tuple[str, ...]:
    plan = f"{point.gpus} x {point.gpu} ({point.provider})"
    return (
        f"row {point.row:,}: {short(point.name, 90)}",
        plan,
        f"{say.money(point.cost_usd)}, {say.hours(point.hours)}",
    )


def _matrix(points: Sequence[Point]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, ...], ...]]:
    gpu = _ranked(Counter(point.gpu for point in points), MOST_GPUS, "others")
    provider = _ranked(Counter(point.provider for point in points), MOST_PROVIDERS, "others")
    counts = Counter((gpu(point.gpu), provider(point.provider)) for point in points)
    rows, columns = (_order(name for name in names.elements()) for names in _sums(counts))
    return rows, columns, tuple(tuple(counts[row, column] for column in columns) for row in rows)


def _sums(counts: Counter[tuple[str, str]]) -> tuple[Counter[str], Counter[str]]:
    rows, columns = Counter[str](), Counter[str]()
    for (row, column), count in counts.items():
        rows[row] += count
        columns[column] += count
    return rows, columns


def _order(names: Iterable[str]) -> tuple[str, ...]:
    """The most frequent first, what is left last."""
    order = Counter(names)
    return tuple(sorted(order, key=lambda name: (name == "others", -order[name], name)))


def _reasons(result: BatchResult) -> list[Bar]:
    shown = result.unplanned if len(result.unplanned) <= MOST_REASONS else result.unplanned[: MOST_REASONS - 1]
    bars = [Bar(short(f"{NO_PLAN[one.status]}: {one.reason}", LONGEST_REASON), one.rows, one.status) for one in shown]
    left = result.jobs - result.planned - sum(bar.count for bar in bars)
    return [*bars, *([Bar("other reasons", left, "")] if left > 0 and len(shown) < len(result.unplanned) else [])]
