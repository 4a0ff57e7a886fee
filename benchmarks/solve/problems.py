"""The named problems, read from problems.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("problems.toml")


@dataclass(frozen=True)
class Problem:
    """A question.

    `sizes` are the catalogues it is asked in, `expect` what it was written for (loose, tight or impossible), `words` the fields
    of the job.
    """

    name: str
    sizes: tuple[int, ...]
    expect: str
    words: dict[str, Any]


def problems(path: Path = FILE) -> tuple[Problem, ...]:
    """Return every problem in the order of the file."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Problem(name, tuple(table.pop("offers")), table.pop("expect"), table) for name, table in tables.items()
    )
