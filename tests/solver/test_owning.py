"""Owning a node, and rent against buy: the ledger by hand, the commands, what is written and what is refused."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuplan.cli import cli
from gpuplan.errors import InputError
from gpuplan.listing import machines, owning
from gpuplan.listing.offers import offer_details
from gpuplan.owning import HOURS_PER_MONTH, Month, Stream, break_even_month, ledger, nodes_needed
from gpuplan_hardware import nodes, offers, read_offers
from gpuplan_hardware.ownership import PARTS, Ownership, ownership, purchases

#: $10,000, no power to pay, $10 a kW and month for 1 kW, 12 % maintenance a year ($100 a month), a year.
SIMPLE = Ownership(
    purchase_usd=10_000,
    power_watts=1_000,
    network_usd=0,
    power_usage_effectiveness=1,
    electricity_usd_per_kwh=0,
    idle_power_share=0,
    colocation_usd_per_kw_month=10,
    maintenance_share=0.12,
    amortisation_years=1,
    used_share=1,
    residual_share=0,
)
P4DE = "aws/p4de.24xlarge/us-east-1/on-demand"


def run(line: str) -> Any:
    return CliRunner().invoke(cli, shlex.split(line))


def as_json(line: str) -> dict[str, Any]:
    found = run(f"{line} --format json")
    assert found.exit_code == 0, found.output
    return dict(json.loads(found.output))


def error(line: str) -> dict[str, Any]:
    found = run(f"{line} --format json")
    assert found.exit_code == 2, found.output
    return dict(json.loads(found.stderr)["error"])


# ---- the ledger ------------------------------------------------------------------------------------------------------------


def test_a_ledger_by_hand() -> None:
    # 100 h a month at $20 are $2,000 of rent; owning is $10,000 and then $110 a month: 10,000 + 110 m <= 2,000 m from m = 5.3 on
    months = ledger(SIMPLE, Stream(100), 20)
    assert months[0] == Month(0, 0.0, 1, 10_000, 0.0)
    assert months[5] == Month(5, 100, 1, 10_550, 10_000)
    assert months[-1].month == 12
    assert months[-1].owned_usd == pytest.approx(11_320)
    assert break_even_month(months) == 6


def test_what_the_stream_outgrows_is_bought_when_it_is_needed() -> None:
    # 600, 660, 726, 798.6 h ...: a month has 730 h, so the fourth needs a second node
    months = ledger(SIMPLE, Stream(600, growth_share_per_month=0.1), 20)
    assert [month.nodes for month in months[:6]] == [1, 1, 1, 1, 2, 2]
    assert months[4].owned_usd - months[3].owned_usd == pytest.approx(10_000 + 220)
    assert months[-1].nodes == nodes_needed(Stream(600 * 1.1**11), 1, 1) == 3


def test_what_is_left_at_the_end_is_taken_off_the_last_month() -> None:
    left = Ownership(**{name: getattr(SIMPLE, name) for name in SIMPLE.__slots__} | {"residual_share": 0.3})
    plain, rest = ledger(SIMPLE, Stream(100), 20), ledger(left, Stream(100), 20)
    assert rest[-2] == plain[-2]
    assert rest[-1].owned_usd == pytest.approx(plain[-1].owned_usd - 3_000)


@pytest.mark.parametrize(
    ("stream", "most", "count"),
    [
        (Stream(730), 1.0, 1),
        (Stream(731), 1.0, 2),
        (Stream(730), 0.5, 2),
        (Stream(10, job_nodes=4), 1.0, 4),
        (Stream(730 * 4.1, job_nodes=4), 1.0, 8),  # a job needs four at the same time: a fifth alone runs none
    ],
)
def test_nodes_needed(stream: Stream, most: float, count: int) -> None:
    assert nodes_needed(stream, 1, most) == count


def test_more_nodes_than_anybody_buys_are_refused() -> None:
    with pytest.raises(InputError, match=r"month 12 would need .* nodes"):
        nodes_needed(Stream(1e7, growth_share_per_month=0.5), 12, 1)


@settings(deadline=None)
@given(st.floats(1, 5_000), st.floats(0.1, 200), st.floats(-0.1, 0.1), st.integers(1, 4))
def test_after_the_break_even_owning_is_never_dearer(hours: float, rent: float, growth: float, together: int) -> None:
    months = ledger(SIMPLE, Stream(hours, together, growth), rent)
    found = break_even_month(months)
    if found is None:
        assert months[-1].owned_usd > months[-1].rented_usd
    else:
        assert all(month.owned_usd <= month.rented_usd for month in months[found:])
        assert found == 0 or months[found - 1].owned_usd > months[found - 1].rented_usd
    assert all(month.node_hours <= month.nodes * HOURS_PER_MONTH + 1e-6 for month in months)


@settings(deadline=None)
@given(st.floats(5, 100))
def test_a_full_ledger_and_the_winning_share_say_the_same(rent: float) -> None:
    """A node that works the winning share of its hours has cost, at the end of its years, what renting them has."""
    owned = ownership(150_000, 6_500)
    share = owned.winning_share(rent)
    if share is not None and share <= owned.used_share:
        last = ledger(owned, Stream(share * HOURS_PER_MONTH), rent)[-1]
        assert last.owned_usd == pytest.approx(last.rented_usd)


# ---- owning ----------------------------------------------------------------------------------------------------------------


def test_a_node_of_the_catalogue_costs_what_its_offer_does() -> None:
    """The built-in offers are of clusters of 16: the same node, the same switches, the same price."""
    found = as_json("offers own --node own/HGX-H100 --nodes 16")
    (offer,) = [one for one in offers() if one.id == "own/HGX-H100/any/owned"]
    assert found["usd_per_node_hour"] == offer.price_usd_per_hour
    assert found["usd_per_gpu_hour"] == offer.price_usd_per_hour / 8
    assert sum(part["usd_per_node_hour"] for part in found["parts"]) == pytest.approx(offer.price_usd_per_hour)
    assert [part["part"] for part in found["parts"]] == list(PARTS)
    assert found["usd_in_total_of_all_nodes"] == pytest.approx(16 * found["usd_in_total"])


def test_figures_say_whether_they_were_given() -> None:
    found = as_json("offers own --node HGX-H100 --electricity 0.09 --purchase '$310k'")
    figures = {one["field"]: one for one in found["figures"]}
    assert figures["electricity_usd_per_kwh"] == {
        "field": "electricity_usd_per_kwh", "value": 0.09, "given": True, "source": None, "as_of": None, "basis": None
    }  # fmt: skip
    assert figures["purchase_usd"]["value"] == 310_000
    assert not figures["power_watts"]["given"]
    assert "10.2 kW" in figures["power_watts"]["source"]
    assert all(one["given"] or one["source"] for one in figures.values())
    text = run("offers own --node HGX-H100 --electricity 0.09").output
    assert "$0.09 per kWh  given" in text
    assert "default, 2025-02-26: average asking rate" in text


def test_every_utilisation_is_told_and_the_less_it_works_the_dearer_is_an_hour() -> None:
    rows = as_json("offers own --node HGX-H100 --utilisation 35%")["at_shares"]
    assert [row["used_share"] for row in rows] == [0.1, 0.25, 0.35, 0.5, 0.7, 0.9, 1.0]
    prices = [row["usd_per_node_hour"] for row in rows]
    assert prices == sorted(prices, reverse=True)


def test_the_gpus_find_the_node() -> None:
    assert machines.machine(gpu="H100-SXM").name == "own/HGX-H100"
    assert machines.machine(gpu="rtx 4090", gpus_per_node=1).name == "own/1x-RTX-4090"
    assert machines.machine(gpu="L4", gpus_per_node=4).name is None
    assert machines.machine().purchase is None


def test_switches_of_an_unknown_network_are_said_not_to_be_counted() -> None:
    line = "offers own --gpu L4 --purchase 30000 --power-watts 1500 --nodes 4"
    assert any("switches and cables are not counted" in note for note in as_json(line)["notes"])
    assert not any("are not counted" in note for note in as_json(f"{line} --switches 500")["notes"])


@pytest.mark.parametrize(
    ("line", "name", "most"),
    [
        ("--node own/HGX-H100 --nodes 4", "HGX-H100", 4),
        ("--node aws/p5.48xlarge --purchase 310k --power-watts 10200 --nodes 2", "p5.48xlarge", 2),
        ("--gpu L4 --gpus-per-node 4 --purchase 15000 --power-watts 900 --nodes 2", "4x-L4", 1),  # no network is known
        ("--gpu L4 --gpus-per-node 1 --purchase 4000 --power-watts 300", "1x-L4", 1),
    ],
)
def test_what_is_written_is_a_price_list(line: str, name: str, most: int, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    found = as_json(f"offers own {line} --out {path}")
    (offer,) = read_offers(path)
    assert (offer.node.name, offer.pricing, offer.max_nodes) == (name, "owned", most)
    assert offer.price_usd_per_hour == pytest.approx(found["usd_per_node_hour"], abs=1e-4)
    assert found["source"] in offer.source
    assert offer.host_open
    if name == "p5.48xlarge":
        known = nodes()["aws", name]
        assert (offer.node.intra_node, offer.node.host) == (known.intra_node, known.host)


@pytest.mark.parametrize("node", ["own/HGX-H100", "own/1x-RTX-4090"])
def test_texts_name_every_part(node: str) -> None:
    text = run(f"offers own --node {node}").output
    for word in (
        "node",
        "switches and cables",
        "electricity",
        "rack or colocation",
        "maintenance and staff",
        "together",
    ):
        assert word in text
    assert "interest, taxes and staff beyond the maintenance share are not in it" in text
    assert max(map(len, text.splitlines())) <= 100


# ---- rent or buy -----------------------------------------------------------------------------------------------------------

STREAM = f"offers rent-or-buy --node own/HGX-A100-80GB --offer {P4DE}"


def test_rent_or_buy_follows_the_offer_and_the_ledger() -> None:
    found = as_json(f"{STREAM} --hours-per-month 400")
    rent = offer_details(P4DE).price_usd_per_hour
    bought = purchases()["own", "HGX-A100-80GB"]
    months = ledger(ownership(bought.purchase_usd, bought.power_watts), Stream(400), rent)
    assert (found["rent_offer"], found["rent_usd_per_node_hour"]) == (P4DE, rent)
    assert found["break_even_month"] == break_even_month(months)
    assert [row["owned_usd"] for row in found["months"]] == pytest.approx([month.owned_usd for month in months])
    assert (found["nodes"], found["cheaper"]) == (1, "owning")
    assert found["used_share"] == pytest.approx(400 / 730)
    assert found["owning"]["used_share"] == found["used_share"]
    assert found["owned_usd_per_node_hour"] == pytest.approx(found["owned_usd"] / (48 * 400))
    # over its years, the node costs per hour what the ledger says
    assert found["owning"]["usd_per_node_hour"] == pytest.approx(found["owned_usd_per_node_hour"])


def test_jobs_are_node_hours() -> None:
    line = "offers rent-or-buy --node own/HGX-H100 --rent $40"
    by_jobs = as_json(f"{line} --jobs-per-month 10 --job-hours 12 --job-nodes 2")
    assert by_jobs["node_hours_per_month"] == 240
    assert by_jobs["nodes"] == 2
    assert any("groups of 2" in note for note in by_jobs["notes"])
    assert by_jobs["owning"]["parts"][1]["usd_in_total"] == pytest.approx(6_500)  # two nodes need a switch


def test_a_node_that_never_pays_is_said() -> None:
    line = "offers rent-or-buy --node own/HGX-H100 --rent 20 --hours-per-month 50"
    found = as_json(line)
    assert (found["break_even_month"], found["cheaper"]) == (None, "renting")
    text = run(line).output
    assert text.startswith("Rent: renting costs $")
    assert "never within the 4 years of amortisation" in text
    assert "never at this rent" in run(line.replace("--rent 20", "--rent 1")).output


def test_growth_buys_more_and_says_so() -> None:
    text = run(f"{STREAM} --hours-per-month 400 --growth 5%").output
    assert "5.0% more each month" in text
    assert "are bought later, as the stream grows" in " ".join(text.split())


def test_months_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    assert run(f"{STREAM} --hours-per-month 400 --years 2 --format csv --out {path}").exit_code == 0
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["month"] for row in rows] == [str(month) for month in range(25)]
    assert list(rows[0]) == list(owning.MonthEntry.model_fields)


def test_a_power_that_leaves_nothing_for_the_host_is_said() -> None:
    low = as_json("offers own --node own/HGX-H100 --power-watts 4000")["notes"]
    assert any("4,000 W, is less than the 5,600 W that the GPUs alone may draw" in note for note in low)
    assert not any("GPUs alone" in note for note in as_json("offers own --node own/HGX-H100")["notes"])


def test_switches_that_nobody_counts_have_no_source_of_a_price() -> None:
    found = {one["field"]: one for one in as_json("offers own --node own/HGX-H100")["figures"]}
    assert (found["network_usd"]["value"], found["network_usd"]["as_of"]) == (0, None)
    assert "a single node needs none" in found["network_usd"]["source"]
    two = {one["field"]: one for one in as_json("offers own --node own/HGX-H100 --nodes 2")["figures"]}
    assert two["network_usd"]["as_of"] is not None


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_plot(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"both.{suffix}"
    assert run(f"{STREAM} --hours-per-month 400 --plot {path}").exit_code == 0
    first = path.read_bytes()
    assert first.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    assert len(first) > 5_000


def test_without_matplotlib_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = error(f"{STREAM} --hours-per-month 400 --plot {tmp_path / 'both.png'}")
    assert found["field"] == "plot"
    assert "gpuplan[plots]" in found["message"] and ".venv/bin/pip install '.[plots]'" in found["message"]
    assert not list(tmp_path.iterdir())


# ---- what is refused -------------------------------------------------------------------------------------------------------

WRONG: Sequence[tuple[str, str, str]] = [
    ("own", "node", "and --power-watts WATTS of the whole node; add --node own/HGX-H100"),
    ("own --gpu L4 --gpus-per-node 7", "purchase", "add --purchase"),
    (
        "own --node own/HGX-H100 --power-watts 10.2",
        "power_watts",
        "5,600 W without the host; give watts of the whole node",
    ),
    ("own --node own/HGX-H100 --power-watts 2799", "power_watts", "10.2 kW is 10200"),
    ("own --purchase 120000 --power-watts 10.2", "power_watts", "no server with a GPU draws less than 100 W"),
    ("rent-or-buy --node own/HGX-H100 --hours-per-month 9 --rent 0", "rent", "above 0"),
    ("own --purchase 120000", "power_watts", "not the GPUs alone"),
    ("own --node own/HGX-H10", "node", "Did you mean own/HGX-H100"),
    ("own --node own/HGX-H100 --gpu L4", "gpu", "leave one of the two out"),
    ("own --gpu A100", "gpu", "is a family"),
    ("own --gpu H1000", "gpu", "no such GPU"),
    ("own --node own/HGX-H100 --pue 0.9", "pue", "at least 1"),
    ("own --node own/HGX-H100 --maintenance 10", "maintenance", "Did you mean 10%"),
    ("own --node own/HGX-H100 --purchase 5", "purchase", "at least 100"),
    ("own --node own/HGX-H100 --purchase nan", "purchase", "amount of US dollars"),
    ("own --node own/HGX-H100 --rack 1 --colocation 2", "rack", "one of the two"),
    ("own --node own/HGX-H100 --nodes 0", "nodes", "whole number"),
    ("own --purchase 30000 --power-watts 1500 --out mine.csv", "gpu", "a price list needs the GPU"),
    (
        "own --gpu L4 --gpus-per-node 7 --purchase 30000 --power-watts 1500 --out mine.csv",
        "gpus_per_node",
        "offers template",
    ),
    ("own --node own/HGX-H100 --out none/mine.csv", "out", "does not exist"),
    ("rent-or-buy --node own/HGX-H100 --hours-per-month 9", "rent", "--offer ID"),
    (f"rent-or-buy --node own/HGX-H100 --hours-per-month 9 --rent 9 --offer {P4DE}", "rent", "one of the two"),
    (f"rent-or-buy --node own/HGX-H100 --hours-per-month 9 --offer {P4DE}", "offer", "the same GPUs"),
    ("rent-or-buy --node own/HGX-H100 --hours-per-month 9 --offer own/HGX-H100/any/owned", "offer", "owned"),
    ("rent-or-buy --node own/HGX-H100 --rent 30", "hours_per_month", "--job-hours"),
    ("rent-or-buy --node own/HGX-H100 --rent 30 --hours-per-month 9 --job-hours 2", "job_hours", "says it already"),
    ("rent-or-buy --node own/HGX-H100 --rent 30 --hours-per-month 0", "hours_per_month", "above 0"),
    ("rent-or-buy --node own/HGX-H100 --rent 30 --hours-per-month 1e8 --growth 50%", "hours_per_month", "less growth"),
    ("rent-or-buy --node own/HGX-H100 --rent 30 --hours-per-month 9 --plot both.txt", "plot", ".png or .svg"),
    ("rent-or-buy --node own/HGX-H100 --rent 30 --hours-per-month 9 --plot none/both.png", "plot", "does not exist"),
]


@pytest.mark.parametrize(("line", "field", "words"), WRONG, ids=[line for line, _, _ in WRONG])
def test_what_is_wrong_is_named_with_the_way_out(
    line: str, field: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = error(f"offers {line}")
    assert found["field"] == field
    assert words in found["message"]
    assert not list(tmp_path.iterdir())
