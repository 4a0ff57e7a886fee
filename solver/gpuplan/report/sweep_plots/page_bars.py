"""Memory bars and break-even prices of a page."""

from __future__ import annotations

import math
from html import escape

import plotly.graph_objects as go

from gpuplan.report.sweep_plots.bars import GIB, colour_of, part_names, stacked
from gpuplan.report.sweep_plots.chart import INK, LOSES, OTHER, PALE, WINS, Chart
from gpuplan.report.sweep_plots.page_words import axis_of, hover_text

OFFER_PIXELS, AROUND_OFFERS_PIXELS = 34, 220


def draw_bars(chart: Chart, figure: go.Figure) -> None:
    """Draw a bar for each plan into the second row: the parts of the estimate, in what is usable, and the bound."""
    names = [*part_names(chart), OTHER]
    rows = [escape(bar.label) for bar in chart.bars]
    whole = {"y": rows, "orientation": "h", "hoverinfo": "skip", "showlegend": True, "legend": "legend2"}
    usable = {"color": PALE, "line": {"color": "#888888", "width": 1}}
    figure.add_trace(
        go.Bar(x=[bar.usable / GIB for bar in chart.bars], width=0.8, name="usable", marker=usable, **whole),
        row=2,
        col=1,
    )
    sizes, left = [stacked(bar, names) for bar in chart.bars], [0.0] * len(chart.bars)
    texts = [hover_text(bar.hover) for bar in chart.bars]
    for name in names:
        widths = [size.get(name, 0.0) / GIB for size in sizes]
        figure.add_trace(
            go.Bar(
                x=widths,
                base=list(left),
                y=rows,
                orientation="h",
                width=0.5,
                name=name,
                marker={"color": colour_of(name)},
                text=texts,
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
                legend="legend2",
            ),
            row=2,
            col=1,
        )
        left = [before + width for before, width in zip(left, widths, strict=True)]
    figure.add_trace(
        go.Scatter(
            x=[bar.bound / GIB for bar in chart.bars],
            y=rows,
            mode="markers",
            name=chart.bound_title,
            marker={"symbol": "line-ns", "size": 16, "line": {"width": 3, "color": INK}},
            text=texts,
            hovertemplate="%{text}<extra></extra>",
            legend="legend2",
        ),
        row=2,
        col=1,
    )
    figure.update_xaxes(title={"text": "GiB per GPU"}, rangemode="tozero", row=2, col=1)
    figure.update_yaxes(autorange="reversed", automargin=True, row=2, col=1)
    top = figure.layout.yaxis2.domain[1]
    figure.update_layout(legend2={"y": top, "yanchor": "top", "x": 1.02, "xanchor": "left", "traceorder": "normal"})


def dumbbells_figure(chart: Chart) -> go.Figure:
    """Break-even prices, a line for each offer."""
    figure = go.Figure()
    rows = [escape(one.label) for one in chart.dumbbells]
    for row, one in enumerate(chart.dumbbells):
        if one.listed is not None and one.even is not None:
            colour = WINS if one.wins else LOSES
            line = {"color": colour, "width": 4}
            silent = {"hoverinfo": "skip", "showlegend": False}
            figure.add_trace(
                go.Scatter(
                    x=[one.listed, one.even],
                    y=[row, row],
                    mode="lines",
                    line=line,
                    opacity=0.45,
                    **silent,
                )
            )
    listed = [(row, one, one.listed, INK, "circle") for row, one in enumerate(chart.dumbbells)]
    evens = [(row, one, one.even, WINS if one.wins else LOSES, "diamond") for row, one in enumerate(chart.dumbbells)]
    for name, places in (("listed price", listed), ("break-even price", evens)):
        shown = [place for place in places if place[2] is not None]
        figure.add_trace(
            go.Scatter(
                x=[price for _, _, price, _, _ in shown],
                y=[row for row, *_ in shown],
                mode="markers",
                name=name,
                marker={
                    "color": [colour for *_, colour, _ in shown],
                    "symbol": [symbol for *_, symbol in shown],
                    "size": 12,
                },
                text=[hover_text(one.hover) for _, one, *_ in shown],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    for row, one in enumerate(chart.dumbbells):
        where = max((price for price in (one.listed, one.even) if price is not None), default=chart.x.low)
        x = math.log10(where) if chart.x.log else where
        figure.add_annotation(x=x, y=row, text=escape(one.note), showarrow=False, xanchor="left", xshift=12)
    figure.update_xaxes(**axis_of(chart.x))
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=rows, range=[max(1, len(rows)) - 0.4, -0.6], automargin=True
    )
    figure.update_layout(height=AROUND_OFFERS_PIXELS + OFFER_PIXELS * max(2, len(rows)))
    return figure
