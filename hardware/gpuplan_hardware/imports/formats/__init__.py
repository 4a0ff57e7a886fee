"""The formats that are known, a file each; found by walking this folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from gpuplan_hardware.imports.base import Format

__all__ = ["formats"]


@cache
def formats() -> tuple[Format, ...]:
    """Every format, in the order of their names."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return tuple(kind() for kind in sorted(Format.__subclasses__(), key=lambda kind: kind.name))
