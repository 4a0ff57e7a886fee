"""Axes and words of a page."""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import Any

from gpuplan.report.sweep_plots.chart import INK, Axis


def axis_of(axis: Axis) -> dict[str, Any]:
    """An axis of plotly's; in steps of its own, as it is zoomed."""
    ends = [math.log10(axis.low), math.log10(axis.high)] if axis.log else [axis.low, axis.high]
    kinds: dict[str, dict[str, Any]] = {
        "usd": {"tickprefix": "$", "tickformat": ",~r"},
        "usd_per_gpu_hour": {"tickprefix": "$", "tickformat": ",~r"},
        "bytes": {"tickformat": "~s", "ticksuffix": "B"},
        "count": {"tickformat": ",~r"} if axis.high < 1e5 else {"tickformat": "~s"},
        "hours": {"tickvals": [value for value, _ in axis.ticks], "ticktext": [text for _, text in axis.ticks]},
    }
    return {
        "type": "log" if axis.log else "linear",
        "range": ends,
        "title": {"text": escape(axis.title)},
        "showline": True,
        "linecolor": INK,
        **kinds[axis.kind],
    }


def hover_text(lines: tuple[str, ...]) -> str:
    """Lines as plotly shows them; names of the user's are no markup."""
    return "<br>".join("<br>".join(escape(part) for part in textwrap.wrap(line, 90)) for line in lines)
