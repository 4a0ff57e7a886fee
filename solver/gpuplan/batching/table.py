"""Rows of a batch as CSV: a line each; where method or precision are left open, a line for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gpuplan.batching.result import BatchRow
from gpuplan.columns import PLAN, RESULT, Cell, cells, plan_cells
from gpuplan.result import Result

#: Columns of a row, whatever its answer is.
_ROW: dict[str, Callable[[BatchRow], Cell]] = {
    "row": lambda row: row.row,
    "name": lambda row: row.name,
    "status": lambda row: row.status,
    "reason": lambda row: row.reason,
    "error_field": lambda row: None if row.error is None else row.error.field,
    "error_value": lambda row: None if row.error is None else row.error.value,
}
#: Columns of its answer beside those of every verb.
_ANSWER: dict[str, Callable[[Result], Cell]] = {
    "conflict": lambda result: "; ".join(result.conflict) or None,
    "other_framework": lambda result: None if result.other_framework is None else _framework(result.other_framework),
    "other_framework_cost_usd": lambda result: (
        None if result.other_framework is None else result.other_framework.prediction.cost_usd
    ),
}
COLUMNS = (*_ROW, *RESULT, *_ANSWER, *PLAN)
#: What a row without an answer still says of its job.
_SAID = ("model", "method", "precision", "weights")


def lines_of(row: BatchRow) -> Iterator[dict[str, Cell]]:
    """The lines of a row, with the names of `COLUMNS`."""
    own = cells(_ROW, row)
    if row.answer is None:
        said = {name: _text(row.job.get(name)) for name in _SAID}
        yield dict.fromkeys(COLUMNS) | own | said
        return
    for one in row.answer.choices or [row.answer]:
        chosen = {"status": one.status} if row.answer.choices else {}
        yield own | cells(RESULT, one) | cells(_ANSWER, one) | plan_cells(one.plan) | chosen


def _framework(plan: Any) -> str:
    name: str = plan.layout.framework
    return name


def _text(value: object) -> str | None:
    if value is None:
        return None
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
