"""Layouts that have been shown already are not shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework


class Shown(Rule):
    """The degrees (TP, PP, DP, CP, EP) are none of those of the plans that an alternative must differ from."""

    name = "shown"

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        allowed = np.ones(len(keys), dtype=bool)
        degrees = (keys.tensor, keys.pipeline, keys.data, keys.context, keys.expert)
        for shown in space.job.limits.exclude_layouts:
            same = [column == degree for column, degree in zip(degrees, shown, strict=True)]
            allowed &= ~np.logical_and.reduce(same)
        return allowed

    def quantities(self, plan: Plan) -> list[Quantity]:
        shown = plan.job.limits.exclude_layouts
        return (
            [Quantity(self.name, "layouts shown before", float(plan.layout.degrees in shown), 0, "count")]
            if shown
            else []
        )
