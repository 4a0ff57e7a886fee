"""Predictions of rows: the likeliest of each row's candidates, its time, memory and bounds; and the CSV of them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpuplan.performance import interval
from gpuplan.performance.constants import Coverage, constants, use_constants
from gpuplan.runs.complete import candidates
from gpuplan.runs.gpus import node_of
from gpuplan.runs.groups import Run, groups_of
from gpuplan.runs.reading import framework_of, method_of, rule_of
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
#: Factors on what the allocator holds but gives back before it fails: they do not decide whether a run fits.
RECLAIMED = frozenset({"variable_lengths"})

#: What a note says of how well published runs speak for an accelerator under a framework.
COVERAGE_NOTES: dict[Coverage, tuple[str, ...]] = {
    "measured": (),
    "transferred": ("wider interval: accelerator and framework measured, not together",),
    "extrapolated": ("wider interval: accelerator or framework not measured",),
}


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
    for place, run in _likeliest(everything, owner).items():
        chosen[place] = run
    return chosen, reasons


def _likeliest(runs: Sequence[Run], owner: Sequence[int]) -> dict[int, Run]:
    """Return owner -> its first run that fits, else the one that needs least; recomputing no more layers than it must."""
    open_ones = _repeated(owner)
    share = np.zeros(len(runs))
    asked = [runs[index] for index in open_ones]
    share[open_ones] = _shares(asked)
    best: dict[int, int] = {}
    for index, place in enumerate(owner):
        first = best.setdefault(place, index)
        if share[first] > 1 and share[index] < share[first]:
            best[place] = index
    found = {place: runs[index] for place, index in best.items()}
    partly = [place for place, index in best.items() if share[index] < 1 and _may_keep(runs[index])]
    if partly:
        # A share of no layer at all still counts the one that is being rebuilt.
        kept = _shares([replace(found[place], share=0.0) for place in partly])
        for place, kept_share in zip(partly, kept, strict=True):
            found[place] = _partly(found[place], share[best[place]], float(kept_share))
    return found


def _may_keep(run: Run) -> bool:
    return run.partial and run.layout.recompute == "full"


def _partly(whole: Run, whole_share: float, kept_share: float) -> Run:
    """Recompute only as many whole layers as must be for the run to fit; shares are of what the device can hold."""
    if kept_share <= whole_share:
        return whole
    layers = whole.workload.layer_count
    needed = max(1, math.ceil(layers * (kept_share - 1) / (kept_share - whole_share)))
    return replace(whole, share=min(needed, layers) / layers)


def _shares(runs: Sequence[Run]) -> Array:
    """Return what the worst GPU needs of what it has."""
    usable = np.array([run.node.accelerator.usable_memory_bytes for run in runs])
    shares: Array = _device_bytes(runs) / usable
    return shares


def _repeated(owner: Sequence[int]) -> list[int]:
    counts = np.bincount(np.array(owner, dtype=int))
    return [index for index, place in enumerate(owner) if counts[place] > 1]


def _device_bytes(runs: Sequence[Run]) -> Array:
    found = np.zeros(len(runs))
    for group in groups_of(runs):
        with use_constants(cached_constants(group.year, group.software - RECLAIMED)):
            found[group.index] = group.device_bytes()
    return found


def predict_rows(rows: Sequence[RunRow]) -> list[Answer]:
    """Predict every row; the answers are in the rows' order and depend on nothing but the cells of each row."""
    chosen, reasons = settle(rows)
    runs = [run for run in chosen if run is not None]
    seconds, counted, device = np.zeros(len(runs)), np.zeros(len(runs)), _device_bytes(runs)
    for group in groups_of(runs):
        with use_constants(cached_constants(group.year, group.software)):
            seconds[group.index] = group.seconds()
            counted[group.index] = group.measured_bytes()
    predicted = iter(zip(runs, seconds, counted, device, strict=True))
    unanswered = [row for row, run in zip(rows, chosen, strict=True) if run is None]
    hopeless = _hopeless(unanswered) | {row.id for row in unanswered if _too_many_parameters(row)}
    return [
        _unanswered(row.id, reason, row.id in hopeless) if run is None else _answer(row.id, *next(predicted))
        for row, run, reason in zip(rows, chosen, reasons, strict=True)
    ]


def _unanswered(name: str, reason: str, hopeless: bool) -> Answer:
    return (
        Answer(name, fits=False, note=f"{reason}; does not fit whatever it is")
        if hopeless
        else Answer(name, note=reason)
    )


def _hopeless(rows: Sequence[RunRow]) -> set[str]:
    """Ids of rows without a length or a batch that one token on every GPU would not fit."""
    least = []
    for row in rows:
        defaults = {"seq_len": "1", "global_batch_sequences": row.text("n_gpus") or "1"}
        cells = {name: row.text(name) or least_value for name, least_value in defaults.items()}
        if any(cells[name] != row.text(name) for name in cells):
            least.append(RunRow(row.id, {**row.cells, **cells}))
    found = [(row.id, run) for row, run in zip(least, settle(least)[0], strict=True) if run is not None]
    held = _device_bytes([run for _, run in found])
    return {
        name
        for (name, run), needed in zip(found, held, strict=True)
        if needed > run.node.accelerator.usable_memory_bytes
    }


def _too_many_parameters(row: RunRow) -> bool:
    """Whether full training of the stated parameters, cut over all GPUs, does not fit even without one activation."""
    try:
        billions, gpus = row.number("params_total_b"), row.whole("n_gpus")
        if method_of(row) != "full" or billions is None or gpus is None or row.text("offload") not in ("", "none"):
            return False
        kept = framework_of(row, rule_of(row), False, None).full_bytes
        usable = node_of(row.text("gpu"), min(8, gpus))[0].accelerator.usable_memory_bytes
    except UnpredictableError:
        return False
    return 1e9 * billions * kept.total / gpus > usable


def _answer(name: str, run: Run, seconds: float, counted: float, device: float) -> Answer:
    family, framework = run.node.accelerator.kernel_family, run.framework
    with use_constants(cached_constants(run.year, run.software)):
        width = interval.step_width(family, framework.kernels, run.workload.is_mixture, framework.stand_in)
        memory_width = interval.memory_width(family, framework.kernels, framework.stand_in)
        coverage = constants().coverage(family, framework.kernels, framework.stand_in)
    memory = float(counted) / GIB
    return Answer(
        id=name,
        step_seconds=float(seconds),
        step_low_seconds=float(seconds) * float(np.exp(-width)),
        step_high_seconds=float(seconds) * float(np.exp(width)),
        memory_gib=memory,
        memory_high_gib=memory * interval.factor(memory_width, MEMORY_CONFIDENCE),
        fits=bool(device <= run.node.accelerator.usable_memory_bytes),
        note="; ".join((*run.notes, *COVERAGE_NOTES[coverage])),
    )


def as_csv(answers: Sequence[Answer]) -> str:
    """One line for each answer, below the names of the columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_line(answer) for answer in answers)
    return buffer.getvalue()


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
