"""Calibrate the widths of the intervals on held-out errors: ``python -m benchmarks.fit.intervals`` writes them into constants.toml.

Each published run gives two errors: fitted on, and with its source left out; and a class: how well the runs that its constants were
fitted on speak for its accelerator and its framework. A user's case of a measured pair lies between runs like those that were fitted on
and runs of a lab that was not: its width is a conformal quantile of both kinds of errors together. Of the other classes only
errors of left-out sources are taken.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np

from benchmarks.fit.parameters import Parameter
from benchmarks.fit.problem import Problem, problem_of
from benchmarks.fit.rows import NOT_FITTED, Measured, read_runs
from benchmarks.fit.solve import Array
from benchmarks.fit.write import RUNS, write
from gpuplan.performance.constants import COVERED_RUNS
from gpuplan_models import frameworks

CONFIDENCE = 0.9
#: The share of errors that is taken for it: they flatter, as formulas, defaults and factors were chosen in view of all sources.
TAKEN = 0.92
#: A class with fewer errors is taken together with the other that is not measured; neither is narrower than the measured one.
FEWEST = 20
#: Where lengths vary, memory is another matter; gpuplan's users pack sequences to one length.
VARIABLE = "variable_lengths"
#: Two-sided widths of memory follow from the one-sided bound that is asked for.
TWO_SIDED = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) / NormalDist().inv_cdf(CONFIDENCE)


def main() -> None:
    """Print and write the widths, and the runs behind each pair of kernel family and kernels."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit.intervals", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    runs = read_runs(parser.parse_args().runs)
    time, memory = problem_of(runs, False), problem_of(runs, True)
    values = [*_widths("step_interval", time), *_widths("memory_interval", memory)]
    for parameter, value, count in values:
        print(f"{parameter.label}: {value:.3f} ({count} errors)")
    write([*values, *_pairs(time.runs)])


def _widths(name: str, problem: Problem) -> list[tuple[Parameter, float, int]]:
    """Width of every class, and of mixtures of experts for the step time."""
    start = problem.fit()
    fitted = problem.errors(problem.point(start))
    left_out = problem.left_out(lambda source: problem.fit(start, source), start)
    kinds = np.array([_class(run, problem.runs) for run in problem.runs])
    wholly = np.array([_class(run, problem.runs, run.source) for run in problem.runs])
    two_sided = name == "step_interval"
    padded = np.array([not two_sided and VARIABLE in run.run.software for run in problem.runs])
    seen = np.concatenate([fitted[(kinds == "measured") & ~padded], left_out[(wholly == "measured") & ~padded]])
    measured = _quantile(seen, two_sided)
    found = [(Parameter(name, "measured", 1.0), measured, len(seen))]
    for kind in ("transferred", "extrapolated"):
        errors = left_out[(wholly == kind) & ~padded]
        if len(errors) < FEWEST:
            errors = left_out[(wholly != "measured") & ~padded]
        widest = max(found[-1][1], _quantile(errors, two_sided))
        found.append((Parameter(name, kind, 1.0), widest, len(errors)))
    found.append((Parameter(name, "*", 1.0), *found[-1][1:]))
    if two_sided:
        mixtures = np.array([run.run.workload.is_mixture for run in problem.runs])
        errors = np.concatenate([fitted[mixtures], left_out[mixtures]])
        found.append((Parameter(name, "moe", 1.0), _quantile(errors, two_sided), len(errors)))
    else:
        errors = np.concatenate([fitted[padded], left_out[padded]])
        ratio = _quantile(errors, two_sided) / found[0][1]
        found.append((Parameter("software", "variable_widths", 1.0), ratio, int(padded.sum())))
    return found


def _quantile(errors: Array, two_sided: bool) -> float:
    """Conformal quantile: of the size of the errors, or of how much more was measured than predicted, as a two-sided width."""
    scores = np.sort(np.abs(errors) if two_sided else -errors)
    place = min(len(scores), math.ceil((len(scores) + 1) * TAKEN)) - 1
    return float(scores[place]) * (1.0 if two_sided else TWO_SIDED)


def _class(run: Measured, runs: Sequence[Measured], without: str | None = None) -> str:
    """How well the runs, those of one source left out, speak for a run's accelerator and framework."""
    family, kernels = _names(run)
    taught = [_names(other) for other in runs if other.source != without]
    if sum(names == (family, kernels) for names in taught) >= COVERED_RUNS:
        return "measured"
    both = (sum(name == family for name, _ in taught), sum(name == kernels for _, name in taught))
    return "transferred" if min(both) >= COVERED_RUNS else "extrapolated"


def _names(run: Measured) -> tuple[str, str]:
    return run.run.node.accelerator.kernel_family, run.run.framework.kernels


def _pairs(runs: Sequence[Measured]) -> list[tuple[Parameter, float, int]]:
    kernels = {framework.kernels for framework in frameworks().values()}
    taught = [_names(run) for run in runs if run.source not in NOT_FITTED]
    counted = Counter("/".join(names) for names in taught if names[1] in kernels)
    return [(Parameter("paired_runs", pair, 1.0), float(count), count) for pair, count in sorted(counted.items())]


if __name__ == "__main__":
    main()
