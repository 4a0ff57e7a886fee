"""Markdown that shows text as it is: escaped words, tables, lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gpuplan.report.blocks import plain

#: What means something anywhere (underscores at the edge of a word), and signs at the beginning of a line.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])|^#|^[+-](?=\s|$)|^-(?=[-\s]*$)")
#: A line that begins so is one of a numbered list.
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def escaped(text: str) -> str:
    """Text that a reader of Markdown sees as it was written, on one line; names and sources are the user's to choose."""
    words = _SPECIAL.sub(lambda match: f"\\{match[0]}", _BREAKS.sub(" ", plain(text)))
    return _NUMBERED.sub(r"\1\\\2", words)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; a header that begins with ">" sets its column flush right."""
    marks = ["---:" if header.startswith(">") else "---" for header in headers]
    lines = [_row([header.removeprefix(">") for header in headers]), f"|{'|'.join(marks)}|"]
    return [*lines, *(_row([escaped(cell) for cell in row]) for row in rows), ""]


def facts(rows: Iterable[tuple[str, str | None]]) -> list[str]:
    """Lines of a table of labels and what is known; a row without a value is left out."""
    return table(("", ""), [(label, value) for label, value in rows if value])


def bullets(sentences: Iterable[str]) -> list[str]:
    """Lines of a list."""
    return [*(f"- {escaped(sentence)}" for sentence in sentences), ""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
