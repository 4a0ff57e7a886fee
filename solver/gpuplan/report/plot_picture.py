"""How pictures of matplotlib look, and how they become files; matplotlib is loaded only here and by what draws with it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context

from gpuplan.report.sweep_plots.chart import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Amounts hold dollar signs, which are no formulas; ids in an SVG are the same each time.
_SETTINGS: Any = {
    "text.parse_math": False,
    "svg.hashsalt": "gpuplan",
    "font.size": 9.5,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "path.simplify": False,
    "hatch.linewidth": 0.5,
}


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw in this style; a name in a script that the font lacks is drawn as boxes, which is no reason to stop."""
    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def saved(figure: Figure, kind: str, dpi: int) -> bytes:
    """The figure as "png" or "svg", under `drawing_style`; without version and date in it, it depends on nothing but the picture."""
    buffer = io.BytesIO()
    metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()
