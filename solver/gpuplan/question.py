"""Questions about a job without some of its limits, and the least change of each limit that leads to a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from gpuplan.answer import plan_answer
from gpuplan.ask import Asker
from gpuplan.job import Job
from gpuplan.pipeline import Outcome
from gpuplan.relax import MAX_TP, MIN_MFU, Given, Limit, in_time, needed, without, without_wait
from gpuplan.result import Relaxation
from gpuplan_hardware import Offer

#: Share to which the highest utilisation that any plan reaches is found.
MFU_PRECISION = 1e-3


class Question:
    """What is known of a job without some of its limits; no question is asked twice, nor one whose answer follows from others.

    Fewer limits leave more plans: a plan without some is one without more, and where none is without many there is none without
    some of these.
    """

    def __init__(self, job: Job, offers: Sequence[Offer], ask: Asker) -> None:
        self.job, self.offers, self.ask = job, offers, ask
        self.undecided: dict[str, None] = {}
        self._outcomes: dict[tuple[frozenset[Given], str], Outcome] = {}
        self._none: list[frozenset[Given]] = []

    def outcome(
        self, lifted: Collection[Given], objective: str, offers: Sequence[Offer] | None = None
    ) -> Outcome | None:
        """Best plan with `lifted` out of force; None where the time is up, or it is known that there is none."""
        key = (frozenset(lifted), objective)
        if key not in self._outcomes:
            if any(key[0] <= none for none in self._none):
                return None
            found = self.ask(without(self.job, key[0]), objective, offers)
            if found is None:
                return None
            if found.status == "infeasible":
                self._none.append(key[0])
            self._outcomes[key] = found
        return self._outcomes[key]

    def possible(self, lifted: Collection[Given]) -> bool | None:
        """Whether there is a plan with `lifted` out of force, proved or not to be the best; None where that was not decided."""
        wanted = frozenset(lifted)
        if any(found.plan is not None and free <= wanted for (free, _), found in self._outcomes.items()):
            return True
        found = self.outcome(wanted, "gpus")
        if found is not None and found.plan is not None:
            return True
        return False if any(wanted <= none for none in self._none) else None

    def open(self, name: str) -> None:
        """Note what was not decided."""
        self.undecided.setdefault(name)


def relax(question: Question, item: Given, lifted: Sequence[Given]) -> Relaxation | None:
    """Least change of `item` with which a plan exists when `lifted` are out of force; None if that does not help."""
    job = question.job
    if isinstance(item, Limit) and item.objective is not None:
        outcome = question.outcome(lifted, item.objective, _seen_by(question, item))
    else:
        outcome = question.outcome(lifted, job.objectives[0])
    if outcome is None or outcome.plan is None:
        if question.possible(lifted) is not False:
            question.open(item.name)
        return None
    best, smallest = outcome, outcome.status == "optimal"
    if item is MAX_TP:
        best, smallest = _smaller_tp(question, outcome, lifted)
    elif item is MIN_MFU:
        best, smallest = _higher_mfu(question, outcome, lifted)
    if not smallest:
        question.open(item.name)
    return _changed(question, item, lifted, best, smallest)


def _seen_by(question: Question, limit: Limit) -> Sequence[Offer] | None:
    """Offers as a limit sees them."""
    from_start = limit.name == "deadline" and question.job.limits.deadline_from == "start"
    return without_wait(question.job, question.offers) if from_start else None


def _changed(
    question: Question, item: Given, lifted: Sequence[Given], outcome: Outcome, smallest: bool
) -> Relaxation | None:
    """Write out what a plan needs of `item`, and of the others that are lifted beside it."""
    job, found = question.job, outcome.plan
    if found is None:
        return None
    original = next(offer for offer in question.offers if offer.id == found.offer.id)
    plan = replace(found, job=job, offer=original)
    before, to, unit, which = 0.0, 1.0, "switch", None
    if isinstance(item, Limit):
        to, unit, before = item.needs(plan) * item.scale, item.unit, item.before(plan)
        which = item.which(plan)
    return Relaxation(
        limit=item.name,
        **{"from": before},
        to=to,
        unit=unit,
        which=which,
        smallest=smallest,
        also_lifted=needed(job, plan, [other for other in lifted if other is not item]),
        plan=plan_answer(in_time(plan)),
    )


def _smaller_tp(question: Question, found: Outcome, lifted: Sequence[Given]) -> tuple[Outcome, bool]:
    """The plan with the least tensor parallelism above the limit: degrees are tried from the smallest on."""
    if found.plan is None:
        return found, False
    limit, most = MAX_TP.value(question.job), found.plan.layout.tensor
    for degree in sorted(set(found.space.values.tensor)):
        if limit < degree < most:
            tried = question.ask(MAX_TP.set(without(question.job, lifted), degree))
            if tried is None or tried.status == "unknown":
                return found, False
            if tried.plan is not None:
                return tried, True
    return found, True


def _higher_mfu(question: Question, found: Outcome, lifted: Sequence[Given]) -> tuple[Outcome, bool]:
    """The plan with the highest utilisation below the limit, found by halving to within `MFU_PRECISION`."""
    best, above = found, float(MIN_MFU.value(question.job))
    while best.plan is not None and (reached := MIN_MFU.needs(best.plan)) < above * (1 - MFU_PRECISION):
        tried = question.ask(MIN_MFU.set(without(question.job, lifted), (reached + above) / 2))
        if tried is None or tried.status == "unknown":
            return best, False
        if tried.plan is None:
            above = (reached + above) / 2
        else:
            best = tried
    return best, True
