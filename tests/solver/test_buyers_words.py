"""The buyer's words: quotas, discounts, where data stays, age of prices, what is paid after the job, currencies, origin of offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gpuplan.catalogue import listed, offers_for
from gpuplan.errors import InputError
from gpuplan.job import Job, Quota, resolve
from gpuplan.selection import outside
from gpuplan.solve import solve
from gpuplan_hardware import Offer, offers
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.manifest import ImportedFile
from gpuplan_hardware.imports.store import Store

WORDS: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "10MB", "alternatives": 0}


def job(**words: Any) -> Job:
    return resolve({**WORDS, **words})


def refused(**words: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        job(**words)
    return caught.value


# -- quotas ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "quota"),
    [
        ("H100-SXM=16", Quota(16, gpu=("H100-SXM",))),
        ("AWS=64", Quota(64, provider="aws")),
        ("aws/l4=8", Quota(8, provider="aws", gpu=("L4",))),
        ("aws/L4@us-east-1=8", Quota(8, provider="aws", gpu=("L4",), region="us-east-1")),
        ("@eu-north1=0", Quota(0, region="eu-north1")),
    ],
)
def test_a_quota_says_what_it_is_about(word: str, quota: Quota) -> None:
    assert job(quota=[word]).limits.quotas == (quota,)


def test_quotas_add_up_as_limits_do() -> None:
    free = solve({**WORDS, "minimize": "time"})
    assert free.plan is not None and free.plan.gpus > 1
    name = free.plan.offer.provider
    held = solve({**WORDS, "minimize": "time", "quota": [f"{name}=1", "L4=3"]})
    assert held.plan is not None
    assert held.plan.offer.provider != name or held.plan.gpus == 1
    assert held.plan.prediction.total_hours >= free.plan.prediction.total_hours


def test_a_quota_that_stands_in_the_way_is_named_with_what_would_do() -> None:
    every = [f"{name}=1" for name in {offer.provider.name for offer in offers()}]
    answer = solve({**WORDS, "model": "deepseek-r1", "quota": every})
    assert answer.status == "infeasible"
    assert answer.conflict == ["quota"]
    change = next(one for one in answer.relaxations if one.limit == "quota")
    assert change.from_ == 1 and change.to == change.plan.gpus > 1 and change.unit == "GPUs"


@pytest.mark.parametrize(
    ("words", "field", "says"),
    [
        ({"quota": ["H100"]}, "quota", "H100=16"),
        ({"quota": ["=4"]}, "quota", "no quota"),
        ({"quota": ["H100=-4"]}, "quota", "whole number"),
        ({"quota": ["awss/H100=4"]}, "quota", "aws"),
        ({"quota": ["H1000=4"]}, "quota", "H100"),
        ({"quota": ["aws@us-east-99=4"]}, "quota", "us-east-1"),
        ({"quota": []}, "quota", "empty"),
        ({"quota": ["aws=8", "AWS=16"]}, "quota", "already"),
        ({"quota": ["awz=8"]}, "quota", "aws"),
        ({"discount": []}, "discount", "empty"),
        ({"discount": ["12"]}, "discount", "12%"),
        ({"discount": ["aws="]}, "discount", "aws=12%"),
        ({"discount": ["nobody=5%"]}, "discount", "nobody"),
        ({"discount": ["5%", "6%"]}, "discount", "already"),
        ({"residency": ["mars"]}, "residency", "eu"),
        ({"residency": []}, "residency", "empty"),
        ({"egress": "much"}, "egress", "size"),
        ({"egress": "-1GB"}, "egress", "above"),
        ({"keep_checkpoints": "30"}, "keep_checkpoints", "30d"),
        ({"interruptions": "-1", "pricing": ["spot"]}, "interruptions", "at least 0"),
        ({"interruptions": "0.1"}, "interruptions", "does not name spot"),
        ({"interruptions": "nan", "pricing": ["spot"]}, "interruptions", "number"),
        ({"currency": "YEN"}, "currency", "CNY"),
        ({"currency": "CNY=0"}, "currency", "above 0"),
        ({"max_price_age": "old"}, "max_price_age", "duration"),
        ({"offers": "imported"}, "offers", "offers import"),
        ({"offers": "importd"}, "offers", "built-in"),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(words: dict[str, Any], field: str, says: str) -> None:
    error = refused(**words)
    assert error.field == field
    assert says in error.message, error.message


def test_an_offer_that_is_named_brings_its_pricing() -> None:
    found = job(offer="gcp/a2-highgpu-1g/us-central1/spot")
    assert found.limits.pricing == ("spot",)
    error = refused(offer="gcp/a2-highgpu-1g/us-central1/spot", provider=["aws"])
    assert (error.field, "left out by --provider aws" in error.message) == ("offer", True)
    error = refused(offer="gcp/a2-highgpu-1g/us-central1/spot", exclude_region=["us-central1"])
    assert "--exclude-region us-central1" in error.message


def test_a_relaxation_says_which_quota_it_is_about() -> None:
    every = [f"{name}=1" for name in {offer.provider.name for offer in offers()}]
    answer = solve({**WORDS, "model": "deepseek-r1", "quota": every})
    change = next(one for one in answer.relaxations if one.limit == "quota")
    assert change.which == change.plan.offer.provider


def test_commitments_keep_the_residency() -> None:
    answer = solve({**WORDS, "provider": "gcp", "residency": ["eu"]})
    assert answer.buying is not None
    assert all(one.region.startswith("europe") for one in answer.buying.commitments)


# -- prices ------------------------------------------------------------------------------------------------------------------
def test_a_discount_lowers_the_price_of_its_provider_alone() -> None:
    plain = {offer.id: offer for offer in offers_for(job())}
    less = {offer.id: offer for offer in offers_for(job(discount=["aws=20%", "10%"]))}
    assert plain.keys() == less.keys()
    for name, offer in less.items():
        share = 1.0 if offer.pricing == "owned" else 0.8 if offer.provider.name == "aws" else 0.9
        assert offer.price_usd_per_hour == pytest.approx(share * plain[name].price_usd_per_hour)
        assert (share == 1) != ("your discount" in offer.source)


def test_old_prices_are_left_out_where_that_is_asked() -> None:
    oldest = datetime.now(UTC).date() - timedelta(days=60)
    recent = offers_for(job(max_price_age="60d"))
    assert recent and all(offer.as_of >= oldest for offer in recent)
    assert len(recent) < len(offers_for(job()))


def test_another_currency_is_said_beside_dollars() -> None:
    answer = solve({**WORDS, "currency": "CNY=7.10"})
    assert answer.currency is not None and answer.objective is not None
    assert answer.currency.cost == pytest.approx(7.1 * answer.objective)
    assert (answer.currency.source, answer.currency.as_of) == ("your rate", None)
    built_in = job(currency="eur").currency
    assert built_in is not None and built_in.as_of is not None and 0.5 < built_in.per_usd < 1.5
    assert job(currency="USD").currency is None


# -- where data stays --------------------------------------------------------------------------------------------------------
def test_data_stays_where_it_must() -> None:
    asked = job(residency=["EU"])
    inside = {offer.region for offer in offers_for(asked) if not outside(asked, offer)}
    assert {"eu-north1", "FIN-01"} <= inside
    assert not {"us-east-1", "any", "us"} & inside  # a region whose country nobody states is in none


def test_owned_machines_are_where_their_owner_wants_them() -> None:
    asked = job(residency=["DE"], pricing=["owned"])
    assert any(not outside(asked, offer) for offer in offers_for(asked))


def test_residency_is_named_where_it_leaves_nothing() -> None:
    answer = solve({**WORDS, "residency": ["JP"]})
    assert answer.status == "infeasible"
    assert "residency" in {change.limit for change in answer.relaxations}


# -- what is paid after the job ----------------------------------------------------------------------------------------------
def test_what_follows_the_job_is_in_the_cost() -> None:
    plain, more = (solve({**WORDS, "provider": "aws", **words}) for words in ({}, {"egress": "100GB"}))
    assert plain.plan is not None and more.plan is not None
    assert more.plan.prediction.cost_parts_usd["egress"] == pytest.approx(9.0)  # 100 GB at 0.09
    assert more.plan.prediction.cost_usd == pytest.approx(plain.plan.prediction.cost_usd + 9.0)
    assert sum(more.plan.prediction.cost_parts_usd.values()) == pytest.approx(more.plan.prediction.cost_usd)


def test_the_cheapest_way_out_may_decide() -> None:
    """A petabyte out at 0.09 USD a GB is 90,000 USD: who charges nothing for it wins."""
    answer = solve({**WORDS, "egress": "1000TB"})
    assert answer.plan is not None
    assert answer.plan.prediction.cost_parts_usd["egress"] == 0.0


# -- spot --------------------------------------------------------------------------------------------------------------------
def spot(offer: Offer) -> Offer:
    return replace(
        offer,
        id=offer.id.replace("on-demand", "spot"),
        pricing="spot",
        price_usd_per_hour=0.4 * offer.price_usd_per_hour,
    )


def test_spot_is_chosen_where_it_pays_and_not_where_nodes_hardly_run() -> None:
    plain = [offer for offer in offers() if offer.pricing == "on-demand" and offer.provider.name == "aws"]
    market = [*plain, *map(spot, plain)]
    words = {**WORDS, "data": "1GB", "pricing": ["spot", "on-demand"]}
    seldom, often = (solve({**words, "interruptions": rate}, market) for rate in ("0.001", "5"))
    assert seldom.plan is not None and often.plan is not None
    assert (seldom.plan.offer.pricing, often.plan.offer.pricing) == ("spot", "on-demand")
    assert seldom.plan.offer.interruptions_per_node_hour == 0.001
    parts = seldom.plan.prediction.time_parts_hours
    assert 0 < parts["lost_to_interruptions"] < parts["training"]


# -- offers of one's own -----------------------------------------------------------------------------------------------------
@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """A catalogue of one's own with one offer that is cheaper than all others."""
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path))
    one = next(o for o in offers() if o.node.accelerator.name == "L40S" and o.pricing == "on-demand")
    cheap = replace(one, id=one.id.replace(one.region, "moon"), region="moon", price_usd_per_hour=0.01, source="test")
    file = ImportedFile("test.csv", "own", "aws", cheap.as_of, "given", "0" * 64, 1, 1, 1, {}, None)
    Store(tmp_path).add([file], lambda _: OfferTable.from_offers([cheap]))
    return cheap


def test_what_was_imported_is_part_of_the_question(imported: Offer) -> None:
    chosen = solve(WORDS)
    assert chosen.plan is not None and chosen.plan.offer.id == imported.id
    assert chosen.solver.offers_listed == len(offers()) + 1
    for origin, ids in (("built-in", False), ("imported", True), ("all", True)):
        found = offers_for(job(offers=origin))
        assert (imported.id in {offer.id for offer in found}) == ids
        assert listed(job(offers=origin)) >= len(found)


def test_the_callers_offers_are_taken_as_they_are(imported: Offer) -> None:
    given = offers()[:20]
    assert offers_for(job(), given) == tuple(given)
    assert listed(job(), given) == 20
