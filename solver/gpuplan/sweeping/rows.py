"""The answer to `sweep` as flat rows, for CSV and data frames: a point or an offer each, units in the names, None is unknown."""

from __future__ import annotations

from collections.abc import Callable

from gpuplan.columns import PLAN, RESULT, Cell, cells, plan_cells, text_of
from gpuplan.sweeping.result import BreakEvenAnswer, SweepPoint, SweepResult

#: Columns of a point: what was asked, and what came of it.
_POINT: dict[str, Callable[[SweepPoint], Cell]] = {
    "series": lambda point: point.series,
    "over": lambda point: point.over,
    "at": lambda point: point.at,
    "at_unit": lambda point: point.at_unit,
    "at_text": lambda point: point.at_text,
    "status": lambda point: point.status,
    "reason": lambda point: point.reason,
    "knee": lambda point: point.knee,
    "changes": lambda point: "; ".join(point.changes),
    **RESULT,
    "proved_at": lambda point: point.proved_at,
    "cost_usd_at_confidence": lambda point: point.cost_usd_at_confidence,
    "hours_at_confidence": lambda point: point.hours_at_confidence,
}
#: Columns of a break-even price; those of the plan at that price follow, and what it is held against.
_BREAK_EVEN: dict[str, Callable[[BreakEvenAnswer], Cell]] = {
    "priced_offer": lambda answer: answer.offer,
    "priced_gpu": lambda answer: answer.gpu,
    "priced_provider": lambda answer: answer.provider,
    "priced_gpus_per_node": lambda answer: answer.gpus_per_node,
    "listed_usd_per_gpu_hour": lambda answer: answer.listed_usd_per_gpu_hour,
    "break_even_usd_per_gpu_hour": lambda answer: answer.break_even_usd_per_gpu_hour,
    "change": lambda answer: answer.change,
    "wins_now": lambda answer: answer.wins_now,
    "proved": lambda answer: answer.proved,
}
_RIVAL = ("offer", "gpu", "gpus", "nodes", "cost_usd", "total_hours")


def columns(result: SweepResult) -> list[str]:
    """Names of the columns, also where there are no rows."""
    if result.question == "break-even":
        return [*_BREAK_EVEN, *PLAN, *(f"rival_{name}" for name in _RIVAL)]
    return [*_POINT, *PLAN]


def rows(result: SweepResult) -> list[dict[str, Cell]]:
    """The points, or the offers of a break-even question, a mapping each, with the same keys in the order of `columns`."""
    if result.question == "break-even":
        rival = plan_cells(result.rival)
        against = {f"rival_{name}": rival[name] for name in _RIVAL}
        return [cells(_BREAK_EVEN, one) | plan_cells(one.plan) | against for one in result.break_even]
    return [cells(_POINT, point) | plan_cells(point.plan) for point in result.points]


def as_csv(result: SweepResult) -> str:
    """The rows with a header; unknown is empty."""
    return text_of(columns(result), rows(result))
