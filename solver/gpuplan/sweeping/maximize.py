"""What limits buy: the most tokens with which a plan still keeps every limit (the largest model: see `family`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor, isqrt

from gpuplan.ask import Asker, unasked
from gpuplan.errors import InputError
from gpuplan.explain import Explanation
from gpuplan.job import Job, TokenCount
from gpuplan.job.batch import DEFAULT_ABOVE, DEFAULTS
from gpuplan.job.data_size import MAX_TOKENS
from gpuplan.job.resolve import MAX_TOKENS_IN_ALL
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.rules.base import TOLERANCE
from gpuplan.sweeping.points import explained
from gpuplan.units import format_count
from gpuplan.verify import violations

#: Objectives by which the plans are found that go furthest: the one that spares what a limit bounds.
SPARING = {
    "budget_usd": "cost_at_confidence",
    "deadline_seconds": "time_at_confidence",
    "expected_seconds": "time",
}


@dataclass(frozen=True)
class Most:
    """The most of something with which there is a plan.

    Attributes
    ----------
    job
        The job with it; where there is no plan at all, with the least that was asked about.
    outcome
        Its best plan by the job's objectives; or why there is none.
    questions
        How many were asked, those that explain not counted.
    proved
        Whether there is none with more, or none at all.
    reason
        Why there is none with more, in a sentence; None where there was no more to ask about.
    why
        Why there is no plan at all; None where there is one.
    """

    job: Job
    outcome: Outcome
    questions: int
    proved: bool
    reason: str | None
    why: Explanation | None = None


def most_tokens(job: Job, ask: Asker, *, default_batch: bool, near: int | None = None) -> Most:
    """Most sequences of an epoch, and so most tokens, with which a plan keeps every limit of `job`.

    With them there is a proved plan, with one more a proof that there is none. That decides it: at the same global batches more
    data never takes less time, money or storage. Where interruptions or a least utilisation make a step that is not full look
    worse than a full one, the end of the step is asked about too.

    Parameters
    ----------
    job
        Its amount of data says in what it is counted only: samples stay samples, and bytes per token stay as they are.
    ask
        Gets the job's time limit, for all questions of the search together; and once more for the plan with the most.
    default_batch
        Whether the global batch is the default, which depends on the amount of data (see `gpuplan.job.batch`).
    near
        Sequences of an epoch that are about as many, where something is known: the first question.

    Raises
    ------
    InputError
        No limit bounds the amount.
    """
    sparing = [objective for field, objective in SPARING.items() if getattr(job.limits, field) is not None]
    if not sparing:
        message = "'tokens' has no end without a limit on money or time; give --budget or --deadline"
        raise InputError("maximize", "tokens", message)
    ask.extend(job.search.time_limit_seconds)
    ranges = _ranges(job, default_batch)
    search = _Search(job, ask, sparing)
    count = 0
    for which in reversed(ranges):
        search.run(which, near)
        count = search.most
        if count or search.undecided:
            break
    found = _with(job, max(count, 1), ranges)
    ask.extend(job.search.time_limit_seconds)
    outcome = ask(found)
    proved = not search.undecided and outcome is not None and outcome.status in ("optimal", "infeasible")
    outcome = outcome or unasked(found, ask.offers)
    why = explained(found, ask.offers, ask) if outcome.status == "infeasible" else None
    reason = None if why is not None else _why_not_more(job, count, outcome.plan, ranges, search.undecided)
    return Most(found, outcome, search.questions + 1, proved, reason, why)


def sequences_of_epoch(job: Job) -> int:
    """Sequences of an epoch, in which `most_tokens` counts."""
    return replace(job, epochs=1.0).sequences


@dataclass(frozen=True)
class _Range:
    """Sequences of an epoch from `low` to `high`, with the same global batches."""

    low: int
    high: int
    batches: tuple[int, ...]


def _ranges(job: Job, default_batch: bool) -> list[_Range]:
    """Ranges of the amount of data in which more never helps, in rising order."""
    tokens = job.sequence_length * job.packing_efficiency
    most = floor(min(MAX_TOKENS, MAX_TOKENS_IN_ALL / (job.epochs * job.trials)) / tokens)
    if not default_batch:
        return [_Range(1, most, job.global_batches)]
    found, low = [], 1
    for up_to, batch in (*DEFAULTS, (most * tokens, DEFAULT_ABOVE)):
        high = min(floor(up_to / tokens * (1 + 1e-12)), most)
        if high >= low:
            found.append(_Range(low, high, (batch,)))
            low = high + 1
    return found


def _with(job: Job, count: int, ranges: Sequence[_Range]) -> Job:
    """The job with so many sequences of an epoch, and the global batches that go with them."""
    which = next(one for one in ranges if count <= one.high)
    tokens = float(count * job.sequence_length * job.packing_efficiency)
    before = job.tokens
    size = None if before.data_bytes is None else before.data_bytes * tokens / before.tokens
    return replace(
        job,
        tokens=TokenCount(tokens, tokens, tokens, "the most that was looked for", size, before.bytes_per_token),
        samples=None if job.samples is None else count,
        global_batches=which.batches,
        assumptions=_assumptions(job, which.batches if len(ranges) > 1 else None),
    )


def _assumptions(job: Job, default: tuple[int, ...] | None) -> tuple[str, ...]:
    """What is assumed of the job, without what it says of another amount of data."""
    kept = [s for s in job.assumptions if " tokens per epoch:" not in s]
    if default is None:
        return tuple(kept)
    said = f"global batch of {default[0]:,} sequences, the default for so many tokens; it bounds DP"
    return (*(s for s in kept if not (s.startswith("global batch of ") and "the default" in s)), said)


class _Search:
    """Looks for the largest count of a range that has a plan.

    A plan that was found is stretched, in floating point, to the most that it keeps; the next question is about one more, where
    only another plan can answer. In turn with these go questions that halve what is open, so that many plans in a row, each of
    which goes a little further, cost nothing.
    """

    def __init__(self, job: Job, ask: Asker, sparing: Sequence[str]) -> None:
        self.job, self.ask, self.sparing = job, ask, sparing
        self.most, self.questions, self.undecided = 0, 0, False
        self._uneven = job.limits.min_mfu is not None or "spot" in job.limits.pricing

    def run(self, which: _Range, near: int | None) -> None:
        """Set `most` to the largest count of the range, 0 where it has none; `undecided` where the time was too short."""
        low, without, jump = which.low - 1, {which.high + 1}, False
        count: int | None = near if near is not None and which.low < near <= which.high else which.low
        while count is not None:
            answer = self._asked(self._at(which, count))
            if answer is None:
                self.undecided = True
                break
            if answer.plan is None:
                without.add(count)
            else:
                low = self._stretched(answer.plan, which, count, min(none for none in without if none > count))
            none = min(none for none in without if none > low)
            jump = not jump and low >= which.low
            count = self._next(which, low, none, jump) if low + 1 < none else self._end(which, low, without)
        self.most = low if low >= which.low else 0

    def _at(self, which: _Range, count: int) -> Job:
        return _with(self.job, count, (which,))

    def _asked(self, job: Job) -> Outcome | None:
        """A plan or the proof that there is none, by each of the sparing objectives in turn; None: neither."""
        answer = self.ask(job, self.sparing[self.questions % len(self.sparing)])
        self.questions += 1
        return None if answer is None or answer.status == "unknown" else answer

    def _next(self, which: _Range, low: int, none: int, jump: bool) -> int:
        """One more than is known; or, where it is to `jump`, between what has a plan and what has none, at the end of a step."""
        if not jump:
            return low + 1
        middle = 4 * low if none > which.high else isqrt(low * none)
        middle = min(max(middle, low + 1), none - 1)
        end = self._step_end(middle, max(which.batches))
        return end if end < none else middle

    def _step_end(self, count: int, batch: int) -> int:
        """The most sequences of an epoch that need no step more."""
        epochs = self.job.epochs
        return max(count, floor(replace(self.job, samples=count).steps(batch) * batch / epochs * (1 + 1e-12)))

    def _end(self, which: _Range, low: int, without: set[int]) -> int | None:
        """Where a step that is not full may be worse than a full one: the next end of a step that was not asked about."""
        if not self._uneven:
            return None
        ends = (self._step_end(low + 1, batch) for batch in which.batches)
        return next((end for end in ends if end <= which.high and end not in without), None)

    def _stretched(self, plan: Plan, which: _Range, count: int, none: int) -> int:
        """The most below `none` with which this plan keeps every rule; limits count a hair less, for the noise of arithmetic."""
        limits = self.job.limits
        less = {field: getattr(limits, field) for field in SPARING}
        less = {field: value * (1 - TOLERANCE) for field, value in less.items() if value is not None}
        strict, top = replace(limits, **less), none
        while count + 1 < none:
            middle = 4 * count if none == top else (count + none) // 2
            middle = min(max(middle, count + 1), none - 1)
            end = self._step_end(middle, plan.layout.global_batch)
            middle = end if end < none else middle
            job = replace(self._at(which, middle), limits=strict)
            count, none = (count, middle) if violations(replace(plan, job=job)) else (middle, none)
            if none == top and count == top - 1:
                break
        return count


def _why_not_more(job: Job, count: int, plan: Plan | None, ranges: Sequence[_Range], undecided: bool) -> str:
    """Why there is no plan with one sequence more."""
    if undecided or plan is None:
        return f"whether there is a plan{'' if plan is None else ' with more'} was not decided in time"
    which = next(one for one in ranges if count <= one.high)
    if which is ranges[-1] and count == which.high:
        return f"more than {format_count(count)} sequences are not looked at"
    if count == which.high:
        batch = max(ranges[ranges.index(which) + 1].batches)
        return f"no plan with more: from there on the global batch is {batch:,} by default, and none keeps the limits with it"
    broken = violations(replace(plan, job=_with(job, count + 1, ranges)))
    names = " and ".join(dict.fromkeys(quantity.rule.replace("_", " ") for quantity in broken))
    return f"no plan with one sequence more: this one then breaks {names}, and no other keeps every limit"


__all__ = ["Most", "most_tokens", "sequences_of_epoch"]
