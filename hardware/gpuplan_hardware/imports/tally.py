"""What a large file leaves out, counted instead of listed."""

from __future__ import annotations

from collections.abc import Iterator

from gpuplan_hardware.imports.base import Skipped


class Tally:
    """Counts rows that are left out by reason and thing, so that millions of rows become a few `Skipped`."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[int]] = {}

    def add(self, line: int, reason: str, what: str) -> None:
        """Count one row."""
        entry = self._found.get((reason, what))
        if entry is None:
            self._found[reason, what] = [line, 1]
        else:
            entry[1] += 1

    def skipped(self) -> Iterator[Skipped]:
        """One for each reason and thing, in the order of their first rows."""
        for (reason, what), (line, rows) in self._found.items():
            yield Skipped(line, reason, what, rows)
