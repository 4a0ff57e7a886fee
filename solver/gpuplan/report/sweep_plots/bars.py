"""How memory bars are put together, whoever draws them."""

from __future__ import annotations

from collections.abc import Sequence

from gpuplan.report.sweep_plots.chart import OTHER, OTHER_COLOUR, PART_COLOURS, Bar, Chart

GIB = 2.0**30
#: Parts of less than this share of the longest bar in all bars are put together as "other".
LEAST_SEEN = 0.005


def part_names(chart: Chart) -> list[str]:
    """Parts of memory in the order in which they are stacked; what cannot be seen is not named."""
    seen: set[str] = set()
    largest = max((bar.usable for bar in chart.bars), default=0.0)
    for bar in chart.bars:
        for name, size in bar.parts:
            seen |= {name} if size > LEAST_SEEN * largest else set()
    return [*(name for name in PART_COLOURS if name in seen), *sorted(seen.difference(PART_COLOURS))]


def colour_of(name: str) -> str:
    """Colour of a part of memory."""
    return PART_COLOURS.get(name, OTHER_COLOUR)


def stacked(bar: Bar, names: Sequence[str]) -> dict[str, float]:
    """Bytes of each part, those that are not named together."""
    sizes = {name: size for name, size in bar.parts if name in names}
    return sizes | {OTHER: sum(size for name, size in bar.parts if name not in names)}
