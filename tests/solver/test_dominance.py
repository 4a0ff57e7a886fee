"""Offers that another one beats are left out, and only those."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gpuplan.pipeline import find
from gpuplan.selection import selected, undominated
from gpuplan_hardware import Host, Link, Network, Offer, Provider
from problems import limited, problem_of
from rivals import with_rivals

#: A seed is as short as a failure gets: nothing is gained by shrinking it.
FEW = settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
SAME = 1e-9
#: Objectives of which a dominated offer can better none.
NAMES = ("cost", "gpus", "time")


@cache
def sold() -> Offer:
    """Several nodes of several GPUs over a known network."""
    return next(
        offer
        for seed in range(200)
        for offer in problem_of(seed).offers
        if offer.node.network is not None and offer.node.intra_node.kind == "pcie" and offer.max_nodes > 1
    )


def variant(name: str, **words: Any) -> Offer:
    """The same offer but for some words: those of its host, node and provider, and its own."""
    offer = sold()
    host = Host(words.pop("vcpus", 100), words.pop("ram_bytes", 10**15), words.pop("nvme_bytes", 0))
    provider = Provider(
        "p",
        False,
        words.pop("volume", 0.1),
        words.pop("least_seconds", 60.0),
        words.pop("step_seconds", None),
        egress_usd_per_gb=words.pop("egress", 0.05),
        object_storage_usd_per_gb_month=words.pop("storage", 0.02),
        spot_interruptions_per_node_hour=words.pop("taken", 0.01),
    )
    link = Link(words.pop("link_kind", "pcie"), words.pop("link", 16e9))
    rate = words.pop("network", 12e9)
    node = replace(
        offer.node,
        host=host,
        intra_node=link,
        network=None if rate is None else Network("tcp", rate, None),
        gpus_per_node=words.pop("gpus_per_node", 8),
        domain_gpus=words.pop("domain_gpus", None),
        accelerator=replace(offer.node.accelerator, name=words.pop("gpu", "gpu")),
    )
    plain = {"price_usd_per_hour": 8.0, "max_nodes": 4, "lead_time_seconds": 0.0, "host_open": False}
    return replace(offer, id=name, node=node, provider=provider, **(plain | words))


def kept(*offers: Offer, download_bytes_per_second: float = 1e9, **limits: Any) -> list[str]:
    job = replace(problem_of(0).job, weights_bytes_per_second=download_bytes_per_second)
    job = limited(job, **({"allow_unknown_host": False} | limits))
    job = replace(job, egress=1e9, checkpoint_days=30.0)
    return [offer.id for offer in undominated(job, offers)]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {}),  # the first of equal ones
        ({}, {"price_usd_per_hour": 8.01}),
        ({}, {"vcpus": 99}),
        ({}, {"vcpus": None}),
        ({}, {"ram_bytes": 10**14}),
        ({"nvme_bytes": 10**12}, {}),
        ({}, {"nvme_bytes": None}),
        ({"nvme_bytes": None}, {}),
        ({"volume": 0.05}, {}),
        ({}, {"volume": None}),
        ({}, {"lead_time_seconds": 600.0}),
        ({}, {"least_seconds": 3600.0}),
        ({}, {"least_seconds": None}),
        ({}, {"max_nodes": 3}),
        ({}, {"egress": 0.06}),
        ({}, {"egress": None}),
        ({}, {"storage": 0.03}),
        ({}, {"storage": None}),
        ({}, {"pricing": "spot"}),
        ({"pricing": "spot"}, {"pricing": "spot", "taken": 0.02}),
        ({"pricing": "spot"}, {"pricing": "spot", "taken": None}),
        ({"pricing": "spot"}, {"pricing": "spot", "interruptions_per_node_hour": 0.02}),
        ({"step_seconds": 60.0}, {"step_seconds": 1.0}),
        ({"step_seconds": 600.0}, {"step_seconds": 600.0, "price_usd_per_hour": 9.0}),
        ({"pricing": "capacity-block"}, {"pricing": "capacity-block", "price_usd_per_hour": 9.0}),
        ({"host_open": True}, {}),
        ({"link": 32e9}, {}),
        ({"link_kind": "nvswitch", "link": 450e9}, {}),
        ({"network": 50e9}, {}),
        ({}, {"network": None}),
        ({"link": 32e9, "network": 50e9, "price_usd_per_hour": 4.0, "nvme_bytes": 10**12}, {}),
    ],
)
def test_an_offer_that_is_no_worse_in_anything_dominates(better: dict[str, Any], worse: dict[str, Any]) -> None:
    assert kept(variant("a", **better), variant("b", **worse)) == ["a"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"link": 32e9}, {"price_usd_per_hour": 7.99}),
        ({"link": 32e9, "network": 6e9}, {}),
        ({"link_kind": "nvswitch", "link": 8e9}, {}),
        ({"network": None}, {"price_usd_per_hour": 9.0}),
        ({"nvme_bytes": 10**12, "vcpus": 99}, {}),
        ({"max_nodes": 8, "lead_time_seconds": 600.0}, {}),
        ({"gpus_per_node": 4, "price_usd_per_hour": 1.0}, {}),
        ({"domain_gpus": 64, "price_usd_per_hour": 1.0}, {}),
        ({"gpu": "other", "price_usd_per_hour": 1.0}, {}),
        ({"step_seconds": 600.0, "price_usd_per_hour": 1.0}, {}),
        ({"pricing": "capacity-block", "price_usd_per_hour": 1.0}, {}),
        ({"pricing": "spot", "price_usd_per_hour": 1.0}, {}),
        ({"egress": 0.01, "storage": 0.03}, {}),
    ],
)
def test_an_offer_that_is_better_in_something_stays(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Other GPUs, nodes of another size and other domains have plans of their own, whatever they cost."""
    assert kept(variant("a", **one), variant("b", **other)) == ["a", "b"]


def test_a_better_one_of_a_later_id_leaves_an_equally_cheap_one() -> None:
    """A plan that does not need what is better ties on both, and then the first id decides."""
    assert kept(variant("a"), variant("b", link=32e9)) == ["a", "b"]
    assert kept(variant("a", price_usd_per_hour=8.01), variant("b", link=32e9)) == ["b"]


@pytest.mark.parametrize(("one", "other"), [({}, {"vcpus": None}), ({}, {"ram_bytes": None}), ({}, {"volume": None})])
def test_an_unknown_host_is_not_dominated_where_it_is_allowed(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A known figure may fall short where the unknown one is waved through; an unknown price of storage then counts as nothing."""
    assert kept(variant("a", **one), variant("b", **other), allow_unknown_host=True) == ["a", "b"]


def test_a_network_that_slows_the_download_is_worse_than_an_unknown_one_in_that() -> None:
    slow, unknown = variant("a", network=1e8), variant("b", network=None)
    assert kept(slow, unknown, download_bytes_per_second=1e6) == ["a"]
    assert kept(slow, unknown, download_bytes_per_second=1e10) == ["a", "b"]


def test_a_short_known_host_does_not_hide_an_unknown_one() -> None:
    problem = next(p for p in map(problem_of, range(100)) if p.oracle.solve().value is not None)
    plan = find(problem.job, problem.offers).plan
    assert plan is not None
    job = limited(problem.job, allow_unknown_host=True)
    ample = replace(plan.offer.node.host, ram_bytes=10**15, nvme_bytes=10**15)
    short, unknown = (
        replace(plan.offer, id=name, node=replace(plan.offer.node, host=replace(ample, vcpus=vcpus)))
        for name, vcpus in (("a", 1), ("b", None))
    )
    assert find(job, [short]).plan is None
    chosen = find(job, [short, unknown]).plan
    assert chosen is not None and chosen.offer.id == "b"


# -- what is left out betters nothing ----------------------------------------------------------------------------------------
@FEW
@given(st.integers(0, 10**6), st.sampled_from(NAMES))
def test_a_kept_offer_is_no_worse_for_any_objective(seed: int, name: str) -> None:
    """Each offer alone, against the kept ones of the same GPUs and size."""
    random, problem = Random(seed), problem_of(seed)
    job = problem.job
    offers = [offer for offer in with_rivals(problem.offers, random) if selected(job, offer)]
    left = undominated(job, offers)
    for offer in random.sample(offers, min(6, len(offers))):
        alone = find(job, [offer], name)
        if offer not in left and alone.value is not None:
            value = find(job, [other for other in left if alike(other, offer)], name).value
            assert value is not None and value <= alone.value * (1 + SAME)


def alike(one: Offer, other: Offer) -> bool:
    """Whether two offers have the same GPUs in nodes of the same size."""
    keys = [(o.node.accelerator, o.node.gpus_per_node, o.node.scale_up_gpus) for o in (one, other)]
    return keys[0] == keys[1]
