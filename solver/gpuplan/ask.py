"""The questions of a verb, one after the other: all calls of the search go through here, within one time limit."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Literal, cast

from gpuplan.job import Job
from gpuplan.objectives import objectives
from gpuplan.order import Order
from gpuplan.physics import Cache, Physics
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import workload
from gpuplan.search import search
from gpuplan.space import build_space
from gpuplan_hardware import Offer

Stopped = Literal["time limit", "interrupted"]
INTERRUPTED: Stopped = "interrupted"
TIME_LIMIT: Stopped = "time limit"
#: Kinds of training whose rows are kept at a time: a family of models, but not every length of a sweep, as they are large.
MOST_CACHES = 8


class Asker:
    """Asks for plans until the time is up or the user interrupts; after that every answer is None.

    Questions may differ in anything; what they share is computed once, and no question is answered twice.

    Attributes
    ----------
    offers
        What plans are looked for among, unless a question brings its own.
    stopped
        Why a question was not answered, or not to its end; None as long as all were. Which questions these are depends on the
        speed of the machine, so the answer as a whole is then not reproducible.
    """

    def __init__(self, offers: Sequence[Offer], seconds: float) -> None:
        self.offers = offers
        self.stopped: Stopped | None = None
        self._caches: dict[Hashable, Cache] = {}
        self._answered: dict[Hashable, Outcome] = {}
        self._end = time.monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        """Wall time left for questions."""
        return self._end - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether nothing more is asked."""
        return self.stopped == INTERRUPTED or self.seconds_left <= 0

    def extend(self, seconds: float) -> None:
        """Count the time for further questions from now on."""
        self._end = time.monotonic() + seconds

    def among(self, offers: Sequence[Offer]) -> Asker:
        """The same for other offers; what is computed of the job is shared."""
        other = Asker(offers, self.seconds_left)
        other._caches = self._caches
        return other

    def __call__(self, job: Job, objective: str | None = None, offers: Sequence[Offer] | None = None) -> Outcome | None:
        """Best plan of `job` by an objective (its own unless told otherwise), None where the question could not be asked.

        An outcome whose status is "feasible" or "unknown" was cut short.
        """
        asked = self.offers if offers is None else offers
        key = (job, objective, id(asked))
        if key in self._answered:
            return self._answered[key]
        if not self._may_ask():
            return None
        limited = replace(job, search=replace(job.search, time_limit_seconds=self.seconds_left))
        try:
            outcome = find(limited, asked, objective, self._cache(job))
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
            return None
        self.stopped = stopped(outcome) or self.stopped
        if outcome.status in ("optimal", "infeasible") and asked is self.offers:
            self._answered[key] = outcome
        return outcome

    def glance(self, job: Job, limit: float) -> float | None:
        """Value of the best plan without a proof, `limit` if there is none below it; None where the question was not answered."""
        if not self._may_ask():
            return None
        try:
            cache = self._cache(job)
            physics = Physics(build_space(job, self.offers, kept=cache.get), cache)
            found = search(physics, Order.of(job.objectives), self.seconds_left, limit)
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
            return None
        if not found.complete:
            self.stopped = TIME_LIMIT
            return None
        return found.value

    def _may_ask(self) -> bool:
        if self.over:
            self.stopped = self.stopped or TIME_LIMIT
        return not self.over

    def _cache(self, job: Job) -> Cache:
        """Rows of earlier questions; they depend on the training and on the confidence, which the cache does not tell apart."""
        key = (workload(job), job.confidence)
        if key not in self._caches and len(self._caches) >= MOST_CACHES:
            del self._caches[next(iter(self._caches))]
        return self._caches.setdefault(key, Cache())


def unasked(job: Job, offers: Sequence[Offer]) -> Outcome:
    """The outcome of a question that the user has interrupted before it was answered."""
    objective = objectives()[job.objectives[0]]
    return Outcome(build_space(job, offers), objective, proof="interrupted before it was asked", stopped=INTERRUPTED)


def stopped(outcome: Outcome) -> Stopped | None:
    """What ended a search before its proof; None where nothing did, or the model is too large for a proof on any machine."""
    return cast("Stopped | None", outcome.stopped)
