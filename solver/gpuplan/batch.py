"""The verb `batch`: many jobs, each with the answer of `solve`; work that they share is done once, and a stopped run goes on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from gpuplan.batching.answers import Answers
from gpuplan.batching.question import question_of
from gpuplan.batching.read import Jobs, path_of, read_rows
from gpuplan.batching.result import BatchResult, BatchRow, BatchSolver
from gpuplan.batching.rows import Row
from gpuplan.batching.summary import Summary, summary_of
from gpuplan.batching.work import EXECUTORS, Executor, answered
from gpuplan.batching.write import check_target, written
from gpuplan.errors import InputError, choose
from gpuplan.units import parse_whole
from gpuplan_hardware import Offer

MOST_PROCESSES = 1_024
#: Gets the rows that are known, all rows, and how many of the known ones an earlier run has answered.
Progress = Callable[[int, int, int], None]


def batch(
    jobs: Jobs,
    out: str | os.PathLike[str] | None = None,
    *,
    offers: Sequence[Offer] | None = None,
    restart: bool = False,
    processes: int = 1,
    executor: Executor = "local",
    address: str | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Answer many jobs, each by itself.

    Parameters
    ----------
    jobs
        Path of a file of jobs (.yaml, .csv, .jsonl); or a sequence of mappings or of `JobSpec`, or a mapping with `defaults`, `grid`
        and `jobs` as in YAML.
    out
        File of the rows: .jsonl has every answer whole, .csv a line each. Rows are kept in OUT.journal as soon as they are known, and
        a call with the same question goes on where an earlier one was stopped. None: only the summary is wanted, of jobs in memory.
    offers
        Offers to choose from instead of those that the jobs name.
    restart
        Forget what an earlier run has left.
    processes
        Processes that share the work on this machine.
    executor
        "local", or "ray": on the Ray cluster at `address`.
    address
        Of the Ray cluster; None: the one that Ray finds by itself.
    progress
        Called with the number of rows that are known, of all rows, and of those that an earlier run had answered.

    Returns
    -------
    BatchResult
        Totals; a row that cannot be used is a row with `status` "error".

    Raises
    ------
    InputError
        The file is none of jobs, or `out` cannot be written; nothing that is wrong with a single row.
    KeyboardInterrupt
        The user interrupted it; with `out`, the journal keeps what is known. Without, the summary of what is known is returned.
    """
    start = time.perf_counter()
    _check_work(processes, executor, address)
    source = path_of(jobs)
    if out is None and source is not None:
        raise InputError("out", "", "is missing; give the file of the rows, such as plans.jsonl or plans.csv")
    target = None if out is None else check_target(out, source)
    rows = read_rows(jobs)
    given = None if offers is None else tuple(offers)
    run = _Run(rows, given, processes, executor, address, progress)
    journal = None if target is None else Path(f"{target}.journal")
    with Answers(journal, question_of(rows, given), restart) as answers:
        stopped = run.into(answers, durable=target is not None)
        texts = answers.texts(rows)
        found = (BatchRow.model_validate_json(text) for text in texts) if target is None else written(target, texts)
        summary = summary_of(found)
        answers.forget()
        resumed = len(answers.resumed)
    return _result(run, summary, target, resumed, time.perf_counter() - start, stopped)


def batch_rows(
    jobs: Jobs,
    *,
    offers: Sequence[Offer] | None = None,
    processes: int = 1,
    executor: Executor = "local",
    address: str | None = None,
) -> Iterator[BatchRow]:
    """Answer many jobs, each by itself, and give every row as soon as it is known; `row` tells its place among the jobs.

    Parameters and errors are those of `batch`; rows that share their work follow each other, whatever their order is.
    """
    _check_work(processes, executor, address)
    rows = read_rows(jobs)
    found = answered(rows, None if offers is None else tuple(offers), processes, executor, address)
    return (BatchRow.model_validate_json(one.text) for one in found)


def _check_work(processes: int, executor: str, address: str | None) -> None:
    """Raise `InputError` where rows cannot be worked off so."""
    parse_whole("processes", processes, 1, MOST_PROCESSES)
    choose("executor", executor, EXECUTORS)
    if address is not None and executor != "ray":
        raise InputError("address", address, "goes with executor ray; leave it out")


@dataclass(frozen=True)
class _Run:
    """The rows of a batch, and how they are worked off."""

    rows: Sequence[Row]
    given: tuple[Offer, ...] | None
    processes: int
    executor: Executor
    address: str | None
    progress: Progress | None

    def into(self, answers: Answers, durable: bool) -> Literal["interrupted"] | None:
        """Answer the rows that are not known yet."""
        left = [row for row in self.rows if row.key not in answers]
        done, resumed = len(self.rows) - len(left), len(self.rows) - len(left)
        self._tell(done, resumed)
        try:
            for found in answered(left, self.given, self.processes, self.executor, self.address):
                if found.key in answers:  # a cluster may do a task again
                    continue
                answers.add(found)
                done += 1
                self._tell(done, resumed)
        except KeyboardInterrupt:
            if durable:
                raise
            return "interrupted"
        return None

    def _tell(self, done: int, resumed: int) -> None:
        if self.progress is not None:
            self.progress(done, len(self.rows), resumed)


def _result(
    run: _Run,
    summary: Summary,
    target: Path | None,
    resumed: int,
    seconds: float,
    stopped: Literal["interrupted"] | None,
) -> BatchResult:
    """Write the totals out."""
    counts, jobs = summary.counts, len(run.rows)
    known = sum(counts.values())
    undecided = counts.get("feasible", 0) + counts.get("unknown", 0) + jobs - known
    asked = known - resumed
    solver = BatchSolver(
        asked=asked,
        resumed=resumed,
        seconds=seconds,
        rows_per_second=asked / seconds if asked else None,
        executor=run.executor,
        processes=run.processes,
        stopped=stopped,
        versions={name: version(name) for name in ("gpuplan", "ortools", "numpy")}
        | {"python": platform.python_version()},
    )
    return BatchResult(
        status="undecided" if undecided else "decided",
        jobs=jobs,
        planned=summary.planned,
        infeasible=counts.get("infeasible", 0),
        undecided=undecided,
        errors=counts.get("error", 0),
        **summary.totals,
        **summary.groups(),
        **summary.extremes(),
        unplanned=summary.unplanned(),
        warnings=_warnings(counts, jobs),
        out=None if target is None else str(target),
        solver=solver,
    )


def _warnings(counts: dict[str, int], jobs: int) -> list[str]:
    errors = counts.get("error", 0)
    verb = "has an error" if errors == 1 else "have errors"
    return [f"{errors:,} of {jobs:,} rows {verb}"] if errors else []
