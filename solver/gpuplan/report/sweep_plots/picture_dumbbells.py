"""Break-even prices as dumbbells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.report.sweep_plots.chart import INK, LOSES, WINS, Chart
from gpuplan.report.sweep_plots.picture_curves import set_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_dumbbells(chart: Chart, axes: Axes) -> None:
    """Draw a line for each offer, from its listed price to its break-even price."""
    set_scale(chart.x, axes, axes.xaxis, "x")
    for row, one in enumerate(chart.dumbbells):
        colour = WINS if one.wins else LOSES
        prices = [price for price in (one.listed, one.even) if price is not None]
        if len(prices) == 2:
            axes.plot(prices, [row, row], color=colour, linewidth=3, alpha=0.45, solid_capstyle="round", zorder=1)
        if one.listed is not None:
            axes.plot(one.listed, row, "o", color=INK, markersize=7, zorder=3)
        if one.even is not None:
            axes.plot(one.even, row, "D", color=colour, markersize=8, zorder=2)
        where = max(prices, default=chart.x.low)
        if one.note:
            axes.annotate(
                one.note, (where, row), (9, 0), textcoords="offset points", va="center", fontsize=9, color=INK
            )
    axes.set_ylim(max(1, len(chart.dumbbells)) - 0.4, -0.6)
    axes.set_yticks(range(len(chart.dumbbells)), [one.label for one in chart.dumbbells], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.grid(color="#E3E3E3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.plot([], [], "o", color=INK, markersize=7, label="listed price")
    axes.plot([], [], "D", color=WINS, markersize=8, label="break-even, the offer wins now")
    axes.plot([], [], "D", color=LOSES, markersize=8, label="break-even, it must fall to this")
    figure = axes.get_figure(root=False)
    if figure is not None:
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
