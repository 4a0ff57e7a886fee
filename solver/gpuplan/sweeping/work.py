"""All tasks of a sweep, worked off: in processes, with a journal of what is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gpuplan.catalogue import offers_for
from gpuplan.journal import Journal
from gpuplan.performance.constants import constants
from gpuplan.sweeping.result import SweepPoint
from gpuplan.sweeping.series import Curve
from gpuplan.sweeping.tasks import Task, run
from gpuplan.workers import each

Progress = Callable[[int, int | None], None]
#: Status of a point that needs no further search.
DECIDED = ("optimal", "infeasible")
#: Work that takes less is not worth a process.
ALONE_SECONDS = 2.0


@dataclass(frozen=True)
class Done:
    """What is known of a sweep: points of an earlier run first, the others as they came."""

    points: list[SweepPoint]
    resumed: int
    processes: int
    seconds: float
    stopped: Literal["interrupted"] | None


@dataclass(frozen=True)
class Work:
    """The tasks of some curves; see `gpuplan.sweep.frontier` for the rest."""

    curves: Sequence[Curve]
    tasks: Sequence[Task]
    journal: Path | None
    restart: bool
    processes: int
    progress: Progress | None
    total: int | None = None

    def done(self, question: object) -> Done:
        """Work them off.

        Raises
        ------
        KeyboardInterrupt
            The user interrupted it, and the journal keeps what is known; without a journal that is returned instead.
        """
        start = time.perf_counter()
        path = self.journal
        opened = nullcontext() if path is None else Journal.open(path, self._identity(question), self.restart)
        with opened as journal:
            points = (
                [] if journal is None else [SweepPoint.model_validate_json(text) for text in journal.known.values()]
            )
            resumed = len(points)
            stopped = self._run(points, journal)
        return Done(points, resumed, min(self.processes, len(self.tasks)), time.perf_counter() - start, stopped)

    def _run(self, points: list[SweepPoint], journal: Journal | None) -> Literal["interrupted"] | None:
        """Add the points that are not known yet."""
        known = {point.key: point for point in points}
        tasks = [task.with_known(known) for task in self.tasks]
        self._tell(len(points))
        try:
            with closing(self._items(tasks)) as found:
                for point in found:
                    points.append(point)
                    if journal is not None and point.status in DECIDED:
                        journal.add(point.key, point.model_dump_json())
                    self._tell(len(points))
        except KeyboardInterrupt:
            if journal is not None:
                raise
            return "interrupted"
        return None

    def _items(self, tasks: Sequence[Task]) -> Generator[SweepPoint, None, None]:
        """Points as they come: here at first, as a process takes a second to begin; what then is left, in processes."""
        start = time.perf_counter()
        for place, task in enumerate(tasks):
            if self.processes > 1 and len(tasks) - place > 1 and time.perf_counter() - start > ALONE_SECONDS:
                with closing(each(tasks[place:], run, self.processes)) as found:
                    yield from (point for _, point in found)
                return
            yield from run(task)

    def _tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(done, self.total)

    def _identity(self, question: object) -> str:
        """All that the answers depend on."""
        asked = [(repr(curve.label), repr(curve.job), _offers(curve, self.tasks[0])) for curve in self.curves]
        return repr((question, constants().as_of, asked))


def _offers(curve: Curve, task: Task) -> list[tuple[str, float]]:
    return [(offer.id, offer.price_usd_per_hour) for offer in offers_for(curve.job, task.given)]
