"""Rows of runs.csv as `gpuplan predict` reads and completes them, with what was measured."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.selection import gib_of, seconds_of
from gpuplan.runs import read_rows
from gpuplan.runs.answers import settle
from gpuplan.runs.groups import Run

GIB = 2.0**30
#: Sources that are scored but do not teach: single figures whose settings are not stated.
NOT_FITTED = {"habana", "recalled", "unsloth"}
#: "LoRA (emb)": embedding and head are trained, too, which no column says.
MORE_TRAINED = "LoRA (emb)"


@dataclass(frozen=True)
class Measured:
    """A published run with its target, seconds of a step or bytes on a GPU (None: not given, or not to be trusted).

    `teaches_memory`: whether its memory is fitted on, not only scored.
    """

    id: str
    source: str
    task: str
    gpu: str
    run: Run
    seconds: float | None
    bytes: float | None
    teaches_memory: bool


def read_runs(path: Path) -> list[Measured]:
    """All runs that can be predicted and have a target, in the file's order."""
    rows = read_rows(path)
    with path.open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    found = []
    for cells, run in zip(raw, settle(rows)[0], strict=True):
        seconds, gib = seconds_of(cells), gib_of(cells)
        if run is None or (seconds is None and gib is None) or "RESULT=OOM" in cells["notes"]:
            continue
        held = None if gib is None else gib * GIB
        teaches = not cells["notes"].startswith(MORE_TRAINED)
        found.append(
            Measured(cells["id"], cells["source_key"], cells["task"], cells["gpu"], run, seconds, held, teaches)
        )
    return found
