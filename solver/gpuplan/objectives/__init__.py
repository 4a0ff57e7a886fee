"""What is minimised, a file each; found by walking this folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from gpuplan.objectives.base import Amounts, Objective, Totals

__all__ = ["Amounts", "Objective", "Totals", "objectives"]


@cache
def objectives() -> dict[str, Objective]:
    """Every objective by name."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    found = {kind.name: kind() for kind in _leaves(Objective) if hasattr(kind, "name")}
    return dict(sorted(found.items()))


def _leaves(kind: type[Any]) -> list[type[Any]]:
    """Every class below `kind`."""
    children: list[type[Any]] = kind.__subclasses__()
    return [found for child in children for found in (child, *_leaves(child))]
