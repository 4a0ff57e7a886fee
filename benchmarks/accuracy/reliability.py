"""The chance that a prediction states against how often runs kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from benchmarks.accuracy.selection import Scored
from benchmarks.accuracy.tables import Pair, memories, times
from gpuplan.performance.interval import factor

#: Confidences of the reliability table.
CONFIDENCES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
#: What the upper bound of memory promises; `factor` takes two-sided 90 % widths.
MEMORY_CONFIDENCE = 0.9
TIME, MEMORY = "time", "memory"


def kept(scored: Sequence[Scored], target: str) -> list[float]:
    """Share of runs whose time (or memory) was no more than what holds with each of `CONFIDENCES`."""
    pairs = times(scored) if target == TIME else memories(scored)
    widths = np.array([_width(pair, target) for pair in pairs])
    ratio = np.array([pair.measured / pair.predicted for pair in pairs])
    return [
        float(np.mean([each <= factor(width, confidence) for each, width in zip(ratio, widths, strict=True)]))
        for confidence in CONFIDENCES
    ]


def reliability(sets: Mapping[str, Sequence[Scored]]) -> str:
    """Table of `kept` for several sets of predictions by title."""
    columns = {
        f"{target}, {title}": kept(scored, target) for title, scored in sets.items() for target in (TIME, MEMORY)
    }
    lines = [f"| confidence | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for place, confidence in enumerate(CONFIDENCES):
        shares = " | ".join(f"{100 * shares[place]:.0f} %" for shares in columns.values())
        lines.append(f"| {100 * confidence:.0f} % | {shares} |")
    return "\n".join(lines)


def _width(pair: Pair, target: str) -> float:
    prediction = pair.scored.prediction
    if target == TIME:
        return float(np.log((prediction.high or pair.predicted) / pair.predicted))
    bound = float(np.log((prediction.high_gib or pair.predicted) / pair.predicted))
    normal = NormalDist()
    return bound * normal.inv_cdf(0.95) / normal.inv_cdf(MEMORY_CONFIDENCE)
