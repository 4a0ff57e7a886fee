"""The soak: a few problems, what is kept of them, and that a run goes on after a crash, a dead process and a torn line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks.soak import __main__ as soak
from benchmarks.soak.examine import Shares, examine
from benchmarks.soak.report import Tally, markdown
from benchmarks.soak.store import Row, Store, fingerprint
from benchmarks.soak.workers import rows

EVERY = Shares(unreduced=1, explained=1)


def test_a_problem_is_solved_and_judged() -> None:
    found = [examine(seed, EVERY) for seed in range(6)]
    assert [row.failures for row in found] == [[]] * 6
    assert {row.status for row in found} == {"optimal", "infeasible"}
    assert any(row.unreduced for row in found)
    assert all(set(row.seconds) >= {"draw", "oracle", "solve"} for row in found)


def test_a_wrong_answer_is_a_failure_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = next(seed for seed in range(10) if examine(seed, Shares()).status == "optimal")
    monkeypatch.setattr("benchmarks.soak.examine.find", lambda job, offers: _lying(job, offers))
    (kind, text) = examine(seed, Shares()).failures[0]
    assert kind == "wrong infeasible" and "oracle" in text


def _lying(job: object, offers: object) -> object:
    from gpuplan.pipeline import find

    outcome = find(job, [])  # type: ignore[arg-type]
    assert outcome.status == "infeasible"
    return outcome


def test_a_crash_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(job: object, offers: object) -> None:
        raise ZeroDivisionError("of course")

    monkeypatch.setattr("benchmarks.soak.examine.find", crash)
    row = examine(0, Shares())
    assert row.status == "crash"
    assert row.failures[0][0] == "crash" and "of course" in row.failures[0][1]


def _dies_at_two(seed: int) -> Row:
    if seed == 2:
        os._exit(7)
    return Row(seed, "optimal")


def test_a_process_that_dies_costs_its_problem_only() -> None:
    found = {row.seed: row for row in rows(range(5), _dies_at_two, workers=2, until=time.monotonic() + 300)}
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert {row.status for seed, row in found.items() if seed != 2} == {"optimal"}
    assert found[2].failures == [("died", "exit code 7")]


def test_no_problem_is_begun_after_the_time() -> None:
    assert list(rows(range(5), _dies_at_two, workers=2, until=time.monotonic() - 1)) == []


def test_what_is_kept_can_be_cut_off_anywhere(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = [Row(0, "optimal", failures=[("crash", "text\nwith lines")]), Row(1, "near", seconds={"draw": 0.1})]
    for row in kept:
        store.add(row)
    with store.path.open("a", encoding="utf-8") as file:
        file.write('{"seed": 2, "stat')
    again = Store(tmp_path)
    assert again.seeds() == {0, 1}
    again.add(Row(2, "optimal"))
    assert Store(tmp_path).seeds() == {0, 1, 2}
    assert fingerprint() in store.path.name


def test_the_page_counts_problems_and_failures() -> None:
    tally = Tally()
    for row in (
        Row(0, "optimal", "cost", layouts=5, cp_sat_status="optimal"),
        Row(1, "infeasible", "cost", relaxations=3),
        Row(2, "crash", failures=[("crash", "Traceback\nValueError: no")]),
    ):
        tally.add(row)
    page = markdown(tally)
    assert "3 random problems" in page and "1 failures" in page
    assert "| infeasible | 1 | 33.3% |" in page
    assert "- problem 2, crash: ValueError: no" in page


def test_the_same_command_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--store", str(tmp_path / "store"), "--out", str(tmp_path), "--unreduced", "100", "--explained", "100"]
    for count in ("1", "2"):
        soak.main([*words, "--from", "1", "--count", count], standalone_mode=False)
    assert "2 random problems" in capsys.readouterr().out
    assert Store(tmp_path / "store").seeds() == {1, 2}
    assert not (tmp_path / "soak.md").exists()  # so few are not worth writing down
