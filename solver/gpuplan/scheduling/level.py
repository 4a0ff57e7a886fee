"""The search for the best schedule by one objective: a schedule soon, a bound, CP-SAT on what that leaves, parts made better, CP-SAT."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gpuplan.scheduling.booking import LEFT_OUT, Booking, Place
from gpuplan.scheduling.bound import SUMS, Bound, bound
from gpuplan.scheduling.exact import Answer, Question, second_opinion, solve_exactly
from gpuplan.scheduling.fixing import fixed
from gpuplan.scheduling.found import ScheduleError, Search
from gpuplan.scheduling.neighbourhood import improve_by_parts
from gpuplan.scheduling.problem import Problem, Schedule, broken, value_of
from gpuplan.scheduling.ruin import construct, improve
from gpuplan.scheduling.windows import Way, bounded, ways

#: Rounds of ruin and recreate for each task, and at most; and their share of the time.
ROUNDS_PER_TASK, MOST_ROUNDS, ROUNDS_SHARE = 200, 20_000, 0.2
#: Segments of the calendar for the bound (more take much longer and hardly raise it), and its share of the time that is left.
SEGMENTS, BOUND_SHARE = 120, 0.3
#: Share of the time that is left in which one thread of CP-SAT looks at the whole (so that the answer is the same each time), and then
#: the share in which parts are made better, before all threads look at the whole.
ALONE_SHARE, PARTS_SHARE = 0.4, 0.35


class LevelSearch:
    """The search by one objective."""

    def __init__(self, search: Search, objective: str, caps: dict[str, int], end: float) -> None:
        self.search, self.objective, self.end = search, objective, end
        self.problem = bounded(search.problem, caps)
        self.caps = {name: cap for name, cap in caps.items() if name != "makespan"}
        self.ways = ways(self.problem)
        self.booking = Booking(self.problem, self.ways, objective, self.caps)
        self.bound = self._plain_bound()
        self.said: Bound | None = None
        self.doubted = False
        self.how = "proved, as every job has its best by itself"

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    @property
    def value(self) -> int | None:
        """Objective of the best schedule."""
        return None if self.search.best is None else value_of(self.problem, self.search.best, self.objective)

    def decided(self) -> bool:
        """Whether nothing is better than the best schedule."""
        return self.value is not None and self.value <= self.bound

    def solve(self) -> None:
        """Search until the bound is met, or the time is up."""
        if any(not own and not task.optional for own, task in zip(self.ways, self.problem.tasks, strict=True)):
            self.search.found.status, self.search.found.proof = "infeasible", "a job has no plan that ends in time"
            return
        self._first_schedule()
        if self.decided():
            return
        self._ask_for_bound()
        if self.decided():
            return
        self._solve_whole(ALONE_SHARE, 1)
        if self.decided() or self.search.found.status == "infeasible":
            return
        if self.search.best is not None:
            self._improve_by_parts()
        if not self.decided():
            self.search.found.reproducible = self.search.workers == 1
            self._solve_whole(1.0, self.search.workers)

    # -- schedules -------------------------------------------------------------------------------------------------------------
    def _first_schedule(self) -> None:
        """A list schedule, or the one that is known, made better by ruin and recreate."""
        self._book_best()
        if self.search.best is None:
            construct(self.booking)
        rounds = min(MOST_ROUNDS, ROUNDS_PER_TASK * len(self.problem.tasks))
        improve(self.booking, rounds, ROUNDS_SHARE * self.left, self.search.seed)
        self._take(self.booking.schedule())

    def _improve_by_parts(self) -> None:
        _, kept = self._fixed()
        self._book_best()
        end = time.monotonic() + PARTS_SHARE * self.left
        try:
            improve_by_parts(self.booking, kept, end, self.search.workers, self.search.seed, self.bound)
        finally:
            self._take(self.booking.schedule())

    def _book_best(self) -> None:
        """Put the best schedule into the booking."""
        if self.search.best is None:
            return
        for index, placed in enumerate(self.search.best):
            self.booking.take_out(index)
            way = None if placed is None else next(way for way in self.ways[index] if way.mode == placed.mode)
            self.booking.put(index, LEFT_OUT if way is None or placed is None else (way, placed.start))

    def _take(self, schedule: Schedule | None) -> bool:
        """Keep a schedule that is better by this objective."""
        value = self.value
        if schedule is None or (value is not None and value_of(self.problem, schedule, self.objective) >= value):
            return False
        if wrong := broken(self.problem, schedule):
            raise ScheduleError("; ".join(wrong))
        self.search.best = schedule
        return True

    # -- bounds ----------------------------------------------------------------------------------------------------------------
    def _plain_bound(self) -> int:
        """What no schedule is below, task by task."""
        least = [
            min(
                [self.booking.amount(i, (way, way.first)) for way in own]
                + [self.booking.amount(i, LEFT_OUT)] * task.optional
            )
            for i, (own, task) in enumerate(zip(self.ways, self.problem.tasks, strict=True))
            if own or task.optional
        ]
        return max(least, default=0) if self.objective == "makespan" else sum(least)

    def _ask_for_bound(self) -> None:
        """Prices of time, unless the objective is no sum or nothing is shared."""
        if self.objective not in SUMS or not self.problem.resources:
            return
        ends = [] if self.search.best is None else [value_of(self.problem, self.search.best, "makespan")]
        said = bound(
            self.problem,
            self.ways,
            self.objective,
            self.caps,
            max(ends, default=self.problem.horizon),
            SEGMENTS,
            BOUND_SHARE * self.left,
        )
        if said is not None:
            self.said, self.how = said, "proved by prices of time (column generation)"
            self.bound = max(self.bound, said.value)

    def _fixed(self) -> tuple[Problem, list[list[Way]]]:
        """What a schedule as good as the best can have."""
        value = self.value
        if self.said is None or value is None:
            return self.problem, [list(own) for own in self.ways]
        return fixed(self.problem, self.ways, self.said, value)

    # -- the whole -------------------------------------------------------------------------------------------------------------
    def _solve_whole(self, share: float, workers: int) -> None:
        """Let CP-SAT decide what is left, in a share of the time that is left."""
        problem, kept = self._fixed()
        self._book_best()
        places: list[Place] | None = None if self.search.best is None else [p or LEFT_OUT for p in self.booking.places]
        question = Question(problem, kept, self.objective, self.caps, self.bound, self.value, self.doubted)
        answer = solve_exactly(question, share * self.left, workers, self.search.seed, places, self.said, self.ways)
        self._learn(answer)
        if answer.interrupted:
            raise KeyboardInterrupt

    def _learn(self, answer: Answer) -> None:
        """Take over what CP-SAT has found; a verdict against a schedule that is known is not believed."""
        if answer.places is not None:
            self._put_all(answer.places)
        if answer.status == "infeasible":
            self.doubted = self.search.best is not None
            if not self.doubted:
                self._confirm_infeasible()
            return
        if answer.bound is not None and self.value is not None and self.bound < answer.bound <= self.value:
            self.bound, self.how = answer.bound, "proved by CP-SAT"

    def _put_all(self, places: Sequence[Place]) -> None:
        for index, place in enumerate(places):
            self.booking.take_out(index)
            self.booking.put(index, place)
        self._take(self.booking.schedule())

    def _confirm_infeasible(self) -> None:
        """Ask again in another form: a verdict of one formulation is no proof."""
        answer = second_opinion(self.problem, self.ways, self.left, self.search.workers, self.search.seed)
        if answer.places is not None:
            self._put_all(answer.places)
            if self.search.best is not None:  # the first verdict was wrong
                return
        found = self.search.found
        if answer.status == "infeasible":
            found.status, found.proof = "infeasible", "CP-SAT finds no schedule, in two formulations"
        else:
            found.proof = "CP-SAT finds no schedule in one formulation; the other was not decided in time"
