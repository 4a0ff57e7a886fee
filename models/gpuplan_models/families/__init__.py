"""One module per family of architectures; a module of this folder is found by itself.

A module holds ``BUILDERS``, a mapping from Hugging Face's ``model_type`` to a function that reads a config's fields and
returns a `gpuplan_models.parts.Stack`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from gpuplan_models.fields import Fields
from gpuplan_models.parts import Stack

Builder = Callable[[Fields], Stack]


@cache
def builders() -> dict[str, Builder]:
    """Return the builder of every supported ``model_type``, in alphabetical order."""
    found: dict[str, Builder] = {}
    for module in iter_modules(__path__):
        found.update(import_module(f"{__name__}.{module.name}").BUILDERS)
    return dict(sorted(found.items()))
