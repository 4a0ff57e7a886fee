"""What a picture says about jobs and limits."""

from __future__ import annotations

from datetime import datetime

from gpuplan.report import format as say
from gpuplan.report.fleet_words import cluster, conflict, is_late, proof, schedule, when, where
from gpuplan.report.fleet_words import nodes as nodes_of
from gpuplan.report.format import GLUE
from gpuplan.report.sweep_plots.phrases import plan_lines
from gpuplan.report.words import METHODS, words
from gpuplan.scheduling.result import FleetJobAnswer, FleetResult, ResourceAnswer

KINDS = {"owned": "owned", "reserved": "reserved", "quota": "quota", "offer": "nodes of the offer"}


def title(result: FleetResult) -> str:
    """What it comes to, in a line."""
    if result.totals is not None:
        said = schedule(result)
        return f"{said[:1].upper()}{said[1:]}"
    if result.status == "infeasible":
        return f"No schedule for {say.plural(len(result.jobs), 'job')}: {conflict(result.conflict)}"
    return f"No schedule was found for {say.plural(len(result.jobs), 'job')} in the time"


def subtitle(result: FleetResult) -> tuple[str, ...]:
    """How sure that is; where there is no schedule, what would help."""
    if result.totals is None:
        proved = "proved" if result.status == "infeasible" else "not proved that there is none"
        helps = ", or ".join(change.sentence for change in result.relaxations)
        return (proved, f"it would take {helps}") if helps else (proved,)
    said = [proof(result)]
    kept = "at the point estimate" if result.confidence is None else f"with {say.percent(result.confidence)} confidence"
    said.append(f"limits kept {kept}")
    if result.budget_usd is not None:
        said.append(f"budget {say.limit_money(result.budget_usd)}")
    return tuple(said)


def labels(job: FleetJobAnswer) -> tuple[str, ...]:
    """What is said beside a bar: "16 x H100-SXM, $139", and shorter where there is no room."""
    known = cluster(job)
    rented = f"{known}{GLUE}{job.provider}" if job.source_kind == "rented" else known
    cost = [] if not job.cost_usd else [f"{rented}, {say.money(job.cost_usd)}"]
    return tuple(dict.fromkeys([*cost, rented, known]))


def lane(job: FleetJobAnswer) -> str:
    """Name of the lane in which a job is drawn: its stock, or its GPU where it is rented."""
    if job.source_kind == "rented":
        return f"rented: {job.gpu}"
    return f"{job.source}: {job.gpu}, {job.source_kind}"


def hover(result: FleetResult, job: FleetJobAnswer, start: datetime | None) -> tuple[str, ...]:
    """All about a job, a line each."""
    lines = [job.name, _work(job)]
    lines.append(_asked(job, start))
    if job.start_hours is None or job.end_hours is None:
        return tuple(line for line in [*lines, job.why or ("left out" if result.totals else "")] if line)
    lines.append(f"{when(start, job.start_hours)} to {when(start, job.end_hours)}, {say.hours(job.hours or 0.0)}")
    place = job.source if job.source_kind == "rented" else where(job)
    lines.append(f"on {place}: {nodes_of(job)}")
    lines.append(_kept(job))
    if job.order_by_hours is not None:
        lines.append(f"order by {when(start, job.order_by_hours)}")
    lines.append(_cost(job))
    lines.append(job.why or "")
    if job.plan is not None:
        lines += ["its plan", *plan_lines(job.plan)]
    return tuple(line for line in lines if line)


def _work(job: FleetJobAnswer) -> str:
    """What is done."""
    if job.model is None:
        return "work of known length"
    return f"{job.model}, {words(METHODS, job.method or '')}"


def _asked(job: FleetJobAnswer, start: datetime | None) -> str:
    """Its times, its order, its weight."""
    said = [] if not job.release_hours else [f"not before {when(start, job.release_hours)}"]
    if job.deadline_hours is not None:
        said.append(f"{'should end' if job.may_be_late else 'must end'} by {when(start, job.deadline_hours)}")
    said += [f"after {', '.join(job.after)}"] if job.after else []
    said += [f"priority {job.priority}"] if job.priority != 1 else []
    said += [f"worth {say.money(job.value_usd)}"] if job.value_usd is not None else []
    return "; ".join(said)


def _kept(job: FleetJobAnswer) -> str:
    if is_late(job):
        return f"{say.hours(job.late_hours or 0.0)} late"
    return "" if job.slack_hours is None else f"{say.hours(job.slack_hours)} of slack"


def _cost(job: FleetJobAnswer) -> str:
    """What it costs, at most, and alone."""
    if job.cost_usd is None:
        return ""
    said = [f"cost {say.money(job.cost_usd)}"]
    if job.cost_usd_at_confidence is not None:
        said.append(f"at most {say.money_at_least(job.cost_usd_at_confidence)}")
    if job.alone_usd is not None:
        said.append(f"alone {say.money(job.alone_usd)}")
    return ", ".join(said)


def why_out(result: FleetResult, job: FleetJobAnswer, start: datetime | None) -> str:
    """Why a job has no place, after what it is worth; where no job has one, what is asked of it."""
    if result.totals is None:
        return "; ".join(text for text in (_work(job), _asked(job, start)) if text)
    worth = "" if job.value_usd is None else f"worth {say.money(job.value_usd)}"
    why = job.why or ""
    return why if worth and why.startswith(worth) else "; ".join(text for text in (worth, why) if text)


def panel_notes(resource: ResourceAnswer) -> tuple[str, ...]:
    """What a limit is, how much of it there is at most, and how much is used."""
    most = max((period.units for period in resource.periods), default=0)
    peak = max((period.peak for period in resource.periods), default=0)
    each = f"{resource.gpus_per_unit}{GLUE}{resource.gpu or 'GPU'}"
    amount = f"{most:,}{GLUE}x{GLUE}{each}" if resource.unit == "nodes" else f"{most:,}{GLUE}{resource.gpu or 'GPUs'}"
    share = "" if resource.used_share is None else f", {say.percent(resource.used_share)} used"
    return f"{words(KINDS, resource.kind)}, {amount}", f"peak {peak:,}{share}"
