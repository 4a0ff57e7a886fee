"""One module per family of architectures; a module of this folder is found by itself.

A module holds ``BUILDERS``, a mapping from Hugging Face's ``model_type`` to a function that reads a config's fields and
returns a `gpuplan_models.parts.Stack`. It may hold ``DEFAULTS``, a mapping from ``model_type`` to the fields that published
configs leave out and the values that the configuration class in Hugging Face transformers then takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from gpuplan_models.fields import Fields
from gpuplan_models.parts import Stack

Builder = Callable[[Fields], Stack]


@cache
def builders() -> dict[str, Builder]:
    """Return the builder of every supported ``model_type``, in alphabetical order."""
    found: dict[str, Builder] = {}
    for module in _modules():
        found.update(module.BUILDERS)
    return dict(sorted(found.items()))


@cache
def defaults(model_type: str) -> Mapping[str, object]:
    """Return the fields that configs of a ``model_type`` may leave out, with the values they then have."""
    found: dict[str, object] = {}
    for module in _modules():
        found.update(getattr(module, "DEFAULTS", {}).get(model_type, {}))
    return found


def _modules() -> Iterator[ModuleType]:
    for module in iter_modules(__path__):
        yield import_module(f"{__name__}.{module.name}")
