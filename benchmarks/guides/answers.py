"""Every claim with its answer; importing this module fills the registry."""

from __future__ import annotations

from benchmarks.guides import (  # noqa: F401 - each module registers its claims
    clusters,
    formulas,
    hardware_facts,
    memory,
    prices,
    savings,
    speed,
    storage,
    unchecked,
)
from benchmarks.guides.claims import Claim
from benchmarks.guides.registry import find
from benchmarks.guides.render import Answer
from benchmarks.guides.verdict import judge


def answer(claim: Claim) -> Answer:
    """What we compute for a claim, and the verdict.

    Raises
    ------
    KeyError
        If no module answers the claim.
    """
    finding = find(claim)
    return Answer(claim, finding, judge(claim, finding))
