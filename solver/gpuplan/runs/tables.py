"""The data files of this package: patterns that say how the texts of a row are read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Protocol, TypeVar


@dataclass(frozen=True)
class FrameworkRule:
    """One entry of ``frameworks.toml``, whose head explains the fields."""

    pattern: str
    framework: str
    full: tuple[float, ...] = ()
    full_ends_counted: tuple[float, ...] = ()
    adapters: tuple[float, ...] = ()
    kernels: str = ""
    sequence_parallel: bool = True
    measure: str = ""
    recompute: str = ""
    recompute_quantised: str = ""
    zero: int | None = None
    until: int | None = None
    layers_per_chunk: int = 2
    partial: bool = False
    hosts_sharded: bool = False
    inputs_on_host: bool = False
    eager_attention: tuple[str, ...] = ()
    fp32_beside_quantised: bool | None = None
    blank_precision: str = ""
    lora_targets: str = ""
    note: str = ""


@dataclass(frozen=True)
class PrecisionRule:
    """How a text of the column `precision` is read: format of the products, storage of frozen weights."""

    pattern: str
    precision: str
    weights: str = ""
    full: tuple[float, ...] = ()
    fp32_beside: bool = True
    note: str = ""


@dataclass(frozen=True)
class ModelRule:
    """One entry of ``models.toml``."""

    pattern: str
    source: str
    catalogue: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    gated: bool | None = None
    tied: bool | None = None
    refused: str = ""


@dataclass(frozen=True)
class GpuRule:
    """One entry of ``gpus.toml``."""

    pattern: str
    accelerator: str
    domain: int | None = None
    network_bytes_per_second: float | None = None
    memory_gib: float | None = None
    scale: float = 1.0
    note: str = ""


@dataclass(frozen=True)
class SoftwareRule:
    """One factor of ``software.toml``: what it multiplies, and where it holds."""

    name: str
    meaning: str
    multiplies: tuple[tuple[str, str], ...]
    value: float
    runs: int
    when: Mapping[str, Any]


class Patterned(Protocol):
    """A rule with a pattern."""

    @property
    def pattern(self) -> str: ...


Rule = TypeVar("Rule", bound=Patterned)


def matched(rules: Iterable[Rule], text: str) -> Rule | None:
    """Return the first of `rules` whose pattern is found in `text`, whatever the case."""
    return next((rule for rule in rules if re.search(rule.pattern, text, re.IGNORECASE)), None)


@cache
def framework_rules() -> tuple[FrameworkRule, ...]:
    """Read how the column `framework` is read (cached)."""
    return tuple(FrameworkRule(**_tuples(entry)) for entry in _table("frameworks")["framework"])


@cache
def precision_rules() -> tuple[PrecisionRule, ...]:
    """Read how the column `precision` is read (cached)."""
    return tuple(PrecisionRule(**_tuples(entry)) for entry in _table("frameworks")["precision"])


@cache
def model_rules() -> tuple[ModelRule, ...]:
    """Read what is known of models whose rows do not say all (cached)."""
    return tuple(ModelRule(**entry) for entry in _table("models")["model"])


@cache
def gpu_rules() -> tuple[GpuRule, ...]:
    """Read how the column `gpu` is read (cached)."""
    return tuple(GpuRule(**entry) for entry in _table("gpus")["gpu"])


@cache
def software_rules() -> tuple[SoftwareRule, ...]:
    """Read the factors of software that gpuplan's users do not run (cached)."""
    return tuple(
        SoftwareRule(**(entry | {"multiplies": tuple((name, key) for name, key in entry["multiplies"])}))
        for entry in _table("software")["software"]
    )


@cache
def further_constants() -> Mapping[str, Mapping[str, tuple[float, int]]]:
    """Read values for keys that the shipped constants lack: name -> key -> (value, runs) (cached)."""
    return {
        name: {key: (float(entry["value"]), int(entry["runs"])) for key, entry in keys.items()}
        for name, keys in _table("software")["constants"].items()
    }


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _tuples(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
