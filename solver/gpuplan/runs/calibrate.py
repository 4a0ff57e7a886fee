"""Constants corrected by a user's own runs: a maximum of likelihood times prior, so that a few runs move them a little.

Each constant that the runs can speak for starts from its shipped value with a log-normal prior; each run counts with the misfit that
published runs have under the shipped constants, and no more than linearly beyond it: one run that is far off does not overturn the
physics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gpuplan.errors import InputError
from gpuplan.performance.constants import Constant, Constants, use_constants
from gpuplan.runs.answers import settle
from gpuplan.runs.groups import Group, Run, groups_of
from gpuplan.runs.results import Measured, read_results
from gpuplan.runs.rows import read_rows
from gpuplan.runs.software import base_constants, constants_of

Array = np.ndarray

#: What a constant may be off by (log-normal, one standard deviation), by what its key names.
TIME = (
    ("matmul_efficiency", "family", 0.10),
    ("fp8_efficiency", "family", 0.10),
    ("flash_efficiency", "family", 0.25),
    ("elementwise_traffic", "kernels", 0.30),
    ("loss_bytes_per_logit", "kernels", 0.30),
    ("launch_seconds", "kernels", 0.50),
    ("dequantise_bytes_per_parameter", "weights", 0.50),
    ("link_efficiency", "*", 0.15),
    ("network_efficiency", "*", 0.15),
)
MEMORY = (
    ("activation_multiplier", "kernels", 0.15),
    ("head_bytes_per_logit", "kernels", 0.20),
    ("base_bytes", "*", 0.30),
)
#: Standard deviation of log(measured / predicted) that a run is trusted with: what constants of a like source leave open (0.08, of
#: published runs), and that a short trial may have been disturbed. It makes one run correct about half of a small misfit.
TIME_NOISE = MEMORY_NOISE = 0.12
#: Beyond this many standard deviations a run counts linearly.
ROBUST = 1.0
#: A constant is spoken for if changing it by 1 % moves a prediction by more than this share of 1 %.
SPEAKS = 0.02
ROUNDS = 20
#: A run that is further from its prediction than this factor is not learnt from: a unit or a column is wrong, or something was in the way.
FAR = 3.0


@dataclass(frozen=True)
class Change:
    """A constant before and after, and how many runs speak for it."""

    name: str
    key: str
    before: float
    after: float
    runs: int


@dataclass(frozen=True)
class Fitted:
    """How one figure of a run is predicted before and after; `figure` is "step" (seconds) or "memory" (bytes)."""

    id: str
    figure: str
    measured: float
    before: float
    after: float


@dataclass(frozen=True)
class Calibration:
    """What the runs changed, how they are predicted now, and which rows could not be used, with the reason."""

    changes: tuple[Change, ...]
    fitted: tuple[Fitted, ...]
    unused: tuple[tuple[str, str], ...]


def calibrate(path: Path) -> Calibration:
    """Correct the constants that the runs of a CSV can speak for.

    Raises
    ------
    InputError
        If the file cannot be read, or no row of it has both what a prediction needs and something that was measured.
    """
    rows, results = read_rows(path), read_results(path)
    chosen, reasons = settle(rows)
    unused, usable = [], []
    for row, run, reason in zip(rows, chosen, reasons, strict=True):
        found = results[row.id]
        if run is None or (found.step_seconds is None and found.peak_bytes is None):
            unused.append((row.id, reason or "neither a step time nor a peak of memory is given"))
        else:
            usable.append((row.id, run, found))
    usable, far = _near(usable)
    unused += far
    if not usable:
        why = f"; the first row: {unused[0][1]}" if unused else ""
        raise InputError("runs", path, f"{path} has no run to learn from{why}")
    timed = [(name, run, found.step_seconds) for name, run, found in usable if found.step_seconds is not None]
    held = [(name, run, found.peak_bytes) for name, run, found in usable if found.peak_bytes is not None]
    times = _fit("step", timed, TIME, Group.seconds, TIME_NOISE)
    memories = _fit("memory", held, MEMORY, Group.measured_bytes, MEMORY_NOISE)
    return Calibration((*times[0], *memories[0]), (*times[1], *memories[1]), tuple(unused))


def _near(usable: Sequence[tuple[str, Run, Measured]]) -> tuple[list[tuple[str, Run, Measured]], list[tuple[str, str]]]:
    """Runs near enough to their predictions to be learnt from, and the others with the reason."""
    near, far = [], []
    groups = groups_of([run for _, run, _ in usable])
    seconds = np.exp(_log_predictions(groups, len(usable), {}, Group.seconds))
    held = np.exp(_log_predictions(groups, len(usable), {}, Group.measured_bytes))
    for (name, run, found), step, peak in zip(usable, seconds, held, strict=True):
        ratios = {"step time": (found.step_seconds, step), "peak memory": (found.peak_bytes, peak)}
        off = {what: value / guess for what, (value, guess) in ratios.items() if value is not None}
        wrong = [
            f"{what} is {ratio:.3g} times the predicted one" for what, ratio in off.items() if not 1 / FAR < ratio < FAR
        ]
        if wrong:
            far.append((name, f"{' and '.join(wrong)}; look at the row's units and settings"))
        else:
            near.append((name, run, found))
    return near, far


def _fit(
    figure: str,
    usable: Sequence[tuple[str, Run, float]],
    adjustable: Sequence[tuple[str, str, float]],
    predict: Callable[[Group], Array],
    noise: float,
) -> tuple[tuple[Change, ...], tuple[Fitted, ...]]:
    """Gauss-Newton on the log of the constants, with weights that make far runs count linearly."""
    if not usable:
        return (), ()
    runs, target = [run for _, run, _ in usable], np.log([value for _, _, value in usable])
    names = _spoken_for(runs, adjustable)
    width = np.array([width for _, _, width in names])
    groups = groups_of(runs)

    def logs(moves: Array) -> Array:
        changed = {(name, key): float(np.exp(move)) for (name, key, _), move in zip(names, moves, strict=True)}
        return _log_predictions(groups, len(runs), changed, predict)

    base = base_constants()
    ceiling = np.array([_ceiling(name, base.value(name, key)) for name, key, _ in names])
    start = np.zeros(len(names))
    before, slopes = logs(start), _slopes(logs, start)
    heard = np.abs(slopes).max(axis=0) > SPEAKS
    moves = start.copy()
    for _ in range(ROUNDS):
        error = target - logs(moves)
        weight = np.minimum(1.0, ROBUST * noise / np.maximum(np.abs(error), 1e-12)) / noise**2
        slopes = _slopes(logs, moves) * heard
        normal = slopes.T @ (weight[:, None] * slopes) + np.diag(1 / width**2)
        step = np.linalg.solve(normal, slopes.T @ (weight * error) - moves / width**2)
        step = np.minimum(step, ceiling - moves)
        moves = moves + step
        if np.abs(step).max() < 1e-6:
            break
    after, spoken = logs(moves), (np.abs(slopes) > SPEAKS).sum(axis=0)
    changes = tuple(
        Change(name, key, base.value(name, key), base.value(name, key) * float(np.exp(move)), int(count))
        for (name, key, _), move, count, hears in zip(names, moves, spoken, heard, strict=True)
        if hears
    )
    figures = zip(usable, np.exp(before), np.exp(after), strict=True)
    return changes, tuple(Fitted(name, figure, value, float(b), float(a)) for (name, _, value), b, a in figures)


def _ceiling(name: str, value: float) -> float:
    """How far the log of a constant may rise: no efficiency is above 1 (8-bit's is relative to 16-bit's, and may be)."""
    return -math.log(value) if name.endswith("_efficiency") and name != "fp8_efficiency" else math.inf


def _spoken_for(runs: Sequence[Run], adjustable: Sequence[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    """The constants whose keys occur in the runs; what is zero stays zero."""
    keys: Mapping[str, set[str]] = {
        "family": {run.node.accelerator.kernel_family for run in runs},
        "kernels": {run.framework.kernels for run in runs},
        "weights": {run.workload.weights for run in runs},
        "*": {"*"},
    }
    base = base_constants()
    return [
        (name, key, width) for name, of, width in adjustable for key in sorted(keys[of]) if base.value(name, key) != 0
    ]


def _slopes(logs: Callable[[Array], Array], at: Array, by: float = 1e-3) -> Array:
    """Derivatives of the logs of all predictions by the logs of all constants."""
    columns = [(logs(at + by * unit) - logs(at - by * unit)) / (2 * by) for unit in np.eye(len(at))]
    return np.stack(columns, axis=1)


def _log_predictions(
    groups: Sequence[Group], count: int, changed: Mapping[tuple[str, str], float], predict: Callable[[Group], Array]
) -> Array:
    found = np.empty(count)
    base = _changed(changed)
    for group in groups:
        with use_constants(constants_of(group.year, group.software, base)):
            found[group.index] = np.log(predict(group))
    return found


def _changed(factors: Mapping[tuple[str, str], float]) -> Constants:
    base = base_constants()
    tables = {name: dict(keys) for name, keys in base.tables.items()}
    for (name, key), factor in factors.items():
        tables[name][key] = Constant(base.value(name, key) * factor, "calibrated", 0)
    return replace(base, tables=tables)


def as_toml(calibration: Calibration, as_of: str, source: str) -> str:
    """Write the changed constants as the file that ``--calibration`` reads."""
    lines = [
        f"# Written by gpuplan calibrate {source} on {as_of}. Shipped values of gpuplan's constants are in the comments.",
        "[meta]",
        f'as_of = "{as_of}"',
        f"runs = {len({fit.id for fit in calibration.fitted})}",
    ]
    for name in dict.fromkeys(change.name for change in calibration.changes):
        lines += ["", f"[{name}]"]
        for change in calibration.changes:
            if change.name == name:
                entry = f"{{ value = {change.after:.6g}, runs = {change.runs} }}"
                lines.append(f'"{change.key}" = {entry} # {change.before:.6g}')
    return "\n".join(lines) + "\n"
