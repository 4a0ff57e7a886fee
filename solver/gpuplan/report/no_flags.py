"""Sentences without the flags of the command line: who signs a page does not run the command."""

from __future__ import annotations

import re

_FLAG = re.compile(r"--[a-z]")
#: A command or a flag inside parentheses, which hold nothing else that closes one.
_PARENTHESIS = re.compile(r"\s*\(([^()]*)\)")
#: Where a clause begins that may be left out, with the sign before it.
_CLAUSE = re.compile(r"(?=[;:] |, and )")
_COMMAND = "gpuplan "


def without_flags(text: str) -> str:
    """Leave out the parentheses and clauses that say which flag to give; what then still names one loses its hyphens."""
    text = _PARENTHESIS.sub(_kept, text)
    if _speaks(text):
        first, *rest = _CLAUSE.split(text)
        text = first + "".join(clause for clause in rest if not _speaks(clause))
    return re.sub(r"--(?=[a-z])", "", text)


def _kept(match: re.Match[str]) -> str:
    """A parenthesis with those of its clauses that name no flag."""
    if not _speaks(match[1]):
        return match[0]
    first, *rest = _CLAUSE.split(match[1])
    kept = [clause for clause in (first, *rest) if not _speaks(clause)]
    return match[0].replace(match[1], "".join(kept).lstrip(";:, ")) if kept else ""


def _speaks(text: str) -> bool:
    """Whether a text names a flag or a command."""
    return _FLAG.search(text) is not None or _COMMAND in text
