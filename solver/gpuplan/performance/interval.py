"""How sure a prediction is: log-normal widths by how well published runs cover the accelerator and the framework."""

from __future__ import annotations

import math
from statistics import NormalDist

from gpuplan.performance.constants import constants

#: Two-sided 90 % of a normal distribution lies within this many standard deviations.
_Z90 = NormalDist().inv_cdf(0.95)


def step_width(kernel_family: str, kernels: str, mixture: bool, stand_in: bool = False) -> float:
    """Two-sided 90 % width of log(measured / predicted) of the step time, by coverage; mixtures of experts have at least their own."""
    c = constants()
    width = c.value("step_interval", c.coverage(kernel_family, kernels, stand_in))
    return max(width, c.value("step_interval", "moe")) if mixture else width


def memory_width(kernel_family: str, kernels: str, stand_in: bool = False) -> float:
    """Two-sided 90 % width of log(measured / predicted) of the peak memory."""
    c = constants()
    return c.value("memory_interval", c.coverage(kernel_family, kernels, stand_in))


def factor(width: float, confidence: float | None) -> float:
    """What a prediction is multiplied by so that it holds with `confidence` (None: the point itself)."""
    if confidence is None:
        return 1.0
    return math.exp(NormalDist().inv_cdf(confidence) * width / _Z90)


def deviations(confidence: float | None) -> float:
    """Standard deviations above the mean within which a normal quantity stays with `confidence` (None: the mean itself)."""
    return 0.0 if confidence is None else NormalDist().inv_cdf(confidence)


def probability(width: float, ratio: float) -> float:
    """Chance that the measured value stays below `ratio` times the prediction.

    >>> round(probability(0.14, 1.0), 2)
    0.5
    """
    if ratio <= 0:
        return 0.0
    if width == 0:
        return float(ratio >= 1)
    return NormalDist().cdf(math.log(ratio) * _Z90 / width)
