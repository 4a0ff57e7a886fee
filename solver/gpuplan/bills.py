"""What CP-SAT sees of bills and clocks: integers, rounded up, in 2^-34 of the largest value of interest."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpuplan.clusters import Clusters
from gpuplan.performance.clock import STEP_NOISE

TRAINING_BITS = 30
MONEY_BITS = 34
#: Largest product of a slope and the training time; with the fixed part an activity stays below 2^53.
ACTIVITY_BITS = 51
#: Finest unit in which billing steps are counted, and the usual one of a slope.
STEPS_BITS, SLOPE_BITS = 45, 16


@dataclass(frozen=True)
class Bills:
    """Bill and wall clock of clusters (by size, for each offer), linear in training units.

    `horizon_seconds`, `cost_limit_usd` and `wall_limit_seconds` are the largest training time, bill and wall clock of interest.
    ``sure=True`` counts the reserve for interruptions.
    """

    clusters: list[Clusters]
    horizon_seconds: float
    cost_limit_usd: float
    wall_limit_seconds: float

    @property
    def cost_unit_usd(self) -> float:
        return self.cost_limit_usd / 2**MONEY_BITS

    @property
    def wall_unit_seconds(self) -> float:
        return self.wall_limit_seconds / 2**MONEY_BITS

    @property
    def horizon(self) -> int:
        """Largest bill, and largest wall clock, in their units."""
        return 2**MONEY_BITS + 2 ** (MONEY_BITS - 10)

    def cost_terms(self, offer: int, size: int, factor: float, sure: bool = False) -> tuple[int, int, int]:
        """``scale * cost >= slope * training + fixed`` in cost units: (scale, slope, fixed); `sure` counts the reserve."""
        each = self.clusters[offer].counted(sure)
        fixed = float(each.cost_fixed[size] + each.cost_once[size])
        return self._linear(fixed, float(each.cost_slope[size]) * factor, self.cost_unit_usd)

    def least_cost(self, offer: int, size: int) -> int:
        """What is billed at least, in cost units."""
        each = self.clusters[offer]
        return math.ceil(float(each.cost_least[size] + each.cost_once[size]) / self.cost_unit_usd)

    def cost_once(self, offer: int, size: int) -> int:
        """What is paid beside the time, in cost units."""
        return math.ceil(float(self.clusters[offer].cost_once[size]) / self.cost_unit_usd)

    def step_cost(self, offer: int, size: int) -> int:
        """What a billing step costs, in cost units; 0 where time is not billed in steps."""
        return math.ceil(float(self.clusters[offer].cost_step[size]) / self.cost_unit_usd)

    def most_steps(self, offer: int, size: int, factor: float, sure: bool = False) -> int:
        """Billing steps that the longest training or the largest bill of interest holds, and one."""
        each = self.clusters[offer].counted(sure)
        longest = float(each.cost_fixed[size] + each.cost_slope[size] * factor * self.horizon_seconds)
        by_time = math.ceil(longest / float(each.cost_step[size]))
        return min(self.horizon // self.step_cost(offer, size), by_time) + 1

    def step_terms(self, offer: int, size: int, factor: float, sure: bool = False) -> tuple[int, int, int]:
        """``scale * steps >= slope * training + fixed``: (scale, slope, fixed)."""
        each = self.clusters[offer].counted(sure)
        step = float(each.cost_step[size])
        fixed, slope = float(each.cost_fixed[size]), float(each.cost_slope[size]) * factor
        # A hair less, as `in_steps` has it: a bill that is whole in floating point must not need a further step here.
        return self._linear(fixed * (1 - STEP_NOISE), slope * (1 - STEP_NOISE), step, STEPS_BITS)

    def wall_terms(self, offer: int, size: int, factor: float, sure: bool = False) -> tuple[int, int, int]:
        """``scale * wall >= slope * training + fixed`` in wall units: (scale, slope, fixed); `sure` counts the reserve."""
        each = self.clusters[offer].counted(sure)
        return self._linear(float(each.wall_fixed[size]), float(each.wall_slope[size]) * factor, self.wall_unit_seconds)

    def _linear(self, fixed: float, slope: float, unit: float, bits: int = SLOPE_BITS) -> tuple[int, int, int]:
        whole = slope * self.horizon_seconds / unit
        largest = max(whole, fixed / unit, 1.0)
        scale = 2 ** max(0, min(bits, ACTIVITY_BITS - math.ceil(math.log2(largest))))
        return scale, math.ceil(whole / 2**TRAINING_BITS * scale), math.ceil(fixed / unit * scale)
