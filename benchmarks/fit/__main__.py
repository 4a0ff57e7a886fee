"""Fit the performance model's constants on published runs and print values and tables of errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.fit.counts import runs_behind
from benchmarks.fit.evaluate import predict_bytes, predict_seconds
from benchmarks.fit.parameters import MEMORY, TIME, Parameter, Point
from benchmarks.fit.report import error_table, width_of, width_table
from benchmarks.fit.rows import NOT_FITTED, Measured, read_runs
from benchmarks.fit.solve import Array, fit, weights
from gpuplan.runs.groups import groups_of
from gpuplan.runs.tables import further_constants

RUNS = Path("../shared/data/runs.csv")
#: Sources with fewer runs are not left out on their own: nothing of the fit rests on them.
LEFT_OUT_RUNS = 5


def main() -> None:
    """Fit, or score the shipped constants, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    parser.add_argument("--leave-out", action="store_true", help="also refit without each large source, and score it")
    parser.add_argument("--memory", action="store_true", help="fit and score memory instead of time")
    parser.add_argument(
        "--shipped", action="store_true", help="fit nothing: score the constants that ship with gpuplan"
    )
    parser.add_argument("--software", action="store_true", help="fit only what gpuplan/runs/software.toml holds")
    arguments = parser.parse_args()
    chosen = [run for run in read_runs(arguments.runs) if (run.bytes if arguments.memory else run.seconds) is not None]
    print(f"{len(chosen)} runs\n")
    if arguments.shipped:
        _score("Shipped constants", chosen, arguments.memory, _shipped())
    else:
        _fit_and_score(chosen, arguments.memory, arguments.leave_out, arguments.software)


def _fit_and_score(runs: Sequence[Measured], memory: bool, leave_out: bool, software: bool) -> None:
    parameters: Sequence[Parameter] = MEMORY if memory else TIME
    if software:
        parameters = tuple(
            each for each in parameters if each.name == "software" or each.key in further_constants().get(each.name, ())
        )
    point = _fit(runs, memory, parameters)
    print("| constant | prior | fitted | runs |\n|---|---|---|---|")
    for parameter, value in zip(point.parameters, point.values, strict=True):
        print(f"| {parameter.label} | {parameter.prior:.4g} | {value:.4g} | {runs_behind(parameter, runs)} |")
    _score("Fitted, in sample", runs, memory, point)
    if leave_out:
        _leave_out(runs, memory, point)


def _score(title: str, runs: Sequence[Measured], memory: bool, point: Point) -> None:
    error = np.log(_predict(runs, memory, point) / _measured(runs, memory))
    print(f"\n## {title} (90 % width {width_of(error):.3f})\n\n{error_table(runs, error)}")


def _shipped() -> Point:
    """The tables that ship with gpuplan, as they are."""
    return Point((), np.array([]))


def _leave_out(runs: Sequence[Measured], memory: bool, point: Point) -> None:
    unseen, errors = [], []
    for source in sorted({run.source for run in runs}):
        rest = [run for run in runs if run.source != source]
        own = [run for run in runs if run.source == source]
        teaches = len(own) >= LEFT_OUT_RUNS and source not in NOT_FITTED
        without = _fit(rest, memory, point.parameters, point.values) if teaches else point
        unseen += own
        errors.append(np.log(_predict(own, memory, without) / _measured(own, memory)))
    error = np.concatenate(errors)
    print(f"\n## Leaving the run's source out (90 % width {width_of(error):.3f})\n\n{error_table(unseen, error)}")
    print(f"\n{width_table(unseen, error)}")


def _measured(runs: Sequence[Measured], memory: bool) -> Array:
    return np.array([run.bytes if memory else run.seconds for run in runs], dtype=float)


def _predict(runs: Sequence[Measured], memory: bool, point: Point) -> Array:
    predict = predict_bytes if memory else predict_seconds
    return predict(groups_of([each.run for each in runs]), len(runs), point)


def _fit(runs: Sequence[Measured], memory: bool, parameters: Sequence[Parameter], start: Array | None = None) -> Point:
    runs = [each for each in runs if each.source not in NOT_FITTED]
    groups = groups_of([each.run for each in runs])
    predict = predict_bytes if memory else predict_seconds
    weight = weights([run.source for run in runs])
    return fit(parameters, lambda at: predict(groups, len(runs), at), _measured(runs, memory), weight, start)


if __name__ == "__main__":
    main()
