"""PNG and SVG by matplotlib, which is loaded only here and in the modules that this one uses."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gpuplan.report.plot_picture import drawing_style, saved
from gpuplan.report.sweep_plots.chart import INK, Chart
from gpuplan.report.sweep_plots.picture_bars import draw_bars
from gpuplan.report.sweep_plots.picture_curves import (
    AGAIN_POINTS,
    MARKER_POINTS,
    draw_curves,
    label_curves,
    question_mark,
)
from gpuplan.report.sweep_plots.picture_dumbbells import draw_dumbbells

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

WIDTH_INCHES = 9.0
CURVES_INCHES = 5.2
#: Height of a memory bar and of an offer, and of what is around them.
BAR_INCHES, AROUND_BARS_INCHES = 0.27, 1.25
OFFER_INCHES, AROUND_OFFERS_INCHES = 0.34, 1.75
#: Twice the pixels of the 900 that a page shows, for sharp screens.
DPI = 200
LONGEST_TITLE, LONGEST_LINE = 84, 118
#: Where titles begin, a share of the width.
LEFT = 0.015


def picture(chart: Chart, kind: str) -> bytes:
    """Draw the chart as "png" or "svg"."""
    with drawing_style():
        return saved(figure_of(chart), kind, DPI)


def figure_of(chart: Chart) -> Figure:
    """The chart as a figure with every text in its place; call it under `plot_picture.drawing_style`."""
    figure = Figure(figsize=(WIDTH_INCHES, _height(chart)), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.07)
    canvas = FigureCanvasAgg(figure)
    if chart.y is None:
        axes = figure.subplots()
        draw_dumbbells(chart, axes)
        _head(chart, figure, axes)
        _freeze(chart, figure, axes)
        return figure
    upper, lower = _halves(chart, figure)
    axes = upper.subplots()
    draw_curves(chart, axes)
    _head(chart, upper, axes)
    _legend(chart, upper, axes)
    if lower is not None:
        draw_bars(chart, lower)
    _freeze(chart, figure, axes)
    label_curves(chart, axes, figure, canvas.get_renderer())  # type: ignore[no-untyped-call]
    return figure


def _height(chart: Chart) -> float:
    if chart.y is None:
        return AROUND_OFFERS_INCHES + OFFER_INCHES * max(2, len(chart.dumbbells))
    return CURVES_INCHES + (AROUND_BARS_INCHES + BAR_INCHES * len(chart.bars) if chart.bars else 0.0)


def _halves(chart: Chart, figure: Figure) -> tuple[Figure | SubFigure, SubFigure | None]:
    """Where the curves go, and where the memory bars go."""
    if not chart.bars:
        return figure, None
    halves: Any = figure.subfigures(2, 1, height_ratios=[CURVES_INCHES, _height(chart) - CURVES_INCHES])
    upper, lower = halves
    return upper, lower


def _head(chart: Chart, figure: Figure | SubFigure, axes: Axes) -> None:
    """Title and what holds for the whole picture."""
    figure.suptitle(textwrap.fill(chart.title, LONGEST_TITLE), x=LEFT, ha="left", fontsize=12.5, fontweight="bold")
    _second_line(chart, axes, 0.0)


def _freeze(chart: Chart, figure: Figure, axes: Axes) -> None:
    """Lay everything out, after which a place in pixels stays one; and let the second line begin where the title does."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    area = axes.get_window_extent()
    _second_line(chart, axes, (LEFT * figure.bbox.width - area.x0) / area.width)


def _second_line(chart: Chart, axes: Axes, x: float) -> None:
    """What holds for the whole picture, from a place that is a share of the axis."""
    text = "\n".join(textwrap.wrap("; ".join(chart.subtitle), LONGEST_LINE))
    axes.set_title(text, loc="left", x=x, pad=9, fontsize=9.5, color="#555555")


def _name_markers(chart: Chart, axes: Axes) -> None:
    """What the legend says: the groups, and what small, hollow and ringed markers and crosses are."""
    marks = [mark for curve in chart.curves for mark in curve.marks]
    for group, style in chart.styles.items():
        line = "" if chart.legend_title else "-" if any(curve.stairs for curve in chart.curves) else "--"
        text = group if len(group) <= 60 else f"{group[:59]}…"
        axes.plot(
            [],
            [],
            f"{line}{style.marker}",
            color=style.colour,
            linewidth=1.0 if line == "--" else 1.6,
            markersize=MARKER_POINTS,
            label=text or " ",
        )
    if any(mark.knee for mark in marks):
        axes.plot([], [], "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, label="knee")
    if any(mark.again for mark in marks):
        axes.plot([], [], "o", color="#777777", markersize=AGAIN_POINTS, label="the same plan holds")
    if any(mark.y is not None and not mark.proved for mark in marks):
        axes.plot(
            [], [], "o", markersize=MARKER_POINTS, markerfacecolor="white", markeredgecolor=INK, label="not proved"
        )
    if any(mark.y is None and mark.proved for mark in marks):
        axes.plot([], [], "x", color=INK, markersize=MARKER_POINTS, markeredgewidth=1.8, label="no plan")
    if any(mark.y is None and not mark.proved for mark in marks):
        axes.plot(
            [], [], marker=question_mark(), linestyle="", color=INK, markersize=MARKER_POINTS + 1, label="not decided"
        )


def _legend(chart: Chart, figure: Figure | SubFigure, axes: Axes) -> None:
    """Names of the colours, in as many columns as fit, below the curves."""
    _name_markers(chart, axes)
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) < 2 and not chart.legend_title:
        return
    width = figure.bbox.width
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            columnspacing=1.4,
            handletextpad=0.4,
        )
        if columns == 1 or legend.get_window_extent().width <= 0.97 * width:
            return
        legend.remove()
