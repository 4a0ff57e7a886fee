"""Decisions, not only numbers: the layout that predictions would choose, pairs ordered right, ratios between GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from benchmarks.accuracy.tables import Pair

#: What makes a job, beside the GPUs it runs on: one source under one release.
JOB = (
    "source_key",
    "date",
    "framework",
    "model",
    "hidden",
    "layers",
    "heads",
    "ffn",
    "experts",
    "task",
    "lora_rank",
    "precision",
    "global_batch_sequences",
    "seq_len",
)
GPUS = ("gpu", "n_gpus")
LAYOUT = ("tp", "pp", "vp", "cp", "ep", "etp", "zero_stage_or_fsdp", "micro_batch", "recompute", "offload")
#: Pairs that differ by less cannot be told apart from noise.
PAIR_DIFFERENCE = 0.03


def decisions(pairs: Sequence[Pair]) -> str:
    """Regret of the layout chosen by prediction, pairs of layouts ordered right, error of the time ratio between GPUs."""
    layouts = [group for group in _groups(pairs, JOB + GPUS, LAYOUT) if len(group) > 1]
    regret = np.array([_regret(group) for group in layouts])
    random = np.array([_mean_regret(group) for group in layouts])
    ordered = [right for group in layouts for right in _ordered(group)]
    ratios = np.array([error for group in _groups(pairs, (*JOB, "n_gpus"), ("gpu",)) for error in _ratios(group)])
    lines = ["| decision | n | here | must show |", "|---|---|---|---|"]
    if len(regret):
        figures = f"{regret.mean() * 100:.1f} / {np.quantile(regret, 0.9) * 100:.1f} %"
        lines.append(f"| layout regret, mean / p90 | {len(regret)} jobs | {figures} | 2 / 8 % |")
        lines.append(f"| the same of a random layout, mean | {len(regret)} jobs | {random.mean() * 100:.1f} % | |")
        lines.append(f"| pairs of layouts ordered right | {len(ordered)} | {np.mean(ordered) * 100:.0f} % | 82 % |")
    if len(ratios):
        figures = f"{np.median(ratios) * 100:.1f} / {np.quantile(ratios, 0.9) * 100:.1f} %"
        lines.append(f"| ratio of times on two GPUs, error, median / p90 | {len(ratios)} pairs | {figures} | |")
    return "\n".join(lines)


def _groups(pairs: Sequence[Pair], job: Sequence[str], variant: Sequence[str]) -> list[list[tuple[float, float]]]:
    """Groups of (predicted, measured) of one job, repeats of a variant being taken together by their median."""
    jobs: dict[tuple[str, ...], dict[tuple[str, ...], list[Pair]]] = {}
    for pair in pairs:
        row = pair.scored.row
        key, own = tuple(row[name] for name in job), tuple(row[name] for name in variant)
        jobs.setdefault(key, {}).setdefault(own, []).append(pair)
    return [[_median(repeats) for repeats in variants.values()] for variants in jobs.values()]


def _median(repeats: Sequence[Pair]) -> tuple[float, float]:
    def of(value: Callable[[Pair], float]) -> float:
        return float(np.median([value(pair) for pair in repeats]))

    return of(lambda pair: pair.predicted), of(lambda pair: pair.measured)


def _regret(group: Sequence[tuple[float, float]]) -> float:
    chosen = min(group)[1]
    return chosen / min(measured for _, measured in group) - 1


def _mean_regret(group: Sequence[tuple[float, float]]) -> float:
    times = [measured for _, measured in group]
    return float(np.mean(times)) / min(times) - 1


def _ordered(group: Sequence[tuple[float, float]]) -> list[bool]:
    found = []
    for (predicted, measured), (other_predicted, other_measured) in combinations(group, 2):
        if abs(np.log(measured / other_measured)) > np.log1p(PAIR_DIFFERENCE):
            found.append((predicted - other_predicted) * (measured - other_measured) > 0)
    return found


def _ratios(group: Sequence[tuple[float, float]]) -> list[float]:
    return [
        abs(float(np.expm1(np.log(predicted / other) - np.log(measured / other_measured))))
        for (predicted, measured), (other, other_measured) in combinations(group, 2)
    ]
