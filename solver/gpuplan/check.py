"""The verb `check`: does a given cluster, with a given or the best layout, hold the job and finish it, and by what margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpuplan.answer import rule_answer
from gpuplan.candidates import Physics
from gpuplan.catalogue import offers_for
from gpuplan.errors import InputError
from gpuplan.job import Job, JobSpec, Limits, resolve
from gpuplan.layout import Layout, default_framework
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.result import Result
from gpuplan.search import evaluate, make_plan
from gpuplan.solve import result_of
from gpuplan.space import build_space, selected
from gpuplan.verify import quantities
from gpuplan_hardware import Offer
from gpuplan_models import frameworks

#: Rules about the shape and memory of a plan, as opposed to time and money.
FIT_RULES = ("batch", "divisibility", "framework", "host", "memory", "offer_nodes", "topology")
FINISH_RULES = ("deadline",)


@dataclass(frozen=True)
class Cluster:
    """The cluster to audit; `note` says what was chosen in the user's place."""

    offer: Offer
    nodes: int
    gpus_used: int
    note: str


def check(spec: Job | JobSpec | Mapping[str, Any], offers: Sequence[Offer] | None = None) -> Result:
    """Say whether a job fits and finishes on a given cluster.

    The cluster is an offer and nodes, or a GPU and a count; then the cheapest offer whose nodes give exactly that count is
    audited, else nodes of the nearest shape. Layout decisions that are not given are taken for the least time; where nothing
    fits, for the least memory.

    Returns
    -------
    Result
        With `fits`, `finishes` and `violations`; `status` is "optimal" if it fits and finishes, else "infeasible".

    Raises
    ------
    InputError
        If a field of the job cannot be used, or no cluster is given.
    """
    job = resolve(spec, offers)
    found = offers_for(job, offers)
    cluster = choose_cluster(job, found)
    outcome = _best_layout(job, cluster)
    if outcome.plan is None:
        outcome.plan = _least_memory(job, cluster) or _as_given(job, cluster)
        outcome.value = outcome.objective.value(outcome.plan)
        outcome.proof = "no layout that agrees with what is given fits; the one that needs least memory is shown"
    plan = outcome.plan = replace(outcome.plan, job=job)
    broken = [quantity for quantity in quantities(plan) if not quantity.satisfied]
    fits = not any(quantity.rule in FIT_RULES for quantity in broken)
    finishes = fits and not any(quantity.rule in FINISH_RULES for quantity in broken)
    outcome.status = "infeasible" if broken else "optimal"
    result = result_of(job, outcome, found, "check")
    return result.model_copy(
        update={
            "fits": fits,
            "finishes": finishes,
            "violations": [rule_answer(quantity) for quantity in broken],
            "assumptions": [*result.assumptions, cluster.note],
            "conflict": sorted({quantity.rule for quantity in broken}),
        }
    )


def choose_cluster(job: Job, offers: Sequence[Offer]) -> Cluster:
    """The cluster the user means: cheapest offer whose nodes give exactly the GPUs, else nodes of the nearest shape.

    Raises
    ------
    InputError
        If neither an offer nor a GPU is given, or none is in the catalogue.
    """
    pins = job.pins
    if pins.offer is None and job.limits.gpus is None:
        raise InputError("gpu", "", "say which cluster to check: an offer, or a GPU and how many of them")
    known = [offer for offer in offers if selected(job, offer)]
    if not known:
        raise InputError("gpu", pins.offer or ", ".join(job.limits.gpus or ()), "no offer in the selection has this")
    if pins.nodes is not None:
        return _nodes_of_cheapest(job, known, pins.nodes)
    gpus = pins.gpus or pins_product(job) or min(offer.node.gpus_per_node for offer in known)
    offer = min(known, key=lambda o: _distance(o, _nodes_for(o, gpus), gpus, job.limits.allow_unknown_host))
    nodes = _nodes_for(offer, gpus)
    exact = nodes * offer.node.gpus_per_node == gpus
    how = "the cheapest offer that gives exactly" if exact else "no offer gives exactly; nearest node shape for"
    return Cluster(offer, nodes, gpus, f"cluster: {offer.id} x {nodes}, {how} {gpus} GPU{'' if gpus == 1 else 's'}")


def _nodes_of_cheapest(job: Job, known: Sequence[Offer], nodes: int) -> Cluster:
    """That many nodes, of a shape that holds the GPUs where their number is given too."""
    gpus = job.pins.gpus or pins_product(job)
    holding = [offer for offer in known if gpus is None or nodes * offer.node.gpus_per_node >= gpus]
    if not holding:
        most = max(offer.node.gpus_per_node for offer in known)
        raise InputError(
            "nodes", nodes, f"{nodes} nodes of at most {most} GPUs hold {nodes * most}, and {gpus} are asked for"
        )
    offer = min(
        holding,
        key=lambda o: _distance(o, nodes, gpus or nodes * o.node.gpus_per_node, job.limits.allow_unknown_host),
    )
    return Cluster(offer, nodes, gpus or nodes * offer.node.gpus_per_node, f"cluster: {offer.id} x {nodes}")


def _nodes_for(offer: Offer, gpus: int) -> int:
    return -(-gpus // offer.node.gpus_per_node)


def pins_product(job: Job) -> int | None:
    """GPUs that the given degrees multiply to (PP is 1 unless given), None unless TP and DP are given."""
    tensor, data = job.pins.tensor_parallel, job.pins.data_parallel
    if tensor is None or data is None:
        return None
    return tensor * data * (job.pins.pipeline_parallel or 1)


def _distance(offer: Offer, nodes: int, gpus: int, allow_unknown_host: bool) -> tuple[object, ...]:
    """Sort key: enough nodes, exact count, fewest GPUs too many, known host, price of the whole cluster, id."""
    per_node, host = offer.node.gpus_per_node, offer.node.host
    unknown = not allow_unknown_host and None in (host.vcpus, host.ram_bytes)
    return (nodes > offer.max_nodes, nodes * per_node - gpus, unknown, nodes * offer.price_usd_per_hour, offer.id)


def _pinned(job: Job, cluster: Cluster) -> Job:
    """The job on this cluster with nothing that could forbid it but physics and structure."""
    limits = Limits(
        gpus=job.limits.gpus,
        pricing=(cluster.offer.pricing,),
        marketplace=True,
        allow_unknown_host=True,
        deadline_from=job.limits.deadline_from,
    )
    pins = replace(job.pins, offer=cluster.offer.id, nodes=cluster.nodes, gpus=cluster.gpus_used)
    return replace(job, limits=limits, pins=pins)


def _best_layout(job: Job, cluster: Cluster) -> Outcome:
    return find(_pinned(job, cluster), [cluster.offer], "time")


def _least_memory(job: Job, cluster: Cluster) -> Plan | None:
    """The layout that needs least memory, fitting or not; None if no layout agrees with what is given."""
    space = build_space(_pinned(job, cluster), [cluster.offer])
    endless = replace(space.machines, usable_memory_bytes=np.full(len(space.machines), np.inf))
    view = evaluate(Physics(replace(space, machines=endless)), 0)
    if len(view.candidates) == 0:
        return None
    return make_plan(space, view, 0, int(np.argmin(view.candidates.memory_bytes())))


def _as_given(job: Job, cluster: Cluster) -> Plan:
    """The layout in the user's own numbers, whatever rule it breaks; what is not given is 1, or saves memory."""
    pins = job.pins
    tensor, pipeline = pins.tensor_parallel or 1, pins.pipeline_parallel or 1
    data = pins.data_parallel or max(1, cluster.gpus_used // (tensor * pipeline))
    expert = pins.expert_parallel or 1
    name = job.framework.name if job.framework else default_framework(job, tensor * pipeline * expert > 1)
    layout = Layout(
        framework=name,
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        expert=expert,
        zero=pins.zero_stage if pins.zero_stage is not None else 0,
        micro_batch=pins.micro_batch or 1,
        global_batch=job.global_batches[0],
        recompute=pins.recompute or "full",
    )
    return Plan(job, cluster.offer, cluster.nodes, layout, frameworks()[name])
