"""Shades of one colour for counts, which people who see no colours tell apart."""

from __future__ import annotations

import math

from gpuplan.report.sweep_plots.chart import INK, STYLES

_FULL = STYLES[0].colour
#: From this share of the colour on the ink on it is white.
DARK = 0.55


def shade(count: int, most: int) -> tuple[str, str]:
    """Colour of a cell, by the logarithm of its count, and of the number on it."""
    if not count:
        return "#F6F6F6", INK
    share = 0.15 + 0.85 * (math.log1p(count) / math.log1p(most))
    parts = [int(_FULL[place : place + 2], 16) for place in (1, 3, 5)]
    mixed = "".join(f"{round(255 + share * (part - 255)):02X}" for part in parts)
    return f"#{mixed}", "#FFFFFF" if share > DARK else INK
