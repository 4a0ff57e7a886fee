"""The claims as the guides make them: one row each of the claims file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Claim:
    """One claim. `value` is the printed text: a number, a range such as "2-3", or nothing."""

    id: str
    guide: str
    kind: str
    text: str
    value: str
    unit: str
    remark: str

    @property
    def numbers(self) -> tuple[float, float] | None:
        """Both ends of the claimed value, equal unless a range is claimed; None where no number is."""
        if not self.value:
            return None
        first, _, last = self.value.partition("-")
        return float(first), float(last or first)

    @property
    def rounding(self) -> float:
        """Half a unit of the last printed digit, as a share of the value: "6" may stand for 5.5 to 6.5."""
        if self.numbers is None or "-" in self.value or not self.numbers[0]:
            return 0.0
        decimals = len(self.value.partition(".")[2])
        return 0.5 * 10.0**-decimals / abs(self.numbers[0])


def read_claims(path: Path) -> list[Claim]:
    """Claims of the file at `path`, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Claim(
                id=line["id"],
                guide=line["guide"],
                kind=line["kind"],
                text=line["claim_en"],
                value=line["value"].strip(),
                unit=line["unit"],
                remark=line["remark"],
            )
            for line in csv.DictReader(file)
        ]
