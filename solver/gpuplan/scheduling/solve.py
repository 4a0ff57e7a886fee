"""From a problem to a schedule with its bound, by one objective after the other."""

from __future__ import annotations

import os
import time

from gpuplan.scheduling.booking import moved_up
from gpuplan.scheduling.found import Found, Level, ScheduleError, Search
from gpuplan.scheduling.level import LevelSearch
from gpuplan.scheduling.problem import Problem, Schedule, broken, value_of


def schedule(
    problem: Problem, seconds: float = 60.0, workers: int = 0, seed: int = 0, known: Schedule | None = None
) -> Found:
    """Schedule a fleet.

    Parameters
    ----------
    seconds
        Time limit.
    workers
        Threads; 0 takes every core. With the same number, seed and input the schedule is the same, unless the time limit ends it.
    known
        A schedule to begin with.

    Raises
    ------
    ScheduleError
        An internal error.
    """
    begin = time.monotonic()
    run = Search(problem, workers or os.cpu_count() or 1, seed)
    if known is not None and not broken(problem, known):
        run.best = known
    try:
        _solve(run, begin + seconds)
    except KeyboardInterrupt:
        run.found.stopped = "interrupted"
    found = run.found
    if run.best is not None:
        run.best = found.schedule = moved_up(problem, run.best)
        bounds = [level.bound for level in found.levels] + [None] * (len(problem.objectives) - len(found.levels))
        found.levels = [  # what was not proved may have become better on the way to the next
            Level(name, value_of(problem, run.best, name), bound)
            for name, bound in zip(problem.objectives, bounds, strict=True)
        ]
        found.status = "optimal" if all(level.proved for level in found.levels) else "feasible"
        if wrong := broken(problem, run.best):
            raise ScheduleError("; ".join(wrong))
    if found.status in ("feasible", "unknown") and found.stopped is None:
        found.stopped = "time limit"
    found.seconds = time.monotonic() - begin
    return found


def _solve(search: Search, end: float) -> None:
    """The levels one after the other, each among the schedules that are as good as the best by those before it."""
    objectives, caps = search.problem.objectives, dict[str, int]()
    for place, objective in enumerate(objectives):
        share = (end - time.monotonic()) / (len(objectives) - place)
        level = LevelSearch(search, objective, dict(caps), time.monotonic() + share)
        try:
            level.solve()
        finally:  # Ctrl-C takes no bound away
            if place == 0:
                search.found.first_bound = level.said
            if search.best is not None:
                _learn(search.found, level)
        if search.best is None:
            return
        caps[objective] = value_of(search.problem, search.best, objective)


def _learn(found: Found, level: LevelSearch) -> None:
    """Write down what a level has shown."""
    said = f"{level.objective} {level.how}" if level.decided() else f"{level.objective} not proved"
    found.proof = "; ".join(filter(None, (found.proof, said)))
    value = level.value or 0
    found.levels.append(Level(level.objective, value, min(level.bound, value)))
