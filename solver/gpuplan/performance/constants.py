"""The constants of the performance model, read once from ``constants.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal

from gpuplan.errors import InputError, close_matches
from gpuplan.job.types import CalibratedConstant

Coverage = Literal["measured", "transferred", "extrapolated"]

#: A correction beyond this factor is a slip of the pen.
MOST_CORRECTED = 3.0
#: Fewer runs than this do not speak for anything.
COVERED_RUNS = 10


@dataclass(frozen=True, slots=True)
class Constant:
    """One value with the number of published runs it was fitted on (0: a prior)."""

    value: float
    basis: str
    runs: int


@dataclass(frozen=True, eq=False)
class Constants:
    """All constants: ``name -> key -> Constant``; the key ``"*"`` answers for every key that is not listed.

    Compared by identity, so that what follows from a table can be cached.
    """

    tables: Mapping[str, Mapping[str, Constant]]
    as_of: str
    software_year: float

    def value(self, name: str, key: str = "*") -> float:
        """Value of constant `name` for `key` (a kernel family, a framework's kernels, a storage type)."""
        table = self.tables[name]
        return table.get(key, table["*"]).value

    def runs(self, name: str, key: str) -> int:
        """Number of runs behind the value; 0 where `key` is not listed."""
        entry = self.tables[name].get(key)
        return entry.runs if entry else 0

    def coverage(self, kernel_family: str, kernels: str, stand_in: bool = False) -> Coverage:
        """How well published runs speak for a kernel family under a framework's kernels.

        "measured": for the pair; "transferred": for each of the two, not together; "extrapolated": not even that, or these
        kernels stand in for a framework's own.
        """
        if stand_in:
            return "extrapolated"
        pairs = {
            tuple(pair.split("/")): entry.runs for pair, entry in self.tables["paired_runs"].items() if pair != "*"
        }
        if pairs.get((kernel_family, kernels), 0) >= COVERED_RUNS:
            return "measured"
        of_family = sum(runs for (family, _), runs in pairs.items() if family == kernel_family)
        of_kernels = sum(runs for (_, names), runs in pairs.items() if names == kernels)
        return "transferred" if min(of_family, of_kernels) >= COVERED_RUNS else "extrapolated"


_active: ContextVar[Constants | None] = ContextVar("constants", default=None)


def constants() -> Constants:
    """The constants in force: those that ship with gpuplan, unless `use_constants` is active."""
    return _active.get() or shipped_constants()


@contextmanager
def use_constants(replacement: Constants) -> Iterator[None]:
    """Predict with other constants inside the ``with`` block (a fit, a calibration, a hand-worked test)."""
    token = _active.set(replacement)
    try:
        yield
    finally:
        _active.reset(token)


def calibrated(corrections: Sequence[CalibratedConstant]) -> Constants:
    """Return the constants in force with a user's own corrections in them.

    Raises
    ------
    InputError
        If a correction is of a constant that there is not, or so far from it that it must be a slip.
    """
    start = constants()
    if not corrections:
        return start
    tables: dict[str, dict[str, Constant]] = {name: dict(keys) for name, keys in start.tables.items()}
    for each in corrections:
        if each.name not in tables:
            message = f"there is no constant {each.name!r}; the constants are {', '.join(sorted(tables))}"
            raise InputError("calibration", each.name, message, close_matches(each.name, tables))
        known = {key for table in tables.values() for key in table}
        if each.key not in known:
            message = f"no constant is known for {each.key!r}, which {each.name} is given for"
            raise InputError("calibration", each.key, message, close_matches(each.key, known))
        before = start.value(each.name, each.key)
        if before != 0 and not 1 / MOST_CORRECTED < each.value / before < MOST_CORRECTED:
            message = f"{each.name}.{each.key} is {each.value:g} and ships as {before:g}; no run of one's own moves it that far"
            raise InputError("calibration", each.value, message)
        tables[each.name][each.key] = Constant(each.value, "calibrated", start.runs(each.name, each.key) + each.runs)
    return replace(start, tables=tables)


@cache
def shipped_constants() -> Constants:
    """Read the constants that ship with gpuplan (cached)."""
    text = resources.files(__package__).joinpath("constants.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    meta = raw.pop("meta")
    tables = {
        name: {key: Constant(entry["value"], entry["basis"], entry["runs"]) for key, entry in table["values"].items()}
        for name, table in raw.items()
    }
    return Constants(tables, meta["as_of"], meta["software_year"])
