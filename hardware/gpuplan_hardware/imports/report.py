"""What an import found: file by file, and all in all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from gpuplan_hardware.entities import Offer
from gpuplan_hardware.imports.base import Skipped, Source
from gpuplan_hardware.imports.merge import Difference

#: Of each reason, how many rows are shown.
EXAMPLES = 3


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
        The day of prices that carry no day of their own.
    as_of_basis : str
        Where that day is from: "given", "the path", "the server", "the file's last change".
    sha256 : str
        Digest of the bytes as they were found.
    rows : int
        Prices that were read, one row of a file may have several, and rows that have none.
    taken : int
        Prices that are part of an offer: of one offer's zones and repeats all of them.
    skipped : Counter of str
        The others by reason.
    examples : dict of str to list of str
        Of each reason the first rows: "line 12: p2.xlarge".
    refused : str or None
        Why it was not read as a whole: a clause ("it is empty"); None where it was.
    offers : int
        Offers of the import that rest on it.
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
    examples: dict[str, list[str]] = field(default_factory=dict)
    refused: str | None = None
    offers: int = 0

    @classmethod
    def of(cls, source: Source) -> FileReport:
        """A report of a file that has not been read."""
        return cls(source.name, None, source.provider, source.as_of, source.as_of_basis, source.sha256)

    def skip(self, row: Skipped) -> None:
        """Count a row that is not taken, and keep it where it is one of the first."""
        self.skipped[row.reason] += row.rows
        shown = self.examples.setdefault(row.reason, [])
        if len(shown) < EXAMPLES:
            more = f", and {row.rows - 1} more of it" if row.rows > 1 else ""
            shown.append(f"line {row.line}: {row.what}{more}")


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
    """

    files: list[FileReport]
    offers: list[Offer]
    differences: list[Difference]

    @property
    def skipped(self) -> Counter[str]:
        """What was not taken of all files, by reason."""
        return sum((file.skipped for file in self.files), Counter())
