"""Files that are no price catalogues: recognised by one format, and refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gpuplan_hardware.imports.base import Source
from gpuplan_hardware.imports.formats import formats
from gpuplan_hardware.imports.sources import read_head

SHARED = Path("../shared/data")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("InstanceType,instance-gpu-name,instance-gpu-manufacturer,instance-gpu-count,instance-cpu", "instance types"),
        ("InstanceType,FirstSeen,PriceHourly,Source", "from which day on"),
        ("\ufeffPrice source,Price date,Hardware model,Price (hardware purchase),Number of GPUs", "cost to buy"),
        ("name,aliases,vendor,arch,memory_gb,mem_bw_GBps", "figures of GPU models"),
        ("name,cloud,gpu,gpus_per_node,intra_node,ondemand_usd_h", "machine shapes"),
        ("AcceleratorName,Clouds", "which clouds"),
        ("GPU,MemoryGB,Manufacturer", "memory and the maker"),
        ("Tag,Region,OS,OSVersion,ImageId,CreationDate,BaseImageId", "disk images"),
        ("InstanceType,OnDemandInstanceCode,SpotInstanceCode", "codes of quotas"),
        ("Region,Zone,PricePerVCPU,PricePerMemoryGB,AcceleratorName,PricePerAccelerator", "one by one"),
    ],
)
def test_what_is_no_price_catalogue_is_refused_with_the_reason(files: Any, header: str, says: str) -> None:
    format_ = files.recognised(files.source(f"{header}\nx\n"))
    assert format_.refused is not None and says in format_.refused


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "InstanceType,Region\nx,y\n", "Region,PriceHourly\nx,1\n", '{"a": 1}\n', "compute\n"]
)
def test_what_is_nothing_is_recognised_by_nobody(files: Any, content: str) -> None:
    head = read_head(files.source(content))
    assert not [form.name for form in formats() if form.recognises(head)]


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("prices/aws_gpu_instance_types_karpenter.csv", "instance types"),
        ("prices/aws_price_history_us-east-1.csv", "price history"),
        ("prices/epoch_purchase_prices.csv", "purchase prices"),
        ("accelerators.csv", "GPU datasheet"),
        ("nodes.csv", "machine datasheet"),
    ],
)
def test_real_files(files: Any, name: str, format_name: str) -> None:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    format_ = files.recognised(Source(name, path, None, files.source("").as_of, "given", ""))
    assert (format_.name, format_.refused is None) == (format_name, False)
