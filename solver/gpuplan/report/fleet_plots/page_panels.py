"""The panels of a page: how much of a limit is in use, and how much of it there is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from gpuplan.report.fleet_plots.chart import Panel, Step
from gpuplan.report.fleet_plots.colours import clear
from gpuplan.report.fleet_plots.page_time import Clock, Moment
from gpuplan.report.sweep_plots.chart import INK


def draw_panel(panel: Panel, figure: go.Figure, clock: Clock, row: int) -> None:
    """Draw one limit into a part of the figure."""
    end = clock.high
    first = row == 2
    figure.add_trace(
        go.Scatter(
            x=[clock.at(step.hours) for step in panel.use] + [clock.at(end)],
            y=[step.units for step in panel.use] + [panel.use_at(end)],
            line={"shape": "hv", "width": 1, "color": panel.colour},
            fill="tozeroy",
            fillcolor=clear(panel.colour, 0.4),
            mode="lines",
            name=escape(panel.name),
            text=[_told(panel, step.hours) for step in panel.use] + [_told(panel, end)],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        ),
        row=row,
        col=1,
    )
    _full(panel, figure, clock, row)
    figure.add_trace(
        go.Scatter(
            x=[clock.at(step.hours) for step in panel.capacity] + [clock.at(end)],
            y=[step.units for step in panel.capacity] + [panel.capacity_at(end)],
            line={"shape": "hv", "width": 2, "color": INK},
            mode="lines",
            name="how many there are",
            legendgroup="capacity",
            showlegend=first,
            text=[_told(panel, step.hours) for step in panel.capacity] + [_told(panel, end)],
            hovertemplate="%{text}<extra></extra>",
        ),
        row=row,
        col=1,
    )
    notes = "; ".join(panel.notes)
    figure.add_annotation(
        text=f"<b>{escape(panel.name)}</b>  {escape(notes)}",
        xref="x domain",
        yref="y domain",
        x=0,
        y=1.02,
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        row=row,
        col=1,
    )
    figure.update_yaxes(
        range=[0, 1.08 * panel.top], tickvals=[0, panel.named], fixedrange=True, automargin=True, row=row, col=1
    )


def _full(panel: Panel, figure: go.Figure, clock: Clock, row: int) -> None:
    """Where nothing is left, darker."""
    x: list[Moment | None] = []
    y: list[int | None] = []
    for since, until in panel.full:
        steps = [Step(since, panel.use_at(since)), *(step for step in panel.use if since < step.hours < until)]
        px, py = _outline(steps, until)
        x += [*(clock.at(hours) for hours in px), None]
        y += [*py, None]
    if x:
        fill = {"fill": "toself", "fillcolor": panel.colour, "line": {"width": 0}, "mode": "lines"}
        figure.add_trace(go.Scatter(x=x, y=y, hoverinfo="skip", showlegend=False, **fill), row=row, col=1)


def _outline(steps: Sequence[Step], until: float) -> tuple[list[float], list[int]]:
    """Corners of an area under steps."""
    x, y = [steps[0].hours], [0]
    for index, step in enumerate(steps):
        end = steps[index + 1].hours if index + 1 < len(steps) else until
        x += [step.hours, end]
        y += [step.units, step.units]
    return [*x, until], [*y, 0]


def _told(panel: Panel, hours: float) -> str:
    """How much is in use from an hour on."""
    return f"{escape(panel.name)}: {panel.use_at(hours):,} of {panel.capacity_at(hours):,} {panel.unit} in use"
