"""The one error of the catalogue."""

from __future__ import annotations


class CatalogueError(ValueError):
    """Something in a catalogue file, a price list or a GPU's name is wrong.

    Parameters
    ----------
    field : str
        What is wrong: a column, a key of a file ("peak_flops.bf16"), or what was asked for ("gpu").
    value : str
        The offending value as it was given.
    message : str
        A whole sentence: where, which field, which value, and what would be right.
    suggestions : tuple of str
        Close matches for a mistyped name, best first.
    """

    def __init__(self, field: str, value: str, message: str, suggestions: tuple[str, ...] = ()) -> None:
        # All four go to BaseException so that the error survives pickling between processes.
        super().__init__(field, value, message, suggestions)
        self.field = field
        self.value = value
        self.message = message
        self.suggestions = suggestions

    def __str__(self) -> str:
        if not self.suggestions:
            return self.message
        return f"{self.message} Close matches: {', '.join(self.suggestions)}."
