"""The page for the person who signs where there is nothing to sign: why, and the least that would help."""

from __future__ import annotations

from gpuplan.report import format as f
from gpuplan.report import markdown as md
from gpuplan.report.no_flags import without_flags
from gpuplan.report.quote_frame import foundations, head, sentence
from gpuplan.report.tables import lead_footnote, marked_hours, no_relaxation, relaxation_cells, relaxation_note
from gpuplan.report.verdict import verdict
from gpuplan.report.words import METHODS, cluster, gpus, shortfall, words
from gpuplan.result import Result


def no_order(result: Result) -> list[str]:
    """The page where nothing can be ordered: why, and the least that would help."""
    lines = [*head("No order", result), f"**{md.escaped(without_flags(verdict(result)[0]))}**", ""]
    if result.violations:
        lines += ["## What fails", "", *md.bullets(shortfall(rule) for rule in result.violations)]
    if result.choices:
        lines += _choices(result)
    elif result.status == "infeasible" and result.question != "check":
        lines += ["## What would help", "", *_relaxations(result)]
    return [*lines, *foundations(result, sentence(result.solver.proof))]


def _relaxations(result: Result) -> list[str]:
    if not result.relaxations:
        return [md.escaped(no_relaxation(result)), ""]
    headers = ("limit", ">from", ">to", "buys", ">time", ">cost", "on")
    rows = [[cell.removeprefix(f"->{f.GLUE}") for cell in relaxation_cells(one)] for one in result.relaxations]
    notes = [relaxation_note(result), *lead_footnote(one.plan for one in result.relaxations)]
    return [*md.table(headers, rows), *(line for note in notes for line in (md.escaped(note), ""))]


def _choices(result: Result) -> list[str]:
    """Plans side by side, of which the reader chooses one before it is ordered."""
    rows = []
    for one in result.choices:
        kind = f"{words(METHODS, one.method)} in {one.precision}"
        if one.plan is None:
            rows.append((kind, "no plan" if one.status == "infeasible" else "not decided", "", ""))
        else:
            cost = f.money(one.plan.prediction.cost_usd)
            rows.append((kind, f"{gpus(one.plan)} ({cluster(one.plan)})", cost, marked_hours(one.plan)))
    notes = [
        *lead_footnote(one.plan for one in result.choices if one.plan is not None),
        "Choose a method and a precision first: each choice has its own quote.",
    ]
    lines = [line for note in notes for line in (md.escaped(note), "")]
    return ["## Choices", "", *md.table(("method", "plan", ">cost", ">time"), rows), *lines]
