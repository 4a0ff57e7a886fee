"""The registry of the guides' claims: complete, and every verdict one of those allowed."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from benchmarks.guides.answers import answer
from benchmarks.guides.claims import Claim, read_claims
from benchmarks.guides.facts import facts
from benchmarks.guides.registry import CHECKS, Finding, Reading
from benchmarks.guides.render import csv_text, headline, markdown
from benchmarks.guides.verdict import judge

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = ROOT.parent / "shared" / "data" / "guide_claims.csv"

ALLOWED = re.compile(r"right|wrong|wrong by [\d,.]+x|ambiguous|not checkable")


def made(value: str) -> Claim:
    return Claim("g", "000", "memory", "a claim", value, "GB", "")


@pytest.mark.parametrize(
    ("value", "finding", "verdict"),
    [
        # 10 % off and 10 % allowed; 14 against 42 is 3 times; one reading of two
        ("100", Finding((Reading("a", 110),), "GB", "", tolerance=0.10), "right"),
        ("14", Finding((Reading("a", 42),), "GB", ""), "wrong by 3.0x"),
        ("14", Finding((Reading("a", 14), Reading("b", 42)), "GB", ""), "ambiguous"),
        # inside the interval; "6" may stand for 5.5 to 6.5; a range
        ("14", Finding((Reading("a", 20, 13, 30),), "GB", ""), "right"),
        ("6", Finding((Reading("a", 6.4),), "x", ""), "right"),
        ("2-3", Finding((Reading("a", 2.9),), "x", ""), "right"),
        # bounds, and "needs": enough, and half is not
        ("20", Finding((Reading("a", 400),), "GB", "", "at least"), "right"),
        ("20", Finding((Reading("a", 10),), "GB", "", "at least"), "wrong by 2.0x"),
        ("20", Finding((Reading("a", 10),), "GB", "", "at most"), "right"),
        ("8", Finding((Reading("a", 5),), "GPUs", "", "needs"), "right"),
        ("8", Finding((Reading("a", 4),), "GPUs", "", "needs"), "wrong by 2.0x"),
        ("8", Finding((Reading("a", 24),), "GPUs", "", "needs"), "wrong by 3.0x"),
        # what is only shown does not count; nothing that can be compared
        ("14", Finding((Reading("a", 14), Reading("b", 42, judged=False)), "GB", ""), "right"),
        ("", Finding((Reading("a", 1, agrees=False),), "", ""), "wrong"),
        ("14", Finding((), "", "no unit", checkable=False), "not checkable"),
    ],
)
def test_verdict(value: str, finding: Finding, verdict: str) -> None:
    assert str(judge(made(value), finding)) == verdict


def test_a_checkable_claim_needs_something_to_judge() -> None:
    with pytest.raises(ValueError, match="no reading is judged"):
        judge(made("14"), Finding((), "GB", ""))
    with pytest.raises(ValueError, match="it has no value"):
        judge(made(""), Finding((Reading("a", 1),), "GB", ""))


def test_every_fact_has_a_source() -> None:
    assert all(fact.source and fact.unit for fact in facts().values())


# The claims are evidence from outside and not copied into the project.
@pytest.mark.skipif(not CLAIMS.is_file(), reason=f"there are no claims at {CLAIMS}")
def test_every_claim_is_answered_once() -> None:
    claims = read_claims(CLAIMS)
    assert sorted(CHECKS) == sorted(claim.id for claim in claims)
    answers = [answer(claim) for claim in claims]
    assert not [a.claim.id for a in answers if not ALLOWED.fullmatch(str(a.verdict))]
    assert not [a.claim.id for a in answers if not a.finding.why]
    assert not [
        a.finding.why
        for a in answers
        if "not in the catalogue" in a.finding.why.split("; ")[0] and not a.finding.readings
    ]
    assert markdown(answers).count("\n| g") == len(claims)
    rows = list(csv.DictReader(io.StringIO(csv_text(answers))))
    assert [row["id"] for row in rows] == [claim.id for claim in claims]
    assert headline(answers).startswith(f"Of {len(claims)} claims of 5 guides")
