"""What a framework can run, and which framework a layout stands for when the user names none."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import numpy as np

from gpuplan.layout import OFFLOAD, adapts_experts, default_framework, obstacle, runs_on
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.performance.states import OPTIMIZER, PARAMETERS
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
        streams = ~keys.streamed | ("parameters" in framework.offload)
        nodes = space.machines.nodes
        vendors = np.array([runs_on(framework, node.accelerator.vendor, space.job) for node in nodes], dtype=bool)
        degrees = _degrees(framework, keys.tensor, 1, keys.expert, keys.expert_tensor, keys.context)
        return recompute & gathers & streams & degrees & vendors[keys.machine]

    def state_allowed(self, space: Space, framework: Framework, keys: StateKeys) -> np.ndarray:
        stages = np.isin(keys.zero, framework.zero_stages)
        piped = (keys.pipeline == 1) | np.isin(keys.zero, framework.zero_stages_with_pipeline)
        degrees = _degrees(framework, keys.tensor, keys.pipeline, keys.expert, keys.expert_tensor, keys.context)
        even = (space.work.layer_count % keys.pipeline == 0) & (keys.lighter == 0)
        runs = obstacle(framework, space.job) is None
        default = np.ones(len(keys), dtype=bool)
        if space.job.framework is None:
            parallel = (keys.tensor * keys.pipeline * keys.expert_ranks * keys.context) > 1
            names = (default_framework(space.job, model_parallel) for model_parallel in (True, False))
            default = np.asarray(np.where(parallel, *names) == framework.name)
        away = np.isin(keys.offload, [OFFLOAD.index(name) for name in framework.offload])
        sharded = self._sharded(space, keys)
        return stages & piped & sharded & degrees & (even | framework.pipeline_uneven) & default & away & runs

    def _sharded(self, space: Space, keys: StateKeys) -> np.ndarray:
        """Parameters go to the host with ZeRO-3, the optimizer alone with a lower stage that shards it.

        With nobody to shard over every ZeRO stage is the same and the lowest stands for all. Experts are sharded over ranks of
        their own, which TP gives too; but ZeRO-3 gathers over data-parallel ranks.
        """
        among_experts = space.work.is_mixture & (keys.tensor * keys.ranks > keys.expert_ranks) & (keys.zero < 3)
        shared = (keys.ranks > 1) | among_experts
        optimizer = np.where(shared, np.isin(keys.zero, (1, 2)), keys.zero < 3)
        lowest = keys.zero == min(space.values.zero)
        return np.asarray(
            np.where(
                keys.offload == PARAMETERS,
                keys.zero == 3,
                (shared | lowest) & (optimizer | (keys.offload != OPTIMIZER)),
            )
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
            or (plan.job.architecture.layer_count % layout.pipeline == 0 and layout.lighter == "none"),
            f"parallelism that {framework.title} lacks": bool(
                _degrees(framework, layout.tensor, layout.pipeline, layout.expert, layout.expert_tensor, layout.context)
            ),
            f"virtual pipeline stages, which {framework.title} lacks": layout.virtual == 1 or framework.interleaved,
            f"offloading that {framework.title} lacks, or not with ZeRO-{layout.zero}": _offloads(plan),
        }
        return [Quantity(self.name, name, float(not held), 0, "count") for name, held in holds.items()]


def _degrees(framework: Framework, tensor: Any, pipeline: Any, expert: Any, expert_tensor: Any, context: Any) -> Any:
    """Whether the framework has what degrees above 1 (numbers or arrays) need."""
    allowed = (
        (tensor, framework.tensor_parallel),
        (pipeline, framework.pipeline_parallel),
        (expert, framework.expert_parallel),
        (expert_tensor, framework.expert_tensor_parallel),
        (context, framework.context_parallel),
    )
    return reduce(and_, ((np.asarray(degree) == 1) | able for degree, able in allowed))


def _offloads(plan: Plan) -> bool:
    """Whether the framework can keep that on the host, with the layout's ZeRO stage."""
    layout = plan.layout
    ranks = layout.data * layout.context
    experts = plan.job.architecture.routed_experts and layout.tensor * ranks > layout.expert * layout.expert_tensor
    sharded = layout.zero > 0 or not (ranks > 1 or experts)
    stage = {"none": True, "optimizer": layout.zero < 3 and sharded, "parameters": layout.zero == 3}
    return layout.offload in plan.framework.offload and stage[layout.offload]


def _what_it_lacks(plan: Plan) -> str:
    """Name of the quantity that says whether the framework runs the job, with the reason where it does not."""
    title, experts = plan.framework.title, adapts_experts(plan.job)
    kinds = "methods, models, precisions, optimizers or storages" + (" or adapters on experts" if experts else "")
    reason = obstacle(plan.framework, plan.job)
    return f"{kinds} that {title} lacks" + (f" ({reason})" if reason else "")
