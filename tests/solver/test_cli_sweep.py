"""`gpuplan sweep`: what arrives in the verbs, which files it writes, its exit codes and its rows."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gpuplan.cli import cli, output
from gpuplan.errors import InputError
from gpuplan.fields import FIELDS
from gpuplan.report import sweep_plots
from gpuplan.sweeping.result import SweepResult
from gpuplan.sweeping.rows import as_csv, columns, rows
from sweep_answers import break_even_answer, point, swept

JOB = ["--model", "deepseek-r1-distill-qwen-7b", "--method", "lora", "--data", "1GB"]
OVER = ["--over", "deadline", "--values", "12h,24h"]
verbs = importlib.import_module("gpuplan.sweep")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["sweep", *words])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]]:
    """Calls of the verbs: name, job, what else there is by place and by name; the answer has two points."""
    seen: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = []

    def fake(name: str) -> Callable[..., SweepResult]:
        def verb(spec: Any, *more: Any, **named: Any) -> SweepResult:
            seen.append((name, spec, more, named))
            return break_even_answer() if name == "break_even" else swept([point("12h", 12.0), point("24h", 24.0)])

        return verb

    for name in ("sweep", "frontier", "break_even"):
        monkeypatch.setattr(verbs, name, fake(name), raising=False)
    return seen


def answers(monkeypatch: pytest.MonkeyPatch, result: SweepResult) -> None:
    monkeypatch.setattr(verbs, "sweep", lambda spec, **named: result)


def test_every_field_of_a_job_has_a_flag_and_the_help_begins_with_what_is_varied() -> None:
    flags = {option for parameter in cli.commands["sweep"].params for option in parameter.opts}
    own = {"over", "values", "from", "to", "points", "of", "maximize", "frontier", "break-even", "series"}
    files = {"job", "format", "out", "plot", "processes", "restart"}
    assert flags == {field.flag for field in FIELDS} | {f"--{name}" for name in own | files}
    printed = run("--help").stdout
    assert printed.index("What is varied:") < printed.index("Model and method:") < printed.index("Output:")
    assert "--break-even WHAT" in printed[: printed.index("Model and method:")]


def test_a_sweep_arrives_in_its_verb(calls: list[Any]) -> None:
    words = [
        "--over",
        "budget",
        "--from",
        "$100",
        "--to",
        "2k",
        "--points",
        "5",
        "--maximize",
        "TOKENS",
        "--deadline",
        "1d",
    ]
    assert run(*JOB, *words, "--series", "method=lora", "--series", "a: method=full", "--processes", "2").exit_code == 0
    ((name, spec, more, named),) = calls
    assert (name, more, spec.model, spec.method, spec.deadline) == (
        "sweep",
        (),
        "deepseek-r1-distill-qwen-7b",
        ("lora",),
        "1d",
    )
    assert named == {
        "over": "budget",
        "start": "$100",
        "stop": "2k",
        "points": 5,
        "maximize": "tokens",
        "series": ("method=lora", "a: method=full"),
        "processes": 2,
        "journal": None,
        "progress": None,
    }


def test_the_answer_does_not_take_the_place_of_the_job_file(calls: list[Any], tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text("model: deepseek-r1-distill-qwen-7b\nmethod: lora\ndata: 1GB\n")
    result = run("--job", str(job), *OVER, "--out", str(job))
    assert result.exit_code == 2 and "is the file that is read" in result.stderr
    assert job.read_text().startswith("model") and not calls


@pytest.mark.parametrize("points", ["0", "1", "10001", "2.5"])
def test_a_number_of_points_has_the_same_ends_wherever_it_is_wrong(calls: list[Any], points: str) -> None:
    result = run(*JOB, "--over", "deadline", "--from", "1h", "--to", "2h", "--points", points)
    assert result.exit_code == 2 and "from 2 to 10,000" in result.stderr


def test_values_are_divided_at_commas(calls: list[Any]) -> None:
    assert run(*JOB, "--over", "price", "--values", "1.5, 2,", "--of", "H200-SXM").exit_code == 0
    assert calls[0][3]["values"] == ["1.5", "2"]
    assert calls[0][3]["of"] == "H200-SXM"


def test_a_frontier_and_a_break_even_price_arrive_in_their_verbs(calls: list[Any]) -> None:
    assert run(*JOB, "--frontier", "cost, time", "--from", "1h").exit_code == 0
    assert run(*JOB, "--break-even", "H200-SXM").exit_code == 0
    assert [(name, more) for name, _, more, _ in calls] == [
        ("frontier", (["cost", "time"],)),
        ("break_even", ("H200-SXM",)),
    ]
    assert calls[0][3] == {"start": "1h", "journal": None, "progress": None, "processes": os.cpu_count() or 1}
    assert calls[1][3] == {}


def test_flags_win_over_the_job_file(calls: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("model: mixtral-8x7b\nmethod: lora\ntokens: 1M\n")
    assert run("--job", str(path), "--data", "1GB", *OVER).exit_code == 0
    spec = calls[0][1]
    assert (spec.model, spec.data, spec.tokens) == ("mixtral-8x7b", "1GB", None)


@pytest.mark.parametrize(
    ("words", "field", "said"),
    [
        ([], "over", "--over AXIS, --frontier A,B or --break-even WHAT, one of the three"),
        ([*OVER, "--frontier", "cost,time"], "frontier", "one of the three"),
        (
            ["--frontier", "cost,time", "--values", "1,2"],
            "values",
            "goes with --over, not with --frontier; leave it out",
        ),
        (["--frontier", "cost,time", "--points", "9"], "points", "goes with --over, not with --frontier"),
        (["--break-even", "H200", "--from", "1"], "from", "goes with --over or --frontier, not with --break-even"),
        (["--break-even", "H200", "--series", "method=lora"], "series", "goes with --over or --frontier"),
        ([*OVER, "--points", "many"], "points", "many"),
        ([*OVER, "--processes", "0"], "processes", "0"),
        ([*OVER, "--maximize", "token"], "maximize", "Did you mean tokens?"),
        ([*OVER, "--restart"], "restart", "only with --out FILE"),
        ([*OVER, "--plot", "a.pdf"], "plot", "'a.pdf' is no picture; its name must end in .png, .svg or .html"),
        ([*OVER, "--plot", "nowhere/a.png"], "plot", "is in a folder that does not exist"),
        ([*OVER, "--plot", "a.png", "--plot", "./a.png"], "plot", "'./a.png' is given twice"),
        ([*OVER, "--plot", "a.html", "--out", "a.html"], "plot", "is the file of --out"),
        ([*OVER, "--out", "nowhere/a.csv"], "out", "is in a folder that does not exist"),
        ([*OVER, "--ovre", "deadline"], "ovre", "--over"),
    ],
)
def test_what_cannot_be_used_is_said_before_the_work_begins(
    calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], field: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*JOB, *words, "--format", "json")
    assert (result.exit_code, result.stdout, calls, list(tmp_path.iterdir())) == (2, "", [], [])
    error = json.loads(result.stderr)["error"]
    assert error["field"].lstrip("-") == field
    assert said in error["message"]


def test_a_picture_does_not_take_the_place_of_what_is_read(calls: list[Any], tmp_path: Path) -> None:
    prices = tmp_path / "prices.svg"
    prices.write_text("provider\n")
    result = run(*JOB, *OVER, "--offers", str(prices), "--plot", str(prices))
    assert (result.exit_code, calls) == (2, [])
    assert "is the file that is read" in result.stderr


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 0), ({"status": "undecided"}, 4)],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], code: int) -> None:
    answers(monkeypatch, swept([point("12h", 12.0)], **changes))
    assert run(*JOB, *OVER).exit_code == code


def test_points_without_a_plan_are_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, swept([point("1h", 1.0, plan=None, status="infeasible", reason="no plan; it takes 2 h")]))
    assert run(*JOB, *OVER).exit_code == 0


def test_forms_of_an_answer(calls: list[Any], tmp_path: Path) -> None:
    assert "By deadline" in run(*JOB, *OVER).stdout
    answer = SweepResult.model_validate_json(run(*JOB, *OVER, "--format", "json").stdout)
    assert [one.at_text for one in answer.points] == ["12h", "24h"]
    path = tmp_path / "points.csv"
    assert run(*JOB, *OVER, "--format", "csv", "--out", str(path)).stdout == ""
    assert path.read_text() == as_csv(answer)
    assert [file.name for file in tmp_path.iterdir()] == ["points.csv"]


def test_pictures_are_drawn_and_a_failure_does_not_cost_the_answer(
    calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Path] = []

    def draw(result: SweepResult, path: Path) -> None:
        drawn.append(path)
        raise InputError("plot", path, "the disk is full")

    monkeypatch.setattr(sweep_plots, "draw", draw)
    path = tmp_path / "a.png"
    result = run(*JOB, *OVER, "--plot", str(path))
    assert (result.exit_code, drawn) == (2, [path])
    assert "By deadline" in result.stdout
    assert "the disk is full" in result.stderr


# -- the journal ----------------------------------------------------------------------------------------------------------------
def test_the_journal_lies_beside_the_answer_until_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, journal = tmp_path / "a.json", tmp_path / "a.json.journal"

    def verb(spec: Any, **named: Any) -> SweepResult:
        assert (named["journal"], named["restart"]) == (journal, True)
        journal.write_text("points")
        return swept([point("12h", 12.0)])

    monkeypatch.setattr(verbs, "sweep", verb)
    assert run(*JOB, *OVER, "--out", str(out), "--restart").exit_code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_an_answer_that_cannot_be_written_keeps_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = tmp_path / "a.json.journal"

    def verb(spec: Any, **named: Any) -> SweepResult:
        journal.write_text("points")
        return swept([point("12h", 12.0)])

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(verbs, "sweep", verb)
    monkeypatch.setattr(Path, "replace", full)
    assert run(*JOB, *OVER, "--out", str(tmp_path / "a.json")).exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["a.json.journal"]


def test_an_interrupted_sweep_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(spec: Any, **named: Any) -> SweepResult:
        if named["journal"] is not None:
            named["journal"].write_text("points")
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "sweep", verb)
    result = run(*JOB, *OVER, "--out", str(tmp_path / "a.json"))
    assert (result.exit_code, result.stdout) == (130, "")
    assert "the same command goes on from there" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["a.json.journal"]
    assert run(*JOB, *OVER).exit_code == 130


def test_without_a_journal_what_is_known_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = swept([point("12h", 12.0)], status="undecided")
    solver = answer.solver.model_copy(update={"stopped": "interrupted"})
    answers(monkeypatch, answer.model_copy(update={"solver": solver}))
    result = run(*JOB, *OVER)
    assert result.exit_code == 130
    assert "By deadline" in result.stdout


def test_a_device_has_no_journal(calls: list[Any]) -> None:
    assert run(*JOB, *OVER, "--out", os.devnull).exit_code == 0
    assert calls[0][3]["journal"] is None


# -- progress -------------------------------------------------------------------------------------------------------------------
def test_points_are_counted_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(output, "PROGRESS_AFTER_SECONDS", 0.0)
    with output.counting("points") as count:
        assert count is not None
        count(7, None)
        count(8, 50)
        end = time.monotonic() + 10
        while "8 of 50 points" not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    assert "8 of 50 points" in terminal.getvalue()


def test_nothing_is_counted_in_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    with output.counting("points") as count:
        assert count is None
    assert capfd.readouterr() == ("", "")


# -- rows -----------------------------------------------------------------------------------------------------------------------
def test_rows_of_points() -> None:
    none = point("1h", 1.0, plan=None, status="infeasible", reason="no plan; it takes a deadline of 2 h")
    answer = swept([none, point("24h", 24.0, knee=True, changes=["GPU: A -> B", "nodes: 1 -> 2"], proved_at=12.0)])
    first, second = rows(answer)
    assert list(first) == list(second) == columns(answer)
    assert (first["status"], first["cost_usd"], first["reason"]) == ("infeasible", None, none.reason)
    expected = {
        "series": "",
        "over": "deadline",
        "at": 24.0,
        "at_unit": "hours",
        "at_text": "24h",
        "knee": True,
        "changes": "GPU: A -> B; nodes: 1 -> 2",
        "proved_at": 12.0,
        "cost_usd": 139.0,
        "cost_usd_high": 139.0 * 1.17,
        "total_hours": 2.8,
        "total_hours_low": 2.8 * 0.85,
        "hours_at_confidence": 3.3,
        "cost_usd_at_confidence": 163.0,
        "gpus": 8,
        "gpu": "H100-SXM",
        "tensor_parallel": 2,
        "memory_bytes_usable": 79 * 2.0**30,
        "objective_unit": "USD",
        "gap": 0.0,
    }
    assert {name: second[name] for name in expected} == expected
    read = list(csv.DictReader(io.StringIO(as_csv(answer))))
    assert [row["knee"] for row in read] == ["false", "true"]
    assert [row["cost_usd"] for row in read] == ["", "139.0"]


def test_rows_of_break_even_prices() -> None:
    answer = break_even_answer()
    found = rows(answer)
    assert list(found[0]) == columns(answer)
    assert [row["break_even_usd_per_gpu_hour"] for row in found] == [2.5, None]
    assert [row["total_hours"] for row in found] == [2.5, None]
    assert {row["rival_cost_usd"] for row in found} == {139.0}


def test_no_rows_have_a_header_all_the_same() -> None:
    assert as_csv(swept([])) == ",".join(columns(swept([]))) + "\n"


def test_a_data_frame_has_the_columns_of_the_csv() -> None:
    pytest.importorskip("pandas")
    answer = swept([point("12h", 12.0), point("24h", 24.0)])
    frame = answer.to_dataframe()
    assert (list(frame.columns), list(frame["at"])) == (columns(answer), [12.0, 24.0])


# -- the whole ------------------------------------------------------------------------------------------------------------------
def test_a_sweep_from_flags_to_rows() -> None:
    words = ["--gpu", "H100-SXM", "--provider", "lambda", "--over", "deadline", "--values", "1m,24h"]
    result = run(*JOB, *words, "--format", "csv")
    assert result.exit_code == 0, result.stderr
    read = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["at"], row["status"], row["gpu"]) for row in read] == [
        (str(1 / 60), "infeasible", ""),
        ("24.0", "optimal", "H100-SXM"),
    ]
    assert "deadline" in read[0]["reason"]
