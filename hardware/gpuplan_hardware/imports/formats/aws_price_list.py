"""The AWS price list of EC2: the offer file ``index.csv``, of a region or of all."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import inf
from typing import TextIO

from gpuplan_hardware.entities import Pricing
from gpuplan_hardware.imports.base import EARLIEST, Format, Head, ImportFileError, Listed, Skipped, Source
from gpuplan_hardware.imports.rows import (
    NO_GPU,
    NO_NAME,
    NO_REGION,
    NOT_A_COUNT,
    NOT_A_PRICE,
    RAGGED,
    Machine,
    amount,
    day,
    known,
)
from gpuplan_hardware.imports.tally import Tally

HOURS_PER_YEAR = 8760

_REQUIRED = (
    "TermType", "Unit", "PricePerUnit", "Currency", "Product Family", "Instance Type", "vCPU", "Memory", "Tenancy",
    "Operating System", "CapacityStatus", "Pre Installed S/W", "GPU", "Region Code",
)  # fmt: skip
_OPTIONAL = ("MarketOption", "LeaseContractLength", "PurchaseOption", "OfferingClass")
_FAMILIES = frozenset({"Compute Instance", "Compute Instance (bare metal)"})
_NONE = frozenset({"", "NA"})
_NO_GPU = frozenset({"", "NA", "0"})
_MARKETS = frozenset({"", "NA", "OnDemand", "CapacityBlock"})
_OTHER_UNIT = "a price of another unit than an hour"
_OTHER_SYSTEM = "not for Linux, or not of shared tenancy"
_TERMS: dict[str, tuple[Pricing, int]] = {
    "1yr": ("reserved-1y", 1),
    "1 yr": ("reserved-1y", 1),
    "3yr": ("reserved-3y", 3),
    "3 yr": ("reserved-3y", 3),
}
_METADATA_ROWS = 5


class AwsPriceList(Format):
    """``https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv``.

    Five rows of metadata, a header, then a row per price; columns are found by name
    (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html). Its date is
    the Publication Date. Taken are the hours of Linux machines with GPUs, of shared tenancy and without further software:

    - ``TermType`` "OnDemand" with ``MarketOption`` "OnDemand" is on demand, with "CapacityBlock" a capacity block.
    - ``TermType`` "Reserved" of ``OfferingClass`` "standard": without upfront payment its price per hour; where that is not
      sold, all upfront: the fee / (years x 8,760 h) + its price per hour, which is 0.

    A file of a region has hundreds of MB and about a million rows, nearly all of them for other systems, other tenancy or without
    GPUs. Lines without the words "Linux" and "Shared" are passed over before they are taken apart, and what is left out is
    counted by reason and machine (`Skipped.rows`) instead of listed.
    """

    name = "AWS price list"

    def recognises(self, head: Head) -> bool:
        """Whether it begins with the metadata of an offer file, of whichever service."""
        return head.columns[:1] == ("FormatVersion",) and "OfferCode" in head.text[:4000]

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        try:
            with source.path.open(encoding="utf-8-sig", newline="") as file:
                yield from _read(file)
        except OSError as error:
            raise ImportFileError(f"it cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise ImportFileError("it is not a text file in UTF-8") from None


@dataclass(slots=True)
class _Lines:
    """The lines that may be of Linux machines of shared tenancy; counts the others."""

    file: TextIO
    tally: Tally
    number: int = _METADATA_ROWS + 1
    last: str = "\n"

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self.file, start=self.number + 1):
            self.number, self.last = number, line
            if "Linux" in line and "Shared" in line:
                yield line
            elif not line.isspace():
                self.tally.add(number, _OTHER_SYSTEM, "")


@dataclass(slots=True)
class _Reserved:
    """The prices of one machine in one region for one term, by the purchase option and the unit."""

    machine: Machine
    pricing: Pricing
    hours: int
    prices: dict[tuple[str, str], float] = field(default_factory=dict)

    def priced(self) -> Listed | Skipped:
        """The price per hour, without upfront payment where that is sold."""
        price = self.prices.get(("No Upfront", "Hrs"), 0.0)
        fee = self.prices.get(("All Upfront", "Quantity"), 0.0)
        if not price and fee:
            price = fee / self.hours + self.prices.get(("All Upfront", "Hrs"), 0.0)
        return self.machine.priced(self.pricing, price)


class _Reader:
    """Reads the rows after the header."""

    def __init__(self, file: TextIO, header: Sequence[str], published: date) -> None:
        self._header, self._published = header, published
        self._column = {name: header.index(name) for name in (*_REQUIRED, *_OPTIONAL) if name in header}
        self._tally = Tally()
        self._lines = _Lines(file, self._tally)
        self._reserved: dict[tuple[str, str, str, Pricing], _Reserved] = {}

    def prices(self) -> Iterator[Listed | Skipped]:
        """Every price, the reserved ones at the end: theirs come in several rows."""
        gpu, machine = self._column["GPU"], self._column["Instance Type"]
        for cells in self._rows():
            if isinstance(cells, Skipped):
                yield cells
            elif left_out := self._left_out(cells):
                self._tally.add(self._lines.number, left_out, cells[machine])
            elif cells[gpu] in _NO_GPU:
                self._tally.add(self._lines.number, NO_GPU, cells[machine])
            else:
                yield from self._row({name: cells[place].strip() for name, place in self._column.items()})
        self._check_whole()
        if self._lines.number == _METADATA_ROWS + 1:
            raise ImportFileError("it has a header and no prices; is the file cut short?")
        yield from (entry.priced() for entry in self._reserved.values())
        yield from self._tally.skipped()

    def _rows(self) -> Iterator[list[str] | Skipped]:
        """The cells of the lines that were not passed over."""
        reader, width = csv.reader(self._lines, strict=True), len(self._header)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise ImportFileError("its last text has no end: the file is cut short") from None
                yield Skipped(self._lines.number, f"no well-formed CSV ({error})", self._lines.last.strip()[:60])
                continue
            if len(cells) == width:
                yield cells
            else:
                self._check_whole()
                yield Skipped(self._lines.number, RAGGED, f"{len(cells)} cells for {width} columns")

    def _check_whole(self) -> None:
        """Refuse a file whose last line ends before its last cell."""
        last = self._lines.last
        if last.endswith("\n"):
            return
        if len(_cells(last)) != len(self._header):
            raise ImportFileError(
                f"line {self._lines.number}, the last, ends before its last cell: the file is cut short"
            )

    def _left_out(self, cells: Sequence[str]) -> str | None:
        column = self._column
        if cells[column["Operating System"]] != "Linux" or cells[column["Tenancy"]] != "Shared":
            return _OTHER_SYSTEM
        if cells[column["Product Family"]] not in _FAMILIES:
            return "not the hours of a machine"
        if cells[column["CapacityStatus"]] != "Used":
            return "a capacity reservation, not a machine in use"
        if cells[column["Pre Installed S/W"]] not in _NONE:
            return "with further software"
        return None

    def _row(self, row: dict[str, str]) -> Iterator[Listed | Skipped]:
        """A row of a Linux machine with GPUs."""
        line, name, gpus = self._lines.number, row["Instance Type"], known(row["GPU"])
        if not name:
            yield Skipped(line, NO_NAME, row["Region Code"])
        elif gpus is None:
            yield Skipped(line, NOT_A_COUNT, f"{name}: {row['GPU'][:40]!r}")
        elif not row["Region Code"] or not row["Currency"]:
            yield Skipped(line, NO_REGION if row["Currency"] else "no currency", name)
        else:
            machine = Machine(
                line=line,
                provider="aws",
                instance_type=name,
                accelerator="",
                accelerator_count=gpus,
                region=row["Region Code"],
                vcpus=known(row["vCPU"]),
                ram_gib=known(row["Memory"].removesuffix("GiB").strip().replace(",", "")),
                currency=row["Currency"].upper(),
                as_of=self._published,
            )
            yield from self._terms(machine, row)

    def _terms(self, machine: Machine, row: dict[str, str]) -> Iterator[Listed | Skipped]:
        """The price of a row, under its terms."""
        terms, market, text = row["TermType"], row.get("MarketOption", ""), row["PricePerUnit"]
        if market not in _MARKETS or terms not in ("OnDemand", "Reserved"):
            yield Skipped(machine.line, "unknown terms", f"{machine.instance_type}: {terms[:40]!r} {market[:40]!r}")
        elif terms == "Reserved":
            yield from self._reserve(machine, row)
        elif row["Unit"] != "Hrs":
            yield Skipped(machine.line, _OTHER_UNIT, f"{machine.instance_type}: {row['Unit'][:40]!r}")
        elif market == "CapacityBlock":
            if amount(text) == 0:  # the price of a block is set when it is reserved
                yield Skipped(machine.line, "no price of a capacity block", machine.instance_type)
            else:
                yield machine.priced("capacity-block", amount(text), text)
        else:
            yield machine.priced("on-demand", amount(text), text)

    def _reserve(self, machine: Machine, row: dict[str, str]) -> Iterator[Skipped]:
        """Keep one of the prices of a reservation, which come in several rows."""
        term, option, unit = _TERMS.get(row.get("LeaseContractLength", "")), row.get("PurchaseOption", ""), row["Unit"]
        price = amount(row["PricePerUnit"])
        if row.get("OfferingClass") != "standard" or term is None or option not in ("No Upfront", "All Upfront"):
            reason = "a reservation that is convertible, part upfront, or for neither 1 nor 3 years"
            self._tally.add(machine.line, reason, machine.instance_type)
        elif unit not in ("Hrs", "Quantity"):
            yield Skipped(machine.line, _OTHER_UNIT, f"{machine.instance_type}: {unit[:40]!r}")
        elif not 0 <= price < inf:
            yield Skipped(machine.line, NOT_A_PRICE, f"{machine.instance_type}: {row['PricePerUnit'][:40]!r}")
        else:
            pricing, years = term
            key = (machine.instance_type, machine.region, machine.currency, pricing)
            entry = self._reserved.setdefault(key, _Reserved(machine, pricing, years * HOURS_PER_YEAR))
            prices = entry.prices
            prices[option, unit] = max(price, prices.get((option, unit), 0.0))


def _read(file: TextIO) -> Iterator[Listed | Skipped]:
    published = _metadata([_cells(file.readline()) for _ in range(_METADATA_ROWS)])
    header = [cell.strip() for cell in _cells(file.readline())]
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        columns = f"column{'s' * (len(missing) > 1)} {', '.join(missing)}"
        raise ImportFileError(f"its header, line {_METADATA_ROWS + 1}, lacks the {columns}; is the file cut short?")
    return _Reader(file, header, published).prices()


def _metadata(rows: Sequence[Sequence[str]]) -> date:
    """The day of publication, once it is sure that these are prices of EC2."""
    values = {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}
    code, published = values.get("OfferCode", ""), values.get("Publication Date", "")
    if code != "AmazonEC2":
        raise ImportFileError(f"its OfferCode is {code[:60]!r}; the price list of 'AmazonEC2' was expected")
    when = day(published)
    if when is None or when < EARLIEST:
        right = f"a date from {EARLIEST} on such as 2026-03-05T20:59:55Z was expected"
        raise ImportFileError(f"its Publication Date is {published[:60]!r}; {right}")
    return when


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []
