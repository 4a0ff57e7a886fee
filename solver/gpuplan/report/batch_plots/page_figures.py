"""The plots of a page."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any

import plotly.graph_objects as go

from gpuplan.report.batch_plots.chart import BOXED, REASON_COLOURS, BatchChart, Dot
from gpuplan.report.batch_plots.shades import shade
from gpuplan.report.sweep_plots.chart import INK, STYLES
from gpuplan.report.sweep_plots.page_words import axis_of, hover_text

#: Pixels: around a plot, and of a line in it.
AROUND, STRIP, GPU, REASON, DOTS = 110, 30, 34, 46, 520
LONGEST_LABEL = 52
MANY = 100


def costs_figure(chart: BatchChart) -> go.Figure:
    """Costs by model: the plans as dots, and where there are enough a box of their quarters."""
    figure = go.Figure()
    boxed = [(row, strip) for row, strip in enumerate(chart.strips) if strip.count >= BOXED]
    for row, strip in boxed:
        least, first, median, third, most = strip.five
        figure.add_trace(
            go.Box(
                q1=[first],
                median=[median],
                q3=[third],
                lowerfence=[least],
                upperfence=[most],
                y=[row],
                orientation="h",
                width=0.62,
                fillcolor="rgba(0,0,0,0)",
                line={"color": INK, "width": 1},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    for row, strip in enumerate(chart.strips):
        few = strip.count < BOXED
        marker = {"color": STYLES[0].colour, "size": 9 if few else 5, "opacity": 0.9 if few else 0.45}
        places = [row + 0.28 * dot.aside for dot in strip.dots]
        figure.add_trace(_dots_of(list(strip.dots), y=places, marker=marker, showlegend=False))
    names = [escape(f"{strip.label} ({strip.count:,})") for strip in chart.strips]
    figure.update_xaxes(**axis_of(chart.cost))
    _rows(figure, names)
    return _framed(figure, AROUND + STRIP * max(2, len(names)))


def dots_figure(chart: BatchChart) -> go.Figure:
    """Cost against time, in the colours of the GPUs."""
    figure = go.Figure()
    many = len(chart.dots) > MANY
    for group, look in chart.styles.items():
        dots = [dot for dot in chart.dots if dot.group == group]
        marker = {
            "color": look.colour,
            "symbol": look.symbol,
            "size": 7 if many else 10,
            "opacity": 0.7 if many else 0.95,
        }
        figure.add_trace(_dots_of(dots, y=[dot.y for dot in dots], marker=marker, name=escape(group), showlegend=True))
    figure.update_xaxes(**axis_of(chart.time))
    figure.update_yaxes(**axis_of(chart.cost))
    figure.update_layout(legend={"title": {"text": "GPU"}})
    return _framed(figure, DOTS)


def _dots_of(dots: list[Dot], y: list[float], **looks: Any) -> go.Scatter:
    texts = [hover_text(dot.hover) for dot in dots]
    return go.Scatter(
        x=[dot.x for dot in dots], y=y, mode="markers", text=texts, hovertemplate="%{text}<extra></extra>", **looks
    )


def matrix_figure(chart: BatchChart) -> go.Figure:
    """How many plans use a GPU from a provider; the darker the more."""
    figure = go.Figure()
    most = max(map(max, chart.counts))
    columns = list(range(len(chart.providers)))
    for row, counts in enumerate(chart.counts):
        shades = [shade(count, most) for count in counts]
        figure.add_trace(
            go.Bar(
                x=[0.94] * len(counts),
                base=[column - 0.47 for column in columns],
                y=[row] * len(counts),
                orientation="h",
                width=0.9,
                marker={"color": [fill for fill, _ in shades]},
                text=[f"{count:,}" if count else "" for count in counts],
                textposition="inside",
                insidetextanchor="middle",
                insidetextfont={"color": [ink for _, ink in shades], "size": 13},
                textangle=0,
                hoverinfo="skip",
                showlegend=False,
            )
        )
    figure.update_xaxes(
        tickvals=columns,
        ticktext=[escape(name) for name in chart.providers],
        range=[-0.55, max(6, len(columns)) - 0.45],
        showgrid=False,
        zeroline=False,
    )
    _rows(figure, [escape(name) for name in chart.gpus])
    figure.update_layout(barmode="overlay")
    return _framed(figure, AROUND + GPU * max(2, len(chart.gpus)))


def reasons_figure(chart: BatchChart) -> go.Figure:
    """How many rows have no plan, by reason."""
    figure = go.Figure(
        go.Bar(
            x=[bar.count for bar in chart.reasons],
            y=list(range(len(chart.reasons))),
            orientation="h",
            width=0.6,
            marker={"color": [REASON_COLOURS[bar.status] for bar in chart.reasons]},
            text=[f"{bar.count:,}" for bar in chart.reasons],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    labels = ["<br>".join(escape(line) for line in textwrap.wrap(bar.label, LONGEST_LABEL)) for bar in chart.reasons]
    whole = {"dtick": 1} if max(bar.count for bar in chart.reasons) < 8 else {}
    figure.update_xaxes(title={"text": "jobs"}, rangemode="tozero", tickformat=",~r", **whole)
    _rows(figure, labels)
    return _framed(figure, AROUND + REASON * max(2, len(labels)))


def _rows(figure: go.Figure, names: list[str]) -> None:
    """Names of the lines of a plot, the first at the top."""
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        range=[max(2, len(names)) - 0.4, -0.6],
        automargin=True,
        showgrid=False,
        zeroline=False,
    )


def _framed(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"color": INK, "size": 13},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 13}},
        margin={"l": 80, "r": 30, "t": 20, "b": 60},
    )
    return figure
