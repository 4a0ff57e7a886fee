"""The user's price lists: what is completed, what is refused, and what the refusal says."""

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuplan_hardware import CatalogueError, nodes, offers, providers, read_offers
from gpuplan_hardware.price_list import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from gpuplan_hardware.table import MAX_FILE_BYTES

GIB = 2**30
COLUMNS = [*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS]

KNOWN = {
    "provider": "aws",
    "region": "us-west-2",
    "pricing": "spot",
    "node": "p4d.24xlarge",
    "gpu": "A100",
    "gpus_per_node": "8",
    "max_nodes": "4",
    "price_usd_per_hour": "9.5",
    "as_of": "2026-11-01",
}
OWN = {
    **KNOWN,
    "provider": "Garage",
    "region": "home",
    "pricing": "owned",
    "node": "rig",
    "gpu": "4090",
    "gpus_per_node": "2",
    "price_usd_per_hour": "0.8",
    "intra_node_gb_per_s_per_gpu": "16",
    "network_gb_per_s_per_gpu": "0.625",
    "vcpus": "32",
    "ram_gib": "128",
    "nvme_gb": "0",
}


def write(path: Path, *rows: dict[str, str], columns: list[str] = COLUMNS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.csv"


def test_a_known_node_completes_what_is_empty(file: Path) -> None:
    (offer,) = read_offers(write(file, KNOWN))
    assert offer.id == "aws/p4d.24xlarge/us-west-2/spot"
    assert offer.node is nodes()["aws", "p4d.24xlarge"]
    assert offer.provider is providers()["aws"]
    assert (offer.price_usd_per_hour, offer.max_nodes, offer.as_of) == (9.5, 4, date(2026, 11, 1))
    assert offer.source.startswith("prices.csv line 2")


def test_the_gpu_and_its_number_may_be_left_to_the_catalogue_and_case_does_not_matter(file: Path) -> None:
    row = {**KNOWN, "provider": "AWS", "node": "P4D.24XLARGE", "gpu": "", "gpus_per_node": ""}
    (offer,) = read_offers(str(write(file, row)))
    assert offer.node is nodes()["aws", "p4d.24xlarge"]


def test_a_row_overrides_the_catalogue(file: Path) -> None:
    row = {**KNOWN, "network_gb_per_s_per_gpu": "3", "ram_gib": "1000", "intra_node_gb_per_s_per_gpu": "250"}
    (offer,) = read_offers(write(file, row))
    assert offer.node.network is not None
    assert (offer.node.network.kind, offer.node.network.bytes_per_second_per_gpu) == ("efa", 3e9)
    assert (offer.node.intra_node.kind, offer.node.intra_node.bytes_per_second_per_gpu) == ("nvswitch", 250e9)
    assert (offer.node.host.vcpus, offer.node.host.ram_bytes) == (96, 1000 * GIB)
    assert offer.node.sources["host.ram_bytes"].source == "prices.csv line 2"


def test_a_price_list_can_tell_what_the_catalogue_does_not_know(file: Path) -> None:
    row = {**KNOWN, "provider": "lambda", "node": "gpu_8x_h100_sxm5", "gpu": "H100", "network_gb_per_s_per_gpu": "50"}
    (offer,) = read_offers(write(file, row))
    assert offer.node.network is not None
    assert (offer.node.network.kind, offer.node.network.rdma) == ("unspecified", None)
    assert offer.max_nodes == 4


def test_an_own_node(file: Path) -> None:
    (offer,) = read_offers(write(file, OWN))
    node = offer.node
    assert (node.accelerator.name, node.gpus_per_node) == ("RTX-4090", 2)
    assert (node.intra_node.kind, node.intra_node.bytes_per_second_per_gpu) == ("pcie", 16e9)
    assert node.network is not None and node.network.bytes_per_second_per_gpu == 0.625e9
    assert (node.host.vcpus, node.host.ram_bytes, node.host.nvme_bytes) == (32, 128 * GIB, 0)
    assert offer.provider.name == "garage"
    assert offer.provider.marketplace is False
    assert offer.provider.volume_usd_per_gb_month is None
    assert offer.max_nodes == 4


def test_unknown_figures_stay_unknown_and_an_unknown_network_means_one_node(file: Path) -> None:
    row = {**OWN, "network_gb_per_s_per_gpu": "", "vcpus": "", "ram_gib": "", "nvme_gb": ""}
    (offer,) = read_offers(write(file, row))
    assert offer.node.network is None
    assert offer.max_nodes == 1
    assert (offer.node.host.vcpus, offer.node.host.ram_bytes, offer.node.host.nvme_bytes) == (None, None, None)


@pytest.mark.parametrize(
    ("gpu", "rate", "kind"),
    [
        ("H100-SXM", "450", "nvswitch"),
        ("H100-SXM", "64", "pcie"),
        ("MI300X", "448", "infinity-fabric"),
        ("V100-32GB", "150", "nvlink-mesh"),
    ],
)
def test_the_kind_of_a_link_follows_from_its_rate(file: Path, gpu: str, rate: str, kind: str) -> None:
    (offer,) = read_offers(write(file, {**OWN, "gpu": gpu, "intra_node_gb_per_s_per_gpu": rate}))
    assert offer.node.intra_node.kind == kind


def test_a_single_gpu_has_no_link(file: Path) -> None:
    (offer,) = read_offers(write(file, {**OWN, "gpus_per_node": "1", "intra_node_gb_per_s_per_gpu": ""}))
    assert (offer.node.intra_node.kind, offer.node.intra_node.bytes_per_second_per_gpu) == ("none", 0)


def test_columns_come_in_any_order_and_physical_ones_may_be_absent(file: Path) -> None:
    columns = list(reversed(REQUIRED_COLUMNS))
    assert len(read_offers(write(file, KNOWN, columns=columns))) == 1


def test_a_byte_order_mark_blank_lines_and_spaces_do_not_matter(file: Path) -> None:
    write(file, {**KNOWN, "price_usd_per_hour": " 9.5 "})
    file.write_text("\ufeff" + file.read_text(encoding="utf-8") + "\n,,\n\n".replace(",,", ""), encoding="utf-8")
    assert read_offers(file)[0].price_usd_per_hour == 9.5


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("price_usd_per_hour", "", "price in USD per hour of the whole node"),
        ("price_usd_per_hour", "nan", "plain number"),
        ("price_usd_per_hour", "inf", "plain number"),
        ("price_usd_per_hour", "-1", "plain number from 0.0001"),
        ("price_usd_per_hour", "0", "plain number from 0.0001"),
        ("price_usd_per_hour", "0.00", "plain number from 0.0001"),
        ("price_usd_per_hour", "1e999", "plain number"),
        ("price_usd_per_hour", "$9.5", "plain number"),
        ("price_usd_per_hour", "1,234.5", "plain number"),
        ("price_usd_per_hour", "20000", "to 10000"),
        ("gpu", "H1OO", "the name of a GPU was expected"),
        ("gpu", "H100", "p4d.24xlarge of aws has A100-40GB-SXM"),
        ("gpus_per_node", "4", "p4d.24xlarge of aws has 8"),
        ("gpus_per_node", "8.5", "whole number"),
        ("gpus_per_node", "0", "from 1"),
        ("max_nodes", "", "1 if in doubt"),
        ("max_nodes", "0", "from 1"),
        ("max_nodes", "many", "plain number"),
        ("pricing", "on demand", "on-demand, spot, reserved-1y, reserved-3y, capacity-block, owned"),
        ("provider", "", "printable text"),
        ("node", "", "printable text"),
        ("region", "us\x1b[31m", "printable text"),
        ("as_of", "", "a date such as 2026-11-20"),
        ("as_of", "yesterday", "a date such as 2026-11-20"),
        ("as_of", "20.11.2026", "a date such as 2026-11-20"),
        ("as_of", "2026-02-30", "a date such as 2026-11-20"),
        ("as_of", "20261120", "a date such as 2026-11-20"),
        ("intra_node_gb_per_s_per_gpu", "0", "a rate above 0"),
        ("network_gb_per_s_per_gpu", "0", "GB/s one way per GPU"),
        ("vcpus", "-4", "vCPUs"),
        ("ram_gib", "0", "GiB"),
        ("nvme_gb", "-1", "GB"),
    ],
)
def test_a_wrong_cell_is_refused_with_line_field_value_and_what_would_be_right(
    file: Path, field: str, value: str, says: str
) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_offers(write(file, {**KNOWN, "region": "first"}, {**KNOWN, field: value}))
    error = caught.value
    assert (error.field, error.value) == (field, value)
    assert f"{file} line 3: {field} is {value!r}; " in str(error)
    assert says in str(error)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("gpus_per_node", "", "the number of GPUs of a node was expected"),
        ("gpu", "", "the name of a GPU was expected"),
        ("gpu", "A100", "a family: A100-40GB-PCIe, A100-40GB-SXM, A100-80GB-PCIe, A100-80GB-SXM"),
        ("intra_node_gb_per_s_per_gpu", "", "the rate of the link between the node's GPUs"),
        ("intra_node_gb_per_s_per_gpu", "0", "a rate above 0"),
    ],
)
def test_an_own_node_must_say_what_the_catalogue_cannot(file: Path, field: str, value: str, says: str) -> None:
    with pytest.raises(CatalogueError, match=says) as caught:
        read_offers(write(file, {**OWN, field: value}))
    assert caught.value.field == field


def test_a_link_on_a_single_gpu_is_refused(file: Path) -> None:
    with pytest.raises(CatalogueError, match="empty or 0"):
        read_offers(write(file, {**OWN, "gpus_per_node": "1"}))


def test_a_mistyped_gpu_gets_suggestions(file: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_offers(write(file, {**KNOWN, "gpu": "A100-8OGB"}))
    assert "A100-80GB" in caught.value.suggestions


def test_a_duplicate_names_both_lines(file: Path) -> None:
    with pytest.raises(CatalogueError, match=r"line 3: .*line 2 has the offer aws/p4d.24xlarge/us-west-2/spot already"):
        read_offers(write(file, KNOWN, {**KNOWN, "price_usd_per_hour": "8"}))


@pytest.mark.parametrize("column", REQUIRED_COLUMNS)
def test_a_missing_column(file: Path, column: str) -> None:
    columns = [name for name in COLUMNS if name != column]
    with pytest.raises(CatalogueError, match=f"column '{column}' is missing") as caught:
        read_offers(write(file, {key: value for key, value in KNOWN.items() if key != column}, columns=columns))
    assert caught.value.field == column


def test_an_unknown_column_gets_suggestions(file: Path) -> None:
    with pytest.raises(CatalogueError, match="column 'price_usd_per_hr' is not known") as caught:
        read_offers(write(file, {}, columns=[*COLUMNS, "price_usd_per_hr"]))
    assert caught.value.suggestions[0] == "price_usd_per_hour"


def test_a_column_given_twice(file: Path) -> None:
    file.write_text(",".join([*COLUMNS, "gpu"]) + "\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="column 'gpu' appears twice"):
        read_offers(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "column 'provider' is missing"),
        (",".join(COLUMNS).encode(), "it has no rows"),
        (",".join(COLUMNS).encode() + b"\naws,us-east-1\n", "line 2: it has 2 cells, but the header has 20"),
        (",".join(COLUMNS).encode() + b'\n"aws', "not a well-formed CSV file"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text file in UTF-8"),
        (b"PK\x03\x04\x00\x00", "a binary file"),
    ],
)
def test_a_file_that_is_no_price_list(file: Path, content: bytes, says: str) -> None:
    file.write_bytes(content)
    with pytest.raises(CatalogueError, match=says) as caught:
        read_offers(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such file"):
        read_offers(tmp_path / "missing.csv")
    with pytest.raises(CatalogueError, match="no regular file"):
        read_offers(tmp_path)
    with pytest.raises(CatalogueError, match="a CSV file with a price list was expected"):
        read_offers("x" * 5000)


def test_a_huge_file_is_refused_unread(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no space
    with pytest.raises(CatalogueError, match=f"more than {MAX_FILE_BYTES}"):
        read_offers(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(), st.text().map(lambda text: (",".join(COLUMNS) + "\n" + text).encode())))
def test_any_content_is_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(CatalogueError):
        read_offers(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(columns=st.permutations(COLUMNS))
def test_the_built_in_offers_survive_writing_and_reading(file: Path, columns: list[str]) -> None:
    rows = []
    for offer in offers():
        node = offer.node
        row = dict(zip(("provider", "node", "region", "pricing"), offer.id.split("/"), strict=True))
        row |= {"gpu": node.accelerator.name, "gpus_per_node": str(node.gpus_per_node), "source": offer.source}
        row |= {"max_nodes": str(offer.max_nodes), "price_usd_per_hour": repr(offer.price_usd_per_hour)}
        row |= {"as_of": offer.as_of.isoformat(), "lead_time": offer.lead_time}
        if offer.lead_time_seconds is not None:
            row["lead_time_hours"] = repr(offer.lead_time_seconds / 3600)
        rows.append(row)
    assert read_offers(write(file, *rows, columns=columns)) == offers()


def test_an_owned_node_costs_its_purchase_over_its_hours_and_its_upkeep(file: Path) -> None:
    # Over 4 years x 8,760 h x 70 % = 24,528 h: purchase $24,528, $1.00. Of a cluster of 4 with 2 x 0.625 GB/s a node: one of six
    # doublings of 2 nodes, $(6,500 + 27,500 / 6) x 1.25 / 400. 10 kW x PUE 1.54 x $0.12, at work 70 % and at a fifth of it 30 %
    # of 8,760 h, over 6,132 h. Colocation $184.06 x 10 kW x 12. Maintenance 10 % of what was bought.
    (offer,) = read_offers(
        write(file, OWN | {"price_usd_per_hour": "", "purchase_usd": "24528", "power_watts": "10000"})
    )
    switches = (6_500 + 27_500 / 6) * 1.25 / 400
    power = 10 * 1.54 * 0.12 * 0.76 / 0.7
    upkeep = (184.06 * 10 * 12 + 0.1 * (24_528 + switches)) / 6_132
    assert offer.price_usd_per_hour == pytest.approx(1.00 + switches / 24_528 + power + upkeep)
    assert "$24,528 and $35 of switches and cables over 4 years at 70% use" in offer.source
    assert offer.host_open
    assert offer.lead_time == "instant"


@pytest.mark.parametrize(
    ("cells", "field", "right"),
    [
        ({"purchase_usd": "9000"}, "purchase_usd", "pricing owned only"),
        ({"lead_time": "soon"}, "lead_time", "instant, queue, contract"),
        ({"lead_time_hours": "-1"}, "lead_time_hours", "from 0"),
        ({"pricing": "owned", "price_usd_per_hour": ""}, "price_usd_per_hour", "purchase_usd and power_watts"),
        ({"pricing": "owned", "price_usd_per_hour": "", "purchase_usd": "nan"}, "purchase_usd", "plain number"),
    ],
)
def test_what_is_wrong_with_a_purchase_or_a_lead_time_is_said(
    file: Path, cells: dict[str, str], field: str, right: str
) -> None:
    with pytest.raises(CatalogueError, match=right) as caught:
        read_offers(write(file, KNOWN | cells))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("cells", "lead_time", "seconds"),
    [
        ({"pricing": "on-demand"}, "instant", 0.0),
        ({"pricing": "spot"}, "instant", 0.0),
        ({"pricing": "capacity-block"}, "queue", None),
        ({"pricing": "reserved-1y"}, "contract", None),
        ({"pricing": "on-demand", "lead_time": "queue"}, "queue", None),
        ({"pricing": "on-demand", "lead_time": "queue", "lead_time_hours": "12"}, "queue", 43200.0),
    ],
)
def test_lead_times(file: Path, cells: dict[str, str], lead_time: str, seconds: float | None) -> None:
    (offer,) = read_offers(write(file, KNOWN | cells))
    assert (offer.lead_time, offer.lead_time_seconds) == (lead_time, seconds)


def test_a_price_and_what_it_would_follow_from_are_one_too_many(file: Path) -> None:
    with pytest.raises(CatalogueError, match=r"purchase_usd.*leave one of the two empty"):
        read_offers(write(file, OWN | {"pricing": "owned", "purchase_usd": "1000", "power_watts": "400"}))


def test_a_price_of_tomorrow_is_a_slip_of_the_pen(file: Path) -> None:
    with pytest.raises(CatalogueError, match=r"as_of.*still to come"):
        read_offers(write(file, OWN | {"as_of": "2099-01-01"}))


def test_a_lead_time_that_is_not_stated_is_said_beside_the_source(file: Path) -> None:
    (offer,) = read_offers(write(file, KNOWN))
    assert offer.source.endswith("lead_time not stated, taken as instant")
    with pytest.raises(CatalogueError, match="goes into lead_time_hours"):
        read_offers(write(file, OWN | {"lead_time": "30d"}))


def test_a_spot_node_says_how_often_it_is_taken_back(file: Path) -> None:
    (offer,) = read_offers(write(file, KNOWN | {"interruptions_per_node_hour": "0.05"}))
    assert offer.interruptions_per_node_hour == 0.05
    with pytest.raises(CatalogueError, match="goes with pricing spot only"):
        read_offers(write(file, KNOWN | {"pricing": "on-demand", "interruptions_per_node_hour": "0.05"}))
