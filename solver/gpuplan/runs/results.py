"""What was measured: the columns of a CSV of runs that predictions never read."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpuplan.errors import InputError

GIB = 2.0**30


@dataclass(frozen=True)
class Measured:
    """Seconds of an optimizer step and bytes on the worst GPU; None where the row does not say."""

    step_seconds: float | None
    peak_bytes: float | None


def read_results(path: Path) -> dict[str, Measured]:
    """Read what was measured, by id, from a file that `read_rows` has accepted.

    The step time is that of ``step_time_s``, else ``global_batch_sequences seq_len / (tokens_per_sec_per_gpu n_gpus)``.

    Raises
    ------
    InputError
        If a figure is no positive number.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        reader.fieldnames = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        return {(row["id"] or "").strip(): measured(row) for row in reader}


def measured(row: Mapping[str, str | None]) -> Measured:
    """Return what one row says was measured; raises `InputError` if a figure is no positive number."""
    gib = _positive(row, "peak_mem_gib")
    return Measured(_step_seconds(row), None if gib is None else gib * GIB)


def _step_seconds(row: Mapping[str, str | None]) -> float | None:
    stated = _positive(row, "step_time_s")
    if stated is not None:
        return stated
    parts = [_positive(row, name) for name in ("global_batch_sequences", "seq_len", "tokens_per_sec_per_gpu", "n_gpus")]
    batch, length, rate, gpus = parts
    if batch is None or length is None or rate is None or gpus is None:
        return None
    return batch * length / (rate * gpus)


def _positive(row: Mapping[str, str | None], column: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise InputError(column, text, f"{text!r} of the row {row.get('id')!r} is no number above 0")
    return number
