"""Predict all runs at once with the product's own functions, for any table of constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.fit.parameters import Point
from gpuplan.performance.constants import use_constants
from gpuplan.runs.groups import Group

Array = np.ndarray


def predict_seconds(groups: Sequence[Group], count: int, point: Point) -> Array:
    """Seconds of a step of every run at a point of the fit."""
    found = np.empty(count)
    for group in groups:
        with use_constants(point.table(group.year, group.software)):
            found[group.index] = group.seconds()
    return found


def predict_bytes(groups: Sequence[Group], count: int, point: Point) -> Array:
    """Bytes of every run in the measure of its figure at a point of the fit."""
    found = np.empty(count)
    for group in groups:
        with use_constants(point.table(group.year, group.software)):
            found[group.index] = group.measured_bytes()
    return found
