"""The figures that the predictions must show, in one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.accuracy.selection import Scored
from benchmarks.accuracy.tables import Pair, memories, quantiles, times, within_bound, within_interval


def summary(scored: Sequence[Scored]) -> str:
    """The table of the targets."""
    time, memory = times(scored), memories(scored)
    tuned_time, tuned_memory = _tuned(time), _tuned(memory)
    lines = ["| figure | n | here | must show on unseen runs |", "|---|---|---|---|"]
    lines += [
        _errors("step time", time, "7 / 22 %"),
        _errors("peak memory", memory, "9 / 30 %"),
        _errors("step time, fine-tuning", tuned_time, "6 / 20 %"),
        _errors("peak memory, fine-tuning", tuned_memory, "10 / 32 %"),
        _share("needed more memory than the upper bound", [not within_bound(pair) for pair in memory], "<= 10 %"),
        _share("90 % interval of the time covers", [within_interval(pair) for pair in time], "86 to 96 %"),
        _share("ended out of memory, called unfit", _unfit(scored, True), ">= 75 %"),
        _share("ran, called unfit", _unfit(scored, False), "<= 5 %"),
        _share("answered, time", _answered(scored, "seconds"), ">= 94 %"),
        _share("answered, memory", _answered(scored, "gib"), ">= 85 %"),
    ]
    return "\n".join(lines)


def _tuned(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.scored.fine_tuning]


def _errors(name: str, pairs: Sequence[Pair], target: str) -> str:
    median, p90 = quantiles(pairs)
    return f"| {name}, median / p90 | {len(pairs)} | {median:.1f} / {p90:.1f} % | {target} |"


def _share(name: str, hits: Sequence[bool], target: str) -> str:
    share = f"{100 * float(np.mean(hits)):.0f} %" if hits else "none"
    return f"| {name} | {len(hits)} | {share} | {target} |"


def _unfit(scored: Sequence[Scored], ended: bool) -> list[bool]:
    return [
        not each.prediction.fits for each in scored if each.out_of_memory == ended and each.prediction.fits is not None
    ]


def _answered(scored: Sequence[Scored], name: str) -> list[bool]:
    return [
        getattr(each.prediction, name) is not None
        for each in scored
        if getattr(each, name) is not None and each.answerable
    ]
