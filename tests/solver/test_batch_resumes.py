"""Batches that are stopped: what is kept, what is asked again, and when a journal is refused."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import gpuplan
from batch_samples import SMALL, lines
from gpuplan.batching import answering
from gpuplan.batching.answering import Answered
from gpuplan.batching.rows import Row
from gpuplan.errors import InputError
from gpuplan.journal import Journal
from gpuplan_hardware.imports.store import built_in_offers

verb = importlib.import_module("gpuplan.batch")


def fake_answers(monkeypatch: pytest.MonkeyPatch, statuses: Sequence[str], stop_after: int | None = None) -> list[int]:
    """Answer rows without a search, in an order of its own; the numbers of rows that are asked."""
    asked: list[int] = []

    def answered(rows: Sequence[Row], *_: object) -> Iterator[Answered]:
        order = list(rows)
        random.Random(1).shuffle(order)
        for row in order:
            if len(asked) == stop_after:
                raise KeyboardInterrupt
            asked.append(row.number)
            status = statuses[row.number - 1]
            row_answer = answering.error_row(row, InputError("model", "x", f"bad {row.number}"))
            yield Answered(
                row.number, row.key, status, row_answer.model_copy(update={"status": status}).model_dump_json()
            )

    monkeypatch.setattr(verb, "answered", answered)
    return asked


JOBS = [{**SMALL, "seed": seed} for seed in range(6)]


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, journal = tmp_path / "plans.jsonl", tmp_path / "plans.jsonl.journal"
    first = fake_answers(monkeypatch, ["error"] * 6, stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        gpuplan.batch(JOBS, out)
    assert not out.exists()
    assert journal.read_bytes().count(b"\n") == 5
    second = fake_answers(monkeypatch, ["error"] * 6)
    told: list[tuple[int, int, int]] = []
    result = gpuplan.batch(JOBS, out, progress=lambda *now: told.append(now))
    assert sorted(first + second) == [1, 2, 3, 4, 5, 6]
    assert (result.solver.asked, result.solver.resumed) == (2, 4)
    assert told == [(4, 6, 4), (5, 6, 4), (6, 6, 4)]
    assert [row["row"] for row in lines(out)] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plans.jsonl"]


def test_undecided_rows_are_written_and_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, journal = tmp_path / "plans.jsonl", tmp_path / "plans.jsonl.journal"
    statuses = ["error", "feasible", "unknown", "infeasible", "optimal", "unknown"]
    fake_answers(monkeypatch, statuses, stop_after=5)
    with pytest.raises(KeyboardInterrupt):
        gpuplan.batch(JOBS, out)
    kept = journal.read_bytes().count(b"\n") - 1
    again = fake_answers(monkeypatch, statuses)
    result = gpuplan.batch(JOBS, out)
    assert len(again) == 6 - kept
    assert {2, 3, 6} <= set(again)
    assert [row["status"] for row in lines(out)] == statuses
    assert (result.status, result.undecided, result.errors) == ("undecided", 3, 1)
    assert [one.reason for one in result.unplanned if one.status == "unknown"] == ["the time limit came first"]


def test_an_interrupt_without_a_file_gives_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_answers(monkeypatch, ["error"] * 6, stop_after=2)
    result = gpuplan.batch(JOBS)
    assert (result.solver.stopped, result.errors, result.undecided, result.status) == ("interrupted", 2, 4, "undecided")


def test_a_row_that_comes_twice_counts_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_answers(monkeypatch, ["error"] * 6)
    once = verb.answered

    def twice(rows: Sequence[Row], *more: object) -> Iterator[Answered]:
        for found in once(rows, *more):
            yield found
            yield found

    monkeypatch.setattr(verb, "answered", twice)
    told: list[tuple[int, int, int]] = []
    result = gpuplan.batch(JOBS, tmp_path / "plans.jsonl", progress=lambda *now: told.append(now))
    assert (result.errors, told[-1]) == (6, (6, 6, 0))
    assert len(lines(tmp_path / "plans.jsonl")) == 6


@pytest.mark.parametrize("what", ["jobs", "offers", "file"])
def test_a_journal_of_another_question_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    out, text = tmp_path / "plans.csv", tmp_path / "text"
    text.write_text("some text")
    jobs = [{**SMALL, "data": str(text)}]
    offers = list(built_in_offers())[:3]
    fake_answers(monkeypatch, ["error"], stop_after=0)
    with pytest.raises(KeyboardInterrupt):
        gpuplan.batch(jobs, out, offers=offers)
    if what == "jobs":
        jobs = [{**jobs[0], "name": "other"}]
    elif what == "offers":
        offers = offers[:2]
    else:
        text.write_text("another text")
    fake_answers(monkeypatch, ["error"])
    with pytest.raises(InputError, match="holds answers to another question"):
        gpuplan.batch(jobs, out, offers=offers)
    assert gpuplan.batch(jobs, out, offers=offers, restart=True).errors == 1


def test_the_journal_is_closed_where_a_row_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_answers(monkeypatch, ["error"] * 6)

    def full(*_: object) -> None:
        raise InputError("journal", "x", "cannot be written (No space left on device)")

    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(InputError, match="No space left"):
        gpuplan.batch(JOBS, tmp_path / "plans.csv")
    monkeypatch.undo()
    fake_answers(monkeypatch, ["error"] * 6)
    assert gpuplan.batch(JOBS, tmp_path / "plans.csv").errors == 6
