"""Karpenter's price tables: AWS and Azure, each row with its currency and its day."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuplan_hardware.imports.base import ImportFileError
from gpuplan_hardware.imports.formats import formats

AWS = "InstanceType,Region,PriceHourly,Currency,NetworkMbps,GeneratedAt"
AZURE = "ArmSkuName,Region,PriceHourly,Currency,GeneratedAt"


def test_each_row_has_its_currency_and_its_day(files: Any) -> None:
    rows = [
        AWS,
        "p4d.24xlarge,us-east-1,21.957642,USD,400000,2026-07-20T13:44:30Z",
        "g3.16xlarge,cn-north-1,64.8179,cny,25000,2024-11-06T01:00:11Z",
        "p3.2xlarge,us-east-1,3.06,,,",
        "",
    ]
    usd, cny, bare = files.read("\r\n".join(rows)).listed
    assert (usd.provider, usd.price_per_hour, usd.currency, usd.as_of) == ("aws", 21.957642, "USD", date(2026, 7, 20))
    assert (cny.currency, cny.as_of) == ("CNY", date(2024, 11, 6))
    assert (bare.currency, bare.as_of) == ("USD", None)
    assert (usd.accelerator, usd.accelerator_count, usd.pricing) == ("", None, "on-demand")


def test_azure_calls_its_machines_otherwise(files: Any) -> None:
    (one,) = files.read(f"{AZURE}\nStandard_ND96asr_v4,eastus,27.197,USD,2026-06-18T03:43:41Z\n").listed
    assert (one.provider, one.instance_type, one.region) == ("azure", "Standard_ND96asr_v4", "eastus")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",us-east-1,1,USD,1,2026-07-20", "no instance type"),
        ("p5.48xlarge,,1,USD,1,2026-07-20", "no region"),
        ("p5.48xlarge,us-east-1,,USD,1,2026-07-20", "no on-demand price"),
        ("p5.48xlarge,us-east-1,free,USD,1,2026-07-20", "not a plausible price"),
        ("p5.48xlarge,us-east-1,1,USD,1,20.07.2026", "GeneratedAt is no day from 2015-01-01 up to today"),
        ("p5.48xlarge,us-east-1,1,USD,1,1970-01-01", "GeneratedAt is no day from 2015-01-01 up to today"),
        ("p5.48xlarge,us-east-1,1,USD,1,2099-01-01", "GeneratedAt is no day from 2015-01-01 up to today"),
        ("p5.48xlarge,us-east-1,1", "the row has another number of cells than the header"),
    ],
)
def test_what_cannot_be_understood_is_skipped(files: Any, row: str, reason: str) -> None:
    read = files.read(f"{AWS}\n{row}\n")
    assert (read.listed, read.reasons) == ([], {reason: 1})


def test_a_truncated_file_is_refused(files: Any) -> None:
    with pytest.raises(ImportFileError, match="truncated"):
        files.read(f"{AWS}\np4d.24xlarge,us-east-1,21.9")


def test_real_files(shared: Callable[[str, str | None], Any]) -> None:
    """The prices of the table in the shared study, section 1."""
    aws = shared("aws_ondemand_gpu_karpenter.csv", None)
    assert aws.price("p4d.24xlarge", "us-east-1") == pytest.approx(21.9576, abs=1e-4)
    assert aws.price("p4de.24xlarge", "us-east-1") == pytest.approx(27.4471, abs=1e-4)
    assert aws.price("p5.48xlarge", "us-east-1") == 55.04
    assert aws.price("p5en.48xlarge", "us-east-1") == 63.296
    assert aws.price("g5.48xlarge", "us-east-1") == 16.288
    assert {one.currency for one in aws.listed if one.region == "cn-north-1"} == {"CNY"}
    assert not aws.skipped
    azure = shared("azure_ondemand_gpu_karpenter.csv", None)
    assert azure.price("Standard_ND96asr_v4", "eastus") == 27.197
    assert azure.price("Standard_ND96isr_H100_v5", "eastus") == 98.32
    assert not azure.skipped


CELLS = st.one_of(st.text(max_size=8), st.sampled_from(["", "0", "8.5", "USD", "2026-07-20", "p5.48xlarge", '"']))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=6), end=st.sampled_from(["", "\n"]))
def test_nothing_but_the_files_error_is_raised(files: Any, rows: list[list[str]], end: str) -> None:
    content = "\n".join([AWS, *map(",".join, rows)]) + end
    format_ = next(form for form in formats() if form.name == "Karpenter price table")
    with contextlib.suppress(ImportFileError):
        list(format_.read(files.source(content.encode("utf-8", "surrogatepass"))))
