"""docs/buying.md: its commands run, its price list is read, and its figures are what the code computes."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gpuplan
from gpuplan.cli import cli
from gpuplan.fields import FIELDS
from gpuplan.performance.spot import checkpoint_interval, expected_stretch
from test_docs import rows_of

PAGE = Path(__file__).parents[2] / "docs" / "buying.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (gpuplan .*)$", TEXT, re.MULTILINE)


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (prices,) = re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path / "offers"))
    (tmp_path / "prices.csv").write_text(prices)
    assert len(COMMANDS) == 11
    for command in COMMANDS:
        ended = CliRunner().invoke(cli, shlex.split(command)[1:])
        assert ended.exit_code == 0, f"{command}\n{ended.output}"
    assert (
        (tmp_path / "quote.md").read_text().startswith("# Quote: LoRA of deepseek-r1-distill-qwen-7b on 25 M tokens\n")
    )
    assert (tmp_path / "mine.csv").exists()


def test_the_commands_of_the_page_are_about_what_it_says() -> None:
    said = " ".join(COMMANDS)
    for word in ("import", "--pricing on-demand,spot", "capacity-block", "owned", "--residency", "--quota", "--quote"):
        assert word in said


def test_every_flag_that_is_named_exists() -> None:
    known = {field.flag for field in FIELDS} | {
        option
        for verb in (cli.commands["solve"], *cli.commands["offers"].commands.values())  # type: ignore[attr-defined]
        for parameter in verb.params
        for option in parameter.opts
    }
    assert set(re.findall(r"`?(--[a-z][a-z-]+)", TEXT)) <= known


def test_the_python_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["gpuplan"] is gpuplan
    assert str(names["page"]).startswith("# Quote: LoRA of deepseek-r1-distill-qwen-1.5b")


def test_the_table_of_spot() -> None:
    rows = rows_of(TEXT, "stops an hour")
    assert len(rows) == 3
    for stops, interval, hours in rows:
        rate, save, back = np.array(float(stops) / 3600), np.array(60.0), np.array(900.0)
        best = checkpoint_interval(rate, save, 3600.0)
        assert interval == f"{float(best) / 60:.1f} min"
        assert hours == f"{float(expected_stretch(rate, best, save, back)):.2f} h"
