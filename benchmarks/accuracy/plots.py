"""PNGs of predictions against measurements; matplotlib (the extra `plots`) is loaded only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.accuracy.reliability import CONFIDENCES, MEMORY, TIME, kept
from benchmarks.accuracy.selection import Scored
from benchmarks.accuracy.tables import GROUPINGS, Pair, in_order, memories, times

DPI = 110
#: Bounds of the residual plots: log(predicted / measured).
RESIDUAL_LIMIT = float(np.log(2))
TICKS = (-0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
#: Seven of them and ten colours tell 70 sources apart.
MARKERS = "osD^v<>"
PANELS = ("GPU", "framework", "task", "size")


def draw(folder: Path, scored: Sequence[Scored], sets: Mapping[str, Sequence[Scored]]) -> list[Path]:
    """Write scatter, residual and reliability plots; `sets` are what the reliability plot compares."""
    mpl.use("Agg")
    units = {TIME: (times(scored), "step time, s"), MEMORY: (memories(scored), "peak memory, GiB")}
    figures = {"scatter.png": _scatter(units), "reliability.png": _reliability(sets)}
    figures |= {f"residuals_{name}.png": _residuals(pairs, title) for name, (pairs, title) in units.items()}
    written = []
    for name, figure in figures.items():
        # Without the version in it, the file depends on nothing but the picture.
        figure.savefig(folder / name, dpi=DPI, metadata={"Software": None})
        written.append(folder / name)
    return written


def _scatter(units: Mapping[str, tuple[Sequence[Pair], str]]) -> Figure:
    figure = Figure(figsize=(10, 5), layout="constrained")
    for axes, (pairs, title) in zip(figure.subplots(1, 2), units.values(), strict=True):
        sources = [pair.scored.row["source_key"] for pair in pairs]
        for place, source in enumerate(sorted(set(sources))):
            own = [pair for pair, each in zip(pairs, sources, strict=True) if each == source]
            measured, predicted = [pair.measured for pair in own], [pair.predicted for pair in own]
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(
                measured,
                predicted,
                marker,
                markersize=3,
                alpha=0.6,
                color=f"C{place % 10}",
                label=f"{source} ({len(own)})",
            )
        ends = [min(pair.measured for pair in pairs), max(pair.measured for pair in pairs)]
        axes.plot(ends, ends, color="black", linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel=f"measured {title}", ylabel=f"predicted {title}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if ends[1] < 20 * ends[0] else (1,)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize=7)
    return figure


def _residuals(pairs: Sequence[Pair], title: str) -> Figure:
    keys = dict(GROUPINGS)
    names = {panel: [keys[panel](pair.scored) for pair in pairs] for panel in PANELS}
    heights = [2 + len(set(names[panel])) for panel in PANELS]
    figure = Figure(figsize=(9.5, 1.2 + 0.2 * (max(heights[:2]) + max(heights[2:]))), layout="constrained")
    rows = {"height_ratios": [max(heights[:2]), max(heights[2:])]}
    grid = figure.subplots(2, 2, gridspec_kw=rows)
    for axes, panel in zip(grid.flat, PANELS, strict=True):
        _strip(axes, pairs, names[panel])
        axes.set_title(f"by {panel}", fontsize=9)
    figure.suptitle(f"{title}: predicted over measured; bar: median", fontsize=10)
    return figure


def _strip(axes: Axes, pairs: Sequence[Pair], names: Sequence[str]) -> None:
    """One line of dots for each name, spread so that they do not hide each other; dots beyond the edge lie on it."""
    found = in_order(names)
    for place, name in enumerate(found):
        error = np.array([pair.error for pair, own in zip(pairs, names, strict=True) if own == name])
        spread = 0.6 * ((np.arange(len(error)) * 0.618) % 1 - 0.5)
        inside = np.clip(error, -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
        axes.plot(inside, place + spread, ".", markersize=3, alpha=0.5, color="C0")
        axes.plot([np.median(error)] * 2, [place - 0.4, place + 0.4], color="C3", linewidth=1.5)
    counts = [sum(own == name for own in names) for name in found]
    labels = [f"{name} ({count})" for name, count in zip(found, counts, strict=True)]
    axes.set_yticks(range(len(found)), labels, fontsize=7)
    axes.set_xticks(
        [float(np.log1p(tick)) for tick in TICKS], [f"{tick:+.0%}" if tick else "0" for tick in TICKS], fontsize=7
    )
    axes.set(xlim=(-1.04 * RESIDUAL_LIMIT, 1.04 * RESIDUAL_LIMIT), ylim=(len(found) - 0.4, -0.6))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.grid(axis="x", linewidth=0.3)


def _reliability(sets: Mapping[str, Sequence[Scored]]) -> Figure:
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    for style, (title, scored) in zip(("-", "--"), sets.items(), strict=False):
        for color, target in (("C0", TIME), ("C1", MEMORY)):
            axes.plot(CONFIDENCES, kept(scored, target), style, marker="o", color=color, label=f"{target}, {title}")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="stated confidence", ylabel="share of runs that kept it")
    axes.legend()
    axes.grid(linewidth=0.3)
    return figure
