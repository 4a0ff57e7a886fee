"""Where the time of a solve goes: ``python -m benchmarks.solve_time [repeats]``. Prints medians; never a verdict.

DeepSeek-R1 671B over 200 offers (the built-in ones and generated variants), and a few more questions. Tables are built cold.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks.variants import offers_with_variants
from gpuplan.job import resolve
from gpuplan.pipeline import find
from gpuplan_hardware import Offer

PARTS = ("tables", "incumbent", "reduce", "cp_sat", "verify")
QUESTIONS = {
    "R1 671B LoRA 1GB 24h": {"model": "deepseek-r1", "method": "lora", "data": "1GB", "deadline": "24h"},
    "R1 671B LoRA 100GB 24h": {"model": "deepseek-r1", "method": "lora", "data": "100GB", "deadline": "24h"},
    "R1 671B full 10GB 24h": {"model": "deepseek-r1", "method": "full", "data": "10GB", "deadline": "24h"},
    "70B full 1GB 24h": {"model": "llama-3.1-70b", "method": "full", "data": "1GB", "deadline": "24h"},
    "7B LoRA 1GB 24h": {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB", "deadline": "24h"},
}


def main(arguments: list[str]) -> None:
    repeats = int(arguments[0]) if arguments else 5
    offers = offers_with_variants(200)
    print(f"{len(offers)} offers, median of {repeats}, milliseconds")
    print(
        "| question | status | " + " | ".join(PARTS) + " | all | layouts evaluated | pairs left to CP-SAT | literals |"
    )
    print("|---" * (len(PARTS) + 6) + "|")
    for name, words in QUESTIONS.items():
        print(_line(name, words, offers, repeats))


def _line(name: str, words: dict[str, str], offers: Sequence[Offer], repeats: int) -> str:
    job = resolve(words)
    find(job, offers)  # imports
    laps: dict[str, list[float]] = {part: [] for part in (*PARTS, "all")}
    for _ in range(repeats):
        start = time.perf_counter()
        outcome = find(job, offers)
        laps["all"].append(time.perf_counter() - start)
        for part in PARTS:
            laps[part].append(outcome.seconds.get(part, 0.0))
    times = " | ".join(f"{statistics.median(laps[part]) * 1e3:.1f}" for part in (*PARTS, "all"))
    return f"| {name} | {outcome.status} | {times} | {outcome.layouts:,} | {outcome.pairs:,} | {outcome.literals:,} |"


if __name__ == "__main__":
    main(sys.argv[1:])
