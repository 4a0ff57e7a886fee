"""A batch that is killed (kill -9, again and again, at any moment) goes on, loses nothing, and does nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gpuplan

PROGRAM = """
import gpuplan, sys
print(gpuplan.batch(sys.argv[1], sys.argv[2], processes=int(sys.argv[3])).model_dump_json())
"""
GRID = """
grid:
  model: [qwen2.5-0.5b]
  method: [lora]
  gpu: [H100-SXM]
  data: [1MB, 2MB, 3MB, 4MB, 5MB, 6MB, 7MB, 8MB, 9MB, 10MB, 11MB, 12MB]
  deadline: [1m, 1h, 2h, 3h]
jobs:
- {model: no-such-model}
"""
ROWS = 49
KILLS, MOST_ROWS_BETWEEN = 5, 3
SECONDS = 120.0


def entries(journal: Path) -> list[str]:
    """Keys of the whole entries, in their order."""
    content = journal.read_bytes() if journal.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    return [json.loads(line)["key"] for line in whole.splitlines()[1:]]


def run(jobs: Path, out: Path, processes: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(jobs), str(out), str(processes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill(jobs: Path, out: Path, processes: int, more: int, wait: float) -> None:
    """Kill a run when its journal has so many more entries, and a moment later."""
    journal = Path(f"{out}.journal")
    before = len(entries(journal))
    process = run(jobs, out, processes)
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end and len(entries(journal)) < before + more:
        time.sleep(0.005)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended by itself before it was killed"


def rows(out: Path) -> list[dict[str, Any]]:
    """Rows without what depends on the machine."""
    found: list[dict[str, Any]] = [json.loads(line) for line in out.read_text().splitlines()]
    for row in found:
        if row["answer"] is not None:
            row["answer"]["solver"]["seconds"] = {}
    return found


def test_a_batch_that_is_killed_again_and_again_goes_on(tmp_path: Path) -> None:
    jobs, out, whole = tmp_path / "jobs.yaml", tmp_path / "plans.jsonl", tmp_path / "whole.jsonl"
    jobs.write_text(GRID)
    gpuplan.batch(jobs, whole)
    seed = int(os.environ.get("GPUPLAN_KILLED_SEED", random.randrange(10**6)))
    draw = random.Random(seed)
    known: list[str] = []
    for turn in range(KILLS):
        kill(jobs, out, 2 if turn == 1 else 1, draw.randrange(MOST_ROWS_BETWEEN), draw.random() * 0.02)
        assert not out.exists()
        now = entries(Path(f"{out}.journal"))
        assert now[: len(known)] == known, f"seed {seed}: an entry is lost"
        assert len(set(now)) == len(now), f"seed {seed}: a row was answered twice"
        known = now
    said, problem = run(jobs, out, 1).communicate(timeout=SECONDS)
    assert not problem
    solver = json.loads(said)["solver"]
    assert (solver["resumed"], solver["asked"]) == (len(known), ROWS - len(known)), f"seed {seed}"
    assert rows(out) == rows(whole), f"seed {seed}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jobs.yaml", "plans.jsonl", "whole.jsonl"]
