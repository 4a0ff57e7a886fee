"""The work of a sweep in parts that need nothing of each other, so that each can have a process of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gpuplan.ask import INTERRUPTED, Asker
from gpuplan.catalogue import offers_for
from gpuplan.job import Job
from gpuplan.performance.constants import calibrated, use_constants
from gpuplan.sweeping.chain import Asked, answer, chain
from gpuplan.sweeping.family import Member, largest_model
from gpuplan.sweeping.frontier import END, Ends, walk
from gpuplan.sweeping.maximize import Most, most_tokens, sequences_of_epoch
from gpuplan.sweeping.points import Mark, point_of
from gpuplan.sweeping.prices import priced
from gpuplan.sweeping.result import SweepPoint
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Task(ABC):
    """Points that share what is computed; `given` are the caller's offers, `known` the points of an earlier run by their keys."""

    job: Job
    given: tuple[Offer, ...] | None
    known: Mapping[str, SweepPoint] = field(default_factory=dict)

    @abstractmethod
    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        """Points that are not known yet, each as soon as it is."""

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
class PriceTask(_Points):
    """The price of some offers at each point; all others stay as they are."""

    of: str = ""

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        both = priced(self.job, self.of, self.given)
        for point in self.left:
            offers = both.at(point.mark.at or 0.0)
            yield answer(replace(point, job=both.job), offers, ask.among(offers))


@dataclass(frozen=True)
class TokensTask(_Points):
    """The most data at each point."""

    default_batch: bool = True

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        near: int | None = None
        for point in self.left:
            most = most_tokens(point.job, ask, default_batch=self.default_batch, near=near)
            near = sequences_of_epoch(most.job)
            yield _most(point.mark, most, offers, "tokens", most.job.tokens.tokens)


@dataclass(frozen=True)
class ModelTask(Task):
    """The largest model at each point: where it stands, and the models with their jobs there."""

    points: tuple[tuple[Mark, tuple[Member, ...]], ...] = ()

    def answers(self, offers: Sequence[Offer], ask: Asker) -> Iterator[SweepPoint]:
        for mark, models in self.points:
            if mark.key not in self.known:
                most = largest_model(models, ask)
                yield _most(mark, most, offers, "parameters", float(most.job.architecture.parameters))


def _most(mark: Mark, most: Most, offers: Sequence[Offer], what: str, amount: float) -> SweepPoint:
    """A point whose objective is to have as much as possible of something."""
    if most.outcome.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    point = point_of(mark, most.job, most.outcome, offers, most.why, reason=most.reason)
    there = point.plan is not None
    status = point.status if most.proved else "feasible" if there else "unknown"
    bound = amount if there and most.proved else None
    said = {"objective_name": what, "objective_unit": what, "objective": amount if there else None}
    return point.model_copy(update={**said, "bound": bound, "status": status})


@dataclass(frozen=True)
class FrontierTask(Task):
    """The frontier of one curve."""

    series: str = ""
    pair: tuple[str, str] = ("cost", "time")
    ends: Ends = field(default_factory=Ends)

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
