"""The verdicts as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from statistics import median

from benchmarks.guides.claims import Claim
from benchmarks.guides.facts import facts
from benchmarks.guides.physics import LABELS, number
from benchmarks.guides.registry import Finding, Method, Reading
from benchmarks.guides.stand_ins import STAND_INS, stand_in
from benchmarks.guides.verdict import (
    ARITHMETIC,
    CAPACITY,
    LIST_PRICE,
    PURCHASE_PRICE,
    RATIO,
    SPECIFICATION,
    Kind,
    Verdict,
)

COMMAND = "python -m benchmarks.guides"
KINDS: tuple[Kind, ...] = ("right", "wrong", "ambiguous", "not checkable")
METHODS: tuple[Method, ...] = ("lora", "qlora", "full", "")
WORST = 5


@dataclass(frozen=True)
class Answer:
    """A claim with what we computed of it and the verdict."""

    claim: Claim
    finding: Finding
    verdict: Verdict


def headline(answers: list[Answer]) -> str:
    """Counts, and how far off the wrong ones are."""
    counts = Counter(answer.verdict.kind for answer in answers)
    factors = [answer.verdict.factor for answer in answers if answer.verdict.factor is not None]
    checked = len(answers) - counts["not checkable"]
    return (
        f"Of {len(answers)} claims of {len({a.claim.guide for a in answers})} guides, {checked} can be checked: "
        f"{counts['right']} are right, {counts['wrong']} wrong, {counts['ambiguous']} ambiguous (right in one "
        "reading, wrong in another); "
        f"{counts['not checkable']} are not checkable. The wrong ones are off by {median(factors):.1f}x in the median."
    )


def markdown(answers: list[Answer]) -> str:
    """Headline, the worst, a table per guide, and how to read it."""
    lines = [
        "# Five guides' claims, computed",
        "",
        headline(answers),
        "",
        f"Made by `{COMMAND}`.",
        "",
        *_worst(answers),
        "",
    ]
    for guide in sorted({answer.claim.guide for answer in answers}):
        own = [answer for answer in answers if answer.claim.guide == guide]
        lines += [
            f"## Guide {guide}",
            "",
            _counts(own),
            "",
            "| id | claim | claimed | ours | verdict | why |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(answer) for answer in own]
        lines.append("")
    return "\n".join([*lines, *_how_to_read()]) + "\n"


def csv_text(answers: list[Answer]) -> str:
    """A line per claim."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    ours = [f"ours_{method or 'other'}" for method in METHODS]
    writer.writerow(["id", "claim", "claimed", "claimed_unit", *ours, "unit", "verdict", "factor", "why"])
    for answer in answers:
        claim, finding, verdict = answer.claim, answer.finding, answer.verdict
        cells = ["; ".join(_reading(r) for r in finding.readings if r.method == method) for method in METHODS]
        factor = "" if verdict.factor is None else f"{verdict.factor:.3g}"
        writer.writerow(
            [claim.id, claim.text, claim.value, claim.unit, *cells, finding.unit, verdict, factor, finding.why]
        )
    return buffer.getvalue()


def _worst(answers: list[Answer]) -> list[str]:
    wrong = sorted((a for a in answers if a.verdict.factor is not None), key=lambda a: -(a.verdict.factor or 0.0))
    lines = [f"The {WORST} worst:", ""]
    return lines + [f"- {a.claim.id}, {a.verdict}: {a.claim.text} Ours: {_ours(a.finding)}." for a in wrong[:WORST]]


def _counts(answers: list[Answer]) -> str:
    counts = Counter(answer.verdict.kind for answer in answers)
    return ", ".join(f"{counts[kind]} {kind}" for kind in KINDS) + "."


def _row(answer: Answer) -> str:
    claim, finding = answer.claim, answer.finding
    verdict = f"**{answer.verdict}**" if answer.verdict.kind == "wrong" else str(answer.verdict)
    cells = (claim.id, claim.text, _claimed(claim, finding), _ours(finding), verdict, finding.why)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _claimed(claim: Claim, finding: Finding) -> str:
    printed = f"{claim.value} {claim.unit}".strip()
    if finding.claimed is None:
        return printed
    low, high = finding.claimed
    judged = number(low) if low == high else f"{number(low)} to {number(high)}"
    sign = {"at least": "at least ", "at most": "at most "}.get(finding.relation, "")
    return f"{printed}; judged as {sign}{judged} {finding.unit}".removeprefix("; ")


def _ours(finding: Finding) -> str:
    return "; ".join(_reading(reading) for reading in finding.readings) + (f" {finding.unit}" if finding.unit else "")


def _reading(reading: Reading) -> str:
    text = f"{reading.label}: {number(reading.value)}"
    if reading.low is not None and reading.high is not None and reading.low < reading.high:
        text += f" [{number(reading.low)}-{number(reading.high)}]"
    return text if reading.judged else f"({text})"


def _how_to_read() -> list[str]:
    tolerances = (
        f"arithmetic {ARITHMETIC:.0%}, specification sheets {SPECIFICATION:.0%}, nominal against usable memory "
        f"{CAPACITY:.0%}, "
        f"list prices {LIST_PRICE:.0%}, purchase prices {PURCHASE_PRICE:.0%}, speed-ups and savings {RATIO:.0%}"
    )
    return [
        "## How to read it",
        "",
        "- Each reading of a claim that does not say its method, card or baseline is judged alone. All agree: "
        "right. None: wrong, by the",
        "  factor of the nearest. Some: ambiguous. What stands in (parentheses) is shown, not judged.",
        "- Predictions of memory and time have their [90 % interval]; a claim inside it is right. Else it may "
        f"differ by: {tolerances};",
        "  or by half of its last printed digit. Prices have the range of the catalogue's on-demand offers.",
        "- Memory needs are those of one card that is as large as it has to be: micro-batch 1 of 4,096 tokens, "
        "full recompute, LoRA of rank 16",
        "  on all linear layers. GPUs at the least are proved by `solve`: the figure holds at 90 % confidence, the "
        "low end is the point estimate.",
        f"- {', '.join(LABELS.values())}: full training keeps fp32 states (torch FSDP) unless it says pure bf16 (2 "
        "+ 2 + 4 bytes a parameter).",
        f"- Yuan are converted at {facts()['cny_per_usd'].value:g} a dollar (assumed: the rate when the guides were "
        "written).",
        "",
        "Models that guides name without there being one:",
        "",
        *(f"- {size}: {stand_in(size)} ({STAND_INS[size].why})" for size in STAND_INS),
        "",
        "Figures that neither the catalogue nor a model holds (facts.toml):",
        "",
        *(
            f"- {name}: {number(fact.value)} {fact.unit}, {fact.source} ({fact.as_of})"
            for name, fact in sorted(facts().items())
        ),
    ]
