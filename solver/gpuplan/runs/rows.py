"""Reading a CSV of runs: only the columns that describe what was run, never those that say what was measured or by whom."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpuplan.errors import InputError

#: What a prediction may depend on. Everything else (source, provenance, notes, results) is dropped as a row is read.
INPUT_COLUMNS = (
    "date",
    "model",
    "params_total_b",
    "params_active_b",
    "hidden",
    "layers",
    "heads",
    "kv_heads",
    "ffn",
    "vocab",
    "experts",
    "task",
    "lora_rank",
    "lora_targets",
    "precision",
    "gpu",
    "n_gpus",
    "gpus_per_node",
    "tp",
    "pp",
    "vp",
    "dp",
    "cp",
    "ep",
    "etp",
    "zero_stage_or_fsdp",
    "micro_batch",
    "global_batch_sequences",
    "seq_len",
    "recompute",
    "offload",
    "framework",
    "memory_measure",
    "memory_rank",
)
#: No count of a run is larger; what is, is a slip, and would take all memory or overflow.
LARGEST = {"layers": 10_000, "hidden": 1_000_000, "heads": 100_000, "kv_heads": 100_000, "pp": 10_000, "vp": 10_000}
LARGEST_OTHER = 1_000_000_000


class UnpredictableError(ValueError):
    """Why a row cannot be predicted; the text goes into its ``pred_note``."""


@dataclass(frozen=True)
class RunRow:
    """One row: its id, which is only copied, and the cells that a prediction may read ("" where empty)."""

    id: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return the cell, "" where it is empty."""
        return self.cells[column]

    def whole(self, column: str) -> int | None:
        """Return the cell as a whole number, None where it is empty; raises `UnpredictableError` if it is no count."""
        number = self.number(column)
        if number is None:
            return None
        largest = LARGEST.get(column, LARGEST_OTHER)
        if number != int(number) or not 1 <= number <= largest:
            raise UnpredictableError(f"{column} is {self.cells[column]!r}, not a whole number from 1 to {largest:,}")
        return int(number)

    def number(self, column: str) -> float | None:
        """Return the cell as a number, None where it is empty; raises `UnpredictableError` if it is none."""
        text = self.cells[column]
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UnpredictableError(f"{column} is {text!r}, not a number")
        return number


def read_rows(path: Path) -> list[RunRow]:
    """Read the rows of a CSV with the columns `INPUT_COLUMNS` (a missing one counts as empty) and ``id``.

    Raises
    ------
    InputError
        If the file cannot be read, is no CSV with a column ``id``, or an id is empty or repeated.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            if "id" not in (reader.fieldnames or ()):
                raise InputError("runs", path, f"{path} has no column 'id' in its first line")
            rows = [_row(raw) for raw in reader if any(isinstance(cell, str) and cell.strip() for cell in raw.values())]
    except OSError as error:
        raise InputError("runs", path, f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("runs", path, f"{path} is no CSV in UTF-8: {error}") from error
    _refuse_repeated(path, rows)
    return rows


def _row(raw: Mapping[str, str | None]) -> RunRow:
    cells = {name: (raw.get(name) or "").strip() for name in INPUT_COLUMNS}
    return RunRow((raw["id"] or "").strip(), cells)


def _refuse_repeated(path: Path, rows: list[RunRow]) -> None:
    seen: set[str] = set()
    for line, row in enumerate(rows, start=2):
        if not row.id or row.id in seen:
            problem = "is repeated" if row.id else "is empty"
            raise InputError("id", row.id, f"id {row.id!r} of row {line} of {path} {problem}; every row needs its own")
        seen.add(row.id)
