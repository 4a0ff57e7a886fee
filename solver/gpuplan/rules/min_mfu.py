"""The user's least utilisation of what is rented: at the point estimate, of all GPUs that are paid for, idle ones included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.performance.predict import model_flops
from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.clusters import Clusters
    from gpuplan.plan import Plan
    from gpuplan.space import Space


def utilisation(plan: Plan) -> float:
    """Model FLOP of the job's sequences over what all rented GPUs of a trial could do in its training time: a share of the peak.

    ``MFU = F / (training * peak * GPUs)``; steps that are not quite full count with what is in them.
    """
    full = plan.steps * plan.layout.global_batch
    return plan.prediction.model_flops_utilisation * plan.layout.gpus / plan.gpus * plan.job.sequences / full


class MinMfu(Rule):
    """``training <= F / (least * peak * GPUs rented)``, as a bound on the training time.

    The factor of confidence does not count: the limit is on the expected time.
    """

    name = "min_mfu"
    rounded = True

    def training_cap(self, space: Space, clusters: Clusters, factor: float) -> np.ndarray:
        least = space.job.limits.min_mfu
        if least is None:
            return super().training_cap(space, clusters, factor)
        flops = model_flops(space.work, float(space.job.training_tokens))
        peak = float(space.machines.peak_flops[space.machine_of_offer[clusters.offer]])
        return np.asarray(flops / (least * peak * clusters.gpus))

    def quantities(self, plan: Plan) -> list[Quantity]:
        least = plan.job.limits.min_mfu
        if least is None:
            return []
        return [Quantity(self.name, "utilisation of the rented GPUs (MFU)", least, utilisation(plan), "share")]
