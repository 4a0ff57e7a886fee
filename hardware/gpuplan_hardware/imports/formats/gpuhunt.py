"""gpuhunt: one row per price, a file per provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gpuplan_hardware.imports.base import Format, Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.rows import (
    NO_GPU,
    NO_REGION,
    NOT_A_COUNT,
    Machine,
    Row,
    amount,
    known,
    read_rows,
)
from gpuplan_hardware.imports.tally import Tally

_COLUMNS = (
    "instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory", "spot", "gpu_vendor",
)  # fmt: skip
_GCP_ZONE_LETTERS = 2  # "us-central1-a": its region and "-a"


class GpuHunt(Format):
    """The catalogue of dstack's gpuhunt (``CATALOG_V2_FIELDS`` of its _internal/storage.py): spot is a row of its own.

    A machine without a name, as on marketplaces, is called by its GPUs ("8x-h100-80gb"). One name with several kinds or numbers
    of GPUs, as the hosts of GCP to which GPUs are attached, has them added ("n1-standard-8+2x-t4-16gb").
    """

    name = "gpuhunt catalogue"

    def recognises(self, head: Head) -> bool:
        return {*_COLUMNS[:8], "spot"}.issubset(head.columns)

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        if source.provider is None:
            raise ImportFileError(
                "gpuhunt names the provider in the file's name only (aws.csv), and this name has none that is known; name it with "
                "--provider, such as --provider aws"
            )
        left_out = Tally()
        rows: list[_Price] = []
        for row in read_rows(source, _COLUMNS):
            if isinstance(row, Skipped):
                yield row
                continue
            price = _price(row, source.provider)
            if isinstance(price, Skipped):
                left_out.add(price.line, price.reason, price.what)
            else:
                rows.append(price)
        yield from left_out.skipped()
        yield from _priced(rows)


#: A machine, whether its price is for spot, the price, and how the file has it.
_Price = tuple[Machine, bool, float, str]


def _price(row: Row, provider: str) -> _Price | Skipped:
    name, location, price, cpu, memory, count, gpu, gpu_memory, spot, vendor = row.cells
    gpus = amount(count)
    if gpus == 0 or not gpu:
        return Skipped(row.line, NO_GPU, name)
    if not gpus > 0:
        return Skipped(row.line, NOT_A_COUNT, f"{name}: {count[:40]!r}")
    if vendor == "google" or gpu.startswith("tpu-"):
        return Skipped(row.line, "a TPU, which has no price as a machine", gpu)
    if not location:
        return Skipped(row.line, NO_REGION, name or gpu)
    if spot.lower() not in ("true", "false"):
        return Skipped(row.line, "neither spot nor on demand", f"{name or gpu}: spot is {spot[:40]!r}")
    gib = known(gpu_memory)
    is_zone = provider == "gcp" and location[-_GCP_ZONE_LETTERS : -_GCP_ZONE_LETTERS + 1] == "-"
    machine = Machine(
        line=row.line,
        provider=provider,
        instance_type=name or _made_name(gpu, gpus, gib),
        accelerator=gpu,
        accelerator_count=gpus,
        region=location[:-_GCP_ZONE_LETTERS] if is_zone else location,
        zone=location if is_zone else "",
        memory_gib_per_gpu=gib,
        vcpus=known(cpu),
        ram_gib=known(memory),
    )
    return machine, spot.lower() == "true", amount(price), price


def _priced(rows: list[_Price]) -> Iterator[Listed | Skipped]:
    """The prices, spot prices held against the on-demand price of the same machine and place."""
    on_demand: dict[tuple[object, ...], float] = {}
    shapes: dict[str, set[tuple[object, ...]]] = {}
    for machine, spot, price, _ in rows:
        shapes.setdefault(machine.instance_type, set()).add(_gpus(machine))
        if not spot and price > 0:
            key = _key(machine)
            on_demand[key] = max(price, on_demand.get(key, 0.0))
    for machine, spot, price, text in rows:
        against = on_demand.get(_key(machine)) if spot else None
        if len(shapes[machine.instance_type]) > 1:
            machine = replace(machine, instance_type=f"{machine.instance_type}+{_made_name(*_gpus(machine))}")
        yield machine.priced("spot" if spot else "on-demand", price, text, against)


def _gpus(machine: Machine) -> tuple[str, float | None, float | None]:
    return machine.accelerator, machine.accelerator_count, machine.memory_gib_per_gpu


def _key(machine: Machine) -> tuple[object, ...]:
    return machine.instance_type, machine.region, machine.zone, *_gpus(machine)


def _made_name(gpu: str, gpus: float | None, gib: float | None) -> str:
    """A name for GPUs: of a machine that has none, as on marketplaces, and to tell those apart that share theirs."""
    memory = "" if gib is None else f"-{gib:g}gb"
    return f"{gpus or 0:g}x-{gpu.casefold().replace(' ', '-')}{memory}"
