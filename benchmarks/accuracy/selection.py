"""What is scored: which rows have a time, a memory figure or an outcome that predictions can be held against."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpuplan.runs.results import GIB, measured

Row = Mapping[str, str]

#: Sources whose length is only a truncation limit, or whose step is not an optimizer step: no time.
NO_TIME = {"peft", "peftreadme", "swift", "swift26", "torchao", "gputest"}
ANSWERABLE = ("hidden", "gpu", "n_gpus", "global_batch_sequences", "seq_len")
FINE_TUNING = ("lora", "qlora", "full")


@dataclass(frozen=True)
class Prediction:
    """One line of what `gpuplan predict` wrote; None where a cell is empty."""

    seconds: float | None
    low: float | None
    high: float | None
    gib: float | None
    high_gib: float | None
    fits: bool | None
    note: str


@dataclass(frozen=True)
class Scored:
    """A row with its targets and its prediction."""

    row: Row
    prediction: Prediction
    seconds: float | None
    gib: float | None

    @property
    def out_of_memory(self) -> bool:
        return "RESULT=OOM" in self.row["notes"]

    @property
    def answerable(self) -> bool:
        return all(self.row[column] for column in ANSWERABLE)

    @property
    def fine_tuning(self) -> bool:
        return self.row["task"] in FINE_TUNING or self.row["task"].startswith("peft:")


def read(runs: Path, predictions: Path) -> list[Scored]:
    """Join runs and predictions by id."""
    with predictions.open(encoding="utf-8", newline="") as file:
        found = {line["id"]: _prediction(line) for line in csv.DictReader(file)}
    with runs.open(encoding="utf-8", newline="") as file:
        return [Scored(row, found[row["id"]], seconds_of(row), gib_of(row)) for row in csv.DictReader(file)]


def seconds_of(row: Row) -> float | None:
    """Seconds of a step: as stated, else from the tokens per second."""
    if not row["hidden"] or "TRAP" in row["notes"] or row["source_key"] in NO_TIME:
        return None
    return measured(row).step_seconds


def gib_of(row: Row) -> float | None:
    """Peak memory in GiB, as printed."""
    held = measured(row).peak_bytes
    return None if held is None or "TRAP" in row["notes"] else held / GIB


def _prediction(line: Mapping[str, str]) -> Prediction:
    def number(column: str) -> float | None:
        return float(line[column]) if line[column] else None

    return Prediction(
        seconds=number("pred_step_time_s"),
        low=number("pred_step_time_lo_s"),
        high=number("pred_step_time_hi_s"),
        gib=number("pred_peak_mem_gib"),
        high_gib=number("pred_peak_mem_hi_gib"),
        fits={"true": True, "false": False}.get(line["pred_fits"]),
        note=line["pred_note"],
    )
