"""What the page for the person who signs says of times, purchases, volumes, restrictions and prices without flags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import gpuplan
from gpuplan.cli import cli
from gpuplan.report.no_flags import without_flags
from gpuplan.result import PlanAnswer
from gpuplan.solve import solve
from report_samples import answer, buying, commitment, plan, rule

JOB: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "10MB", "deadline": "24h"}


@pytest.fixture(autouse=True, scope="module")
def _today() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for place in ("answer", "caveats", "report.quote_frame"):
            patch.setattr(f"gpuplan.{place}.today", lambda: date(2026, 11, 21))
        yield


def row(page: str, label: str) -> str:
    """The second cell of the row that begins with `label`."""
    (found,) = [line for line in page.splitlines() if line.startswith(f"| {label} |")]
    return found.split(" | ", 1)[1].removesuffix(" |")


def offered(**changes: Any) -> PlanAnswer:
    return plan().model_copy(update={"offer": plan().offer.model_copy(update=changes)})


def test_machines_that_the_user_has_are_not_bought(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    assert CliRunner().invoke(cli, ["offers", "own", "--node", "own/HGX-H100", "--out", str(path)]).exit_code == 0
    mine = solve(JOB | {"offers": str(path), "alternatives": 0})
    page = gpuplan.quote(mine)
    assert "**Please approve the use of your own machines, worth $" in page and "| from | your own machines |" in page
    assert "None: the machines are there." in page and "to buy" not in page
    assert "| of the expected | share of owning the nodes $" in page
    assert "the machine is owned, not rented" in page
    assert mine.limits.selection == ["the offers of mine.csv"]


def test_times_do_not_count_from_the_order_where_nobody_states_the_lead_time() -> None:
    page = gpuplan.quote(answer(plan=offered(lead_time="contract", lead_time_hours=None)))
    since = "the nodes are granted, and how long that takes from the order nobody states"
    assert f"done 2.8 h after {since}." in page and "after the order" not in page
    assert row(page, "done after").endswith(f", 5% above; counted from when {since}")
    other = gpuplan.quote(answer(alternatives=[offered(lead_time_hours=None)]))
    assert "| 2.8 h+ |" in other and "+ the time once the nodes are granted" in other and "after the order" in other
    counted = gpuplan.quote(answer(plan=offered(lead_time="queue", lead_time_hours=30.0)))
    assert "after the order, 30.0 h of lead time among them." in counted.replace("1.2 days", "30.0 h")


def test_the_network_volume_and_what_is_not_in_the_cost() -> None:
    page = gpuplan.quote(answer(buying=buying(egress_result_usd=3.0)))
    assert (
        row(page, "network volume")
        == "67 GB per node, for what the local disk does not hold; $0.40 in all, in the cost"
    )
    assert row(page, "not in it") == "taking the results out of nebius: $3.00 for all results over the internet"
    assert "2025-08-01, 476 days old |" in page[page.index("## Alternatives") :]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("weights in bf16 (published in fp8: --weights fp8 keeps it so)", "weights in bf16 (published in fp8)"),
        ("priced otherwise (see --pricing); others", "priced otherwise; others"),
        ("their weights; leave them out with --lora-targets x, or attention", "their weights"),
        ("once a day is assumed, and --interruptions takes what you know", "once a day is assumed"),
        ("older (gpuplan offers import --as-of)", "older"),
        ("--framework megatron is proved cheapest", "framework megatron is proved cheapest"),
        ("plain (as is); nothing", "plain (as is); nothing"),
    ],
)
def test_a_page_names_no_flags(said: str, left: str) -> None:
    assert without_flags(said) == left


def test_restrictions_stand_before_the_proof() -> None:
    limits = answer().limits.model_copy(update={"selection": ["residency eu", "quota gcp 64 GPUs"]})
    page = gpuplan.quote(answer(limits=limits))
    asked = "Asked for only: residency eu; quota gcp 64 GPUs. What lies outside was not looked at."
    assert page.index("## Proof") < page.index(asked) < page.index("Proved cheapest")
    assert "Asked for only" not in gpuplan.quote(answer())


def test_an_amount_has_one_rounding() -> None:
    whole = commitment(chosen=True, total_usd=2_050_807.4)
    reserved = gpuplan.quote(answer(plan=offered(pricing="reserved-3y"), buying=buying(commitments=[whole])))
    assert reserved.count("$2,050,807") == 2 and "$2,050,808" not in reserved
    certain = plan(usd=2076.48)
    rules = [rule("budget", "cost", 2076.48, None, "USD", satisfied=True)]
    page = gpuplan.quote(answer(plan=certain, rules=rules))
    assert "**Please approve $2,076.48** for" in page and "Expected: $2,076," in page and "$2,077" not in page


def test_kinds_of_machine_are_not_counted_once_for_every_method() -> None:
    one = answer(alternatives=[])
    solver = one.solver.model_copy(update={"machine_classes": 132})
    several = answer(plan=None, rules=[], alternatives=[], choices=[one, one, one], solver=solver)
    assert "; 44 kinds of machine in the selection; " in gpuplan.quote(several)
