"""Training methods: what they train and how the rest may be stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from gpuplan_models.loading import read_folder, refuse_twice


@dataclass(frozen=True, slots=True)
class Method:
    """A way to fine-tune.

    Attributes
    ----------
    name
        ``"full"``, ``"lora"`` or ``"qlora"``.
    trains
        ``"all"`` parameters, or only ``"adapters"``.
    frozen_weights
        Storage types that the frozen weights may have; empty where nothing is frozen.
    default_weights
        The one of them that is taken unless told otherwise; None where nothing is frozen.
    """

    name: str
    trains: Literal["all", "adapters"]
    frozen_weights: tuple[str, ...]
    default_weights: str | None
    description: str
    source: str


def methods() -> dict[str, Method]:
    """Return every method by its name; raises `ModelError` if a file of data/methods is wrong."""
    return dict(_methods())


@cache
def _methods() -> dict[str, Method]:
    from gpuplan_models.schema import MethodFile

    found: dict[str, Method] = {}
    for path, file in read_folder("methods", MethodFile):
        refuse_twice(path, "name", file.name, file.name in found)
        found[file.name] = Method(
            name=file.name,
            trains=file.trains,
            frozen_weights=tuple(file.frozen_weights),
            default_weights=file.default_weights,
            description=file.description,
            source=f"{file.source} ({file.as_of})",
        )
    return dict(sorted(found.items()))
