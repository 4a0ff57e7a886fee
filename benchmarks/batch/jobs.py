"""The jobs: all models of the catalogue x methods x data sizes x deadlines, of which a seeded thousand is taken."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from gpuplan.batching.read import read_rows

GRID: Mapping[str, Any] = {
    "model": "catalogue",
    "method": ["lora", "qlora", "full"],
    "data": ["1MB", "100MB", "1GB", "10GB"],
    "deadline": ["4h", "12h", "24h", "72h"],
}
JOBS, SEED = 1_000, 8
#: What is killed: quick jobs with plans, without, and with errors.
KILLED: Mapping[str, Any] = {
    "model": ["qwen2.5-0.5b", "llama-3.2-1b", "no-such-model"],
    "method": ["lora"],
    "gpu": ["H100-SXM,L40S"],
    "data": ["1MB", "10MB", "100MB"],
    "deadline": ["1m", "1h", "24h"],
}


def every_job() -> list[dict[str, Any]]:
    """The whole grid."""
    return [dict(row.words) for row in read_rows({"grid": GRID})]


def the_jobs(count: int = JOBS) -> list[dict[str, Any]]:
    """So many jobs of the grid, in its order."""
    grid = every_job()
    places = sorted(random.Random(SEED).sample(range(len(grid)), count))
    return [grid[place] for place in places]


def sample(jobs: list[dict[str, Any]], count: int) -> list[int]:
    """Places of some of the jobs."""
    return sorted(random.Random(SEED + 1).sample(range(len(jobs)), min(count, len(jobs))))
