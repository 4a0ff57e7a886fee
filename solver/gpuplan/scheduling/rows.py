"""The answer to `fleet` as flat rows, for CSV and data frames: a job each, units in the names, None is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gpuplan.columns import PLAN, Cell, cells, plan_cells, text_of

if TYPE_CHECKING:
    from gpuplan.scheduling.result import FleetJobAnswer, FleetResult

#: Columns of a job: what was asked, when and where it runs, what that costs.
_JOB: dict[str, Callable[[FleetJobAnswer], Cell]] = {
    "name": lambda job: job.name,
    "status": lambda job: job.status,
    "model": lambda job: job.model,
    "method": lambda job: job.method,
    "priority": lambda job: job.priority,
    "optional": lambda job: job.optional,
    "value_usd": lambda job: job.value_usd,
    "after": lambda job: "; ".join(job.after),
    "release_hours": lambda job: job.release_hours,
    "release_at": lambda job: job.release_at,
    "deadline_hours": lambda job: job.deadline_hours,
    "deadline_at": lambda job: job.deadline_at,
    "may_be_late": lambda job: job.may_be_late,
    "start_hours": lambda job: job.start_hours,
    "start_at": lambda job: job.start_at,
    "end_hours": lambda job: job.end_hours,
    "end_at": lambda job: job.end_at,
    "hours": lambda job: job.hours,
    "late_hours": lambda job: job.late_hours,
    "slack_hours": lambda job: job.slack_hours,
    "order_by_hours": lambda job: job.order_by_hours,
    "order_by_at": lambda job: job.order_by_at,
    "source": lambda job: job.source,
    "source_kind": lambda job: job.source_kind,
    "gpu": lambda job: job.gpu,
    "gpus": lambda job: job.gpus,
    "nodes": lambda job: job.nodes,
    "provider": lambda job: job.provider,
    "region": lambda job: job.region,
    "cost_usd": lambda job: job.cost_usd,
    "cost_usd_at_confidence": lambda job: job.cost_usd_at_confidence,
    "alone_usd": lambda job: job.alone_usd,
    "modes": lambda job: job.modes,
    "why": lambda job: job.why,
}


def columns() -> list[str]:
    """Names of the columns: those of a job, then what else there is to say of its plan."""
    return [*_JOB, *(name for name in PLAN if name not in _JOB)]


def rows(result: FleetResult) -> list[dict[str, Cell]]:
    """The jobs in the order of the file, a mapping each, with the same keys in the order of `columns`."""
    found = []
    for job in result.jobs:
        every = plan_cells(job.plan) | cells(
            _JOB, job
        )  # what the fleet says of a job, known work among it, comes first
        found.append({name: every[name] for name in columns()})
    return found


def as_csv(result: FleetResult) -> str:
    """The rows with a header; unknown is empty."""
    return text_of(columns(), rows(result))
