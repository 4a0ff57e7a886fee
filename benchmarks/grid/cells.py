"""The questions of the grid, and what gpuplan answers to each."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from gpuplan.errors import InputError
from gpuplan.result import PlanAnswer, Relaxation, Result
from gpuplan.solve import solve

MODELS = {
    "R1-671B": "deepseek-r1",
    "Distill-Qwen-7B": "deepseek-r1-distill-qwen-7b",
    "Distill-Qwen-14B": "deepseek-r1-distill-qwen-14b",
    "Distill-Qwen-32B": "deepseek-r1-distill-qwen-32b",
    "Distill-Llama-8B": "deepseek-r1-distill-llama-8b",
    "Distill-Llama-70B": "deepseek-r1-distill-llama-70b",
}
#: Bytes of training text, decimal.
SIZES = {"1K": "1KB", "1M": "1MB", "1G": "1GB", "10G": "10GB", "100G": "100GB", "1T": "1TB"}
METHODS = ("lora", "qlora", "full")
DEADLINE = "24h"


@dataclass(frozen=True)
class Cell:
    """One question and its answer; `refused` says why the combination does not exist, and then there is no answer."""

    model: str
    method: str
    size: str
    result: Result | None
    refused: str
    seconds: float

    @property
    def plan(self) -> PlanAnswer | None:
        """The cluster that does it within the day, None where there is none."""
        return None if self.result is None else self.result.plan

    @property
    def proved(self) -> bool:
        """Whether the answer, a plan or that there is none, is proved."""
        return self.result is not None and self.result.status in ("optimal", "infeasible")

    def change(self, limit: str) -> Relaxation | None:
        """The change of `limit` that makes a plan exist."""
        changes = [] if self.result is None else self.result.relaxations
        return next((change for change in changes if change.limit == limit), None)


def cells(models: tuple[str, ...], sizes: tuple[str, ...], methods: tuple[str, ...]) -> Iterator[Cell]:
    """Answer every question of the grid, one after the other."""
    for model in models:
        for method in methods:
            for size in sizes:
                yield _cell(model, method, size)


def _cell(model: str, method: str, size: str) -> Cell:
    start = time.perf_counter()
    job: dict[str, str | int] = {
        "model": MODELS[model],
        "method": method,
        "data": SIZES[size],
        "deadline": DEADLINE,
        "alternatives": 0,
    }
    result, refused = None, ""
    try:
        result = solve(job)
    except InputError as error:  # no usual framework runs the combination; others may
        result = _elsewhere(job, error.suggestions)
        refused = "" if result is not None else error.message
    return Cell(model, method, size, result, refused, time.perf_counter() - start)


def _elsewhere(job: dict[str, str | int], frameworks: tuple[str, ...]) -> Result | None:
    """Cheapest answer of other frameworks, None where none of them has a cluster that holds the job at all."""
    answers = [solve(job | {"framework": name}) for name in frameworks]
    held = [answer for answer in answers if answer.plan is not None or answer.conflict != ["offers"]]
    return min(held, key=lambda answer: math.inf if answer.objective is None else answer.objective, default=None)
