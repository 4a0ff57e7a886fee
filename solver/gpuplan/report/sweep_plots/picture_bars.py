"""The memory bars of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gpuplan.report import format as say
from gpuplan.report.sweep_plots.bars import GIB, colour_of, part_names, stacked
from gpuplan.report.sweep_plots.chart import INK, OTHER, PALE, Chart
from gpuplan.report.sweep_plots.picture_curves import set_scale
from gpuplan.report.sweep_plots.scales import axis

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import SubFigure


def draw_bars(chart: Chart, figure: SubFigure) -> None:
    """Draw a bar for each plan: the parts of the estimate, in what is usable, with the bound that was held against it."""
    axes = figure.subplots()
    names = [*part_names(chart), OTHER]
    colours = {name: colour_of(name) for name in names}
    for row, bar in enumerate(chart.bars):
        axes.barh(row, bar.usable / GIB, height=0.78, color=PALE, edgecolor="#888888", linewidth=0.8, zorder=1)
        sizes, left = stacked(bar, names), 0.0
        for name in names:
            width = sizes.get(name, 0.0) / GIB
            axes.barh(
                row, width, left=left, height=0.5, color=colours[name], edgecolor="white", linewidth=0.4, zorder=2
            )
            left += width
        axes.plot(
            [bar.bound / GIB] * 2, [row - 0.39, row + 0.39], color=INK, linewidth=2.2, solid_capstyle="butt", zorder=3
        )
        axes.annotate(
            say.percent(bar.bound / bar.usable),
            (bar.usable / GIB, row),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    largest = max(max(bar.usable, bar.bound) for bar in chart.bars) / GIB
    set_scale(axis("GiB per GPU", "count", [0.0, largest], left=0.0, right=0.07), axes, axes.xaxis, "x")
    axes.set_ylim(len(chart.bars) - 0.45, -0.55)
    axes.set_yticks(range(len(chart.bars)), [bar.label for bar in chart.bars], fontsize=9)
    axes.tick_params(axis="y", length=0, pad=16)
    for row, bar in enumerate(chart.bars):
        style = chart.styles[bar.group]
        axes.plot(
            -0.016,
            row,
            style.marker,
            color=style.colour,
            markersize=7,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )
    axes.set_title(chart.bars_title, loc="left", fontsize=10.5, fontweight="bold")
    handles: list[Artist] = [Patch(color=colours[name], label=name) for name in names]
    handles.append(Patch(facecolor=PALE, edgecolor="#888888", label="usable"))
    handles.append(Line2D([], [], color=INK, linewidth=2.2, label=chart.bound_title))
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=9,
            columnspacing=1.2,
            handletextpad=0.5,
        )
        if columns == 1 or legend.get_window_extent().width <= 0.97 * figure.bbox.width:
            return
        legend.remove()
