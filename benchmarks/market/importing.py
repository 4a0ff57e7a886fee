"""How long an import takes: the whole process, and its steps in this one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gpuplan_hardware.imports import read, resolve
from gpuplan_hardware.imports.keep import keep
from gpuplan_hardware.imports.merge import merge
from gpuplan_hardware.imports.report import ImportReport
from gpuplan_hardware.imports.store import Store
from gpuplan_hardware.imports.store_files import VARIABLE

COMMAND = (sys.executable, "-c", "from gpuplan.cli import main; main()")
STEPS = ("find and parse", "resolve", "merge", "write")


@dataclass(frozen=True)
class Process:
    """Seconds of a process, its peak memory, and how it ended."""

    seconds: float
    peak_mb: float
    exit_code: int


@dataclass(frozen=True)
class Imported:
    """Medians: `seconds` of the whole process, `steps` of the parts in this process; and what came of the rows.

    A row may have several prices (on demand, spot, commitments), each of which is taken or skipped; `taken` and `skipped` count prices.
    """

    seconds: float
    peak_mb: float
    steps: dict[str, float]
    files: int
    prices: int
    taken: int
    skipped: Counter[str]
    differences: int
    offers: int
    stored_bytes: int

    @property
    def in_process(self) -> float:
        """Seconds of all steps."""
        return sum(self.steps.values())


def import_market(folder: Path, store: Path, repeats: int) -> Imported:
    """Import a folder into empty stores, several times; the last one is kept in `store`."""
    processes = [_process(folder) for _ in range(repeats)]
    if any(process.exit_code for process in processes):
        raise RuntimeError(f"gpuplan offers import ended with {[process.exit_code for process in processes]}")
    runs = [_steps(folder, store / f"{number}") for number in range(repeats)]
    report = runs[-1][1]
    (store / f"{repeats - 1}").rename(store / "kept")
    return Imported(
        seconds=statistics.median(process.seconds for process in processes),
        peak_mb=max(process.peak_mb for process in processes),
        steps={step: statistics.median(laps[step] for laps, _ in runs) for step in STEPS},
        files=len(report.files),
        prices=sum(file.rows for file in report.files),
        taken=sum(file.taken for file in report.files),
        skipped=report.skipped,
        differences=len(report.differences),
        offers=len(report.offers),
        stored_bytes=sum(path.stat().st_size for path in (store / "kept").iterdir()),
    )


def _process(folder: Path) -> Process:
    with tempfile.TemporaryDirectory() as empty:
        return run([*COMMAND, "offers", "import", str(folder)], Path(empty) / "offers")


def run(arguments: list[str], store: Path) -> Process:
    """Run a command over the catalogue in a folder, and wait for its end."""
    environment = {**os.environ, VARIABLE: str(store)}
    start = time.perf_counter()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return Process(seconds, usage.ru_maxrss * 1024 / 1e6, child.returncode)


def _steps(folder: Path, store: Path) -> tuple[dict[str, float], ImportReport]:
    """One import in this process, and the seconds of its steps."""
    within: dict[str, float] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                within[name] = time.perf_counter() - start

        return call

    resolving, merging = timed("resolve", resolve.resolve), timed("merge", merge)
    with patch.object(read, "resolve", resolving), patch.object(resolve, "merge", merging):
        start = time.perf_counter()
        report = read.import_places([str(folder)])
        total = time.perf_counter() - start
    start = time.perf_counter()
    keep(Store(store), report.offers, [])
    laps = {
        "find and parse": total - within["resolve"],
        "resolve": within["resolve"] - within["merge"],
        "merge": within["merge"],
        "write": time.perf_counter() - start,
    }
    return laps, report
