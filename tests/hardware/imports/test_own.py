"""gpuplan's own price lists: a row is an offer already, and a wrong one is left out."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuplan_hardware import read_offers
from gpuplan_hardware.imports.base import ImportFileError
from gpuplan_hardware.imports.formats import formats
from gpuplan_hardware.price_list import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

COLUMNS = [*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS]
P4D = {
    "provider": "aws",
    "region": "us-west-2",
    "pricing": "spot",
    "node": "p4d.24xlarge",
    "gpu": "A100",
    "gpus_per_node": "8",
    "max_nodes": "4",
    "price_usd_per_hour": "9.5",
    "as_of": "2026-11-01",
    "source": "a quote, by mail",
}
MINE = {
    **P4D,
    "provider": "Mine",
    "pricing": "owned",
    "node": "box",
    "gpu": "H100-SXM",
    "price_usd_per_hour": "",
    "intra_node_gb_per_s_per_gpu": "450",
    "network_gb_per_s_per_gpu": "50",
    "purchase_usd": "255237",
    "power_watts": "10200",
}


def table(*rows: dict[str, str], columns: list[str] = COLUMNS) -> str:
    lines = [",".join(f'"{row.get(column, "")}"' for column in columns) for row in rows]
    return "\n".join([",".join(columns), *lines, ""])


def test_a_row_passes_through_as_the_offer_that_it_is(files: Any) -> None:
    content = table(P4D, MINE)
    listed = files.read(content, name="mine.csv").listed
    offers = read_offers(files.source(content).path)
    for one, offer in zip(listed, offers, strict=True):
        assert (one.offer.id, one.offer.node, one.offer.price_usd_per_hour) == (
            offer.id,
            offer.node,
            offer.price_usd_per_hour,
        )
    assert (listed[0].provider, listed[0].instance_type, listed[0].region) == ("aws", "p4d.24xlarge", "us-west-2")
    assert (listed[0].pricing, listed[0].price_per_hour, listed[0].as_of) == ("spot", 9.5, date(2026, 11, 1))
    assert (listed[1].provider, listed[1].accelerator, listed[1].accelerator_count) == ("mine", "H100-SXM", 8)
    assert listed[1].offer.node.network.bytes_per_second_per_gpu == 50e9


def test_without_a_source_the_file_is_named_as_people_call_it(files: Any) -> None:
    (one,) = files.read(table({**P4D, "source": ""}), name="quotes/mine.csv").listed
    assert one.offer.source.startswith("mine.csv line 2")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"price_usd_per_hour": "cheap"}, "price_usd_per_hour is 'cheap'"),
        ({"gpu": "A101"}, "gpu is 'A101'"),
        ({"as_of": "2099-01-01"}, "still to come"),
        ({"pricing": "free"}, "pricing is 'free'"),
        ({"node": ""}, "node is ''"),
    ],
)
def test_a_wrong_row_is_skipped_with_the_error_of_the_price_list(files: Any, change: dict[str, str], says: str) -> None:
    read = files.read(table({**P4D, **change}, P4D), name="mine.csv")
    assert len(read.listed) == 1
    assert list(read.reasons) == ["the row of the price list is wrong"]
    assert says in read.skipped[0].what and "mine.csv" not in read.skipped[0].what


def test_a_column_that_is_not_known_is_refused(files: Any) -> None:
    with pytest.raises(ImportFileError, match="'lead_tme' is not known; was 'lead_time' meant"):
        files.read(table(P4D, columns=[*COLUMNS, "lead_tme"]))


def test_required_columns_are_enough(files: Any) -> None:
    assert files.read(table(P4D, columns=list(REQUIRED_COLUMNS)).replace('"', "")).listed


CELLS = st.one_of(st.text(max_size=8), st.sampled_from([*P4D.values(), *MINE.values()]))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(COLUMNS), CELLS, max_size=4))
def test_nothing_but_the_files_error_is_raised(files: Any, changes: dict[str, str]) -> None:
    format_ = next(form for form in formats() if form.name == "gpuplan price list")
    content = table({**P4D, **changes}, {**MINE, **changes})
    with contextlib.suppress(ImportFileError):
        list(format_.read(files.source(content.encode("utf-8", "surrogatepass"), name="mine.csv")))
