"""The answer to `sweep` as text: what the curve says in a sentence, its points in a table, and what they rest on."""

from __future__ import annotations

from collections import Counter

from rich.console import Console, RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import MAX_WIDTH, Prose, bullets, facts, section, write
from gpuplan.report.sweep_tables import break_even, curve, side_by_side
from gpuplan.report.sweep_words import axis, cost_and_time, curve_name, curve_verdict, verdict, who
from gpuplan.report.verdict import NOT_LOOKED_AT
from gpuplan.report.words import degrees
from gpuplan.result import LimitsAnswer
from gpuplan.sweeping.result import SweepPoint, SweepResult

#: Sentences of the points that are shown, those of most points first; the others are in the JSON.
MOST_WARNINGS = 8
#: Objectives of a frontier in a title.
OBJECTIVES = {"cost": "Cost", "time": "time", "gpus": "number of GPUs", "deadline": "deadline"}


def render(result: SweepResult, console: Console) -> None:
    """Print a sweep, a frontier or break-even prices for people.

    Parameters
    ----------
    result
        The answer to `sweep`, `frontier` or `break_even`.
    console
        Where to print; text is at most its width and `MAX_WIDTH` columns wide, without trailing spaces.
    """
    width = max(1, min(console.width, MAX_WIDTH))
    write(console, _sections(result), width)


def _sections(result: SweepResult) -> list[RenderableType]:
    sentence, style = verdict(result)
    blocks: list[RenderableType] = [Prose(sentence, style)]
    blocks += [Prose(f"Warning{where}: {text}.", "yellow") for where, text in _warnings(result)]
    blocks.append(section("Job", facts(_job(result))))
    blocks += _break_even(result) if result.question == "break-even" else _curves(result)
    if result.assumptions:
        blocks.append(section("Assumed", bullets(result.assumptions)))
    return [*blocks, section("Proof", facts(_proof(result)))]


def _warnings(result: SweepResult) -> list[tuple[str, str]]:
    """What to know before signing, and for how many points that holds; what is not looked at is the same for all of a curve."""
    points = [point for point in result.points if point.plan is not None]
    counts = Counter(text for point in points for text in point.warnings if NOT_LOOKED_AT not in text)
    some = [(f" at {count:,} of {len(points):,} points", text) for text, count in counts.most_common(MOST_WARNINGS)]
    return [("", text) for text in result.warnings] + [one for one in some if one[1] not in result.warnings]


def _curves(result: SweepResult) -> list[RenderableType]:
    """The points; where there are several curves first all of them side by side."""
    if len(result.series) == 1:
        parts = curve(result, result.series[0])
        return [section(_title(result), *parts)] if parts else []
    blocks: list[RenderableType] = [section("Side by side", side_by_side(result))]
    for one in result.series:
        sentence, style = curve_verdict(result, one)
        blocks.append(section(one.label, Prose(sentence, style), *curve(result, one), note=curve_name(one)))
    return blocks


def _title(result: SweepResult) -> str:
    if result.frontier:
        first, second = (OBJECTIVES.get(one, one) for one in result.frontier)
        return f"{first[:1].upper()}{first[1:]} against {second}"
    by = axis(None if result.swept is None else result.swept.field)
    return f"By {by}" if result.swept is None or result.swept.of is None else f"By {by} of {result.swept.of}"


def _break_even(result: SweepResult) -> list[RenderableType]:
    blocks: list[RenderableType] = [section("Break-even prices", *break_even(result))]
    if result.rival is not None:
        rival = result.rival
        known = [
            ("plan", who(rival)),
            ("cost", cost_and_time(rival)),
            ("offer", rival.offer.id),
            ("layout", degrees(rival)),
        ]
        blocks.append(section("Held against", facts(known)))
    return blocks


def _job(result: SweepResult) -> list[tuple[str, str | None]]:
    """What all points share of the question."""
    points = result.points
    if len(result.series) == 1 and result.maximize != "model":
        model = curve_name(result.series[0])
    else:
        model = ", ".join(dict.fromkeys(one.model for one in result.series))
    return [
        ("model", model),
        ("tokens", _shared([_tokens(point) for point in points])),
        ("training", _shared([_training(point) for point in points])),
        ("limits", "; ".join(_limits([point.limits for point in points]))),
        ("asked for only", "; ".join(_in_all([point.limits.selection for point in points]))),
        (
            "trials",
            f"{points[0].trials} trials, {points[0].parallel} at a time" if points and points[0].trials > 1 else None,
        ),
    ]


def _tokens(point: SweepPoint) -> str:
    tokens = point.tokens
    known = f.count(tokens.tokens)
    if tokens.low < tokens.high:
        known += f" (may be {f.count(tokens.low)} to {f.count(tokens.high)}; time and cost scale with it)"
    return known


def _training(point: SweepPoint) -> str:
    tokens = point.tokens
    epochs = "1 epoch" if tokens.epochs == 1 else f"{tokens.epochs:g} epochs"
    return f"{epochs}, {f.plural(tokens.sequences, 'sequence')} of {tokens.sequence_length:,}{f.GLUE}tokens"


def _limits(limits: list[LimitsAnswer]) -> list[str]:
    """Deadline and budget, where they are those of every point."""
    said = []
    deadline, budget = ({getattr(one, name) for one in limits} for name in ("deadline_hours", "budget_usd"))
    if len(deadline) == 1 and (hours := next(iter(deadline))) is not None:
        since = "the order" if limits[0].deadline_from == "order" else "when the nodes are up"
        said.append(f"done within {f.limit_hours(hours)} from {since}")
    if len(budget) == 1 and (usd := next(iter(budget))) is not None:
        said.append(f"at most {f.limit_money(usd)}")
    return said


def _shared(texts: list[str]) -> str | None:
    """What all say alike; None where they differ."""
    return texts[0] if texts and len(set(texts)) == 1 else None


def _in_all(lists: list[list[str]]) -> list[str]:
    """What is in every list, in the order of the first."""
    return [] if not lists else [one for one in lists[0] if all(one in other for other in lists)]


def _proof(result: SweepResult) -> list[tuple[str, str | None]]:
    """Who decided what, and how long it took."""
    solver = result.solver
    reused = f", {solver.reused:,} by that of a looser limit" if solver.reused else ""
    resumed = f"; {solver.resumed:,} taken over from a run that was stopped" if solver.resumed else ""
    ended = {"time limit": "by the time limit; not reproducible", "interrupted": "interrupted; not reproducible"}
    proved = solver.asked + solver.reused
    some = f"{proved:,} of " if proved < solver.points else ""
    decided = f"{some}{f.plural(solver.points, 'point')}: {solver.asked:,} by a proof of their own{reused}{resumed}"
    if result.question == "break-even":
        known = sum(one.proved for one in result.break_even)
        some = f"{known:,} of " if known < solver.points else ""
        decided = f"{some}{f.plural(solver.points, 'offer')}, with {f.plural(solver.asked, 'question')}"
    return [
        ("decided", decided if solver.points else None),
        ("cut short", ended.get(solver.stopped or "")),
        (
            "took",
            f"{solver.seconds:.2f}{f.GLUE}s in {f.plural(solver.processes, 'process')}".replace(
                "processs", "processes"
            ),
        ),
        ("versions", ", ".join(f"{name} {number}" for name, number in solver.versions.items())),
    ]
