"""Predict published runs with `gpuplan predict` and print how far off the predictions are."""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy.decisions import decisions
from benchmarks.accuracy.selection import Scored, read
from benchmarks.accuracy.summary import reliability, summary
from benchmarks.accuracy.tables import error_table, memories, quantiles, times, within_bound, within_interval
from benchmarks.accuracy.yardstick import yardstick
from gpuplan.runs import RunRow, predict_rows, read_rows, write_answers
from gpuplan.runs.answers import settle

RUNS = Path("../shared/data/runs.csv")
HEAD = """# Accuracy on published runs

Made by `python -m benchmarks.accuracy [runs.csv] --out benchmarks/accuracy/accuracy.md`, which runs `gpuplan predict` and scores what it
writes. Errors are |predicted / measured - 1|; a negative bias is optimistic.

The constants were fitted on these runs, and defaults, factors and the rows of doubtful.csv were chosen in view of their errors: none of
these figures is a test on unseen runs. With the constants refitted without the run's source, but defaults and factors as chosen, time is
off by 8.1 % in the median and 25.7 % at the 90th percentile, memory by 11.4 and 28.0 % ([fit/README.md](../fit/README.md))."""
DOUBTFUL = Path(__file__).with_name("doubtful.csv")


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    parser.add_argument("--predictions", type=Path, help="what `gpuplan predict` wrote (default: predict now)")
    parser.add_argument("--out", type=Path, help="also write the tables here")
    arguments = parser.parse_args()
    rows = read_rows(arguments.runs)
    with tempfile.TemporaryDirectory() as folder:
        predictions = arguments.predictions or Path(folder) / "predictions.csv"
        if arguments.predictions is None:
            write_answers(predict_rows(rows), predictions)
        everything = read(arguments.runs, predictions)
        trusted = read(arguments.runs, predictions, _doubtful())
    text = _text(rows, everything, trusted)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


def _text(rows: Sequence[RunRow], everything: Sequence[Scored], trusted: Sequence[Scored]) -> str:
    sections = {
        "All rows": summary(everything),
        f"Without the {len(_doubtful())} rows of doubtful.csv": summary(trusted),
        "Decisions": decisions(times(everything)),
        "Chance to be on time": reliability(everything),
        "The yardstick: a constant MFU per GPU, 8 bit or not, and method": _yardstick(rows, everything),
        "Step time": error_table(times(everything), within_interval, "in interval"),
        "Peak memory": error_table(memories(everything), within_bound, "within bound"),
    }
    return "\n\n".join([HEAD, *(f"## {title}\n\n{table}" for title, table in sections.items())])


def _doubtful() -> frozenset[str]:
    with DOUBTFUL.open(encoding="utf-8", newline="") as file:
        return frozenset(line["id"] for line in csv.DictReader(file))


def _yardstick(rows: Sequence[RunRow], scored: Sequence[Scored]) -> str:
    runs = {row.id: run for row, run in zip(rows, settle(rows)[0], strict=True) if run is not None}
    lines = ["| | n | median % | p90 % |", "|---|---|---|---|"]
    for title, out in (("fitted on the rows themselves", False), ("leaving the row's source out", True)):
        pairs = yardstick(times(scored), runs, out)
        median, p90 = quantiles(pairs)
        lines.append(f"| {title} | {len(pairs)} | {median:.1f} | {p90:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
