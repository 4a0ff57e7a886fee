"""The answer to `batch` as text: how many jobs have a plan and what all cost, totals, ends, and why some have none."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType

from gpuplan.batching.result import BatchResult, ExtremeAnswer, GroupAnswer, UnplannedAnswer
from gpuplan.report import format as f
from gpuplan.report.blocks import MAX_WIDTH, Prose, facts, section, write
from gpuplan.report.spans import Grid, Row

#: Models, GPUs, providers and reasons that have a line of their own; what is left is in one.
MOST_GROUPS, MOST_REASONS = 10, 8
#: Longer names of rows are cut in the middle of a table.
LONGEST_NAME = 44
#: What rows without a plan are called.
NO_PLAN = {"infeasible": "no plan, proved", "unknown": "not decided", "error": "error"}


def render(result: BatchResult, console: Console) -> None:
    """Print the summary of a batch for people.

    Parameters
    ----------
    result
        The answer to `batch`.
    console
        Where to print; text is at most its width and `MAX_WIDTH` columns wide, without trailing spaces.
    """
    write(console, _sections(result), max(1, min(console.width, MAX_WIDTH)))


def _sections(result: BatchResult) -> list[RenderableType]:
    sentence, style = verdict(result)
    blocks: list[RenderableType] = [Prose(sentence, style)]
    blocks += [Prose(f"Warning: {text}.", "yellow") for text in result.warnings]
    for title, headers, rows in tables(result):
        blocks.append(section(title, Grid(headers, [Row(row) for row in rows])))
    return [*blocks, section("Work", facts(work(result)))]


def tables(
    result: BatchResult, groups: int = MOST_GROUPS, reasons: int = MOST_REASONS
) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Titles, headers and rows of the tables that have any rows."""
    dearest = [one for one in result.dearest if one.row not in {other.row for other in result.cheapest}]
    found = [
        ("By model", MODEL_HEADERS, model_rows(result, groups)),
        ("By GPU", GPU_HEADERS, plan_rows(result.by_gpu, groups)),
        ("By provider", PROVIDER_HEADERS, plan_rows(result.by_provider, groups)),
        ("Cheapest", EXTREME_HEADERS, extreme_rows(result.cheapest)),
        ("Dearest", EXTREME_HEADERS, extreme_rows(dearest)),
        ("Without a plan", REASON_HEADERS, reason_rows(result, reasons)),
    ]
    return [table for table in found if table[2]]


def verdict(result: BatchResult) -> tuple[str, str]:
    """What came of the jobs in a sentence, and its style."""
    found = "none has a plan"
    if result.planned:
        each = "" if result.planned == 1 else ", each rented by itself"
        found = (
            f"{result.planned:,} {_verb(result.planned)} a plan, for {f.money(result.cost_usd)} and "
            f"{f.count(result.gpu_hours)} GPU-hours in all{each}"
        )
    rest = [
        (result.infeasible, f"for {result.infeasible:,} it is proved that there is none"),
        (result.undecided, f"{result.undecided:,} {'was' if result.undecided == 1 else 'were'} not decided"),
        (result.errors, f"{result.errors:,} {_verb(result.errors)} an error"),
    ]
    style = "bold green" if result.planned == result.jobs else "bold yellow"
    said = "; ".join([found, *(sentence for count, sentence in rest if count)])
    return f"Of {f.plural(result.jobs, 'job')} {said}.", style


def _verb(count: int) -> str:
    return "has" if count == 1 else "have"


#: Headers of the tables; those that begin with ">" are set flush right.
_TOTALS = (">cost of all", ">least", ">most", ">GPU-hours")
MODEL_HEADERS = ("model", ">jobs", ">with a plan", *_TOTALS)
GPU_HEADERS = ("GPU", ">plans", *_TOTALS)
PROVIDER_HEADERS = ("provider", ">plans", *_TOTALS)
EXTREME_HEADERS = (">row", "job", ">cost", ">time", "plan")
REASON_HEADERS = (">rows", "", "why", "such as row")


def model_rows(result: BatchResult, most: int = MOST_GROUPS) -> list[tuple[str, ...]]:
    """Totals by model, a line each; those of little cost in one."""
    return [_group(one) for one in _first(result.by_model, most)]


def plan_rows(groups: Sequence[GroupAnswer], most: int = MOST_GROUPS) -> list[tuple[str, ...]]:
    """Totals by GPU or provider, which have plans only."""
    return [(name, plans, *known) for name, _, plans, *known in map(_group, _first(groups, most))]


def _first(groups: Sequence[GroupAnswer], most: int) -> list[GroupAnswer]:
    """The dearest, and what is left together; one alone is as short as its name."""
    shown = groups if len(groups) <= most + 1 else groups[:most]
    rest = groups[len(shown) :]
    return [*shown, *([_together(rest)] if rest else [])]


def _group(one: GroupAnswer) -> tuple[str, ...]:
    ends = ["" if usd is None else f.money(usd) for usd in (one.least_usd, one.most_usd)]
    known = (f.money(one.cost_usd), *ends, f.count(one.gpu_hours)) if one.planned else ("", "", "", "")
    return (_short(one.name or "(not said)"), f"{one.jobs:,}", f"{one.planned:,}", *known)


def _together(groups: Sequence[GroupAnswer]) -> GroupAnswer:
    least = [one.least_usd for one in groups if one.least_usd is not None]
    most = [one.most_usd for one in groups if one.most_usd is not None]
    return GroupAnswer(
        name=f"{len(groups)} others",
        jobs=sum(one.jobs for one in groups),
        planned=sum(one.planned for one in groups),
        cost_usd=sum(one.cost_usd for one in groups),
        gpu_hours=sum(one.gpu_hours for one in groups),
        least_usd=min(least, default=None),
        most_usd=max(most, default=None),
    )


def extreme_rows(rows: Sequence[ExtremeAnswer]) -> list[tuple[str, ...]]:
    """The cheapest or the dearest plans, a line each."""
    return [
        (
            f"{one.row:,}",
            _short(one.name),
            f.money(one.cost_usd),
            f.hours(one.hours),
            one.plan.replace(" x ", f"{f.GLUE}x{f.GLUE}"),
        )
        for one in rows
    ]


def reason_rows(result: BatchResult, most: int = MOST_REASONS) -> list[tuple[str, ...]]:
    """Why there is no plan, a line for each reason."""
    shown = result.unplanned if len(result.unplanned) <= most + 1 else result.unplanned[:most]
    rows: list[tuple[str, ...]] = [
        (f"{one.rows:,}", NO_PLAN[one.status], " ".join(one.reason.split()), _examples(one)) for one in shown
    ]
    left = result.jobs - result.planned - sum(one.rows for one in shown)
    if left > 0 and len(shown) < len(result.unplanned):
        rows.append((f"{left:,}", "", "other reasons", ""))
    return rows


def _examples(one: UnplannedAnswer) -> str:
    numbers = ", ".join(f"{number:,}" for number in one.examples[:3])
    return numbers if one.rows <= 3 else f"{numbers}, ..."


def _short(name: str) -> str:
    plain = " ".join(name.split())
    half = (LONGEST_NAME - 3) // 2
    return plain if len(plain) <= LONGEST_NAME else f"{plain[:half]}...{plain[-half:]}"


def work(result: BatchResult) -> list[tuple[str, str | None]]:
    """Where the rows are, who answered them, and how long that took."""
    solver = result.solver
    rate = "" if solver.rows_per_second is None else f", {f.significant(solver.rows_per_second)} jobs a second"
    processes = f"{solver.processes} processes" if solver.processes != 1 else "1 process"
    where = "on a Ray cluster" if solver.executor == "ray" else f"in {processes}"
    took = f"{f.hours(solver.seconds / 3600)} {where} for {f.plural(solver.asked, 'job')}{rate}"
    return [
        ("rows", result.out),
        ("took", took if solver.asked else f"{f.hours(solver.seconds / 3600)}"),
        ("resumed", f"{f.plural(solver.resumed, 'job')} of a run that was stopped" if solver.resumed else None),
        ("cut short", "interrupted" if solver.stopped else None),
        ("versions", ", ".join(f"{name} {number}" for name, number in solver.versions.items())),
    ]
