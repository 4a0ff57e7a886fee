"""What an import found: file by file, and all in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from gpuplan_hardware.entities import Offer
from gpuplan_hardware.imports.base import Listed, Origin, Skipped, Source
from gpuplan_hardware.imports.merge import Difference

#: Where the day of a file is from whose rows all have one.
ROWS = "the rows"
#: Of each reason, how many different things are told apart; what comes after them is only counted.
MOST_THINGS = 10_000


@dataclass(slots=True)
class Thing:
    """What is left out for one reason: an instance type, a GPU, a value.

    Attributes
    ----------
    what : str
        The thing.
    line : int
        The first line that has it.
    prices : int
        How many have it.
    """

    what: str
    line: int
    prices: int

    def __str__(self) -> str:
        """The first one and how many there are: "line 12: p2.xlarge (3 prices)"."""
        return f"line {self.line}: {self.what}" + (f" ({self.prices:,} prices)" if self.prices > 1 else "")


@dataclass(slots=True)
class FileReport:
    """One file: ``rows = taken + skipped``.

    Attributes
    ----------
    name : str
        The path or URL that was given, with the member's name where it came out of an archive.
    format : str or None
        What it was recognised as; None where it was not.
    provider : str or None
        Whose prices it has; None where they are several, or none.
    as_of : date
        The day of prices whose rows carry none; where all rows carry one, the newest of theirs.
    as_of_basis : str
        Where that day is from: `ROWS`, or as `Source.as_of_basis`.
    sha256 : str
        Digest of the bytes as they were found.
    rows : int
        Prices that were read, one row of a file may have several, and rows that have none.
    taken : int
        Prices that are part of an offer: of one offer's zones and repeats all of them.
    skipped : Counter of str
        The others by reason.
    things : dict of str to dict of str to Thing
        Of each reason what it is about, by the thing, in their order in the file; at most `MOST_THINGS`.
    refused : str or None
        Why it was not read as a whole: a clause ("it is empty"); None where it was.
    offers : int
        Offers of the import that rest on it.
    day_in_path : date or None
        The day that its path says, where prices have another one that was given.
    """

    name: str
    format: str | None
    provider: str | None
    as_of: date
    as_of_basis: str
    sha256: str
    rows: int = 0
    taken: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    things: dict[str, dict[str, Thing]] = field(default_factory=dict)
    refused: str | None = None
    offers: int = 0
    day_in_path: date | None = None

    @classmethod
    def of(cls, source: Source) -> FileReport:
        """A report of a file that has not been read."""
        return cls(
            source.name,
            None,
            source.provider,
            source.as_of,
            source.as_of_basis,
            source.sha256,
            day_in_path=source.day_in_path,
        )

    def skip(self, row: Skipped) -> None:
        """Count a row that is not taken."""
        self.skipped[row.reason] += row.rows
        things = self.things.setdefault(row.reason, {})
        thing = things.get(row.what)
        if thing is not None:
            thing.prices += row.rows
        elif len(things) < MOST_THINGS:
            things[row.what] = Thing(row.what, row.line, row.rows)

    def date_by(self, listed: Sequence[Listed]) -> None:
        """Take the day of the rows where all of them have one: that of the file is then nobody's."""
        days = {row.as_of for row in listed}
        own = [day for day in days if day is not None]
        if own and len(own) == len(days):
            self.as_of, self.as_of_basis, self.day_in_path = max(own), ROWS, None

    def most(self, reason: str) -> list[Thing]:
        """What a reason is about, the most frequent first."""
        return sorted(self.things.get(reason, {}).values(), key=lambda thing: -thing.prices)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import up to, not including, what is kept of it.

    Attributes
    ----------
    files : list of FileReport
        In the order in which they were found.
    offers : list of Offer
        One for each provider, node, region and pricing.
    differences : list of Difference
        Prices of one thing that are far apart, the largest share first.
    origins : mapping of str to Origin
        What the offers are from, by their ids.
    """

    files: list[FileReport]
    offers: list[Offer]
    differences: list[Difference]
    origins: Mapping[str, Origin]

    @property
    def skipped(self) -> Counter[str]:
        """What was not taken of all files, by reason."""
        return sum((file.skipped for file in self.files), Counter())
