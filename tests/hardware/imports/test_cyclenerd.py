"""Cyclenerd's prices of GCP: commitments by the month, as CSV and as the calculator's own pricing.yml."""

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
from gpuplan_hardware.imports.gcp import gpus_of

CSV = "MachineType,Region,hour,hour_spot,month,month_1y,month_3y,month_spot"
YAML = """---
about:
  copyright: |2

    Copyright: nobody. Licensed under: nothing.
  generated: Thu Mar  6 03:53:56 2025
  timestamp: 1741233236
compute:
  instance:
    a3-highgpu-8g:
      cost:
        us-central1:
          hour: 88.49
          hour_spot: 50.61
          month: 64597.7
          month_1y: 44807.4
          month_3y: 28367.8
        us-east4:
          hour: '88.49'
      cpu: 208
      h100: 8
      ram: 1872
    n2-standard-8:
      cost:
        us-central1:
          hour: 0.39
      cpu: 8
  storage:
    hdd:
      cost:
        us-central1:
          month: 0.04
region:
  us-central1:
    location: Iowa
"""


def test_a_commitment_costs_its_month_over_730_hours(files: Any) -> None:
    read = files.read(f"{CSV}\na2-highgpu-1g,us-central1,3.67,1.29,2679.1,1689.37,938.57,944.1\n")
    found = {one.pricing: (one.price_per_hour, one.on_demand_per_hour) for one in read.listed}
    assert found == {
        "on-demand": (3.67, None),
        "spot": (1.29, 3.67),
        "reserved-1y": (pytest.approx(1689.37 / 730), 3.67),
        "reserved-3y": (pytest.approx(938.57 / 730), 3.67),
    }
    assert {(one.provider, one.accelerator, one.accelerator_count) for one in read.listed} == {("gcp", "A100", 1)}


def test_what_cannot_be_understood_is_skipped(files: Any) -> None:
    rows = [
        "n2-standard-8,us-central1,0.39,0.1,284,179,128,73",
        "a2-highgpu-1g,,3.67,1.29,2679.1,1689.37,938.57,944.1",
        ",us-central1,3.67,1.29,2679.1,1689.37,938.57,944.1",
        "a2-highgpu-1g,us-central1,,0,,,-1,",
    ]
    read = files.read("\n".join([CSV, *rows, ""]))
    assert not read.listed
    assert read.reasons == {
        "no GPU": 1,
        "no region": 1,
        "no instance type": 1,
        "no on-demand price": 1,
        "no spot price": 1,
        "no price for one year": 1,
        "not a plausible price": 1,
    }


def test_pricing_yml(files: Any) -> None:
    read = files.read(YAML, name="pricing.yml")
    found = {(one.region, one.pricing): one for one in read.listed}
    assert set(found) == {
        ("us-central1", "on-demand"),
        ("us-central1", "spot"),
        ("us-central1", "reserved-1y"),
        ("us-central1", "reserved-3y"),
        ("us-east4", "on-demand"),
    }
    one = found["us-central1", "reserved-3y"]
    assert one.price_per_hour == pytest.approx(38.86, abs=0.01)
    assert (one.instance_type, one.accelerator, one.accelerator_count) == ("a3-highgpu-8g", "H100", 8)
    assert (one.vcpus, one.ram_gib, one.as_of, one.line) == (208, 1872, date(2025, 3, 6), 13)
    assert read.reasons["no GPU"] == 1


@pytest.mark.parametrize("timestamp", ["0", "1", "946684800", "99999999999", "soon"])
def test_a_timestamp_that_is_no_day_of_a_price_leaves_that_of_the_file(files: Any, timestamp: str) -> None:
    read = files.read(YAML.replace("1741233236", timestamp))
    assert read.listed and {one.as_of for one in read.listed} == {None}


def test_a_truncated_or_empty_pricing_yml_is_refused(files: Any) -> None:
    with pytest.raises(ImportFileError, match="truncated"):
        files.read(YAML[: YAML.index("88.49") + 2])
    with pytest.raises(ImportFileError, match="no machines"):
        files.read("compute:\n  instance:\n")
    with pytest.raises(ImportFileError, match="UTF-8"):
        list(files.recognised(files.source(YAML)).read(files.source(YAML.encode() + b"\xff\n")))


@pytest.mark.parametrize(
    ("machine_type", "gpus"),
    [
        ("a2-megagpu-16g", ("A100", 16)),
        ("a2-ultragpu-4g", ("A100-80GB", 4)),
        ("a3-edgegpu-8g-nolssd", ("H100", 8)),
        ("a3-megagpu-8g", ("H100-MEGA", 8)),
        ("a3-ultragpu-8g", ("H200", 8)),
        ("a4-highgpu-8g", ("B200", 8)),
        ("a4x-highgpu-4g", ("GB200", 4)),
        ("g2-standard-32", ("L4", 1)),
        ("g2-standard-24", ("L4", 2)),
        ("g4-standard-384", ("RTX-PRO-6000", 8)),
        ("g4-standard-24", ("RTX-PRO-6000", 0.5)),
        ("g2-standard-64", None),
        ("n1-standard-8", None),
        ("a2-highgpu-xg", None),
        ("a2", None),
        ("", None),
    ],
)
def test_machine_types_of_gcp_tell_their_gpus(machine_type: str, gpus: tuple[str, float] | None) -> None:
    assert gpus_of(machine_type) == gpus


def test_real_file(shared: Callable[[str, str | None], Any]) -> None:
    """The prices of the table in the shared study, section 1."""
    read = shared("gcp_gpu_cyclenerd.csv", None)
    for machine_type, on_demand, spot in (
        ("a2-highgpu-8g", 29.387, 15.42),
        ("a2-ultragpu-8g", 40.550, 22.08),
        ("a3-highgpu-8g", 88.490, 50.61),
    ):
        assert read.price(machine_type, "us-central1") == pytest.approx(on_demand, abs=1e-3)
        assert read.price(machine_type, "us-central1", "spot") == pytest.approx(spot, abs=0.01)
    for machine_type, year, three_years in (("a2-highgpu-8g", 18.51, 10.29), ("a3-highgpu-8g", 61.38, 38.86)):
        assert read.price(machine_type, "us-central1", "reserved-1y") == pytest.approx(year, abs=0.01)
        assert read.price(machine_type, "us-central1", "reserved-3y") == pytest.approx(three_years, abs=0.01)


LINES = st.lists(
    st.one_of(st.text(max_size=20), st.sampled_from([*YAML.splitlines(), "[" * 2000, "a: {b: [", "- x", "\t: y"])),
    max_size=30,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, name=st.sampled_from(["Cyclenerd pricing.yml", "Cyclenerd CSV"]))
def test_nothing_but_the_files_error_is_raised(files: Any, lines: list[str], name: str) -> None:
    first = CSV if name == "Cyclenerd CSV" else "compute:\n  instance:"
    content = "\n".join([first, *lines, ""])
    format_ = next(form for form in formats() if form.name == name)
    with contextlib.suppress(ImportFileError):
        list(format_.read(files.source(content.encode("utf-8", "surrogatepass"))))
