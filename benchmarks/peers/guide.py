"""The guide's sizing table as a tool: a question that has a row gets the row's cluster, any other gets none."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from benchmarks.grid.cells import SIZES
from benchmarks.peers.answers import Answer
from benchmarks.peers.questions import Question
from benchmarks.reference_table.rows import METHODS as TABLE_METHODS
from gpuplan_hardware import resolve_gpus

NAME = "the guide's table"
#: The rows as the audit of the table wrote them down.
TABLE = Path(__file__).resolve().parents[1] / "reference_table" / "reference_table.csv"
DAY = "24h"
#: The table's name for a card of AWS that has one size only.
SPELLING = {"A10G-24GB": "A10G"}

Key = tuple[str, str, str]


def rows(text: str) -> dict[Key, tuple[str, int]]:
    """GPU and count of every row, by model (catalogue name), method and data."""
    return {
        (_model(row["model"]), TABLE_METHODS[row["method"]], SIZES[row["data"]]): (row["gpu"], int(row["gpus"]))
        for row in csv.DictReader(text.splitlines())
    }


def _model(name: str) -> str:
    return name.lower().removesuffix("-671b")


def answer(asked: Question, table: Mapping[Key, tuple[str, int]]) -> Answer:
    """The row's cluster; the table is for one day and knows no other limit."""
    row = table.get((asked.model, asked.method, asked.data)) if asked.deadline == DAY and not asked.gpu else None
    if row is None:
        return Answer(NAME, asked.id, said="no row for this model, method, data and deadline")
    return Answer(NAME, asked.id, resolve_gpus(SPELLING.get(row[0], row[0])), row[1], 24.0)
