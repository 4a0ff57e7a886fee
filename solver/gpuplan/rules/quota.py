"""How many GPUs the user may have at a time, by provider, GPU and region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpuplan.rules.base import Quantity, Rule

if TYPE_CHECKING:
    from gpuplan.job import Limits
    from gpuplan.job import Quota as UserQuota
    from gpuplan.plan import Plan
    from gpuplan.space import Space
    from gpuplan_hardware import Offer


class Quota(Rule):
    """GPUs of all clusters that run at the same time are within each quota that the offer falls under."""

    name = "quota"

    def cluster_allowed(self, space: Space, offer: int, nodes: np.ndarray) -> np.ndarray:
        sold = space.offers[offer]
        limit = quota_gpus(space.job.limits, sold)
        if limit is None:
            return np.ones(len(nodes), dtype=bool)
        return nodes * sold.node.gpus_per_node * space.job.parallel <= limit

    def quantities(self, plan: Plan) -> list[Quantity]:
        limit = quota_gpus(plan.job.limits, plan.offer)
        return [Quantity(self.name, "GPUs of a quota", plan.gpus * plan.job.parallel, limit, "GPUs")]


def quota_gpus(limits: Limits, offer: Offer) -> int | None:
    """The least of the user's quotas that an offer falls under; None where it falls under none."""
    return min((quota.gpus for quota in _over(limits, offer)), default=None)


def quota_words(limits: Limits, offer: Offer) -> str | None:
    """That quota, as it is written: "aws/H100-SXM@us-east-1"; None where there is none."""
    quota = min(_over(limits, offer), key=lambda one: one.gpus, default=None)
    if quota is None:
        return None
    gpus = "" if quota.gpu is None else quota.gpu[0] if len(quota.gpu) == 1 else f"{quota.gpu[0]} and its like"
    place = "" if quota.region is None else f"@{quota.region}"
    return "/".join(part for part in (quota.provider, gpus) if part) + place


def _over(limits: Limits, offer: Offer) -> list[UserQuota]:
    """The quotas that an offer falls under."""
    return [
        quota
        for quota in limits.quotas
        if quota.provider in (None, offer.provider.name)
        and (quota.gpu is None or offer.node.accelerator.name in quota.gpu)
        and quota.region in (None, offer.region)
    ]
