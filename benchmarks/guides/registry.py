"""How a claim is answered: readings (our numbers), and which function computes those of which claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from benchmarks.guides.claims import Claim

Method = Literal["lora", "qlora", "full", ""]
#: What the claim says of our number: it equals the claimed value; is at least, at most that; is enough with that and not with half.
Relation = Literal["equals", "at least", "at most", "needs"]


@dataclass(frozen=True)
class Reading:
    """One of our numbers: for a method, or for one way to read the claim.

    `low` and `high` are the 90 % interval of a prediction, or the range of a price. `agrees` decides where no comparison of
    numbers does; a reading that is not `judged` is shown only.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    method: Method = ""
    judged: bool = True
    agrees: bool | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Range of the reading; the value itself where there is none."""
        return (self.value if self.low is None else self.low, self.value if self.high is None else self.high)


@dataclass(frozen=True)
class Finding:
    """What we computed for a claim, and how it compares.

    `claimed` replaces the printed value where the claim is about another quantity (8 cards, not 640 GB); `tolerance` is a
    share, see `verdict`. Without `checkable` the readings are what can be computed of a claim that nothing decides.
    """

    readings: tuple[Reading, ...]
    unit: str
    why: str
    relation: Relation = "equals"
    claimed: tuple[float, float] | None = None
    tolerance: float = 0.0
    checkable: bool = True


class MissingEntryError(LookupError):
    """The catalogue does not hold what a claim is about."""


Check: TypeAlias = Callable[[Claim], Finding]
CHECKS: dict[str, Check] = {}


def claim(*ids: str) -> Callable[[Check], Check]:
    """Register a function as the one that answers the claims `ids`."""

    def register(check: Check) -> Check:
        for name in ids:
            if name in CHECKS:
                raise ValueError(f"claim {name} is answered twice: by {CHECKS[name].__name__} and {check.__name__}")
            CHECKS[name] = check
        return check

    return register


def find(one: Claim) -> Finding:
    """What we compute for a claim; a claim about something that the catalogue lacks is not checkable."""
    try:
        return CHECKS[one.id](one)
    except MissingEntryError as missing:
        return Finding((), "", f"{missing} is not in the catalogue", checkable=False)
