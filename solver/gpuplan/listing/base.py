"""What all listings share: their base, figures with their provenance, and the lookup of names."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

from gpuplan.errors import MOST_NAMES, InputError, choose, close_matches, shown
from gpuplan.result import Answer
from gpuplan_hardware import Figure


class FigureEntry(Answer):
    """One number of the catalogue and where it comes from; `field` names it with its unit."""

    field: str
    value: float
    source: str
    as_of: str
    basis: str


class Listing(Answer, ABC):
    """A list of the catalogue: rows of plain values."""

    @abstractmethod
    def rows(self) -> Sequence[Answer]:
        """The rows, in the order in which they are shown."""

    @abstractmethod
    def row_type(self) -> type[Answer]:
        """The type of the rows, which a table without any needs for its header."""

    def as_csv(self) -> str:
        """The rows as CSV with a header: units in the names, unknown is empty, several values are divided by spaces."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.row_type().model_fields)
        writer.writerows([_cell(value) for _, value in row] for row in self.rows())
        return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def figures(sources: Mapping[str, Figure]) -> list[FigureEntry]:
    """The figures of a catalogue's thing, in the order of its file."""
    return [
        FigureEntry(
            field=name, value=figure.value, source=figure.source, as_of=figure.as_of.isoformat(), basis=figure.basis
        )
        for name, figure in sources.items()
    ]


def find(field: str, word: str, known: Iterable[str]) -> str:
    """Return the known name that was meant, in any case.

    Raises
    ------
    InputError
        There is none, with close matches; where nothing is close and there are few, all of them.
    """
    names = {name.lower(): name for name in known}
    found = names.get(word.strip().lower())
    if found is not None:
        return found
    close = close_matches(word, names.values())
    listed = "" if close or len(names) > MOST_NAMES else f"; known are {', '.join(names.values())}"
    raise InputError(field, word, f"{field} {shown(word)!r} is not in the catalogue{listed}", close)


def some_of(
    field: str,
    words: Iterable[str],
    known: Iterable[str],
    choose_one: Callable[[str, object, Iterable[str]], str] = choose,
) -> frozenset[str]:
    """Return the known names that a filter of repeated or comma-separated words allows; nothing given means all.

    `choose_one` finds the name that a word means.

    Raises
    ------
    InputError
        A word that is none of them.
    """
    names = sorted(set(known))
    given = [part.strip() for word in words for part in word.split(",") if part.strip()]
    return frozenset(choose_one(field, word, names) for word in given) or frozenset(names)
