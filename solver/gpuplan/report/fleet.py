"""The answer to `fleet` as text: what the schedule comes to, its jobs by start, what is used, what limits cost, what it rests on."""

from __future__ import annotations

from rich.console import Console, RenderableType

from gpuplan.report import fleet_tables as tables
from gpuplan.report import format as f
from gpuplan.report.blocks import MAX_WIDTH, Prose, bullets, facts, section, write
from gpuplan.report.fleet_words import BEST, DAYS, MONTHS, objective_lines, start_of, verdict
from gpuplan.scheduling.result import FleetResult


def render(result: FleetResult, console: Console) -> None:
    """Print a fleet for people.

    Parameters
    ----------
    result
        The answer to `fleet`.
    console
        Where to print; text is at most its width and `MAX_WIDTH` columns wide, without trailing spaces.
    """
    write(console, _sections(result), max(1, min(console.width, MAX_WIDTH)))


def _sections(result: FleetResult) -> list[RenderableType]:
    sentence, style = verdict(result)
    blocks: list[RenderableType] = [Prose(sentence, style)]
    blocks += [Prose(f"Warning: {text}.", "yellow") for text in result.warnings]
    blocks.append(section("Fleet", facts(_fleet(result))))
    for part in (
        tables.infeasible,
        tables.schedule,
        tables.out,
        tables.use,
        tables.worth,
        tables.to_rent,
        tables.dearer,
    ):
        blocks += part(result)
    if result.assumptions:
        blocks.append(section("Assumed", bullets(result.assumptions)))
    return [*blocks, section("Proof", facts(_proof(result)))]


def _fleet(result: FleetResult) -> list[tuple[str, str | None]]:
    """What is asked, and what the schedule comes to."""
    totals, start = result.totals, start_of(result)
    wanted = ", then ".join(BEST.get(one, one) for one in result.minimize)
    sure = "at the point estimate" if result.confidence is None else f"with {f.percent(result.confidence)} confidence"
    rows: list[tuple[str, str | None]] = [
        ("wanted", wanted),
        ("limits kept", sure),
        (
            "from",
            None
            if start is None
            else f"{DAYS[start.weekday()]} {start.day} {MONTHS[start.month - 1]} {start:%Y, %H:%M}",
        ),
    ]
    if totals is None:
        return [*rows, ("budget", None if result.budget_usd is None else f.limit_money(result.budget_usd))]
    spent = f"{f.money_at_least(totals.cost_usd_at_confidence)} must be there" if result.confidence else ""
    if result.budget_usd is not None:
        spent = f"{f.money_at_least(totals.cost_usd_at_confidence)} of {f.limit_money(result.budget_usd)}"
    rented = f", {f.count(totals.rented_gpu_hours)} of them rented" if totals.rented_gpu_hours else ""
    late = f"{f.plural(totals.late, 'job')}, by {f.hours(totals.late_hours)} together" if totals.late else None
    return [
        *rows,
        ("budget", spent or None),
        ("GPU-hours", f"{f.count(totals.gpu_hours)}{rented}"),
        ("late", late),
        ("value done", f.money(totals.value_usd) if totals.value_usd else None),
    ]


def _proof(result: FleetResult) -> list[tuple[str, str | None]]:
    """Who decided what, and how long it took."""
    solver = result.solver
    ended = {"time limit": "by the time limit", "interrupted": "interrupted"}.get(solver.stopped or "")
    again = "" if solver.reproducible else "; not reproducible"
    took = [("modes", solver.mode_seconds), ("schedule", solver.schedule_seconds), ("worth", solver.worth_seconds)]
    modes = f"{f.plural(solver.modes, 'plan')} to choose from, up to {solver.modes_of_one:,} a job"
    looked = f"{modes}; the answers to {f.plural(solver.plans_looked_at, 'question')}"
    return [
        ("decided", solver.proof),
        *objective_lines(result),
        ("plans", looked),
        ("rounds", f"{solver.rounds}, until no offer was used beyond its nodes" if solver.rounds > 1 else None),
        ("cut short", None if ended is None else f"{ended}{again}"),
        ("not decided", "; ".join(result.undecided)),
        ("took", ", ".join(f"{name} {seconds:.1f}{f.GLUE}s" for name, seconds in took if seconds)),
        ("versions", ", ".join(f"{name} {number}" for name, number in solver.versions.items())),
    ]
