"""Everything on the worst GPU fits into its usable memory, at the asked confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.performance import interval
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.build import Builder
    from gpuplan.plan import Plan


class Memory(Rule):
    """``states + max(activations + logits, the optimizer's temporaries) <= usable / factor`` for each representative stage."""

    name = "memory"
    rounded = True

    def post(self, builder: Builder) -> None:
        tables = builder.tables
        for atom in range(tables.atoms):
            for stage in range(3):
                held = [
                    builder.shape_sum(tables.activation_bytes(atom, stage), atom),
                    builder.state_sum(tables.state_bytes(atom, stage), atom),
                ]
                stepping = [builder.state_sum(tables.stepping_bytes(atom, stage), atom)]
                for sums in (held, stepping):
                    builder.at_most(sums, int(tables.capacity_bytes[atom]), when=[builder.atom[atom]], why="memory")

    def quantities(self, plan: Plan) -> list[Quantity]:
        prediction = plan.prediction
        factor = interval.factor(prediction.memory_width, plan.job.confidence)
        return [
            Quantity(
                self.name,
                "memory of the worst GPU",
                prediction.memory_bytes * factor,
                prediction.usable_memory_bytes,
                "bytes",
            )
        ]
