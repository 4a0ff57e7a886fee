"""Rows that are known, kept as JSON: decided ones in the journal, others beside it until the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from gpuplan.batching.answering import Answered
from gpuplan.batching.rows import Row
from gpuplan.journal import Journal

#: Status of a row that needs no further search.
DECIDED = ("optimal", "infeasible", "error")


class Answers:
    """Answers by the keys of their rows; good for a ``with`` block.

    None is held in memory. Decided rows are on the disk when `add` returns, and the next run finds them; rows that came to their
    time limit are asked again by it.

    Attributes
    ----------
    resumed
        Keys of the rows that an earlier run has decided.
    """

    def __init__(self, path: Path | None, question: str, restart: bool = False) -> None:
        self._path, self._question = path, question
        self._places: dict[str, tuple[int, int]] = {}
        with ExitStack() as held:
            self._loose = held.enter_context(TemporaryFile())
            self._journal = None if path is None else held.enter_context(Journal.open(path, question, restart))
            self._held = held.pop_all()
        self.resumed = frozenset(() if self._journal is None else self._journal.known)
        self._known = set(self.resumed)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def add(self, found: Answered) -> None:
        """Keep a row.

        Raises
        ------
        InputError
            The disk is full or fails.
        """
        self._known.add(found.key)
        if self._journal is not None and found.status in DECIDED:
            self._journal.add(found.key, found.text)
            return
        content = found.text.encode()
        self._places[found.key] = (self._loose.tell(), len(content))
        self._loose.write(content)

    def texts(self, rows: Sequence[Row]) -> Iterator[str]:
        """Those of the rows that are known, in the order of the rows."""
        known = self._journal.known if self._journal is not None else {}
        if self._path is not None and self._journal is not None and len(known) < len(self._known) - len(self._places):
            self._journal.close()  # what this run has written is read from the disk, where it is
            self._journal = self._held.enter_context(Journal.open(self._path, self._question))
            known = self._journal.known
        for row in rows:
            if row.key in self._places:
                begin, length = self._places[row.key]
                self._loose.seek(begin)
                yield self._loose.read(length).decode()
            elif row.key in known:
                yield known[row.key]

    def forget(self) -> None:
        """Remove the journal: its rows are in a file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
