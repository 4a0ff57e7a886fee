"""docs/what-if.md and the README's plots: the commands run, the flags exist, the tables name what there is."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import gpuplan
from gpuplan.cli import cli
from gpuplan.sweeping.axes import AXES
from gpuplan.sweeping.frontier import FRONTIERS
from test_docs import rows_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "what-if.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (gpuplan .*)$", PAGE, re.MULTILINE)
OF_THE_README = [
    line for line in re.findall(r"^    (gpuplan sweep .*)$", README, re.MULTILINE) if "--plot docs/" in line
]
#: Of two that differ in the folder of the picture only, the README's.
DIFFERENT = list({line.replace("--plot docs/", "--plot "): line for line in [*COMMANDS, *OF_THE_README]}.values())


@pytest.mark.slow
@pytest.mark.parametrize("command", DIFFERENT)
def test_the_commands_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "--plot" in command:
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    words = shlex.split(command.partition("  #")[0])[1:]
    ended = CliRunner().invoke(cli, words)
    assert ended.exit_code == 0, ended.output
    for name in (words[place + 1] for place, word in enumerate(words) if word == "--plot"):
        assert (tmp_path / name).stat().st_size > 10_000


def test_the_readme_shows_what_its_commands_draw() -> None:
    drawn = {name for command in OF_THE_README for name in re.findall(r"--plot (docs/\S+)", command)}
    shown = set(re.findall(r"!\[[^]]+\]\((docs/[^)]+)\)", README))
    assert shown == drawn | {"docs/fleet.png"} and len(drawn) == 2  # which benchmarks.fleet.seed_table draws
    assert all((ROOT / name).stat().st_size > 10_000 for name in shown)


def test_every_flag_that_is_named_exists() -> None:
    known = {
        option for verb in ("sweep", "solve") for parameter in cli.commands[verb].params for option in parameter.opts
    }
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", PAGE)) <= known


def test_the_tables_name_what_there_is() -> None:
    assert {row[0].strip("`") for row in rows_of(PAGE, "frontier")} == {",".join(pair) for pair in FRONTIERS}
    assert {name for row in rows_of(PAGE, "`--over`") for name in re.findall(r"`([a-z-]+)`", row[0])} == set(AXES)


@pytest.mark.slow
def test_the_python_of_the_page() -> None:
    pytest.importorskip("pandas")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["gpuplan"] is gpuplan and isinstance(names["price"], float)


def test_the_schema_is_there() -> None:
    schema = json.dumps(gpuplan.SweepResult.model_json_schema())
    assert "hours_at_confidence" in schema and "break_even_usd_per_gpu_hour" in schema
