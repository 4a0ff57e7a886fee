"""One HTML file with the plots and tables of a batch, by plotly, which is loaded only here and in the modules that this one uses."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from gpuplan.batching.result import BatchResult
from gpuplan.report.batch import tables, work
from gpuplan.report.batch_plots.chart import BatchChart
from gpuplan.report.batch_plots.page_figures import costs_figure, dots_figure, matrix_figure, reasons_figure
from gpuplan.report.blocks import plain
from gpuplan.report.plot_page import figure_html, framed
from gpuplan.report.sweep_plots.chart import INK

#: Lines of a table; the text of the answer has fewer.
MOST_ROWS = 200
TITLES = {
    "cost": "Cost by model",
    "time": "Cost against time",
    "where": "Plans by GPU and provider",
    "why": "Why jobs have no plan",
}
#: Which tables stand below which plot.
_BELOW = {
    "cost": ("By model",),
    "time": ("Cheapest", "Dearest"),
    "where": ("By GPU", "By provider"),
    "why": ("Without a plan",),
}
_STYLE = f"""
body {{ padding: 0 16px 40px; color: {INK}; font-size: 15px; }}
h1 {{ font-size: 22px; }} h2 {{ font-size: 18px; margin: 36px 0 4px; }} h3 {{ font-size: 15px; margin: 18px 0 6px; }}
.beside {{ display: flex; flex-wrap: wrap; gap: 8px 48px; }} .wide {{ overflow-x: auto; max-width: 100%; }}
table {{ border-collapse: collapse; font-size: 14px; }}
th, td {{ padding: 3px 14px 3px 0; text-align: left; vertical-align: top; }}
th {{ border-bottom: 1px solid #888; font-weight: 600; }} tr:nth-child(even) td {{ background: #F6F6F6; }}
.right {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }} .warning {{ color: #9A4300; }}
"""


def page(result: BatchResult, chart: BatchChart) -> str:
    """The summary as a page: plots with all about a plan under the pointer, and the tables of the text, longer."""
    figures: list[tuple[str, go.Figure]] = []
    if chart.strips:
        figures += [("cost", costs_figure(chart)), ("time", dots_figure(chart)), ("where", matrix_figure(chart))]
    if chart.reasons:
        figures.append(("why", reasons_figure(chart)))
    known = {title: _table(title, headers, rows) for title, headers, rows in tables(result, MOST_ROWS, MOST_ROWS)}
    parts = [f"<h1>{_text(chart.title)}</h1>", f"<p>{_text(chart.subtitle)}</p>"]
    parts += [f"<p class='warning'>Warning: {_text(text)}.</p>" for text in result.warnings]
    for place, (name, figure) in enumerate(figures):
        picture = figure_html(figure, f"gpuplan-batch-{name}", first=place == 0, wheel_zooms=False)
        below = "".join(known[title] for title in _BELOW[name] if title in known)
        parts.append(f"<h2>{TITLES[name]}</h2>\n{picture}\n<div class='beside'>{below}</div>")
    lines = [(label, value) for label, value in work(result) if value]
    parts.append(_table("Work", ("", ""), lines))
    return framed("\n".join(parts), chart.title, style=_STYLE)


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a header that begins with ">" sets its column flush right."""
    right = [" class='right'" if header.startswith(">") else "" for header in headers]
    head = "".join(
        f"<th{side}>{_text(header.removeprefix('>'))}</th>" for header, side in zip(headers, right, strict=True)
    )
    body = "\n".join(
        f"<tr>{''.join(f'<td{side}>{_text(cell)}</td>' for cell, side in zip(row, right, strict=True))}</tr>"
        for row in rows
    )
    return f"<div class='wide'><h3>{_text(title)}</h3>\n<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"


def _text(text: str) -> str:
    """Text that is no markup."""
    return escape(plain(text))
