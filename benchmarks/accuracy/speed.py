"""How long `gpuplan predict` takes."""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from gpuplan.runs import as_csv, predict_rows, read_rows

ROWS = 1000
REPEATS = 5


def seconds_for_thousand(runs: Path) -> float:
    """Median seconds to read, predict and write the file's first 1,000 rows, taken again from the top if there are fewer."""
    with runs.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames or [], list(reader)
    with tempfile.TemporaryDirectory() as folder:
        thousand = Path(folder) / "runs.csv"
        with thousand.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(row | {"id": f"row-{place}"} for place, row in enumerate(islice(cycle(rows), ROWS)))
        return statistics.median(_seconds(thousand) for _ in range(REPEATS))


def _seconds(runs: Path) -> float:
    start = time.perf_counter()
    runs.with_name("predictions.csv").write_text(as_csv(predict_rows(read_rows(runs))), encoding="utf-8")
    return time.perf_counter() - start
