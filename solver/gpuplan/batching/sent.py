"""What is sent to another machine of a batch: jobs that are resolved here, as it knows none of the user's files and imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gpuplan.batching.answering import Answered, Answering, Asked, Task, error_row
from gpuplan.batching.rows import Row
from gpuplan.errors import InputError
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Sent:
    """Rows that share their work, each with what it asks, or with what is wrong with it."""

    rows: tuple[tuple[Row, Asked | InputError], ...]


def sent(tasks: Iterable[Task], given: Sequence[Offer] | None) -> Iterator[Sent]:
    """Resolve the rows of each task when it is taken.

    Parameters
    ----------
    given
        The caller's offers, None: those that each job names.
    """
    answering = Answering(None if given is None else tuple(given))
    for task in tasks:
        yield Sent(tuple((row, _asked(answering, row)) for row in task.rows))


def _asked(answering: Answering, row: Row) -> Asked | InputError:
    try:
        return answering.asked(row)
    except InputError as problem:
        return problem


@dataclass
class AnsweringSent:
    """Answers what was sent, in any process; call it with a `Sent`."""

    _answering: Answering = field(default_factory=Answering, repr=False)

    def __call__(self, task: Sent) -> Iterator[Answered]:
        """Rows, each as soon as it is known."""
        for row, asked in task.rows:
            if isinstance(asked, InputError):
                answer = error_row(row, asked)
            else:
                answer = self._answering.answer(row, asked)
            yield Answered(row.number, row.key, answer.status, answer.model_dump_json())
