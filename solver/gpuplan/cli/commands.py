"""The commands: words in, an answer and an exit code out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from gpuplan.cli.failures import INFEASIBLE, UNDECIDED
from gpuplan.cli.options import JobCommand, job_options

if TYPE_CHECKING:
    from gpuplan.job import Job
    from gpuplan.result import Result

EXIT_CODES = {"optimal": 0, "feasible": 0, "infeasible": INFEASIBLE, "unknown": UNDECIDED}


@click.command(cls=JobCommand, short_help="the cheapest cluster and layout for a job, with proof")
@job_options
def solve(**words: Any) -> int:
    """Find the cheapest cluster and layout for a job, and prove that it is.

    gpuplan solve --model deepseek-r1-distill-qwen-7b --method lora --data 1GB --deadline 24h
    """
    return _answer("solve", words)


@click.command(cls=JobCommand, short_help="whether a job fits and finishes on a given cluster")
@job_options
def check(**words: Any) -> int:
    """Say whether a job fits and finishes on a given cluster, and by what margin.

    gpuplan check --model mixtral-8x7b --method lora --data 1GB --deadline 24h --gpu H100-SXM --gpus 8 --tp 8
    """
    return _answer("check", words)


def _answer(verb: str, words: dict[str, Any]) -> int:
    """Read the job, run the verb, write the answer, and return the exit code."""
    from gpuplan.cli.output import Destination, working

    destination = Destination(words.pop("output_format"), words.pop("out"))
    jobs = _jobs(verb, words.pop("job_file"), words)
    with working():
        result = _run(verb, jobs)
    destination.write(result)
    return exit_code(result)


def _jobs(verb: str, job_file: str | None, words: Mapping[str, Any]) -> list[Job]:
    """Put file and flags together; a flag that was not given is None or empty. `solve` takes several methods and precisions."""
    from gpuplan.job import load_spec, make_spec, resolve, resolve_all

    given = {name: value for name, value in words.items() if value is not None and value != ()}
    spec = make_spec(given) if job_file is None else load_spec(job_file, given)
    return resolve_all(spec) if verb == "solve" else [resolve(spec)]


def _run(verb: str, jobs: list[Job]) -> Result:
    """Call the verb of the Python API; ortools is loaded here and not before the job is known to be right."""
    if verb == "check":
        from gpuplan.check import check as run_check

        return run_check(jobs[0])
    from gpuplan.solve import solve as run_solve

    return run_solve(jobs)


def exit_code(result: Result) -> int:
    """0 a plan (check: it fits and finishes), 3 proven infeasible, 4 undecided."""
    return EXIT_CODES[result.status]
