"""What a solve over the imported market costs against one over the built-in catalogue, and whether anything is lost by its shortcuts."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.market.importing import COMMAND, run
from benchmarks.solve.problems import Problem
from benchmarks.solve.whole import flags
from gpuplan.catalogue import offers_for
from gpuplan.job import resolve
from gpuplan.result import Result
from gpuplan.selection import selected
from gpuplan.solve import solve
from gpuplan.space import build_space
from gpuplan_hardware import Offer
from gpuplan_hardware.imports.store import current_offers
from gpuplan_hardware.imports.store_files import VARIABLE

_7B = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB", "deadline": "24h"}
_70B = {**_7B, "model": "deepseek-r1-distill-llama-70b"}
_R1 = {"model": "deepseek-r1", "method": "lora", "data": "1GB", "deadline": "7d"}
_R1_FULL = {**_R1, "method": "full"}
_ON_DEMAND = ["on-demand"]
_SPOT = ["spot", "on-demand"]
#: Jobs; in all of them the pricing is said, so that nothing depends on what the catalogue has.
QUESTIONS: dict[str, dict[str, Any]] = {
    "7B LoRA": {**_7B, "pricing": _ON_DEMAND},
    "7B LoRA, spot allowed": {**_7B, "pricing": _SPOT},
    "70B LoRA": {**_70B, "pricing": _ON_DEMAND},
    "70B LoRA, data in the EU": {**_70B, "pricing": _ON_DEMAND, "residency": ["eu"]},
    "70B LoRA, one region": {**_70B, "pricing": _ON_DEMAND, "region": ["us-east-1", "eastus", "us-central1", "eu-north1"]},
    "70B LoRA, spot allowed": {**_70B, "pricing": _SPOT},
    "70B LoRA, fewest GPUs": {**_70B, "pricing": _ON_DEMAND, "minimize": "gpus"},
    "70B LoRA, quotas": {**_70B, "pricing": _ON_DEMAND, "quota": ["aws=64", "gcp=16", "azure/H100@eastus=8"]},
    "R1 671B LoRA": {**_R1, "pricing": _ON_DEMAND},
    "R1 671B LoRA, data in the EU": {**_R1, "pricing": _ON_DEMAND, "residency": ["eu"]},
    "R1 671B LoRA, spot allowed": {**_R1, "pricing": _SPOT},
    "R1 671B full": {**_R1_FULL, "pricing": _ON_DEMAND},
    "R1 671B full, spot allowed": {**_R1_FULL, "pricing": _SPOT},
}  # fmt: skip
ORIGINS = ("built-in", "all")


@dataclass(frozen=True)
class Solved:
    """Medians of one question over the built-in offers and over all of them; ratios are medians of those of two runs in a row.

    `representatives`, `selected`, `kept` and `machines` count the offers that stand for others, those of them that the question is
    about, those that no other one beats, and the classes of machines among these. `every_offer` is what the solve over every offer by
    itself, without representatives, says otherwise: nothing where they agree.
    """

    question: str
    status: str
    value: float | None
    built_in_value: float | None
    built_in_seconds: float
    all_seconds: float
    built_in_process_seconds: float
    all_process_seconds: float
    every_offer_seconds: float
    every_offer: str
    offers: int
    representatives: int
    selected: int
    kept: int
    machines: int
    built_in_machines: int
    ratio: float
    process_ratio: float


def measure(name: str, store: Path, repeats: int) -> Solved:
    """Ask one question over both catalogues in turn, in this process (twice as often) and in others; then over every offer."""
    words = QUESTIONS[name]
    with patch.dict(os.environ, {VARIABLE: str(store)}):
        seconds: dict[str, list[float]] = {origin: [] for origin in ORIGINS}
        results: dict[str, Result] = {}
        for number in range(2 * repeats + 2):
            for origin in ORIGINS:
                taken, results[origin] = _timed({**words, "offers": origin})
                if number:  # the first time also loads what numpy and OR-Tools load at their first use
                    seconds[origin].append(taken)
        every, plain = _timed(words, list(current_offers()))
        counts = {origin: _counts({**words, "offers": origin}) for origin in ORIGINS}
        listed = len(current_offers())
    whole: dict[str, list[float]] = {origin: [] for origin in ORIGINS}
    for _ in range(repeats):
        for origin in ORIGINS:
            whole[origin].append(_process({**words, "offers": origin}, store))
    result = results["all"]
    found, built_in = counts["all"], counts["built-in"]
    return Solved(
        question=name,
        status=result.status,
        value=result.objective,
        built_in_value=results["built-in"].objective,
        built_in_seconds=statistics.median(seconds["built-in"]),
        all_seconds=statistics.median(seconds["all"]),
        built_in_process_seconds=statistics.median(whole["built-in"]),
        all_process_seconds=statistics.median(whole["all"]),
        every_offer_seconds=every,
        every_offer=differences(result, plain),
        offers=listed,
        representatives=found[0],
        selected=found[1],
        kept=found[2],
        machines=found[3],
        built_in_machines=built_in[3],
        ratio=_ratio(seconds),
        process_ratio=_ratio(whole),
    )


def _ratio(seconds: dict[str, list[float]]) -> float:
    """Median of the ratios of two runs in a row, which a busy machine slows alike."""
    return statistics.median(one / other for one, other in zip(seconds["all"], seconds["built-in"], strict=True))


def _timed(words: dict[str, Any], offers: Sequence[Offer] | None = None) -> tuple[float, Result]:
    start = time.perf_counter()
    result = solve(words, offers)
    return time.perf_counter() - start, result


def _counts(words: dict[str, Any]) -> tuple[int, int, int, int]:
    job = resolve(words)
    offers = offers_for(job)
    space = build_space(job, offers)
    return len(offers), sum(selected(job, offer) for offer in offers), len(space.offers), len(space.machines)


def _process(words: dict[str, Any], store: Path) -> float:
    arguments = [*COMMAND, "solve", *flags(Problem("", (), "", words))]
    return run(arguments, store).seconds


def differences(one: Result, other: Result) -> str:
    """What two answers to one question say otherwise: status, value, bound, the plan, its cost and layout; "" where nothing."""
    found = []
    for name in ("status", "objective", "bound"):
        if not _same(getattr(one, name), getattr(other, name)):
            found.append(f"{name}: {getattr(one, name)} and {getattr(other, name)}")
    if one.plan is not None and other.plan is not None:
        mine, theirs = one.plan, other.plan
        if mine.offer.id != theirs.offer.id:
            found.append(f"offer: {mine.offer.id} and {theirs.offer.id}")
        if mine.layout != theirs.layout:
            found.append("layout")
        if not _same(mine.prediction.cost_usd, theirs.prediction.cost_usd):
            found.append(f"cost: {mine.prediction.cost_usd} and {theirs.prediction.cost_usd}")
    return "; ".join(found)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-9 * max(abs(one), abs(other))
    return bool(one == other)
