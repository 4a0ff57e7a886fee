"""The job is done before the deadline, at the asked confidence; on a frontier also before the plan that was found last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.clusters import Clusters
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Deadline(Rule):
    """``clock(nodes) + slope(nodes) * factor * training <= deadline``, as a bound on the training time.

    The limit on the expected time is the same without factor and reserves, and counts from the order.
    """

    name = "deadline"
    rounded = True

    def training_cap(self, space: Space, clusters: Clusters, factor: float) -> np.ndarray:
        cap, limits = super().training_cap(space, clusters, factor), space.job.limits
        if limits.deadline_seconds is not None:
            sure = clusters.sure
            cap = (limits.deadline_seconds + sure.head_start_seconds - sure.wall_fixed) / (sure.wall_slope * factor)
        if limits.expected_seconds is not None:
            cap = np.minimum(cap, (limits.expected_seconds - clusters.wall_fixed) / clusters.wall_slope)
        return cap

    def quantities(self, plan: Plan) -> list[Quantity]:
        limits, needed = plan.job.limits, plan.deadline_clock_seconds(plan.step_factor, plan.deviations)
        found = [Quantity(self.name, "time to the deadline", needed, limits.deadline_seconds, "seconds")]
        if limits.expected_seconds is not None:
            found.append(Quantity(self.name, "expected time", plan.wall_seconds(), limits.expected_seconds, "seconds"))
        return found
