"""The kinds of files in which prices are published, each written as its makers write it, with its mistakes."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.market.shapes import Shape
from gpuplan_hardware.imports.gcp import gpus_of

USD_PER_CNY = 0.14
_HOURS_PER_MONTH, _HOURS_PER_YEAR = 730, 8760
_CPU_SHARE = 0.35
_CPU_TYPES = {
    "aws": [f"{family}.{size}" for family in ("m7i", "c7i", "r7i", "m8g") for size in ("large", "xlarge", "4xlarge", "24xlarge")],
    "azure": [f"Standard_{family}{size}_v5" for family in ("D", "E", "F") for size in ("2s", "8s", "32s", "96s")],
}  # fmt: skip
#: Order of the columns, which differs between SkyPilot's providers.
_COMMON = (
    "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "Price", "Region", "GpuInfo", "SpotPrice",
)  # fmt: skip
_SKYPILOT = {
    "aws": (
        "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo", "Price", "SpotPrice", "Region",
        "AvailabilityZone", "Arch",
    ),
    "azure": (
        "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo", "Price", "SpotPrice", "Region",
        "Generation",
    ),
    "gcp": (
        "InstanceType", "vCPUs", "MemoryGiB", "AcceleratorName", "AcceleratorCount", "GpuInfo", "Region", "AvailabilityZone",
        "Price", "SpotPrice",
    ),
    "verda": (
        "InstanceType", "UpstreamCloudId", "vCPUs", "MemoryGiB", "AcceleratorName", "AcceleratorCount", "GpuInfo", "Region",
        "Price", "SpotPrice",
    ),
}  # fmt: skip
_GPUHUNT = (
    "instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory", "spot", "disk_size", "gpu_vendor",
)  # fmt: skip
_GPUHUNT_FILES = {"lambda": "lambdalabs", "vast": "vastai", "verda": "datacrunch"}
_OWN = (
    "provider", "region", "pricing", "node", "gpu", "gpus_per_node", "max_nodes", "price_usd_per_hour", "as_of",
    "intra_node_gb_per_s_per_gpu", "network_gb_per_s_per_gpu", "vcpus", "ram_gib",
)  # fmt: skip
_PRICE_COLUMNS = ("Price", "price", "PriceHourly", "hour", "price_usd_per_hour")

Cells = dict[str, object]


@dataclass(frozen=True)
class Place:
    """Where something is sold, and at which multiple of its usual price."""

    region: str
    zone: str
    level: float


class Writer:
    """Writes files of one provider and edition, from machines in places that are taken in turn."""

    def __init__(
        self,
        folder: Path,
        provider: str,
        sold: Sequence[tuple[Shape, Place]],
        rng: random.Random,
        edition: str,
        broken: float,
    ) -> None:
        self._folder, self._provider, self._rng, self._edition, self._broken = folder, provider, rng, edition, broken
        self._sold = sold

    def skypilot(self, count: int) -> None:
        """A vms.csv of SkyPilot's catalogue."""
        columns = _SKYPILOT.get(self._provider, _COMMON)
        rows = self._gcp_pairs() if self._provider == "gcp" else map(self._machine, cycle(self._worded()))
        path = self._folder / f"skypilot-{self._edition}" / "catalogs" / "v8" / self._provider / "vms.csv"
        self._csv(path, columns, islice(rows, count), unquoted=self._provider == "azure")

    def gpuhunt(self, count: int) -> None:
        """A file of gpuhunt, where on demand and spot are rows of their own."""
        name = _GPUHUNT_FILES.get(self._provider, self._provider)
        path = self._folder / f"gpuhunt-{self._edition}" / f"{name}.csv"
        self._csv(path, _GPUHUNT, islice(self._hunted(), count))

    def karpenter(self, count: int) -> None:
        """A table of on-demand prices, a row in 30 in the currency of China."""
        name = "ArmSkuName" if self._provider == "azure" else "InstanceType"
        columns = (name, "Region", "PriceHourly", "Currency", "GeneratedAt")
        rows = (self._karpenter(name, *pair) for pair in cycle(self._sold))
        self._csv(self._folder / f"{self._provider}_karpenter.csv", columns, islice(rows, count))

    def cyclenerd(self, count: int) -> None:
        """Machines of GCP with their commitments."""
        columns = ("MachineType", "Region", "hour", "hour_spot", "month", "month_1y", "month_3y", "month_spot")
        places = {(shape.name, place.region): (shape, place) for shape, place in self._sold if gpus_of(shape.name)}
        rows = (self._committed(shape, place) for shape, place in cycle(places.values()))
        path = self._folder / f"gcp_cyclenerd-{self._edition}.csv"
        self._csv(path, columns, islice(rows, count))

    def azure_retail(self, count: int) -> None:
        """Pages of the Azure Retail Prices API, one in each line."""
        items = list(islice((self._item(*pair) for pair in cycle(self._sold)), count))
        path = self._folder / f"azure_retail-{self._edition}.jsonl"
        pages = (items[start : start + 1000] for start in range(0, len(items), 1000))
        lines = (json.dumps({"BillingCurrency": "USD", "Items": page, "Count": len(page)}) for page in pages)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def own(self, count: int) -> None:
        """A price list of gpuplan."""
        pairs = {(shape.name, place.region): (shape, place) for shape, place in self._sold if shape.like is not None}
        rows = (self._listed(shape, place) for shape, place in islice(pairs.values(), count))
        self._csv(self._folder / f"{self._provider}_own.csv", _OWN, rows)

    # -- rows --------------------------------------------------------------------------------------------------------------
    def _worded(self) -> list[tuple[Shape, Place]]:
        return [pair for pair in self._sold if pair[0].word]

    def _machine(self, sold: tuple[Shape, Place]) -> Cells:
        """A row of SkyPilot's; on some providers many are machines without a GPU."""
        shape, place = sold
        if self._provider in _CPU_TYPES and self._rng.random() < _CPU_SHARE:
            return self._cpu(place)
        price = self._price(shape, place)
        return {
            "InstanceType": shape.name,
            "UpstreamCloudId": shape.name,
            "AcceleratorName": shape.word,
            "AcceleratorCount": f"{shape.gpus}.0",
            "vCPUs": shape.vcpus or "",
            "MemoryGiB": shape.ram_gib or "",
            "GpuInfo": _gpu_info(shape),
            "Price": price,
            "SpotPrice": self._spot(price),
            "Region": place.region,
            "AvailabilityZone": place.zone,
            "Arch": "x86_64",
            "Generation": "V1,V2",
        }

    def _cpu(self, place: Place) -> Cells:
        price = round(self._rng.uniform(0.05, 5.0) * place.level, 6)
        row = {
            "InstanceType": self._rng.choice(_CPU_TYPES[self._provider]),
            "vCPUs": 8,
            "MemoryGiB": 32,
            "Price": price,
        }
        where = {"Region": place.region, "AvailabilityZone": place.zone, "Arch": "x86_64", "Generation": "V2"}
        return row | where | {"SpotPrice": self._spot(price)}

    def _gcp_pairs(self) -> Iterable[Cells]:
        """Two rows of a machine of GCP: its host, and the GPUs in its zone."""
        for shape, place in cycle([pair for pair in self._sold if gpus_of(pair[0].name)]):
            word, gpus = gpus_of(shape.name) or ("", 0)
            price = self._price(shape, place)
            where = {"Region": place.region, "AvailabilityZone": place.zone}
            host, cards = round(0.3 * price, 6), round(0.7 * price, 6)
            yield where | {
                "InstanceType": shape.name, "vCPUs": shape.vcpus, "MemoryGiB": shape.ram_gib, "Price": host,
                "SpotPrice": self._spot(host),
            }  # fmt: skip
            yield where | {
                "AcceleratorName": word, "AcceleratorCount": gpus, "GpuInfo": word, "Price": cards,
                "SpotPrice": self._spot(cards),
            }  # fmt: skip

    def _hunted(self) -> Iterable[Cells]:
        for shape, place in cycle(self._worded()):
            price = self._price(shape, place)
            row: Cells = {
                "instance_name": str(self._rng.randrange(10**7, 10**8)) if self._provider == "vast" else shape.name,
                "location": place.zone if self._provider == "gcp" else place.region,
                "cpu": shape.vcpus,
                "memory": shape.ram_gib,
                "gpu_count": shape.gpus,
                "gpu_name": shape.word.partition("-")[0] if shape.word.startswith(("A100", "V100")) else shape.word,
                "gpu_memory": shape.memory_gib or "",
                "disk_size": "",
                "gpu_vendor": "nvidia",
            }
            yield row | {"price": price, "spot": "False"}
            yield row | {"price": self._spot(price), "spot": "True"}

    def _karpenter(self, name: str, shape: Shape, place: Place) -> Cells:
        price, chinese = self._price(shape, place), self._rng.random() < 1 / 30
        return {
            name: shape.name,
            "Region": "cn-north-1" if chinese else place.region,
            "PriceHourly": round(price / USD_PER_CNY, 6) if chinese else price,
            "Currency": "CNY" if chinese else "USD",
            "GeneratedAt": self._rng.choice(("2026-10-30T13:44:30Z", "2026-07-20T13:44:30Z")),
        }

    def _committed(self, shape: Shape, place: Place) -> Cells:
        price = self._price(shape, place)
        spot, month = self._spot(price), price * _HOURS_PER_MONTH
        return {
            "MachineType": shape.name,
            "Region": place.region,
            "hour": price,
            "hour_spot": spot,
            "month": month,
            "month_1y": round(0.63 * month, 6) if self._rng.random() < 0.9 else 0,
            "month_3y": round(0.45 * month, 6) if self._rng.random() < 0.9 else 0,
            "month_spot": "",
        }

    def _item(self, shape: Shape, place: Place) -> dict[str, Any]:
        """An item of the Azure Retail Prices API."""
        kind, price = self._rng.random(), self._price(shape, place)
        machine = "Standard_D8s_v5" if kind < 0.4 else shape.name
        term = self._rng.choice(("", "", "", "1 Year", "3 Years"))
        spot = not term and self._rng.random() < 0.4
        years = {"1 Year": 1, "3 Years": 3}.get(term, 0)
        retail = price * 0.6 * years * _HOURS_PER_YEAR if term else price * 0.4 if spot else price
        return {
            "currencyCode": "USD",
            "tierMinimumUnits": 0.0,
            "retailPrice": round(retail, 6),
            "unitPrice": round(retail, 6),
            "armRegionName": place.region,
            "effectiveStartDate": "2023-03-01T00:00:00Z",
            "meterName": "Spot" if spot else "",
            "productName": f"Virtual Machines {'Windows' if 0.4 <= kind < 0.6 else 'Linux'}",
            "skuName": f"{machine} Spot" if spot else machine,
            "serviceName": "Virtual Machines",
            "unitOfMeasure": "1 Hour",
            "type": "Reservation" if term else "Consumption",
            "isPrimaryMeterRegion": True,
            "armSkuName": machine,
            **({"reservationTerm": term} if term else {}),
        }

    def _listed(self, shape: Shape, place: Place) -> Cells:
        """A row of our own: a machine that the catalogue lacks is described, with the links of the one that it is like."""
        row: Cells = {
            "provider": shape.provider,
            "region": place.region,
            "pricing": self._rng.choice(("on-demand", "on-demand", "on-demand", "reserved-1y")),
            "node": shape.name,
            "max_nodes": 8,
            "price_usd_per_hour": self._price(shape, place),
            "as_of": self._edition,
        }
        like = shape.like
        if like is None or (like.provider, like.name) == (shape.provider, shape.name):
            return row
        return row | {
            "gpu": like.accelerator.name,
            "gpus_per_node": shape.gpus,
            "intra_node_gb_per_s_per_gpu": like.intra_node.bytes_per_second_per_gpu / 1e9 or "",
            "network_gb_per_s_per_gpu": "" if like.network is None else like.network.bytes_per_second_per_gpu / 1e9,
            "vcpus": shape.vcpus,
            "ram_gib": shape.ram_gib,
        }

    # -- prices and files --------------------------------------------------------------------------------------------------
    def _price(self, shape: Shape, place: Place) -> float:
        return round(shape.usd_per_hour * place.level, 6)

    def _spot(self, price: float) -> object:
        """A fifth to three fifths; some are empty, equal to the on-demand price, or above it."""
        chance = self._rng.random()
        if chance < 0.1:
            return ""
        if chance < 0.13:
            return price
        if chance < 0.135:
            return round(price * 1.4, 6)
        return round(price * self._rng.uniform(0.2, 0.6), 6)

    def _csv(self, path: Path, columns: Sequence[str], rows: Iterable[Cells], unquoted: bool = False) -> None:
        """Write a file; `unquoted` leaves the comma of the last cell as it is, as Azure's generations have it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in rows:
                cells = [row.get(name, "") for name in columns]
                if self._rng.random() < self._broken:
                    cells = self._broken_row(columns, cells)
                *before, last = cells
                writer.writerow([*before, *(str(last).split(",") if unquoted else [last])])

    def _broken_row(self, columns: Sequence[str], cells: list[object]) -> list[object]:
        place = next(columns.index(name) for name in _PRICE_COLUMNS if name in columns)
        wrong = self._rng.choice((None, "n/a", "NaN", "-1", "0", "1e9"))
        if wrong is None:
            return cells[: len(cells) // 2]
        return [*cells[:place], wrong, *cells[place + 1 :]]


def _gpu_info(shape: Shape) -> str:
    if shape.memory_gib is None:
        return shape.word
    mib = int(shape.memory_gib * 1024)
    gpu = {"Name": shape.word, "Manufacturer": "NVIDIA", "Count": shape.gpus, "MemoryInfo": {"SizeInMiB": mib}}
    return str({"Gpus": [gpu], "TotalGpuMemoryInMiB": mib * shape.gpus})
