"""docs/fleet.md: the commands run on the file of the page and print what it shows, the tables name what there is, the Python runs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

import gpuplan
from gpuplan.cli import cli
from gpuplan.scheduling.file import FLEET_FIELDS
from gpuplan.scheduling.jobs import OF_CALENDAR
from gpuplan.scheduling.problem import OBJECTIVES
from gpuplan.scheduling.result import FleetResult, ObjectiveAnswer
from gpuplan.scheduling.stock import QUOTA_FIELDS, STOCK_FIELDS
from gpuplan.scheduling.worth import GPUS, MORE_BUDGET, MOST_ASKED
from test_docs import rows_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (gpuplan fleet .*)$", PAGE, re.MULTILINE)
#: What is printed where: the first command, and the one that ends with 3.
SHOWN = dict(
    zip(
        (COMMANDS[0], next(one for one in COMMANDS if "exit code 3" in one)),
        re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL),
        strict=True,
    )
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file of the page, which is the working directory."""
    (content,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "fleet.yaml").write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(command.partition("  #")[0])[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run_and_print_what_is_shown(command: str, folder: Path) -> None:
    if "--plot" in command:
        pytest.importorskip("matplotlib")
        pytest.importorskip("plotly")
    ended = run(command)
    assert ended.exit_code == (3 if "exit code 3" in command else 0), ended.output
    words = shlex.split(command)
    for name in (words[place + 1] for place, word in enumerate(words) if word in ("--out", "--plot")):
        assert (folder / name).stat().st_size > 1000
    if "schedule.json" in words:
        answer = FleetResult.model_validate_json((folder / "schedule.json").read_text())
        assert (answer.status, answer.confidence) == ("optimal", None)
    printed = ended.stdout.splitlines()
    for line in SHOWN.get(command, "").splitlines():
        assert line in printed


@pytest.mark.sources  # the benchmarks are not with the wheel
def test_the_files_that_are_linked_are_there() -> None:
    linked = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(linked) >= 3
    assert [name for name in linked if not (ROOT / "docs" / name).exists()] == []
    assert 10_000 < (ROOT / "docs" / "fleet.png").stat().st_size < 300_000
    named = set(re.findall(r"`(?:tests/solver/)?(test_\w+\.py)`", PAGE))
    assert named and all((ROOT / "tests" / "solver" / name).exists() for name in named)


@pytest.mark.sources  # the benchmarks are not with the wheel
def test_the_figures_of_the_large_one_are_those_of_its_text() -> None:
    text = (ROOT / "benchmarks" / "fleet" / "seed_table.txt").read_text(encoding="utf-8")
    (cost,) = re.findall(r"every deadline for (\$[\d,]+), proved", PAGE)
    first = " ".join(text.splitlines()[:2])
    assert f"23 jobs for {cost} (" in first and "every deadline kept; proved the lowest cost" in first


def test_every_flag_that_is_named_exists() -> None:
    known = {
        option for parameter in cli.commands["fleet"].params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    of_hardware = {"--nodes"}
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", PAGE)) <= known | of_hardware


def _words(header: str) -> set[str]:
    return {name for row in rows_of(PAGE, header) for name in re.findall(r"`([a-z_]+)`", row[0])}


def test_the_tables_name_what_there_is() -> None:
    assert _words("word") == set(FLEET_FIELDS)
    assert _words("of a stock") == set(STOCK_FIELDS)
    assert _words("of a quota") == set(QUOTA_FIELDS)
    assert _words("of a job") == {"name", *OF_CALENDAR}
    assert _words("objective") == set(OBJECTIVES)
    assert set(get_args(ObjectiveAnswer.model_fields["name"].annotation)) == set(OBJECTIVES)
    assert f"{GPUS} GPUs more" in PAGE and "a tenth more budget" in PAGE and MORE_BUDGET == 0.1
    assert "At most eight questions" in PAGE and MOST_ASKED == 8


def test_the_python_of_the_page() -> None:
    pytest.importorskip("pandas")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    result, ends = names["result"], names["ends"]
    assert isinstance(result, FleetResult) and isinstance(ends, dict)
    assert (result.status, names["gap"], set(ends)) == ("optimal", 0.0, {"bot", "eval", "coder"})


def test_the_schema_is_there() -> None:
    schema = json.dumps(gpuplan.FleetResult.model_json_schema())
    assert "order_by_hours" in schema and "saves_at_most" in schema
