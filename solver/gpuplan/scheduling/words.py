"""The parts of a fleet's file: mappings with known keys, words for yes and no, and errors that say where in the file they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gpuplan.errors import InputError, choose, close_matches, shown
from gpuplan.units import parse_money

YES_OR_NO = {"true": True, "yes": True, "false": False, "no": False}
MAX_NAME = 80
_NOTHING = re.compile(r"\$?\s*0+(\.0*)?")


@contextmanager
def at(place: str) -> Iterator[None]:
    """Put a place of the file, such as "jobs[3] support-bot", in front of what is wrong there."""
    try:
        yield
    except InputError as error:
        placed = InputError(f"{place}: {error.field}", error.value, f"{place}: {error.message}")
        placed.suggestions = error.suggestions  # the sentence has them already
        raise placed from None


def fields(words: object, known: Iterable[str], what: str, instead: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A mapping with known keys; what is null counts as not given.

    Parameters
    ----------
    words
        What the file says.
    known
        Names of the fields.
    what
        What has these fields, such as "a stock".
    instead
        Names that are refused, and what to do instead.

    Raises
    ------
    InputError
        No mapping, or an unknown key (with close matches).
    """
    names = tuple(known)
    if not isinstance(words, Mapping):
        raise InputError(
            what, words, f"{shown(repr(words))} has no fields; the fields of {what} are {', '.join(names)}"
        )
    for name, value in words.items():
        if name in (instead or {}) and name not in names:
            raise InputError(str(name), value, (instead or {})[name])
        if name not in names:
            close = close_matches(str(name), names)
            listed = "" if close else f"; they are {', '.join(names)}"
            raise InputError(str(name), value, f"there is no such field in {what}{listed}", close)
    return {name: value for name, value in words.items() if value is not None}


def entries(field: str, words: object) -> Sequence[object]:
    """A list with something in it."""
    if isinstance(words, str) or not isinstance(words, Sequence):
        raise InputError(field, words, f"{shown(repr(words))} is no list; begin each entry with '- '")
    if not words:
        raise InputError(field, "", "is an empty list; name at least one, or leave it out")
    return words


def required(words: Mapping[str, Any], name: str, example: str) -> Any:
    """A field that must be there."""
    if name not in words:
        raise InputError(name, "", f"is missing; write for example '{name}: {example}'")
    return words[name]


def several(field: str, value: object) -> tuple[str, ...]:
    """Words of a list, or of a text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Sequence) or not all(isinstance(part, str) for part in parts):
        raise InputError(field, value, f"{shown(repr(value))} is no list of words; write 'a, b' or [a, b]")
    found = tuple(part.strip() for part in parts if part.strip())
    if not found:
        raise InputError(field, value, "is empty; name at least one, or leave it out")
    return found


def yes_or_no(field: str, value: object) -> bool:
    """True or false."""
    return value if isinstance(value, bool) else YES_OR_NO[choose(field, value, YES_OR_NO)]


def money_or_nothing(field: str, value: object) -> float:
    """US dollars, of which 0 is an amount too."""
    return 0.0 if _NOTHING.fullmatch(str(value).strip()) else parse_money(field, value)


def name_of(words: object, taken: Iterable[str]) -> str:
    """Name of an entry, which no other has.

    Raises
    ------
    InputError
        None, one that is taken, or one that does not fit a line.
    """
    name = str(required(words if isinstance(words, Mapping) else {}, "name", "a-name")).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InputError("name", name, f"{shown(name)!r} is no name; give up to {MAX_NAME} letters on one line")
    if name.lower() in {other.lower() for other in taken}:
        raise InputError("name", name, f"{shown(name)!r} is there already; give each a name of its own")
    return name
