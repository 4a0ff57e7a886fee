"""The comparison as Markdown and CSV."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.grid.render import dollars, hours
from benchmarks.peers import guide, sheet
from benchmarks.peers.judge import Ours, Score, Verdict, score
from benchmarks.peers.packages import PACKAGES
from benchmarks.peers.questions import FURTHER_SET

OWN = "gpuplan"
TOOLS = (OWN, *PACKAGES, sheet.NAME, guide.NAME)
#: A plan that costs so much less than the proved cheapest one counts as cheaper; the rest is rounding.
CHEAPER = 0.9999
COLUMNS = (
    "tool",
    "names a cluster",
    "keeps every limit at 90 %",
    "(at the point estimate)",
    "does not fit",
    "too late or too dear",
    "its plans that hold cost",
    "gpuplan's for the same",
    "ratio, median",
    "ratio, total",
    "hours, its / gpuplan's",
)
FIELDS = (
    "question",
    "asked",
    "tool",
    "gpu",
    "gpus",
    "feasible",
    "feasible_at_point",
    "fits",
    "own_hours",
    "own_usd",
    "hours",
    "usd",
    "gpuplan_hours",
    "gpuplan_usd",
    "offer",
    "layout",
    "broken",
    "said",
)
HOW = f"""## How each was asked

- All: the clusters of gpuplan's built-in on-demand offers that `solve` looks at by default, at their prices (nodes in powers of two and
  three times those), so that prices make no difference; exact parameter counts, active parameters and tokens; the same limits. What is
  named is judged by `gpuplan check`: the best layout on the cheapest offer of that GPU and count, 90 % confidence in memory, deadline
  and budget. Where the GPUs do not divide the default global batch, the nearest batch that they divide is taken.
- ftuneai: `Estimator` over every GPU it knows, every count (its readme speaks of one node; more were allowed), no sharding and ZeRO 1
  to 3, micro-batch 1, FlashAttention, checkpointing; the cheapest of what it says fits and is in time. (`BudgetOptimizer` takes neither
  method nor deadline and never shards.) Models are registered where it keeps what it reads from the Hugging Face hub; its own count of
  a mixture's parameters leaves out the experts. Its hours without its rounding to hundredths. It does not tell SXM from PCIe: its
  answer is judged by the better one.
- train-in-silence: `PlannerService` with `optimize_for: min_cost`, the market as its provider of offers, a cluster of nodes as one
  offer; GPU speeds of its own table; two data workers, no download.
- Both packages: experts in use rounded up so that the share of active parameters is nearest to the true one.
- {sheet.NAME}: 6 N T FLOP (4 N T for LoRA and QLoRA; N active) at MFU {sheet.MFU:g} of the dense bf16 peak; 18 bytes per trained parameter
  and 2 (QLoRA: 0.5) per frozen one over all GPUs; {sheet.SLACK:.0%} of memory and time kept free; least dollars at list price.
- {guide.NAME}: the row of the same model, method and data (see ../reference_table); no row, no answer.
"""


def _scores(own: Mapping[str, Ours], verdicts: Sequence[Verdict], source: str | None = None) -> dict[str, Score]:
    pairs: dict[str, list[tuple[Ours, Verdict]]] = {tool: [] for tool in TOOLS}
    for verdict in verdicts:
        ours = own[verdict.answer.question]
        if source in (None, ours.question.source):
            pairs[verdict.answer.tool].append((ours, verdict))
    return {tool: score(found) for tool, found in pairs.items()}


def headline(own: Mapping[str, Ours], verdicts: Sequence[Verdict]) -> str:
    """The comparison in a few sentences."""
    scores = _scores(own, verdicts)
    planned = sum(ours.plan is not None for ours in own.values())
    said = [
        f"{len(own)} questions, {sum(ours.proved for ours in own.values())} answers of gpuplan proved: {planned} have a plan, "
        f"{len(own) - planned} have none."
    ]
    said += [
        f"{tool} names a cluster for {found.answered} of the {found.of}, {_share(found)} "
        f"keep every limit at 90 %{_ratios(found)}."
        for tool, found in scores.items()
        if tool != OWN
    ]
    said.append(_cheaper(own, verdicts))
    return " ".join(said)


def _cheaper(own: Mapping[str, Ours], verdicts: Sequence[Verdict]) -> str:
    """Whether anybody beats the proof: nobody may with the question's own global batch."""
    found = {True: [0.0], False: [0.0]}
    for verdict in verdicts:
        plan = own[verdict.answer.question].plan
        if verdict.feasible and plan is not None and verdict.usd < CHEAPER * plan.prediction.cost_usd:
            found[verdict.another_batch].append(1 - verdict.usd / plan.prediction.cost_usd)
    said = f"{len(found[False]) - 1} plans that hold are cheaper than gpuplan's proved ones"
    if len(found[True]) > 1:
        said += (
            f"; {len(found[True]) - 1} more are with a global batch of their own (by at most {max(found[True]):.1%})"
        )
    return f"{said}."


def _share(found: Score) -> str:
    """Feasible plans, and their share of the questions that have one."""
    return f"{found.feasible} ({found.feasible / found.of:.0%})" if found.of else "0"


def _ratios(found: Score) -> str:
    if not found.usd_ratios:
        return ""
    median, total = statistics.median(found.usd_ratios), found.usd / found.our_usd
    return f" and cost {median:.2f} times gpuplan's plans in the median ({total:.2f} in total)"


def markdown(own: Mapping[str, Ours], verdicts: Sequence[Verdict]) -> str:
    """Headline, tables, questions without a plan, and how each tool was asked."""
    versions = ", ".join(f"{name} {version}" for name, version in _versions(verdicts).items())
    lines = [
        "# Head to head",
        "",
        headline(own, verdicts),
        "",
        f"Made by `python -m benchmarks.peers` (`--ask` asks the packages anew); {versions}; every answer in [peers.csv](peers.csv), the",
        "30 further questions in [questions.csv](questions.csv), chosen before any answer was seen (but Q08's GPU, an RTX-4090 at first:",
        "nobody who sells one on demand states CPUs and RAM).",
        "",
        "The judge is gpuplan's own prediction, calibrated and tested on published runs ([accuracy](../accuracy/accuracy.md)); gpuplan's",
        "own row holds by construction. What others name fails at 90 % where it has no margin: the point estimate is beside it.",
        "",
        "## All questions that have a plan",
        "",
        *_table(_scores(own, verdicts)),
        "",
        "Costs and hours are what gpuplan predicts for either cluster, start-up and loading included.",
        "",
        "## The 30 further questions alone",
        "",
        *_table(_scores(own, verdicts, FURTHER_SET)),
        "",
        "## Questions that gpuplan proves to have no plan",
        "",
        *_hopeless(own, verdicts),
        "",
    ]
    return "\n".join(lines) + "\n" + HOW


def _versions(verdicts: Sequence[Verdict]) -> dict[str, str]:
    return {v.answer.tool: v.answer.version for v in verdicts if v.answer.version}


def _table(scores: Mapping[str, Score]) -> list[str]:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for tool, found in scores.items():
        cells = [
            tool,
            f"{found.answered} of {found.of}",
            _share(found),
            f"{found.feasible_at_point}",
            f"{found.misfits}",
            f"{found.late}",
        ]
        if found.usd_ratios:
            cells += [
                dollars(found.usd),
                dollars(found.our_usd),
                f"{statistics.median(found.usd_ratios):.2f}",
                f"{found.usd / found.our_usd:.2f}",
                f"{found.hours:,.0f} / {found.our_hours:,.0f}",
            ]
        else:
            cells += [""] * 5
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _hopeless(own: Mapping[str, Ours], verdicts: Sequence[Verdict]) -> list[str]:
    """What the others name where nothing can work, and what would become of it."""
    none = {name: ours for name, ours in own.items() if ours.plan is None}
    named = [v for v in verdicts if v.answer.question in none and v.answer.answered]
    silent = len(none) - len({v.answer.question for v in named})
    lines = [f"{len(none)} questions; for {silent} of them no tool names a cluster."]
    for verdict in named:
        a = verdict.answer
        at = "" if a.hours is None else f" ({hours(a.hours)} by its own estimate)"
        does = f"it takes {hours(verdict.hours)}" if verdict.hours > 0 else "it cannot be checked"
        lines.append(
            f"- {own[a.question].question.words}: {a.tool} names {a.gpus} x {' or '.join(a.gpu)}{at}; "
            f"{does} and breaks: {verdict.broken}."
        )
    return lines


def csv_text(own: Mapping[str, Ours], verdicts: Sequence[Verdict]) -> str:
    """A line per question and tool."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FIELDS)
    for v in verdicts:
        a, ours = v.answer, own[v.answer.question]
        best = None if ours.plan is None else ours.plan.prediction
        theirs = (v.hours, v.usd) if v.hours > 0 else (None, None)
        mine = (None, None) if best is None else (best.total_hours, best.cost_usd)
        named = [a.question, ours.question.words, a.tool, "|".join(a.gpu), a.gpus or ""]
        judged = [v.feasible, v.feasible_at_point, v.fits] if a.answered else ["", "", ""]
        figures = [_figure(figure) for figure in (a.hours, a.usd, *theirs, *mine)]
        writer.writerow([*named, *judged, *figures, v.offer, v.layout, v.broken, a.said])
    return buffer.getvalue()


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if value < 1 else f"{value:.2f}"
