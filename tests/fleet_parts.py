"""Parts of answers to `fleet`: sources, places of jobs in them, and the answer that follows; for `fleet_samples`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from gpuplan.result import PlanAnswer
from gpuplan.scheduling.result import (
    FleetJobAnswer,
    FleetResult,
    FleetSolver,
    FleetTotals,
    ObjectiveAnswer,
    PeriodAnswer,
    ResourceAnswer,
    StepAnswer,
)
from report_samples import plan

START = datetime(2026, 12, 1, 8, 0)
DAY = 24.0
#: Steps in which the samples place jobs.
STEP = 0.25


@dataclass(frozen=True)
class Source:
    """Where a job may run: capacity in nodes by hour, ascending."""

    name: str
    kind: Literal["owned", "reserved", "rented"]
    gpu: str
    gpus_per_node: int
    capacity: tuple[tuple[float, int], ...]
    usd_per_node_hour: float = 0.0
    provider: str = "own"
    region: str = "own"

    def units(self, hour: float) -> int:
        """Nodes that there are at that hour."""
        return next(units for since, units in reversed(self.capacity) if since <= hour)


DGX = Source("dgx", "owned", "H100-SXM", 8, ((0.0, 4), (7 * DAY, 6)), 4.0)
BLOCK = Source("block", "reserved", "H200-SXM", 8, ((0.0, 0), (2 * DAY, 8), (9 * DAY, 0)))
LAB = Source("lab", "owned", "A100-80GB-SXM", 4, ((0.0, 12), (5 * DAY, 4), (6 * DAY, 12)), 1.2)
EDGE = Source("edge", "owned", "L40S", 8, ((0.0, 6),), 2.0)
RENT = Source("nebius/gpu-8/eu-north1/on-demand", "rented", "H100-SXM", 8, ((0.0, 16),), 23.6, "nebius", "eu-north1")
BLACKWELL = Source("aws/p6-b200/us-east-1/spot", "rented", "B200", 8, ((0.0, 8),), 41.0, "aws", "us-east-1")
STOCKS = (DGX, BLOCK, LAB, EDGE)
SOURCES = (*STOCKS, RENT, BLACKWELL)


@dataclass(frozen=True)
class Spec:
    """A job and its place; `source` None: it is left out."""

    name: str
    source: Source | None
    nodes: int = 1
    start: float = 0.0
    hours: float = 4.0
    deadline: float | None = None
    release: float = 0.0
    late: bool = False
    value: float | None = None
    after: tuple[str, ...] = ()
    model: str | None = "llama-3.1-8b"
    why: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> float:
        return self.start + self.hours


def result(
    specs: Sequence[Spec], sources: Sequence[Source] = SOURCES, *, dated: bool = True, **changes: Any
) -> FleetResult:
    """A fleet with these jobs, its totals and its resources."""
    start = START if dated else None
    placed = [spec for spec in specs if spec.source is not None]
    jobs = [_job(spec, start) for spec in specs]
    end = max((spec.end for spec in placed), default=0.0)
    cost = sum(job.cost_usd or 0.0 for job in jobs)
    used = [one for one in sources if one.kind != "rented" or any(spec.source == one for spec in placed)]
    found = FleetResult(
        status="optimal",
        start_at=None if start is None else start.isoformat(),
        minimize=["cost"],
        confidence=0.9,
        budget_usd=50_000.0,
        objectives=[ObjectiveAnswer(name="cost", value=cost, unit="USD", bound=cost, gap=0.0)],
        totals=_totals(jobs, placed, cost, end),
        jobs=jobs,
        resources=[_resource(one, placed, end) for one in used],
        worth=[],
        assumptions=["4.0 bytes per token", "1 epoch of every job", "nodes of a stock are up when a job starts"],
        solver=_solver(len(jobs)),
    )
    return found.model_copy(update=changes)


def _totals(jobs: Sequence[FleetJobAnswer], placed: Sequence[Spec], cost: float, end: float) -> FleetTotals:
    late = [job.late_hours for job in jobs if job.late_hours]
    hours = [(spec.nodes * spec.source.gpus_per_node * spec.hours, spec.source.kind) for spec in placed if spec.source]
    return FleetTotals(
        jobs=len(jobs),
        planned=len(placed),
        left_out=len(jobs) - len(placed),
        late=len(late),
        cost_usd=cost,
        cost_usd_at_confidence=1.15 * cost,
        rent_usd=sum(job.cost_usd or 0.0 for job in jobs if job.source_kind == "rented"),
        gpu_hours=sum(one for one, _ in hours),
        rented_gpu_hours=sum(one for one, kind in hours if kind == "rented"),
        makespan_hours=end,
        late_hours=sum(late),
        value_usd=sum(spec.value or 0.0 for spec in placed),
    )


def _solver(jobs: int) -> FleetSolver:
    return FleetSolver(
        proof="CP-SAT proved that no schedule is cheaper",
        tasks=jobs,
        modes=21 * jobs,
        modes_of_one=34,
        plans_looked_at=60 * jobs,
        rounds=1,
        mode_seconds=3.2,
        schedule_seconds=7.5,
        worth_seconds=2.1,
        workers=2,
        seed=0,
        versions={"gpuplan": "0.1.0", "ortools": "9.15"},
    )


def _at(start: datetime | None, hours: float | None) -> str | None:
    return None if start is None or hours is None else (start + timedelta(hours=hours)).isoformat()


def _job(spec: Spec, start: datetime | None) -> FleetJobAnswer:
    source, begin, end = spec.source, None, None
    if source is not None:
        begin, end = spec.start, spec.end
    cost = None if source is None else round(source.usd_per_node_hour * spec.nodes * spec.hours, 2)
    late = None if end is None or spec.deadline is None else max(0.0, end - spec.deadline)
    slack = None if end is None or spec.deadline is None or late else spec.deadline - end
    rented = source is not None and source.kind == "rented"
    order_by = max(0.0, spec.start - 1.0) if rented else None
    return FleetJobAnswer(
        name=spec.name,
        status="left out" if source is None else "planned",
        model=spec.model,
        method=None if spec.model is None else "lora",
        priority=1,
        optional=spec.value is not None,
        value_usd=spec.value,
        after=list(spec.after),
        release_hours=spec.release,
        release_at=_at(start, spec.release),
        deadline_hours=spec.deadline,
        deadline_at=_at(start, spec.deadline),
        may_be_late=spec.late,
        start_hours=begin,
        start_at=_at(start, begin),
        end_hours=end,
        end_at=_at(start, end),
        hours=None if source is None else spec.hours,
        late_hours=late,
        slack_hours=slack,
        order_by_hours=order_by,
        order_by_at=_at(start, order_by),
        source=None if source is None else source.name,
        source_kind=None if source is None else source.kind,
        gpu=None if source is None else source.gpu,
        gpus=None if source is None else spec.nodes * source.gpus_per_node,
        nodes=None if source is None else spec.nodes,
        provider=None if source is None else source.provider,
        region=None if source is None else source.region,
        cost_usd=cost,
        cost_usd_at_confidence=None if cost is None else 1.15 * cost,
        alone_usd=None if cost is None else 0.8 * cost,
        modes=21,
        why=spec.why,
        plan=None if source is None or spec.model is None else _plan(spec, source, cost or 0.0),
    ).model_copy(update=spec.more)


def _plan(spec: Spec, source: Source, cost: float) -> PlanAnswer:
    gpus = spec.nodes * source.gpus_per_node
    one = plan(source.gpu, spec.hours * 0.85, cost)
    offer = {
        "id": source.name,
        "provider": source.provider,
        "region": source.region,
        "pricing": "on-demand" if source.kind == "rented" else "owned",
        "gpus_per_node": source.gpus_per_node,
        "price_usd_per_hour": source.usd_per_node_hour,
    }
    layout = {"gpus_used": gpus, "data_parallel": max(1, gpus // 2)}
    return one.model_copy(
        update={
            "offer": one.offer.model_copy(update=offer),
            "nodes": spec.nodes,
            "gpus": gpus,
            "layout": one.layout.model_copy(update=layout),
        }
    )


def _resource(source: Source, placed: Sequence[Spec], end: float) -> ResourceAnswer:
    """Nodes of a source: how many there are and how many are in use, over the whole calendar."""
    its = [spec for spec in placed if spec.source == source]
    times = sorted({0.0, *(spec.start for spec in its), *(spec.end for spec in its)})
    steps = [StepAnswer(hours=at, units=in_use(its, at)) for at in times]
    edges = [since for since, _ in source.capacity if since < end or since == 0.0]
    periods = []
    for begin, until in zip(edges, [*edges[1:], max(end, edges[-1] + STEP)], strict=True):
        units = source.units(begin)
        unit_hours = sum(spec.nodes * max(0.0, min(spec.end, until) - max(spec.start, begin)) for spec in its)
        peak = max((in_use(its, at) for at in {begin, *times} if begin <= at < until), default=0)
        share = unit_hours / (units * (until - begin)) if units else None
        periods.append(PeriodAnswer(from_hours=begin, until_hours=until, units=units, peak=peak, used_share=share))
    there = sum(one.units * (one.until_hours - one.from_hours) for one in periods)
    used = sum(spec.nodes * spec.hours for spec in its)
    return ResourceAnswer(
        name=source.name,
        kind="offer" if source.kind == "rented" else source.kind,
        unit="nodes",
        gpu=source.gpu,
        gpus_per_unit=source.gpus_per_node,
        periods=periods,
        in_use=steps,
        used_share=used / there if there else None,
    )


def in_use(specs: Sequence[Spec], at: float) -> int:
    return sum(spec.nodes for spec in specs if spec.start <= at < spec.end)
