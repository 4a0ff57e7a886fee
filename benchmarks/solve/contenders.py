"""gpuplan and its two rivals, each called the same way on a resolved job and a list of offers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.solve.exhaustive import count_pairs, exhaustive
from benchmarks.solve.plain import plain
from gpuplan.job import Job
from gpuplan.physics import Cache
from gpuplan.pipeline import Outcome, find
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Answer:
    """What a contender says: `status` is optimal, infeasible, feasible (no proof), unknown, stopped or error; and what it took."""

    status: str
    value: float | None
    seconds: float
    peak_mb: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)


Contender = Callable[[Job, Sequence[Offer]], Answer]


def gpuplan(job: Job, offers: Sequence[Offer]) -> Answer:
    """Solve twice: the first call builds every table anew, the second has them, as solves of the same job under other limits do."""
    tables = Cache()
    outcome, seconds = _timed(job, offers, tables)
    again, warm = _timed(job, offers, tables)
    figures: dict[str, float] = {f"seconds_{part}": taken for part, taken in outcome.seconds.items()}
    figures |= {
        "warm": warm,
        "kept_offers": len(outcome.space.offers),
        "machines": len(outcome.space.machines),
        "layouts": outcome.layouts,
        "left_pairs": outcome.pairs,
        "literals": outcome.literals,
    }
    same = (outcome.status, outcome.value) == (again.status, again.value)
    return Answer(outcome.status if same else "not repeated", outcome.value, seconds, figures=figures)


def _timed(job: Job, offers: Sequence[Offer], tables: Cache) -> tuple[Outcome, float]:
    start = time.perf_counter()
    outcome = find(job, offers, cache=tables)
    return outcome, time.perf_counter() - start


def every_pair(job: Job, offers: Sequence[Offer]) -> Answer:
    """Evaluate every offer with every layout in numpy."""
    start = time.perf_counter()
    found = exhaustive(job, offers)
    seconds = time.perf_counter() - start
    status = "infeasible" if found.value is None else "optimal"
    return Answer(status, found.value, seconds, figures={"evaluated": found.evaluated})


def size_of_space(job: Job, offers: Sequence[Offer]) -> Answer:
    """Count the pairs of the space; not timed against anything."""
    return Answer("counted", float(count_pairs(job, offers)), 0.0)


def plain_cp_sat(limit_seconds: float) -> Contender:
    """Return the plain CP-SAT model under a time limit, tables and building included."""

    def solve(job: Job, offers: Sequence[Offer]) -> Answer:
        start = time.perf_counter()
        found = plain(job, offers, limit_seconds)
        return Answer(found.status, found.value, time.perf_counter() - start, figures={"rows": found.rows})

    return solve
