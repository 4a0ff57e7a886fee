"""Predictions of runs whose source was left out of the fit: the number that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.selection import Prediction, Scored
from benchmarks.accuracy.tables import (
    BY_SOURCE,
    Pair,
    error_table,
    memories,
    quantiles,
    times,
    within_bound,
    within_interval,
)
from benchmarks.fit.problem import problem_of
from benchmarks.fit.rows import Measured, read_runs

GIB = 2.0**30
#: What the intervals promise: two-sided for time, one-sided for memory.
CONFIDENCE = 0.9
NOTE = """Constants are refitted without the run's source, and the run is predicted with them. Sources of single figures whose settings
are not stated (habana, recalled, unsloth) are never fitted on.

Only the values of constants are refitted. Chosen in view of all sources were: which constants and factors there are, their priors, how
columns are read (`frameworks.toml`), defaults for unstated settings, the counted factors (`runs = 0` in `software.toml`), the layout and
recompute that a row is completed to (with the constants that ship), and the widths of the intervals. A factor that one source alone speaks
for keeps its prior where that source is left out (bloom: software of 2021-22; mosaic: Triton's attention; swift26: lengths that vary;
qwen1: GPTQ). The constant MFU answers only where another source has the same GPU, precision and method. "Widths of the others" replaces
the chosen widths: all of them multiplied by what 90 % of the other sources' errors need."""


def unseen(path: Path, scored: Sequence[Scored]) -> list[Scored]:
    """The rows with predictions by constants fitted without the row's source; bounds keep their relative width."""
    runs = read_runs(path)
    time, memory = _left_out(runs, False), _left_out(runs, True)
    return [
        replace(each, prediction=_moved(each.prediction, time.get(each.row["id"]), memory.get(each.row["id"])))
        for each in scored
    ]


def _left_out(runs: Sequence[Measured], memory: bool) -> dict[str, float]:
    """Seconds (or GiB) predicted for each run, by id."""
    problem = problem_of(runs, memory)
    values = problem.fit()
    error = problem.left_out(lambda source: problem.fit(values, source), values)
    predicted = np.exp(error) * problem.measured / (GIB if memory else 1.0)
    return {run.id: float(value) for run, value in zip(problem.runs, predicted, strict=True)}


def _moved(prediction: Prediction, seconds: float | None, gib: float | None) -> Prediction:
    """Return the prediction with other central estimates; a target without a refitted one is dropped."""
    return replace(
        prediction,
        seconds=seconds,
        low=_scaled(prediction.low, prediction.seconds, seconds),
        high=_scaled(prediction.high, prediction.seconds, seconds),
        gib=gib,
        high_gib=_scaled(prediction.high_gib, prediction.gib, gib),
    )


def _scaled(bound: float | None, centre: float | None, moved: float | None) -> float | None:
    return None if bound is None or centre is None or moved is None else bound * moved / centre


def that_counts(scored: Sequence[Scored], trusted: Sequence[Scored], yardstick: Sequence[Pair]) -> str:
    """Errors and bounds of left-out sources, with and without doubtful rows, beside the yardstick of left-out sources."""
    lines = [
        "| figure | n | sources left out | without doubtful rows | constant MFU | must show |",
        "|---|---|---|---|---|---|",
    ]
    tuned = [pair for pair in yardstick if pair.scored.fine_tuning]
    lines += [
        _errors("step time", scored, trusted, times, _counted(yardstick), "9 / 28 %"),
        _errors("step time, fine-tuning", scored, trusted, lambda of: _tuned(times(of)), _counted(tuned), ""),
        _errors("peak memory", scored, trusted, memories, "", ""),
        _errors("peak memory, fine-tuning", scored, trusted, lambda of: _tuned(memories(of)), "", ""),
        _share("90 % interval of the time covers", scored, trusted, times, _within, "86 to 96 %"),
        _share("the same, widths of the others", scored, trusted, times, _within_others, ""),
        _share("needed more memory than the upper bound", scored, trusted, memories, _beyond, "<= 10 %"),
        _share("the same, widths of the others", scored, trusted, memories, _beyond_others, ""),
    ]
    return "\n".join(lines)


def by_source(scored: Sequence[Scored]) -> str:
    """Tables of time and memory by source."""
    time = error_table(times(scored), within_interval, "in interval", (BY_SOURCE,))
    memory = error_table(memories(scored), within_bound, "within bound", (BY_SOURCE,))
    return f"Step time:\n\n{time}\n\nPeak memory:\n\n{memory}"


Select = Callable[[Sequence[Scored]], list[Pair]]


def _errors(name: str, scored: Sequence[Scored], trusted: Sequence[Scored], of: Select, other: str, target: str) -> str:
    pairs = of(scored)
    return f"| {name}, median / p90 | {len(pairs)} | {_shown(pairs)} | {_shown(of(trusted))} | {other} | {target} |"


def _shown(pairs: Sequence[Pair]) -> str:
    median, p90 = quantiles(pairs)
    return f"{median:.1f} / {p90:.1f} %" if pairs else ""


def _counted(pairs: Sequence[Pair]) -> str:
    return f"{_shown(pairs)} ({len(pairs)} rows)"


def _share(
    name: str,
    scored: Sequence[Scored],
    trusted: Sequence[Scored],
    of: Select,
    hits: Callable[[Sequence[Pair]], list[bool]],
    target: str,
) -> str:
    pairs = of(scored)
    here, without = (f"{100 * float(np.mean(hits(each))):.0f} %" for each in (pairs, of(trusted)))
    return f"| {name} | {len(pairs)} | {here} | {without} | | {target} |"


def _tuned(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.scored.fine_tuning]


def _within(pairs: Sequence[Pair]) -> list[bool]:
    return [within_interval(pair) for pair in pairs]


def _beyond(pairs: Sequence[Pair]) -> list[bool]:
    return [not within_bound(pair) for pair in pairs]


def _within_others(pairs: Sequence[Pair]) -> list[bool]:
    return [share <= 1 for share in _rescaled(pairs, [abs(pair.error) / _width(pair) for pair in pairs])]


def _beyond_others(pairs: Sequence[Pair]) -> list[bool]:
    return [share > 1 for share in _rescaled(pairs, [-pair.error / _memory_width(pair) for pair in pairs])]


def _rescaled(pairs: Sequence[Pair], shares: Sequence[float]) -> list[float]:
    """Errors over widths, divided by what 90 % of the other sources' stay within (1 where there is no other source)."""
    own = np.array([pair.scored.row["source_key"] for pair in pairs])
    found = np.array(shares)
    scale = {
        source: float(np.quantile(found[own != source], CONFIDENCE)) if np.any(own != source) else 1.0
        for source in set(own)
    }
    return [float(share / scale[source]) for share, source in zip(found, own, strict=True)]


def _width(pair: Pair) -> float:
    return float(np.log((pair.scored.prediction.high or np.inf) / pair.predicted))


def _memory_width(pair: Pair) -> float:
    return float(np.log((pair.scored.prediction.high_gib or np.inf) / pair.predicted))
