"""One HTML file with the picture in it, by plotly, which is loaded only here and in the modules that this one uses."""

from __future__ import annotations

from html import escape

from gpuplan.report.plot_page import offline_page
from gpuplan.report.sweep_plots.chart import INK, Chart
from gpuplan.report.sweep_plots.page_bars import dumbbells_figure
from gpuplan.report.sweep_plots.page_curves import curves_figure


def page(chart: Chart) -> str:
    """The chart as a page: the same picture, with all about a plan under the pointer, and zoom."""
    figure = dumbbells_figure(chart) if chart.y is None else curves_figure(chart)
    lines = [
        f"<b>{escape(chart.title)}</b>",
        f"<span style='font-size:13px'>{escape('; '.join(chart.subtitle))}</span>",
    ]
    figure.update_layout(
        title={"text": "<br>".join(lines), "x": 0.01, "xanchor": "left", "font": {"size": 19, "color": INK}},
        template="plotly_white",
        font={"color": INK, "size": 13},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 13}},
        margin={"l": 80, "r": 30, "t": 90, "b": 60},
    )
    return offline_page(figure, chart.title, "gpuplan-sweep")
