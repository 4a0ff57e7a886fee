"""Predict published runs with `gpuplan predict` and print how far off the predictions are."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.accuracy.selection import read
from benchmarks.accuracy.summary import summary
from benchmarks.accuracy.tables import error_table, memories, times, within_bound, within_interval
from gpuplan.runs import predict_rows, read_rows, write_answers

RUNS = Path("../shared/data/runs.csv")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    parser.add_argument("--predictions", type=Path, help="what `gpuplan predict` wrote (default: predict now)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        predictions = arguments.predictions or Path(folder) / "predictions.csv"
        if arguments.predictions is None:
            write_answers(predict_rows(read_rows(arguments.runs)), predictions)
        scored = read(arguments.runs, predictions)
    print(summary(scored))
    print(f"\n## Step time\n\n{error_table(times(scored), within_interval, 'in interval')}")
    print(f"\n## Peak memory\n\n{error_table(memories(scored), within_bound, 'within bound')}")


if __name__ == "__main__":
    main()
