"""Predictions of rows: the likeliest of each row's candidates, its time, memory and bounds; and the CSV of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpuplan.errors import InputError
from gpuplan.performance import interval
from gpuplan.performance.constants import use_constants
from gpuplan.runs.complete import candidates
from gpuplan.runs.groups import Run, groups_of
from gpuplan.runs.rows import RunRow, UnpredictableError
from gpuplan.runs.software import cached_constants

Array = np.ndarray

GIB = 2.0**30
COLUMNS = (
    "id",
    "pred_step_time_s",
    "pred_step_time_lo_s",
    "pred_step_time_hi_s",
    "pred_peak_mem_gib",
    "pred_peak_mem_hi_gib",
    "pred_fits",
    "pred_note",
)
#: One-sided confidence of the upper bound of memory.
MEMORY_CONFIDENCE = 0.9
#: A candidate counts as fitting up to this share of the usable memory, for rows ran and the estimate is uncertain.
FITTING_SHARE = 1.0


@dataclass(frozen=True)
class Answer:
    """The prediction of one row; None and a `note` with the reason where there is none."""

    id: str
    step_seconds: float | None = None
    step_low_seconds: float | None = None
    step_high_seconds: float | None = None
    memory_gib: float | None = None
    memory_high_gib: float | None = None
    fits: bool | None = None
    note: str = ""


def settle(rows: Sequence[RunRow]) -> tuple[list[Run | None], list[str]]:
    """Return the likeliest run of every row, None with a reason where there is none.

    It is the first candidate whose worst GPU holds what it needs; where none does, the one that needs least.
    """
    reasons = [""] * len(rows)
    everything: list[Run] = []
    owner: list[int] = []
    for place, row in enumerate(rows):
        try:
            found = candidates(row)
        except UnpredictableError as reason:
            reasons[place] = str(reason)
            continue
        everything += found
        owner += [place] * len(found)
    chosen: list[Run | None] = [None] * len(rows)
    for place, index in _first_fitting(everything, owner).items():
        chosen[place] = everything[index]
    return chosen, reasons


def _first_fitting(runs: Sequence[Run], owner: Sequence[int]) -> dict[int, int]:
    """Return owner -> index of its first run that fits, else of the one that needs least of its device."""
    open_ones = _repeated(owner)
    share = np.zeros(len(runs))
    asked = [runs[index] for index in open_ones]
    share[open_ones] = _device_bytes(asked) / np.array([run.node.accelerator.usable_memory_bytes for run in asked])
    found: dict[int, int] = {}
    for index, place in enumerate(owner):
        best = found.setdefault(place, index)
        if share[best] > FITTING_SHARE and share[index] < share[best]:
            found[place] = index
    return found


def _repeated(owner: Sequence[int]) -> list[int]:
    counts = np.bincount(np.array(owner))
    return [index for index, place in enumerate(owner) if counts[place] > 1]


def _device_bytes(runs: Sequence[Run]) -> Array:
    found = np.zeros(len(runs))
    for group in groups_of(runs):
        with use_constants(cached_constants(group.year, group.software)):
            found[group.index] = group.device_bytes()
    return found


def predict_rows(rows: Sequence[RunRow]) -> list[Answer]:
    """Predict every row; the answers are in the rows' order and depend on nothing but the cells of each row."""
    chosen, reasons = settle(rows)
    runs = [run for run in chosen if run is not None]
    seconds, counted, device = (np.zeros(len(runs)) for _ in range(3))
    for group in groups_of(runs):
        with use_constants(cached_constants(group.year, group.software)):
            seconds[group.index] = group.seconds()
            counted[group.index] = group.measured_bytes()
            device[group.index] = group.device_bytes()
    predicted = iter(zip(runs, seconds, counted, device, strict=True))
    return [
        Answer(row.id, note=reason) if run is None else _answer(row.id, *next(predicted))
        for row, run, reason in zip(rows, chosen, reasons, strict=True)
    ]


def _answer(name: str, run: Run, seconds: float, counted: float, device: float) -> Answer:
    family, framework = run.node.accelerator.kernel_family, run.framework
    with use_constants(cached_constants(run.year, run.software)):
        width = interval.step_width(family, framework.kernels, run.workload.is_mixture, framework.stand_in)
        memory_width = interval.memory_width(family, framework.kernels, framework.stand_in)
    memory = float(counted) / GIB
    return Answer(
        id=name,
        step_seconds=float(seconds),
        step_low_seconds=float(seconds) * float(np.exp(-width)),
        step_high_seconds=float(seconds) * float(np.exp(width)),
        memory_gib=memory,
        memory_high_gib=memory * interval.factor(memory_width, MEMORY_CONFIDENCE),
        fits=bool(device <= run.node.accelerator.usable_memory_bytes),
        note="; ".join(run.notes),
    )


def write_answers(answers: Sequence[Answer], path: Path) -> None:
    """Write one line for each answer; raises `InputError` if the file cannot be written."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(_line(answer) for answer in answers)
    except OSError as error:
        raise InputError("out", path, f"{path} cannot be written: {error.strerror}") from error


def _line(answer: Answer) -> list[str]:
    numbers = (
        answer.step_seconds,
        answer.step_low_seconds,
        answer.step_high_seconds,
        answer.memory_gib,
        answer.memory_high_gib,
    )
    fits = "" if answer.fits is None else str(answer.fits).lower()
    return [answer.id, *("" if number is None else f"{number:.6g}" for number in numbers), fits, answer.note]
