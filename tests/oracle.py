"""The search oracle: all plans of a small problem, one after the other, against rules and objectives written here once more.

Written from the design's text, so that a mistake of the solver is not repeated: only `predict` is called (as a black box), and the
data classes `Job`, `Layout` and `Offer` are read. Of the solver's own code it shares the values of named constants
(`oracle_formulas`) and the candidate values of the decisions, so that both look at the same lattice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from gpuplan.job import Job, Limits
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.workload import Workload
from gpuplan.space import candidate_values
from gpuplan_hardware import Node, Offer
from oracle_formulas import Formulas
from oracle_layouts import STRUCTURE, Candidate, Layouts

#: The rules about the cluster, those that need the prediction, and all.
CLUSTER = ("host", "max_gpus", "max_nodes", "offer_nodes")
MEASURED = ("memory", "deadline", "budget")
RULES = (*STRUCTURE, *CLUSTER, *MEASURED)
#: A value that is better by a smaller share is not better: two evaluations of one formula differ by less.
BETTER = 1e-6


@dataclass(frozen=True)
class Evaluated:
    """A plan with its quantities and every rule that it breaks.

    Money and time are at the point estimate, and at the job's confidence where the name says so. `distance` is the relative
    distance to the nearest limit that is compared in floating point.
    """

    offer: Offer
    candidate: Candidate
    gpus: int
    memory_bytes: float
    cost: float
    cost_at_confidence: float
    time: float
    time_at_confidence: float
    deadline_clock: float
    broken: frozenset[str]
    distance: float

    @property
    def nodes(self) -> int:
        return self.candidate.nodes

    def value(self, quantity: str) -> float:
        """Value of an objective, or of another quantity."""
        return float(getattr(self, quantity))

    def order(self, objective: str) -> tuple[object, ...]:
        """The objective, then cost, GPUs, time, the plainer layout, the offer's name."""
        layout = self.candidate.layout
        return (self.value(objective), self.cost, self.gpus, self.time, layout.plainness(), self.offer.id)


@dataclass(frozen=True)
class Answer:
    """Best value and plan (None: there is no plan), and `Evaluated.distance` of the plan that is nearest to a limit."""

    value: float | None
    best: Evaluated | None
    distance: float


class Oracle:
    """All plans of `job` over `offers`."""

    def __init__(self, job: Job, offers: Iterable[Offer]) -> None:
        self.job, self.formulas = job, Formulas(job)
        self.offers = [offer for offer in offers if _asked_for(job, offer) and _computes(offer.node, job.precision)]
        self.layouts = Layouts(job, candidate_values(job, [offer.node for offer in self.offers]))
        self._predictions: dict[object, Prediction] = {}

    def under(self, limits: Limits) -> Oracle:
        """The same problem under other limits on time, money, size and host; what has been predicted is kept."""
        other = Oracle(replace(self.job, limits=limits), self.offers)
        other.layouts, other._predictions = self.layouts, self._predictions
        return other

    # -- quantities --------------------------------------------------------------------------------------------------------
    def predict(self, node: Node, candidate: Candidate) -> Prediction:
        """The black box, asked once."""
        key = (node.provider, node.name, candidate.nodes, candidate.layout)
        if key not in self._predictions:
            self._predictions[key] = predict(self._work, candidate.framework, node, candidate.nodes, candidate.layout)
        return self._predictions[key]

    @cached_property
    def _work(self) -> Workload:
        job = self.job
        return Workload(
            architecture=job.architecture,
            method=job.method,
            precision=job.precision,
            weights=job.weights,
            sequence_length=job.sequence_length,
            optimizer=job.optimizer,
            lora_rank=job.lora_rank,
            lora_targets=job.lora_targets,
        )

    def evaluate(self, offer: Offer, candidate: Candidate) -> Evaluated:
        """All quantities of a plan, and the rules it breaks."""
        job, node, nodes, formulas = self.job, offer.node, candidate.nodes, self.formulas
        prediction = self.predict(node, candidate)
        training = math.ceil(job.sequences / candidate.layout.global_batch) * prediction.step_seconds
        sure = training * formulas.factor(prediction.step_width)
        time_sure, cost_sure = formulas.wall(offer, nodes, sure), formulas.cost(offer, nodes, sure)
        deadline_clock = time_sure - formulas.before_start(offer)
        memory = prediction.memory_bytes * formulas.factor(prediction.memory_width)
        limits = {
            "memory": (memory, node.accelerator.usable_memory_bytes),
            "deadline": (deadline_clock, job.limits.deadline_seconds),
            "budget": (cost_sure, job.limits.budget_usd),
        }
        given = {rule: (need, limit) for rule, (need, limit) in limits.items() if limit is not None}
        return Evaluated(
            offer=offer,
            candidate=candidate,
            gpus=nodes * node.gpus_per_node,
            memory_bytes=memory,
            cost=formulas.cost(offer, nodes, training),
            cost_at_confidence=cost_sure,
            time=formulas.wall(offer, nodes, training),
            time_at_confidence=time_sure,
            deadline_clock=deadline_clock,
            broken=candidate.broken
            | self.cluster_breaks(offer, nodes)
            | {r for r, (n, limit) in given.items() if n > limit},
            distance=min(abs(need / limit - 1) for need, limit in given.values()),
        )

    def cluster_breaks(self, offer: Offer, nodes: int) -> frozenset[str]:
        """Rules of `CLUSTER` that so many nodes for each of the trials at once break."""
        limits, at_once = self.job.limits, nodes * self.job.parallel
        breaks = {
            "host": not self.formulas.host_suffices(offer, nodes),
            "max_gpus": limits.max_gpus is not None and at_once * offer.node.gpus_per_node > limits.max_gpus,
            "max_nodes": limits.max_nodes is not None and at_once > limits.max_nodes,
            "offer_nodes": at_once > offer.max_nodes,
        }
        return frozenset(rule for rule, broken in breaks.items() if broken)

    # -- answers -----------------------------------------------------------------------------------------------------------
    @cached_property
    def plans(self) -> list[Evaluated]:
        """Plans that break no rule of structure or cluster and at most one that is measured."""
        pairs = ((offer, candidate) for offer in self.offers for candidate in self.layouts.on(offer.node))
        whole = [(o, c) for o, c in pairs if not c.broken and not self.cluster_breaks(o, c.nodes)]
        return [plan for offer, candidate in whole if len((plan := self.evaluate(offer, candidate)).broken) <= 1]

    def solve(self, objective: str | None = None, without: str = "") -> Answer:
        """Best plan under all rules, or under all but one of `MEASURED`."""
        name = objective or self.job.objectives[0]
        allowed = [plan for plan in self.plans if plan.broken <= {without}]
        best = min(allowed, key=lambda plan: plan.order(name), default=None)
        nearest = min((plan.distance for plan in self.plans), default=math.inf)
        return Answer(None if best is None else best.value(name), best, nearest)

    def binds(self, rule: str, tries: int = 40) -> bool:
        """Whether the answer changes without `rule`: a plan that breaks it alone is better, or is the only one.

        Of the plans that break a rule of structure or cluster, `tries` are evaluated, those most like the best plan first; so
        "no" may be wrong, "yes" never is.
        """
        best, name = self.solve(), self.job.objectives[0]
        if rule in MEASURED:
            return _better(self.solve(without=rule).value, best.value)
        plans = (self.evaluate(*pair) for pair in self._breaking(rule, best.best)[:tries])
        return any(plan.broken == {rule} and _better(plan.value(name), best.value) for plan in plans)

    def _breaking(self, rule: str, best: Evaluated | None) -> list[tuple[Offer, Candidate]]:
        found = [
            (offer, candidate)
            for offer in self.offers
            for candidate in self.layouts.on(offer.node)
            if candidate.broken <= {rule} and candidate.broken | self.cluster_breaks(offer, candidate.nodes) == {rule}
        ]
        return sorted(found, key=lambda pair: _unlike(pair[0], pair[1], best))


def _better(value: float | None, than: float | None) -> bool:
    return value is not None and (than is None or value < than * (1 - BETTER))


def _unlike(offer: Offer, candidate: Candidate, best: Evaluated | None) -> tuple[object, ...]:
    """Sort key: number of decisions that differ from the best plan's; where there is none, the price."""
    layout = candidate.layout
    if best is None:
        return (offer.price_usd_per_hour * candidate.nodes, layout.plainness())
    other = best.candidate.layout
    names = ("framework", "tensor", "pipeline", "data", "expert", "zero", "micro_batch", "global_batch", "recompute")
    differ = sum(getattr(layout, name) != getattr(other, name) for name in names)
    return (differ + (offer.id != best.offer.id), layout.plainness())


def _asked_for(job: Job, offer: Offer) -> bool:
    """Whether the user's words leave the offer in the question."""
    limits, name = job.limits, offer.node.accelerator.name
    chosen = [
        (offer.provider.name, limits.providers),
        (offer.region, limits.regions),
        (offer.pricing, limits.pricing),
        (name, limits.gpus),
        (offer.id, None if job.pins.offer is None else (job.pins.offer,)),
    ]
    inside = all(allowed is None or word in allowed for word, allowed in chosen)
    inside &= name not in limits.exclude_gpus and (limits.marketplace or not offer.provider.marketplace)
    return inside and offer.node.accelerator.refused is None and _in_time(job, offer)


def _in_time(job: Job, offer: Offer) -> bool:
    """Whether the wait is short enough: what nobody states passes only where neither a limit nor a clock from the order asks."""
    limits, within = job.limits, job.limits.available_within_seconds
    if offer.lead_time_seconds is None:
        return within is None and (limits.deadline_from == "start" or not limits.timed)
    return within is None or offer.lead_time_seconds + job.startup_seconds <= within


def _computes(node: Node, precision: str) -> bool:
    """Whether the GPU multiplies in that precision; with fp8 the rest is done in bf16."""
    peak = node.accelerator.peak_flops
    return precision in peak and (precision != "fp8" or "bf16" in peak)
