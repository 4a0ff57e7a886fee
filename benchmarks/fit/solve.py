"""Robust least squares on log(predicted / measured), with weak log-normal priors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import least_squares

from benchmarks.fit.parameters import Parameter, Point

Array = np.ndarray
#: Errors beyond this count linearly: published runs are no better known.
DELTA = 0.05
#: A source counts as at most this many runs.
SOURCE_LIMIT = 120
Predict = Callable[[Point], Array]


def weights(sources: Sequence[str]) -> Array:
    """Weight of each run: a source with more than `SOURCE_LIMIT` runs is scaled down to it."""
    sizes = Counter(sources)
    return np.array([min(1.0, SOURCE_LIMIT / sizes[source]) for source in sources])


def fit(
    parameters: Sequence[Parameter],
    predict: Predict,
    measured: Array,
    weight: Array,
    start: Array | None,
    derivatives: Callable[[Array], Array],
) -> Point:
    """The point of least robust error (pseudo-Huber, `DELTA`) and prior; `derivatives` of log(prediction) by log(value)."""
    prior = np.log([parameter.prior for parameter in parameters])
    width = np.array([parameter.width for parameter in parameters])
    target = np.log(measured)

    def residuals(logs: Array) -> Array:
        error = np.log(predict(Point(parameters, np.exp(logs)))) - target
        robust = np.sign(error) * np.sqrt(2 * weight * (np.sqrt(1 + (error / DELTA) ** 2) - 1))
        return np.concatenate([robust, (logs - prior) / width])

    def jacobian(logs: Array) -> Array:
        values = np.exp(logs)
        error = np.log(predict(Point(parameters, values))) - target
        scaled = np.sqrt(1 + (error / DELTA) ** 2)
        # d of sign(e) sqrt(2 w (s - 1)) with s = sqrt(1 + (e / d)^2); sqrt(w) / d at e = 0.
        slope = np.sqrt(weight * (scaled + 1) / 2) / (DELTA * scaled)
        return np.concatenate([slope[:, None] * derivatives(values), np.diag(1 / width)])

    begin = prior if start is None else np.log(start)
    found = least_squares(residuals, begin, jacobian, method="trf", xtol=1e-4, ftol=1e-5, max_nfev=60)
    return Point(parameters, np.exp(found.x))
