"""The one error that bad input raises, and the close matches it offers."""

from __future__ import annotations

import copyreg
import difflib
from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

SHOWN_CHARACTERS = 80
"""Longest part of a user's value that a message repeats; a pasted file must not flood the terminal."""

MOST_NAMES = 20
"""Most allowed names that a message lists."""

MOST_SUGGESTIONS = 3
"""Most close matches that a message offers."""

CLOSE = 0.6
"""Least similarity (`difflib`) of a name that is offered for a mistyped one; below it, matches are chance."""


class InputError(ValueError):
    """Something the user gave cannot be used; the program ends with exit code 2.

    Parameters
    ----------
    field
        Name of the input, as in a job file ("deadline", "global_batch").
    value
        What was given, as text.
    message
        What is wrong with the value and what would be right. The field's name is put in front and the suggestions at
        the end unless the message has them already, so that the attribute `message`, like ``str()``, is the whole
        sentence.
    suggestions
        Values that would be accepted: close matches of a mistyped name, or examples.
    """

    def __init__(self, field: str, value: object, message: str, suggestions: Iterable[str] = ()) -> None:
        self.field = field
        self.value = shown(value)
        self.suggestions = tuple(suggestions)
        self.message = _sentence(field, message, self.suggestions, given=bool(self.value))
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[type[Self], str], dict[str, Any]]:
        """Survive pickling between processes: the sentence is whole already."""
        return copyreg.__newobj__, (type(self), self.message), self.__dict__  # type: ignore[attr-defined]


def _sentence(field: str, message: str, suggestions: tuple[str, ...], *, given: bool) -> str:
    """Write field, message and suggestions as one line; where nothing was `given`, with the flag to add."""
    line = message if message.startswith(field) else f"{field}: {message}"
    if not suggestions or "Did you mean" in line:
        return line
    if not given:
        flag = f"--{field.replace('_', '-')}"
        return f"{line.rstrip('.')}; add {' or '.join(f'{flag} {word}' for word in suggestions)}"
    return f"{line.rstrip('.')}. Did you mean {' or '.join(suggestions)}?"


class NamedError(Protocol):
    """What the errors of the catalogue packages have in common."""

    field: str
    value: str
    message: str
    suggestions: tuple[str, ...]


def input_error(error: NamedError, field: str | None = None) -> InputError:
    """Turn an error of the hardware or models package into an `InputError`, under the name the user knows."""
    return InputError(field or error.field, error.value, error.message, error.suggestions[:MOST_SUGGESTIONS])


def shown(value: object) -> str:
    """Text of a value for a message: on one line, printable, and cut when it is long."""
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def close_matches(word: str, known: Iterable[str], limit: int = MOST_SUGGESTIONS) -> tuple[str, ...]:
    """Names close to a mistyped one, best first, whatever the case: those that begin with it, and those that look like it."""
    by_lower = {name.lower(): name for name in known}
    wanted = word.strip().lower()
    similar = difflib.get_close_matches(wanted, by_lower, n=limit, cutoff=CLOSE)
    longer = sorted((name for name in by_lower if len(wanted) > 1 and name.startswith(wanted)), key=len)
    return tuple(by_lower[name] for name in dict.fromkeys([*longer, *similar]))[:limit]


def choose(field: str, value: object, allowed: Iterable[str]) -> str:
    """Return the allowed word that was meant, in any case.

    Raises
    ------
    InputError
        The word is none of them; the message lists them all.
    """
    words = tuple(allowed)
    by_lower = {word.lower(): word for word in words}
    text = str(value).strip().lower()
    if text in by_lower:
        return by_lower[text]
    named = ", ".join(words[:MOST_NAMES]) + (f" and {len(words) - MOST_NAMES} more" if len(words) > MOST_NAMES else "")
    raise InputError(field, value, f"{shown(value)!r} is not one of {named}", close_matches(text, words))
