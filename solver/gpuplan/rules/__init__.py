"""The rules of the problem, a file each; found by walking this folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from gpuplan.rules.base import Quantity, Rule

__all__ = ["Quantity", "Rule", "rules"]


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of their names."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return tuple(rule() for rule in sorted(Rule.__subclasses__(), key=lambda rule: rule.name))
