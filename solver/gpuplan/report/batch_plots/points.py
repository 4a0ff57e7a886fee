"""The plans of a batch as points, read from the file of its rows: nothing but what is drawn is kept of each."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpuplan.errors import InputError


@dataclass(frozen=True, slots=True)
class Point:
    """A row with a plan: where method or precision are left open, the cheapest."""

    row: int
    name: str
    model: str
    gpu: str
    provider: str
    gpus: int
    cost_usd: float
    hours: float


def read_points(path: str | None) -> list[Point]:
    """The rows with a plan, in their order; none where there is no file.

    Raises
    ------
    InputError
        The file cannot be read, or holds no rows of a batch.
    """
    if path is None:
        return []
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            found = _of_csv(csv.DictReader(file)) if path.lower().endswith(".csv") else _of_json(file)
            return list(_cheapest(found))
    except OSError as error:
        raise InputError("out", path, f"{path!r} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError("out", path, f"{path!r} holds no rows of a batch; was it changed?") from None


def _cheapest(found: Iterable[Point]) -> Iterator[Point]:
    """Of the points of a row, which follow each other, the cheapest."""
    best: Point | None = None
    for point in found:
        if best is not None and point.row != best.row:
            yield best
            best = None
        if best is None or point.cost_usd < best.cost_usd:
            best = point
    if best is not None:
        yield best


def _of_json(lines: Iterable[str]) -> Iterator[Point]:
    for line in lines:
        row = json.loads(line)
        answer = row["answer"] or {}
        for one in answer.get("choices") or [answer]:
            if one.get("plan") is not None:
                yield _of_plan(row, one["model"], one["plan"])


def _of_plan(row: dict[str, Any], model: str, plan: dict[str, Any]) -> Point:
    offer, prediction = plan["offer"], plan["prediction"]
    cost, hours = prediction["cost_usd"], prediction["total_hours"]
    return Point(row["row"], row["name"], model, offer["gpu"], offer["provider"], plan["gpus"], cost, hours)


def _of_csv(rows: Iterable[dict[str, str]]) -> Iterator[Point]:
    for row in rows:
        if row["cost_usd"]:
            numbers = int(row["gpus"]), float(row["cost_usd"]), float(row["total_hours"])
            yield Point(int(row["row"]), row["name"], row["model"], row["gpu"], row["provider"], *numbers)
