"""What the steps of an import hand to each other: a source, the prices it lists, and what was left out and why."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, NamedTuple

from gpuplan_hardware.entities import Offer, Pricing

#: Where the day of a source's prices is from; the last two say when the file came here, not of when its prices are.
GIVEN, IN_PATH, SERVER = "given", "the path", "the server"
LAST_CHANGE, IMPORTED = "the file's last change", "the day of the import"
#: Where a day is from that may be much younger than the prices.
WEAK_DAYS = frozenset({LAST_CHANGE, IMPORTED})
#: No price of a GPU that is planned with is older; clocks that were never set, and counters at 0, say 1970 or 1980.
EARLIEST = date(2015, 1, 1)


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import.

    Attributes
    ----------
    name : str
        What people call it: the path or URL that was given, with the member's name where it came out of an archive.
    path : Path
        Where its text lies now; unpacked, in UTF-8.
    provider : str or None
        Our name of the provider that all of it is about, as the user or the path says; None where nothing does.
    as_of : date
        The day of prices that carry no day of their own.
    as_of_basis : str
        Where that day is from: `GIVEN`, `IN_PATH`, `SERVER`, `LAST_CHANGE` or `IMPORTED`.
    sha256 : str
        Digest of the bytes as they were found.
    day_in_path : date or None
        The day that the path says, where another one was given in its place.
    """

    name: str
    path: Path
    provider: str | None
    as_of: date
    as_of_basis: str
    sha256: str
    day_in_path: date | None = None

    @property
    def day_is_weak(self) -> bool:
        """Whether nobody states its day."""
        return self.as_of_basis in WEAK_DAYS


class Origin(NamedTuple):
    """What a price is from, which decides between it and another of the same thing: of one kind of catalogue, a stated day stands.

    Attributes
    ----------
    kind : str
        Name of the format; "" where it is none, as of built-in offers.
    weak_day : bool
        Whether nobody states its day (`WEAK_DAYS`): a file that was copied or downloaded today may hold prices of last year.
    """

    kind: str
    weak_day: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, by which its format is recognised.

    Attributes
    ----------
    source : Source
        The file.
    text : str
        Its first 64 KiB.
    columns : tuple of str
        Cells of its first line, where that is a line of CSV; stripped, without a byte-order mark.
    """

    source: Source
    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One price as a catalogue lists it; nothing is looked up yet.

    Attributes
    ----------
    line : int
        Line (CSV) or place (JSON) in the file, from 1.
    provider : str
        Our name of the provider ("aws").
    instance_type : str
        The provider's own name of the machine.
    accelerator : str
        The catalogue's word for its GPU, "" where it has none.
    accelerator_count : float or None
        GPUs of the machine, which may be a fraction; None where the catalogue does not say.
    memory_gib_per_gpu : float or None
        The catalogue's GPU memory, which is never believed: it only tells variants of one name apart.
    also_called : str
        Further names that the catalogue has for the machine or its GPU: they only tell variants of one name apart too.
    vcpus, ram_gib : float or None
        Of the host; None where unknown.
    region, zone : str
        Where; the zone is "" where prices are by region.
    pricing : str
        Under which terms.
    price_per_hour : float
        For the whole machine, in `currency`.
    currency : str
        "USD", "CNY".
    as_of : date or None
        The row's own day; None takes that of the source.
    on_demand_per_hour : float or None
        The on-demand price in the same row, where `pricing` is another: what a spot price is held against.
    offer : Offer or None
        The offer itself, where the file is in our own words (a price list of gpuplan): it is taken as it is.
    """

    line: int
    provider: str
    instance_type: str
    accelerator: str
    accelerator_count: float | None
    region: str
    pricing: Pricing
    price_per_hour: float
    currency: str = "USD"
    memory_gib_per_gpu: float | None = None
    vcpus: float | None = None
    ram_gib: float | None = None
    zone: str = ""
    as_of: date | None = None
    on_demand_per_hour: float | None = None
    offer: Offer | None = None
    also_called: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One row, or one price of a row, that is not taken.

    Attributes
    ----------
    line : int
        As that of `Listed`.
    reason : str
        Why, in words that many rows share ("no GPU", "a spot price equal to the on-demand price says nothing").
    what : str
        Which thing: an instance type, a GPU, a value.
    rows : int
        How many rows it stands for, the first of which is `line`: files of millions of rows, most of them without a GPU, say so
        once for each thing.
    """

    line: int
    reason: str
    what: str
    rows: int = 1


class ImportFileError(ValueError):
    """A file cannot be imported as a whole; `str(error)` is a whole sentence without the file's name."""


class Format(ABC):
    """A kind of file. A module of ``formats/`` with a `Format` subclass is found by itself.

    Attributes
    ----------
    name
        What people call it.
    refused
        Why files of this kind are no price catalogues, a whole clause ("it lists ..., not prices"); None where they are.
    """

    name: ClassVar[str]
    refused: ClassVar[str | None] = None

    @abstractmethod
    def recognises(self, head: Head) -> bool:
        """Whether a file that begins so is of this kind; at most one format may say yes."""

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        """Every price of the file, in its order, and what is not one.

        Raises
        ------
        ImportFileError
            When it is truncated or malformed as a whole; single rows that cannot be understood are `Skipped`.
        """
        raise ImportFileError(f"files of {self.name} are not imported")
