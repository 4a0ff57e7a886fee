"""The shape of the catalogue's TOML files, checked with pydantic. Nothing here knows the domain's dataclasses."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gpuplan_hardware.entities import Basis, LinkKind, NetworkKind, Pricing

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _iso_date(value: Any) -> Any:
    # Pydantic alone would also take numbers for dates (seconds since 1970).
    if isinstance(value, str):
        if not _ISO_DATE.fullmatch(value):
            raise ValueError("should be a date such as 2026-11-20")
        return date.fromisoformat(value)
    return value


class FileModel(BaseModel):
    """A table of a catalogue file: unknown keys and mistaken types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Text = Annotated[str, Field(min_length=1, max_length=400)]
Note = Annotated[str, Field(max_length=600)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]


class FigureFile(FileModel):
    """`{ value = 8, source = "key", as_of = "2026-11-20", basis = "datasheet" }`; the key is one of [sources]."""

    value: float
    source: Text
    as_of: Annotated[date, BeforeValidator(_iso_date)]
    basis: Basis


def _between(lowest: float, highest: float, unit: str) -> AfterValidator:
    def check(figure: FigureFile) -> FigureFile:
        if not lowest <= figure.value <= highest:
            raise ValueError(f"{figure.value:g} is not plausible, should be from {lowest:g} to {highest:g} {unit}")
        return figure

    return AfterValidator(check)


def _whole() -> AfterValidator:
    def check(figure: FigureFile) -> FigureFile:
        if figure.value != int(figure.value):
            raise ValueError(f"{figure.value:g} should be a whole number")
        return figure

    return AfterValidator(check)


# The ranges hold everything sold since 2017 with room to grow; what they catch is a wrong unit (GiB, TFLOPs, Gbit/s).
MemoryBytes = Annotated[FigureFile, _between(4e9, 2e12, "bytes"), _whole()]
MemoryBandwidth = Annotated[FigureFile, _between(1e11, 5e13, "bytes/s")]
PeakFlops = Annotated[FigureFile, _between(1e13, 1e17, "dense FLOP/s")]
Watts = Annotated[FigureFile, _between(10, 5000, "watts")]
PurchasePrice = Annotated[FigureFile, _between(100, 2e5, "USD for one")]
LinkRate = Annotated[FigureFile, _between(0, 5e12, "bytes/s one way")]
HostLinkRate = Annotated[FigureFile, _between(1e9, 1e12, "bytes/s one way per GPU")]
NetworkRate = Annotated[FigureFile, _between(1e8, 5e11, "bytes/s one way per GPU")]
Seconds = Annotated[FigureFile, _between(0, 1e6, "seconds")]
DomainGpus = Annotated[FigureFile, _between(2, 10_000, "GPUs"), _whole()]
Gpus = Annotated[FigureFile, _between(1, 128, "GPUs"), _whole()]
Vcpus = Annotated[FigureFile, _between(1, 2048, "vCPUs"), _whole()]
RamBytes = Annotated[FigureFile, _between(1e9, 3e13, "bytes"), _whole()]
NvmeBytes = Annotated[FigureFile, _between(0, 1e15, "bytes"), _whole()]
VolumePrice = Annotated[FigureFile, _between(0.001, 5, "USD per GB and month")]
EgressPrice = Annotated[FigureFile, _between(0, 1, "USD per GB")]
InterruptionRate = Annotated[FigureFile, _between(0, 10, "interruptions per node and hour")]
QuotaDefault = Annotated[FigureFile, _between(0, 100_000, "in the unit of the quota")]


class PeakFlopsFile(FileModel):
    """[peak_flops]: the natively supported precisions only."""

    bf16: PeakFlops | None = None
    fp16: PeakFlops | None = None
    fp8: PeakFlops | None = None


Vendor = Literal["NVIDIA", "AMD", "Intel", "Huawei", "Google", "AWS"]


class AcceleratorFile(FileModel):
    """data/accelerators/*.toml; `refused` says why jobs are not planned on it."""

    name: Text
    aliases: list[Text]
    families: list[Text]
    vendor: Vendor
    kernel_family: Slug
    refused: Text | None = None
    notes: Note = ""
    usable_memory_bytes: MemoryBytes
    memory_bandwidth_bytes_per_second: MemoryBandwidth
    host_link_bytes_per_second: HostLinkRate | None = None
    tdp_watts: Watts | None = None
    purchase_price_usd: PurchasePrice | None = None
    peak_flops: PeakFlopsFile
    sources: dict[Text, Text]


class LinkFile(FileModel):
    """[intra_node]."""

    kind: LinkKind
    bytes_per_second_per_gpu: LinkRate


class NetworkFile(FileModel):
    """[network]; leave the table out when the fabric is unknown, and `rdma` when that is."""

    kind: NetworkKind
    rdma: bool | None = None
    bytes_per_second_per_gpu: NetworkRate


class HostFile(FileModel):
    """[host]; leave out what is unknown."""

    vcpus: Vcpus | None = None
    ram_bytes: RamBytes | None = None
    nvme_bytes: NvmeBytes | None = None


class NodeFile(FileModel):
    """data/nodes/*.toml."""

    name: Text
    provider: Text
    accelerator: Text
    notes: Note = ""
    gpus_per_node: Gpus
    domain_gpus: DomainGpus | None = None
    intra_node: LinkFile
    network: NetworkFile | None = None
    host: HostFile = HostFile()
    sources: dict[Text, Text]


class ProviderFile(FileModel):
    """data/providers/*.toml; leave out what is unknown."""

    name: Text
    marketplace: bool
    notes: Note = ""
    volume_usd_per_gb_month: VolumePrice | None = None
    minimum_billing_seconds: Seconds | None = None
    billing_increment_seconds: Seconds | None = None
    capacity_block_seconds: Seconds | None = None
    spot_interruptions_per_node_hour: InterruptionRate | None = None
    object_storage_usd_per_gb_month: VolumePrice | None = None
    egress_usd_per_gb: EgressPrice | None = None
    sources: dict[Text, Text] = {}


class QuotaRuleFile(FileModel):
    """[[quotas]]: what has to be asked for, for the node shapes that match one of the globs, under one of the pricings."""

    name: Text
    code: Text | None = None
    nodes: Annotated[list[Text], Field(min_length=1)]
    pricings: Annotated[list[Pricing], Field(min_length=1)]
    counts: Literal["vcpus", "gpus", "nodes", "usd_per_hour"]
    unit: Text
    scope: Literal["region", "all regions"]
    default: QuotaDefault | None = None
    how: Annotated[str, Field(pattern=r"^https://[^?#]+$", max_length=200)]
    note: Note = ""
    source: Text
    as_of: Annotated[date, BeforeValidator(_iso_date)]
    basis: Basis


class QuotaFile(FileModel):
    """data/quotas/*.toml, named after the provider."""

    name: Text
    quotas: Annotated[list[QuotaRuleFile], Field(min_length=1)]
    sources: dict[Text, Text]


class OwnershipFile(FileModel):
    """data/ownership.toml."""

    amortisation_years: Annotated[FigureFile, _between(1, 20, "years")]
    used_share: Annotated[FigureFile, _between(0.05, 1, "of all hours")]
    residual_share: Annotated[FigureFile, _between(0, 0.9, "of what was bought")]
    power_usage_effectiveness: Annotated[FigureFile, _between(1, 3, "kW per kW")]
    electricity_usd_per_kwh: Annotated[FigureFile, _between(0.01, 2, "USD per kWh")]
    idle_power_share: Annotated[FigureFile, _between(0, 1, "of the power at work")]
    colocation_usd_per_kw_month: Annotated[FigureFile, _between(10, 2000, "USD per kW and month")]
    maintenance_share: Annotated[FigureFile, _between(0, 0.5, "of what was bought, a year")]
    network_usd_per_node_of_2: Annotated[FigureFile, _between(0, 1e5, "USD per node")]
    network_usd_per_node_of_128: Annotated[FigureFile, _between(0, 1e6, "USD per node")]
    sources: dict[Text, Text]


CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
CountryCodes = Annotated[str, Field(pattern=r"^\s*[A-Z]{2}(\s+[A-Z]{2})*\s*$")]
RegionName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 -]*$", max_length=60)]


class CurrenciesFile(FileModel):
    """data/currencies.toml."""

    usd_per: dict[CurrencyCode, Annotated[FigureFile, _between(1e-6, 10, "USD for one")]]
    sources: dict[Text, Text]


class RegionsFile(FileModel):
    """data/regions/*.toml, named after the provider.

    `codes` says that a region may be, or end in, the code of its country ("Sweden, SE").
    """

    name: Text
    source: Text
    as_of: Annotated[date, BeforeValidator(_iso_date)]
    basis: Basis
    codes: bool = False
    countries: dict[RegionName, CountryCode] = {}
    prefixes: dict[RegionName, CountryCode] = {}
    sources: dict[Text, Text]


class AreasFile(FileModel):
    """data/areas.toml: codes of countries, separated by blanks."""

    source: Text
    as_of: Annotated[date, BeforeValidator(_iso_date)]
    basis: Basis
    countries: CountryCodes
    areas: dict[Slug, CountryCodes]
    sources: dict[Text, Text]


def figures(table: FileModel, prefix: str = "") -> dict[str, FigureFile]:
    """Every figure of a file, keyed by its dotted path."""
    found: dict[str, FigureFile] = {}
    for key in type(table).model_fields:
        value = getattr(table, key)
        entries = value.items() if isinstance(value, dict) else [("", value)]
        for name, entry in entries:
            path = f"{prefix}{key}.{name}".rstrip(".")
            if isinstance(entry, FigureFile):
                found[path] = entry
            elif isinstance(entry, FileModel):
                found.update(figures(entry, f"{path}."))
    return found
