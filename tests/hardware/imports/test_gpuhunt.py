"""gpuhunt's catalogue: one row per price, whose provider the file's name tells."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuplan_hardware.imports.base import ImportFileError
from gpuplan_hardware.imports.formats import formats
from gpuplan_hardware.imports.read import import_places

HEADER = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags,cpu_arch,"
    "provider_data"
)


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


def test_a_spot_price_is_a_row_of_its_own_and_is_held_against_the_other(files: Any) -> None:
    rows = table(
        "p5.48xlarge,us-east-1,25.1,192,2048.0,8,H100,80.0,True,,nvidia,,x86,{}",
        "p5.48xlarge,us-east-1,55.04,192,2048.0,8,H100,80.0,False,,nvidia,,x86,{}",
        "p5.48xlarge,us-west-2,25.1,192,2048.0,8,H100,80.0,true,,nvidia,,x86,{}",
    )
    spot, on_demand, alone = files.read(rows, provider="aws").listed
    assert (spot.pricing, spot.price_per_hour, spot.on_demand_per_hour, spot.line) == ("spot", 25.1, 55.04, 2)
    assert (on_demand.pricing, on_demand.price_per_hour, on_demand.on_demand_per_hour) == ("on-demand", 55.04, None)
    assert (alone.pricing, alone.on_demand_per_hour) == ("spot", None)
    assert (spot.provider, spot.instance_type, spot.region, spot.zone) == ("aws", "p5.48xlarge", "us-east-1", "")
    assert (spot.accelerator, spot.accelerator_count, spot.memory_gib_per_gpu) == ("H100", 8, 80)
    assert (spot.vcpus, spot.ram_gib) == (192, 2048)


def test_older_files_have_fewer_columns(files: Any) -> None:
    header = ",".join(HEADER.split(",")[:9])
    read = files.read(f"{header}\ni1,us,0.5,30,240,1,A10,24.0,False\n", provider="lambda")
    assert read.price("i1", "us") == 0.5


def test_a_location_of_gcp_is_a_zone(files: Any) -> None:
    read = files.read(table("a2-highgpu-1g,us-central1-a,3.67,12,85,1,A100,40.0,False,,nvidia,,x86,{}"), provider="gcp")
    assert (read.listed[0].region, read.listed[0].zone) == ("us-central1", "us-central1-a")
    read = files.read(table("v2-8,us-central1,4.5,96,334,1,v2,,False,,google,,,{}"), provider="gcp")
    assert read.reasons == {"a TPU, which has no price as a machine": 1}


def test_machines_without_a_name_are_called_by_their_gpus(files: Any) -> None:
    rows = table(
        ",US-CA,15.2,64,512,8,H100,80.0,False,,nvidia,,,{}",
        ",US-CA,0.4,8,32,1,RTX PRO 6000,,False,,nvidia,,,{}",
    )
    names = [one.instance_type for one in files.read(rows, provider="vast").listed]
    assert names == ["8x-h100-80gb", "1x-rtx-pro-6000"]


def test_a_machine_of_vast_without_a_name_is_resolved_by_its_gpu_and_memory(tmp_path: Path) -> None:
    rows = (
        ",US-CA,0.4,8,32,1,RTX 4090,24.0,False,,nvidia,,,{}",
        ",US-CA,0.7,8,32,1,RTX 4090,48.0,False,,nvidia,,,{}",
        ",US-CA,15.2,64,512,8,H100,80.0,False,,nvidia,,,{}",
    )
    (tmp_path / "vastai.csv").write_text(table(*rows))
    report = import_places([str(tmp_path / "vastai.csv")])
    assert [(one.id, one.node.accelerator.name) for one in report.offers] == [
        ("vast/1x-rtx-4090-24gb/US-CA/on-demand", "RTX-4090")
    ]
    assert report.skipped == {"a GPU that the catalogue does not have": 1, "the name stands for several GPUs": 1}


def test_one_name_for_several_machines_gets_their_gpus(files: Any) -> None:
    """On GCP a host of one name is listed once for each number of GPUs that can be attached to it."""
    rows = table(
        "n1-standard-8,us-east1-c,0.73,8,30,1,T4,16.0,False,,nvidia,,x86,{}",
        "n1-standard-8,us-east1-c,1.08,8,30,2,T4,16.0,False,,nvidia,,x86,{}",
        "n1-standard-8,us-east1-c,0.5,8,30,2,T4,16.0,True,,nvidia,,x86,{}",
        "a2-highgpu-1g,us-east1-c,3.67,12,85,1,A100,40.0,False,,nvidia,,x86,{}",
    )
    listed = files.read(rows, provider="gcp").listed
    names = [one.instance_type for one in listed]
    assert names == [
        "n1-standard-8+1x-t4-16gb",
        "n1-standard-8+2x-t4-16gb",
        "n1-standard-8+2x-t4-16gb",
        "a2-highgpu-1g",
    ]
    assert [one.on_demand_per_hour for one in listed] == [None, None, 1.08, None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("m5.large,us-east-1,0.1,2,8,0,,,False,,,,x86,{}", "no GPU"),
        ("m5.large,us-east-1,0.1,2,8,1,,,False,,,,x86,{}", "no GPU"),
        ("m5.large,us-east-1,0.1,2,8,,H100,,False,,,,x86,{}", "no GPU"),
        ("p5,us-east-1,0.1,2,8,many,H100,80,False,,,,x86,{}", "the number of GPUs is no number"),
        ("p5,,0.1,2,8,8,H100,80,False,,,,x86,{}", "no region"),
        ("p5,us-east-1,0.1,2,8,8,H100,80,perhaps,,,,x86,{}", "neither spot nor on demand"),
        ("p5,us-east-1,,2,8,8,H100,80,False,,,,x86,{}", "no on-demand price"),
        ("p5,us-east-1,0.0,2,8,8,H100,80,True,,,,x86,{}", "no spot price"),
        ("p5,us-east-1,inf,2,8,8,H100,80,False,,,,x86,{}", "not a plausible price"),
        ("p5,us-east-1", "the row has another number of cells than the header"),
    ],
)
def test_what_cannot_be_understood_is_skipped(files: Any, row: str, reason: str) -> None:
    read = files.read(table(row), provider="aws")
    assert (read.listed, read.reasons) == ([], {reason: 1})


def test_without_a_provider_it_is_asked_for(files: Any) -> None:
    with pytest.raises(ImportFileError, match="--provider"):
        files.read(table("p5,us-east-1,1,2,8,8,H100,80,False,,,,x86,{}"), name="download.csv")


CELLS = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "0", "8", "1e999", "H100", "True", "False", "us-central1-a", '"'])
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=9, max_size=14), max_size=6), provider=st.sampled_from(["gcp", "vast"]))
def test_nothing_but_the_files_error_is_raised(files: Any, rows: list[list[str]], provider: str) -> None:
    content = table(*(",".join([*row, *[""] * (14 - len(row))]) for row in rows))
    format_ = next(form for form in formats() if form.name == "gpuhunt catalogue")
    with contextlib.suppress(ImportFileError):
        list(format_.read(files.source(content.encode("utf-8", "surrogatepass"), provider=provider)))
