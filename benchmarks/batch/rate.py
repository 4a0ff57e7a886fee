"""How fast a batch is against single solves, what it holds in memory, and whether both say the same."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gpuplan
from benchmarks.batch.jobs import sample, the_jobs
from benchmarks.batch.runs import cores, measured, rows_of, write_jobs
from gpuplan.errors import InputError

COMMAND = (sys.executable, "-c", "from gpuplan.cli import main; main()")
#: Single solves in a loop, single solves that are compared, and processes of a single solve.
LOOPED, COMPARED, PROCESSES = 100, 40, 10


@dataclass(frozen=True)
class Rate:
    """What was measured; seconds are wall time, bytes the most resident memory."""

    jobs: int
    cores: int
    statuses: dict[str, int]
    seconds: dict[str, float]
    parent_bytes: float
    worker_bytes: list[float]
    file_bytes: int
    loop_jobs: int
    loop_seconds: float
    process_jobs: int
    process_seconds: float
    compared: int
    different: list[str]


def rate(count: int) -> Rate:
    """Run the batch with two processes and with one, and some of its jobs by themselves."""
    jobs = the_jobs(count)
    with tempfile.TemporaryDirectory() as folder:
        path, out = write_jobs(Path(folder, "jobs.jsonl"), jobs), Path(folder, "plans.jsonl")
        one, _, _ = measured(path, out, 1)
        say(f"1 process: {count / one:.1f} jobs/s")
        two, _, peaks = measured(path, out, 2)
        say(f"2 processes: {count / two:.1f} jobs/s")
        rows, file_bytes = rows_of(out), out.stat().st_size
    sizes = [peaks[pid] for pid in sorted(peaks)]
    looped = [jobs[place] for place in sample(jobs, LOOPED)]
    loop_seconds = _loop(looped)
    say(f"a loop of solves: {len(looped) / loop_seconds:.1f} jobs/s")
    alone = looped[:: max(1, len(looped) // PROCESSES)][:PROCESSES]
    process_seconds = _processes(alone)
    places = sample(jobs, COMPARED)
    return Rate(
        jobs=count,
        cores=cores(),
        statuses=dict(Counter(row["status"] for row in rows)),
        seconds={"1": one, "2": two},
        parent_bytes=sizes[0],
        worker_bytes=sorted(sizes[1:])[-2:],
        file_bytes=file_bytes,
        loop_jobs=len(looped),
        loop_seconds=loop_seconds,
        process_jobs=len(alone),
        process_seconds=process_seconds,
        compared=len(places),
        different=[text for place in places if (text := _different(jobs[place], rows[place]))],
    )


def _loop(jobs: list[dict[str, Any]]) -> float:
    """Seconds of single solves, one after the other in this process."""
    _solved(jobs[0])  # what is loaded once does not count
    start = time.perf_counter()
    for job in jobs:
        _solved(job)
    return time.perf_counter() - start


def _solved(job: dict[str, Any]) -> dict[str, Any] | str:
    """The answer of `solve` without alternatives, or what is wrong with the job."""
    try:
        return gpuplan.solve({**job, "alternatives": 0}).model_dump()
    except InputError as error:
        return error.message


def _processes(jobs: list[dict[str, Any]]) -> float:
    """Seconds of as many calls of the command."""
    start = time.perf_counter()
    for job in jobs:
        flags = [part for name, value in job.items() for part in (f"--{name}", value)]
        arguments = ["solve", *flags, "--alternatives", "0", "--format", "json"]
        subprocess.run([*COMMAND, *arguments], capture_output=True, check=False)
    return time.perf_counter() - start


def _different(job: dict[str, Any], row: dict[str, Any]) -> str:
    """What a single solve says otherwise, empty where nothing is."""
    alone, answer = _solved(job), row["answer"]
    if isinstance(alone, str) or answer is None:
        return "" if alone == row["reason"] else f"{row['name']}: {alone} instead of {row['reason']}"
    names = [name for name in alone if _compared(alone)[name] != _compared(answer)[name]]
    return f"{row['name']}: {', '.join(names)}" if names else ""


def _compared(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without seconds, and without what is asked of a plan's neighbours by `solve` alone."""
    rules = [{**rule, "binding": False} for rule in answer["rules"]]
    return {**answer, "rules": rules, "worth": [], "solver": {**answer["solver"], "seconds": {}}}


def say(text: str) -> None:
    """Progress on a terminal."""
    print(text, file=sys.stderr, flush=True)
