"""Wrong catalogue files are refused with file, field and value; importing stays cheap."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from gpuplan_hardware import CatalogueError, accelerators, catalogue, names, nodes, providers, resolve_gpus

ACCELERATOR, NODE, PROVIDER = "accelerators/h100-sxm.toml", "nodes/aws-p5.48xlarge.toml", "providers/aws.toml"
TRAY = "nodes/oci-bm.gpu.gb200.4.toml"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data folder that the catalogue reads in place of its own."""
    copy = tmp_path / "data"
    shutil.copytree(catalogue.DATA, copy)
    monkeypatch.setattr(catalogue, "DATA", copy)
    for name in ("_accelerators", "_providers", "_nodes"):
        monkeypatch.setattr(catalogue, name, cache(getattr(catalogue, name).__wrapped__))
    monkeypatch.setattr(names, "_index", names._index.__wrapped__)
    return copy


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "says"),
    [
        (ACCELERATOR, 'vendor = "NVIDIA"\n', "", "vendor", "the key is missing"),
        (ACCELERATOR, 'vendor = "NVIDIA"', 'vender = "NVIDIA"', "vender", "there is no such key; vendor was expected"),
        (ACCELERATOR, 'vendor = "NVIDIA"', 'vendor = "NVIDIA"\nyear = 2022', "year", "there is no such key"),
        (ACCELERATOR, '"hopper"', '"Hopper GPU"', "kernel_family", "'Hopper GPU'"),
        (ACCELERATOR, "value = 989.4e12", "value = 989.4", "peak_flops.bf16", "should be from 1e+13 to 1e+17 dense"),
        (ACCELERATOR, "value = 84_943_715_696", "value = 79.11", "usable_memory_bytes", "4e+09 to 2e+12 bytes"),
        (ACCELERATOR, "value = 84_943_715_696", "value = 84943715696.5", "usable_memory_bytes", "whole number"),
        (ACCELERATOR, "value = 3350e9", "value = nan", "memory_bandwidth_bytes_per_second.value", "finite number"),
        (ACCELERATOR, "value = 3350e9", 'value = "3350e9"', "memory_bandwidth_bytes_per_second.value", "valid number"),
        (ACCELERATOR, "value = 3350e9", "value = true", "memory_bandwidth_bytes_per_second.value", "valid number"),
        (
            ACCELERATOR,
            'source = "torch"',
            'source = "tensorflow"',
            "usable_memory_bytes.source",
            "aic, host-link, price, stas, torch",
        ),
        (ACCELERATOR, 'as_of = "2026-11-20"', 'as_of = "2026-13-20"', "usable_memory_bytes.as_of", "month must be"),
        (ACCELERATOR, 'as_of = "2026-11-20"', "as_of = 20261120", "usable_memory_bytes.as_of", "valid date"),
        (ACCELERATOR, 'as_of = "2026-11-20"', 'as_of = "20 Nov"', "usable_memory_bytes.as_of", "such as 2026-11-20"),
        (ACCELERATOR, 'basis = "measured"', 'basis = "guess"', "usable_memory_bytes.basis", "'datasheet'"),
        (ACCELERATOR, 'vendor = "NVIDIA"', 'vendor = "Nvidea"', "vendor", "'NVIDIA', 'AMD'"),
        (ACCELERATOR, "value = 700, ", "", "tdp_watts.value", "the key is missing"),
        (ACCELERATOR, 'name = "H100-SXM"', "name = ", "file", "not valid TOML"),
        (ACCELERATOR, 'name = "H100-SXM"', 'name = "H100-NVL"', "name", "names must be unique"),
        (
            NODE,
            'accelerator = "H100-SXM"',
            'accelerator = "H100"',
            "accelerator",
            "one of the catalogue's was expected",
        ),
        (NODE, 'provider = "aws"', 'provider = "amazon"', "provider", "aws, azure"),
        (NODE, "value = 450e9", "value = 0", "intra_node", 'kind "none"'),
        (NODE, 'kind = "nvswitch"', 'kind = "none"', "intra_node", 'kind "none"'),
        (NODE, "value = 50e9", "value = 400", "network.bytes_per_second_per_gpu", "1e+08 to 5e+11 bytes/s one way"),
        (NODE, "gpus_per_node = { value = 8", "gpus_per_node = { value = 0", "gpus_per_node", "1 to 128 GPUs"),
        (ACCELERATOR, "value = 63e9", "value = 63", "host_link_bytes_per_second", "1e+09 to 1e+12 bytes/s one way"),
        (
            TRAY,
            "domain_gpus = { value = 72",
            "domain_gpus = { value = 70",
            "domain_gpus",
            "a multiple of the node's GPUs (4)",
        ),
        (TRAY, "domain_gpus = { value = 72", "domain_gpus = { value = 4", "domain_gpus", "more than it has"),
        (TRAY, "domain_gpus = { value = 72", "domain_gpus = { value = 1", "domain_gpus", "2 to 10000 GPUs"),
        (PROVIDER, "marketplace = false", 'marketplace = "no"', "marketplace", "valid boolean"),
        (PROVIDER, "value = 0.08", "value = 80", "volume_usd_per_gb_month", "0.001 to 5 USD"),
        (PROVIDER, 'volume = "', 'disk = "', "volume_usd_per_gb_month.source", "disk"),
    ],
)
def test_a_wrong_file_is_refused(data: Path, file: str, old: str, new: str, field: str, says: str) -> None:
    change(data / file, old, new)
    with pytest.raises(CatalogueError) as caught:
        accelerators(), providers(), nodes()
    assert caught.value.field == field
    assert field in str(caught.value)
    assert says in str(caught.value)
    assert file in str(caught.value) or "unique" in says


def test_an_accelerator_without_a_rate_is_refused(data: Path) -> None:
    path = data / ACCELERATOR
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(("bf16", "fp"))]
    path.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(CatalogueError, match="one of bf16, fp16 and fp8"):
        accelerators()


def test_a_new_file_is_found_without_any_other_change(data: Path) -> None:
    new = data / "accelerators/gx-1.toml"
    shutil.copy(data / ACCELERATOR, new)
    change(new, 'name = "H100-SXM"', 'name = "GX-1"')
    assert "GX-1" in accelerators()


def test_what_is_returned_is_a_copy() -> None:
    accelerators().clear()
    nodes().clear()
    providers().clear()
    assert accelerators() and nodes() and providers()


def test_importing_the_package_reads_nothing_and_imports_no_pydantic() -> None:
    check = (
        "import sys, gpuplan_hardware as h;"
        "assert 'pydantic' not in sys.modules;"
        "assert h.catalogue._accelerators.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", check], check=True, env={"PYTHONPATH": str(catalogue.DATA.parents[1])})


@pytest.mark.parametrize(("alias", "taken"), [("H100-PCIe", "H100-PCIe"), ("H200", "the family of")])
def test_an_alias_that_another_name_has_is_refused(data: Path, alias: str, taken: str) -> None:
    change(data / ACCELERATOR, "aliases = [", f'aliases = ["{alias}", ')
    with pytest.raises(CatalogueError, match=f"'{alias}' stands for both {taken}") as caught:
        resolve_gpus("T4")
    assert caught.value.field == "aliases"
