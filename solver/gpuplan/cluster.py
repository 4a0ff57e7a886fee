"""Which cluster the user means when `check` is given less than an offer and a number of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpuplan.caveats import not_looked_at
from gpuplan.errors import InputError
from gpuplan.job import Job, Limits
from gpuplan.order import Order
from gpuplan.physics import Physics
from gpuplan.search import search
from gpuplan.selection import selected
from gpuplan.space import build_space
from gpuplan.verify import quantities
from gpuplan_hardware import Offer


@dataclass(frozen=True)
class Cluster:
    """The cluster to audit; `note` says what was chosen in the user's place."""

    offer: Offer
    nodes: int
    gpus_used: int
    note: str


def choose_cluster(job: Job, offers: Sequence[Offer]) -> Cluster:
    """The cluster the user means: of the offers whose nodes give exactly the GPUs, or the nearest shape, the best.

    Raises
    ------
    InputError
        If neither an offer nor a GPU is given, or the selection has none, or its nodes cannot hold the GPUs.
    """
    pins = job.pins
    if pins.offer is None and job.limits.gpus is None:
        raise InputError("gpu", "", "say which cluster to check: an offer, or a GPU and how many of them")
    known = [offer for offer in offers if selected(job, offer)]
    if not known:
        field, value = ("offer", pins.offer) if pins.offer else ("gpu", ", ".join(job.limits.gpus or ()))
        raise InputError(field, value, f"{value}: no offer is left in the selection; {not_looked_at(job, offers)}")
    gpus = pins.gpus or pins_product(job)
    if pins.nodes is not None:
        return _that_many_nodes(job, known, pins.nodes, gpus)
    wanted = gpus or min(offer.node.gpus_per_node for offer in known)
    cluster = _best(job, [Cluster(offer, -(-wanted // offer.node.gpus_per_node), wanted, "") for offer in known])
    exact = cluster.nodes * cluster.offer.node.gpus_per_node == wanted
    how = "the best offer that gives exactly" if exact else "no offer gives exactly; nearest node shape for"
    count = f"{wanted} GPU{'' if wanted == 1 else 's'}"
    return replace(cluster, note=f"cluster: {cluster.offer.id} x {cluster.nodes}, {how} {count}")


def _that_many_nodes(job: Job, known: Sequence[Offer], nodes: int, gpus: int | None) -> Cluster:
    """That many nodes, of a shape that holds the GPUs where their number is given too."""
    holding = [offer for offer in known if gpus is None or nodes * offer.node.gpus_per_node >= gpus]
    if not holding:
        most = max(offer.node.gpus_per_node for offer in known)
        message = f"{nodes} nodes of at most {most} GPUs hold {nodes * most}, and {gpus} are asked for"
        raise InputError("nodes", nodes, message)
    cluster = _best(job, [Cluster(offer, nodes, gpus or nodes * offer.node.gpus_per_node, "") for offer in holding])
    shapes = sorted({offer.node.gpus_per_node for offer in holding})
    others = f", the best of shapes with {', '.join(map(str, shapes))} GPUs" if gpus is None and len(shapes) > 1 else ""
    return replace(cluster, note=f"cluster: {cluster.offer.id} x {nodes}{others}")


def pins_product(job: Job) -> int | None:
    """GPUs that the given degrees multiply to (PP and CP are 1 unless given), None unless TP and DP are given."""
    pins = job.pins
    if pins.tensor_parallel is None or pins.data_parallel is None:
        return None
    return pins.tensor_parallel * pins.data_parallel * (pins.pipeline_parallel or 1) * (pins.context_parallel or 1)


def _best(job: Job, clusters: Sequence[Cluster]) -> Cluster:
    """Of the nearest clusters (enough nodes, fewest GPUs too many, known hosts) the one that keeps the limits for the least money."""
    nearest = min(_distance(job, cluster) for cluster in clusters)
    tied = [cluster for cluster in clusters if _distance(job, cluster) == nearest]
    return tied[0] if len(tied) == 1 else min(tied, key=lambda cluster: _merit(job, cluster))


def _distance(job: Job, cluster: Cluster) -> tuple[bool, int, bool]:
    offer, host = cluster.offer, cluster.offer.node.host
    unknown = not job.limits.allow_unknown_host and None in (host.vcpus, host.ram_bytes)
    return (cluster.nodes > offer.max_nodes, cluster.nodes * offer.node.gpus_per_node - cluster.gpus_used, unknown)


def _merit(job: Job, cluster: Cluster) -> tuple[int, float, str]:
    """Sort key: limits broken by the fastest layout, its cost, id; where nothing fits, the price."""
    found = search(Physics(build_space(pinned(job, cluster), [cluster.offer])), Order.of(("time",))).best
    if found is None:
        return (1_000, cluster.nodes * cluster.offer.price_usd_per_hour, cluster.offer.id)
    plan = replace(found, job=job)
    broken = sum(not quantity.satisfied for quantity in quantities(plan))
    return (broken, plan.cost_at_confidence_usd, cluster.offer.id)


def pinned(job: Job, cluster: Cluster) -> Job:
    """The job on this cluster with nothing that could forbid it but physics and structure, and the largest TP that is asked for."""
    limits = Limits(
        gpus=job.limits.gpus,
        pricing=(cluster.offer.pricing,),
        marketplace=True,
        allow_unknown_host=True,
        deadline_from=job.limits.deadline_from,
        max_tensor=job.limits.max_tensor,
    )
    pins = replace(job.pins, offer=cluster.offer.id, nodes=cluster.nodes, gpus=cluster.gpus_used)
    return replace(job, limits=limits, pins=pins)
