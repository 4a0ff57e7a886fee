"""What every page for the person who signs has: a title, what it rests on, the proof."""

from __future__ import annotations

from gpuplan.answer import today
from gpuplan.report import format as f
from gpuplan.report import markdown as md
from gpuplan.report.no_flags import without_flags
from gpuplan.report.text import searched
from gpuplan.report.verdict import warnings
from gpuplan.report.words import METHODS, words
from gpuplan.result import Result

#: Which assumptions are about certainty, and which about prices, by words in them; the others are about the job.
CERTAINTY = ("confidence", "contingency", "point estimate", "deadline counts", "corrected by")
PRICES = (
    "price", "bill", "provider", "marketplace", "discount", "per USD", "spot", "because of it a checkpoint", "network volume",
    "host", "of the node",
)  # fmt: skip


def head(what: str, result: Result) -> list[str]:
    """Title with model, method and data; date, version and date of the catalogue."""
    methods = ", ".join(words(METHODS, method) for method in result.method.split(", "))
    epochs = "" if result.tokens.epochs == 1 else f" for {result.tokens.epochs:g} epochs"
    title = f"{what}: {methods} of {result.model} on {f.count(result.tokens.tokens)} tokens{epochs}"
    newest = "" if result.solver.catalogue_as_of is None else f"; newest price {result.solver.catalogue_as_of}"
    return [
        f"# {md.escaped(title)}",
        "",
        f"{today().isoformat()}, gpuplan {result.solver.versions.get('gpuplan', '')}{newest}",
        "",
    ]


def foundations(result: Result, first: str) -> list[str]:
    """What the answer rests on, what must be known of it, and who proved it; `first` begins the proof."""
    said = [without_flags(text) for text in warnings(result)]
    return [
        "## What it rests on",
        "",
        *_assumptions(result),
        *(["## Warnings", "", *md.bullets(said)] if said else []),
        *_proof(result, first),
    ]


def _assumptions(result: Result) -> list[str]:
    """All assumptions: of prices, of the job, and of how sure the figures are."""
    groups: dict[str, list[str]] = {"Prices": [], "Job": [], "Certainty": []}
    for said in result.assumptions:
        certain = any(word in said for word in CERTAINTY)
        groups["Certainty" if certain else "Prices" if any(word in said for word in PRICES) else "Job"].append(said)
    if not any(result.tokens.basis in said for said in result.assumptions):
        groups["Job"].insert(0, f"{f.count(result.tokens.tokens)} tokens: {result.tokens.basis}")
    told = {name: "; ".join(map(without_flags, group)) for name, group in groups.items() if group}
    return [*(f"- **{name}**: {md.escaped(text)}." for name, text in told.items()), ""]


def _proof(result: Result, first: str) -> list[str]:
    solver = result.solver
    gap = "" if solver.gap is None else f" Gap {f.percent(solver.gap)}."
    versions = ", ".join(f"{name} {number}" for name, number in solver.versions.items())
    within = "; ".join(result.limits.selection)
    lines = [
        *([f"Asked for only: {within}. What lies outside was not looked at."] if within else []),
        f"{first}.{gap} Searched: {searched(result)}.",
        f"Constants of {solver.constants_as_of}; {versions}.",
    ]
    return ["## Proof", "", *(md.escaped(line) for line in lines), ""]


def sentence(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]
