"""SkyPilot's vms.csv: columns by name, whose prices they are, and the two rows of GCP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuplan_hardware.imports.base import ImportFileError
from gpuplan_hardware.imports.formats import formats

AWS = (
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch"
)
AZURE = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,Generation"
GCP = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice"
LAMBDA = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice"
VERDA = "InstanceType,UpstreamCloudId,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,Price,SpotPrice"


def info(mib: int, count: int = 1, total: int = 0) -> str:
    return (
        f"\"{{'Gpus': [{{'Name': 'X', 'Count': {count}, 'MemoryInfo': {{'SizeInMiB': {mib}}}}}], "
        f"'TotalGpuMemoryInMiB': {total or mib}}}\""
    )


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows, ""])


def test_columns_are_read_by_name_and_both_prices_are_listed(files: Any) -> None:
    row = f"p5.48xlarge,H100,8.0,192.0,2048.0,{info(81920)},55.04,13.9,us-east-1,use1-az1,x86_64"
    on_demand, spot = files.read(table(AWS, row), provider="aws").listed
    assert (on_demand.line, on_demand.provider, on_demand.instance_type) == (2, "aws", "p5.48xlarge")
    assert (on_demand.accelerator, on_demand.accelerator_count, on_demand.memory_gib_per_gpu) == ("H100", 8, 80)
    assert (on_demand.region, on_demand.zone, on_demand.vcpus, on_demand.ram_gib) == (
        "us-east-1",
        "use1-az1",
        192,
        2048,
    )
    assert (on_demand.pricing, on_demand.price_per_hour, on_demand.on_demand_per_hour) == ("on-demand", 55.04, None)
    assert (spot.pricing, spot.price_per_hour, spot.on_demand_per_hour) == ("spot", 13.9, 55.04)
    assert on_demand.as_of is None and on_demand.currency == "USD"
    row = f"gpu_8x_h100_sxm5,H100,8.0,208.0,1800.0,31.92,us-west-3,{info(81920)},"
    other = files.read(table(LAMBDA, row), provider="lambda")
    assert other.price("gpu_8x_h100_sxm5", "us-west-3") == 31.92
    assert other.reasons == {"no spot price": 1}


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("m5.large,,,2,8,,0.1,0.05,us-east-1,use1-az1,x86_64", {"no GPU": 1}),
        ("m5.large,,0,2,8,,0.1,0.05,us-east-1,use1-az1,x86_64", {"no GPU": 1}),
        ("p5.48xlarge,H100,8,192,2048,H100,,,us-east-1,,x86_64", {"no on-demand price": 1, "no spot price": 1}),
        ("p5.48xlarge,H100,8,192,2048,H100,0.0,0.00,us-east-1,,x", {"no on-demand price": 1, "no spot price": 1}),
        ("p5.48xlarge,H100,8,192,2048,H100,nan,inf,us-east-1,,x", {"not a plausible price": 2}),
        ("p5.48xlarge,H100,8,192,2048,H100,-1,$5,us-east-1,,x", {"not a plausible price": 2}),
        ("p5.48xlarge,H100,8,192,2048,H100,1_0,1٣,us-east-1,,x", {"not a plausible price": 2}),
        ("p5.48xlarge,H100,eight,192,2048,H100,1,1,us-east-1,,x", {"the number of GPUs is no number": 1}),
        ("p5.48xlarge,H100,8,192,2048,H100,1,1,,,x86_64", {"no region": 1}),
        (",H100,8,192,2048,H100,1,1,us-east-1,,x86_64", {"no instance type": 1}),
        (",tpu-v6e-8,1,,,tpu-v6e-8,700.0,700.0,us-east-1,,", {"a TPU, which has no price as a machine": 1}),
        ("p5.48xlarge,H100", {"the row has another number of cells than the header": 1}),
        ("a,b,c,d,e,f,g,h,i,j,k,l", {"the row has another number of cells than the header": 1}),
    ],
)
def test_what_cannot_be_understood_is_skipped(files: Any, row: str, reasons: dict[str, int]) -> None:
    read = files.read(table(AWS, row), provider="aws")
    assert (read.listed, read.reasons) == ([], reasons)
    assert all(one.line == 2 for one in read.skipped)


def test_a_spot_price_stands_without_an_on_demand_price(files: Any) -> None:
    """Verda sells some machines on the spot market only; its GpuInfo is JSON."""
    gpu = '"{""Gpus"": [{""Name"": ""B200"", ""MemoryInfo"": {""SizeInMiB"": 184320}}]}"'
    read = files.read(table(VERDA, f"2B200.60V,2B200.60V,60.0,368.0,B200,2.0,{gpu},FIN-03,,3.423"))
    assert read.price("2B200.60V", "FIN-03", "spot") == 3.423
    (spot,) = read.listed
    assert (spot.provider, spot.on_demand_per_hour, spot.memory_gib_per_gpu) == ("verda", None, 180)
    assert read.reasons == {"no on-demand price": 1}


def test_fractions_are_passed_on(files: Any) -> None:
    row = "Standard_NV6ads_A10_v5,A10,0.167,6,55,A10,0.454,,eastus,V1"
    assert files.read(table(AZURE, row)).listed[0].accelerator_count == 0.167


def test_an_unquoted_generation_of_azure_gives_surplus_cells_at_the_end_only(files: Any) -> None:
    good = "Standard_ND96asr_v4,A100,8,96,900,A100,27.197,5.98,eastus,V1,V2"
    quoted = 'Standard_ND96asr_v4,A100,8,96,900,A100,27.2,,westus,"V1,V2"'
    elsewhere = "Standard_ND96asr_v4,A100,8,96,900,A100,Inc,27.197,5.98,eastus,V1"
    read = files.read(table(AZURE, good, quoted, elsewhere))
    assert read.price("Standard_ND96asr_v4", "eastus", "spot") == 5.98
    assert read.price("Standard_ND96asr_v4", "westus") == 27.2
    assert read.reasons == {"the row has another number of cells than the header": 1, "no spot price": 1}
    aws = "p5.48xlarge,H100,8,192,2048,H100,55.04,,us-east-1,use1-az1,x86_64,x86_64"
    assert not files.read(table(AWS, aws), provider="aws").listed


@pytest.mark.parametrize(
    ("provider", "count", "gpu", "gib"),
    [
        ("runpod", 2, info(80, 2, 160), 80),
        ("vast", 2, info(287542, 2), 287542 / 2048),
        ("lambda", 8, info(81920, 8), 80),
        ("hyperstack", 8, info(81920, 8).replace("'X'", "null"), 80),
        ("digitalocean", 8, info(81559, 8).lower(), 81559 / 1024),
        ("azure", 8, "A100", None),
        ("seeweb", 1, info(0), None),
        ("aws", 1, '"{[(((""SizeInMiB"": 1.2.3', None),
    ],
)
def test_gpu_info_tells_memory_per_gpu_or_nothing(
    files: Any, provider: str, count: int, gpu: str, gib: float | None
) -> None:
    read = files.read(
        table(LAMBDA, f"m,X,{count},1,1,1.5,r,{gpu}{'' if gpu.count(chr(34)) % 2 == 0 else chr(34)},"),
        provider=provider,
    )
    assert read.listed[0].memory_gib_per_gpu == gib


def test_regions_and_hosts_as_marketplaces_write_them(files: Any) -> None:
    header = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region"
    one = f'1x-H200-32-65536,H200,1,32,64.0,{info(143771)},2.65,0.00,"France, FR, EU"'
    two = f'4x-H200-32-65536,H200,4,0,,{info(575084)},10.59,0.00,", US, NA"'
    read = files.read(table(header, one, two))
    assert [(one.region, one.provider, one.vcpus) for one in read.listed] == [
        ("France, FR, EU", "vast", 32),
        ("US, NA", "vast", None),
    ]
    assert read.listed[1].ram_gib is None


def test_a_minimum_bid_is_no_price(files: Any) -> None:
    """Mithril's Price and SpotPrice are both the least bid of its auction."""
    read = files.read(table(LAMBDA, f"h100.8x,H100,8,168,1814,8.0,us-central2-a,{info(81920)},8.0"), provider="mithril")
    assert not read.listed
    assert list(read.reasons) == ["the minimum bid of an auction, at which nobody need sell"]


@pytest.mark.parametrize(
    ("header", "row", "provider"),
    [
        (AWS, "x,H100,8,192,2048,H100,55,1,r,z,x86_64", "aws"),
        (AWS.removesuffix(",Arch"), "p5.48xlarge,H100,8,192,2048,H100,55,1,r,z", "aws"),
        (AWS.removesuffix(",Arch"), "BM.GPU.H100.8,H100,8,192,2048,H100,80,,r,z", "oci"),
        (AZURE, "x,H100,8,192,2048,H100,55,1,r,V2", "azure"),
        (AZURE.removesuffix(",Generation"), "Standard_ND96isr_H100_v5,H100,8,192,2048,H100,55,1,r", "azure"),
        (GCP, "a2-highgpu-1g,12.0,85.0,A100,1,,us-central1,us-central1-a,3.6,", "gcp"),
        (LAMBDA, "gpu_8x_a100_80gb_sxm4,A100-80GB,8,208,1800,31.92,r,X,", "lambda"),
        (LAMBDA, "gpu-h100-sxm_8gpu-128vcpu-1600gb,H100,8,128,1600,23.6,r,X,10", "nebius"),
        (LAMBDA, "8x_H100-SXM_SECURE,H100,8,128,1600,23.6,r,X,10", "runpod"),
        (VERDA, "1H100.80S.32V,1H100.80S.32V,1,1,H100,1,X,r,2.29,", "verda"),
        (VERDA, "lambdalabs__8xA100_80GB__240__1800,gpu_8x,1,1,A100-80GB,8,X,r,14.32,", "primeintellect"),
    ],
)
def test_the_provider_is_told_by_columns_or_machines(files: Any, header: str, row: str, provider: str) -> None:
    assert {one.provider for one in files.read(table(header, row)).listed} == {provider}


def test_a_provider_that_nothing_tells_is_asked_for(files: Any) -> None:
    rows = table(LAMBDA, "gpu_2x_rtx4090_64,RTX4090,2,64,256,0.68,Europe-PL,X,")
    with pytest.raises(ImportFileError, match="--provider"):
        files.read(rows)
    assert files.read(rows, provider="simplepod").listed[0].provider == "simplepod"
    both = table(LAMBDA, "p5.48xlarge,H100,8,1,1,1,r,X,", "BM.GPU4.8,A100,8,1,1,1,r,X,")
    with pytest.raises(ImportFileError, match="--provider"):
        files.read(both)


def test_the_two_rows_of_gcp_are_added(files: Any) -> None:
    rows = table(
        GCP,
        "a3-megagpu-8g,208.0,1872.0,,,,us-central1,us-central1-a,9.46006,2.88933",
        "g2-standard-24,24.0,96.0,,,,us-central1,us-central1-a,0.9,0.3",
        ",,,H100-MEGA,8,H100-MEGA,us-central1,us-central1-a,82.75421,40.0",
        ",,,L4,2,L4,us-central1,us-central1-a,1.1,0",
        ",,,L4,1,L4,us-central1,us-central1-a,0.55,0.2",
        "n1-highmem-8,8.0,52.0,,,,us-central1,us-central1-a,0.47,0.09",
    )
    read = files.read(rows)
    assert read.price("a3-megagpu-8g", "us-central1") == pytest.approx(92.21427)
    spot = next(one for one in read.listed if one.pricing == "spot")
    assert (spot.price_per_hour, spot.on_demand_per_hour) == (pytest.approx(42.88933), pytest.approx(92.21427))
    assert (spot.accelerator, spot.accelerator_count, spot.vcpus, spot.zone) == ("H100-MEGA", 8, 208, "us-central1-a")
    assert read.price("g2-standard-24", "us-central1") == pytest.approx(2.0)
    assert read.reasons == {
        "no spot price": 1,
        "no GPU": 1,
        "a price of GPUs without a machine that has them in their zone": 1,
    }


def test_what_gcp_does_not_price_whole_is_left_out(files: Any) -> None:
    rows = table(
        GCP,
        ",,,T4,1,T4,us-central1,us-central1-a,0.35,0.1",
        ",,,B200,8,B200,us-south1,us-south1-b,100,0",
        "a4-highgpu-8g,224.0,3968.0,,,,us-south1,us-south1-b,0.0,0.0",
        "a3-highgpu-8g,208.0,1872.0,,,,us-south1,us-south1-b,9.46,2.8",
        ",,,H100,8,H100,us-south1,us-south1-c,79.03,20",
        "g4-standard-6,6,30,,,,us-south1,us-south1-c,0.5,0.1",
        "a2-highgpu-1g,12.0,85.0,,,,us-east1,us-east1-b,-1,0.3",
        ",,,A100,1,A100,us-east1,us-east1-b,2.93,x",
    )
    read = files.read(rows)
    assert not read.listed
    assert read.reasons == {
        "GPUs that are attached to hosts of any size have no price as a machine": 1,
        "the host has no on-demand price, which is probably missing and not free": 1,
        "no spot price": 1,
        "the row with the price of its GPUs is missing in its zone": 2,
        "a price of GPUs without a machine that has them in their zone": 1,
        "not a plausible price": 2,
    }


def test_real_files(shared: Callable[[str, str | None], Any]) -> None:
    """The prices of the table in the shared study, section 1."""
    folder = "skypilot-v8-fork-2026-05-20"
    azure = shared(f"{folder}/azure_gpu_vms.csv", None)
    assert azure.price("Standard_ND96asr_v4", "eastus") == 27.197
    assert {one.provider for one in azure.listed} == {"azure"}
    gcp = shared(f"{folder}/gcp_gpu_vms.csv", None)
    assert gcp.price("a3-megagpu-8g", "us-central1", zone="us-central1-a") == pytest.approx(92.21, abs=0.01)
    assert not any(one.instance_type == "a4-highgpu-8g" for one in gcp.listed)
    assert shared(f"{folder}/lambda_gpu_vms.csv", None).price("gpu_8x_h100_sxm5", "us-west-3") == 31.92
    nebius = shared(f"{folder}/nebius_gpu_vms.csv", None)
    assert nebius.price("gpu-h200-sxm_8gpu-128vcpu-1600gb", "eu-north1") == 28.0
    verda = shared(f"{folder}/verda_vms.csv", None)
    assert verda.price("1B300.30V", "FIN-03") == 6.99
    aws = shared(f"{folder}/aws_vms_p_family_sample.csv", None)
    assert {
        one.price_per_hour for one in aws.listed if one.instance_type == "p5.48xlarge" and one.region == "us-east-1"
    } >= {55.04}


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "0", "1", "8.0", "1e308", "-1", "nan", "a2-highgpu-1g", "A100", "T4", "tpu-v6e-1", "us-central1", info(80)]
    ),
    st.floats().map(str),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.sampled_from([AWS, AZURE, GCP, VERDA]),
    rows=st.lists(st.lists(CELLS, max_size=12), max_size=8),
    end=st.sampled_from(["\n", "\r\n", ""]),
    provider=st.sampled_from([None, "gcp", "aws"]),
)
def test_nothing_but_the_files_error_is_raised(
    files: Any, header: str, rows: list[list[str]], end: str, provider: str | None
) -> None:
    content = (end or "\n").join([header, *(",".join(row) for row in rows)]) + end
    source = files.source(content.encode("utf-8", "surrogatepass"), provider=provider)
    format_ = next(form for form in formats() if form.name == "SkyPilot catalogue")
    try:
        found = list(format_.read(source))
    except ImportFileError:
        return
    assert all(getattr(one, "price_per_hour", 1) > 0 for one in found)


@pytest.mark.parametrize(
    ("header", "row", "provider", "theirs"),
    [
        (AWS, f"p5.48xlarge,H100,8,192,2048,{info(81920)},55.04,,us-east-1,,x86_64", "azure", "aws"),
        (LAMBDA, f"gpu_8x_h100_sxm5,H100,8,208,1800,31.92,us-west-3,{info(81920)},", "nebius", "lambda"),
    ],
)
def test_a_provider_that_the_file_denies_is_refused(
    files: Any, header: str, row: str, provider: str, theirs: str
) -> None:
    with pytest.raises(ImportFileError) as caught:
        files.read(table(header, row), provider=provider)
    assert str(caught.value) == (
        f"its columns and machines are those of {theirs}, but its path or --provider says {provider}"
    )


@pytest.mark.parametrize("provider", ["spheron", "shadeform", "hyperbolic", "primeintellect", "somebody"])
def test_resellers_call_machines_as_others_do(files: Any, provider: str) -> None:
    row = f"gpu_8x_h100_sxm5,H100,8,208,1800,31.92,us-west-3,{info(81920)},"
    assert files.read(table(LAMBDA, row), provider=provider).price("gpu_8x_h100_sxm5", "us-west-3") == 31.92


def test_further_names_of_a_machine_and_its_gpu_are_kept(files: Any) -> None:
    gpu = info(81920).replace("'X'", "'NVIDIA-H100-80GB-HBM3'")
    row = f"any__8xH100,gpu_8x_h100_sxm5,208,1800,H100,8.0,{gpu},US,23.92,"
    (price,) = files.read(table(VERDA, row), provider="primeintellect").listed
    assert price.also_called == "NVIDIA-H100-80GB-HBM3 gpu_8x_h100_sxm5"
    row = "gx2-8x64x1v100,V100,1.0,8,64,V100,2.497,,us-south,us-south-1,"
    (price,) = files.read(table(AWS.replace("Arch", "Other"), row), provider="ibm").listed
    assert price.also_called == ""
