"""What a framework can run, and which framework a layout stands for when the user names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.layout import default_framework
from gpuplan.performance.layers import RECOMPUTE
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.job import Job
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework


class Supported(Rule):
    """Degrees, ZeRO stages, recompute, storage and precision that the framework supports."""

    name = "framework"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> np.ndarray:
        recompute = np.isin(keys.recompute, [RECOMPUTE.index(name) for name in framework.recompute])
        gathers = (keys.gather == 1) | (3 in framework.zero_stages)
        return recompute & gathers & self._degrees(framework, keys.tensor, np.ones_like(keys.tensor), keys.expert)

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        stages = np.isin(keys.zero, framework.zero_stages)
        piped = (keys.pipeline == 1) | np.isin(keys.zero, framework.zero_stages_with_pipeline)
        # With nobody to shard over every ZeRO stage is the same and the lowest stands for all. Experts are sharded over ranks of
        # their own, which TP gives too; but ZeRO-3 gathers over data-parallel ranks.
        shares_experts = space.work.is_mixture & (keys.tensor * keys.data > keys.expert) & (keys.zero < 3)
        sharded = (keys.data > 1) | shares_experts | (keys.zero == min(space.values.zero))
        degrees = self._degrees(framework, keys.tensor, keys.pipeline, keys.expert)
        runs = _runs(space.job, framework)
        default = np.ones(len(keys), dtype=bool)
        if space.job.framework is None:
            parallel = keys.tensor * keys.pipeline * keys.expert > 1
            names = (default_framework(space.job.method, model_parallel) for model_parallel in (True, False))
            default = np.asarray(np.where(parallel, *names) == framework.name)
        return stages & piped & sharded & degrees & default & runs

    def _degrees(
        self, framework: Framework, tensor: np.ndarray, pipeline: np.ndarray, expert: np.ndarray
    ) -> np.ndarray:
        return (
            ((tensor == 1) | framework.tensor_parallel)
            & ((pipeline == 1) | framework.pipeline_parallel)
            & ((expert == 1) | framework.expert_parallel)
        )

    def quantities(self, plan: Plan) -> list[Quantity]:
        layout, framework = plan.layout, plan.framework
        stages = framework.zero_stages if layout.pipeline == 1 else framework.zero_stages_with_pipeline
        holds = {
            f"ZeRO stages that {framework.title} cannot combine with this layout": layout.zero in stages,
            f"recompute modes that {framework.title} lacks": layout.recompute in framework.recompute,
            f"methods, precisions, optimizers or storages that {framework.title} lacks": _runs(plan.job, framework),
            f"parallelism that {framework.title} lacks": bool(
                self._degrees(framework, *(np.array(d) for d in (layout.tensor, layout.pipeline, layout.expert)))
            ),
        }
        return [Quantity(self.name, name, float(not held), 0, "count") for name, held in holds.items()]


def _runs(job: Job, framework: Framework) -> bool:
    """Whether the framework has the method, computes in the precision and can hold the frozen weights."""
    holds = job.method.trains == "all" or job.weights in framework.frozen_weights
    computes = job.precision in framework.precisions and job.optimizer in framework.optimizers
    return job.method.name in framework.methods and computes and holds
