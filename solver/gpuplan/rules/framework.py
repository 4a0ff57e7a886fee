"""What a framework can run, and which framework a layout stands for when the user names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.layout import adapts_experts, default_framework, obstacle, runs_on
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.performance.layers import AtomKeys
    from gpuplan.performance.states import StateKeys
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_models import Framework


class Supported(Rule):
    """Models, accelerators, degrees, ZeRO stages, recompute, storage and precision that the framework supports."""

    name = "framework"

    def atom_allowed(self, space: Space, framework: Framework, keys: AtomKeys) -> np.ndarray:
        recompute = np.isin(keys.recompute, [RECOMPUTE.index(name) for name in framework.recompute])
        gathers = (keys.gather == 1) | (3 in framework.zero_stages)
        nodes = space.machines.nodes
        vendors = np.array([runs_on(framework, node.accelerator.vendor, space.job) for node in nodes], dtype=bool)
        degrees = self._degrees(framework, keys.tensor, np.ones_like(keys.tensor), keys.expert)
        return recompute & gathers & degrees & vendors[keys.machine]

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        stages = np.isin(keys.zero, framework.zero_stages)
        piped = (keys.pipeline == 1) | np.isin(keys.zero, framework.zero_stages_with_pipeline)
        # With nobody to shard over every ZeRO stage is the same and the lowest stands for all. Experts are sharded over ranks of
        # their own, which TP gives too; but ZeRO-3 gathers over data-parallel ranks.
        shares_experts = space.work.is_mixture & (keys.tensor * keys.data > keys.expert) & (keys.zero < 3)
        sharded = (keys.data > 1) | shares_experts | (keys.zero == min(space.values.zero))
        degrees = self._degrees(framework, keys.tensor, keys.pipeline, keys.expert)
        even = (space.work.layer_count % keys.pipeline == 0) | framework.pipeline_uneven
        runs = obstacle(framework, space.job) is None
        default = np.ones(len(keys), dtype=bool)
        if space.job.framework is None:
            parallel = keys.tensor * keys.pipeline * keys.expert > 1
            names = (default_framework(space.job, model_parallel) for model_parallel in (True, False))
            default = np.asarray(np.where(parallel, *names) == framework.name)
        return stages & piped & sharded & degrees & even & default & runs

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
            _what_it_lacks(plan): obstacle(framework, plan.job) is None,
            f"accelerators of a maker for whom {framework.title} cannot run the job": runs_on(
                framework, plan.offer.node.accelerator.vendor, plan.job
            ),
            f"pipeline stages of unequal length, which {framework.title} lacks": framework.pipeline_uneven
            or plan.job.architecture.layer_count % layout.pipeline == 0,
            f"parallelism that {framework.title} lacks": bool(
                self._degrees(framework, *(np.array(d) for d in (layout.tensor, layout.pipeline, layout.expert)))
            ),
        }
        return [Quantity(self.name, name, float(not held), 0, "count") for name, held in holds.items()]


def _what_it_lacks(plan: Plan) -> str:
    """Name of the quantity that says whether the framework runs the job, with the reason where it does not."""
    title, experts = plan.framework.title, adapts_experts(plan.job)
    kinds = "methods, models, precisions, optimizers or storages" + (" or adapters on experts" if experts else "")
    reason = obstacle(plan.framework, plan.job)
    return f"{kinds} that {title} lacks" + (f" ({reason})" if reason else "")
