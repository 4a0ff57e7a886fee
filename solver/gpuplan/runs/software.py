"""The constants that a run's software makes: factors for what gpuplan's users do not run, and further kernel families."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from gpuplan.performance.constants import Constant, Constants, constants
from gpuplan.runs.tables import SoftwareRule, further_constants, software_rules

#: Software of later years is not known to be faster than this one's.
LAST_YEAR = 2026


_FLAGS = ("mixture", "adapters", "misaligned", "odd_heads")


@dataclass(frozen=True)
class Circumstances:
    """What decides which factors hold: texts of the row, and what was read from them.

    `misaligned`: tensor parallelism cuts the hidden size into parts that are no multiple of 64; `odd_heads`: nor is a head of 8.
    """

    framework: str
    precision: str
    kernels: str
    family: str
    model_type: str
    mixture: bool
    adapters: bool
    misaligned: bool
    odd_heads: bool
    year: float


def software_of(run: Circumstances) -> frozenset[str]:
    """Return the names of the factors that hold for a run."""
    return frozenset(rule.name for rule in software_rules() if _holds(rule, run))


def _holds(rule: SoftwareRule, run: Circumstances) -> bool:
    when = rule.when
    return (
        _found(when, "framework", run.framework)
        and _found(when, "precision", run.precision)
        and when.get("kernels", run.kernels) == run.kernels
        and run.family in when.get("families", (run.family,))
        and run.model_type in when.get("model_types", (run.model_type,))
        and all(when.get(name, getattr(run, name)) == getattr(run, name) for name in _FLAGS)
    )


def _found(when: Mapping[str, str], name: str, text: str) -> bool:
    return name not in when or re.search(when[name], text, re.IGNORECASE) is not None


def base_constants() -> Constants:
    """The constants in force and, for keys that they lack, those of software.toml."""
    return _with_further(constants())


@lru_cache(maxsize=64)
def _with_further(base: Constants) -> Constants:
    tables: dict[str, Mapping[str, Constant]] = dict(base.tables)
    for name, keys in further_constants().items():
        further = {key: Constant(value, "fitted", runs) for key, (value, runs) in keys.items()}
        tables[name] = {**further, **tables[name]}
    return replace(base, tables=tables)


def constants_of(
    year: float, software: frozenset[str], base: Constants | None = None, factors: Mapping[str, float] | None = None
) -> Constants:
    """Constants of a run's software: `base`, multiplied by the factors that hold, in the software of `year`.

    `factors` replaces the values of software.toml by name (a fit).
    """
    start = base_constants() if base is None else base
    tables: dict[str, Mapping[str, Constant]] = dict(start.tables)
    for rule in software_rules():
        if rule.name not in software:
            continue
        factor = (factors or {}).get(rule.name, rule.value)
        for name, key in rule.multiplies:
            tables[name] = {
                each: replace(entry, value=entry.value * factor) if key in ("*", each) else entry
                for each, entry in tables[name].items()
            }
    return replace(start, tables=tables, software_year=year)


def cached_constants(year: float, software: frozenset[str]) -> Constants:
    """`constants_of` of the constants in force."""
    return _of_software(constants(), year, software)


@lru_cache(maxsize=4096)
def _of_software(base: Constants, year: float, software: frozenset[str]) -> Constants:
    return constants_of(year, software, _with_further(base))
