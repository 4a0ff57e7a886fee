"""GCP in SkyPilot's catalogue: the GPUs and the host of a machine are two rows of one zone, and its price is their sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, nan

from gpuplan_hardware.imports.base import Listed, Skipped
from gpuplan_hardware.imports.gcp import gpus_of
from gpuplan_hardware.imports.rows import MISSING, Machine, amount, known
from gpuplan_hardware.imports.tally import Tally

#: GPUs that are attached to hosts of any size, so that no one machine has their price.
_ATTACHED = frozenset({"K80", "P100", "P4", "T4", "V100"})
_NO_HOST_PRICE = "the host has no on-demand price, which is probably missing and not free"
_NO_GPU_ROW = "the row with the price of its GPUs is missing in its zone"


@dataclass(frozen=True, slots=True)
class _Part:
    """A row that prices GPUs or a host alone; `gpus` is how many GPUs it has or needs."""

    line: int
    name: str
    gpu: str
    gpus: float
    vcpus: str
    ram: str
    price: str
    spot: str
    region: str
    zone: str

    @property
    def key(self) -> tuple[str, str, str, float]:
        return self.region, self.zone, _plain(self.gpu), self.gpus


class Pairs:
    """Collects the rows that are parts of a machine, and adds them once all have been read."""

    def __init__(self, left_out: Tally) -> None:
        self._left_out = left_out
        self._gpus: dict[tuple[str, str, str, float], _Part] = {}
        self._hosts: list[_Part] = []

    def takes(
        self, line: int, name: str, gpu: str, count: str, vcpus: str, ram: str, _info: str, price: str, spot: str,
        region: str, zone: str,
    ) -> bool:  # fmt: skip
        """Whether the row is one of two that belong together; if so it is kept for `prices`."""
        if bool(name) == bool(gpu) or not region:
            return False
        if gpu:
            part = _Part(line, "", gpu, amount(count), vcpus, ram, price, spot, region, zone)
            if gpu.startswith("tpu-") or not part.gpus > 0:
                return False
            other = self._gpus.get(part.key)
            if other is None or amount(price) > amount(other.price):
                self._gpus[part.key] = part
            return True
        needed = gpus_of(name)
        if needed is None:
            return False
        self._hosts.append(_Part(line, name, *needed, vcpus, ram, price, spot, region, zone))
        return True

    def prices(self) -> Iterator[Listed | Skipped]:
        """The prices of whole machines; GPUs that no machine of their zone has are left out."""
        used = set()
        for host in self._hosts:
            gpus = self._gpus.get(host.key)
            if gpus is None:
                yield Skipped(host.line, _NO_GPU_ROW, f"{host.name} in {host.zone or host.region}")
                continue
            used.add(gpus.key)
            yield from _sums(host, gpus)
        for key, gpus in self._gpus.items():
            if key not in used:
                where = "GPUs that are attached to hosts of any size have no price as a machine"
                none = "a price of GPUs without a machine that has them in their zone"
                self._left_out.add(gpus.line, where if gpus.gpu in _ATTACHED else none, f"{gpus.gpus:g}x {gpus.gpu}")


def _sums(host: _Part, gpus: _Part) -> Iterator[Listed | Skipped]:
    machine = Machine(
        line=host.line,
        provider="gcp",
        instance_type=host.name,
        accelerator=gpus.gpu,
        accelerator_count=gpus.gpus,
        region=host.region,
        zone=host.zone,
        vcpus=known(host.vcpus),
        ram_gib=known(host.ram),
    )
    on_demand = _sum(host.price, gpus.price)
    if amount(host.price) == 0:
        yield Skipped(host.line, _NO_HOST_PRICE, host.name)
    else:
        yield machine.priced("on-demand", on_demand, f"{host.price} + {gpus.price}")
    against = on_demand if amount(host.price) > 0 and 0 < on_demand < inf else None
    spot = _sum(host.spot, gpus.spot)
    if amount(host.spot) == 0:
        yield Skipped(host.line, MISSING["spot"], host.name)
    else:
        yield machine.priced("spot", spot, f"{host.spot} + {gpus.spot}", against)


def _sum(one: str, other: str) -> float:
    """The sum of two cells, 0 where one of them is empty or 0, `nan` where one is no number."""
    first, second = amount(one), amount(other)
    if first == 0 or second == 0:
        return 0.0
    return first + second if first > 0 and second > 0 else nan


def _plain(gpu: str) -> str:
    return gpu.upper().replace("-", "").replace(" ", "")
