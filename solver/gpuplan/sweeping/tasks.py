"""The work of a sweep in parts that need nothing of each other, so that each can have a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gpuplan.ask import Asker
from gpuplan.catalogue import offers_for
from gpuplan.job import Job
from gpuplan.performance.constants import calibrated, use_constants
from gpuplan.sweeping.chain import Asked, answer, chain
from gpuplan.sweeping.frontier import END, Ends, walk
from gpuplan.sweeping.points import Mark
from gpuplan.sweeping.result import SweepPoint
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Task:
    """Points that share what is computed; `given` are the caller's offers, `known` the points of an earlier run by their keys."""

    job: Job
    given: tuple[Offer, ...] | None
    known: Mapping[str, SweepPoint] = field(default_factory=dict)

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        """Points that are not known yet, each as soon as it is."""
        raise NotImplementedError

    def with_known(self, known: Mapping[str, SweepPoint]) -> Task:
        """The task of an earlier run, to be gone on with."""
        return replace(self, known=known)


@dataclass(frozen=True)
class _Points(Task):
    points: tuple[Asked, ...] = ()

    @property
    def left(self) -> list[Asked]:
        """Points that are not known yet."""
        return [point for point in self.points if point.mark.key not in self.known]


class ChainTask(_Points):
    """Points that differ in one limit, the loosest first."""

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        if self.left:
            yield from chain(self.points, offers, ask, self.known)


class EachTask(_Points):
    """Points that differ in something else."""

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        for point in self.left:
            if point.job.catalogue != self.job.catalogue:  # a price is varied
                offers = offers_for(point.job, self.given)
                ask = ask.among(offers)
            yield answer(point, offers, ask)


@dataclass(frozen=True)
class FrontierTask(Task):
    """The frontier of one curve."""

    series: str = ""
    pair: tuple[str, str] = ("cost", "time")
    ends: Ends = Ends()

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        if Mark(self.series, None, None, None, END).key in self.known:
            return
        mine = [point for point in self.known.values() if point.series == self.series]
        yield from walk(self.series, self.job, self.pair, self.ends, offers, ask, mine[-1] if mine else None)


def run(task: Task) -> Iterator[SweepPoint]:
    """The answers of a task; in any process."""
    with use_constants(calibrated(task.job.calibration)):
        offers = offers_for(task.job, task.given)
        yield from task.answers(offers, Asker(offers, task.job.search.time_limit_seconds))
