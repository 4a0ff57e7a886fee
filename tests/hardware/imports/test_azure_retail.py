"""Pages of the Azure Retail Prices API, synthetic ones with the keys of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gpuplan_hardware.imports.base import ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.formats import azure_retail
from gpuplan_hardware.imports.formats.azure_retail import AzureRetail
from gpuplan_hardware.imports.sources import read_head

ND96: dict[str, Any] = {
    "currencyCode": "USD",
    "tierMinimumUnits": 0.0,
    "retailPrice": 27.197,
    "unitPrice": 27.197,
    "armRegionName": "eastus",
    "location": "US East",
    "effectiveStartDate": "2021-06-01T00:00:00Z",
    "meterName": "ND96asr A100 v4",
    "productName": "Virtual Machines NDasr A100 v4 Series",
    "skuName": "ND96asr A100 v4",
    "serviceName": "Virtual Machines",
    "serviceFamily": "Compute",
    "unitOfMeasure": "1 Hour",
    "type": "Consumption",
    "isPrimaryMeterRegion": True,
    "armSkuName": "Standard_ND96asr_v4",
}
SPOT = {**ND96, "retailPrice": 5.98, "skuName": "ND96asr A100 v4 Spot", "meterName": "ND96asr A100 v4 Spot"}
RESERVED = {**ND96, "type": "Reservation", "reservationTerm": "1 Year", "retailPrice": 175_200}


def page(*items: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"BillingCurrency": "USD", "Items": list(items), "NextPageLink": following, "Count": len(items)}


def source_of(path: Path, text: str) -> Source:
    path.write_text(text, encoding="utf-8")
    return Source(path.name, path, None, date(2026, 11, 1), "given", "0" * 64)


def read(path: Path, *items: dict[str, Any]) -> list[Listed | Skipped]:
    return list(AzureRetail().read(source_of(path, json.dumps(page(*items)))))


def listed(rows: Iterable[Listed | Skipped]) -> list[Listed]:
    return [row for row in rows if isinstance(row, Listed)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prices.json"


def test_an_on_demand_price_without_a_day_of_its_own(path: Path) -> None:
    expected = Listed(
        line=1,
        provider="azure",
        instance_type="Standard_ND96asr_v4",
        accelerator="",
        accelerator_count=None,
        region="eastus",
        pricing="on-demand",
        price_per_hour=27.197,
        currency="USD",
    )
    assert read(path, ND96) == [expected]  # as_of None: the day of the file, not effectiveStartDate


def test_spot_knows_the_on_demand_price_of_its_region(path: Path) -> None:
    found = listed(read(path, SPOT, ND96, {**SPOT, "armRegionName": "westus3"}))
    assert [(row.pricing, row.price_per_hour, row.on_demand_per_hour) for row in found] == [
        ("spot", 5.98, 27.197),
        ("on-demand", 27.197, None),
        ("spot", 5.98, None),
    ]


def test_reservations_are_for_the_whole_term(path: Path) -> None:
    # 175,200 / 8,760 h = 20; 394,200 / (3 x 8,760 h) = 15
    found = listed(read(path, RESERVED, {**RESERVED, "reservationTerm": "3 Years", "retailPrice": 394_200}))
    assert [(row.pricing, row.price_per_hour) for row in found] == [("reserved-1y", 20.0), ("reserved-3y", 15.0)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serviceName": "Storage"}, "not a virtual machine"),
        ({"armSkuName": "Standard_D2s_v5"}, "no GPU"),
        ({"armSkuName": ""}, "no GPU"),
        ({"armSkuName": "Standard_NP10s"}, "no GPU"),  # FPGAs
        ({"productName": "Virtual Machines NDasr A100 v4 Series Windows"}, "for Windows"),
        ({"productName": "Virtual Machines NCCadsv5 Srs Win"}, "for Windows"),
        ({"productName": "Virtual Machines NDasr Series CloudServices"}, "for Azure Cloud Services"),
        ({"productName": "NDasr Dedicated Host"}, "a dedicated host"),
        ({"skuName": "ND96asr v4 Low Priority"}, "low priority, which is no longer sold"),
        ({"meterName": "ND96asr v4 Expired"}, "expired"),
        ({"type": "DevTestConsumption"}, "only for development and test subscriptions"),
        ({"type": "Gift"}, "an unknown type of price"),
        ({"type": "Reservation", "reservationTerm": "5 Years"}, "a reservation for neither 1 nor 3 years"),
        ({"isPrimaryMeterRegion": False}, "a meter that is not billed (not primary)"),
        ({"tierMinimumUnits": 100.0}, "a price from a minimum usage on"),
        ({"unitOfMeasure": "1/Month"}, "a price of another unit than an hour"),
        ({"armRegionName": ""}, "no region"),
        ({"currencyCode": None}, "no currency"),
        ({"retailPrice": 0.0}, "no on-demand price"),
        ({"retailPrice": 0, "skuName": "ND96asr Spot"}, "no spot price"),
        ({"retailPrice": "27.197"}, "not a plausible price"),
        ({"retailPrice": True}, "not a plausible price"),
        ({"retailPrice": -1}, "not a plausible price"),
        ({"retailPrice": float("nan")}, "not a plausible price"),
        ({"retailPrice": 10**400}, "not a plausible price"),
    ],
)
def test_what_is_left_out_says_why(path: Path, change: dict[str, Any], reason: str) -> None:
    (found,) = read(path, {**ND96, **change})
    assert isinstance(found, Skipped) and found.reason == reason and found.line == 1


def test_answers_of_which_only_what_tells_prices_apart_was_saved(path: Path) -> None:
    kept = (
        "armRegionName",
        "armSkuName",
        "meterName",
        "productName",
        "type",
        "unitOfMeasure",
        "currencyCode",
        "retailPrice",
    )
    windows = {**ND96, "productName": "Virtual Machines NDasr A100 v4 Series Windows"}
    other = {**ND96, "productName": "Azure Machine Learning"}
    rows = read(path, *({key: item[key] for key in kept} for item in (ND96, SPOT, windows, other)))
    prices = [(row.pricing, row.price_per_hour) for row in rows if isinstance(row, Listed)]
    assert prices == [("on-demand", 27.197), ("spot", 5.98)]
    assert {row.reason for row in rows if isinstance(row, Skipped)} == {"for Windows", "not a virtual machine"}


def test_items_without_gpus_are_counted_by_machine(path: Path) -> None:
    cpu = {**ND96, "armSkuName": "Standard_D2s_v5"}
    found = read(path, cpu, ND96, cpu, cpu)
    assert [row for row in found if isinstance(row, Skipped)] == [Skipped(1, "no GPU", "Standard_D2s_v5", rows=3)]
    assert [row.line for row in listed(found)] == [2]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(page(ND96, SPOT)),
        json.dumps(page(ND96, SPOT), indent=2),
        json.dumps([page(ND96), page(SPOT)]),
        json.dumps([ND96, SPOT], indent=1),
        f"{json.dumps(ND96)}\n{json.dumps(SPOT)}\n",
        f"\n{json.dumps(page(ND96))}\n\n{json.dumps(page(SPOT))}",
        "\ufeff" + json.dumps(page(ND96, SPOT)),
    ],
    ids=["page", "indented", "pages", "items", "lines of items", "lines of pages", "byte-order mark"],
)
def test_every_way_to_save_it(path: Path, text: str) -> None:
    source = source_of(path, text)
    assert AzureRetail().recognises(read_head(source))
    assert [(row.line, row.pricing) for row in listed(AzureRetail().read(source))] == [(1, "on-demand"), (2, "spot")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(page(ND96))[:-20], "line 1 is not well-formed JSON .*cut short"),
        (json.dumps(page(ND96), indent=2)[:-20], r"line \d+ is not well-formed JSON"),
        (f"{json.dumps(ND96)}\n{json.dumps(SPOT)[:-9]}", "line 2 is not well-formed JSON"),
        ('{"Error": {"Code": "BadRequest"}}', "where a page with Items or an item was expected"),
        ("[1, 2]", "'1' where a page with Items"),
        ("[" * 100_000, "nested too deep"),
        ('{"retailPrice": ' + "1" * 5000 + "}", "not well-formed JSON"),
        ("", "line 1 is not well-formed JSON"),
    ],
)
def test_broken_files_are_refused(path: Path, text: str, message: str) -> None:
    with pytest.raises(ImportFileError, match=message):
        list(AzureRetail().read(source_of(path, text)))


def test_one_text_that_is_too_long_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_retail, "MOST_JSON_CHARACTERS", 1000)
    for text in (json.dumps([ND96, SPOT, RESERVED]), json.dumps([ND96, SPOT, RESERVED], indent=1)):
        with pytest.raises(ImportFileError, match="one item in a line"):
            list(AzureRetail().read(source_of(path, text)))
    lines = "\n".join(json.dumps(item) for item in (ND96, SPOT, RESERVED))
    assert len(listed(AzureRetail().read(source_of(path, lines)))) == 3


def test_csv_and_other_json_are_not_recognised(path: Path) -> None:
    for text in ("armSkuName,retailPrice\n", '{"offers": []}'):
        assert not AzureRetail().recognises(read_head(source_of(path, text)))
