"""How the rows of a batch share their work: tasks, offers and what is kept."""

from __future__ import annotations

from typing import Any

import pytest

import gpuplan
from batch_samples import SMALL, main_question
from gpuplan import catalogue
from gpuplan.batching import answering, work
from gpuplan.batching.answering import Answering, Task
from gpuplan.batching.read import read_rows
from gpuplan.batching.rows import Row, row_of
from gpuplan.batching.work import tasks_of


def rows_of(count: int, models: int) -> list[Row]:
    return [row_of(number, {"model": f"m{number % models}", "seed": number}) for number in range(1, count + 1)]


@pytest.mark.parametrize(("count", "models", "processes"), [(1, 1, 1), (1000, 7, 2), (5000, 1, 4), (100, 100, 2)])
def test_tasks_hold_every_row_once_and_rows_of_one_kind_each(count: int, models: int, processes: int) -> None:
    rows = rows_of(count, models)
    tasks = tasks_of(rows, processes)
    assert sorted(row.number for task in tasks for row in task.rows) == list(range(1, count + 1))
    assert all(len({row.sharing for row in task.rows}) == 1 for task in tasks)
    assert max(len(task.rows) for task in tasks) <= work.MOST_ROWS


def test_what_rows_share_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def looked_up(job: Any, given: Any) -> Any:
        seen.append(job)
        return catalogue.offers_for(job, given)

    monkeypatch.setattr(answering, "offers_for", looked_up)
    grid = {**SMALL, "deadline": ["1h", "2h"], "budget": ["$5", "$50"], "gpu": ["H100-SXM", "L40S"]}
    rows = read_rows({"grid": grid})
    run = Answering()
    assert len(list(run(Task(tuple(rows))))) == 8
    assert len(seen) == 2  # one selection of offers for each GPU
    many = [{**SMALL, "max_price_age": f"{days}d"} for days in range(100, 100 + 2 * answering.MOST_KEPT)]
    list(run(Task(tuple(read_rows(many)))))
    assert len(run._selections) == answering.MOST_KEPT


def test_offers_of_one_row_are_not_those_of_another() -> None:
    jobs = [{**SMALL, "provider": provider} | price for provider in ("lambda", "aws") for price in ({}, {"price": 1.5})]
    rows = {row.row: row for row in gpuplan.batch_rows(jobs)}
    for number, job in enumerate(jobs, start=1):
        answer = rows[number].answer
        assert answer is not None
        expected = gpuplan.solve({**job, "alternatives": 0})
        assert main_question(answer.model_dump()) == main_question(expected.model_dump())
