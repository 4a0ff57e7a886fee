"""What a schedule says, in words: when, where, on what, how it went, and the whole of it in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gpuplan.report import format as f
from gpuplan.report.format import GLUE
from gpuplan.report.verdict import BAD, GOOD, OPEN
from gpuplan.report.words import plain_pricing
from gpuplan.scheduling.result import FleetJobAnswer, FleetResult, ObjectiveAnswer

#: What each objective makes of the best schedule.
BEST = {
    "cost": "the lowest cost",
    "tardiness": "the least lateness",
    "makespan": "the earliest end",
    "value": "the most value",
}
#: Names of days and months in English, whatever the locale of the machine says.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Being late by less is none, in hours: half a second.
NOT_LATE = 0.5 / 3600
#: A gap below is none: what is proved is proved up to the arithmetic.
NO_GAP = 1e-9


def start_of(result: FleetResult) -> datetime | None:
    """Date of hour 0; None where the calendar has none."""
    return None if result.start_at is None else datetime.fromisoformat(result.start_at)


def when(start: datetime | None, hours: float) -> str:
    """A moment of the calendar: "1 Dec 08:00", or where it has no dates "6.5 h" from its start."""
    if start is None:
        return f"{hours:,.1f}{GLUE}h"
    at = date_of(start, hours)
    return f"{at.day}{GLUE}{MONTHS[at.month - 1]}{GLUE}{at:%H:%M}"


def date_of(start: datetime, hours: float) -> datetime:
    """The date so many hours after the start, to the nearest minute."""
    return start + timedelta(minutes=round(60 * hours))


def span(start: datetime | None, since: float, until: float) -> str:
    """From when to when: "1 Dec 08:00 - 2 Dec 02:30"."""
    return f"{when(start, since)}{GLUE}-{GLUE}{when(start, until)}"


def planned(result: FleetResult) -> list[FleetJobAnswer]:
    """Jobs that have a place, by their start, then by name as the file has them."""
    return sorted((job for job in result.jobs if job.start_hours is not None), key=lambda job: job.start_hours or 0.0)


def left_out(result: FleetResult) -> list[FleetJobAnswer]:
    """Jobs without a place, in the order of the file."""
    return [job for job in result.jobs if job.start_hours is None]


def is_late(job: FleetJobAnswer) -> bool:
    """Whether a job ends after its deadline."""
    return job.late_hours is not None and job.late_hours > NOT_LATE


def cluster(job: FleetJobAnswer) -> str:
    """GPUs of a job: "16 x H100-SXM"."""
    return "" if job.gpus is None else f"{job.gpus}{GLUE}x{GLUE}{job.gpu}"


def nodes(job: FleetJobAnswer) -> str:
    """Its nodes and their GPUs: "2 x 8 H100-SXM"."""
    if job.nodes is None or job.gpus is None:
        return ""
    return f"{job.nodes}{GLUE}x{GLUE}{job.gpus // job.nodes}{GLUE}{job.gpu}"


def where(job: FleetJobAnswer) -> str:
    """The stock, or who lets the nodes: "dgx", "nebius", "aws, spot"."""
    if job.source_kind != "rented":
        return job.source or ""
    terms = "" if job.plan is None else job.plan.offer.pricing
    return job.provider or "" if terms in ("", "on-demand") else f"{job.provider}, {plain_pricing(terms)}"


def slack(job: FleetJobAnswer) -> str:
    """Time from the end to the deadline, or how late it is: "3.0 h", "2.0 h late"."""
    if is_late(job):
        return f"{f.hours(job.late_hours or 0.0)} late"
    return "" if job.slack_hours is None else f.hours(max(0.0, job.slack_hours))


def verdict(result: FleetResult) -> tuple[str, str]:
    """The whole answer in one sentence, and the style it is printed in."""
    if result.totals is not None:
        return f"{schedule(result)}; {proof(result)}.", GOOD if result.status == "optimal" else OPEN
    if result.status == "infeasible":
        return f"No schedule: {conflict(result.conflict)}; proved.", BAD
    ended = "before it was interrupted" if result.solver.stopped == "interrupted" else "within the time limit"
    return f"No schedule was found {ended}, and it is not proved that there is none.", OPEN


def schedule(result: FleetResult) -> str:
    """What is done, what it costs, when it ends, and how many deadlines are kept."""
    totals = result.totals
    if totals is None:
        return "no schedule"
    some = f.plural(totals.planned, "job") if not totals.left_out else f"{totals.planned:,} of {totals.jobs:,} jobs"
    if not totals.planned:
        return f"{f.plural(totals.left_out, 'job')}, all left out"
    rent = (
        "" if not totals.rent_usd or totals.rent_usd == totals.cost_usd else f" ({f.money(totals.rent_usd)} of it rent)"
    )
    end = when(start_of(result), totals.makespan_hours)
    done = f"done by {end} ({f.hours(totals.makespan_hours)})" if result.start_at else f"done within {end}"
    said = [f"{some} for {f.money(totals.cost_usd)}{rent}, {done}", *_deadlines(result)]
    if totals.left_out:
        said.append(f"{totals.left_out:,} left out{_worth(left_out(result))}")
    return "; ".join(said)


def _deadlines(result: FleetResult) -> list[str]:
    asked = [job for job in result.jobs if job.deadline_hours is not None and job.start_hours is not None]
    if not asked:
        return []
    missed = sum(map(is_late, asked))
    if not missed:
        return (
            ["every deadline kept"]
            if len(asked) > 1
            else ["its deadline kept" if len(result.jobs) == 1 else "the deadline kept"]
        )
    return [f"{len(asked) - missed:,} of {len(asked):,} deadlines kept"]


def _worth(jobs: Sequence[FleetJobAnswer]) -> str:
    worth = sum(job.value_usd or 0.0 for job in jobs)
    return f", worth {f.money(worth)}" if worth else ""


def proof(result: FleetResult) -> str:
    """Whether the schedule is proved the best, and otherwise how far off it may be."""
    names = [BEST.get(one, one) for one in result.minimize]
    if result.status == "optimal":
        return f"proved {', then '.join(names)}"
    gaps = [f"{one.name} {_gap(one)}" for one in result.objectives]
    ended = "interrupted" if result.solver.stopped == "interrupted" else "the time limit ended the search"
    return f"not proved {', then '.join(names)} ({', '.join(gaps)}): {ended}; not reproducible"


def _gap(objective: ObjectiveAnswer) -> str:
    if objective.gap is None:
        return "without a bound"
    return "proved" if objective.gap <= NO_GAP else f"at most {f.percent(objective.gap)} off"


def objective_value(objective: ObjectiveAnswer, value: float | None) -> str:
    """A value of an objective in its unit; "" where there is none."""
    if value is None:
        return ""
    if objective.unit == "USD" or objective.name in ("cost", "value"):
        return f.money(value)
    return f.hours(value)


def objective_lines(result: FleetResult) -> list[tuple[str, str]]:
    """Each objective: its value, its bound and its gap."""
    lines: list[tuple[str, str]] = []
    for one in result.objectives:
        value, bound = objective_value(one, one.value), objective_value(one, one.bound)
        weighed = ", each job's times its priority" if one.name == "tardiness" and value else ""
        limit = f", none below {bound}" if bound and one.gap is not None and one.gap > NO_GAP else ""
        lines.append((one.name, f"{value or 'no schedule'}{weighed}{limit}, {_gap(one)}" if value else "no schedule"))
    return lines


def conflict(limits: Sequence[str]) -> str:
    """What cannot be kept, or kept together."""
    named = [f"the {limit}" if limit == "budget" or " of " in limit else limit for limit in limits]
    if not named:
        return "not all limits can be kept"
    if len(named) == 1:
        return f"{named[0]} alone rules out every schedule"
    return f"{', '.join(named[:-1])} and {named[-1]} cannot be kept together"
