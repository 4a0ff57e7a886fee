"""The offer file of EC2, in small synthetic files with the columns of the real one."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from gpuplan_hardware.imports.base import Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.formats.aws_price_list import AwsPriceList
from gpuplan_hardware.imports.sources import read_head

HEADER = (
    "SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange", "EndingRange",
    "Unit", "PricePerUnit", "Currency", "RelatedTo", "LeaseContractLength", "PurchaseOption", "OfferingClass",
    "Product Family", "serviceCode", "Location", "Location Type", "Instance Type", "vCPU", "Memory", "Tenancy",
    "Operating System", "operation", "CapacityStatus", "GPU", "GPU Memory", "MarketOption", "Pre Installed S/W", "Region Code",
)  # fmt: skip
P4D = {
    "SKU": "S1",
    "TermType": "OnDemand",
    "PriceDescription": "$21.957642 per On Demand Linux p4d.24xlarge, Instance Hour",
    "Unit": "Hrs",
    "PricePerUnit": "21.9576420000",
    "Currency": "USD",
    "Product Family": "Compute Instance",
    "serviceCode": "AmazonEC2",
    "Location Type": "AWS Region",
    "Instance Type": "p4d.24xlarge",
    "vCPU": "96",
    "Memory": "1,152 GiB",
    "Tenancy": "Shared",
    "Operating System": "Linux",
    "CapacityStatus": "Used",
    "GPU": "8",
    "MarketOption": "OnDemand",
    "Pre Installed S/W": "NA",
    "Region Code": "us-east-1",
}
RESERVED = {**P4D, "TermType": "Reserved", "OfferingClass": "standard", "LeaseContractLength": "1yr"}


def text_of(*rows: dict[str, str], header: tuple[str, ...] = HEADER, code: str = "AmazonEC2") -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["FormatVersion", "v1.0"])
    writer.writerow(["Disclaimer", "This pricing list is for informational purposes only."])
    writer.writerow(["Publication Date", "2026-10-05T20:59:55Z"])
    writer.writerow(["Version", "20261005205955"])
    writer.writerow(["OfferCode", code])
    writer.writerow(header)
    writer.writerows([row.get(name, "") for name in header] for row in rows)
    return out.getvalue()


def source_of(path: Path, text: str) -> Source:
    path.write_text(text, encoding="utf-8")
    return Source(path.name, path, None, date(2026, 11, 1), "given", "0" * 64)


def read(path: Path, *rows: dict[str, str]) -> list[Listed | Skipped]:
    return list(AwsPriceList().read(source_of(path, text_of(*rows))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.csv"


def test_an_on_demand_price(path: Path) -> None:
    assert read(path, P4D) == [
        Listed(
            line=7,  # after 5 rows of metadata and the header
            provider="aws",
            instance_type="p4d.24xlarge",
            accelerator="",
            accelerator_count=8.0,
            region="us-east-1",
            pricing="on-demand",
            price_per_hour=21.957642,
            currency="USD",
            vcpus=96.0,
            ram_gib=1152.0,
            as_of=date(2026, 10, 5),
        )
    ]


def test_it_is_recognised_by_its_metadata(path: Path) -> None:
    assert AwsPriceList().recognises(read_head(source_of(path, text_of(P4D))))
    other = source_of(path, "InstanceType,Price\np4d.24xlarge,21.9\n")
    assert not AwsPriceList().recognises(Head(other, "InstanceType,Price\n", ("InstanceType", "Price")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Operating System": "Windows"}, "not for Linux, or not of shared tenancy"),
        ({"Operating System": "Red Hat Enterprise Linux with HA"}, "not for Linux, or not of shared tenancy"),
        ({"Tenancy": "Dedicated"}, "not for Linux, or not of shared tenancy"),
        ({"Product Family": "Dedicated Host"}, "not the hours of a machine"),
        ({"CapacityStatus": "UnusedCapacityReservation"}, "a capacity reservation, not a machine in use"),
        ({"Pre Installed S/W": "SQL Web"}, "with further software"),
        ({"GPU": ""}, "no GPU"),
        ({"GPU": "NA"}, "no GPU"),
        ({"GPU": "eight"}, "the number of GPUs is no number"),
        ({"PricePerUnit": "0.0000000000"}, "no on-demand price"),
        ({"PricePerUnit": "nan"}, "not a plausible price"),
        ({"PricePerUnit": "-1"}, "not a plausible price"),
        ({"Unit": "Quantity"}, "a price of another unit than an hour"),
        ({"MarketOption": "Barter"}, "unknown terms"),
        ({"MarketOption": "CapacityBlock", "PricePerUnit": "0.0000000000"}, "no price of a capacity block"),
        ({"TermType": "Gift"}, "unknown terms"),
        ({"Region Code": ""}, "no region"),
        ({"Currency": ""}, "no currency"),
        ({"Instance Type": ""}, "no instance type"),
    ],
)
def test_what_is_left_out_says_why(path: Path, change: dict[str, str], reason: str) -> None:
    found = read(path, {**P4D, **change})
    assert [type(row) for row in found] == [Skipped]
    assert found[0].line == 7
    assert isinstance(found[0], Skipped) and found[0].reason == reason and found[0].rows == 1


def test_rows_without_gpus_are_counted_by_machine(path: Path) -> None:
    cpu = {**P4D, "GPU": "", "Instance Type": "m7i.large"}
    found = read(path, cpu, P4D, cpu, {**cpu, "Instance Type": "c7i.large"}, cpu)
    assert [row for row in found if isinstance(row, Skipped)] == [
        Skipped(7, "no GPU", "m7i.large", rows=3),
        Skipped(10, "no GPU", "c7i.large", rows=1),
    ]
    assert [row.line for row in found if isinstance(row, Listed)] == [8]


def test_bare_metal_yuan_and_capacity_blocks(path: Path) -> None:
    metal = {**P4D, "Product Family": "Compute Instance (bare metal)", "Instance Type": "g4dn.metal"}
    yuan = {**P4D, "Currency": "CNY", "Region Code": "cn-north-1"}
    block = {**P4D, "Instance Type": "p5e.48xlarge", "MarketOption": "CapacityBlock", "PricePerUnit": "39.8"}
    found = [row for row in read(path, metal, yuan, block) if isinstance(row, Listed)]
    assert [(row.instance_type, row.currency, row.pricing) for row in found] == [
        ("g4dn.metal", "USD", "on-demand"),
        ("p4d.24xlarge", "CNY", "on-demand"),
        ("p5e.48xlarge", "USD", "capacity-block"),
    ]


def test_reserved_without_upfront_payment_is_preferred(path: Path) -> None:
    no_upfront = {**RESERVED, "PurchaseOption": "No Upfront", "PricePerUnit": "15.5"}
    fee = {**RESERVED, "PurchaseOption": "All Upfront", "Unit": "Quantity", "PricePerUnit": "122640"}
    hourly = {**RESERVED, "PurchaseOption": "All Upfront", "PricePerUnit": "0.0000000000"}
    found = read(path, fee, hourly, no_upfront)
    assert [(row.pricing, row.price_per_hour) for row in found if isinstance(row, Listed)] == [("reserved-1y", 15.5)]


def test_reserved_all_upfront_is_spread_over_the_hours_of_the_term(path: Path) -> None:
    # 1 year: 122,640 / 8,760 h = 14; 3 years: 262,800 / 26,280 h = 10, + 0.25 per hour = 10.25
    three = {**RESERVED, "LeaseContractLength": "3yr", "PurchaseOption": "All Upfront"}
    found = read(
        path,
        {**RESERVED, "PurchaseOption": "All Upfront", "Unit": "Quantity", "PricePerUnit": "122640"},
        {**three, "PricePerUnit": "0.25"},
        {**three, "Unit": "Quantity", "PricePerUnit": "262800"},
    )
    assert [(row.pricing, row.price_per_hour) for row in found if isinstance(row, Listed)] == [
        ("reserved-1y", 14.0),
        ("reserved-3y", 10.25),
    ]


def test_other_reservations_are_counted(path: Path) -> None:
    partial = {**RESERVED, "PurchaseOption": "Partial Upfront"}
    convertible = {**RESERVED, "PurchaseOption": "No Upfront", "OfferingClass": "convertible"}
    (found,) = read(path, partial, convertible)
    assert isinstance(found, Skipped) and found.rows == 2 and "convertible" in found.reason


def test_a_reservation_without_a_fee_has_no_price(path: Path) -> None:
    (found,) = read(path, {**RESERVED, "PurchaseOption": "All Upfront", "PricePerUnit": "0"})
    assert isinstance(found, Skipped) and found.reason == "no price for one year"


def test_columns_in_any_order_and_without_the_market_option(path: Path) -> None:
    header = tuple(name for name in reversed(HEADER) if name != "MarketOption")
    (found,) = AwsPriceList().read(source_of(path, text_of(P4D, header=header)))
    assert isinstance(found, Listed) and found.price_per_hour == 21.957642


@pytest.mark.parametrize("cut", [1, 3, 30, 200])
def test_a_file_that_is_cut_short_is_refused(path: Path, cut: int) -> None:
    for rows in ((P4D, P4D), (P4D, {**P4D, "Operating System": "Windows"})):
        text = text_of(*rows)
        with pytest.raises(ImportFileError, match="cut short"):
            list(AwsPriceList().read(source_of(path, text[: len(text) - 1 - cut])))


def test_a_missing_line_end_alone_is_no_cut(path: Path) -> None:
    assert len(list(AwsPriceList().read(source_of(path, text_of(P4D)[:-1])))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (text_of(P4D, code="AmazonRDS"), "OfferCode is 'AmazonRDS'"),
        (text_of(P4D, header=HEADER[:-1]), "lacks the column Region Code"),
        (text_of(), "no prices"),
        (text_of(P4D).replace("2026-10-05T20:59:55Z", "soon"), "Publication Date is 'soon'"),
        (text_of(P4D).replace("2026-10-05T20:59:55Z", "1970-01-01T00:00:00Z"), "a date from 2015-01-01 on"),
        ('"FormatVersion","v1.0"\n', "OfferCode is ''"),
    ],
)
def test_other_files_are_refused(path: Path, text: str, message: str) -> None:
    with pytest.raises(ImportFileError, match=message):
        list(AwsPriceList().read(source_of(path, text)))


def test_a_bad_row_in_the_middle_is_skipped(path: Path) -> None:
    lines = text_of(P4D, P4D).splitlines()
    lines.insert(7, '"S9","Linux","Shared"')
    found = list(AwsPriceList().read(source_of(path, "\n".join(lines) + "\n")))
    assert [row.line for row in found if isinstance(row, Listed)] == [7, 9]
    assert [row.line for row in found if isinstance(row, Skipped)] == [8]
