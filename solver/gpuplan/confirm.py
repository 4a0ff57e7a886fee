"""The second opinion on "infeasible" where bounds alone leave nothing: CP-SAT decides over the layouts that come nearest.

The search and the reduction share their bounds. So a limit is lifted, or all of them, until the search finds a plan, and what comes
as near to the limit as that plan is given to CP-SAT with the true limits: it must not find a plan either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from gpuplan.job import Job
from gpuplan.objectives import objectives
from gpuplan.order import Order
from gpuplan.physics import Cache, Physics
from gpuplan.prove import prove
from gpuplan.reduce import build_tables, reduce_rows
from gpuplan.search import Searcher
from gpuplan.space import Space

#: Fields of `Limits` that bound time, money and clusters, which the model itself holds.
LIMITS = ("deadline_seconds", "expected_seconds", "budget_usd", "max_gpus", "max_nodes", "min_mfu", "node_counts")
#: Memory is made so many times as large where nothing fits.
ROOMIER = 30.0


@dataclass(frozen=True)
class Confirmation:
    """What CP-SAT says of the layouts that come nearest; None: there are none even without limits and with `ROOMIER` memory."""

    status: str | None
    layouts: int
    stopped: str | None = None


def confirm(space: Space, cache: Cache, seconds: float) -> Confirmation:
    """Ask CP-SAT about the layouts that come nearest to the limits of a space."""
    end = time.perf_counter() + seconds
    field, objective = _nearest(space.job)
    for lifted, roomier in (((field,), 1.0), (LIMITS, 1.0), (LIMITS, ROOMIER)):
        none: dict[str, Any] = dict.fromkeys(lifted)
        job = replace(space.job, limits=replace(space.job.limits, **none))
        memory = space.machines.usable_memory_bytes * roomier
        around = replace(space, job=job, machines=replace(space.machines, usable_memory_bytes=memory))
        searcher = Searcher(Physics(around, cache), Order((objectives()[objective],)), end - time.perf_counter())
        found = searcher.run()
        if not found.complete:
            return Confirmation("unknown", 0)
        if found.best is None:
            continue
        kept = reduce_rows(searcher)
        tables = build_tables(searcher, kept, searcher.order.primary)
        left = end - time.perf_counter()
        proof = prove(replace(tables, space=space), searcher.order.primary, space.job, left)
        return Confirmation(proof.status, kept.pairs, proof.stopped)
    return Confirmation(None, 0)


def _nearest(job: Job) -> tuple[str, str]:
    """The first limit that is given, and the objective by which layouts come near to it."""
    if job.limits.expected_seconds is not None:
        return "expected_seconds", "time"
    if job.limits.deadline_seconds is not None:
        return "deadline_seconds", "time_at_confidence"
    return "budget_usd", "cost_at_confidence"
