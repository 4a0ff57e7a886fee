"""The job is done before the deadline, at the asked confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.clusters import Clusters
    from gpuplan.plan import Plan
    from gpuplan.space import Space


class Deadline(Rule):
    """``clock(nodes) + slope(nodes) * factor * training <= deadline``, as a bound on the training time."""

    name = "deadline"
    rounded = True

    def training_cap(self, space: Space, clusters: Clusters, factor: float) -> np.ndarray:
        deadline = space.job.limits.deadline_seconds
        if deadline is None:
            return super().training_cap(space, clusters, factor)
        sure = clusters.sure
        return (deadline + sure.head_start_seconds - sure.wall_fixed) / (sure.wall_slope * factor)

    def quantities(self, plan: Plan) -> list[Quantity]:
        needed = plan.deadline_clock_seconds(plan.step_factor, plan.deviations)
        return [Quantity(self.name, "time to the deadline", needed, plan.job.limits.deadline_seconds, "seconds")]
