"""`gpuplan fleet`: what arrives in the verb, which files it writes, its exit codes and its rows."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fleet_samples as samples
from gpuplan.cli import cli
from gpuplan.columns import PLAN
from gpuplan.errors import InputError
from gpuplan.report import fleet_plots
from gpuplan.scheduling.result import FleetResult
from gpuplan.scheduling.rows import as_csv, columns, rows
from gpuplan.scheduling.types import Fleet

WORDS = """
start: 2026-12-01 08:00
budget: $50,000
stock:
  - {name: dgx, node: own/HGX-H100, nodes: 4}
jobs:
  - {name: bot, model: llama-3.1-8b, method: lora, data: 1GB, deadline: 3 days}
"""


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a fleet, in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yaml").write_text(WORDS)
    return tmp_path / "fleet.yaml"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["fleet", "fleet.yaml", *words])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Fleet, dict[str, Any]]]:
    """Calls of the verb; the answer has four jobs."""
    return answers(monkeypatch, samples.small())


def answers(monkeypatch: pytest.MonkeyPatch, result: FleetResult) -> list[tuple[Fleet, dict[str, Any]]]:
    """Let the verb give that answer, and write down its calls."""
    seen: list[tuple[Fleet, dict[str, Any]]] = []

    def fleet(known: Fleet, **named: Any) -> FleetResult:
        seen.append((known, named))
        return result

    module = ModuleType("gpuplan.fleet")
    vars(module)["fleet"] = fleet
    monkeypatch.setitem(sys.modules, "gpuplan.fleet", module)
    return seen


def test_the_help_names_every_flag() -> None:
    flags = {option for parameter in cli.commands["fleet"].params for option in parameter.opts if option[0] == "-"}
    own = {"minimize", "budget", "confidence", "time-limit", "workers", "seed", "worth"}
    assert flags == {f"--{name}" for name in own | {"format", "out", "plot"}}
    printed = run("--help").stdout
    assert printed.index("FLEET.yaml") < printed.index("Instead of what the file says:") < printed.index("Output:")
    assert "fleet" in CliRunner().invoke(cli, ["--help"]).stdout


def test_the_file_arrives_in_the_verb(calls: list[tuple[Fleet, dict[str, Any]]]) -> None:
    assert run().exit_code == 0
    ((known, named),) = calls
    assert named == {"progress": None}
    assert isinstance(known, Fleet)
    assert ([job.name for job in known.jobs], known.budget_usd, known.objectives) == (["bot"], 50_000.0, ("cost",))


def test_flags_win_over_the_file(calls: list[tuple[Fleet, dict[str, Any]]]) -> None:
    words = ["--minimize", "makespan,cost", "--budget", "$900", "--confidence", "point", "--time-limit", "90s"]
    assert run(*words, "--workers", "2", "--seed", "7", "--no-worth").exit_code == 0
    ((known, _),) = calls
    assert (known.objectives, known.budget_usd, known.confidence) == (("makespan", "cost"), 900.0, None)
    assert (known.time_limit_seconds, known.workers, known.seed, known.worth) == (90.0, 2, 7, False)


@pytest.mark.parametrize(
    ("words", "field", "said"),
    [
        (["--minimize", "costs"], "minimize", "cost"),
        (["--budget", "-5"], "budget", "-5"),
        (["--workers", "many"], "workers", "many"),
        (["--plot", "a.pdf"], "plot", "'a.pdf' is no picture; its name must end in .png, .svg or .html"),
        (["--plot", "nowhere/a.png"], "plot", "is in a folder that does not exist"),
        (["--plot", "a.png", "--plot", "./a.png"], "plot", "'./a.png' is given twice"),
        (["--plot", "a.html", "--out", "a.html"], "plot", "is the file of --out"),
        (["--out", "nowhere/a.csv"], "out", "is in a folder that does not exist"),
        (["--out", "fleet.yaml"], "out", "is the file that is read"),
        (["--plto", "a.png"], "plto", "--plot"),
    ],
)
def test_what_cannot_be_used_is_said_before_the_work_begins(
    calls: list[Any], path: Path, words: list[str], field: str, said: str
) -> None:
    result = run(*words, "--format", "json")
    assert (result.exit_code, result.stdout, calls, list(path.parent.iterdir())) == (2, "", [], [path])
    error = json.loads(result.stderr)["error"]
    assert error["field"].lstrip("-") == field
    assert said in error["message"]
    assert path.read_text() == WORDS


def test_a_file_that_is_not_there_and_one_that_is_wrong(calls: list[Any], path: Path) -> None:
    path.write_text(WORDS.replace("method: lora", "method: lorra"))
    wrong = run()
    assert (wrong.exit_code, calls) == (2, [])
    assert "jobs[1] bot: method" in wrong.stderr and "lora" in wrong.stderr
    path.unlink()
    assert run().exit_code == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [(samples.small, 0), (samples.late, 0), (samples.infeasible, 3), (samples.unknown, 4)],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, answer: Any, code: int) -> None:
    answers(monkeypatch, answer())
    assert run().exit_code == code


def test_what_is_known_when_it_is_interrupted_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    solver = samples.late().solver.model_copy(update={"stopped": "interrupted"})
    answers(monkeypatch, samples.late().model_copy(update={"solver": solver}))
    result = run()
    assert result.exit_code == 130
    assert "Schedule" in result.stdout


def test_forms_of_an_answer(calls: list[Any], path: Path) -> None:
    assert run().stdout.startswith("4 jobs for $2,171")
    answer = FleetResult.model_validate_json(run("--format", "json").stdout)
    assert answer == samples.small()
    assert run("--format", "csv", "--out", "schedule.csv").stdout == ""
    assert (path.parent / "schedule.csv").read_text() == as_csv(answer)
    assert run("--out", "schedule.txt").stdout == ""
    assert (path.parent / "schedule.txt").read_text() == run().stdout


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.html"])
def test_a_picture_is_drawn_beside_the_answer(calls: list[Any], path: Path, name: str) -> None:
    pytest.importorskip("plotly" if name.endswith("html") else "matplotlib")
    assert run("--plot", name).exit_code == 0
    assert (path.parent / name).stat().st_size > 10_000


def test_a_picture_that_fails_does_not_cost_the_answer(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(result: FleetResult, path: Path) -> None:
        raise InputError("plot", path, "the disk is full")

    monkeypatch.setattr(fleet_plots, "draw", draw)
    result = run("--plot", "a.png")
    assert result.exit_code == 2
    assert "Schedule" in result.stdout and "the disk is full" in result.stderr


# -- rows -----------------------------------------------------------------------------------------------------------------------
def test_rows_are_the_jobs_of_the_file() -> None:
    answer = samples.fleet()
    found = rows(answer)
    assert [row["name"] for row in found] == [job.name for job in answer.jobs]
    assert all(list(row) == columns() for row in found)
    assert set(PLAN) < set(columns()) and len(set(columns())) == len(columns())


def test_a_row_has_place_money_and_plan() -> None:
    row = rows(samples.small())[2]
    expected = {
        "name": "legal-70b",
        "status": "planned",
        "start_hours": 6.0,
        "start_at": "2026-12-01T14:00:00",
        "end_hours": 27.0,
        "slack_hours": 1.0,
        "order_by_hours": 5.0,
        "source": "nebius/gpu-8/eu-north1/on-demand",
        "source_kind": "rented",
        "gpu": "H100-SXM",
        "gpus": 32,
        "nodes": 4,
        "cost_usd": 1982.4,  # 4 nodes x 21 h x $23.60
        "tensor_parallel": 2,
        "framework": "megatron",
    }
    assert {name: row[name] for name in expected} == expected


def test_known_work_has_a_place_but_no_plan_and_what_is_left_out_neither() -> None:
    work = rows(samples.small())[1]
    assert (work["gpus"], work["cost_usd"], work["after"]) == (8, 8.0, "support-bot")
    assert (work["model"], work["framework"], work["total_hours"]) == (None, None, None)
    out = next(row for row in rows(samples.fleet()) if row["status"] == "left out")
    assert (out["gpus"], out["cost_usd"], out["source"], out["optional"]) == (None, None, None, True)


def test_csv_and_data_frame_are_the_rows() -> None:
    answer = samples.fleet(dated=False)
    read = list(csv.DictReader(io.StringIO(as_csv(answer))))
    assert [line["name"] for line in read] == [job.name for job in answer.jobs]
    assert list(read[0]) == columns()
    assert (read[0]["optional"], read[0]["start_at"], read[0]["release_hours"]) == ("false", "", "0.0")
    pytest.importorskip("pandas")
    frame = answer.to_dataframe()
    assert list(frame.columns) == columns() and len(frame) == 25
