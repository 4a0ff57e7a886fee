"""Which constants a prediction reads, watched while it is made: a derivative needs only the runs that read the constant."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from benchmarks.fit.parameters import Parameter
from gpuplan.performance.constants import Constants, use_constants
from gpuplan.runs.groups import Group
from gpuplan.runs.software import cached_constants


@dataclass(frozen=True)
class Reads:
    """Entries of the constants' tables that a prediction reads, and the factors of software.toml that hold."""

    entries: frozenset[tuple[str, str]]
    software: frozenset[str]

    def moved_by(self, parameter: Parameter) -> bool:
        """Whether a change of `parameter` can move the prediction."""
        if parameter.name == "software":
            return parameter.key in self.software
        return (parameter.name, parameter.key) in self.entries


@dataclass(frozen=True)
class _Watched(Constants):
    """Constants that write down what is read of them."""

    seen: set[tuple[str, str]] = field(default_factory=set, compare=False)

    def value(self, name: str, key: str = "*") -> float:
        self.seen.add((name, key if key in self.tables[name] else "*"))
        return self.tables[name].get(key, self.tables[name]["*"]).value


def reads_of(group: Group, memory: bool) -> Reads:
    """Return what the prediction of a group's time (or memory) reads."""
    plain = cached_constants(group.year, group.software)
    watched = _Watched(*(getattr(plain, each.name) for each in fields(plain)))
    with use_constants(watched):
        if memory:
            group.measured_bytes()
        else:
            group.seconds()
    return Reads(frozenset(watched.seen), group.software)
