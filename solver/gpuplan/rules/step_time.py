"""The training time is what computing and communicating take: the slowest stage, the exposed exchange, all steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.plan import Plan


class StepTime(Rule):
    """``training >= steps * (stage + x E + rest)`` and ``training >= steps * (stage - window + E + rest)``, for every stage.

    The two inequalities are the exact form of ``max(x E, E - window)``, the exchange E that is not hidden behind a window of
    compute; three stages are the exact form of the slowest one.
    """

    name = "step_time"

    def post(self, builder: Builder) -> None:
        self._stages(builder)
        self._exchange(builder)
        tables = builder.tables
        for batch, shapes in tables.shapes_by_batch().items():
            literal = builder.any_shape(shapes)
            for pipeline, exchange in ((builder.pipeline, builder.hidden), (builder.late_pipeline, builder.exposed)):
                builder.covers_steps(tables.steps(batch), [pipeline, exchange], when=[literal], why="all steps")

    def _stages(self, builder: Builder) -> None:
        tables = builder.tables
        for atom in range(tables.atoms):
            for stage in range(3):
                busy, late = tables.stage_units(atom, stage)
                for variable, units in ((builder.pipeline, busy), (builder.late_pipeline, late)):
                    builder.at_least(variable, builder.shape_sum(units, atom), when=[builder.atom[atom]], why="stages")

    def _exchange(self, builder: Builder) -> None:
        tables = builder.tables
        for machine, literal in builder.machines.items():
            hidden, exposed = tables.exchange_units(machine)
            for variable, units in ((builder.hidden, hidden), (builder.exposed, exposed)):
                builder.at_least(variable, builder.machine_state_sum(units, machine), when=[literal], why="exchange")

    def quantities(self, plan: Plan) -> list[Quantity]:
        parts = sum(plan.prediction.step_parts.values())
        return [
            Quantity(
                self.name, "step time against the sum of its parts", parts, plan.prediction.step_seconds, "seconds"
            )
        ]
