"""The commands: words in, an answer and an exit code out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpuplan.cli.completion import values_of
from gpuplan.cli.failures import INFEASIBLE, UNDECIDED
from gpuplan.cli.options import JobCommand, job_options
from gpuplan.errors import InputError

if TYPE_CHECKING:
    from gpuplan.job import Job
    from gpuplan.result import Result

EXIT_CODES = {"optimal": 0, "feasible": 0, "infeasible": INFEASIBLE, "unknown": UNDECIDED}
#: Fields of a job that may name a file.
READ = ("offers", "data", "model", "calibration", "tokenizer")
#: How the name of a page of Markdown may end.
QUOTE_SUFFIXES = (".md", ".markdown", ".txt", "")


@click.command(cls=JobCommand, short_help="the cheapest cluster and layout for a job, with proof")
@job_options
@click.option(
    "--quote",
    metavar="FILE.md",
    help="also write a page for the person who signs, as Markdown",
    shell_complete=values_of("quote"),
)
def solve(quote: str | None, **words: Any) -> int:
    """Find the cheapest cluster and layout for a job, and prove that it is.

    gpuplan solve --model deepseek-r1-distill-qwen-7b --method lora --data 1GB --deadline 24h
    """
    return _answer("solve", words, quote)


@click.command(cls=JobCommand, short_help="whether a job fits and finishes on a given cluster")
@job_options
def check(**words: Any) -> int:
    """Say whether a job fits and finishes on a given cluster, and by what margin.

    gpuplan check --model mixtral-8x7b --method lora --data 1GB --deadline 24h --gpu H100-SXM --gpus 8 --tp 8
    """
    return _answer("check", words)


def _answer(verb: str, words: dict[str, Any], quote: str | None = None) -> int:
    """Read the job, run the verb, write the answer and its quote, and return the exit code."""
    from gpuplan.cli.output import Destination, refuse_overwrite, working

    destination = Destination(words.pop("output_format"), words.pop("out"))
    job_file = words.pop("job_file")
    for source in (job_file, *(words.get(name) for name in READ)):
        if source is not None and destination.out is not None:
            refuse_overwrite(Path(source), Path(destination.out))
    if quote is not None:
        _check_quote(quote, destination.out, job_file, words)
    jobs = _jobs(verb, job_file, words)
    with working():
        result = _run(verb, jobs)
    try:  # a reader of the answer that has gone must not cost the quote, nor a full disk the answer
        if quote is not None:
            _write_quote(quote, result)
    finally:
        destination.write(result)
    return exit_code(result)


def _check_quote(path: str, out: str | None, job_file: str | None, words: Mapping[str, Any]) -> None:
    """Refuse a path for the quote that cannot be written, or that would take the place of the answer or of what is read."""
    from gpuplan.cli.output import check_second_file

    check_second_file("quote", path, out, (job_file, *(words.get(name) for name in READ)))
    if Path(path).suffix.lower() not in QUOTE_SUFFIXES:
        right = f"{path!r}: the page is Markdown; its name must end in .md, .markdown or .txt, or have no ending"
        raise InputError("quote", path, right)


def _write_quote(path: str, result: Result) -> None:
    from gpuplan.files import write_whole
    from gpuplan.report.quote import quote

    write_whole(Path(path), quote(result), "quote")


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
