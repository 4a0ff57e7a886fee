"""How memory bars are put together, whoever draws them."""

from __future__ import annotations

from collections.abc import Sequence

from gpuplan.report.sweep_plots.chart import Bar, Chart

GIB = 2.0**30
#: Parts of less than this share of the longest bar in all bars are put together as "other".
LEAST_SEEN = 0.005
OTHER = "other"


def part_names(chart: Chart) -> list[str]:
    """Parts of memory in the order in which they are stacked: the largest of all bars together first; what cannot be seen is not named."""
    totals: dict[str, float] = {}
    seen: set[str] = set()
    largest = max((bar.usable for bar in chart.bars), default=0.0)
    for bar in chart.bars:
        for name, size in bar.parts:
            totals[name] = totals.get(name, 0.0) + size
            seen |= {name} if size > LEAST_SEEN * largest else set()
    return sorted(seen, key=lambda name: -totals[name])


def stacked(bar: Bar, names: Sequence[str]) -> dict[str, float]:
    """Bytes of each part, those that are not named together."""
    sizes = {name: size for name, size in bar.parts if name in names}
    return sizes | {OTHER: sum(size for name, size in bar.parts if name not in names)}
