"""The best schedule that was found, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gpuplan.scheduling.bound import Bound
from gpuplan.scheduling.problem import Problem, Schedule

Stopped = Literal["time limit", "interrupted"]


@dataclass(frozen=True)
class Level:
    """An objective of a schedule: its value, and a bound; both in millionths of a dollar, weighted minutes or minutes."""

    name: str
    value: int | None
    bound: int | None

    @property
    def proved(self) -> bool:
        """Whether nothing is better."""
        return self.value is not None and self.value == self.bound


@dataclass
class Found:
    """The best schedule that was found, and how sure that is."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"] = "unknown"
    schedule: Schedule | None = None
    levels: list[Level] = field(default_factory=list)
    proof: str = ""
    stopped: Stopped | None = None
    reproducible: bool = True
    seconds: float = 0.0
    first_bound: Bound | None = None


class ScheduleError(Exception):
    """A schedule breaks what it must keep, or two proofs contradict each other: an internal error."""


@dataclass
class Search:
    """What the levels of one search share: the problem, and the best schedule so far."""

    problem: Problem
    workers: int
    seed: int
    best: Schedule | None = None
    found: Found = field(default_factory=Found)
