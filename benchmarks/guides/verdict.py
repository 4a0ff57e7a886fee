"""The one place where a claim and our numbers are compared.

Every judged reading agrees with the claim or does not. All agree: right. None: wrong, by the factor of the nearest reading. Some: the
claim does not say enough to be right or wrong, it is ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.guides.claims import Claim
from benchmarks.guides.registry import Finding, Reading

Kind = Literal["right", "wrong", "ambiguous", "not checkable"]

#: Shares by which a claim may differ; the claim's own rounding (half of its last digit) counts if it is more. Predictions of
#: memory and time have none: the claim must lie in their 90 % interval.
ARITHMETIC, SPECIFICATION, CAPACITY, LIST_PRICE, PURCHASE_PRICE, RATIO = 0.02, 0.05, 0.10, 0.10, 0.20, 0.20


@dataclass(frozen=True)
class Verdict:
    """`factor` says by how much a wrong claim is off; None where no number does."""

    kind: Kind
    factor: float | None = None

    def __str__(self) -> str:
        if self.kind != "wrong" or self.factor is None:
            return self.kind
        return f"wrong by {self.factor:.1f}x" if self.factor < 10 else f"wrong by {float(f'{self.factor:.2g}'):,.0f}x"


def judge(claim: Claim, finding: Finding) -> Verdict:
    """Verdict on a claim.

    Raises
    ------
    ValueError
        If a checkable finding has nothing to judge, or no value to compare with.
    """
    if not finding.checkable:
        return Verdict("not checkable")
    judged = [reading for reading in finding.readings if reading.judged]
    if not judged:
        raise ValueError(f"claim {claim.id}: no reading is judged; make the finding not checkable")
    results = [_compare(claim, finding, reading) for reading in judged]
    if all(agrees for agrees, _ in results):
        return Verdict("right")
    if any(agrees for agrees, _ in results):
        return Verdict("ambiguous")
    factors = [factor for _, factor in results if factor is not None]
    return Verdict("wrong", min(factors) if factors else None)


def _compare(claim: Claim, finding: Finding, reading: Reading) -> tuple[bool, float | None]:
    """Whether a reading agrees with the claim, and the factor between the two where it does not."""
    if reading.agrees is not None:
        return reading.agrees, None
    claimed = finding.claimed or claim.numbers
    if claimed is None:
        raise ValueError(f"claim {claim.id}: it has no value; say which reading agrees")
    share = finding.tolerance if finding.claimed else max(finding.tolerance, claim.rounding)
    low, high = reading.interval
    too_little = claimed[1] * (1 + share) < low
    too_much = claimed[0] > high * (1 + share)
    if finding.relation == "at least":
        too_little = False
    elif finding.relation == "at most":
        too_much = False
    elif finding.relation == "needs":
        too_much = claimed[0] / 2 >= high
    if too_little:
        return False, _ratio(reading.value, claimed[1])
    return not too_much, _ratio(claimed[0], reading.value) if too_much else None


def _ratio(more: float, less: float) -> float | None:
    return more / less if more > 0 and less > 0 else None
