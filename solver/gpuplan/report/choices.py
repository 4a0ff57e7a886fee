"""Several methods and precisions side by side."""

from __future__ import annotations

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, bullets, section, table
from gpuplan.report.tables import lead_footnote, marked_hours, relaxations
from gpuplan.report.verdict import verdict, warnings
from gpuplan.report.words import METHODS, cluster, gpus, words
from gpuplan.result import Result
from gpuplan.several import label


def choices(result: Result) -> list[RenderableType]:
    """A line for each choice, what each may cost in quality, and why some have no plan."""
    if not result.choices:
        return []
    rows = [_row(choice) for choice in result.choices]
    against = next((one.choice.against for one in result.choices if one.choice and one.choice.against), None)
    headers = ["method", "compute", "weights", "framework", "GPUs", ">time", ">cost", ">saves", "on"]
    note = [Prose(f"Saves: against {against}, the dearest that rounds nothing.")] if against else []
    open_ = [label(one) for one in result.choices if one.status == "feasible"]
    note += [Prose(f"Not proved: {', '.join(open_)}.", "yellow")] if open_ else []
    note += [Prose(text) for text in lead_footnote(one.plan for one in result.choices if one.plan is not None)]
    blocks = [
        section("Side by side", table(headers, rows), *note),
        section("What each may cost in quality", bullets(_quality(choice) for choice in result.choices)),
    ]
    for choice in result.choices:
        blocks += _apart(choice)
    one = result.choices[0]
    hint = f"--method {one.method} --precision {one.precision} (for one) shows its plan in full."
    return [*blocks, section("In full", Prose(hint))]


def _row(result: Result) -> tuple[str, ...]:
    kind = words(METHODS, result.method), result.precision, result.weights
    if result.plan is None:
        return *kind, "", "no plan" if result.status == "infeasible" else "not decided", "", "", "", ""
    p = result.plan.prediction
    saves = "" if result.choice is None or result.choice.saves_usd is None else _saved(result.choice.saves_usd)
    return (
        *kind, result.plan.layout.framework, gpus(result.plan), marked_hours(result.plan), f.money(p.cost_usd), saves, cluster(result.plan)
    )  # fmt: skip


def _saved(usd: float) -> str:
    return f.money(usd) if usd >= 0 else f"-{f.money(-usd)}"


def _quality(result: Result) -> str:
    kind = f"{words(METHODS, result.method)} in {result.precision}"
    if result.choice is None:
        return kind
    sources = f" ({', '.join(result.choice.quality_sources)})" if result.choice.quality_sources else ""
    return f"{kind}: {result.choice.quality}{sources}"


def _apart(result: Result) -> list[RenderableType]:
    """Why a choice has no plan and what would help, or what must be known of its plan."""
    kind = f"{words(METHODS, result.method)} in {result.precision}"
    if result.plan is None:
        sentence, style = verdict(result)
        open_ = [Prose(f"Not decided: {', '.join(result.undecided)}.", "yellow")] if result.undecided else []
        return [section(kind, Prose(sentence, style), *open_), *relaxations(result)]
    said = warnings(result)
    return [section(kind, *(Prose(f"Warning: {text}.", "yellow") for text in said))] if said else []
