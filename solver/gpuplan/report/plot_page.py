"""How figures of plotly become one HTML file that needs no network: plotly's own script is in it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 0 auto; max-width: {width}px; font-family: sans-serif; background: white; }}{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def offline_page(figure: go.Figure, title: str, name: str, *, width: int = 1200, wheel_zooms: bool = True) -> str:
    """The figure in a page.

    Parameters
    ----------
    name
        Id of the figure in the page; without one plotly draws it by lot, and no two files are the same.
    width
        Most pixels.
    wheel_zooms
        False where the page is longer than a screen: there the wheel scrolls.
    """
    return framed(figure_html(figure, name, wheel_zooms=wheel_zooms), title, width=width)


def figure_html(figure: go.Figure, name: str, *, first: bool = True, wheel_zooms: bool = True) -> str:
    """A figure as a part of a page; plotly's script comes with the first."""
    text: str = figure.to_html(
        full_html=False,
        include_plotlyjs=first,
        div_id=name,
        config={"displaylogo": False, "responsive": True, "scrollZoom": wheel_zooms},
    )
    return text


def framed(body: str, title: str, *, width: int = 1200, style: str = "") -> str:
    """A page with that between its ends; `style` is CSS."""
    return _FRAME.format(title=escape(title), body=body, width=width, style=style)
