"""One HTML file with the picture in it, by plotly, which is loaded only here and in the modules that this one uses.

It needs no network: plotly's own script is in it.
"""

from __future__ import annotations

from html import escape

from gpuplan.report.sweep_plots.chart import INK, Chart
from gpuplan.report.sweep_plots.page_bars import dumbbells_figure
from gpuplan.report.sweep_plots.page_curves import curves_figure

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 0 auto; max-width: 1200px; font-family: sans-serif; background: white; }}</style>
</head>
<body>
{picture}
</body>
</html>
"""


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
    # A name of its own, or plotly draws one by lot and no two files are the same.
    picture = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="gpuplan-sweep",
        config={"displaylogo": False, "responsive": True, "scrollZoom": True},
    )
    return _FRAME.format(title=escape(chart.title), picture=picture)
