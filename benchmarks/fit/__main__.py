"""Fit the performance model's constants on published runs and print values and tables of errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.fit.counts import runs_behind
from benchmarks.fit.evaluate import groups_of, predict_bytes, predict_seconds
from benchmarks.fit.parameters import FITTED_ELSEWHERE, MEMORY, TIME, Point
from benchmarks.fit.report import error_table, width_of, width_table
from benchmarks.fit.rows import Run, read_runs
from benchmarks.fit.solve import Array, fit, weights

RUNS = Path("../shared/data/runs.csv")
#: Sources large enough that leaving one out says something.
LARGE = ("dgxc", "mlperf", "nvbridge", "mosaic", "qwen1")


def main() -> None:
    """Fit, or score the shipped constants, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    parser.add_argument("--leave-out", action="store_true", help="also refit without each large source, and score it")
    parser.add_argument("--memory", action="store_true", help="fit and score memory instead of time")
    parser.add_argument(
        "--shipped", action="store_true", help="fit nothing: score the constants that ship with gpuplan"
    )
    arguments = parser.parse_args()
    runs, left_out = read_runs(arguments.runs)
    chosen = [run for run in runs if (run.measured_bytes if arguments.memory else run.measured_seconds) is not None]
    print(f"{len(chosen)} runs; left out: {dict(left_out.most_common())}\n")
    if arguments.shipped:
        _score("Shipped constants", chosen, arguments.memory, _shipped())
    else:
        _fit_and_score(chosen, arguments.memory, arguments.leave_out)


def _fit_and_score(runs: Sequence[Run], memory: bool, leave_out: bool) -> None:
    point = _fit(runs, memory)
    print("| constant | prior | fitted | runs |\n|---|---|---|---|")
    for parameter, value in zip(point.parameters, point.values, strict=True):
        print(f"| {parameter.label} | {parameter.prior:.4g} | {value:.4g} | {runs_behind(parameter, runs)} |")
    _score("Fitted, in sample", runs, memory, point)
    if leave_out:
        _leave_out(runs, memory, point)


def _score(title: str, runs: Sequence[Run], memory: bool, point: Point) -> None:
    error = np.log(_predict(runs, memory, point) / _measured(runs, memory))
    print(f"\n## {title} (90 % width {width_of(error):.3f})\n\n{error_table(runs, error)}")


def _shipped() -> Point:
    """The shipped table and, at their last fitted values, the numbers that do not ship (`FITTED_ELSEWHERE`)."""
    others = [parameter for parameter in TIME if parameter.label in FITTED_ELSEWHERE]
    return Point(others, np.array([FITTED_ELSEWHERE[parameter.label] for parameter in others]))


def _leave_out(runs: Sequence[Run], memory: bool, point: Point) -> None:
    unseen, errors = [], []
    for source in LARGE:
        rest = [run for run in runs if run.source != source]
        own = [run for run in runs if run.source == source]
        if not own:
            continue
        without = _fit(rest, memory, point.values)
        unseen += own
        errors.append(np.log(_predict(own, memory, without) / _measured(own, memory)))
    error = np.concatenate(errors)
    print(f"\n## Leaving the run's source out (90 % width {width_of(error):.3f})\n\n{error_table(unseen, error)}")
    print(f"\n{width_table(unseen, error)}")


def _measured(runs: Sequence[Run], memory: bool) -> Array:
    return np.array([run.measured_bytes if memory else run.measured_seconds for run in runs], dtype=float)


def _predict(runs: Sequence[Run], memory: bool, point: Point) -> Array:
    predict = predict_bytes if memory else predict_seconds
    return predict(groups_of(runs), len(runs), point)


def _fit(runs: Sequence[Run], memory: bool, start: Array | None = None) -> Point:
    groups = groups_of(runs)
    predict = predict_bytes if memory else predict_seconds
    parameters = MEMORY if memory else TIME
    weight = weights([run.source for run in runs])
    return fit(parameters, lambda at: predict(groups, len(runs), at), _measured(runs, memory), weight, start)


if __name__ == "__main__":
    main()
