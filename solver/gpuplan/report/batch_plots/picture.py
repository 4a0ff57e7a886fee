"""PNG and SVG of a batch by matplotlib, which is loaded only here."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gpuplan.report import format as say
from gpuplan.report.batch_plots.chart import BOXED, REASON_COLOURS, BatchChart
from gpuplan.report.batch_plots.shades import shade
from gpuplan.report.plot_picture import drawing_style, saved
from gpuplan.report.sweep_plots.chart import INK, STYLES
from gpuplan.report.sweep_plots.picture_curves import set_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, DPI = 9.0, 200
#: Inches: at the edge, between panels, above them all, a line of the title and one below it.
SPACE, GAP, HEAD, TITLE_LINE, LINE = 0.13, 0.2, 0.35, 0.22, 0.18
#: Heights in inches: around a panel, and of a line in it.
AROUND = 1.1
STRIP, GPU, REASON, DOTS = 0.3, 0.32, 0.46, 4.6
LONGEST_TITLE, LONGEST_LINE, LONGEST_LABEL = 84, 110, 50
#: More names than these in a row of them stand on two lines in turn.
MOST_ABREAST = 5
#: So many cells have room beside each other at least, so that a few are no wider than they need.
LEAST_ABREAST = 6
GRID: Any = {"color": "#E3E3E3", "linewidth": 0.7}


class _Panel(NamedTuple):
    """A part of the picture: its title, its height, and what draws it."""

    title: str
    inches: float
    draw: Callable[[BatchChart, Axes], None]


def picture(chart: BatchChart, kind: str) -> bytes:
    """Draw the chart as "png" or "svg"."""
    with drawing_style():
        return saved(figure_of(chart), kind, DPI)


def figure_of(chart: BatchChart) -> Figure:
    """The chart as a figure with every text in its place; call it under `plot_picture.drawing_style`."""
    panels = _panels(chart)
    title = textwrap.wrap(chart.title, LONGEST_TITLE)
    below = textwrap.wrap(chart.subtitle, LONGEST_LINE)
    head = HEAD + TITLE_LINE * len(title) + LINE * len(below)
    figure = Figure(figsize=(WIDTH_INCHES, head + sum(panel.inches for panel in panels)), facecolor="white")
    FigureCanvasAgg(figure)
    top = figure.get_figheight() - SPACE
    _line(figure, top, "\n".join(title), fontsize=12.5, fontweight="bold")
    _line(figure, top - TITLE_LINE * len(title) - 0.05, "\n".join(below), fontsize=9.5, color="#555555")
    top = figure.get_figheight() - head
    for panel in panels:
        part = panel.inches / figure.get_figheight()
        axes = figure.add_axes((0.4, top / figure.get_figheight() - part, 0.4, part))
        panel.draw(chart, axes)
        _place(figure, axes, top, panel.inches)
        _line(figure, top, panel.title, fontsize=10.5, fontweight="bold")
        top -= panel.inches
    return figure


def _line(figure: Figure, y_inches: float, text: str, **looks: Any) -> None:
    figure.text(SPACE / WIDTH_INCHES, y_inches / figure.get_figheight(), text, ha="left", va="top", **looks)


def _place(figure: Figure, axes: Axes, top: float, height: float) -> None:
    """Give a panel all of its part of the figure, less what is written around it.

    By hand, as matplotlib's own layouts differ in the last digits from one time to the next, and so would files.
    """
    outer = axes.get_tightbbox()
    if outer is None:
        return
    inner = axes.get_window_extent()
    left, right, under = (
        inches / figure.dpi for inches in (inner.x0 - outer.x0, outer.x1 - inner.x1, inner.y0 - outer.y0)
    )
    x, y = SPACE + left, top - height + GAP + under
    size = (WIDTH_INCHES - x - SPACE - max(0.0, right), top - TITLE_LINE - 0.08 - y)
    whole = (WIDTH_INCHES, figure.get_figheight())
    axes.set_position((x / whole[0], y / whole[1], size[0] / whole[0], size[1] / whole[1]))


def _panels(chart: BatchChart) -> list[_Panel]:
    """Each panel that has something to show."""
    panels: list[_Panel] = []
    if chart.strips:
        boxes = any(strip.count >= BOXED for strip in chart.strips)
        costs = f"Cost by model{'; a box holds the middle half of the plans, its line is the median' if boxes else ''}"
        panels = [
            _Panel(costs, AROUND + STRIP * max(2, len(chart.strips)), _costs),
            _Panel("Cost against time", DOTS, _dots),
            _Panel("Plans by GPU and provider", AROUND + GPU * max(2, len(chart.gpus)), _matrix),
        ]
    if chart.reasons:
        panels.append(_Panel("Why jobs have no plan", AROUND + REASON * max(2, len(chart.reasons)), _reasons))
    return panels


def _costs(chart: BatchChart, axes: Axes) -> None:
    """A line for each model: its plans, and a box from the first to the third quarter of them with the median."""
    set_scale(chart.cost, axes, axes.xaxis, "x")
    colour = STYLES[0].colour
    for row, strip in enumerate(chart.strips):
        axes.scatter(
            [dot.x for dot in strip.dots],
            [row + 0.28 * dot.aside for dot in strip.dots],
            s=26 if strip.count < BOXED else 9,
            color=colour,
            alpha=0.9 if strip.count < BOXED else 0.45,
            linewidths=0,
            zorder=2,
        )
        if strip.count >= BOXED:
            _, first, median, third, _ = strip.five
            axes.barh(
                row, third - first, left=first, height=0.62, facecolor="none", edgecolor=INK, linewidth=1.0, zorder=3
            )
            axes.plot([median] * 2, [row - 0.31, row + 0.31], color=INK, linewidth=2.2, solid_capstyle="butt", zorder=4)
    axes.set_ylim(max(2, len(chart.strips)) - 0.4, -0.6)
    axes.set_yticks(range(len(chart.strips)), [f"{one.label} ({one.count:,})" for one in chart.strips], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", **GRID)
    axes.set_axisbelow(True)


def _dots(chart: BatchChart, axes: Axes) -> None:
    """Cost against time, in the colours of the GPUs."""
    set_scale(chart.time, axes, axes.xaxis, "x")
    set_scale(chart.cost, axes, axes.yaxis, "y")
    many = len(chart.dots) > 100
    for group, look in chart.styles.items():
        dots = [dot for dot in chart.dots if dot.group == group]
        axes.scatter(
            [dot.x for dot in dots],
            [dot.y for dot in dots],
            s=22 if many else 46,
            marker=look.marker,
            color=look.colour,
            alpha=0.7 if many else 0.95,
            linewidths=0,
            label=group,
        )
    axes.grid(**GRID)
    axes.set_axisbelow(True)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False, title="GPU", alignment="left", handletextpad=0.3
    )


def _matrix(chart: BatchChart, axes: Axes) -> None:
    """How many plans use a GPU from a provider; the darker the more."""
    most = max(map(max, chart.counts))
    for row, counts in enumerate(chart.counts):
        for column, count in enumerate(counts):
            fill, ink = shade(count, most)
            axes.barh(row, 0.94, left=column - 0.47, height=0.9, color=fill, linewidth=0)
            if count:
                axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=9, color=ink)
    names = list(chart.providers)
    if len(names) > MOST_ABREAST:
        names = [f"\n{name}" if place % 2 else name for place, name in enumerate(names)]
    axes.set_xticks(range(len(names)), names, fontsize=9)
    axes.set_yticks(range(len(chart.gpus)), chart.gpus, fontsize=9)
    axes.set_xlim(-0.55, max(LEAST_ABREAST, len(names)) - 0.45)
    axes.set_ylim(max(2, len(chart.gpus)) - 0.45, -0.55)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _reasons(chart: BatchChart, axes: Axes) -> None:
    """How many rows have no plan, by reason."""
    most = max(bar.count for bar in chart.reasons)
    for row, bar in enumerate(chart.reasons):
        axes.barh(row, bar.count, height=0.6, color=REASON_COLOURS[bar.status], linewidth=0)
        axes.annotate(f"{bar.count:,}", (bar.count, row), (5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_ylim(max(2, len(chart.reasons)) - 0.4, -0.6)
    labels = ["\n".join(textwrap.wrap(bar.label, LONGEST_LABEL)) for bar in chart.reasons]
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.tick_params(axis="y", length=0)
    ticks = [tick for tick in MaxNLocator(8, integer=True).tick_values(0, most) if 0 <= tick <= most]
    axes.set_xticks(ticks, [say.count(tick) for tick in ticks])
    axes.set_xlim(0, 1.12 * most)
    axes.set_xlabel("jobs")
    axes.grid(axis="x", **GRID)
    axes.set_axisbelow(True)
