"""Files of jobs: YAML, CSV or JSON lines, or jobs in memory; every row becomes a `Row`, whatever is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpuplan.batching.grid import rows_of_content
from gpuplan.batching.lines import csv_rows, json_rows
from gpuplan.batching.rows import Row, row_of
from gpuplan.errors import InputError, shown
from gpuplan.job import JobSpec
from gpuplan.job.yaml_file import read_words

#: A batch of more is several batches: even the words alone would fill the memory.
MOST_ROWS = 1_000_000
YAML, CSV, JSON_LINES = (".yaml", ".yml"), (".csv",), (".jsonl", ".ndjson")
#: What a file of jobs holds, for errors.
HOLDS = "a list of jobs, or 'grid:' (and 'defaults:', 'jobs:'); CSV and JSON lines may be larger"

Jobs = str | os.PathLike[str] | Mapping[str, Any] | Sequence[JobSpec | Mapping[str, Any]]


def read_rows(jobs: Jobs) -> list[Row]:
    """Read all rows.

    Parameters
    ----------
    jobs
        Path of a file; or a sequence of mappings or of `JobSpec`; or a mapping with `defaults`, `grid` and `jobs`, as in YAML.

    Raises
    ------
    InputError
        The file is not there, is none of jobs, or holds none or too many.
    """
    found: list[Row] = []
    for row in _rows(jobs):
        if len(found) == MOST_ROWS:
            message = f"there are more than {MOST_ROWS:,} jobs; split them over several batches"
            raise InputError("jobs", _called(jobs), message)
        found.append(row)
    if not found:
        raise InputError("jobs", _called(jobs), f"there is no job in {_called(jobs)}; give one a row")
    problem = found[0].problem
    if problem is not None and not any(row.words for row in found) and not isinstance(jobs, Sequence | Mapping):
        raise InputError("jobs", _called(jobs), f"no row of {_called(jobs)} can be read: {problem.message}")
    return found


def path_of(jobs: Jobs) -> Path | None:
    """The file, None where jobs are given in memory."""
    return Path(jobs) if isinstance(jobs, str | os.PathLike) else None


def _called(jobs: Jobs) -> str:
    path = path_of(jobs)
    return "the jobs given" if path is None else shown(path)


def _rows(jobs: Jobs) -> Iterable[Row]:
    path = path_of(jobs)
    if path is not None:
        return _of_file(path)
    if isinstance(jobs, Mapping):
        return rows_of_content(jobs)
    if not isinstance(jobs, Iterable):
        message = f"cannot use {shown(repr(jobs))} (of type {type(jobs).__name__}); give a path or a sequence of jobs"
        raise InputError("jobs", jobs, message)
    return _of_sequence(jobs)


def _of_sequence(jobs: Iterable[Any]) -> Iterator[Row]:
    for number, job in enumerate(jobs, start=1):
        yield row_of(number, job.model_dump(exclude_defaults=True) if isinstance(job, JobSpec) else job)


def _of_file(path: Path) -> Iterable[Row]:
    """Rows of a file, by the ending of its name."""
    ending = path.suffix.lower()
    if ending in YAML:
        return rows_of_content(read_words(path, "jobs", HOLDS))
    if ending in CSV:
        return csv_rows(path)
    if ending in JSON_LINES:
        return json_rows(path)
    known = (".yaml", ".csv", ".jsonl")
    message = f"{shown(path)!r} must end in {', '.join(known[:-1])} or {known[-1]}, which says how it is written"
    close = (f"{path.stem}.jsonl",) if ending == ".json" else ()
    raise InputError("jobs", path, message, close)
