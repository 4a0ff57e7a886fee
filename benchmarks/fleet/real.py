"""How long the modes of real fleets take: the jobs' exact non-dominated plans, on the stock and on all built-in offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from benchmarks.fleet.seed_table import QUOTAS, START, STOCK, TABLE, fleet
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.modes import prepare

#: Models of a lab's month, small ones mostly.
MODELS = (
    "qwen2.5-0.5b",
    "llama-3.1-8b",
    "mistral-7b",
    "deepseek-r1-distill-qwen-14b",
    "deepseek-r1-distill-qwen-32b",
    "llama-3.1-70b",
    "mixtral-8x7b",
    "deepseek-r1",
)
METHODS = ("lora", "full")
SIZES = ("10MB", "30MB", "100MB", "1GB", "3GB", "10GB")


@dataclass(frozen=True)
class Prepared:
    """A fleet whose modes were made."""

    fleet: str
    jobs: int
    without: int
    sources: int
    looked_at: int
    modes: int
    most_modes: int
    seconds: float


def modes() -> Iterator[dict[str, Any]]:
    """Fleets whose modes are made, each anew."""
    if TABLE.exists():
        yield asdict(_prepared("the sizing table's rows", fleet(TABLE)))
    for jobs in (24, 96):
        yield asdict(_prepared(f"{jobs} of a lab's jobs, rent too", _lab(jobs, rent=True)))
    yield asdict(_prepared("96 of a lab's jobs, stock only", _lab(96, rent=False)))


def _lab(jobs: int, *, rent: bool) -> dict[str, Any]:
    """So many jobs, evenly out of all models, sizes and methods, one every four hours."""
    every = list(product(SIZES, METHODS, MODELS))
    listed = [
        {
            "name": f"job {number}",
            "model": model,
            "method": method,
            "data": size,
            "release": f"{4 * number}h",
            "deadline": f"{4 * number + 240}h",
            "value": "$1,000",
        }
        for number, (size, method, model) in enumerate(every[5 * each % len(every)] for each in range(jobs))
    ]
    return {"start": START, "stock": STOCK, "quotas": QUOTAS if rent else None, "rent": rent, "jobs": listed}


def _prepared(name: str, words: Mapping[str, Any]) -> Prepared:
    known = load_fleet(words)
    found = prepare(known)
    sizes = [len(task.modes) for task in found.problem.tasks]
    names = {choice.source for own in found.choices for choice in own}
    return Prepared(
        fleet=name,
        jobs=len(known.jobs),
        without=len(found.without),
        sources=len(names),
        looked_at=found.plans_looked_at,
        modes=sum(sizes),
        most_modes=max(sizes),
        seconds=found.seconds,
    )
