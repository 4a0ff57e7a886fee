"""Predict published runs with `gpuplan predict` and print how far off the predictions are."""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy.cross_validation import NOTE, by_source, that_counts, unseen
from benchmarks.accuracy.decisions import decisions
from benchmarks.accuracy.reliability import reliability
from benchmarks.accuracy.selection import Scored, read
from benchmarks.accuracy.speed import REPEATS, ROWS, seconds_for_thousand
from benchmarks.accuracy.summary import summary
from benchmarks.accuracy.tables import Pair, error_table, memories, quantiles, times, within_bound, within_interval
from benchmarks.accuracy.whole_jobs import whole_jobs
from benchmarks.accuracy.yardstick import yardstick
from gpuplan.runs import as_csv, predict_rows, read_rows
from gpuplan.runs.answers import settle

RUNS = Path("../shared/data/runs.csv")
FOLDER = Path(__file__).parent
DOUBTFUL = FOLDER / "doubtful.csv"
HEAD = """# Accuracy on published runs

Made by `python -m benchmarks.accuracy [runs.csv] --cross-validate --plots --out benchmarks/accuracy/accuracy.md`, which runs
`gpuplan predict` and scores what it writes. Errors are |predicted / measured - 1|; a negative bias is optimistic."""
SHIPPED_HEAD = """## With the constants that ship

The constants were fitted on these runs, and defaults, factors and the rows of doubtful.csv were chosen in view of their errors: none of
the figures from here on is a test on unseen runs, except where a table says that the source was left out."""
PICTURES = """![Predicted against measured](scatter.png)

![Errors of the step time](residuals_time.png)

![Errors of the peak memory](residuals_memory.png)

![Confidence against the share of runs that kept it](reliability.png)"""
#: Titles of the two sets of predictions.
SHIPPED, LEFT_OUT = "as shipped", "source left out"


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    parser.add_argument("--predictions", type=Path, help="what `gpuplan predict` wrote (default: predict now)")
    parser.add_argument("--cross-validate", action="store_true", help="also refit without each source (some minutes)")
    parser.add_argument("--plots", action="store_true", help="draw PNGs beside this module (needs gpuplan[plots])")
    parser.add_argument("--out", type=Path, help="also write the tables here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        predictions = arguments.predictions or Path(folder) / "predictions.csv"
        if arguments.predictions is None:
            predictions.write_text(as_csv(predict_rows(read_rows(arguments.runs))), encoding="utf-8")
        sets = {SHIPPED: read(arguments.runs, predictions)}
    if arguments.cross_validate:
        sets[LEFT_OUT] = unseen(arguments.runs, sets[SHIPPED])
    text = "\n\n".join(_sections(arguments.runs, sets, arguments.plots))
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    if arguments.plots:
        from benchmarks.accuracy.plots import draw

        draw(FOLDER, sets[SHIPPED], sets)
    print(f"\npredict takes {seconds_for_thousand(arguments.runs):.2f} s for {ROWS:,} rows (median of {REPEATS})")


def _sections(runs: Path, sets: Mapping[str, Sequence[Scored]], plots: bool) -> list[str]:
    everything = sets[SHIPPED]
    doubtful = _doubtful()
    fitted, left_out = (_yardstick(runs, everything, out) for out in (False, True))
    found = [HEAD]
    if LEFT_OUT in sets:
        counts = that_counts(sets[LEFT_OUT], _trusted(sets[LEFT_OUT], doubtful), left_out)
        found += ["## The number that counts: sources left out of the fit", counts, NOTE, by_source(sets[LEFT_OUT])]
    sections = {
        "All rows": summary(everything),
        f"Without the {len(doubtful)} rows of doubtful.csv": summary(_trusted(everything, doubtful)),
        "Decisions": decisions(times(everything)),
        "Whole jobs": whole_jobs(everything),
        "Chance to be kept: share of runs that stayed within what holds with a confidence": reliability(sets),
        "The yardstick: a constant MFU per GPU, 8 bit or not, and method": _yardsticks(fitted, left_out),
    }
    for title in sets:
        sections[f"Step time, {title}"] = error_table(times(sets[title]), within_interval, "in interval")
        sections[f"Peak memory, {title}"] = error_table(memories(sets[title]), within_bound, "within bound")
    found += [SHIPPED_HEAD, *([PICTURES] if plots else [])]
    return found + [f"### {title}\n\n{table}" for title, table in sections.items()]


def _doubtful() -> frozenset[str]:
    with DOUBTFUL.open(encoding="utf-8", newline="") as file:
        return frozenset(line["id"] for line in csv.DictReader(file))


def _trusted(scored: Sequence[Scored], doubtful: frozenset[str]) -> list[Scored]:
    """The rows, the targets of doubtful ones left out."""
    return [replace(each, seconds=None, gib=None) if each.row["id"] in doubtful else each for each in scored]


def _yardstick(path: Path, scored: Sequence[Scored], leave_source_out: bool) -> list[Pair]:
    rows = read_rows(path)
    runs = {row.id: run for row, run in zip(rows, settle(rows)[0], strict=True) if run is not None}
    return yardstick(times(scored), runs, leave_source_out)


def _yardsticks(fitted: Sequence[Pair], left_out: Sequence[Pair]) -> str:
    lines = ["| | n | median % | p90 % |", "|---|---|---|---|"]
    for title, pairs in (("fitted on the rows themselves", fitted), ("leaving the row's source out", left_out)):
        median, p90 = quantiles(pairs)
        lines.append(f"| {title} | {len(pairs)} | {median:.1f} | {p90:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
