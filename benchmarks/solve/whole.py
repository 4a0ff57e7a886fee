"""The whole process, as a user starts it: ``gpuplan solve``, with interpreter, imports, price list, proof and report."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.solve.catalogue import generated, write_price_list
from benchmarks.solve.problems import Problem
from gpuplan.fields import BY_NAME

SAMPLE = 10
COMMAND = (sys.executable, "-c", "from gpuplan.cli import main; main()", "solve")


@dataclass(frozen=True)
class Process:
    """Median seconds of a process, its peak memory, and how it ended (0: a plan, 3: proved infeasible)."""

    problem: str
    offers: int
    seconds: float
    peak_mb: float
    exit_code: int


def processes(chosen: Sequence[Problem], size: int, repeats: int) -> list[Process]:
    """Run a sample of `chosen`, spread over the list, on a price list of `size` generated offers."""
    asked = [problem for problem in chosen if size in problem.sizes]
    sample = asked[:: max(1, len(asked) // SAMPLE)][:SAMPLE]
    with tempfile.TemporaryDirectory() as folder:
        prices = Path(folder) / "offers.csv"
        write_price_list(generated(size), prices)
        return [_process(problem, size, prices, repeats) for problem in sample]


def _process(problem: Problem, size: int, prices: Path, repeats: int) -> Process:
    arguments = [*COMMAND, *flags(problem), "--offers", str(prices)]
    runs = [_run(arguments) for _ in range(repeats)]
    return Process(
        problem.name,
        size,
        statistics.median(seconds for seconds, _, _ in runs),
        max(peak for _, peak, _ in runs),
        runs[0][2],
    )


def _run(arguments: list[str]) -> tuple[float, float, int]:
    start = time.perf_counter()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return seconds, usage.ru_maxrss * 1024 / 1e6, child.returncode


def flags(problem: Problem) -> list[str]:
    """Return the problem's fields as flags of the command line."""
    found: list[str] = []
    for name, value in problem.words.items():
        field = BY_NAME[name]
        if field.kind == "switch":
            found += [field.flag] if value else []
        else:
            found += [field.flag, ",".join(value) if isinstance(value, list) else str(value)]
    return found
