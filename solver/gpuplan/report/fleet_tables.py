"""Tables over a fleet: the schedule, what is to be ordered, what is left out, what is used, what limits cost."""

from __future__ import annotations

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, bar, bullets, section
from gpuplan.report.fleet_words import (
    is_late,
    left_out,
    nodes,
    planned,
    slack,
    span,
    start_of,
    when,
    where,
)
from gpuplan.report.format import GLUE
from gpuplan.report.spans import Grid, Row
from gpuplan.report.verdict import limit_value
from gpuplan.scheduling.result import FleetJobAnswer, FleetRelaxation, FleetResult, FleetWorth, ResourceAnswer

#: Jobs that are named where they are dearer than alone, those by most first; the others are in the JSON.
MOST_DEARER = 8
#: Periods of a limit that are shown, a line each.
MOST_PERIODS = 12
BAR = 14
LONGEST_NAME = 34
#: Less is the same money.
SAME_USD = 0.005


def _short(name: str) -> str:
    """A name before a sentence: the sentence needs room too."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def schedule(result: FleetResult) -> list[RenderableType]:
    """Every job that has a place, a row each, by its start."""
    jobs = planned(result)
    if not jobs:
        return []
    headers = [">start", ">end", "job", "where", "nodes x GPUs", ">cost", ">slack"]
    note = "" if result.start_at else "hours from the start"
    return [section("Schedule", Grid(headers, [_job(result, job) for job in jobs]), note=note)]


def _job(result: FleetResult, job: FleetJobAnswer) -> Row:
    start = start_of(result)
    times = when(start, job.start_hours or 0.0), when(start, job.end_hours or 0.0)
    cost = "" if job.cost_usd is None else f.money(job.cost_usd)
    return Row((*times, job.name, where(job), nodes(job), cost, slack(job)), "red" if is_late(job) else "")


def to_rent(result: FleetResult) -> list[RenderableType]:
    """What must be ordered beyond the stock, the most urgent first."""
    rented = [job for job in planned(result) if job.source_kind == "rented"]
    if not rented:
        return []
    start = start_of(result)
    rented.sort(key=_order_by)
    rows = [
        Row(
            (
                when(start, _order_by(job)),
                f"{job.nodes}{GLUE}x {job.source}",
                job.name,
                "" if job.cost_usd_at_confidence is None else f.money_at_least(job.cost_usd_at_confidence),
            )
        )
        for job in rented
    ]
    sure = "cost at most" if result.confidence is None else f"{f.percent(result.confidence)} sure to cost at most"
    return [section("To rent", Grid([">order by", "nodes", "for", f">{sure}"], rows))]


def _order_by(job: FleetJobAnswer) -> float:
    """When its nodes must be ordered; where that is not said, when they are needed."""
    return (job.start_hours if job.order_by_hours is None else job.order_by_hours) or 0.0


def out(result: FleetResult) -> list[RenderableType]:
    """What is left out, what it is worth, and why."""
    jobs = left_out(result) if result.totals is not None else []
    if not jobs:
        return []
    rows = [
        Row((_short(job.name), "" if job.value_usd is None else f.money(job.value_usd)), sentence=job.why or "")
        for job in jobs
    ]
    return [section("Left out", Grid(["job", ">worth", ""], rows))]


def dearer(result: FleetResult) -> list[RenderableType]:
    """Jobs that pay for the others: dearer than they would be alone."""
    more = [
        (job, job.cost_usd - job.alone_usd)
        for job in planned(result)
        if job.cost_usd is not None and job.alone_usd is not None
    ]
    more = sorted(((job, usd) for job, usd in more if usd > SAME_USD), key=lambda item: -item[1])
    if not more:
        return []
    rows = [
        Row((_short(job.name), f.money(job.alone_usd or 0.0), f.money(job.cost_usd or 0.0)), sentence=job.why or "")
        for job, _ in more[:MOST_DEARER]
    ]
    parts: list[RenderableType] = [Grid(["job", ">alone", ">here", ""], rows)]
    if len(more) > MOST_DEARER:
        rest = sum(usd for _, usd in more[MOST_DEARER:])
        parts.append(Prose(f"And {f.plural(len(more) - MOST_DEARER, 'more job')}, by {f.money(rest)} together."))
    total = f.money(sum(usd for _, usd in more))
    return [section("Dearer than alone", *parts, note=f"sharing costs {total}")]


def use(result: FleetResult) -> list[RenderableType]:
    """How much of each limit is used, a line for each part of the calendar in which there is as much of it."""
    rows = [row for resource in result.resources for row in _periods(result, resource)]
    if not rows or result.totals is None:
        return []
    return [section("Use", Grid(["", f"from{GLUE}-{GLUE}until", f">there{GLUE}are", ">peak", ">used", ""], rows))]


def _periods(result: FleetResult, resource: ResourceAnswer) -> list[Row]:
    start, rows = start_of(result), []
    shown = resource.periods[:MOST_PERIODS]
    for index, period in enumerate(shown):
        share = period.used_share
        rows.append(
            Row(
                (
                    resource_name(resource) if index == 0 else "",
                    span(start, period.from_hours, period.until_hours),
                    units(resource, period.units),
                    f"{period.peak:,}" if period.units else "",
                    "" if share is None else f.percent(share),
                    "" if share is None else bar(share, BAR),
                ),
                "bold" if share is not None and share >= 0.995 else "",
            )
        )
    if len(resource.periods) > len(shown):
        rows.append(Row(("",), "dim", f"and {f.plural(len(resource.periods) - len(shown), 'more period')}"))
    return rows


def resource_name(resource: ResourceAnswer) -> str:
    """Its name with its GPU where the name does not say it: "dgx (H100-SXM)"."""
    if resource.gpu is None or resource.gpu.lower() in resource.name.lower():
        return resource.name
    return f"{resource.name} ({resource.gpu})"


def units(resource: ResourceAnswer, count: int) -> str:
    """So many of its units: "4 nodes", "64 GPUs"."""
    return f"{count:,}{GLUE}{resource.unit.removesuffix('s') if count == 1 else resource.unit}"


def worth(result: FleetResult) -> list[RenderableType]:
    """What more of each shared limit would save."""
    saving = [one for one in result.worth if one.saves > 0 or (one.saves_at_most or 0.0) > 0]
    nothing = [one for one in result.worth if one not in saving]
    said = [_worth(one) for one in [*saving, *nothing]]
    return [section("What a shared limit costs", bullets(said))] if said else []


def _worth(one: FleetWorth) -> str:
    at_most = one.saves_at_most
    if at_most is None:
        return f"{one.sentence}; not proved that it is no more"
    if at_most > one.saves * (1 + 1e-6):
        most = (
            f.money(at_most) if one.objective_unit == "USD" else f"{f.significant(at_most)}{GLUE}{one.objective_unit}"
        )
        return f"{one.sentence}, and {most} at most"
    return one.sentence


def infeasible(result: FleetResult) -> list[RenderableType]:
    """Which limits conflict, and for each the least change that makes a schedule exist."""
    blocks: list[RenderableType] = []
    if result.conflict:
        note = "without any one of them there is a schedule" if len(result.conflict) > 1 else ""
        blocks.append(section("What cannot be kept together", bullets(result.conflict), note=note))
    if result.relaxations:
        rows = [Row(_relaxation(one), sentence=one.sentence) for one in result.relaxations]
        many = "Any one of these changes is" if len(rows) > 1 else "This change is"
        notes = [f"{many} enough, with the other limits as they are."]
        open_ = [one.limit for one in result.relaxations if not one.smallest]
        if open_:
            notes.append(f"Less may be enough, which the time limit left open: {', '.join(open_)}.")
        grid = Grid(["limit", ">from", ">   to", ""], rows)
        blocks.append(section("What would help", grid, Prose(" ".join(notes))))
    elif result.status == "infeasible":
        blocks.append(section("What would help", Prose("No change of a single limit was found to be enough.")))
    return blocks


def _relaxation(one: FleetRelaxation) -> tuple[str, ...]:
    if one.unit == "hours":
        to = f.hours_at_least(one.to)
    elif one.unit == "USD":
        to = f.money_at_least(one.to)
    else:
        to = f"{f.count(one.to)}{GLUE}{one.unit}"
    limit = one.limit if one.job is None or one.job in one.limit else f"{one.limit} of {one.job}"
    return limit, limit_value(one.from_, one.unit), f"->{GLUE}{to}"
