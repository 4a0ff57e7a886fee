"""The points of a sweep, one after the other, each with what the ones before it have proved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gpuplan.ask import INTERRUPTED, Asker, unasked
from gpuplan.better import better_framework
from gpuplan.explain import Explanation
from gpuplan.job import Job
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.sweeping.points import Mark, explained, point_of
from gpuplan.sweeping.result import SweepPoint
from gpuplan.verify import violations
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Asked:
    """A point to be answered: the job there."""

    mark: Mark
    job: Job


def answer(point: Asked, offers: Sequence[Offer], ask: Asker) -> SweepPoint:
    """A point that has nothing in common with others but the model."""
    found = _proved(point, offers, ask)
    return point_of(point.mark, point.job, found.outcome, offers, found.why, other=found.other)


def asked(job: Job, offers: Sequence[Offer], ask: Asker) -> Outcome:
    """The outcome of a question, which may take the job's time limit.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted it: what is known by then is all there will be.
    """
    ask.extend(job.search.time_limit_seconds)
    outcome = ask(job) or unasked(job, offers)
    if ask.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    return outcome


def chain(
    points: Sequence[Asked], offers: Sequence[Offer], ask: Asker, known: Mapping[str, SweepPoint]
) -> Iterator[SweepPoint]:
    """Points that differ in one limit, the loosest first, but for those that are `known` by their keys.

    A tighter limit leaves fewer plans. So where the best plan keeps the next limit as well, it is the best there too, and the proof
    is the same; and where there is none, there is none under any tighter limit.
    """
    last: _Proved | None = None
    source: Asked | None = None
    for point in points:
        if point.mark.key in known:
            source = point if known[point.mark.key].proved_at is None else source
            continue
        if source is not None:  # what the known points were proved with
            last, source = _proved(source, offers, ask), None
        if last is not None and last.holds_for(point.job):
            found, proved_at = last.under(point.job, offers, ask), last.mark.at
        else:
            found, proved_at = _proved(point, offers, ask), None
            last = found if found.outcome.status in ("optimal", "infeasible") else None
        yield point_of(point.mark, point.job, found.outcome, offers, found.why, proved_at, other=found.other)


def _proved(point: Asked, offers: Sequence[Offer], ask: Asker) -> _Proved:
    """The answer to a question of its own."""
    outcome = asked(point.job, offers, ask)
    why = explained(point.job, offers, ask) if outcome.status == "infeasible" else None
    return _Proved(point.mark, outcome, why, better(point.job, outcome, ask))


def better(job: Job, outcome: Outcome, ask: Asker) -> Plan | None:
    """The best plan under another framework than the default, where that is better by far (see `gpuplan.better`).

    Raises
    ------
    KeyboardInterrupt
        The user interrupted it.
    """
    found = better_framework(job, outcome, ask) if outcome.status == "optimal" else None
    if ask.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    return found


@dataclass(frozen=True)
class _Proved:
    """A decided point, to be used by tighter ones."""

    mark: Mark
    outcome: Outcome
    why: Explanation | None
    other: Plan | None

    def holds_for(self, tighter: Job) -> bool:
        """Whether its proof decides a job with a tighter limit too."""
        plan = self.outcome.plan
        return plan is None or not violations(replace(plan, job=tighter))

    def under(self, tighter: Job, offers: Sequence[Offer], ask: Asker) -> _Proved:
        """What it says of a job with a tighter limit.

        Where no other framework is better by far under a wider limit, none is under a tighter one, which leaves it fewer plans.
        """
        outcome, other = self._outcome_for(tighter), self.other
        if other is not None and violations(other := replace(other, job=tighter)):
            other = better(tighter, outcome, ask)
        return _Proved(self.mark, outcome, self._why_for(tighter, offers, ask), other)

    def _outcome_for(self, tighter: Job) -> Outcome:
        plan, at = self.outcome.plan, self.mark.text
        if plan is None:
            proof = f"the limit of {at} is wider, and leaves no plan: {self.outcome.proof}"
            return replace(self.outcome, proof=proof, seconds={})
        proof = f"{self.outcome.proof} (at the wider limit of {at}, which this plan does not use up)"
        return replace(self.outcome, plan=replace(plan, job=tighter), proof=proof, seconds={})

    def _why_for(self, tighter: Job, offers: Sequence[Offer], ask: Asker) -> Explanation | None:
        """Why a tighter limit leaves no plan either: for the same reason, where the limit alone is the reason."""
        if self.why is None:
            return None
        if not self._alone(self.why):
            return explained(tighter, offers, ask)
        (change,) = self.why.relaxations
        limit = tighter.limits
        before = {"deadline": limit.deadline_seconds, "budget": limit.budget_usd, "max_gpus": limit.max_gpus}
        value = before.get(change.limit, limit.max_nodes)
        if value is None:
            return explained(tighter, offers, ask)
        from_ = value / 3600 if change.unit == "hours" else float(value)
        return replace(self.why, relaxations=[change.model_copy(update={"from_": from_})])

    def _alone(self, why: Explanation) -> bool:
        """Whether the limit that is varied rules out every plan by itself, and how far it must give way is known."""
        field = (self.mark.over or "").replace("-", "_")
        return why.conflict == [field] and [change.limit for change in why.relaxations] == [field] and not why.undecided
