"""The search oracle: all plans of a small problem, one after the other, against rules and objectives written here once more.

Written from the design's text, so that a mistake of the solver is not repeated: only `predict` is called (as a black box) and the
data classes `Job`, `Layout`, `Offer` are read. The clock, the bill and the needs of the host are written again from their
documented formulas; of those only the values of named constants are shared, and the candidate values of the decisions, so that
both look at the same lattice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from statistics import NormalDist

from gpuplan.host import (
    BYTES_PER_TOKEN_ON_DISK,
    CHECKPOINTS_KEPT,
    HOURS_PER_MONTH,
    RAM_BASE_BYTES,
    RAM_PER_GPU_BYTES,
    SYSTEM_DISK_BYTES,
    VCPUS_BASE,
    VCPUS_PER_GPU,
)
from gpuplan.job import Job, Limits
from gpuplan.layout import Layout
from gpuplan.performance.clock import (
    GPU_HOURS_PER_FAILURE,
    LOAD_BYTES_PER_SECOND,
    RESTART_SECONDS,
    SAVE_BYTES_PER_SECOND,
    WARM_UP_SECONDS,
)
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.workload import Workload
from gpuplan.space import Values, candidate_values
from gpuplan_hardware import Node, Offer
from gpuplan_models import Framework

#: The rules by the name under which `gpuplan` reports them.
STRUCTURE = ("batch", "divisibility", "framework", "topology")
CLUSTER = ("host", "max_gpus", "max_nodes", "offer_nodes")
MEASURED = ("memory", "deadline", "budget")
RULES = (*STRUCTURE, *CLUSTER, *MEASURED)
RECOMPUTE = ("none", "selective", "full")
#: Two floating-point evaluations of one formula differ by less than this share; a real difference is larger.
SAME = 1e-9
_Z90 = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Candidate:
    """A layout on nodes of one shape, and the rules of `STRUCTURE` that it breaks (at most one: more are never of interest)."""

    layout: Layout
    framework: Framework
    nodes: int
    broken: frozenset[str]


@dataclass(frozen=True)
class Evaluated:
    """A plan with its quantities and every rule that it breaks.

    `distance` is the relative distance to the nearest limit that is measured in floating point; money and time are at the point
    estimate, and at the job's confidence where the name says so.
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

    def value(self, objective: str) -> float:
        """Value of the objective with that name."""
        return float(getattr(self, objective))


@dataclass(frozen=True)
class Answer:
    """Best value (None: no plan), a plan that has it, and how near the decision was (`Evaluated.distance` of any plan that counts)."""

    value: float | None
    best: Evaluated | None
    distance: float


class Oracle:
    """All plans of `job` over `offers`."""

    def __init__(self, job: Job, offers: Iterable[Offer], predictions: dict[object, Prediction] | None = None) -> None:
        self.job = job
        self.offers = [offer for offer in offers if _asked_for(job, offer) and _computes(offer.node, job.precision)]
        self._predictions = {} if predictions is None else predictions
        self._structures: dict[tuple[int, bool], list[Candidate]] = {}

    def under(self, limits: Limits) -> Oracle:
        """The same problem under other limits; predictions are kept."""
        other = Oracle(replace(self.job, limits=limits), self.offers, self._predictions)
        other._structures = self._structures
        return other

    @cached_property
    def values(self) -> Values:
        """The candidate values that the solver looks at."""
        return candidate_values(self.job, [offer.node for offer in self.offers])

    # -- enumeration -------------------------------------------------------------------------------------------------------
    def candidates(self, node: Node) -> list[Candidate]:
        """Every layout on nodes of that shape that breaks at most one rule of structure."""
        key = (node.gpus_per_node, node.network is not None)
        if key not in self._structures:
            self._structures[key] = list(self._candidates(*key))
        return self._structures[key]

    def _candidates(self, per_node: int, fabric: bool) -> Iterator[Candidate]:
        v, pins = self.values, self.job.pins
        degrees = product(v.frameworks, v.tensor, v.pipeline, v.data, v.expert, v.zero)
        for framework, tensor, pipeline, data, expert, zero in degrees:
            gpus = tensor * pipeline * data
            nodes = math.ceil(gpus / per_node)
            if (pins.nodes or nodes) != nodes or (pins.gpus or gpus) != gpus:
                continue
            broken = self._degrees_break(tensor, pipeline, data, expert)
            broken |= self._framework_breaks(framework, tensor, pipeline, data, expert, zero)
            if per_node % tensor or (nodes > 1 and (gpus != nodes * per_node or not fabric)):
                broken |= {"topology"}
            if len(broken) > 1:
                continue
            for batch, micro, recompute in product(v.global_batch, v.micro_batch, v.recompute):
                mode = RECOMPUTE[recompute]
                wrong = broken | ({"batch"} if batch % (data * micro) else set())
                wrong |= {"framework"} if mode not in framework.recompute else set()
                if len(wrong) <= 1:
                    layout = Layout(framework.name, tensor, pipeline, data, expert, zero, micro, batch, mode)
                    yield Candidate(layout, framework, nodes, frozenset(wrong))

    def _degrees_break(self, tensor: int, pipeline: int, data: int, expert: int) -> set[str]:
        """Heads and widths are cut evenly by TP, experts by EP; EP divides the GPUs of a stage; every stage has a layer."""
        ok = pipeline <= sum(kind.count for kind in self.job.architecture.layers) and tensor * data % expert == 0
        experts = [
            linear.copies for kind in self.job.architecture.layers for linear in kind.linears if linear.copies > 1
        ]
        ok = ok and (expert == 1 or (bool(experts) and all(copies % expert == 0 for copies in experts)))
        for kind in self.job.architecture.layers:
            widths = [kind.attention.heads, kind.attention.kv_heads]
            widths += [linear.out_features for linear in kind.linears if linear.split == "column"]
            widths += [linear.in_features for linear in kind.linears if linear.split == "row"]
            ok = ok and all(width % tensor == 0 for width in widths)
        return set() if ok else {"divisibility"}

    def _framework_breaks(
        self, framework: Framework, tensor: int, pipeline: int, data: int, expert: int, zero: int
    ) -> set[str]:
        """Degrees and stages that the framework has; without the user's word Megatron for model parallelism, else torch or PEFT."""
        job = self.job
        adapters = job.method.trains == "adapters"
        parallel = tensor * pipeline * expert > 1
        usual = "megatron" if parallel else "hf-peft" if adapters else "torch-fsdp"
        ok = job.framework is not None or framework.name == usual
        ok = ok and (tensor == 1 or framework.tensor_parallel) and (pipeline == 1 or framework.pipeline_parallel)
        ok = ok and (expert == 1 or framework.expert_parallel)
        ok = ok and zero in (framework.zero_stages if pipeline == 1 else framework.zero_stages_with_pipeline)
        # ZeRO-3 gathers layer by layer over the data-parallel ranks; with one rank it is not ZeRO-3, unless it is asked for.
        ok = ok and (zero < 3 or data > 1 or job.pins.zero_stage == 3)
        ok = ok and job.method.name in framework.methods and job.precision in framework.precisions
        ok = ok and job.optimizer in framework.optimizers and (not adapters or job.weights in framework.frozen_weights)
        return set() if ok else {"framework"}

    # -- quantities --------------------------------------------------------------------------------------------------------
    @cached_property
    def work(self) -> Workload:
        job = self.job
        return Workload(
            job.architecture, job.method, job.precision, job.weights, job.sequence_length, job.optimizer,
            job.lora_rank, job.lora_targets,
        )  # fmt: skip

    @cached_property
    def weight_bytes(self) -> float:
        """Bytes of the published weights."""
        architecture = self.job.architecture
        return architecture.parameters * (1.0 if architecture.native_weights == "fp8" else 2.0)

    @cached_property
    def trained(self) -> int:
        """Parameters with gradients."""
        job = self.job
        if job.method.trains == "all":
            return job.architecture.parameters
        return job.architecture.adapter_parameters(job.lora_rank, job.lora_targets)

    def predict(self, node: Node, candidate: Candidate) -> Prediction:
        """The black box, asked once."""
        key = (node.provider, node.name, candidate.nodes, candidate.layout)
        if key not in self._predictions:
            self._predictions[key] = predict(self.work, candidate.framework, node, candidate.nodes, candidate.layout)
        return self._predictions[key]

    def evaluate(self, offer: Offer, candidate: Candidate) -> Evaluated:
        """All quantities of a plan, and the rules it breaks."""
        job, node, nodes = self.job, offer.node, candidate.nodes
        prediction = self.predict(node, candidate)
        training = math.ceil(job.sequences / candidate.layout.global_batch) * prediction.step_seconds
        sure = self._factor(prediction.step_width)
        cost, cost_sure = (self._cost(offer, nodes, training * factor) for factor in (1.0, sure))
        time, time_sure = (self._wall(node, nodes, training * factor) for factor in (1.0, sure))
        deadline_clock = time_sure - (job.startup_seconds if job.limits.deadline_from == "start" else 0.0)
        memory = prediction.memory_bytes * self._factor(prediction.memory_width)
        measured = {
            "memory": (memory, node.accelerator.usable_memory_bytes),
            "deadline": (deadline_clock, job.limits.deadline_seconds),
            "budget": (cost_sure, job.limits.budget_usd),
        }
        limited = {rule: (need, limit) for rule, (need, limit) in measured.items() if limit is not None}
        broken = {rule for rule, (need, limit) in limited.items() if need > limit}
        return Evaluated(
            offer=offer,
            candidate=candidate,
            gpus=nodes * node.gpus_per_node,
            memory_bytes=memory,
            cost=cost,
            cost_at_confidence=cost_sure,
            time=time,
            time_at_confidence=time_sure,
            deadline_clock=deadline_clock,
            broken=frozenset(broken) | candidate.broken | self.cluster_breaks(offer, nodes),
            distance=min(abs(need / limit - 1) for need, limit in limited.values()),
        )

    def _factor(self, width: float) -> float:
        """What a prediction is multiplied by to hold at the job's confidence: the quantile of a log-normal."""
        confidence = self.job.confidence
        return 1.0 if confidence is None else math.exp(NormalDist().inv_cdf(confidence) / _Z90 * width)

    def _trial_seconds(self, node: Node, nodes: int, training: float) -> float:
        """Load, warm up, train (with evaluations, checkpoints, failures), save; stretched by the contingency."""
        job = self.job
        load = self.weight_bytes / LOAD_BYTES_PER_SECOND + WARM_UP_SECONDS
        save = 2.0 * self.trained / (SAVE_BYTES_PER_SECOND * nodes)
        checkpoints = 14.0 * self.trained / (SAVE_BYTES_PER_SECOND * nodes) / job.checkpoint_interval_seconds
        lost = RESTART_SECONDS + load + job.checkpoint_interval_seconds / 2
        failures = nodes * node.gpus_per_node / (GPU_HOURS_PER_FAILURE * 3600) * lost
        busy = training * (1 + job.evaluation_share + checkpoints + failures)
        return (load + busy + save) * (1 + job.contingency)

    @property
    def _once_seconds(self) -> float:
        """Provisioning and the download of the weights."""
        return self.job.startup_seconds + self.weight_bytes / self.job.weights_bytes_per_second

    def _wall(self, node: Node, nodes: int, training: float) -> float:
        """Rounds of trials that run side by side, after the cluster has come up once."""
        rounds = math.ceil(self.job.trials / self.job.parallel)
        return self._once_seconds + rounds * self._trial_seconds(node, nodes, training)

    def _cost(self, offer: Offer, nodes: int, training: float) -> float:
        """Every cluster pays its start, every trial its time, for all nodes and their volumes."""
        seconds = self.job.parallel * self._once_seconds
        seconds += self.job.trials * self._trial_seconds(offer.node, nodes, training)
        rate = offer.provider.volume_usd_per_gb_month or 0.0
        rented = max(0.0, self.storage_bytes(nodes) - (offer.node.host.nvme_bytes or 0)) / 1e9
        return (offer.price_usd_per_hour + rented * rate / HOURS_PER_MONTH) * nodes * seconds / 3600

    # -- the host and the size of the cluster ------------------------------------------------------------------------------
    def storage_bytes(self, nodes: int) -> float:
        """System, weights, data, and a node's share of the checkpoints that are kept."""
        data = self.job.tokens.data_bytes or self.job.tokens.tokens * BYTES_PER_TOKEN_ON_DISK
        return SYSTEM_DISK_BYTES + self.weight_bytes + data + CHECKPOINTS_KEPT * 14.0 * self.trained / nodes

    def ram_bytes(self, node: Node, nodes: int) -> float:
        """System, a process per GPU, and a node's share of a staged checkpoint."""
        return RAM_BASE_BYTES + RAM_PER_GPU_BYTES * node.gpus_per_node + 14.0 * self.trained / nodes

    def vcpus(self, node: Node) -> int:
        return VCPUS_BASE + VCPUS_PER_GPU * node.gpus_per_node

    def cluster_breaks(self, offer: Offer, nodes: int) -> frozenset[str]:
        """Rules about the host and the number of nodes; what is unknown of a host fails unless that is lifted."""
        limits, node, host = self.job.limits, offer.node, offer.node.host
        at_once = nodes * self.job.parallel
        lifted = limits.allow_unknown_host
        enough = [
            lifted if host.vcpus is None else host.vcpus >= self.vcpus(node),
            lifted if host.ram_bytes is None else host.ram_bytes >= self.ram_bytes(node, nodes),
            lifted
            or offer.provider.volume_usd_per_gb_month is not None
            or (host.nvme_bytes or 0) >= self.storage_bytes(nodes),
        ]
        found = {
            "host": not all(enough),
            "max_gpus": limits.max_gpus is not None and at_once * node.gpus_per_node > limits.max_gpus,
            "max_nodes": limits.max_nodes is not None and at_once > limits.max_nodes,
            "offer_nodes": at_once > offer.max_nodes,
        }
        return frozenset(rule for rule, breaks in found.items() if breaks)

    # -- answers -----------------------------------------------------------------------------------------------------------
    @cached_property
    def plans(self) -> list[Evaluated]:
        """Plans that break no rule of structure or cluster, with at most one measured limit that they pass."""
        found = []
        for offer in self.offers:
            for candidate in self.candidates(offer.node):
                if not candidate.broken and not self.cluster_breaks(offer, candidate.nodes):
                    plan = self.evaluate(offer, candidate)
                    if len(plan.broken) <= 1:
                        found.append(plan)
        return found

    def solve(self, objective: str | None = None, without: str | None = None) -> Answer:
        """Best plan under all rules, or under all but one of `MEASURED`."""
        name = objective or self.job.objectives[0]
        allowed = [plan for plan in self.plans if plan.broken <= {without}]
        best = min(allowed, key=lambda plan: self.order(plan, name), default=None)
        distance = min((plan.distance for plan in self.plans), default=math.inf)
        return Answer(None if best is None else best.value(name), best, distance)

    @staticmethod
    def order(plan: Evaluated, objective: str) -> tuple[object, ...]:
        """The objective, then cost, GPUs, time, the plainer layout, the offer's name."""
        layout = plan.candidate.layout
        return (plan.value(objective), plan.cost, plan.gpus, plan.time, layout.plainness(), plan.offer.id)

    def binds(self, rule: str, tries: int = 40) -> bool:
        """Whether the answer changes without `rule`: a plan that breaks it alone is better, or is the only one.

        Of the plans that break a rule of structure or cluster, `tries` are evaluated, those most like the best plan first; so
        "no" may be wrong, "yes" never is.
        """
        best = self.solve()
        if rule in MEASURED:
            return _better(self.solve(without=rule).value, best.value)
        name = self.job.objectives[0]
        for offer, candidate in self._breaking(rule, best.best)[:tries]:
            plan = self.evaluate(offer, candidate)
            if plan.broken == {rule} and _better(plan.value(name), best.value):
                return True
        return False

    def _breaking(self, rule: str, best: Evaluated | None) -> list[tuple[Offer, Candidate]]:
        found = [
            (offer, candidate)
            for offer in self.offers
            for candidate in self.candidates(offer.node)
            if candidate.broken <= {rule} and candidate.broken | self.cluster_breaks(offer, candidate.nodes) == {rule}
        ]
        return sorted(found, key=lambda pair: _unlike(*pair, best))


def _better(value: float | None, than: float | None) -> bool:
    """Whether the first value is better by more than any rounding."""
    return value is not None and (than is None or value < than * (1 - 1e-6))


def _unlike(offer: Offer, candidate: Candidate, best: Evaluated | None) -> tuple[object, ...]:
    """Sort key: number of decisions that differ from the best plan's; the cheapest and smallest first where there is none."""
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
    return inside and name not in limits.exclude_gpus and (limits.marketplace or not offer.provider.marketplace)


def _computes(node: Node, precision: str) -> bool:
    """Whether the GPU multiplies in that precision; with fp8 the rest is done in bf16."""
    peak = node.accelerator.peak_flops
    return precision in peak and (precision != "fp8" or "bf16" in peak)
