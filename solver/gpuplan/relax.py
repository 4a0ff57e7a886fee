"""What the user has said that can be taken back: limits, decisions, switches; and the least change of each that leads to a plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpuplan.job import Job
from gpuplan.job.pins import FLAGS
from gpuplan.plan import Plan
from gpuplan.result import AlsoLifted
from gpuplan.rules.base import TOLERANCE
from gpuplan.rules.min_mfu import utilisation
from gpuplan.rules.quota import quota_gpus, quota_words
from gpuplan.selection import selected
from gpuplan.verify import quantities
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Limit:
    """A limit on a quantity of a plan, a field of `Limits`.

    Attributes
    ----------
    needs
        What a plan needs of it, in the field's unit; `scale` turns that into `unit`.
    objective
        The objective whose least value is the smallest relaxation; None where there is none.
    kept
        Whether a need obeys a limit.
    """

    name: str
    field: str
    needs: Callable[[Plan], float]
    unit: str
    scale: float = 1.0
    objective: str | None = None
    kept: Callable[[float, Any], bool] = lambda need, limit: need <= limit * (1 + TOLERANCE) + TOLERANCE

    def value(self, job: Job) -> Any:
        """The limit of a job, None where it has none."""
        return getattr(job.limits, self.field)

    def set(self, job: Job, value: Any) -> Job:
        """The job with another limit."""
        return replace(job, limits=replace(job.limits, **{self.field: value}))

    def before(self, plan: Plan) -> float:
        """The limit of the plan's job, as far as it holds for the plan, in `unit`."""
        return float(self.value(plan.job)) * self.scale

    def which(self, plan: Plan) -> str | None:
        """Of several limits of this kind the one that holds the plan, in words; None where there is but one."""
        return None

    def given(self, job: Job) -> bool:
        """Whether the user said it."""
        return self.value(job) is not None

    def lifted(self, job: Job) -> Job:
        """The job without it."""
        return self.set(job, None)

    def lifting(self, job: Job, plan: Plan) -> AlsoLifted | None:
        """What the plan needs of it, None where it obeys it as it is."""
        need = self.needs(plan)
        if self.kept(need, self.value(job)):
            return None
        return AlsoLifted(limit=self.name, to=need * self.scale, unit=self.unit)


def _required(rule: str) -> Callable[[Plan], float]:
    """What a rule requires of a plan."""
    return lambda plan: next(quantity.required for quantity in quantities(plan) if quantity.rule == rule)


def _measured(name: str, field: str, unit: str, objective: str, scale: float = 1.0) -> Limit:
    return Limit(name, field, _required(name), unit, scale, objective)


#: In the order in which the deletion filter tries to lift them.
LIMITS = (
    _measured("deadline", "deadline_seconds", "hours", "time_at_confidence", 1 / 3600),
    _measured("budget", "budget_usd", "USD", "cost_at_confidence"),
    _measured("max_gpus", "max_gpus", "GPUs", "gpus"),
    _measured("max_nodes", "max_nodes", "nodes", "nodes"),
)


class _NodeCounts(Limit):
    """A list of numbers instead of one: what is nearest stands for it."""

    def before(self, plan: Plan) -> float:
        return float(min(self.value(plan.job), key=lambda count: abs(count - plan.nodes)))


class _Quota(Limit):
    """Several limits, of which the offer of a plan decides which hold."""

    def value(self, job: Job) -> Any:
        return job.limits.quotas or None

    def before(self, plan: Plan) -> float:
        least = quota_gpus(plan.job.limits, plan.offer)
        return self.needs(plan) if least is None else float(least)

    def which(self, plan: Plan) -> str | None:
        return quota_words(plan.job.limits, plan.offer)

    def lifted(self, job: Job) -> Job:
        return replace(job, limits=replace(job.limits, quotas=()))

    def lifting(self, job: Job, plan: Plan) -> AlsoLifted | None:
        least, need = quota_gpus(job.limits, plan.offer), self.needs(plan)
        return None if least is None or need <= least else AlsoLifted(limit=self.name, to=need, unit=self.unit)


NODE_COUNTS = _NodeCounts(
    "node_counts",
    "node_counts",
    lambda plan: float(plan.nodes),
    "nodes",
    objective="nodes",
    kept=lambda need, counts: round(need) in counts,
)
QUOTA = _Quota("quota", "quotas", _required("quota"), "GPUs", objective="gpus")
MAX_TP = Limit("max_tp", "max_tensor", _required("max_tp"), "GPUs")
MIN_MFU = Limit(
    "min_mfu", "min_mfu", utilisation, "share", kept=lambda need, least: need * (1 + TOLERANCE) + TOLERANCE >= least
)


@dataclass(frozen=True)
class Pin:
    """A decision that the user has taken, by the name of its flag; `of` is what a plan decides."""

    name: str
    field: str
    of: Callable[[Plan], object]

    def given(self, job: Job) -> bool:
        """Whether the user said it."""
        return getattr(job.pins, self.field) is not None

    def lifted(self, job: Job) -> Job:
        """The job without it."""
        return replace(job, pins=replace(job.pins, **{self.field: None}))

    def lifting(self, job: Job, plan: Plan) -> AlsoLifted | None:
        """None where the plan decides the same."""
        same = self.of(plan) == getattr(job.pins, self.field)
        return None if same else AlsoLifted(limit=self.name, to=1, unit="switch")


_DECIDED: dict[str, Callable[[Plan], object]] = {
    "offer": lambda plan: plan.offer.id,
    "nodes": lambda plan: plan.nodes,
    "gpus": lambda plan: plan.layout.gpus,
    "tensor_parallel": lambda plan: plan.layout.tensor,
    "pipeline_parallel": lambda plan: plan.layout.pipeline,
    "virtual_pipeline": lambda plan: plan.layout.virtual,
    "data_parallel": lambda plan: plan.layout.data,
    "context_parallel": lambda plan: plan.layout.context,
    "expert_parallel": lambda plan: plan.layout.expert,
    "expert_tensor_parallel": lambda plan: plan.layout.expert_tensor,
    "lighter": lambda plan: plan.layout.lighter,
    "zero_stage": lambda plan: plan.layout.zero,
    "micro_batch": lambda plan: plan.layout.micro_batch,
    "recompute": lambda plan: plan.layout.recompute,
    "offload": lambda plan: plan.layout.offload,
}
PINS = tuple(Pin(FLAGS[field], field, of) for field, of in _DECIDED.items())

Given = Limit | Pin


def given(job: Job) -> tuple[Given, ...]:
    """Limits and decisions that the user has stated, in the order in which they are lifted."""
    every: tuple[Given, ...] = (*LIMITS, QUOTA, NODE_COUNTS, MAX_TP, MIN_MFU, *PINS)
    return tuple(item for item in every if item.given(job))


def without(job: Job, lifted: Collection[Given]) -> Job:
    """The job with limits and decisions out of force."""
    for item in lifted:
        job = item.lifted(job)
    return job


def needed(job: Job, plan: Plan, lifted: Sequence[Given]) -> list[AlsoLifted]:
    """What a plan needs of those that it does not keep."""
    return [change for item in lifted if (change := item.lifting(job, plan)) is not None]


def in_time(plan: Plan) -> Plan:
    """The plan of a job whose deadline is what the plan needs, where that is more than was asked: its chance is that of the change."""
    limits, needs = plan.job.limits, plan.deadline_clock_seconds(plan.step_factor, plan.deviations)
    if limits.deadline_seconds is None or needs <= limits.deadline_seconds:
        return plan
    return replace(plan, job=replace(plan.job, limits=replace(limits, deadline_seconds=needs)))


def without_wait(job: Job, offers: Sequence[Offer]) -> list[Offer]:
    """Offers in the selection as a deadline from the start sees them: the wait before it does not count."""
    return [replace(offer, lead_time_seconds=0.0) for offer in offers if selected(job, offer)]


@dataclass(frozen=True)
class Switch:
    """A change of what the user asked about, beside limits: it is off unless `on` of the job is the job itself.

    `reason` is what `space.outside` calls the offers that it lets in; None where it lets in what the rules refuse.
    """

    name: str
    on: Callable[[Job], Job]
    reason: str | None

    @property
    def changes_precision(self) -> bool:
        """Whether it asks for another format, which may be in the way of other switches."""
        return self.name.startswith("precision")


def _limit_switch(name: str, value: Any, reason: str | None) -> Switch:
    return Switch(name, lambda job: replace(job, limits=replace(job.limits, **{name: value})), reason)


def _precision_switch(before: str, after: str) -> Switch:
    """The next format that more accelerators compute in."""
    change = lambda job: replace(job, precision=after) if job.precision == before else job  # noqa: E731
    return Switch(f"precision_{after}", change, "precision")


SWITCHES = {
    switch.name: switch
    for switch in (
        _limit_switch("allow_unknown_host", True, None),
        _limit_switch("marketplace", True, "marketplace"),
        _limit_switch("deadline_from", "start", "lead_time"),
        _limit_switch("available_within_seconds", None, "lead_time"),
        _limit_switch("providers", None, "provider"),
        _limit_switch("exclude_providers", (), "provider"),
        _limit_switch("regions", None, "region"),
        _limit_switch("exclude_regions", (), "region"),
        _limit_switch("residency", None, "residency"),
        _limit_switch("nvswitch_only", False, "nvswitch"),
        _precision_switch("fp8", "bf16"),
        _precision_switch("bf16", "fp16"),
    )
}
