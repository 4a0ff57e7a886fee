"""The exact set of plans that no other plan beats in both of two objectives, from the cheapest on, each with a proof.

The best plan by the first objective needs some amount of the second. The next question asks for less of that; its answer is the next
point, until there is no plan. Between two points there is none: each question's optimum was proved among all plans that need less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpuplan.ask import Asker, unasked
from gpuplan.errors import InputError
from gpuplan.job import Job
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan.reasons import changes_of
from gpuplan.rules.base import TOLERANCE
from gpuplan.sweeping.axes import AXES, Axis
from gpuplan.sweeping.chain import asked, better
from gpuplan.sweeping.points import Mark, explained, point_of, value_of
from gpuplan.sweeping.result import SweepPoint
from gpuplan.units import format_count, format_hours, format_hours_at_least
from gpuplan_hardware import Offer

#: By so much less than the last plan the next one needs: more than the tolerance of a rule, less than anybody could notice.
LESS = 4 * TOLERANCE
#: Text of the point without a plan at the end of a frontier.
END = "beyond"
#: Rules that say nothing about what holds a plan back.
UNSAID = ("memory", "step_time", "topology")


@dataclass(frozen=True)
class Falling:
    """The second objective of a frontier: less and less of it is allowed.

    Attributes
    ----------
    objective
        Its name in `gpuplan.objectives`.
    of
        How much a plan needs, in base units; `field` of `Limits` bounds it.
    below
        The largest amount that is less; `text` says an amount.
    axis
        Reads the ends of a sweep.
    """

    word: str
    objective: str
    field: str
    of: Callable[[Plan], float]
    below: Callable[[float, Job], float]
    text: Callable[[float], str]
    axis: Axis

    def needed(self, point: SweepPoint) -> float:
        """How much the plan of a point that is written out needs."""
        return value_of(point, self.word) * (point.parallel if self.axis.whole else self.axis.unit_size)

    def at_most(self, job: Job, amount: float | None) -> Job:
        """The job with no more than an amount, or the limit of its own where that is less; None leaves it as it is."""
        own = getattr(job.limits, self.field)
        if amount is None or (own is not None and own <= amount):
            return job
        value: Any = round(amount) if self.axis.whole else amount
        return replace(job, limits=replace(job.limits, **{self.field: value}))


def _sure_seconds(plan: Plan) -> float:
    return plan.deadline_clock_seconds(plan.step_factor, plan.deviations)


def _share_less(amount: float, job: Job) -> float:
    return amount * (1 - LESS)


def _hours(seconds: float) -> str:
    return format_hours(seconds / 3600)


def _kept(seconds: float) -> str:
    """A deadline: one that is written so leaves the plan its time."""
    return format_hours_at_least(seconds / 3600)


_FALLING = (
    Falling("time", "time", "expected_seconds", Plan.wall_seconds, _share_less, _hours, AXES["deadline"]),
    Falling("deadline", "time_at_confidence", "deadline_seconds", _sure_seconds, _share_less, _kept, AXES["deadline"]),
    Falling(
        "gpus",
        "gpus",
        "max_gpus",
        lambda plan: float(plan.gpus * plan.job.parallel),
        lambda amount, job: amount - 1,
        lambda amount: f"{format_count(amount)} GPU{'' if amount == 1 else 's'}",
        AXES["max-gpus"],
    ),
)
#: Frontiers by their words: the first objective, and what falls.
FRONTIERS: dict[tuple[str, str], Falling] = {
    (first, falling.word): falling
    for first, words in (("cost", ("time", "deadline", "gpus")), ("time", ("gpus",)))
    for falling in _FALLING
    if falling.word in words
}


def frontier_of(words: Sequence[str] | str) -> tuple[str, str]:
    """The two objectives, in the order in which a frontier is walked; text has a comma between them.

    Raises
    ------
    InputError
        No frontier of these is known.
    """
    named = tuple(str(word).strip().lower() for word in (words.split(",") if isinstance(words, str) else words))
    for pair in (named, named[::-1]):
        if pair in FRONTIERS:
            return pair[0], pair[1]
    known = ", ".join(f"{one},{other}" for one, other in FRONTIERS)
    raise InputError("frontier", ",".join(named), f"{','.join(named)!r} is none of {known}")


@dataclass(frozen=True)
class Ends:
    """Least and largest amount of the second objective that are of interest, in base units; None: all."""

    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, pair: tuple[str, str], start: Any, stop: Any) -> Ends:
        """Those of two texts, in either order."""
        axis = FRONTIERS[pair].axis
        given = (("from", start), ("to", stop))
        low, high = (None if text is None else axis.parse(name, text) for name, text in given)
        return cls(high, low) if low is not None and high is not None and low > high else cls(low, high)


def walk(
    series: str,
    job: Job,
    pair: tuple[str, str],
    ends: Ends,
    offers: Sequence[Offer],
    ask: Asker,
    after: SweepPoint | None = None,
) -> Iterator[SweepPoint]:
    """Points of the frontier of a job, the first objective rising and the second falling; `after` is the last that is known already.

    At the end of the frontier comes a point without a plan, which says why nothing lies beyond; it is missing only where the last plan
    is not proved.
    """
    falling = FRONTIERS[pair]
    wanted = replace(
        job,
        objectives=(pair[0], falling.objective),
        limits=replace(job.limits, timed=job.limits.timed or pair != ("cost", "gpus")),
    )
    end = _End(series, wanted, falling, ends, offers, ask)
    amount = ends.high if after is None else falling.below(falling.needed(after), job)
    last = after
    while amount is None or amount > 0:
        question = falling.at_most(wanted, amount)
        outcome = asked(question, offers, ask)
        if outcome.plan is None:
            yield end.without_plan(outcome, last)
            return
        needed = falling.of(outcome.plan)
        if ends.low is not None and needed < ends.low * (1 - LESS):
            yield end.outside(outcome, needed, last)
            return
        mark = Mark(series, None, None, None, falling.text(needed))
        last = point_of(mark, wanted, outcome, offers, other=better(question, outcome, ask))
        yield last
        if outcome.status != "optimal":
            return
        amount = falling.below(needed, job)
    yield end.none(unasked(wanted, offers), None)


@dataclass(frozen=True)
class _End:
    """What comes after the last point of a frontier, at `END`: no plan, and why."""

    series: str
    job: Job
    falling: Falling
    ends: Ends
    offers: Sequence[Offer]
    ask: Asker

    def none(self, outcome: Outcome, reason: str | None) -> SweepPoint:
        """Proved: nothing; `outcome` is that of the last question."""
        known = replace(outcome, status="infeasible", plan=None, value=None, bound=None, stopped=None)
        return self._point(known, reason)

    def without_plan(self, outcome: Outcome, last: SweepPoint | None) -> SweepPoint:
        """The last question has no plan: why there is none at all, or what holds the last one back."""
        if outcome.status != "infeasible":
            return self._point(outcome, f"not decided: {outcome.proof}")
        if last is not None:
            return self.none(outcome, f"no plan needs less than {last.at_text}, proved{self._held(last)}")
        if self.ends.high is not None:
            least = asked(replace(self.job, objectives=(self.falling.objective,)), self.offers, self.ask)
            if least.plan is not None:
                known = "the least is" if least.status == "optimal" else "there is one that needs"
                text, high = self.falling.text(self.falling.of(least.plan)), self.falling.text(self.ends.high)
                return self.none(outcome, f"no plan needs {high} or less; {known} {text}")
        why = explained(self.job, self.offers, self.ask)
        return point_of(self._mark, self.job, outcome, self.offers, why)

    def outside(self, outcome: Outcome, needed: float, last: SweepPoint | None) -> SweepPoint:
        """The next plan needs less than is of interest."""
        if outcome.status != "optimal":
            known = replace(outcome, status="unknown", plan=None, value=None)
            return self._point(known, f"not decided: {outcome.proof}")
        text = self.falling.text(needed)
        if last is not None:
            return self.none(outcome, f"the next plan needs {text}, less than was asked for")
        best = f"no plan of the frontier is between the ends: the best by {self.job.objectives[0]}"
        allowed = "" if self.ends.high is None else f" of those that need {self.falling.text(self.ends.high)} or less"
        return self.none(outcome, f"{best}{allowed} needs {text}")

    def _held(self, last: SweepPoint) -> str:
        """What stands in the way of less than the last plan needs."""
        if self.falling.axis.whole:  # fewer GPUs: not what limits their number
            fewer = self.falling.at_most(self.job, self.falling.below(self.falling.needed(last), self.job))
            why = explained(fewer, self.offers, self.ask)
            others = [change for change in why.relaxations if change.limit != self.falling.field]
            return f"; {changes_of(others)}" if others else ""
        held = [rule.name for rule in last.rules if rule.binding and rule.rule not in UNSAID]
        return f"; the last plan is at the limit of {' and of '.join(dict.fromkeys(held))}" if held else ""

    def _point(self, outcome: Outcome, reason: str | None) -> SweepPoint:
        return point_of(self._mark, self.job, outcome, self.offers, reason=reason)

    @property
    def _mark(self) -> Mark:
        return Mark(self.series, None, None, None, END)
