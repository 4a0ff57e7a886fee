"""One HTML file with the picture in it, by plotly, which is loaded only here and in the modules that this one uses."""

from __future__ import annotations

import textwrap
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gpuplan.report.fleet_plots.chart import FleetChart, Head
from gpuplan.report.fleet_plots.page_panels import draw_panel
from gpuplan.report.fleet_plots.page_rows import draw_rows
from gpuplan.report.fleet_plots.page_time import Clock
from gpuplan.report.plot_page import offline_page
from gpuplan.report.sweep_plots.chart import INK
from gpuplan.report.sweep_plots.phrases import short_middle

#: Pixels of a row, of a panel, between panels, of a line of the title, and around everything.
ROW, PANEL, BETWEEN, LINE = 21, 80, 40, 24
BELOW, LEGEND, DATES = 50, 60, 24
LONGEST_NAME, LONGEST_TITLE, LONGEST_LINE = 36, 110, 150
WIDTH = 1500


def page(chart: FleetChart) -> str:
    """The chart as a page: the same picture, with the whole plan of a job under the pointer, and zoom along the time."""
    return offline_page(figure_of(chart), chart.title, "gpuplan-fleet", width=WIDTH, wheel_zooms=False)


def figure_of(chart: FleetChart) -> go.Figure:
    """Rows above, panels below, one time axis."""
    heights = [ROW * max(2, len(chart.rows) + bool(chart.more)), *(PANEL for _ in chart.panels)]
    inner = sum(heights) + BETWEEN * len(chart.panels)
    figure = make_subplots(
        rows=len(heights),
        cols=1,
        shared_xaxes=True,
        row_heights=heights,
        vertical_spacing=BETWEEN / inner,
    )
    clock = Clock(chart.time)
    draw_rows(chart, figure, clock)
    for index, panel in enumerate(chart.panels):
        draw_panel(panel, figure, clock, index + 2)
    _axes(chart, figure, clock, len(heights))
    title = [f"<b>{escape(line)}</b>" for line in textwrap.wrap(chart.title, LONGEST_TITLE)]
    second = [
        f"<span style='font-size:13px'>{escape(line)}</span>"
        for line in textwrap.wrap("; ".join(chart.subtitle), LONGEST_LINE)
    ]
    top = LINE * (len(title) + len(second)) + LEGEND + DATES + 10
    figure.update_layout(
        height=inner + top + BELOW,
        margin={"l": 20, "r": 30, "t": top, "b": BELOW},
        title={
            "text": "<br>".join([*title, *second]),
            "x": 0.01,
            "xanchor": "left",
            "yref": "container",
            "y": 1 - 30 / (inner + top + BELOW),
            "yanchor": "top",
            "font": {"size": 18, "color": INK},
        },
        template="plotly_white",
        font={"color": INK, "size": 12},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 12}},
        hovermode="closest",
        barmode="overlay",
        dragmode="zoom",
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1 + (DATES + 8) / inner,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
    )
    return figure


def _axes(chart: FleetChart, figure: go.Figure, clock: Clock, rows: int) -> None:
    """Names of the rows on the left; the time above the rows and below the last panel."""
    names = [
        f"<b>{escape(row.text)}</b>" if isinstance(row, Head) else escape(short_middle(row.name, LONGEST_NAME))
        for row in chart.rows
    ]
    if chart.more:
        names.append(f"<i>{escape(chart.more)}</i>")
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        range=[max(2, len(names)) - 0.5, -0.5],
        fixedrange=True,
        automargin=True,
        showgrid=False,
        zeroline=False,
        ticks="outside",
        ticklen=8,
        tickcolor="rgba(0,0,0,0)",
        row=1,
        col=1,
    )
    for index in range(1, rows + 1):
        figure.update_xaxes(**clock.axis(), showticklabels=index in (1, rows), row=index, col=1)
    figure.update_xaxes(side="top", row=1, col=1)
    if rows > 1:  # above a single part the legend is
        figure.update_xaxes(title={"text": escape(chart.time.title)}, row=rows, col=1)
