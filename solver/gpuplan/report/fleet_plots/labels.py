"""Where the label of a bar goes: into it, or beside it, on no tick of a deadline; pure geometry along the time axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from gpuplan.report.fleet_plots.chart import Task

Beside = Literal["inside", "after", "after the deadline", "before"]


@dataclass(frozen=True)
class Label:
    """A text, where it begins, and beside what."""

    text: str
    left: float
    beside: Beside


def place(task: Task, scale: float, width: float, measure: Callable[[str], float], pad: float) -> Label | None:
    """Place for the label of a job; the longest form that has room anywhere wins, and None has.

    Parameters
    ----------
    scale, width
        Length of an hour, and of the whole axis.
    measure
        Length of a text.
    pad
        Free space around a label.
    """
    deadline = None if task.deadline is None or task.deadline * scale > width else task.deadline * scale
    for text in task.labels:
        long = measure(text)
        for beside, left in _tried(task, scale, deadline, long, pad):
            free = deadline is None or not left - pad / 2 < deadline < left + long + pad / 2
            if free and left >= pad and left + long + pad <= width:
                return Label(text, left, beside)
    return None


def _tried(task: Task, scale: float, deadline: float | None, long: float, pad: float) -> Iterator[tuple[Beside, float]]:
    """Places in their order. Letters on hatching cannot be read, so inside is before what is late."""
    start, end = task.start * scale, task.end * scale
    inside = end if task.late_from is None else task.late_from * scale
    if inside - start >= long + 2 * pad:
        yield "inside", start + pad
    yield "after", end + pad
    if deadline is not None and deadline > end:
        yield "after the deadline", deadline + pad
    yield "before", start - pad - long
