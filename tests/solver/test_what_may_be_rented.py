"""Which offers a job is planned on: lead times, least bills, prices that are missing, accelerators and slices that are refused."""

from dataclasses import replace
from typing import Any

import pytest

from gpuplan.catalogue import offers_for
from gpuplan.errors import InputError
from gpuplan.job import resolve
from gpuplan.selection import selected
from gpuplan.solve import solve
from gpuplan_hardware import Accelerator, Offer, accelerators, nodes, offers

JOB: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "1MB", "alternatives": 0}
PLANNED = [accelerator for accelerator in accelerators().values() if accelerator.refused is None]
REFUSED = [accelerator for accelerator in accelerators().values() if accelerator.refused is not None]
SOLD = {offer.node.accelerator.name for offer in offers()}


def name_of(accelerator: Accelerator) -> str:
    return accelerator.name


def chosen(job: dict[str, Any], known: tuple[Offer, ...]) -> list[str]:
    resolved = resolve(JOB | job, known)
    return [offer.id for offer in known if selected(resolved, offer)]


@pytest.fixture
def one() -> Offer:
    return next(offer for offer in offers() if offer.node.name == "p5.48xlarge")


# -- lead times ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "words", "taken"),
    [
        (0.0, {}, True),
        (0.0, {"available_within": "5m"}, False),  # ten minutes to provision
        (0.0, {"available_within": "10m"}, True),
        (24.0, {"available_within": "1d"}, False),  # a day and ten minutes
        (24.0, {"available_within": "2d"}, True),
        (24.0, {"deadline": "2d"}, True),
        (None, {}, True),  # nobody asks how long it takes
        (None, {"available_within": "30d"}, False),
        (None, {"deadline": "30d"}, False),
        (None, {"deadline": "30d", "deadline_from": "start"}, True),
        (None, {"minimize": "time"}, False),
    ],
)
def test_an_offer_is_taken_where_it_can_be_had_in_time(
    one: Offer, hours: float | None, words: dict[str, str], taken: bool
) -> None:
    offer = replace(one, lead_time="queue", lead_time_seconds=None if hours is None else hours * 3600)
    assert chosen(words, (offer,)) == ([offer.id] if taken else [])


def test_the_wait_counts_against_a_deadline_from_the_order_only(one: Offer) -> None:
    late = replace(one, lead_time="queue", lead_time_seconds=24 * 3600.0)
    at_once, waiting = (solve(JOB | {"deadline": "2d"}, [offer]).plan for offer in (one, late))
    assert at_once is not None
    assert waiting is not None
    assert waiting.prediction.total_hours == pytest.approx(at_once.prediction.total_hours + 24)
    assert waiting.prediction.cost_usd == pytest.approx(at_once.prediction.cost_usd)
    assert waiting.prediction.time_parts_hours["lead_time"] == 24
    assert solve(JOB | {"deadline": "24h"}, [late]).status == "infeasible"
    assert solve(JOB | {"deadline": "24h", "deadline_from": "start"}, [late]).status == "optimal"


def test_what_helps_where_only_a_queue_sells_the_gpu(one: Offer) -> None:
    queued = replace(one, lead_time="queue", lead_time_seconds=None)
    result = solve(JOB | {"deadline": "24h"}, [queued])
    assert result.conflict == ["offers"]
    assert "deadline_from" in [change.limit for change in result.relaxations]


# -- the least bill --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("minimum", "billed_hours"), [(0.0, None), (3600.0, 1.0), (None, 1.0), (7200.0, 2.0)])
def test_no_less_than_the_providers_minimum_is_billed(
    one: Offer, minimum: float | None, billed_hours: float | None
) -> None:
    offer = replace(one, provider=replace(one.provider, minimum_billing_seconds=minimum))
    plan = solve(JOB, [offer]).plan
    assert plan is not None
    p = plan.prediction
    assert p.total_hours < 0.5
    assert sum(p.cost_parts_usd.values()) == pytest.approx(p.cost_usd)
    expected = p.total_hours if billed_hours is None else billed_hours
    assert p.cost_usd == pytest.approx(expected * offer.price_usd_per_hour, rel=1e-3)
    assert (p.cost_parts_usd["minimum_billing"] > 0) == (billed_hours is not None)


def test_a_budget_below_the_least_bill_is_infeasible_and_says_what_it_takes(one: Offer) -> None:
    offer = replace(one, provider=replace(one.provider, minimum_billing_seconds=3600.0))
    result = solve(JOB | {"budget": offer.price_usd_per_hour - 0.01}, [offer])
    assert result.status == "infeasible"
    assert result.conflict == ["budget"]
    assert result.relaxations[0].to == pytest.approx(offer.price_usd_per_hour)


# -- prices that are missing -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("accelerator", PLANNED, ids=name_of)
def test_every_gpu_has_an_offer_or_takes_a_price(accelerator: Accelerator) -> None:
    """A priced offer, an owned one, or a clear "price needed"; and a price of one's own always finds a node shape."""
    name = accelerator.name
    if name not in SOLD:
        with pytest.raises(InputError, match=f"--gpu {name} --price"):
            resolve(JOB | {"gpu": [name]})
    else:
        assert resolve(JOB | {"gpu": [name]}).limits.gpus == (name,)
    precision = "bf16" if "bf16" in accelerator.peak_flops else "fp16"
    job = resolve(JOB | {"gpu": [name], "price": "2.10", "precision": precision})
    found = [offer for offer in offers_for(job) if selected(job, offer)]
    assert {offer.node.name for offer in found} == {n.name for n in nodes().values() if n.accelerator is accelerator}
    assert all(offer.price_usd_per_hour == pytest.approx(2.10 * offer.node.gpus_per_node) for offer in found)


@pytest.mark.parametrize("gpu", ["MI325X", "Gaudi3", "Ascend-910B", "RTX-3090", "H800-SXM", "RTX-5090", "B300"])
def test_a_price_of_ones_own_is_answered(gpu: str) -> None:
    result = solve(JOB | {"gpu": [gpu], "price": "2.10", "framework": "torch-fsdp"})
    assert result.status == "optimal"
    assert result.plan is not None
    assert result.plan.offer.price_usd_per_hour == pytest.approx(2.10 * result.plan.offer.gpus_per_node)
    assert (result.plan.prediction.coverage == "measured") == (gpu == "H800-SXM")  # an H100 with slower links


def test_what_nobody_lets_is_priced_as_owned_and_said() -> None:
    job = resolve(JOB | {"gpu": ["H800-SXM"]})
    assert job.limits.pricing == ("owned",)
    assert any("nobody in the catalogue lets H800-SXM" in sentence for sentence in job.assumptions)
    assert resolve(JOB | {"gpu": ["H100"]}).limits.pricing == ("on-demand",)


# -- what is refused -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("accelerator", REFUSED, ids=name_of)
def test_accelerators_without_physics_are_refused_with_the_reason(accelerator: Accelerator) -> None:
    with pytest.raises(InputError, match="cannot be planned on") as caught:
        resolve(JOB | {"gpu": [accelerator.name]})
    assert str(accelerator.refused) in caught.value.message
    every = resolve(JOB)
    assert not any(selected(every, offer) for offer in offers() if offer.node.accelerator is accelerator)


def test_tpu_trainium_and_jetson_are_among_them() -> None:
    names = " ".join(accelerator.name for accelerator in REFUSED)
    assert all(word in names for word in ("TPU", "Trainium", "Jetson"))


@pytest.mark.parametrize("text", ["A100 1g.10gb", "MIG 3g.40gb", "1/2 A10", "0.5 A10", "H100 MIG", "vGPU A10"])
def test_slices_of_a_gpu_are_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InputError, match="slices of a GPU"):
        resolve(JOB | {"gpu": [text]})
