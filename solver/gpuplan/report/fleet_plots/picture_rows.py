"""The rows of a picture: lanes, bars, slack, deadlines, what is late, what comes after what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle
from matplotlib.transforms import blended_transform_factory

from gpuplan.report.fleet_plots.chart import BAND, DEADLINE, LATE, FleetChart, Head, Link, Out, Task
from gpuplan.report.fleet_plots.colours import SLACK, letters_on, pale
from gpuplan.report.fleet_plots.labels import place
from gpuplan.report.fleet_plots.layout import EDGE, GAP, POINTS, WIDTH, Layout, shortened
from gpuplan.report.sweep_plots.chart import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HATCH = "/////"
#: Height of a bar and of a deadline's tick against the row.
BAR, TICK = 0.7, 0.86
GRID, ARROW = "#D5D9DE", "#6B7280"
#: How far above the first row the dates stand, in points.
DATES_POINTS = 6.0
#: Free space around a label, in inches.
PAD = 0.05
#: Bars are at least this wide, in inches, so that an hour can be seen in a month.
THINNEST = 0.02


def draw_rows(chart: FleetChart, figure: Figure, layout: Layout, measure: Callable[[str], float]) -> None:
    """Draw all rows."""
    axes = figure.add_axes(layout.box(layout.rows_top, layout.rows_height))
    axes.set(xlim=(0.0, chart.time.high), ylim=(layout.rows - 0.5, -0.5))
    dress(chart, axes, above=True, size=layout.size)
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks([])
    names = blended_transform_factory(figure.transFigure, axes.transData)
    above = 1 - (layout.rows_top - DATES_POINTS / POINTS) / layout.height
    figure.text(EDGE / WIDTH, above, chart.time.title, fontsize=max(layout.size, 8.0), color="#555555", va="baseline")
    inches = layout.axes_width / chart.time.high
    for index, row in enumerate(chart.rows):
        _band(axes, names, index, lane=isinstance(row, Head))
        if isinstance(row, Head):
            _text(axes, EDGE / WIDTH, index, row.text, layout.size, transform=names, fontweight="bold")
            continue
        name = shortened(row.name, layout.left - GAP, measure, ends=True)
        _text(axes, (EDGE + GAP) / WIDTH, index, name, layout.size, transform=names)
        if isinstance(row, Task):
            _task(chart, axes, row, index, inches)
            _label(chart, axes, row, index, layout, measure)
        else:
            _out(chart, axes, row, index, layout, measure)
    if chart.more:
        _text(axes, EDGE / WIDTH, len(chart.rows), chart.more, layout.size, transform=names, style="italic")
    for link in chart.links:
        _arrow(chart, axes, link)


def dress(chart: FleetChart, axes: Axes, *, above: bool, size: float) -> None:
    """The time axis, above or below what is drawn, and its lines through it."""
    axes.set_xticks(
        [place for place, _ in chart.time.ticks], [text for _, text in chart.time.ticks], fontsize=max(size, 8.0)
    )
    axes.tick_params(axis="x", length=3, top=above, labeltop=above, bottom=not above, labelbottom=not above, pad=2)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "left" or (above and name == "top") or (not above and name == "bottom"))
        spine.set_color("#999999")


def _band(axes: Axes, names: Any, index: int, *, lane: bool) -> None:
    """Every other row in a tint, so that an eye finds from a name to its bar; a line above a lane."""
    if index % 2 and not lane:
        band = Rectangle(
            (0, index - 0.5), 1, 1, transform=names, facecolor=BAND, edgecolor="none", clip_on=False, zorder=-2
        )
        axes.add_patch(band)
    if lane:
        ends = [EDGE / WIDTH, 1 - EDGE / WIDTH]
        axes.plot(ends, [index - 0.5] * 2, transform=names, color="#999999", linewidth=0.7, clip_on=False, zorder=0)


def _text(axes: Axes, x: float, y: float, text: str, size: float, **how: Any) -> None:
    if text:
        axes.text(
            x, y, text, fontsize=size, va="center_baseline", **{"ha": "left", "clip_on": False, "zorder": 6, **how}
        )


def _task(chart: FleetChart, axes: Axes, task: Task, index: int, inches: float) -> None:
    """A bar; before it how long it waits, after it its slack; what is late hatched; and the tick of its deadline."""
    colour = chart.styles[task.group].colour
    width = max(task.end - task.start, THINNEST / inches)
    if task.ready is not None:
        axes.plot([task.ready, task.start], [index, index], color="#888888", linewidth=1.0, linestyle=":", zorder=1)
    if task.deadline is not None and task.deadline > task.end:
        slack = min(task.deadline, chart.time.high) - task.end
        place = (task.end, index - BAR / 2)
        axes.add_patch(Rectangle(place, slack, BAR, facecolor=pale(colour, SLACK), edgecolor="none", zorder=1))
    axes.add_patch(Rectangle((task.start, index - BAR / 2), width, BAR, facecolor=colour, edgecolor="none", zorder=2))
    if task.late_from is not None:
        late = Rectangle((task.late_from, index - BAR / 2), task.end - task.late_from, BAR, hatch=HATCH, zorder=3)
        late.set(facecolor=pale(colour, 0.5), edgecolor=LATE, linewidth=0.8)
        axes.add_patch(late)
    if task.deadline is None:
        return
    if task.deadline <= chart.time.high:
        ends = [index - TICK / 2, index + TICK / 2]
        axes.plot(
            [task.deadline] * 2, ends, color=DEADLINE, linewidth=1.6, solid_capstyle="butt", zorder=5, clip_on=False
        )
    else:  # it lies beyond the picture
        axes.plot([chart.time.high], [index], ">", color=DEADLINE, markersize=3.5, clip_on=False, zorder=5)


def _label(
    chart: FleetChart, axes: Axes, task: Task, index: int, layout: Layout, measure: Callable[[str], float]
) -> None:
    """What runs there: in its bar, or beside it."""
    inches = layout.axes_width / chart.time.high
    label = place(task, inches, layout.axes_width, measure, PAD)
    if label is not None:
        colour = letters_on(chart.styles[task.group].colour) if label.beside == "inside" else INK
        _text(axes, label.left / inches, index, label.text, layout.size, color=colour)


def _out(chart: FleetChart, axes: Axes, out: Out, index: int, layout: Layout, measure: Callable[[str], float]) -> None:
    """The window in which a job could have run, and why it does not."""
    until = chart.time.high if out.until is None else min(out.until, chart.time.high)
    if (out.until is not None or out.since) and until > out.since:
        window = Rectangle((out.since, index - BAR / 2), until - out.since, BAR, facecolor="white", zorder=1)
        window.set(edgecolor="#999999", linestyle="--", linewidth=0.8)
        axes.add_patch(window)
    inches = layout.axes_width / chart.time.high
    text = shortened(out.words, layout.axes_width - 2 * PAD, measure)
    _text(axes, PAD / inches, index, text, layout.size, color="#555555", style="italic")


def _arrow(chart: FleetChart, axes: Axes, link: Link) -> None:
    """From the end of a job down or up, then along to the start of the one that comes after it."""
    before, after = (chart.places[name] for name in (link.before, link.after))
    ends = [chart.rows[index] for index in (before, after)]
    if not (isinstance(ends[0], Task) and isinstance(ends[1], Task)):
        return
    end, start = ends[0].end, ends[1].start
    edge = after - BAR / 2 if before < after else after + BAR / 2
    straight = start - end < 0.004 * chart.time.high
    corner = [(end, before), (end, edge if straight else after)]
    axes.plot(*zip(*corner, strict=True), color=ARROW, linewidth=0.9, zorder=4)
    how = {"arrowstyle": "-|>", "color": ARROW, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    origin = (end, before) if straight else (end, after)
    axes.annotate("", (start, edge if straight else after), origin, arrowprops=how, zorder=4)
