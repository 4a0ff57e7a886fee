"""Figures that no model or catalogue of gpuplan holds, from facts.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Fact:
    """One figure with its source."""

    value: float
    unit: str
    source: str
    as_of: date


def fact(name: str) -> float:
    """Value of a fact, in the unit that its name ends with."""
    return facts()[name].value


@cache
def facts() -> dict[str, Fact]:
    """All facts by name."""
    raw = tomllib.loads((Path(__file__).parent / "facts.toml").read_text(encoding="utf-8"))
    return {
        name: Fact(float(entry["value"]), entry["unit"], entry["source"], date.fromisoformat(entry["as_of"]))
        for name, entry in raw.items()
    }
