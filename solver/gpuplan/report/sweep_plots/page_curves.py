"""The curves of a page."""

from __future__ import annotations

import math
import textwrap
from html import escape
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gpuplan.report.sweep_plots.chart import INK, PALE, PALER, Axis, Chart, Curve, Mark
from gpuplan.report.sweep_plots.page_bars import draw_bars
from gpuplan.report.sweep_plots.page_words import axis_of, hover_text
from gpuplan.report.sweep_plots.scales import Scale

CURVES_PIXELS, BAR_PIXELS, AROUND_BARS_PIXELS = 560, 26, 150


def curves_figure(chart: Chart) -> go.Figure:
    """The curves, and the memory bars below them."""
    rows = 2 if chart.bars else 1
    below = AROUND_BARS_PIXELS + BAR_PIXELS * len(chart.bars) if chart.bars else 0
    figure = make_subplots(
        rows=rows,
        cols=1,
        row_heights=[CURVES_PIXELS, below][:rows],
        vertical_spacing=min(0.5, 130 / (CURVES_PIXELS + below)),
        subplot_titles=("", escape(chart.bars_title))[:rows],
    )
    _regions(chart, figure)
    for curve in chart.curves:
        _line(chart, curve, figure)
    for group in chart.styles:
        _marks(chart, group, figure)
    _missing(chart, figure)
    _shut(chart, figure)
    _words(chart, figure)
    figure.update_xaxes(**axis_of(chart.x), row=1, col=1)
    if chart.y is not None:
        figure.update_yaxes(**axis_of(chart.y), row=1, col=1)
    if chart.bars:
        draw_bars(chart, figure)
    figure.update_layout(height=CURVES_PIXELS + below + 100, barmode="overlay", legend={"groupclick": "toggleitem"})
    return figure


def _regions(chart: Chart, figure: go.Figure) -> None:
    found = chart.curves[0].found if chart.curves else []
    if chart.nothing_below and found and chart.y is not None:
        x, y = _corners(chart, found)
        figure.add_trace(
            go.Scatter(
                x=[*x, x[-1], x[0]],
                y=[*y, chart.y.low, chart.y.low],
                fill="toself",
                fillcolor=PALER,
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            ),
            row=1,
            col=1,
        )


def _shut(chart: Chart, figure: go.Figure) -> None:
    """Shade what no plan reaches; plotly wants the curves to be there before."""
    found = chart.curves[0].found if chart.curves else []
    until = found[0].x if chart.nothing_below and found else None if chart.shut is None else chart.shut[1]
    if until is not None:
        figure.add_vrect(chart.x.low, until, fillcolor=PALE, line_width=0, layer="below", row=1, col=1)


def _corners(chart: Chart, found: list[Mark]) -> tuple[list[float], list[float]]:
    """Corners of the stairs, to the right edge."""
    x, y = [found[0].x], [found[0].height]
    for before, after in pairwise(found):
        x += [after.x, after.x]
        y += [before.height, after.height]
    return [*x, chart.x.high], [*y, y[-1]]


def _line(chart: Chart, curve: Curve, figure: go.Figure) -> None:
    found = curve.found
    if not found:
        return
    x, y = _corners(chart, found) if curve.stairs else ([mark.x for mark in found], [mark.height for mark in found])
    colour = "#777777" if chart.legend_title else chart.styles[curve.label].colour
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": colour, "width": 2} if curve.stairs else {"color": colour, "width": 1, "dash": "dash"},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=escape(curve.label),
        ),
        row=1,
        col=1,
    )


def _marks(chart: Chart, group: str, figure: go.Figure) -> None:
    style = chart.styles[group]
    marks = [mark for curve in chart.curves for mark in curve.found if mark.group == group]
    figure.add_trace(
        go.Scatter(
            x=[mark.x for mark in marks],
            y=[mark.y for mark in marks],
            mode="markers",
            name=escape(group) or " ",
            legendgroup=escape(group),
            text=[hover_text(mark.hover) for mark in marks],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "color": style.colour,
                "symbol": [style.symbol if mark.proved else f"{style.symbol}-open" for mark in marks],
                "size": [14 if mark.knee else 6 if mark.again else 10 for mark in marks],
                "opacity": [0.6 if mark.again else 1.0 for mark in marks],
                "line": {
                    "width": [3 if mark.knee else 1 for mark in marks],
                    "color": [INK if mark.knee else "white" for mark in marks],
                },
            },
        ),
        row=1,
        col=1,
    )


def _missing(chart: Chart, figure: go.Figure) -> None:
    """Points without a plan, at the edge of the picture."""
    if chart.y is None:
        return
    for proved, symbol, name in ((True, "x", "no plan"), (False, "diamond-tall-open", "not decided")):
        marks = [mark for curve in chart.curves for mark in curve.missing if mark.proved == proved]
        if marks:
            figure.add_trace(
                go.Scatter(
                    x=[mark.x for mark in marks],
                    y=[_edge(chart.y, 0.955 if chart.empty_above else 0.045)] * len(marks),
                    mode="markers",
                    name=name,
                    text=[hover_text(mark.hover) for mark in marks],
                    hovertemplate="%{text}<extra></extra>",
                    marker={"color": INK, "symbol": symbol, "size": 10},
                ),
                row=1,
                col=1,
            )


def _edge(axis: Axis, share: float) -> float:
    """The value at a share of an axis."""
    if axis.log:
        return math.exp(math.log(axis.low) + share * (math.log(axis.high) - math.log(axis.low)))
    return axis.low + share * (axis.high - axis.low)


def _words(chart: Chart, figure: go.Figure) -> None:
    """Knee and ends by name, and why a region is empty; all else is under the pointer."""
    marks = [
        mark
        for curve in chart.curves
        for mark in curve.found
        if mark.knee or (mark.rank == 0 and len(chart.curves) == 1)
    ]
    for mark in marks:
        left = Scale(chart.x.low, chart.x.high, chart.x.log)(mark.x) > 0.8
        figure.add_annotation(
            x=math.log10(mark.x) if chart.x.log else mark.x,
            y=math.log10(mark.height) if chart.y is not None and chart.y.log else mark.y,
            text=escape(mark.label),
            showarrow=False,
            xanchor="right" if left else "left",
            yanchor="bottom",
            xshift=-8 if left else 8,
            yshift=6,
            row=1,
            col=1,
        )
    told = chart.nothing or chart.beyond
    if told:
        figure.add_annotation(
            x=0.5 if chart.nothing else 0.006,
            y=0.5 if chart.nothing else 0.03,
            xref="x domain",
            yref="y domain",
            text=f"<i>{'<br>'.join(escape(line) for line in textwrap.wrap(told, 60 if chart.nothing else 22))}</i>",
            showarrow=False,
            align="left",
            xanchor="center" if chart.nothing else "left",
            yanchor="bottom",
        )
