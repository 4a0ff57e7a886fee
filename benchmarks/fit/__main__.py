"""Fit the performance model's constants on published runs and print values and tables of errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fit.ablation import ablate, ablation_table, together
from benchmarks.fit.counts import runs_behind
from benchmarks.fit.parameters import Parameter, Point
from benchmarks.fit.problem import Problem, problem_of
from benchmarks.fit.report import error_table, width_of, width_table
from benchmarks.fit.rows import Measured, read_runs
from benchmarks.fit.solve import Array
from gpuplan.runs.tables import further_constants

RUNS = Path("../shared/data/runs.csv")
#: The tables that ship with gpuplan, as they are.
SHIPPED = Point((), np.array([]))


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
    parser.add_argument("--ablate", action="store_true", help="also hold every constant at a neutral value in turn")
    arguments = parser.parse_args()
    problem = problem_of(read_runs(arguments.runs), arguments.memory)
    print(f"{len(problem.runs)} runs\n")
    if arguments.shipped:
        _score("Shipped constants", problem.runs, problem.errors(SHIPPED))
        return
    if arguments.software:
        problem = replace(problem, parameters=_of_software(problem.parameters))
    _fit_and_score(problem, arguments.leave_out, arguments.ablate)


def _of_software(parameters: Sequence[Parameter]) -> list[Parameter]:
    further = further_constants()
    return [each for each in parameters if each.name == "software" or each.key in further.get(each.name, ())]


def _fit_and_score(problem: Problem, leave_out: bool, ablated: bool) -> None:
    values = problem.fit()
    print("| constant | prior | fitted | runs |\n|---|---|---|---|")
    for parameter, value in zip(problem.parameters, values, strict=True):
        print(f"| {parameter.label} | {parameter.prior:.4g} | {value:.4g} | {runs_behind(parameter, problem.taught)} |")
    _score("Fitted, in sample", problem.runs, problem.errors(problem.point(values)))
    if leave_out:
        error = problem.left_out(lambda source: problem.fit(values, source), values)
        _score("Leaving the run's source out", problem.runs, error)
        print(f"\n{width_table(problem.runs, error)}")
    if ablated:
        found = ablate(problem, values)
        print(f"\n## Without each constant\n\n{together(problem, values, found)}\n\n{ablation_table(found)}")


def _score(title: str, runs: Sequence[Measured], error: Array) -> None:
    print(f"\n## {title} (90 % width {width_of(error):.3f})\n\n{error_table(runs, error)}")


if __name__ == "__main__":
    main()
