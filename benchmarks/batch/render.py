"""What was measured, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown(found: Mapping[str, Any]) -> str:
    """The page of what is there: a rate, a soak, or both."""
    parts = [
        "# Batches",
        "",
        "Written by `python -m benchmarks.batch` and `python -m benchmarks.batch --soak 200`.",
        "",
    ]
    if "rate" in found:
        parts += _rate(found["rate"])
    if "soak" in found:
        parts += _soak(found["soak"])
    return "\n".join(parts)


def _rate(rate: Mapping[str, Any]) -> list[str]:
    jobs, seconds = rate["jobs"], rate["seconds"]
    loop, process = rate["loop_seconds"] / rate["loop_jobs"], rate["process_seconds"] / rate["process_jobs"]
    best = seconds["2"] / jobs
    statuses = ", ".join(f"{count:,} {status}" for status, count in sorted(rate["statuses"].items()))
    return [
        f"## {jobs:,} jobs",
        "",
        "All models of the catalogue that can be trained x LoRA, QLoRA, full x 1 MB, 100 MB, 1 GB, 10 GB x 4, 12, 24, 72 hours, a "
        f"seeded selection of {jobs:,}, over all built-in offers, on {rate['cores']} cores. {statuses}. Whole process, start and "
        "writing included. Single solves are without alternatives; they still say what the limits are worth, which a row does not.",
        "",
        "| | seconds a job | jobs/s | the batch with 2 processes is so many times as fast |",
        "|---|---:|---:|---:|",
        f"| `batch`, 2 processes | {best:.3f} | **{1 / best:.1f}** | |",
        f"| `batch`, 1 process | {seconds['1'] / jobs:.3f} | {jobs / seconds['1']:.1f} | {seconds['1'] / jobs / best:.1f} |",
        f"| `gpuplan.solve` in a loop, one process ({rate['loop_jobs']} of the jobs) | {loop:.3f} | {1 / loop:.1f} "
        f"| {loop / best:.1f} |",
        f"| `gpuplan solve`, a process for each ({rate['process_jobs']} of the jobs) | {process:.3f} | {1 / process:.1f} "
        f"| {process / best:.1f} |",
        "",
        f"Memory (most resident): {_megabytes(rate['parent_bytes'])} of the process that hands out and writes, "
        f"{' and '.join(_megabytes(each) for each in rate['worker_bytes'])} of those that solve; the file of the rows has "
        f"{_megabytes(rate['file_bytes'])}, and is never held in memory.",
        "",
        f"Equality: {rate['compared'] - len(rate['different'])} of {rate['compared']} rows, chosen at random, are the answer of "
        "`gpuplan.solve` in every field but the seconds and what a plan's neighbours say (`worth`, and of rules `binding`).",
        "",
        *(f"- {text}" for text in rate["different"]),
    ]


def _soak(soak: Mapping[str, Any]) -> list[str]:
    moments = sorted(soak["moments"].items(), key=lambda pair: -pair[1])
    return [
        f"## Killed {soak['kills']} times",
        "",
        f"A batch of {soak['rows']} rows (plans, proofs that there is none, errors) with one or two processes, killed (`kill -9`) at "
        "a random moment: within three seconds of its start, within a tenth of a second after a random number of rows, or when all "
        f"rows are known; begun again, killed again, until a run ends by itself; {soak['batches']} batches. After each kill: no "
        "process is left; every entry of the journal is still there, or the whole file is; no row has two. At the end: as many rows "
        "were asked as were not kept, and the file is that of a run that nobody killed, but for the seconds.",
        "",
        f"**{len(soak['failures'])} failures in {soak['kills']} kills.** {soak['torn']} of them tore the last line of the journal.",
        "",
        "| killed | times |",
        "|---|---:|",
        *(f"| {name} | {count} |" for name, count in moments),
        "",
        *(f"- {text}" for text in soak["failures"]),
    ]


def _megabytes(amount: float) -> str:
    return f"{amount / 1e6:,.0f} MB"
