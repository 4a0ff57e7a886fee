"""solve.png; matplotlib (the extra `plots`) is loaded only here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.solve.rows import Row

DPI = 110
COLOURS = {100: "tab:green", 1_000: "tab:blue", 5_000: "tab:purple"}


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Ratios against pairs, and the seconds of both against pairs."""
    mpl.use("Agg")
    figure = Figure(figsize=(12, 5), layout="constrained")
    ratios, times = figure.subplots(1, 2)
    for size in sorted({row.offers for row in rows}):
        chosen = [row for row in rows if row.offers == size]
        pairs, colour = [row.pairs for row in chosen], COLOURS.get(size, "tab:gray")
        ratios.scatter(pairs, [row.ratio for row in chosen], s=18, color=colour, label=f"{size:,} offers")
        times.scatter(
            pairs, [row.cold_seconds for row in chosen], s=18, color=colour, label=f"gpuplan, {size:,} offers"
        )
        times.scatter(
            pairs,
            [row.exhaustive_seconds for row in chosen],
            s=22,
            marker="x",
            color=colour,
            label=f"exhaustive, {size:,} offers",
        )
    ratios.axhline(1, color="black", linewidth=1)
    ratios.set(xscale="log", yscale="log", xlabel="offer-layout pairs", ylabel="exhaustive / gpuplan, cold")
    times.set(xscale="log", yscale="log", xlabel="offer-layout pairs", ylabel="seconds, cold")
    for axes in (ratios, times):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    # Without the version in it, the file depends on nothing but the picture.
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
