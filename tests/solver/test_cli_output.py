from __future__ import annotations

import io
import json
import os
import stat
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from gpuplan.cli import cli, commands, output
from gpuplan.errors import InputError
from gpuplan.fields import FIELDS
from gpuplan.files import write_whole
from gpuplan.job import Job

JOB = ["--model", "deepseek-r1-distill-qwen-7b", "--method", "lora", "--data", "1GB"]


class Answer:
    """What the command line needs of a result."""

    def __init__(self, status: str) -> None:
        self.status = status

    def model_dump_json(self, *, indent: int) -> str:
        return json.dumps({"status": self.status}, indent=indent)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[Job]:
    """Jobs that the commands pass on; every one gets an answer with the status of the parameter."""
    seen: list[Job] = []

    def run(verb: str, jobs: list[Job]) -> Answer:
        seen.extend(jobs)
        return Answer(getattr(request, "param", "optimal"))

    def render(result: Answer, console: Console) -> None:
        console.print(f"the status is {result.status}")

    monkeypatch.setattr(commands, "_run", run)
    monkeypatch.setattr(output, "_render", render)
    return seen


@pytest.mark.parametrize(
    ("jobs", "code"), [("optimal", 0), ("feasible", 0), ("infeasible", 3), ("unknown", 4)], indirect=["jobs"]
)
@pytest.mark.parametrize("verb", ["solve", "check"])
def test_exit_codes(jobs: list[Job], code: int, verb: str) -> None:
    assert CliRunner().invoke(cli, [verb, *JOB]).exit_code == code
    assert len(jobs) == 1


def test_every_field_has_a_flag(jobs: list[Job]) -> None:
    for name in ("solve", "check"):
        command = cli.commands[name]
        flags = {option for parameter in command.params for option in parameter.opts}
        quote = {"--quote"} if name == "solve" else set()
        assert flags == {field.flag for field in FIELDS} | {"--job", "--format", "--out"} | quote


def test_flags_arrive_in_the_job(jobs: list[Job]) -> None:
    words = [*JOB, "--gpu", "H100-SXM", "--gpu", "A10G,L4", "--marketplace", "--tp", "8", "--deadline", "1d"]
    assert CliRunner().invoke(cli, ["check", *words]).exit_code == 0
    (job,) = jobs
    assert job.limits.gpus == ("H100-SXM", "A10G", "L4")
    assert (job.limits.marketplace, job.limits.deadline_seconds, job.pins.tensor_parallel) == (True, 86_400, 8)


def test_flags_win_over_the_job_file(jobs: list[Job], tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("model: mixtral-8x7b\nmethod: lora\ndata: 1GB\ndeadline: 24h\nmarketplace: true\n")
    for words in ([], ["--deadline", "2d", "--no-marketplace"]):
        assert CliRunner().invoke(cli, ["solve", "--job", str(path), *words]).exit_code == 0
    assert [job.limits.deadline_seconds for job in jobs] == [86_400, 172_800]
    assert [job.limits.marketplace for job in jobs] == [True, False]


def test_forms_of_an_answer(jobs: list[Job], tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["solve", *JOB]).stdout == "the status is optimal\n"
    assert json.loads(CliRunner().invoke(cli, ["solve", *JOB, "--format", "JSON"]).stdout) == {"status": "optimal"}
    path = tmp_path / "plan.json"
    result = CliRunner().invoke(cli, ["solve", *JOB, "--format", "json", "--out", str(path)])
    assert result.stdout == ""
    assert json.loads(path.read_text()) == {"status": "optimal"}
    CliRunner().invoke(cli, ["solve", *JOB, "--out", str(path)])
    assert path.read_text() == "the status is optimal\n"
    assert [file.name for file in tmp_path.iterdir()] == ["plan.json"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.txt"
    write_whole(path, "old")
    path.chmod(0o640)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(InputError, match="No space left on device"):
            write_whole(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["plan.txt"]
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_gets_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    write_whole(tmp_path / "plan", "")
    assert (tmp_path / "plan").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_link_keeps_pointing_to_the_file_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_into_and_not_replaced() -> None:
    before = Path(os.devnull).stat().st_mode
    write_whole(Path(os.devnull), "text")
    assert Path(os.devnull).stat().st_mode == before


def test_nothing_moves_in_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    with output.working():
        pass
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with output.working():
        pass
    assert "searching" not in terminal.getvalue()
    monkeypatch.setattr(output, "PROGRESS_AFTER_SECONDS", 0.0)
    with output.working():
        end = time.monotonic() + 10
        while "searching" not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    assert "searching" in terminal.getvalue()


def test_the_answer_does_not_take_the_place_of_its_job(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("model: mixtral-8x7b\nmethod: lora\ndata: 1MB\n")
    ended = CliRunner().invoke(cli, ["solve", "--job", str(path), "--out", str(path)])
    assert ended.exit_code == 2 and "is the file that is read" in ended.output
    assert path.read_text().startswith("model: mixtral-8x7b")
