"""The benchmark of batches: which jobs, when a run is killed, and what the page says."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.batch.jobs import GRID, KILLED, every_job, sample, the_jobs
from benchmarks.batch.rate import Rate, _different
from benchmarks.batch.render import markdown
from benchmarks.batch.soak import Soak, entries, moment
from gpuplan.batching.grid import trainable
from gpuplan.batching.read import read_rows

RATE = Rate(
    jobs=1000,
    cores=2,
    statuses={"optimal": 900, "infeasible": 90, "error": 10},
    seconds={"1": 100.0, "2": 50.0},
    parent_bytes=2e8,
    worker_bytes=[3e8, 4e8],
    file_bytes=20_000_000,
    loop_jobs=100,
    loop_seconds=40.0,
    process_jobs=10,
    process_seconds=20.0,
    compared=40,
    different=["a job: plan"],
)


def test_the_jobs_are_a_thousand_of_the_grid_and_always_the_same() -> None:
    grid, jobs = every_job(), the_jobs()
    assert len(grid) == len(trainable()) * 3 * 4 * 4
    assert len(jobs) == len({json.dumps(job) for job in jobs}) == 1000
    assert jobs == the_jobs()
    assert {job["model"] for job in jobs} == set(trainable())
    assert {job["deadline"] for job in jobs} == set(GRID["deadline"])
    assert len(set(sample(jobs, 40))) == 40
    assert len(read_rows({"grid": KILLED})) == 27


def test_a_difference_is_found() -> None:
    job = {"model": "no-such-model", "method": "lora", "data": "1GB"}
    said = _different(job, {"name": "a", "answer": None, "reason": "something else"})
    assert said.startswith("a: model is 'no-such-model'")
    assert said.endswith("instead of something else")


def test_entries_of_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "plans.jsonl.journal"
    assert entries(journal) == ([], False)
    journal.write_bytes(b'{"gpuplan":"0","question":"q"}\n{"key":"1|a","value":{}}\n{"key":"2|b","value":{}}\n{"ke')
    assert entries(journal) == (["1|a", "2|b"], True)


@pytest.mark.parametrize(
    ("now", "before", "files", "said"),
    [
        (0, 0, "", "before a row was answered"),
        (3, 3, "j", "before a row was answered"),
        (4, 3, "j", "between two rows, or at one"),
        (9, 3, "j", "all rows known, before the file was written"),
        (9, 9, "jo", "the file written, the journal still there"),
        (0, 9, "o", "the file written, the journal removed"),
    ],
)
def test_the_moment_of_a_kill(tmp_path: Path, now: int, before: int, files: str, said: str) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    assert moment(now, before, 9, tmp_path / "o", tmp_path / "j") == said


def test_the_page_says_what_was_measured() -> None:
    soak = Soak(200, 20, 54, {"before a row was answered": 50, "between two rows, or at one": 150}, 3, [])
    page = markdown({"rate": asdict(RATE), "soak": asdict(soak)})
    assert "| `batch`, 2 processes | 0.050 | **20.0** | |" in page
    assert "one process (100 of the jobs) | 0.400 | 2.5 | 8.0 |" in page
    assert "a process for each (10 of the jobs) | 2.000 | 0.5 | 40.0 |" in page
    assert "39 of 40 rows" in page
    assert "200 MB of the process that hands out and writes, 300 MB and 400 MB of those that solve" in page
    assert "**0 failures in 200 kills.** 3 of them tore" in page
    assert page.index("| between two rows, or at one | 150 |") < page.index("| before a row was answered | 50 |")
    assert "Killed" not in markdown({"rate": asdict(RATE)})
