"""SkyPilot's catalogue (schemas v5 to v8): a vms.csv per cloud, its columns in an order of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from gpuplan_hardware.imports.base import Format, Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.gcp_pairs import Pairs
from gpuplan_hardware.imports.rows import (
    NO_GPU,
    NO_NAME,
    NO_REGION,
    NOT_A_COUNT,
    Machine,
    Row,
    amount,
    header_of,
    known,
    read_rows,
)
from gpuplan_hardware.imports.tally import Tally

_COLUMNS = (
    "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo", "Price", "SpotPrice", "Region",
    "AvailabilityZone", "UpstreamCloudId",
)  # fmt: skip
_NEEDED = frozenset({"InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region"})

#: A column that one provider has alone, and instance types that one provider has alone.
_OWN_COLUMNS = {"Arch": "aws", "Generation": "azure", "SpheronInstanceType": "spheron", "StorageGiB": "hyperbolic"}
_OWN_TYPES = tuple(
    (provider, re.compile(pattern))
    for provider, pattern in (
        ("aws", r"[a-z][a-z0-9-]*\.(\d+x|x)?(large|metal.*|medium|small|micro|nano)"),
        ("azure", r"(Standard|Basic)_\w+"),
        ("gcp", r"(a2|a3|a4|a4x|g2|g4|n1|n2|e2|c3)-[a-z]+-\d+g?(-nolssd)?"),
        ("jarvislabs", r"\d+x_\w+_\d+V_\d+G"),
        ("lambda", r"gpu_\d+x_(?!rtx\w+_\d+$)[a-z0-9_]+"),
        ("nebius", r"(gpu|cpu)-[a-z0-9-]+_(\d+gpu-)?\d+vcpu-\d+gb"),
        ("oci", r"(BM|VM)\.(GPU|Standard).*"),
        ("primeintellect", r"\w+__\d+x\w+__\d+__\d+(__\w+)?"),
        ("runpod", r"\d+x_[A-Za-z0-9-]+_(SECURE|COMMUNITY)"),
        ("vast", r"\d+x-\w+-\d+-\d+"),
        ("verda", r"\d+[A-Z0-9]+\.(\d+S\.)?\d+V"),
        ("yotta", r"\d+x\d+v\d+g_\w+"),
    )
)
#: Providers whose files are known by them: the machines of the others are called as those of the clouds that they resell.
_TELLING = frozenset(provider for provider, _ in _OWN_TYPES) - {"primeintellect"}
_ROWS_TO_LOOK_AT = 500
_OF_ALL = len(_COLUMNS) - 1  # the last one, a reseller's source of the machine, is not in GCP's

#: SizeInMiB is that of all GPUs of a machine.
_WHOLE_NODE = frozenset({"vast", "primeintellect"})
_MEMORY = re.compile(r"sizeinmib\W{1,4}([0-9.]+)", re.IGNORECASE)
_NAME = re.compile(r"name\W{1,5}([A-Za-z0-9][A-Za-z0-9 _-]*)", re.IGNORECASE)
_LEAST_MIB = 1024  # RunPod and Shadeform write 80 for 80 GB

#: Price = SpotPrice = ``minimum_price_cents`` of an auction (sky/catalog/data_fetchers/fetch_mithril.py).
_MINIMUM_BIDS = frozenset({"mithril"})


class SkyPilot(Format):
    """A vms.csv of skypilot-org/skypilot-catalog or of a fork; the price is for the whole row, one row per zone.

    GCP prices GPUs and hosts in rows of their own, which are added (see `gcp_pairs`).
    """

    name = "SkyPilot catalogue"

    def recognises(self, head: Head) -> bool:
        return _NEEDED.issubset(head.columns)

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        provider = _provider(source)
        left_out = Tally()
        pairs = Pairs(left_out)
        for row in read_rows(source, _COLUMNS, spill="Generation"):
            if isinstance(row, Skipped):
                yield row
            elif provider == "gcp" and pairs.takes(row.line, *row.cells[:_OF_ALL]):
                continue
            else:
                yield from _prices(row, provider, left_out)
        yield from pairs.prices()
        yield from left_out.skipped()


def _prices(row: Row, provider: str, left_out: Tally) -> Iterator[Listed | Skipped]:
    name, gpu, count, vcpus, ram, info, price, spot, region, zone, upstream = row.cells
    gpus = amount(count)
    if not gpu or (gpus == 0 and count):
        left_out.add(row.line, NO_GPU, name)
    elif gpu.startswith("tpu-"):
        left_out.add(row.line, "a TPU, which has no price as a machine", gpu)
    elif not name:
        yield Skipped(row.line, NO_NAME, gpu)
    elif not region.strip(" ,"):
        yield Skipped(row.line, NO_REGION, name)
    elif count and not gpus > 0:
        yield Skipped(row.line, NOT_A_COUNT, f"{name}: {count[:40]!r}")
    elif provider in _MINIMUM_BIDS and price == spot:
        yield Skipped(row.line, "the minimum bid of an auction, at which nobody need sell", name)
    else:
        machine = Machine(
            line=row.line,
            provider=provider,
            instance_type=name,
            accelerator=gpu,
            accelerator_count=gpus if count else None,
            region=region.strip(" ,"),
            zone=zone,
            memory_gib_per_gpu=_memory_gib(info, gpus, provider),
            vcpus=known(vcpus),
            ram_gib=known(ram),
            also_called=f"{_name(info)} {upstream}".strip(),
        )
        yield from machine.prices((("on-demand", price), ("spot", spot)))


def _memory_gib(info: str, gpus: float, provider: str) -> float | None:
    """GiB per GPU; GpuInfo is a Python literal, JSON or a plain word, and its other figures are not needed."""
    size = _size_mib(info)
    if size is None:
        return None
    gib = size if size < _LEAST_MIB else size / 1024
    return gib / gpus if provider in _WHOLE_NODE and gpus > 0 else gib


@lru_cache(maxsize=4096)
def _name(info: str) -> str:
    """What GpuInfo calls the GPU: "A100 PCIe" (RunPod), "NVIDIA-H100-80GB-HBM3" (Hyperbolic)."""
    found = _NAME.search(info)
    return found.group(1) if found else ""


@lru_cache(maxsize=4096)
def _size_mib(info: str) -> float | None:
    found = _MEMORY.search(info)
    return known(found.group(1)) if found else None


def _provider(source: Source) -> str:
    """Whose prices they are: as the user or the path says, or by a column or names of machines that one provider has alone."""
    columns = header_of(source)
    found = {provider for column, provider in _OWN_COLUMNS.items() if column in columns}
    if not found:
        found = _by_types(source)
    said = source.provider
    if said is not None:
        if found and said not in found and said in _TELLING:
            theirs = " or ".join(sorted(found))
            raise ImportFileError(
                f"its columns and machines are those of {theirs}, but its path or --provider says {said}"
            )
        return said
    if len(found) == 1:
        return found.pop()
    raise ImportFileError(
        "neither its name nor its columns and machines say whose prices they are; name the provider with --provider, such as "
        "--provider aws"
    )


def _by_types(source: Source) -> set[str]:
    """Providers whose machines the first rows name."""
    found: set[str] = set()
    for number, row in enumerate(read_rows(source, ("InstanceType", "AcceleratorName"))):
        if number == _ROWS_TO_LOOK_AT:
            break
        if isinstance(row, Row) and row.cells[0]:
            found.update(provider for provider, pattern in _OWN_TYPES if pattern.fullmatch(row.cells[0]))
    return found
