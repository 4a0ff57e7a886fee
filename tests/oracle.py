"""The search oracle: all plans of a small problem, one after the other, against rules and objectives written here once more.

Written from the design's text, so that a mistake of the solver is not repeated: only `predict` is called (as a black box), and the
data classes `Job`, `Layout` and `Offer` are read. Of the solver's own code it shares the values of named constants
(`oracle_formulas`) and the candidate values of the decisions, so that both look at the same lattice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gpuplan.job import Job, Limits
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.spot import MOST_STOPS
from gpuplan.performance.workload import Workload
from gpuplan.values import candidate_values
from gpuplan_hardware import Node, Offer
from oracle_formulas import Formulas
from oracle_layouts import Candidate, Layouts
from oracle_selection import SELECTION, computes, left_out_by, quotas
from oracle_structure import STRUCTURE

#: The rules about the cluster, the user's about the layout, those that need the prediction, and all beside the selection's.
CLUSTER = ("max_gpus", "max_nodes", "offer_nodes", "node_counts", "quota", "interruptions")
ASKED = ("max_tensor", "exclude_layouts")
MEASURED = ("host", "memory", "deadline", "budget", "min_mfu")
RULES = (*STRUCTURE, *CLUSTER, *ASKED, *MEASURED)
#: A value that is better by a smaller share is not better: two evaluations of one formula differ by less.
BETTER = 1e-6
#: Two values that differ by less than this share are a tie.
TIE = 1e-9


@dataclass(frozen=True)
class Evaluated:
    """A plan with its quantities and every rule that it breaks.

    Money and time are at the point estimate, and at the job's confidence where the name says so; the utilisation is that of the
    rented GPUs by the job's sequences, at the point estimate. `distance` is the relative distance to the nearest limit that is
    compared in floating point.
    """

    offer: Offer
    candidate: Candidate
    gpus: int
    memory_bytes: float
    offloaded_bytes: float
    utilisation: float
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

    @property
    def tensor(self) -> int:
        return self.candidate.layout.tensor

    def value(self, quantity: str) -> float:
        """Value of an objective, or of another quantity."""
        return float(getattr(self, quantity))

    def values(self, objectives: Sequence[str]) -> tuple[float, ...]:
        return tuple(self.value(name) for name in objectives)


@dataclass(frozen=True)
class Answer:
    """Best plan (None: there is none) with its values, and `Evaluated.distance` of the plan that is nearest to a limit."""

    values: tuple[float, ...] | None
    best: Evaluated | None
    distance: float

    @property
    def value(self) -> float | None:
        """Value of the first objective."""
        return None if self.values is None else self.values[0]


class Oracle:
    """All plans of `job` over `offers`."""

    def __init__(self, job: Job, offers: Iterable[Offer], like: Oracle | None = None) -> None:
        """With `like`, the oracle of the same job and the same machines under other limits, memories and hosts: keep what it knows."""
        self.job, self.formulas = job, Formulas(job)
        self.offers = [offer for offer in offers if computes(offer.node, job.precision)]
        self._words = {offer.id: left_out_by(job, offer) for offer in self.offers}
        if like is None:
            unlimited = replace(job, limits=Limits())
            self.layouts = Layouts(job, candidate_values(unlimited, [offer.node for offer in self.offers]))
            self._predictions: dict[object, Prediction] = {}
        else:
            self.layouts, self._predictions = like.layouts, like._predictions

    def under(self, limits: Limits) -> Oracle:
        """The same problem under other limits; what has been predicted is kept."""
        return Oracle(replace(self.job, limits=limits), self.offers, self)

    @property
    def objectives(self) -> tuple[str, ...]:
        return self.job.objectives

    # -- quantities --------------------------------------------------------------------------------------------------------
    def predict(self, node: Node, candidate: Candidate) -> Prediction:
        """The black box, asked once."""
        key = (node.provider, node.name, candidate.layout)
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
        steps, batch = math.ceil(job.sequences / candidate.layout.global_batch), candidate.layout.global_batch
        training = steps * prediction.step_seconds
        sure = training * formulas.factor(prediction.step_width)
        time_sure, cost_sure = (
            formulas.wall(offer, nodes, sure, sure=True),
            formulas.cost(offer, nodes, sure, sure=True),
        )
        deadline_clock = time_sure - formulas.before_start(offer)
        memory = prediction.memory_bytes * formulas.factor(prediction.memory_width)
        gpus, used = nodes * node.gpus_per_node, candidate.layout.gpus
        filled = job.sequences / (steps * batch)
        utilisation = prediction.model_flops_utilisation * filled * used / gpus
        least = job.limits.min_mfu
        needs = {
            "memory": (memory, node.accelerator.usable_memory_bytes),
            "deadline": (deadline_clock, job.limits.deadline_seconds),
            "budget": (cost_sure, job.limits.budget_usd),
            "min_mfu": (0.0 if least is None else least, None if least is None else utilisation),
            "host": (formulas.ram_bytes(node, nodes, used, prediction.host_bytes), node.host.ram_bytes),
        }
        given = {rule: (need, limit) for rule, (need, limit) in needs.items() if limit is not None}
        broken = self.breaks_before(offer, candidate) | {rule for rule, (need, limit) in given.items() if need > limit}
        return Evaluated(
            offer=offer,
            candidate=candidate,
            gpus=gpus,
            memory_bytes=memory,
            offloaded_bytes=prediction.host_bytes,
            utilisation=utilisation,
            cost=formulas.cost(offer, nodes, training),
            cost_at_confidence=cost_sure,
            time=formulas.wall(offer, nodes, training),
            time_at_confidence=time_sure,
            deadline_clock=deadline_clock,
            broken=frozenset(broken),
            distance=min(abs(need / limit - 1) for need, limit in given.values()),
        )

    def breaks_before(self, offer: Offer, candidate: Candidate) -> frozenset[str]:
        """Words of the selection and rules that a plan breaks, as far as they need no prediction."""
        limits, layout, nodes = self.job.limits, candidate.layout, candidate.nodes
        at_once = nodes * self.job.parallel
        degrees = (layout.tensor, layout.pipeline, layout.data, layout.context, layout.expert)
        unlinked = layout.offload != "none" and offer.node.accelerator.host_link_bytes_per_second is None
        breaks = {
            "host": unlinked or not self.formulas.host_suffices(offer, nodes),
            "max_gpus": limits.max_gpus is not None and at_once * offer.node.gpus_per_node > limits.max_gpus,
            "max_nodes": limits.max_nodes is not None and at_once > limits.max_nodes,
            "offer_nodes": at_once > offer.max_nodes,
            "quota": any(at_once * offer.node.gpus_per_node > gpus for gpus in quotas(limits, offer)),
            "interruptions": self.formulas.stops(offer, nodes) > MOST_STOPS,
            "node_counts": limits.node_counts is not None and nodes not in limits.node_counts,
            "max_tensor": limits.max_tensor is not None and layout.tensor > limits.max_tensor,
            "exclude_layouts": degrees in limits.exclude_layouts,
        }
        return candidate.broken | self._words[offer.id] | {rule for rule, broken in breaks.items() if broken}

    # -- answers -----------------------------------------------------------------------------------------------------------
    @cached_property
    def plans(self) -> list[Evaluated]:
        """Plans in the selection that break no rule of structure or of the cluster and at most one that is measured."""
        asked = [offer for offer in self.offers if not self._words[offer.id]]
        pairs = ((offer, candidate) for offer in asked for candidate in self.layouts.on(offer.node))
        whole = [(offer, candidate) for offer, candidate in pairs if not self.breaks_before(offer, candidate)]
        return [plan for offer, candidate in whole if len((plan := self.evaluate(offer, candidate)).broken) <= 1]

    def solve(self, *objectives: str, without: str = "") -> Answer:
        """Best plan by the job's objectives, or others, under all rules, or under all but one of `MEASURED`."""
        names = objectives or self.objectives
        allowed = [plan for plan in self.plans if plan.broken <= {without}]
        nearest = min((plan.distance for plan in self.plans), default=math.inf)
        if not allowed:
            return Answer(None, None, nearest)
        best = first(allowed, names)
        return Answer(best.values(names), best, nearest)

    def binds(self, rule: str, tries: int = 40) -> bool:
        """Whether the answer changes without `rule`: a plan that breaks it alone is better, or is the only one.

        Of the plans that break a rule that needs no prediction, `tries` are evaluated, those most like the best plan first; so "no"
        may be wrong, "yes" never is.
        """
        best = self.solve()
        if rule in MEASURED and self._better(self.solve(without=rule).values, best.values):
            return True
        plans = (self.evaluate(*pair) for pair in self._breaking(rule, best.best)[:tries])
        return any(plan.broken == {rule} and self._better(plan.values(self.objectives), best.values) for plan in plans)

    def _breaking(self, rule: str, best: Evaluated | None) -> list[tuple[Offer, Candidate]]:
        most = int(rule in STRUCTURE)
        found: Iterator[tuple[Offer, Candidate]] = (
            (offer, candidate)
            for offer in self.offers
            if self._words[offer.id] <= {rule}
            for candidate in self.layouts.on(offer.node, most)
            if candidate.broken <= {rule}
        )
        broken = [(offer, candidate) for offer, candidate in found if self.breaks_before(offer, candidate) == {rule}]
        return sorted(broken, key=lambda pair: _unlike(pair[0], pair[1], best))

    def _better(self, values: tuple[float, ...] | None, than: tuple[float, ...] | None) -> bool:
        """Whether values are better, the first that differ deciding."""
        if values is None or than is None:
            return values is not None
        differing = [(a, b) for a, b in zip(values, than, strict=True) if abs(a - b) > BETTER * b]
        return bool(differing) and differing[0][0] < differing[0][1]


def first(plans: Sequence[Evaluated], objectives: Sequence[str]) -> Evaluated:
    """The best plan: by the objectives, then cost, GPUs, time, the plainer layout, the offer's name."""
    for name in (*objectives, "cost", "gpus", "time"):
        least = min(plan.value(name) for plan in plans)
        plans = [plan for plan in plans if plan.value(name) <= least * (1 + TIE)]
    return min(plans, key=lambda plan: (plan.candidate.layout.plainness(), plan.offer.id))


def _unlike(offer: Offer, candidate: Candidate, best: Evaluated | None) -> tuple[object, ...]:
    """Sort key: number of decisions that differ from the best plan's; where there is none, the price."""
    layout = candidate.layout
    if best is None:
        return (offer.price_usd_per_hour * candidate.nodes, layout.plainness())
    other = best.candidate.layout
    differ = sum(getattr(layout, name) != getattr(other, name) for name in layout.__dataclass_fields__)
    return (differ + (offer.id != best.offer.id), layout.plainness())


__all__ = ["ASKED", "CLUSTER", "MEASURED", "RULES", "SELECTION", "Answer", "Evaluated", "Oracle", "first"]
