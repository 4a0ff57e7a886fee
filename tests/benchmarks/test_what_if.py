"""The benchmark of sweeps: what a grid of single solves makes of a staircase."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.what_if.questions import JOBS, PAIRS, SWEPT, Swept, Walked, _grid
from benchmarks.what_if.render import line, markdown


def _point(hours: float, usd: float) -> Any:
    plan = SimpleNamespace(prediction=SimpleNamespace(cost_usd=usd))
    return SimpleNamespace(hours_at_confidence=hours, plan=plan)


def test_what_a_grid_misses() -> None:
    # A grid of 11 deadlines from 1 h to 11 h, an hour apart.
    points = [_point(11.0, 100.0), _point(10.5, 110.0), _point(2.5, 150.0), _point(1.0, 300.0)]
    found, overpaid = _grid(points)
    # At 11 h the first, at 3 to 10 h the third, at 1 and 2 h the last; the plan of 10.5 h is never the answer.
    assert found == 3
    # Who needs 2.999 h takes the plan of 2 h, $300, where $150 would do.
    assert overpaid == pytest.approx(1.0)


def test_the_page_says_what_was_measured() -> None:
    swept = Swept(50, 6, 0.6, 0.3, 2.0, 1.5, 1.0, 1.5)
    names = {",".join(pair): number for number, pair in enumerate(PAIRS, start=2)}
    walked = Walked("a job", names, dict.fromkeys(names, 0.5), 3.0, 0.3, 10, [], 3, 1.0)
    page = markdown(swept, [walked], 5)
    assert "| in one process | 0.60 s | 0.30 s | **2.0** | under 8 |" in page
    assert "| a job | 10 of 10 | 3 | 3 | +100 % |" in page
    assert "0 of 10 single solves say otherwise" in line(walked)


def test_the_jobs_can_be_asked() -> None:
    assert SWEPT in JOBS.values()
