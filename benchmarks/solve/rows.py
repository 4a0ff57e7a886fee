"""One line per problem and catalogue: what every contender said and took; kept as CSV, from which everything is rendered."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

PARTS = ("space", "tables", "incumbent", "reduce", "cp_sat", "verify")
DECIDED = ("optimal", "infeasible")
AGREEMENT = 1e-4
"""Two optima that differ by less than this share are the same."""


@dataclass(frozen=True)
class Row:
    """Seconds are medians; `pairs` are (offer, layout) pairs after dominance, `evaluated` those of them that fit the memory.

    ``seconds_*`` are the parts of one cold solve; `left_pairs` and `literals` are what CP-SAT decided over, `layouts` those that the
    search evaluated. A value of None: no plan; a contender that was not asked has the status "".
    """

    problem: str
    offers: int
    expect: str
    minimize: str
    kept_offers: int
    machines: int
    pairs: int
    status: str
    value: float | None
    cold_seconds: float
    warm_seconds: float
    peak_mb: float
    seconds_space: float
    seconds_tables: float
    seconds_incumbent: float
    seconds_reduce: float
    seconds_cp_sat: float
    seconds_verify: float
    layouts: int
    left_pairs: int
    literals: int
    exhaustive_status: str
    exhaustive_value: float | None
    exhaustive_seconds: float
    evaluated: int
    exhaustive_mb: float
    plain_status: str = ""
    plain_value: float | None = None
    plain_seconds: float = 0.0
    plain_rows: int = 0
    plain_mb: float = 0.0

    @property
    def ratio(self) -> float:
        """Seconds of the exhaustive search over those of gpuplan, cold; a stopped search counts with the seconds it had."""
        return self.exhaustive_seconds / self.cold_seconds

    @property
    def rate(self) -> float:
        """Pairs per second of the exhaustive search, tables and join included."""
        return self.evaluated / self.exhaustive_seconds

    @property
    def proved(self) -> bool:
        """Whether gpuplan has proved its answer."""
        return self.status in DECIDED

    @property
    def agrees(self) -> bool:
        """Whether gpuplan and the exhaustive search say the same, and the plain model nothing else."""
        if not self.proved or self.exhaustive_status not in DECIDED:
            return False
        same = self.status == self.exhaustive_status and _same(self.value, self.exhaustive_value)
        return same and not self._plain_contradicts

    @property
    def _plain_contradicts(self) -> bool:
        if self.plain_status == "infeasible":
            return self.status != "infeasible"
        if self.plain_value is None:
            return False
        if self.plain_status == "optimal":
            return not _same(self.value, self.plain_value)
        return self.value is None or self.plain_value < self.value * (1 - AGREEMENT)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= AGREEMENT * max(abs(one), abs(other))


def worse_with_more(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pairs of answers to one question where the longer catalogue, which holds the shorter, has the worse plan: there must be none."""
    asked_twice = [
        (short, long)
        for short in rows
        for long in rows
        if short.problem == long.problem and short.offers < long.offers and short.value is not None
    ]
    return [(short, long) for short, long in asked_twice if _worse(long.value, short.value)]


def _worse(value: float | None, than: float | None) -> bool:
    return than is not None and (value is None or value > than * (1 + AGREEMENT))


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write every row; numbers in full."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        for row in rows:
            cells = {field.name: getattr(row, field.name) for field in fields(Row)}
            writer.writerow({name: f"{cell:.7g}" if isinstance(cell, float) else cell for name, cell in cells.items()})


def read_csv(path: Path) -> list[Row]:
    """Read what `write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**{name: _cell(name, text) for name, text in line.items()}) for line in csv.DictReader(file)]


def _cell(name: str, text: str) -> Any:
    kind = next(field.type for field in fields(Row) if field.name == name)
    if kind == "float | None":
        return float(text) if text else None
    return {"str": str, "int": int, "float": float}[str(kind)](text)
