"""Generated fleets scheduled by gpuplan and by the plain encoding: time to the proof, or the gap when the time is up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.fleet.generate import generate
from benchmarks.fleet.plain import plain
from gpuplan.scheduling.problem import MICRO, Problem, broken, value_of
from gpuplan.scheduling.solve import schedule

#: Jobs of a fleet; most gap that is asked for when the time is up (0: a proof), and what is aimed at.
ASKED: dict[int, tuple[float, str]] = {
    50: (0.0, "a proof"),
    100: (0.01, "under 1 %"),
    200: (0.03, "under 3 %, aim 1 %"),
}
#: Work of all jobs as a share of what the stock can do.
LOADS = (0.3, 0.5, 0.7, 0.9)
LOADED_JOBS = 100
#: Seeds that the plain encoding is asked, too.
PLAIN_SEEDS = 1
WORKERS = 2
OURS, PLAIN = "gpuplan", "plain CP-SAT"


@dataclass(frozen=True)
class Scheduled:
    """A fleet by one of the two: USD, and seconds until it ended by itself or by the limit."""

    by: str
    jobs: int
    modes: int
    seed: int
    load: float | None
    status: str
    usd: float | None
    bound_usd: float | None
    seconds: float

    @property
    def gap(self) -> float | None:
        """Of its own bound; None: there is no schedule."""
        if self.usd is None or self.bound_usd is None:
            return None
        return (self.usd - self.bound_usd) / self.usd


def by_size(seconds: float, seeds: int) -> Iterator[dict[str, Any]]:
    """Fleets of all sizes at the generator's own loads."""
    for jobs in ASKED:
        for seed in range(seeds):
            problem = generate(seed, jobs)
            for by in (OURS, PLAIN) if seed < PLAIN_SEEDS else (OURS,):
                yield asdict(_scheduled(by, problem, seed, None, seconds))


def by_load(seconds: float, seeds: int) -> Iterator[dict[str, Any]]:
    """Fleets of one size at loads that are easy and at such that are not."""
    for load in LOADS:
        for seed in range(seeds):
            problem = generate(seed, LOADED_JOBS, load=(load, load))
            yield asdict(_scheduled(OURS, problem, seed, load, seconds))


def _scheduled(by: str, problem: Problem, seed: int, load: float | None, seconds: float) -> Scheduled:
    """Solve, and look whether the schedule holds and costs what is said."""
    bound: int | None
    if by == OURS:
        found = schedule(problem, seconds, workers=WORKERS)
        status, placed, took = str(found.status), found.schedule, found.seconds
        value, bound = (found.levels[0].value, found.levels[0].bound) if found.levels else (None, None)
    else:
        said = plain(problem, seconds, WORKERS)
        status, placed, took, value, bound = said.status, said.schedule, said.seconds, said.value, said.bound
    if placed is not None and ((wrong := broken(problem, placed)) or value_of(problem, placed, "cost") != value):
        raise RuntimeError(f"the schedule by {by} of seed {seed} does not hold: {'; '.join(wrong) or 'its cost'}")
    return Scheduled(
        by=by,
        jobs=len(problem.tasks),
        modes=sum(len(task.modes) for task in problem.tasks),
        seed=seed,
        load=load,
        status=status,
        usd=None if value is None else value / MICRO,
        bound_usd=None if bound is None else bound / MICRO,
        seconds=took,
    )
