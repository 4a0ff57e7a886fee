"""Batches in processes of their own, and what they take of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PROGRAM = """
import gpuplan, sys
print(gpuplan.batch(sys.argv[1], sys.argv[2], processes=int(sys.argv[3])).model_dump_json())
"""
EVERY_SECONDS = 0.1


def begin(jobs: Path, out: Path, processes: int) -> subprocess.Popen[str]:
    """A batch in a session of its own, so that all of its processes are known by one number."""
    command = [sys.executable, "-c", PROGRAM, str(jobs), str(out), str(processes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def measured(jobs: Path, out: Path, processes: int) -> tuple[float, dict[str, Any], dict[int, float]]:
    """Seconds of a whole run, its answer, and the most memory in bytes that each process held (RSS)."""
    start = time.perf_counter()
    process = begin(jobs, out, processes)
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for pid in members(process.pid):
            peaks[pid] = max(peaks.get(pid, 0.0), peak_bytes(pid))
        time.sleep(EVERY_SECONDS)
    seconds = time.perf_counter() - start
    said, problem = process.communicate()
    if process.returncode:
        raise RuntimeError(problem)
    return seconds, json.loads(said), peaks


def members(session: int) -> list[int]:
    """Processes of a session (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(path.name))
    return found


def peak_bytes(pid: int) -> float:
    """Most memory that a process has held, 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    return 0.0


def rows_of(out: Path) -> list[dict[str, Any]]:
    """Rows of a file without what depends on the machine."""
    found = []
    with out.open() as file:
        for line in file:
            row = json.loads(line)
            if row["answer"] is not None:
                for one in (row["answer"], *row["answer"]["choices"]):
                    one["solver"]["seconds"] = {}
            found.append(row)
    return found


def write_jobs(path: Path, jobs: list[dict[str, Any]]) -> Path:
    """Jobs as JSON lines."""
    path.write_text("".join(f"{json.dumps(job)}\n" for job in jobs), encoding="utf-8")
    return path


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
