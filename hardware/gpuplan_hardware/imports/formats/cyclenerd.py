"""Google's prices by Cyclenerd's calculator, with commitments: the whole pricing.yml, or a CSV of its machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from gpuplan_hardware.entities import Pricing
from gpuplan_hardware.imports.base import EARLIEST, Format, Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.gcp import gpus_of
from gpuplan_hardware.imports.rows import NO_GPU, NO_NAME, NO_REGION, Machine, amount, known, read_rows
from gpuplan_hardware.imports.tally import Tally

_HOURS_PER_MONTH = 730  # as the calculator counts
_COLUMNS = ("MachineType", "Region", "hour", "hour_spot", "month_1y", "month_3y")
_MACHINE = 2  # compute.instance.TYPE
_COMPUTE, _INSTANCE = re.compile(r"^compute:\s*$", re.MULTILINE), re.compile(r"^ +instance:\s*$", re.MULTILINE)


class CyclenerdCsv(Format):
    """Machines of Cyclenerd's pricing.yml as CSV; a commitment costs its month over 730 hours."""

    name = "Cyclenerd CSV"

    def recognises(self, head: Head) -> bool:
        return {"MachineType", "Region", "hour", "hour_spot"}.issubset(head.columns)

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        left_out = Tally()
        for row in read_rows(source, _COLUMNS):
            if isinstance(row, Skipped):
                yield row
                continue
            name, region, *prices = row.cells
            gpus = gpus_of(name)
            if not name or not region:
                yield Skipped(row.line, NO_REGION if name else NO_NAME, name or region)
            elif gpus is None:
                left_out.add(row.line, NO_GPU, name)
            else:
                yield from _prices(_machine(row.line, name, region, gpus), prices)
        yield from left_out.skipped()


class CyclenerdYaml(Format):
    """Cyclenerd's pricing.yml: ``compute.instance.TYPE.cost.REGION.{hour, hour_spot, month_1y, month_3y}``.

    The day is ``about.timestamp``. Of YAML, only what the calculator writes is read: block mappings of plain scalars.
    """

    name = "Cyclenerd pricing.yml"

    def recognises(self, head: Head) -> bool:
        compute = _COMPUTE.search(head.text)
        return compute is not None and _INSTANCE.search(head.text, compute.end()) is not None

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        left_out = Tally()
        shapes: dict[str, _Shape] = {}
        as_of: date | None = None
        for line, path, value in _entries(source):
            if path[:2] == ["compute", "instance"] and len(path) > _MACHINE:
                name = path[_MACHINE]
                shape = shapes.get(name)
                if shape is None:
                    shape = shapes[name] = _Shape(gpus_of(name))
                    if shape.gpus is None:
                        left_out.add(line, NO_GPU, name)
                shape.add(line, path[_MACHINE + 1 :], value)
            elif path == ["about", "timestamp"]:
                as_of = _day_of(value)
        if not shapes:
            raise ImportFileError("it has no machines under compute.instance; a pricing.yml of Cyclenerd has them")
        for name, shape in shapes.items():
            if shape.gpus is not None:
                for region, (line, costs) in shape.costs.items():
                    machine = _machine(line, name, region, shape.gpus, shape.cpu, shape.ram, as_of)
                    yield from _prices(machine, [costs.get(key, "") for key in _COLUMNS[2:]])
        yield from left_out.skipped()


@dataclass(slots=True)
class _Shape:
    """A machine type: its GPUs, its host, and line and costs by region."""

    gpus: tuple[str, float] | None
    cpu: str = ""
    ram: str = ""
    costs: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)

    def add(self, line: int, path: list[str], value: str) -> None:
        """Take an entry below the machine's name."""
        if self.gpus is None:
            return
        if path == ["cpu"]:
            self.cpu = value
        elif path == ["ram"]:
            self.ram = value
        elif len(path) == len(("cost", "region", "hour")) and path[0] == "cost":
            self.costs.setdefault(path[1], (line, {}))[1][path[2]] = value


def _entries(source: Source) -> Iterator[tuple[int, list[str], str]]:
    """Line, keys and value of every scalar of nested block mappings; the list of keys is the same one each time."""
    path: list[str] = []
    indents: list[int] = []
    text = "\n"
    try:
        with source.path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                key, separator, value = text.strip().partition(":")
                if not separator:
                    continue
                indent = len(text) - len(text.lstrip(" "))
                while indents and indents[-1] >= indent:
                    indents.pop()
                    path.pop()
                indents.append(indent)
                path.append(key.strip("'\""))
                if value:
                    yield line, path, value.strip().strip("'\"")
    except UnicodeDecodeError:
        raise ImportFileError("it is not a text file in UTF-8; a YAML file was expected") from None
    except OSError as error:
        raise ImportFileError(f"it cannot be read ({error.strerror or error})") from None
    if not text.endswith("\n"):
        raise ImportFileError("it is truncated: it ends in the middle of a line")


def _machine(
    line: int, name: str, region: str, gpus: tuple[str, float], cpu: str = "", ram: str = "", as_of: date | None = None
) -> Machine:
    return Machine(
        line=line,
        provider="gcp",
        instance_type=name,
        accelerator=gpus[0],
        accelerator_count=gpus[1],
        region=region,
        vcpus=known(cpu),
        ram_gib=known(ram),
        as_of=as_of,
    )


def _prices(machine: Machine, texts: list[str]) -> Iterator[Listed | Skipped]:
    """The prices of a machine in a region, of the cells hour, hour_spot, month_1y and month_3y."""
    hour, spot, year, three_years = texts
    yield from machine.prices((("on-demand", hour), ("spot", spot)))
    commitments: tuple[tuple[Pricing, str], ...] = (("reserved-1y", year), ("reserved-3y", three_years))
    on_demand = known(hour)
    for pricing, month in commitments:
        yield machine.priced(pricing, amount(month) / _HOURS_PER_MONTH, f"{month} a month", on_demand)


def _day_of(timestamp: str) -> date | None:
    """The day of seconds since 1970; None where that is no day of a price up to now."""
    seconds = amount(timestamp)
    if not 0 < seconds <= datetime.now(UTC).timestamp():
        return None
    day = datetime.fromtimestamp(seconds, UTC).date()
    return day if day >= EARLIEST else None
