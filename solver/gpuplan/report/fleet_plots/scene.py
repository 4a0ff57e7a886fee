"""From the answer of a fleet to what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from gpuplan.report import format as say
from gpuplan.report.fleet_plots import phrases
from gpuplan.report.fleet_plots.chart import FleetChart, Head, Link, Out, Panel, Row, Step, Task, units_at
from gpuplan.report.fleet_plots.dates import time_axis
from gpuplan.report.fleet_words import is_late, left_out, planned, start_of
from gpuplan.report.sweep_plots.chart import INK, Style, styles_of
from gpuplan.scheduling.result import FleetJobAnswer, FleetResult, ResourceAnswer

#: Most jobs that are drawn; a picture of more cannot be looked at.
MOST_JOBS = 400
#: Most arrows: of more nobody can follow one.
MOST_LINKS = 12
#: Most limits whose use is drawn, stock and quotas before offers.
MOST_PANELS = 16
#: Deadlines further than this beyond the last end do not stretch the axis; they are arrows at its edge.
FAR = 1.15
#: A panel shows its whole capacity, or where next to nothing of it is used this many times what is.
ROOM_ABOVE_USE, LITTLE = 2.5, 0.15
#: Times closer than this are one, in hours.
SAME = 1e-6


def fleet_chart(result: FleetResult) -> FleetChart:
    """What is drawn of a fleet."""
    jobs, start = planned(result), start_of(result)
    styles = _styles(result, jobs)
    rows, hidden = _rows(result, jobs, start)
    return FleetChart(
        title=phrases.title(result),
        subtitle=phrases.subtitle(result),
        time=time_axis(start, _last(result, jobs)),
        rows=rows,
        links=_links(rows, jobs),
        panels=_panels(result, styles),
        styles={group: style for group, style in styles.items() if any(job.gpu == group for job in jobs)},
        more=f"and {say.plural(hidden, 'more job')}, which the table has" if hidden else "",
    )


def _styles(result: FleetResult, jobs: Sequence[FleetJobAnswer]) -> dict[str, Style]:
    """A colour for each GPU, those of the stock first, so that it stays the same whatever is rented."""
    owned = [resource.gpu for resource in result.resources if resource.kind in ("owned", "reserved")]
    return styles_of([gpu for gpu in [*owned, *(job.gpu for job in jobs)] if gpu is not None])


def _last(result: FleetResult, jobs: Sequence[FleetJobAnswer]) -> float:
    """Where the time axis ends: with the last job, or with a deadline that is not far beyond; of no schedule with what is asked."""
    deadlines = [job.deadline_hours for job in result.jobs if job.deadline_hours is not None]
    if not jobs:
        return max([*deadlines, *(job.release_hours for job in result.jobs)], default=0.0) or 24.0
    end = max(job.end_hours or 0.0 for job in jobs)
    return max([end, *(deadline for deadline in deadlines if deadline <= FAR * end)])


def _rows(result: FleetResult, jobs: Sequence[FleetJobAnswer], start: datetime | None) -> tuple[tuple[Row, ...], int]:
    """Lanes one under the other, stock before what is rented, each by start; and how many jobs had no room."""
    stocks = {resource.name: index for index, resource in enumerate(result.resources)}
    ranked = sorted(jobs, key=lambda job: (*_lane_rank(job, stocks), job.start_hours or 0.0))
    rows: list[Row] = []
    lane = ""
    for job in ranked[:MOST_JOBS]:
        if phrases.lane(job) != lane:
            lane = phrases.lane(job)
            rows.append(Head(lane))
        rows.append(_task(result, job, start))
    rest = left_out(result)
    room = max(0, MOST_JOBS - len(ranked))
    if rest[:room]:
        rows.append(Head("left out" if result.totals is not None else "asked for"))
        rows += [_out(result, job, start) for job in rest[:room]]
    return tuple(rows), len(result.jobs) - min(len(ranked), MOST_JOBS) - min(len(rest), room)


def _lane_rank(job: FleetJobAnswer, stocks: dict[str, int]) -> tuple[int, str]:
    """Stocks in the order of the answer, then what is rented by its GPU."""
    if job.source_kind == "rented":
        return len(stocks), phrases.lane(job)
    return stocks.get(job.source or "", 0), phrases.lane(job)


def _task(result: FleetResult, job: FleetJobAnswer, start: datetime | None) -> Task:
    begin, end = job.start_hours or 0.0, job.end_hours or 0.0
    late = is_late(job) and job.deadline_hours is not None
    waits = 0.0 < job.release_hours < begin - SAME
    return Task(
        name=job.name,
        group=job.gpu or "",
        start=begin,
        end=end,
        labels=phrases.labels(job),
        hover=phrases.hover(result, job, start),
        deadline=job.deadline_hours,
        late_from=max(begin, job.deadline_hours or 0.0) if late else None,
        ready=job.release_hours if waits else None,
    )


def _out(result: FleetResult, job: FleetJobAnswer, start: datetime | None) -> Out:
    words, known = phrases.why_out(result, job, start), phrases.hover(result, job, start)
    return Out(job.name, words, known, job.release_hours, job.deadline_hours)


def _links(rows: Sequence[Row], jobs: Sequence[FleetJobAnswer]) -> tuple[Link, ...]:
    """Which job comes after which, where there are few enough to be drawn."""
    shown = {row.name for row in rows if isinstance(row, Task)}
    links = tuple(Link(before, job.name) for job in jobs for before in job.after if {before, job.name} <= shown)
    return links if len(links) <= MOST_LINKS else ()


def _panels(result: FleetResult, styles: dict[str, Style]) -> tuple[Panel, ...]:
    """Limits with their use; offers of which nothing is used are left out."""
    known = [one for one in result.resources if one.periods and (one.kind != "offer" or _peak(one))]
    known.sort(key=lambda one: one.kind == "offer")
    return tuple(_panel(one, styles) for one in known[:MOST_PANELS]) if result.totals is not None else ()


def _peak(resource: ResourceAnswer) -> int:
    return max((step.units for step in resource.in_use), default=0)


def _panel(resource: ResourceAnswer, styles: dict[str, Style]) -> Panel:
    use = tuple(Step(step.hours, step.units) for step in resource.in_use)
    capacity = tuple(Step(period.from_hours, period.units) for period in resource.periods)
    most, peak = max(step.units for step in capacity), _peak(resource)
    style = styles.get(resource.gpu or "")
    return Panel(
        name=resource.name,
        notes=phrases.panel_notes(resource),
        unit=resource.unit,
        colour=INK if style is None else style.colour,
        use=use,
        capacity=capacity,
        full=_full(use, capacity, resource.periods[-1].until_hours),
        top=float(max(most, 1)) if peak > LITTLE * most or not peak else ROOM_ABOVE_USE * peak,
    )


def _full(use: Sequence[Step], capacity: Sequence[Step], end: float) -> tuple[tuple[float, float], ...]:
    """From when to when as much is in use as there is."""
    edges = sorted({step.hours for step in (*use, *capacity) if step.hours < end} | {end})
    found: list[tuple[float, float]] = []
    for since, until in pairwise(edges):
        if 0 < units_at(capacity, since) <= units_at(use, since):
            joined = bool(found) and found[-1][1] == since
            found = [*found[:-1], (found[-1][0], until)] if joined else [*found, (since, until)]
    return tuple(found)
