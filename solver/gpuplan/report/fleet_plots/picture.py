"""PNG and SVG by matplotlib, which is loaded only here and in the modules that this one uses."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gpuplan.report.fleet_plots.chart import DEADLINE, LATE, WINDOW, FleetChart, Head
from gpuplan.report.fleet_plots.layout import EDGE, GAP, MOST_LEFT, PANEL, POINTS, SHARP, WIDTH, Layout, letters
from gpuplan.report.fleet_plots.picture_panels import draw_panel
from gpuplan.report.fleet_plots.picture_rows import ARROW, HATCH, draw_rows
from gpuplan.report.plot_picture import drawing_style, saved
from gpuplan.report.sweep_plots.chart import INK

TITLE, SUBTITLE, LEGEND = 13.0, 9.5, 9.0
#: Height of a line against its letters.
LINE = 1.45
#: Most lines of a title.
MOST_TITLE, MOST_SUBTITLE = 3, 5
Measure = Callable[[str], float]


def picture(chart: FleetChart, kind: str) -> bytes:
    """Draw the chart as "png" or "svg"."""
    with drawing_style():
        figure, layout = figure_of(chart)
        return saved(figure, kind, layout.dpi)


def figure_of(chart: FleetChart) -> tuple[Figure, Layout]:
    """The chart as a figure with every text in its place, and its sizes; call it under `plot_picture.drawing_style`."""
    figure = Figure(figsize=(WIDTH, 8.0), dpi=SHARP, facecolor="white")
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]

    def measure(size: float, *, bold: bool = False) -> Measure:
        font = FontProperties(size=size, weight="bold" if bold else "normal")
        return lambda text: float(renderer.get_text_width_height_descent(text, font, False)[0]) / figure.dpi

    title = _wrapped(chart.title, measure(TITLE, bold=True), MOST_TITLE)
    second = _wrapped("; ".join(chart.subtitle), measure(SUBTITLE), MOST_SUBTITLE)
    handles = _legend(chart)
    legend = _lines_of([handle.get_label() for handle in handles], measure(LEGEND))
    size = letters(chart)
    heights = [len(title) * TITLE, len(second) * SUBTITLE, len(legend) * LEGEND]
    layout = Layout(
        size=size,
        row=size * 1.62 / POINTS,
        rows=len(chart.rows) + bool(chart.more),
        panels=len(chart.panels),
        head=EDGE + sum(heights) * LINE / POINTS + 2 * GAP,
        left=_left(chart, measure(size), measure(SUBTITLE, bold=True), measure(LEGEND)),
    )
    figure.set_size_inches(WIDTH, layout.height)
    _head(figure, layout, title, second)
    _place_legend(figure, layout, handles, legend, sum(heights[:2]) * LINE / POINTS)
    draw_rows(chart, figure, layout, measure(size))
    for index, panel in enumerate(chart.panels):
        axes = figure.add_axes(layout.box(layout.panel_top(index), PANEL))
        draw_panel(chart, panel, axes, layout, measure, last=index == len(chart.panels) - 1)
    return figure, layout


def _wrapped(text: str, measure: Measure, most: int) -> list[str]:
    """Lines no wider than the picture; what does not fit into so many is cut off."""
    wide = max(measure(text), 1e-9)
    letters_of_a_line = max(20, int(len(text) * (WIDTH - 2 * EDGE) / wide * 0.97))
    lines = textwrap.wrap(text, letters_of_a_line, break_on_hyphens=False)
    while any(measure(line) > WIDTH - 2 * EDGE for line in lines) and letters_of_a_line > 20:
        letters_of_a_line -= 2
        lines = textwrap.wrap(text, letters_of_a_line, break_on_hyphens=False)
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1].rstrip()[:-2]} …"]


def _left(chart: FleetChart, rows: Measure, names: Measure, notes: Measure) -> float:
    """Width of the names: that of the longest, up to a limit."""
    widths = [rows(row.name) + GAP for row in chart.rows if not isinstance(row, Head)]
    widths.append(rows(chart.time.title) + GAP)
    widths += [names(panel.name) for panel in chart.panels]
    widths += [notes(note) for panel in chart.panels for note in panel.notes]
    return min(MOST_LEFT, max(widths, default=0.0))


def _head(figure: Figure, layout: Layout, title: list[str], second: list[str]) -> None:
    """Title and what holds for the whole picture."""
    left, top = EDGE / WIDTH, layout.height - EDGE
    common: dict[str, Any] = {"ha": "left", "va": "top", "linespacing": 1.2}
    figure.text(left, top / layout.height, "\n".join(title), fontsize=TITLE, fontweight="bold", **common)
    top -= len(title) * TITLE * LINE / POINTS
    figure.text(left, top / layout.height, "\n".join(second), fontsize=SUBTITLE, color="#555555", **common)


def _legend(chart: FleetChart) -> list[Any]:
    """What colours and marks mean, those that are there."""
    handles: list[Any] = [Patch(facecolor=style.colour, label=group) for group, style in chart.styles.items()]
    tasks = chart.tasks
    if any(task.late_from is not None for task in tasks):
        handles.append(Patch(facecolor="white", edgecolor=LATE, hatch=HATCH, label="late"))
    if any(task.deadline is not None for task in tasks):
        handles.append(
            Line2D([], [], color=DEADLINE, marker="|", markersize=9, markeredgewidth=2, linewidth=0, label="deadline")
        )
    if any(task.deadline is not None and task.late_from is None for task in tasks):
        handles.append(Patch(facecolor=WINDOW, label="slack (pale)"))
    if any(task.ready is not None for task in tasks):
        handles.append(Line2D([], [], color="#888888", linewidth=1, linestyle=":", label="could start, waits"))
    if chart.links:
        handles.append(Line2D([], [], color=ARROW, linewidth=0.9, marker=">", markersize=4, label="comes after"))
    if any(out.until is not None or out.since for out in chart.outs):
        handles.append(Patch(facecolor="white", edgecolor="#999999", linestyle="--", label="when it could run"))
    if chart.panels:
        handles.append(Line2D([], [], color=INK, linewidth=1.4, label="how many there are"))
    if any(panel.full for panel in chart.panels):
        handles.append(Patch(facecolor="#555555", label="all in use (dark)"))
    return handles


def _lines_of(labels: list[str], measure: Measure) -> list[int]:
    """How many entries of the legend go into each line."""
    lines, used = [0], 0.0
    for label in labels:
        width = measure(label) + _MARK
        if lines[-1] and used + width > WIDTH - 2 * EDGE:
            lines.append(0)
            used = 0.0
        lines[-1] += 1
        used += width
    return lines if labels else []


#: Width of the mark of an entry of the legend, with what is around it.
_MARK = 0.55


def _place_legend(figure: Figure, layout: Layout, handles: list[Any], lines: list[int], above: float) -> None:
    """The entries under the second line, line by line."""
    first = 0
    for index, count in enumerate(lines):
        top = layout.height - EDGE - above - GAP / 2 - index * LEGEND * LINE / POINTS
        legend = figure.legend(
            handles=handles[first : first + count],
            loc="upper left",
            bbox_to_anchor=(EDGE / WIDTH, top / layout.height),
            ncols=count,
            frameon=False,
            fontsize=LEGEND,
            borderpad=0.0,
            borderaxespad=0.0,
            columnspacing=1.4,
            handletextpad=0.5,
            handlelength=1.5,
            handleheight=0.8,
        )
        legend.set_zorder(5)
        first += count
