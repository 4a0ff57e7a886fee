"""`gpuplan batch`: what arrives in the verb, which files it writes, what it says where, its exit codes."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import batch_answers as samples
from gpuplan.batching.result import BatchResult
from gpuplan.cli import cli, output
from gpuplan.workers import WorkerDiedError

JOBS = "model,method,data,gpu\nqwen2.5-0.5b,lora,1MB,H100-SXM\nqwen2.5-05b,lora,1MB,H100-SXM\n"
verb = importlib.import_module("gpuplan.batch")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["batch", *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of jobs, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.csv").write_text(JOBS)
    return tmp_path


@pytest.fixture
def calls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Calls of the verb; its answer is a plan alone."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def batch(*given: Any, **named: Any) -> BatchResult:
        seen.append((given, named))
        return samples.batched(samples.ten()[:1], folder / "plans.jsonl")

    monkeypatch.setattr(verb, "batch", batch)
    return seen


def ends_with(monkeypatch: pytest.MonkeyPatch, end: Callable[..., BatchResult]) -> None:
    monkeypatch.setattr(verb, "batch", end)


def test_the_flags_arrive(calls: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> None:
    assert run("jobs.csv", "--out", "plans.jsonl").exit_code == 0
    words = ("--executor", "RAY", "--address", "head:6379", "--restart")
    assert run("jobs.csv", "--out", "plans.csv", *words).exit_code == 0
    assert run("jobs.csv", "--out", "plans.csv", "--processes", "3", "--resume").exit_code == 0
    cores = os.cpu_count() or 1
    plain = {"executor": "local", "address": None, "restart": False, "progress": None}
    assert calls == [
        (("jobs.csv", "plans.jsonl"), {**plain, "processes": cores}),
        (
            ("jobs.csv", "plans.csv"),
            {**plain, "executor": "ray", "address": "head:6379", "restart": True, "processes": cores},
        ),
        (("jobs.csv", "plans.csv"), {**plain, "processes": 3}),
    ]


@pytest.mark.parametrize(
    ("words", "field", "way_out"),
    [
        ("jobs.csv", "out", "missing option"),
        ("jobs.csv --out none/plans.csv", "out", "does not exist; make it"),
        ("jobs.csv --out plans.txt", "out", "must end in .jsonl"),
        ("jobs.csv --out jobs.csv", "out", "is the file that is read"),
        ("none.csv --out plans.csv", "jobs", "none.csv"),
        ("jobs.csv --out plans.csv --processes 0", "processes", "from 1 to 256"),
        ("jobs.csv --out plans.csv --processes 2 --executor ray", "processes", "leave it out with --executor ray"),
        ("jobs.csv --out plans.csv --address head:6379", "address", "goes with executor ray"),
        ("jobs.csv --out plans.csv --executor ray --address head", "address", "give HOST:PORT"),
        ("jobs.csv --out plans.csv --resume --restart", "restart", "give one of them"),
        ("jobs.csv --out plans.csv --page a.pdf", "page", ".png, .svg or .html"),
        ("jobs.csv --out plans.csv --page a.png --page a.png", "page", "given twice"),
        ("jobs.csv --out plans.csv --page none/a.png", "page", "does not exist"),
    ],
)
def test_errors_have_a_field_and_a_way_out(words: str, field: str, way_out: str, folder: Path) -> None:
    for library, flag in (("ray", "--executor ray"), ("matplotlib", "--page")):
        if flag in words:
            pytest.importorskip(library)
    ended = run(*words.split(), "--format", "json")
    assert ended.exit_code == 2, ended.output
    error = json.loads(ended.stderr)["error"]
    assert error["field"] == field and way_out in error["message"]
    if "ray" not in words:  # where Ray is asked, the journal is open already
        assert not list(folder.glob("*.journal*"))


def test_a_run_on_this_machine(folder: Path) -> None:
    ended = run("jobs.csv", "--out", "plans.csv", "--processes", "1")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("Of 2 jobs 1 has a plan, for $")
    assert ended.stderr == "1 of 2 rows has an error\n"
    with (folder / "plans.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["optimal", "error"]
    assert sorted(path.name for path in folder.iterdir()) == ["jobs.csv", "plans.csv"]


def test_the_summary_as_json_alone_is_on_stdout(folder: Path) -> None:
    ended = run("jobs.csv", "--out", "plans.jsonl", "--processes", "1", "--format", "json")
    found = BatchResult.model_validate_json(ended.stdout)
    assert (found.jobs, found.planned, found.errors, found.out) == (2, 1, 1, "plans.jsonl")


def test_pages_are_drawn(calls: list[Any], folder: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    ended = run("jobs.csv", "--out", "plans.jsonl", "--page", "a.html", "--page", "b.png")
    assert ended.exit_code == 0, ended.output
    assert (folder / "a.html").stat().st_size > 100_000 and (folder / "b.png").read_bytes()[:4] == b"\x89PNG"


def test_a_page_that_cannot_be_drawn_does_not_cost_the_summary(calls: list[Any], folder: Path) -> None:
    pytest.importorskip("matplotlib")
    (folder / "b.png").mkdir()
    ended = run("jobs.csv", "--out", "plans.jsonl", "--page", "b.png")
    assert ended.exit_code == 2 and not calls  # said before the work begins
    (folder / "b.png").rmdir()
    (folder / "plans.jsonl").write_text("")

    from gpuplan.report import batch_plots

    def fails(*_: object) -> None:
        raise RuntimeError("no room")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_plots, "draw", fails)
        ended = run("jobs.csv", "--out", "plans.jsonl", "--page", "b.png")
    assert ended.exit_code == 1 and ended.stdout.startswith("Of 1 job 1 has a plan")


def test_the_time_limit_has_an_exit_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = samples.batched(samples.ten(), folder / "plans.jsonl")
    ends_with(monkeypatch, lambda *_, **__: result)
    ended = run("jobs.csv", "--out", "plans.jsonl")
    assert ended.exit_code == 4
    assert ended.stderr == "1 of 10 rows have errors\n"


def test_an_interrupt_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> BatchResult:
        raise KeyboardInterrupt

    ends_with(monkeypatch, interrupted)
    ended = run("jobs.csv", "--out", "plans.jsonl")
    assert ended.exit_code == 130 and ended.stdout == ""
    assert ended.stderr == "interrupted; the same command goes on from there (plans.jsonl.journal)\n"


def test_a_process_that_was_killed_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def died(*_: object, **__: object) -> BatchResult:
        raise WorkerDiedError(4, "was killed by signal 9")

    ends_with(monkeypatch, died)
    ended = run("jobs.csv", "--out", "plans.jsonl")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error: the process at task 5 was killed by signal 9. The same command goes on")


def test_progress_on_a_terminal_has_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(output, "PROGRESS_AFTER_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "160")
    wanted = re.compile(r"\d of 1,000 jobs, [\d.]+/s.*\d:\d\d:\d\d left \d:\d\d:\d\d")
    with output.counting("jobs", rate=True) as count:
        assert count is not None
        end = time.monotonic() + 10
        done = 3
        while not wanted.search(plain(terminal.getvalue())) and time.monotonic() < end:
            count(done, 1000)
            done = min(done + 1, 9)
            time.sleep(0.02)
    assert wanted.search(plain(terminal.getvalue()))


def plain(text: str) -> str:
    """What is seen of text on a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
