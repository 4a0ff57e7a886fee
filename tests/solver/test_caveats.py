"""What an answer says of how its plan is priced, by the words of real answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gpuplan.answer import today
from gpuplan.caveats import OLD_PRICE_DAYS, WEAK_DAYS
from gpuplan.cli import cli
from gpuplan.report.verdict import verdict
from gpuplan.report.verdict import warnings as said_first
from gpuplan.result import Result
from gpuplan.solve import solve
from gpuplan_hardware import Offer, offers
from gpuplan_hardware.entities import Pricing

JOB: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "10MB", "alternatives": 0}
PLAIN = next(offer for offer in offers() if offer.id == "aws/p4d.24xlarge/us-east-1/on-demand")


def sold(pricing: Pricing = "on-demand", price: float = 20.0, **changes: Any) -> Offer:
    """Eight A100 of aws, at once, at a price of today."""
    provider = replace(PLAIN.provider, **changes.pop("provider", {}))
    offer_id = f"{provider.name}/{PLAIN.node.name}/us-east-1/{pricing}"
    given: dict[str, Any] = {
        "as_of": today(),
        "lead_time": "instant",
        "lead_time_seconds": 0.0,
        "source": "a list",
    } | changes
    return replace(PLAIN, id=offer_id, provider=provider, pricing=pricing, price_usd_per_hour=price, **given)


def solved(offer: Offer, **words: Any) -> Result:
    answer = solve(JOB | {"pricing": offer.pricing} | words, [offer])
    assert answer.status == "optimal"
    return answer


def assumed(offer: Offer, **words: Any) -> str:
    return " | ".join(solved(offer, **words).assumptions)


def warned(offer: Offer, **words: Any) -> str:
    return " | ".join(solved(offer, **words).warnings)


# -- spot ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("offer", "words", "said"),
    [
        (sold("spot"), {"interruptions": 0.1}, "once in 10.0 h of use (as you say)"),
        (sold("spot", interruptions_per_node_hour=0.01), {}, "once in 4.2 days of use (as its price list says)"),
        (sold("spot", provider={"spot_interruptions_per_node_hour": 0.5}), {}, "once in 2.0 h of use (aws)"),
        (sold("spot", provider={"spot_interruptions_per_node_hour": None}), {},
         "once in 20.0 h of use (assumed, as nobody says)"),
        (sold("spot"), {"interruptions": 0}, "spot nodes are never taken back (as you say)"),
    ],
)  # fmt: skip
def test_who_says_how_often_a_spot_node_is_taken(offer: Offer, words: dict[str, Any], said: str) -> None:
    assert said in assumed(offer, **words)


def test_checkpoints_of_spot_take_the_place_of_those_of_the_hour() -> None:
    spot = assumed(sold("spot"), interruptions=0.1)
    assert "because of it a checkpoint every 5.0 min (Young's interval" in spot
    assert "a checkpoint every 60 minutes" not in spot
    assert "are not planned; this one " in spot
    assert "a checkpoint every 60 minutes" in assumed(sold())


def test_spot_warns_of_stops_and_of_a_rate_that_nobody_states() -> None:
    offer = sold("spot", provider={"spot_interruptions_per_node_hour": None})
    said = warned(offer)
    assert "stops are to be expected in all" in said and "waiting for another node is not" in said
    assert "nobody says how often aws takes back this node: once in 20.0 h is assumed" in said
    assert "nobody says how often" not in warned(offer, interruptions=0.1)
    assert "stops are to be expected" not in warned(offer, interruptions=0)


# -- commitments -----------------------------------------------------------------------------------------------------------
def test_a_capacity_block_is_paid_whole() -> None:
    said = warned(sold("capacity-block", lead_time="queue"))
    assert "a capacity block is paid whole and ahead, in steps of 24.0 h: 24.0 h are paid for, " in said
    assert "billed for 24.0 h" not in said  # said once
    unknown = warned(sold("capacity-block", provider={"name": "else", "capacity_block_seconds": None}))
    assert "in steps of 24.0 h, assumed as nobody states it: " in unknown


def test_blocks_of_aws_beyond_two_weeks_are_sold_in_weeks() -> None:
    offer = sold("capacity-block")
    day = {"model": "deepseek-r1-distill-qwen-7b", "data": "280GB", "nodes": 1}
    said, plan = warned(offer, **day), solved(offer, **day).plan
    assert plan is not None
    days = round(plan.prediction.cost_usd / 24 / offer.price_usd_per_hour)
    assert days > 14 and days % 7
    assert f"aws sells blocks of more than 14 days in whole weeks: {days + 7 - days % 7} days, " in said


@pytest.mark.parametrize(("pricing", "term", "years"), [("reserved-1y", "1 year", 1), ("reserved-3y", "3 years", 3)])
def test_what_a_reservation_costs_in_all(pricing: Pricing, term: str, years: int) -> None:
    whole = f"${years * 8760 * 10:,}"
    assert f"the price is that of a commitment of {term}, which costs {whole} in all" in warned(sold(pricing, 10.0))


# -- the bill --------------------------------------------------------------------------------------------------------------
def test_steps_of_billing_are_said_to_be_counted() -> None:
    coarse = sold(provider={"billing_increment_seconds": 600.0})
    assert "aws bills in steps of 10.0 min, counted" in assumed(coarse)
    assert "bills in steps" not in warned(coarse)
    assert "in which steps" not in assumed(sold())
    unknown = sold(provider={"billing_increment_seconds": None})
    assert "aws does not state in which steps it bills: counted as if by the minute" in assumed(unknown)


def test_the_least_bill() -> None:
    least = sold(provider={"minimum_billing_seconds": 36_000.0})
    assert "billed for 10.0 h (aws's least), though it runs " in warned(least)
    unknown = sold(provider={"minimum_billing_seconds": None})
    assert "billed for 1.0 h (assumed, as aws's least is unknown), though it runs " in warned(unknown)


def test_prices_that_nobody_states_are_taken_as_the_dearest() -> None:
    mute = sold(provider={"egress_usd_per_gb": None, "object_storage_usd_per_gb_month": None})
    said = warned(mute, egress="result", keep_checkpoints="30d")
    assert "what aws charges for taking data out is not known: $0.12 per GB, the dearest known, is counted" in said
    assert "what aws charges for keeping data is not known: $0.20 per GB and month" in said
    assert "is not known" not in warned(mute)
    assert "is not known" not in warned(sold(), egress="result", keep_checkpoints="30d")


def test_discounts() -> None:
    assert "the list price less your discount of 12% with aws" in assumed(sold(), discount=["aws=12%", "5%"])
    assert "the list price less your discount of 5% with aws" in assumed(sold(), discount=["5%"])
    assert "discount" not in assumed(sold())


def test_what_is_in_the_price_of_a_machine_of_ones_own() -> None:
    said = warned(sold("owned"), discount=["5%"])
    assert (
        "the machine is owned, not rented: the cost is its share of purchase, network, power, rack and maintenance"
        in said
    )


# -- age -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("days", "old"), [(OLD_PRICE_DAYS, False), (OLD_PRICE_DAYS + 1, True)])
def test_old_prices(days: int, old: bool) -> None:
    said = warned(sold(as_of=today() - timedelta(days=days)))
    assert (f"us-east-1/on-demand is {days} days old" in said) is old


def test_a_day_that_nobody_states() -> None:
    said = warned(sold(source=f"SkyPilot catalog vms.csv, line 3; {next(iter(WEAK_DAYS))}"))
    assert "nobody states the day of the price of aws/p4d.24xlarge/us-east-1/on-demand" in said
    assert "nobody states the day" not in warned(sold())


def test_an_imported_price_has_the_day_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path / "offers"))
    file = tmp_path / "vms.csv"
    file.write_text(
        "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"
        "gpu_1x_a10,A10,1.0,30.0,200.0,0.9,us-east-1,,\n"
    )
    assert CliRunner().invoke(cli, ["offers", "import", str(file), "--provider", "lambda"]).exit_code == 0
    said = " | ".join(solve(JOB | {"offers": "imported"}).warnings)
    assert "nobody states the day of the price of lambda/gpu_1x_a10/us-east-1/on-demand" in said


def test_the_rate_of_a_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuplan.caveats.today", lambda: date(2026, 5, 8) + timedelta(days=OLD_PRICE_DAYS + 1))
    assert "CNY per USD: European Central Bank" in assumed(sold(), currency="CNY")
    assert "the rate of CNY is 91 days old (2026-05-08); --currency CNY=RATE takes yours" in warned(
        sold(), currency="CNY"
    )
    assert "the rate of CNY" not in warned(sold(), currency="CNY=7.10")
    assert "7.1 CNY per USD: your rate" in assumed(sold(), currency="CNY=7.10")


# -- what the choice was restricted to ---------------------------------------------------------------------------------------
def restricted(**words: Any) -> list[str]:
    return solve(JOB | words, [sold()]).limits.selection


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, []),
        ({"residency": ["us"]}, ["residency us"]),
        ({"quota": ["aws=64", "aws/A100-40GB-SXM@us-east-1=8"]},
         ["quota aws 64 GPUs", "quota aws A100-40GB-SXM us-east-1 8 GPUs"]),
        ({"provider": ["aws"], "region": ["us-east-1"]}, ["provider aws", "region us-east-1"]),
        ({"gpu": ["A100-40GB-SXM"]}, ["GPU A100-40GB-SXM"]),
        ({"exclude_gpu": ["L4"]}, ["without GPU L4"]),
        ({"max_nodes": 1, "max_gpus": 8}, ["at most 8 GPUs", "at most 1 node"]),
        ({"max_price_age": "30d", "discount": ["aws=5%", "3%"]},
         ["prices of at most 30 days", "your discount of 5% with aws", "your discount of 3% with every other provider"]),
        ({"pricing": ["on-demand", "spot"]}, ["pricing on-demand or spot"]),
        ({"pricing": ["on-demand"]}, ["pricing on-demand"]),
        ({"nvswitch_only": True, "available_within": "2d", "max_tp": 4, "min_mfu": "1%", "node_counts": [1, 2]},
         ["NVSwitch nodes only", "to be had within 2.0 days", "a cluster of 1 or 2 nodes", "TP at most 4", "MFU at least 1%"]),
        ({"tp": 2, "nodes": 1, "framework": "megatron"}, ["nodes 1", "TP 2", "framework megatron"]),
    ],
)  # fmt: skip
def test_every_restriction_is_named(words: dict[str, Any], said: list[str]) -> None:
    assert restricted(**words) == said


def test_an_empty_selection_says_that_nothing_was_looked_at_and_why() -> None:
    answer = solve(JOB | {"pricing": ["reserved-1y"]}, [sold()])
    assert answer.status == "infeasible"
    assert answer.solver.proof == "the selection leaves no offer to look at"
    sentence, _ = verdict(answer)
    assert sentence == ("No plan: no offer is left to look at; proved. Left out: 1 priced otherwise (see --pricing).")
    assert not said_first(answer)


def test_machines_that_nobody_said_are_there() -> None:
    answer = solve(JOB | {"pricing": ["owned"], "alternatives": 0})
    assert answer.plan is not None and answer.plan.offer.purchase_usd_per_node is not None
    said = " | ".join(answer.warnings)
    assert (
        f"nobody said that machines like {answer.plan.offer.node} are there: an hour is priced as its share of buying"
        in said
    )
    mine = solved(sold("owned")).plan
    assert mine is not None and mine.offer.purchase_usd_per_node is None
