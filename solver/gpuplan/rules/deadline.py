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
        tables = builder.tables
        for offer in range(tables.offers):
            for size in tables.sizes_of(offer):
                for factor in tables.factors:
                    builder.training_at_most(
                        int(tables.deadline_cap(offer, size, factor)),
                        when=[builder.offer[offer], builder.size[size], builder.factor[factor]],
                    )

    def quantities(self, plan: Plan) -> list[Quantity]:
        needed = plan.deadline_clock_seconds(plan.step_factor)
        return [Quantity(self.name, "time to the deadline", needed, plan.job.limits.deadline_seconds, "seconds")]
