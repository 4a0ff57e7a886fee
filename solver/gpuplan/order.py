"""Which of two plans is better: the objectives in turn, then cost, GPUs and time, each with a hair of tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpuplan.clusters import Clusters, Rented
from gpuplan.objectives import Objective, objectives

Array = np.ndarray

#: Two values that differ by less than this share are a tie.
TIE = 1e-9
#: What decides among plans of the same value, in turn.
TIE_BREAKERS = ("cost", "gpus", "time")


@dataclass(frozen=True)
class Order:
    """A lexicographic order of plans."""

    levels: tuple[Objective, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> Order:
        """The objectives of that name, then the tie-breakers."""
        known = objectives()
        return cls(tuple(known[name] for name in dict.fromkeys((*names, *TIE_BREAKERS))))

    @property
    def primary(self) -> Objective:
        """What is minimised first."""
        return self.levels[0]

    def value(self, level: int, clusters: Clusters, index: Array, training: Array, factor: Array) -> Array:
        """Value of one level for candidates on clusters at `index`. Lower bounds in, lower bounds out."""
        objective = self.levels[level]
        sure = objective.at_confidence
        return objective.of(Rented(clusters.counted(sure), index, training * factor if sure else training))

    def hopeful(
        self, best: Sequence[float], clusters: Clusters, index: Array, training: Array, factor: Array, first: Array
    ) -> Array:
        """Mask of rows that may be as good as `best`, given lower bounds of their training time; `first` is their first level."""
        mask = first <= best[0] * (1 + TIE)
        tied = np.flatnonzero(mask & (first >= best[0] * (1 - TIE)))
        for level in range(1, min(len(self.levels), len(best))):
            if not len(tied):
                break
            values = self.value(level, clusters, index[tied], training[tied], factor[tied])
            mask[tied[values > best[level] * (1 + TIE)]] = False
            tied = tied[np.abs(values - best[level]) <= best[level] * TIE]
        return np.asarray(mask)

    def best_of(self, clusters: Clusters, index: Array, training: Array, factor: Array) -> tuple[Array, list[float]]:
        """Rows that no other one beats, and their values."""
        rows, best = np.arange(len(training)), []
        for level in range(len(self.levels)):
            values = self.value(level, clusters, index[rows], training[rows], factor[rows])
            best.append(float(values.min()))
            rows = rows[values <= best[-1] * (1 + TIE)]
        return rows, best


def compare(left: Sequence[float], right: Sequence[float]) -> int:
    """-1 where `left` is better, 1 where `right` is, 0 where they tie."""
    for one, other in zip(left, right, strict=True):
        if abs(one - other) > max(abs(one), abs(other)) * TIE:
            return -1 if one < other else 1
    return 0
