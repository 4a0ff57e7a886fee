"""docs/batch.md: the commands run on the files of the page, the flags exist, the tables name what there is."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

import gpuplan
from gpuplan.batching.read import CSV, JSON_LINES, YAML
from gpuplan.batching.result import BatchResult, BatchRow
from gpuplan.cli import cli
from gpuplan.ray_workers import each_on_ray
from test_docs import rows_of

PAGE = (Path(__file__).parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")
COMMANDS = [line for line in re.findall(r"^    (gpuplan .*)$", PAGE, re.MULTILINE) if "--executor ray" not in line]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page, which is the working directory."""
    for name, kind in (("jobs.csv", "csv"), ("grid.yaml", "yaml")):
        (content,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command: str, folder: Path) -> None:
    if "--page" in command:
        pytest.importorskip("matplotlib")
        pytest.importorskip("plotly")
    words = shlex.split(command)[1:]
    ended = CliRunner().invoke(cli, words)
    assert ended.exit_code == 0, ended.output
    for name in (words[place + 1] for place, word in enumerate(words) if word in ("--out", "--page")):
        assert (folder / name).stat().st_size > 1000
    if "plans.csv" in command:
        with (folder / "plans.csv").open(newline="") as file:
            status = {row["name"]: row["status"] for row in csv.DictReader(file)}
        decided = {"support bot": "optimal", "legal": "optimal", "open method": "optimal"}
        assert status == {**decided, "too soon": "infeasible", "mistyped": "error"}
    if "json" in words:
        assert BatchResult.model_validate_json(ended.stdout).jobs == 9


def test_every_flag_that_is_named_exists() -> None:
    known = {
        option for verb in ("batch", "solve") for parameter in cli.commands[verb].params for option in parameter.opts
    }
    of_ray = {"--runtime-env-json"}
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", PAGE)) <= known | of_ray


def test_the_tables_name_what_there_is() -> None:
    assert {row[0].strip("`") for row in rows_of(PAGE, "status")} == set(
        get_args(BatchRow.model_fields["status"].annotation)
    )
    assert {row[0].strip("`") for row in rows_of(PAGE, "jobs")} == {kinds[0] for kinds in (YAML, CSV, JSON_LINES)}
    assert [row[0] for row in rows_of(PAGE, "`--address`")] == ["none, or `auto`", "`HOST:PORT`", "`ray://HOST:PORT`"]
    assert "three times at most" in PAGE and each_on_ray.__defaults__ == (None, 3)


@pytest.mark.slow
def test_the_python_of_the_page(folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    result, costs = names["result"], names["costs"]
    assert isinstance(result, BatchResult) and isinstance(costs, dict)
    assert result.planned == len(costs) == 3
    assert sum(costs.values()) == pytest.approx(result.cost_usd)


def test_the_schema_is_there() -> None:
    schema = json.dumps(gpuplan.BatchResult.model_json_schema())
    assert "rows_per_second" in schema and "by_provider" in schema
