"""The job is done before the deadline, at the asked confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.plan import Plan


class Deadline(Rule):
    """``clock(nodes) + slope(nodes) * factor * training <= deadline``, as a bound on the training time."""

    name = "deadline"
    rounded = True

    def post(self, builder: Builder) -> None:
        if builder.job.limits.deadline_seconds is None:
            return
        for offer, size, factor, when in builder.clusters(builder.confidence_factors()):
            builder.training_at_most(builder.tables.deadline_cap(offer, size, factor), when=when)

    def quantities(self, plan: Plan) -> list[Quantity]:
        needed = plan.deadline_clock_seconds(plan.step_factor)
        return [Quantity(self.name, "time to the deadline", needed, plan.job.limits.deadline_seconds, "seconds")]
