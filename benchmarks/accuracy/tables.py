"""Errors as Markdown: overall and by source, GPU, task, framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.selection import Scored
from gpuplan.runs.reading import rule_of
from gpuplan.runs.rows import INPUT_COLUMNS, RunRow

Array = np.ndarray


class Pair(NamedTuple):
    """What was predicted and what was measured of one row, in one unit."""

    scored: Scored
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """log(predicted / measured)."""
        return float(np.log(self.predicted / self.measured))


def framework_of(each: Scored) -> str:
    """Name of the framework whose constants a row is predicted with."""
    row = RunRow(each.row["id"], {name: each.row[name] for name in INPUT_COLUMNS})
    rule = rule_of(row)
    return "not known" if rule is None else rule.kernels or rule.framework


Grouping = tuple[str, Callable[[Scored], str]]
BY_SOURCE: Grouping = ("source", lambda each: each.row["source_key"])
#: Classes of size: below so many billion parameters.
SIZES = {"under 3B": 3.0, "3B to 10B": 10.0, "10B to 40B": 40.0, "40B to 100B": 100.0, "100B or more": np.inf}


def size_of(each: Scored) -> str:
    """Class of a row's stated parameters."""
    stated = each.row["params_total_b"]
    return next(name for name, limit in SIZES.items() if float(stated) < limit) if stated else "not stated"


def in_order(names: Sequence[str]) -> list[str]:
    """Each name once, by size where they are sizes, else by letter."""
    place = list(SIZES)
    return sorted(set(names), key=lambda name: (place.index(name) if name in SIZES else -1, name))


GROUPINGS: tuple[Grouping, ...] = (
    BY_SOURCE,
    ("GPU", lambda each: each.row["gpu"]),
    ("task", lambda each: "peft:other" if each.row["task"].startswith("peft:") else each.row["task"]),
    ("framework", framework_of),
    ("size", size_of),
    ("layers", lambda each: "MoE" if each.row["experts"] else "dense"),
)


def times(scored: Sequence[Scored]) -> list[Pair]:
    """Pairs of step times in seconds."""
    return [
        Pair(each, each.prediction.seconds, each.seconds) for each in scored if each.seconds and each.prediction.seconds
    ]


def memories(scored: Sequence[Scored]) -> list[Pair]:
    """Pairs of peak memory in GiB."""
    return [Pair(each, each.prediction.gib, each.gib) for each in scored if each.gib and each.prediction.gib]


def quantiles(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Median and 90th percentile of |predicted / measured - 1|, percent."""
    relative = np.abs(np.expm1([pair.error for pair in pairs])) * 100
    return (float(np.median(relative)), float(np.quantile(relative, 0.9))) if len(pairs) else (np.nan, np.nan)


def error_table(
    pairs: Sequence[Pair], inside: Callable[[Pair], bool], title: str, groupings: Sequence[Grouping] = GROUPINGS
) -> str:
    """Median, mean and 90th percentile of |predicted / measured - 1|, bias, and the share `inside` its bound."""
    lines = [
        f"| by | n | median % | mean % | p90 % | bias % | {title} % |",
        "|---|---|---|---|---|---|---|",
        _line("**all**", pairs, inside),
        _line("**fine-tuning**", [pair for pair in pairs if pair.scored.fine_tuning], inside),
    ]
    for heading, key in groupings:
        names = [key(pair.scored) for pair in pairs]
        for name in in_order(names):
            chosen = [pair for pair, own in zip(pairs, names, strict=True) if own == name]
            lines.append(_line(f"{heading}: {name}", chosen, inside))
    return "\n".join(lines)


def _line(name: str, pairs: Sequence[Pair], inside: Callable[[Pair], bool]) -> str:
    if not pairs:
        return f"| {name} | 0 | | | | | |"
    error = np.array([pair.error for pair in pairs])
    median, p90 = quantiles(pairs)
    mean = float(np.mean(np.abs(np.expm1(error)))) * 100
    bias = float(np.expm1(np.median(error))) * 100
    within = 100 * float(np.mean([inside(pair) for pair in pairs]))
    return f"| {name} | {len(pairs)} | {median:.1f} | {mean:.1f} | {p90:.1f} | {bias:+.1f} | {within:.0f} |"


def within_interval(pair: Pair) -> bool:
    """Whether the measured time lies in its 90 % interval."""
    prediction = pair.scored.prediction
    return (prediction.low or 0) <= pair.measured <= (prediction.high or 0)


def within_bound(pair: Pair) -> bool:
    """Whether the measured memory is at most its upper bound."""
    return pair.measured <= (pair.scored.prediction.high_gib or 0)
