"""A fit as one thing: runs with a target, the parameters that are fitted, predictions and their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from benchmarks.fit.dependence import Reads, reads_of
from benchmarks.fit.evaluate import predict_bytes, predict_seconds
from benchmarks.fit.parameters import MEMORY, TIME, Parameter, Point
from benchmarks.fit.rows import NOT_FITTED, Measured
from benchmarks.fit.solve import Array, Predict, fit, weights
from gpuplan.runs.groups import Group, groups_of

#: Step of the derivatives, in the logarithm of a value.
STEP = 1e-5
#: How often a fit by straight lines starts anew from what it found.
NEARBY_ROUNDS = 2


@dataclass(frozen=True)
class Problem:
    """Runs whose time (or memory) is predicted with `parameters` free and `fixed` held."""

    runs: Sequence[Measured]
    memory: bool
    parameters: Sequence[Parameter]
    groups: Sequence[Group]
    reads: Sequence[Reads]
    fixed: Mapping[Parameter, float] = field(default_factory=dict)

    @cached_property
    def measured(self) -> Array:
        """Seconds of a step, or bytes."""
        return np.array([run.bytes if self.memory else run.seconds for run in self.runs], dtype=float)

    @property
    def teachers(self) -> list[str]:
        """Sources that the fit is made on."""
        return sorted({run.source for run in self.taught})

    @property
    def taught(self) -> list[Measured]:
        """Runs that the fit is made on."""
        return [run for run in self.runs if not self._silent(run)]

    def point(self, values: Array) -> Point:
        """Return the point at which the free parameters have `values`."""
        return Point((*self.parameters, *self.fixed), np.concatenate([values, list(self.fixed.values())]))

    def predict(self, point: Point) -> Array:
        """Return the prediction of every run."""
        return self._predict(self.groups, point)

    def errors(self, point: Point) -> Array:
        """log(predicted / measured) of every run."""
        found: Array = np.log(self.predict(point) / self.measured)
        return found

    def places(self, parameter: Parameter) -> Array:
        """Places of the runs whose prediction reads `parameter`."""
        found = [group.index for group, reads in zip(self.groups, self.reads, strict=True) if reads.moved_by(parameter)]
        return np.concatenate([np.array([], dtype=int), *found])

    def derivatives(self, values: Array) -> Array:
        """d log(prediction) / d log(parameter), (runs, parameters); only runs that read a parameter are predicted anew."""
        start = np.log(self.predict(self.point(values)))
        found = np.zeros((len(self.runs), len(values)))
        for column, parameter in enumerate(self.parameters):
            places = self.places(parameter)
            if not len(places):
                continue
            moved = values.copy()
            moved[column] *= np.exp(STEP)
            groups = [group for group, reads in zip(self.groups, self.reads, strict=True) if reads.moved_by(parameter)]
            changed = self._predict(groups, self.point(moved))[places]
            found[places, column] = (np.log(changed) - start[places]) / STEP
        return found

    def fit(self, start: Array | None = None, without: str | None = None) -> Array:
        """Values fitted on the runs of sources that teach, from the priors or from `start`, `without` one of the sources."""
        return self._fit(lambda at: self.predict(self.point(at.values)), start, without, self.derivatives)

    def fit_nearby(self, start: Array, derivatives: Array, without: str | None = None) -> Array:
        """The same by predictions that are straight lines, in logarithms, about `start` and once more about what is found."""
        values = start
        for _ in range(NEARBY_ROUNDS):
            values = self._fit(self._linear(values, derivatives), values, without, lambda _: derivatives)
        return values

    def left_out(self, refit: Callable[[str], Array], start: Array) -> Array:
        """log(predicted / measured) of every run, its source left out of the fit; `start` is the fit on all of them."""
        error = self.errors(self.point(start))
        for source in self.teachers:
            own = np.array([run.source == source for run in self.runs])
            error[own] = self.errors(self.point(refit(source)))[own]
        return error

    def holding(self, parameter: Parameter, value: float) -> Problem:
        """Return the same with one parameter held."""
        free = [each for each in self.parameters if each != parameter]
        return replace(self, parameters=free, fixed={**self.fixed, parameter: value})

    def _silent(self, run: Measured) -> bool:
        return run.source in NOT_FITTED or (self.memory and not run.teaches_memory)

    def _fit(
        self, predict: Predict, start: Array | None, without: str | None, derivatives: Callable[[Array], Array]
    ) -> Array:
        silent = [self._silent(run) or run.source == without for run in self.runs]
        weight = np.where(silent, 0.0, weights([run.source for run in self.runs]))
        return fit(self.parameters, predict, self.measured, weight, start, derivatives).values

    def _linear(self, about: Array, derivatives: Array) -> Predict:
        anchor, logs = np.log(self.predict(self.point(about))), np.log(about)
        return lambda at: np.exp(anchor + derivatives @ (np.log(at.values) - logs))

    def _predict(self, groups: Sequence[Group], point: Point) -> Array:
        return (predict_bytes if self.memory else predict_seconds)(groups, len(self.runs), point)


def problem_of(runs: Sequence[Measured], memory: bool) -> Problem:
    """The runs that have the target, with every parameter of it free."""
    chosen = [run for run in runs if (run.bytes if memory else run.seconds) is not None]
    groups = groups_of([each.run for each in chosen])
    return Problem(chosen, memory, MEMORY if memory else TIME, groups, [reads_of(group, memory) for group in groups])
