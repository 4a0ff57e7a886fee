"""What the tests of imports share: a file to import, and what a format makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from gpuplan_hardware.imports.base import Format, Listed, Skipped, Source
from gpuplan_hardware.imports.formats import formats
from gpuplan_hardware.imports.sources import read_head

PRICES = Path("../shared/data/prices")


@dataclass(frozen=True)
class Read:
    """What was read of a file."""

    listed: list[Listed]
    skipped: list[Skipped]

    @property
    def reasons(self) -> Counter[str]:
        """Rows that are left out, by reason."""
        reasons: Counter[str] = Counter()
        for one in self.skipped:
            reasons[one.reason] += one.rows
        return reasons

    def price(self, instance_type: str, region: str, pricing: str = "on-demand", zone: str = "") -> float:
        """The price of a machine; exactly one is expected, in the zone where one is given."""
        found = [
            one.price_per_hour
            for one in self.listed
            if (one.instance_type, one.region, one.pricing) == (instance_type, region, pricing)
            and zone in ("", one.zone)
        ]
        assert len(found) == 1, found
        return found[0]


class Files:
    """Files to import, and the formats that recognise them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def source(self, content: str | bytes, name: str = "vms.csv", provider: str | None = None) -> Source:
        """A file with this content; it is called `name`, wherever it lies."""
        path = self._folder / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Source(name, path, provider, date(2026, 11, 1), "given", "")

    def recognised(self, source: Source) -> Format:
        """The one format that recognises the file."""
        found = [form for form in formats() if form.recognises(read_head(source))]
        assert len(found) == 1, [form.name for form in found]
        return found[0]

    def read(self, content: str | bytes, name: str = "vms.csv", provider: str | None = None) -> Read:
        """What the one format that recognises the file makes of it."""
        return self.read_source(self.source(content, name, provider))

    def read_source(self, source: Source) -> Read:
        """What the one format that recognises the file makes of it."""
        found = list(self.recognised(source).read(source))
        listed = [one for one in found if isinstance(one, Listed)]
        return Read(listed, [one for one in found if isinstance(one, Skipped)])


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def shared(files: Files) -> Callable[[str, str | None], Read]:
    """Reads a real price catalogue, which lies beside the checkout where there is one."""

    def read(name: str, provider: str | None) -> Read:
        path = PRICES / name
        if not path.is_file():
            pytest.skip(f"{path} is not there")
        return files.read_source(Source(name, path, provider, date(2026, 11, 1), "given", ""))

    return read
