"""The one error that this package raises on bad input, and the close matches that it offers."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN_CHARACTERS = 80
_SUGGESTIONS = 3


class ModelError(ValueError):
    """A name, field or file that cannot be used, and the way out.

    Parameters
    ----------
    field
        What was asked for or read: ``"model"``, ``"num_hidden_layers"``, ``"lora_targets"``.
    value
        The value that was given, as text; long values are cut.
    message
        A whole sentence: which field, which value, and what would be right.
    suggestions
        Close matches, the best first.
    """

    def __init__(self, field: str, value: object, message: str, suggestions: Iterable[str] = ()) -> None:
        self.field = field
        self.value = shown(value)
        self.message = message
        self.suggestions = tuple(suggestions)
        # All four go to BaseException, so that the error survives pickling between processes.
        super().__init__(field, self.value, message, self.suggestions)

    def __str__(self) -> str:
        if not self.suggestions:
            return self.message
        return f"{self.message} Did you mean {' or '.join(self.suggestions)}?"


def shown(value: object) -> str:
    """Return `value` as text for a message: on one line, printable, and without its middle when it is long."""
    text = str(value)
    if len(text) > _SHOWN_CHARACTERS:
        half = (_SHOWN_CHARACTERS - 3) // 2
        text = f"{text[:half]}...{text[-half:]}"
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def close_matches(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of `names` that contain `text` or look like it, whatever the case, the best first."""
    by_lower = {name.lower(): name for name in names}
    wanted = text.lower()[:_SHOWN_CHARACTERS]
    containing = [name for name in by_lower if len(wanted) > 1 and wanted in name]
    similar = get_close_matches(wanted, by_lower, n=_SUGGESTIONS, cutoff=0.5)
    best = dict.fromkeys([*sorted(containing, key=len), *similar])
    return tuple(by_lower[name] for name in best)[:_SUGGESTIONS]
