"""The rows of a page: bars, slack, deadlines, what is late, what comes after what."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from gpuplan.report.fleet_plots.chart import BAND, DEADLINE, LATE, WINDOW, FleetChart, Head, Task
from gpuplan.report.fleet_plots.colours import SLACK, letters_on, pale
from gpuplan.report.fleet_plots.labels import Label, place
from gpuplan.report.fleet_plots.page_time import Clock, Moment
from gpuplan.report.format import GLUE
from gpuplan.report.sweep_plots.chart import INK
from gpuplan.report.sweep_plots.page_words import hover_text

BAR, ARROW = 0.7, "#6B7280"
#: Pixels of the time axis of a narrow page, of letters of labels and of the space around them.
NARROW, LETTERS, PAD = 950.0, 11, 6.0
#: Jobs closer than this share of the axis follow straight on.
STRAIGHT = 0.004
_SILENT: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False}


def draw_rows(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    """Draw all rows into the first part of the figure."""
    _waits(chart, figure, clock)
    _slack(chart, figure, clock)
    for group, style in chart.styles.items():
        tasks = [task for task in chart.tasks if task.group == group]
        _bars(chart, figure, clock, tasks, group, marker={"color": style.colour})
    late = [task for task in chart.tasks if task.late_from is not None]
    if late:
        _late(chart, figure, clock, late)
    _outs(chart, figure, clock)
    _deadlines(chart, figure, clock)
    _labels(chart, figure, clock)
    _links(chart, figure, clock)
    _bands(chart, figure)


def _bands(chart: FleetChart, figure: go.Figure) -> None:
    """Every other row in a tint; all at once, as plotly takes longer for each that is added."""
    band = {"type": "rect", "xref": "x domain", "yref": "y", "x0": 0, "x1": 1, "fillcolor": BAND, "layer": "below"}
    figure.update_layout(
        shapes=[
            {**band, "line": {"width": 0}, "y0": index - 0.5, "y1": index + 0.5}
            for index, row in enumerate(chart.rows)
            if index % 2 and not isinstance(row, Head)
        ]
    )


def _bars(
    chart: FleetChart, figure: go.Figure, clock: Clock, tasks: Sequence[Task], name: str, *, marker: dict[str, Any]
) -> None:
    """Bars of jobs on one GPU, with the whole plan under the pointer."""
    figure.add_trace(
        go.Bar(
            y=[chart.places[task.name] for task in tasks],
            base=[clock.at(task.start) for task in tasks],
            x=[clock.long(task.end - task.start) for task in tasks],
            orientation="h",
            width=BAR,
            name=escape(name) or " ",
            marker=marker,
            hovertext=[hover_text(task.hover) for task in tasks],
            hovertemplate="%{hovertext}<extra></extra>",
        ),
        row=1,
        col=1,
    )


def _labels(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    """What runs there: in its bar, or beside it; placed as on a narrow page, and kept there when it is zoomed."""
    places = [(task, place(task, NARROW / clock.high, NARROW, _width, PAD)) for task in chart.tasks]
    found = [(task, label) for task, label in places if label is not None]
    if not found:
        return
    inside = [label.beside == "inside" for _, label in found]
    colours = [letters_on(chart.styles[task.group].colour) for task, _ in found]
    figure.add_trace(
        go.Scatter(
            x=[clock.at(_anchor(task, label)) for task, label in found],
            y=[chart.places[task.name] for task, _ in found],
            mode="text",
            text=[f"{GLUE}{escape(label.text)}{GLUE}" for _, label in found],
            textposition=["middle left" if label.beside == "before" else "middle right" for _, label in found],
            textfont={"size": LETTERS, "color": [c if i else INK for c, i in zip(colours, inside, strict=True)]},
            cliponaxis=False,
            **_SILENT,
        ),
        row=1,
        col=1,
    )


def _anchor(task: Task, label: Label) -> float:
    """The hour beside which a label stands."""
    if label.beside == "after":
        return task.end
    return task.start if label.beside in ("inside", "before") or task.deadline is None else task.deadline


def _width(text: str) -> float:
    """About so many pixels has a text of a page."""
    return 0.6 * LETTERS * len(text)


def _late(chart: FleetChart, figure: go.Figure, clock: Clock, tasks: Sequence[Task]) -> None:
    """What is after the deadline, hatched."""
    colours = [pale(chart.styles[task.group].colour, 0.5) for task in tasks]
    starts = [task.start if task.late_from is None else task.late_from for task in tasks]
    figure.add_trace(
        go.Bar(
            y=[chart.places[task.name] for task in tasks],
            base=[clock.at(start) for start in starts],
            x=[clock.long(task.end - start) for task, start in zip(tasks, starts, strict=True)],
            orientation="h",
            width=BAR,
            name="late",
            marker={
                "color": colours,
                "pattern": {"shape": "/", "fgcolor": LATE, "bgcolor": colours, "size": 6, "solidity": 0.2},
                "line": {"color": LATE, "width": 1},
            },
            hovertext=[hover_text(task.hover) for task in tasks],
            hovertemplate="%{hovertext}<extra></extra>",
        ),
        row=1,
        col=1,
    )


def _slack(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    """From the end to the deadline, pale."""
    tasks = [task for task in chart.tasks if task.deadline is not None and task.deadline > task.end]
    if not tasks:
        return
    figure.add_trace(
        go.Bar(
            y=[chart.places[task.name] for task in tasks],
            base=[clock.at(task.end) for task in tasks],
            x=[clock.long((task.deadline or task.end) - task.end) for task in tasks],
            orientation="h",
            width=BAR,
            name="slack (pale)",
            marker={"color": [pale(chart.styles[task.group].colour, SLACK) for task in tasks]},
            hoverinfo="skip",
            showlegend=False,
        ),
        row=1,
        col=1,
    )
    grey = go.Bar(x=[None], y=[None], name="slack (pale)", marker={"color": WINDOW}, hoverinfo="skip")
    figure.add_trace(grey, row=1, col=1)


def _deadlines(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    tasks = [task for task in chart.tasks if task.deadline is not None]
    if not tasks:
        return
    figure.add_trace(
        go.Scatter(
            x=[clock.at(task.deadline or 0.0) for task in tasks],
            y=[chart.places[task.name] for task in tasks],
            mode="markers",
            name="deadline",
            marker={"symbol": "line-ns", "size": 15, "line": {"width": 2, "color": DEADLINE}},
            text=[hover_text(task.hover) for task in tasks],
            hovertemplate="deadline of %{text}<extra></extra>",
        ),
        row=1,
        col=1,
    )


def _waits(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    """From when a job could start to when it does."""
    x: list[Moment | None] = []
    y: list[int | None] = []
    for task in chart.tasks:
        if task.ready is not None:
            x += [clock.at(task.ready), clock.at(task.start), None]
            y += [chart.places[task.name]] * 2 + [None]
    if x:
        line = {"color": "#888888", "width": 1, "dash": "dot"}
        trace = go.Scatter(x=x, y=y, mode="lines", name="could start, waits", line=line, hoverinfo="skip")
        figure.add_trace(trace, row=1, col=1)


def _outs(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    """Windows of jobs without a place, and why they have none."""
    rows = [index for index, row in enumerate(chart.rows) if row in chart.outs]
    if not rows:
        return
    ends = [chart.time.high if out.until is None else max(out.until, out.since) for out in chart.outs]
    figure.add_trace(
        go.Bar(
            y=rows,
            base=[clock.at(out.since) for out in chart.outs],
            x=[clock.long(end - out.since) for out, end in zip(chart.outs, ends, strict=True)],
            orientation="h",
            width=BAR,
            name="when it could run",
            marker={"color": "white", "line": {"color": "#999999", "width": 1}},
            hovertext=[hover_text(out.hover) for out in chart.outs],
            hovertemplate="%{hovertext}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=[clock.at(0.0)] * len(rows),
            y=rows,
            mode="text",
            text=[f"<i>{escape(out.words)}</i>" for out in chart.outs],
            textposition="middle right",
            **_SILENT,
        ),
        row=1,
        col=1,
    )


def _links(chart: FleetChart, figure: go.Figure, clock: Clock) -> None:
    """From the end of a job to the start of the one that comes after it."""
    tasks = {task.name: task for task in chart.tasks}
    for index, link in enumerate(chart.links):
        before, after = tasks[link.before], tasks[link.after]
        rows = chart.places[link.before], chart.places[link.after]
        straight = after.start - before.end < STRAIGHT * chart.time.high
        row = rows[1] if not straight else rows[1] + (BAR / 2 if rows[0] > rows[1] else -BAR / 2)
        corners = [(before.end, rows[0]), (before.end, row), *([] if straight else [(after.start, row)])]
        figure.add_trace(
            go.Scatter(
                x=[clock.at(hours) for hours, _ in corners],
                y=[place_ for _, place_ in corners],
                mode="lines+markers",
                name="comes after",
                legendgroup="comes after",
                showlegend=index == 0,
                line={"color": ARROW, "width": 1},
                marker={
                    "symbol": "arrow",
                    "size": [0] * (len(corners) - 1) + [8],
                    "angleref": "previous",
                    "color": ARROW,
                },
                hoverinfo="skip",
            ),
            row=1,
            col=1,
        )
