"""The decision space of a job: offers, machine classes, and the candidate rows of the three families.

A plan is one offer and one row of each family: an *atom* (what a layer's time and activations depend on), a *shape* (what the
schedule depends on) and a *state* (what the model states depend on). Rows that a rule forbids on their own are left out, unless
the space is built with ``reduced=False``: then all are posted and the rules forbid them inside the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gpuplan.job import Job
from gpuplan.layout import default_framework
from gpuplan.performance.clock import minimum_billing_seconds
from gpuplan.performance.layers import AtomKeys
from gpuplan.performance.machine import Machines, machines, supports
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.performance.stages import ShapeKeys
from gpuplan.performance.states import StateKeys
from gpuplan.performance.workload import Workload
from gpuplan.plan import workload
from gpuplan.rules import rules
from gpuplan_hardware import Node, Offer
from gpuplan_models import Framework, frameworks

Array = np.ndarray

#: Pipeline degrees that are tried; more are possible but never pay for the bubble at the batch sizes of fine-tuning.
PIPELINE = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
TENSOR = (1, 2, 4, 8, 16)
MICRO_BATCH = (1, 2, 4, 8, 16, 32)
EXPERT = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Values:
    """Candidate values of every layout decision, restricted to what the user pinned."""

    frameworks: tuple[Framework, ...]
    tensor: tuple[int, ...]
    pipeline: tuple[int, ...]
    data: tuple[int, ...]
    expert: tuple[int, ...]
    zero: tuple[int, ...]
    micro_batch: tuple[int, ...]
    global_batch: tuple[int, ...]
    recompute: tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """Everything that may be decided for a job.

    Attributes
    ----------
    offers
        Candidate offers; `machine_of_offer` indexes `machines`.
    values
        Candidate values of the layout decisions.
    reduced
        Whether rows that break a rule on their own are left out.
    """

    job: Job
    work: Workload
    offers: tuple[Offer, ...]
    machines: Machines
    machine_of_offer: Array
    values: Values
    reduced: bool = True

    @cached_property
    def shapes(self) -> ShapeKeys:
        """All schedules: pipeline x data x micro-batch x global batch."""
        v = self.values
        p, d, b, g = _grid(v.pipeline, v.data, v.micro_batch, v.global_batch)
        keys = ShapeKeys(p, d, b, g)
        return _filter_shape(keys, self._keep("shape_allowed", len(keys), keys))

    def states(self, gpus_per_node: int, framework: Framework) -> StateKeys:
        """All shardings for one node size under `framework`."""
        v = self.values
        t, p, e, d, z = _grid(v.tensor, v.pipeline, v.expert, v.data, v.zero)
        keys = StateKeys(np.full(len(t), gpus_per_node), t, p, e, d, z)
        return _filter_state(keys, self._keep("state_allowed", len(keys), framework, keys))

    def atoms(self, machine: int, framework: Framework) -> AtomKeys:
        """All per-layer decisions on one machine class under `framework`."""
        v = self.values
        gathers = sorted({1, *(v.data if 3 in v.zero else ())})
        t, e, b, r, s, g = _grid(v.tensor, v.expert, v.micro_batch, v.recompute, (0, 1), gathers)
        keys = AtomKeys(np.full(len(t), machine), t, e, b, r, s.astype(bool), g)
        return keys.take(np.flatnonzero(self._keep("atom_allowed", len(keys), framework, keys)))

    def nodes(self, keys: StateKeys) -> Array:
        """Nodes that a sharding occupies."""
        return -(-keys.gpus // keys.gpus_per_node)

    def _keep(self, check: str, count: int, *arguments: object) -> Array:
        """Rows that no rule forbids on their own (all of them in an unreduced space)."""
        mask = np.ones(count, dtype=bool)
        if self.reduced:
            for rule in rules():
                mask &= getattr(rule, check)(self, *arguments)
        return mask

    def offers_of(self, machine: int) -> list[int]:
        """Offers with that machine class."""
        return [int(index) for index in np.flatnonzero(self.machine_of_offer == machine)]


def build_space(job: Job, offers: Sequence[Offer], reduced: bool = True) -> Space:
    """Space of `job` over `offers`.

    Offers outside the user's selection (GPU, provider, region, pricing, marketplace, precision the accelerator lacks) are not part
    of the question. With `reduced`, dominated offers are left out too (see `undominated`).
    """
    chosen = [offer for offer in offers if selected(job, offer)]
    if reduced:
        chosen = undominated(chosen, job.limits.allow_unknown_host)
    nodes: list[Node] = []
    index: dict[tuple[object, ...], int] = {}
    of_offer = []
    for offer in chosen:
        key = _machine_key(offer.node)
        if key not in index:
            index[key] = len(nodes)
            nodes.append(offer.node)
        of_offer.append(index[key])
    return Space(
        job=job,
        work=workload(job),
        offers=tuple(chosen),
        machines=machines(nodes, job.precision),
        machine_of_offer=np.array(of_offer, dtype=np.int64),
        values=candidate_values(job, nodes),
        reduced=reduced,
    )


def selected(job: Job, offer: Offer) -> bool:
    """Whether `offer` is among those the user asked about."""
    return not outside(job, offer)


def outside(job: Job, offer: Offer) -> list[str]:
    """What of the user's selection leaves `offer` out: names of fields, nothing where it is in."""
    limits, gpu = job.limits, offer.node.accelerator
    inside = {
        "gpu": gpu.refused is None
        and (limits.gpus is None or gpu.name in limits.gpus)
        and gpu.name not in limits.exclude_gpus,
        "provider": limits.providers is None or offer.provider.name in limits.providers,
        "region": limits.regions is None or offer.region in limits.regions,
        "pricing": offer.pricing in limits.pricing,
        "marketplace": limits.marketplace or not offer.provider.marketplace,
        "lead_time": _available(job, offer),
        "precision": gpu.refused is not None or supports(offer.node, job.precision),
        "offer": job.pins.offer is None or offer.id == job.pins.offer,
    }
    return [name for name, holds in inside.items() if not holds]


def _available(job: Job, offer: Offer) -> bool:
    """Whether the nodes can be had as soon as asked; a lead time that nobody states is too long for any limit from the order."""
    limits, lead = job.limits, offer.lead_time_seconds
    if lead is None:
        return limits.available_within_seconds is None and not limits.needs_lead_time
    return limits.available_within_seconds is None or lead + job.startup_seconds <= limits.available_within_seconds


def undominated(offers: Sequence[Offer], allow_unknown_host: bool = False) -> list[Offer]:
    """Leave out offers that another one beats.

    Argument: an offer with the same machine, a host, a storage price, a lead time and a least bill that are no worse, at least as
    many nodes and a price that is not higher can take its place in any plan without breaking a rule or raising cost, GPUs or time.
    What is unknown of a host is worse than any figure, or better than any where `allow_unknown_host` waves it through.
    At the same price only an offer whose id comes first replaces another, as it does among equally good plans.
    """
    kept: list[Offer] = []
    for offer in sorted(offers, key=lambda o: (o.price_usd_per_hour, o.id)):
        if not any(_dominates(other, offer, allow_unknown_host) for other in kept):
            kept.append(offer)
    return sorted(kept, key=lambda o: o.id)


def _dominates(better: Offer, offer: Offer, allow_unknown_host: bool) -> bool:
    unknown = math.inf if allow_unknown_host else -math.inf
    a, b = better.node.host, offer.node.host
    rates = better.provider.volume_usd_per_gb_month, offer.provider.volume_usd_per_gb_month
    # An unknown price of storage counts as nothing where it is allowed at all (see `host_needs`); an unknown disk always as none.
    storage = [(0.0 if allow_unknown_host else math.inf) if rate is None else rate for rate in rates]
    return (
        _machine_key(better.node) == _machine_key(offer.node)
        and _known(a.vcpus, unknown) >= _known(b.vcpus, unknown)
        and _known(a.ram_bytes, unknown) >= _known(b.ram_bytes, unknown)
        and (a.nvme_bytes or 0) >= (b.nvme_bytes or 0)
        and storage[0] <= storage[1]
        and better.host_open >= offer.host_open
        and (better.lead_time_seconds or 0.0) <= (offer.lead_time_seconds or 0.0)
        and minimum_billing_seconds(better) <= minimum_billing_seconds(offer)
        and better.price_usd_per_hour <= offer.price_usd_per_hour
        and better.max_nodes >= offer.max_nodes
    )


def _known(figure: int | None, unknown: float) -> float:
    return unknown if figure is None else figure


def _machine_key(node: Node) -> tuple[object, ...]:
    network = node.network.bytes_per_second_per_gpu if node.network else None
    return (node.accelerator.name, node.gpus_per_node, node.intra_node.bytes_per_second_per_gpu, network)


def candidate_values(job: Job, nodes: Sequence[Node]) -> Values:
    """Candidate values of each decision: what the models, batches and nodes at hand could use, or what is pinned."""
    pins, architecture = job.pins, job.architecture
    allowed = _frameworks(job)
    largest = max((node.gpus_per_node for node in nodes), default=1)
    batches = job.global_batches
    divisors = {d for batch in batches for d in _divisors(batch)}
    experts = architecture.routed_experts
    tensor = tuple(t for t in TENSOR if (t <= largest and any(f.tensor_parallel for f in allowed)) or t == 1)
    pipeline = tuple(
        p for p in PIPELINE if (p <= architecture.layer_count and any(f.pipeline_parallel for f in allowed)) or p == 1
    )
    expert = tuple(
        e for e in EXPERT if e == 1 or (experts and e <= experts and any(f.expert_parallel for f in allowed))
    )
    recompute = sorted({RECOMPUTE.index(name) for f in allowed for name in f.recompute})
    return Values(
        frameworks=allowed,
        tensor=_pin(tensor, pins.tensor_parallel),
        pipeline=_pin(pipeline, pins.pipeline_parallel),
        data=_pin(tuple(sorted(divisors)), pins.data_parallel),
        expert=_pin(expert, pins.expert_parallel),
        zero=_pin(tuple(sorted({z for f in allowed for z in f.zero_stages})), pins.zero_stage),
        micro_batch=_pin(tuple(b for b in MICRO_BATCH if b <= max(batches)), pins.micro_batch),
        global_batch=batches,
        recompute=_pin(tuple(recompute), RECOMPUTE.index(pins.recompute) if pins.recompute else None),
    )


def _frameworks(job: Job) -> tuple[Framework, ...]:
    """The user's framework, or the defaults with and without model parallelism that can run the method."""
    if job.framework is not None:
        return (job.framework,)
    names = dict.fromkeys(default_framework(job, model_parallel) for model_parallel in (False, True))
    return tuple(framework for name in names if job.method.name in (framework := frameworks()[name]).methods)


def _pin(values: tuple[int, ...], pinned: int | None) -> tuple[int, ...]:
    return values if pinned is None else (pinned,)


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def _grid(*values: Sequence[int]) -> list[Array]:
    """Cartesian product as flat arrays, the last value running fastest."""
    return [axis.ravel() for axis in np.meshgrid(*(np.asarray(v, dtype=np.int64) for v in values), indexing="ij")]


def _filter_shape(keys: ShapeKeys, mask: Array) -> ShapeKeys:
    return ShapeKeys(keys.pipeline[mask], keys.data[mask], keys.micro_batch[mask], keys.global_batch[mask])


def _filter_state(keys: StateKeys, mask: Array) -> StateKeys:
    columns = (keys.gpus_per_node, keys.tensor, keys.pipeline, keys.expert, keys.data, keys.zero)
    return StateKeys(*(column[mask] for column in columns))
