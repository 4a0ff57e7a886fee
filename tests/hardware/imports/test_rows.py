"""Rows of CSV files: line ends, files that break off, bytes that are no text, and single bad rows."""

from __future__ import annotations

from typing import Any

import pytest

from gpuplan_hardware.imports.base import ImportFileError

AWS = (
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch"
)
LAMBDA = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice"
INFO = "\"{'Gpus': [{'Name': 'X', 'MemoryInfo': {'SizeInMiB': 40960}}]}\""


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows, ""])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark(files: Any, end: str) -> None:
    rows = [AWS, 'p4d.24xlarge,A100,8,96,1152,"a\nb",21.9576,2.5,us-east-1,use1-az1,x86_64', "", ",,,,,,,,,,", ""]
    read = files.read("﻿" + end.join(rows), provider="aws")
    assert read.price("p4d.24xlarge", "us-east-1") == 21.9576
    assert not read.skipped


def test_a_truncated_file_is_refused_wherever_it_ends(files: Any) -> None:
    """At every byte after the header: refused, or nothing but whole rows. The last column is one that is not read."""
    row = f"p4d.24xlarge,A100,8,96,1152,{INFO},21.9576,2.5,us-east-1,use1-az1,x86_64"
    whole = table(AWS, row, row)
    format_ = files.recognised(files.source(whole, provider="aws"))
    for length in range(len(AWS), len(whole)):
        source = files.source(whole[:length], provider="aws")
        try:
            found = list(format_.read(source))
        except ImportFileError as error:
            assert "truncated" in str(error)
            continue
        prices = [getattr(one, "price_per_hour", None) for one in found]
        assert prices in ([], [21.9576, 2.5], [21.9576, 2.5, 21.9576, 2.5])


def test_a_last_cell_that_may_be_cut_off_is_not_taken(files: Any) -> None:
    rows = table(LAMBDA, "gpu_8x_h100_sxm5,H100,8,208,1800,31.92,us-west-3,X,17.25")[: -len("25\n")]
    read = files.read(rows, provider="lambda")
    assert not read.listed
    assert "without a line end" in read.skipped[0].reason


@pytest.mark.parametrize("content", [b"\0", b"\xff\xfe"])
def test_bytes_that_are_no_text_are_refused(files: Any, content: bytes) -> None:
    whole = table(AWS, "p4d.24xlarge,A100,8,96,1152,A100,21.9,2.5,us-east-1,use1-az1,x86_64").encode()
    format_ = files.recognised(files.source(whole))
    with pytest.raises(ImportFileError):
        list(format_.read(files.source(whole + content + b"\n", provider="aws")))


def test_a_column_twice_is_refused(files: Any) -> None:
    source = files.source(table(f"{AWS},Price", "x"))
    with pytest.raises(ImportFileError, match="'Price' appears twice"):
        list(files.recognised(source).read(source))


def test_a_row_with_broken_quotes_is_skipped(files: Any) -> None:
    good = "p4d.24xlarge,A100,8,96,1152,A100,21.9,2.5,us-east-1,use1-az1,x86_64"
    read = files.read(table(AWS, good.replace("A100,21", '"A"100,21'), good), provider="aws")
    assert len(read.listed) == 2
    assert read.skipped[0].reason.startswith("no well-formed CSV")
