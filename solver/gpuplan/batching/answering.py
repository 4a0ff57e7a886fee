"""From rows to answers, in any process: what rows have in common is computed for the first of them and kept for the others."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gpuplan.ask import INTERRUPTED, Asker
from gpuplan.batching.result import BatchRow, ErrorAnswer
from gpuplan.batching.rows import Row
from gpuplan.catalogue import listed, offers_for
from gpuplan.errors import InputError
from gpuplan.job import Job, make_spec, resolve_all
from gpuplan.job.types import CalibratedConstant
from gpuplan.performance.constants import Constants, calibrated, use_constants
from gpuplan.pipeline import Stopwatch
from gpuplan.reasons import reason_of
from gpuplan.result import Result
from gpuplan.several import label
from gpuplan.solve import answer_of
from gpuplan.verify import VerificationError
from gpuplan_hardware import Offer

#: Selections of offers, and calibrations, that are kept at a time.
MOST_KEPT = 8


class Answered(NamedTuple):
    """A row that is known: its place, key and status, and its `BatchRow` as JSON on one line."""

    number: int
    key: str
    status: str
    text: str


class Asked(NamedTuple):
    """The jobs of a row, of which one is chosen; what they choose from, and of how many offers; whether neighbours are wanted."""

    jobs: tuple[Job, ...]
    offers: tuple[Offer, ...]
    listed: int
    neighbours: bool


@dataclass(frozen=True)
class Task:
    """Rows that are answered one after the other, as they share their work."""

    rows: tuple[Row, ...]


@dataclass
class Answering:
    """Answers tasks; call it with one.

    Attributes
    ----------
    given
        The caller's offers, None: those that each job names.
    """

    given: tuple[Offer, ...] | None = None
    _selections: dict[Hashable, tuple[tuple[Offer, ...], int]] = field(default_factory=dict, repr=False)
    _askers: dict[tuple[CalibratedConstant, ...], tuple[Constants, Asker]] = field(default_factory=dict, repr=False)

    def __call__(self, task: Task) -> Iterator[Answered]:
        """Rows of a task, each as soon as it is known.

        Raises
        ------
        KeyboardInterrupt
            The user interrupted it.
        """
        for row in task.rows:
            answer = self.answer(row)
            yield Answered(row.number, row.key, answer.status, answer.model_dump_json())

    def answer(self, row: Row, asked: Asked | None = None) -> BatchRow:
        """The answer to a row, which may be resolved already; where it cannot be used, what is wrong with it."""
        clock = Stopwatch()
        try:
            question = self.asked(row) if asked is None else asked
            clock.lap("read")
            result = self._solve(question, clock)
        except InputError as problem:
            return error_row(row, problem)
        except VerificationError as error:  # a mistake of the program must not cost the other rows
            message = f"internal error: {error}; please report it with the job of this row"
            return error_row(row, InputError("internal", "", message))
        if result.solver.stopped == INTERRUPTED:
            raise KeyboardInterrupt
        return BatchRow(
            row=row.number,
            name=row.name,
            job=dict(row.words),
            status=result.status,
            reason=_reason(result),
            answer=result,
        )

    def asked(self, row: Row) -> Asked:
        """What a row asks, with all that is to be read for it.

        Raises
        ------
        InputError
            The row cannot be used.
        """
        if row.problem is not None:
            raise row.problem
        spec = make_spec(row.words)
        jobs = resolve_all(spec, self.given)
        neighbours = spec.alternatives is not None and jobs[0].search.alternatives > 0
        return Asked(tuple(jobs), *self._offers(jobs[0]), neighbours)

    def _solve(self, asked: Asked, clock: Stopwatch) -> Result:
        """The answer of `gpuplan.solve`, without the plan's neighbours unless the job asks for them."""
        constants, asker = self._asker(asked.jobs[0].calibration)
        with use_constants(constants):
            result = answer_of(asked.jobs, asker.among(asked.offers), clock, asked.neighbours)
        solver = result.solver.model_copy(update={"offers_listed": asked.listed})
        return result.model_copy(update={"solver": solver})

    def _offers(self, job: Job) -> tuple[tuple[Offer, ...], int]:
        """What there is to choose from, and how many offers are listed; for jobs alike in what decides that."""
        limits = replace(job.limits, deadline_seconds=None, budget_usd=None, max_gpus=None, max_nodes=None, timed=False)
        key = (job.catalogue, limits, job.pins.offer)
        if key not in self._selections:
            _make_room(self._selections)
            self._selections[key] = (offers_for(job, self.given), listed(job, self.given))
        return self._selections[key]

    def _asker(self, calibration: tuple[CalibratedConstant, ...]) -> tuple[Constants, Asker]:
        """Constants, and what has been computed with them."""
        if calibration not in self._askers:
            _make_room(self._askers)
            self._askers[calibration] = (calibrated(calibration), Asker((), 0.0))
        return self._askers[calibration]


def _make_room(kept: MutableMapping[Any, Any]) -> None:
    """Forget the oldest where there are as many as are kept."""
    if len(kept) >= MOST_KEPT:
        del kept[next(iter(kept))]


def error_row(row: Row, problem: InputError) -> BatchRow:
    """The answer to a row that cannot be used."""
    error = ErrorAnswer(
        field=problem.field, value=problem.value, message=problem.message, suggestions=list(problem.suggestions)
    )
    return BatchRow(
        row=row.number,
        name=row.name,
        job=dict(row.words),
        status="error",
        reason=problem.message,
        error=error,
        answer=None,
    )


def _reason(result: Result) -> str | None:
    """Why there is no plan; of several methods and precisions, why there is none with each."""
    if result.status == "unknown":
        return f"not decided: {result.solver.proof}"
    if result.status != "infeasible":
        return None
    if result.choices:
        return "; ".join(f"{label(one)}: {reason_of(one.conflict, one.relaxations)}" for one in result.choices)
    return reason_of(result.conflict, result.relaxations)
