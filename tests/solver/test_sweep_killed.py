"""A sweep that is killed (kill -9, at any moment) goes on when the same command is given again, and gives the same answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

pytestmark = pytest.mark.sources

COMMAND = [sys.executable, "-c", "from gpuplan.cli import main; main()", "sweep", "--format", "json"]
JOB = ["--model", "deepseek-r1-distill-llama-70b", "--data", "1GB"]
QUESTIONS = {
    "frontier": [*JOB, "--method", "lora", "--frontier", "cost,time"],
    "curves": [*JOB, "--method", "lora,full", "--over", "deadline", "--from", "10m", "--to", "20h", "--points", "12"],
    "lengths": [*JOB, "--method", "lora", "--over", "sequence-length", "--values", "1024,2048,3072,4096,6144,8192"],
}
SECONDS = 120.0


def _run(question: str, out: Path) -> dict[str, Any]:
    subprocess.run(
        [*COMMAND, *QUESTIONS[question], "--out", str(out)], check=True, capture_output=True, timeout=SECONDS
    )
    answer: dict[str, Any] = json.loads(out.read_text())
    return answer


@cache
def _whole(question: str) -> dict[str, Any]:
    """The answer of a command that nobody kills."""
    with TemporaryDirectory() as folder:
        return _run(question, Path(folder) / "whole.json")


def _killed(question: str, out: Path, points: int) -> None:
    """Kill the command as soon as its journal has so many points."""
    journal = Path(f"{out}.journal")
    process = subprocess.Popen([*COMMAND, *QUESTIONS[question], "--out", str(out)], stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            if journal.exists() and journal.read_bytes().count(b"\n") > points:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(SECONDS)
                return
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    pytest.fail(f"{question} ended by itself before it was killed")


def _points(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Points without what depends on the machine."""
    for point in answer["points"]:
        point["solver"]["seconds"] = {}
    points: list[dict[str, Any]] = answer["points"]
    return points


@pytest.mark.slow
@pytest.mark.parametrize(("question", "moments"), [("frontier", (0, 14)), ("curves", (9,)), ("lengths", (3,))])
def test_a_killed_sweep_goes_on(question: str, moments: tuple[int, ...], tmp_path: Path) -> None:
    whole = _whole(question)
    for moment in moments:
        out = tmp_path / f"{moment}.json"
        _killed(question, out, moment)
        assert not out.exists()
        again = _run(question, out)
        assert again["solver"]["resumed"] >= moment
        assert _points(again) == _points(whole)
        assert again["series"] == whole["series"]
        assert sorted(path.name for path in tmp_path.glob(f"{moment}.*")) == [f"{moment}.json"]


@pytest.mark.slow
def test_a_sweep_that_was_killed_twice_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "twice.json"
    _killed("frontier", out, 3)
    _killed("frontier", out, 12)
    assert _points(_run("frontier", out)) == _points(_whole("frontier"))
