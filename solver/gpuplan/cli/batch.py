"""`gpuplan batch`: many jobs, each with the answer of `solve`, in a run that can be stopped and goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click

from gpuplan.cli.completion import values_of
from gpuplan.cli.failures import INTERNAL, INTERRUPTED, UNDECIDED
from gpuplan.cli.options import JobCommand
from gpuplan.errors import InputError

if TYPE_CHECKING:
    from gpuplan.batching.result import BatchResult
    from gpuplan.cli.output import Destination

WORK: Final = "How it is worked off"
MOST_PROCESSES: Final = 256

#: Not a docstring: the mark before a paragraph that click must not wrap is a control character.
HELP = """Answer many jobs, each by itself and with proof: a list of them, or a grid of models, methods, data and deadlines.

\b
gpuplan batch jobs.csv --out plans.csv
gpuplan batch grid.yaml --out plans.jsonl --page plans.html
gpuplan batch jobs.jsonl --out plans.jsonl --executor ray --address 10.0.0.5:6379

Every row is kept in PLANS.journal as soon as it is known: a run that was stopped, or killed, goes on when the same command is given
again. A row that cannot be used is a row with an error, and costs the others nothing.
"""


class BatchCommand(JobCommand):
    """A command whose help has a heading for how it works."""

    headings: ClassVar = dict.fromkeys(("processes", "executor", "address", "resume", "restart"), WORK)


@click.command(cls=BatchCommand, help=HELP, short_help="many jobs, each with a proved plan; resumable")
@click.argument("jobs", metavar="JOBS", shell_complete=values_of("jobs"))
@click.option("--processes", metavar="N", help="processes that share the work on this machine [a core each]")
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"], case_sensitive=False),
    default="local",
    help="this machine, or a Ray cluster that is there already [local]",
)
@click.option("--address", metavar="HOST:PORT", help="the Ray cluster, or auto [auto]")
@click.option("--resume", is_flag=True, help="go on where an earlier run was stopped; it does so anyway")
@click.option("--restart", is_flag=True, help="forget what an earlier run left in PLANS.journal")
@click.option(
    "--out",
    metavar="PLANS",
    required=True,
    help="file of the rows: .jsonl has every answer whole, .csv a line each",
    shell_complete=values_of("out"),
)
@click.option(
    "--page",
    "pages",
    metavar="FILE",
    multiple=True,
    help="draw the summary too: .html with tables, .png or .svg; repeatable",
    shell_complete=values_of("page"),
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"], case_sensitive=False),
    default="text",
    help="form of the summary on standard output [text]",
)
def batch(jobs: str, out: str, **words: Any) -> int:
    """Answer many jobs."""
    from gpuplan.workers import WorkerDiedError  # not at the top: the help would wait for multiprocessing

    files = _files(jobs, out, words)
    try:
        result = _run(jobs, out, _work(words))
    except KeyboardInterrupt:
        click.echo(f"interrupted; the same command goes on from there ({out}.journal)", err=True)
        return INTERRUPTED
    except WorkerDiedError as error:
        click.echo(f"error: {error}. The same command goes on from there ({out}.journal)", err=True)
        return INTERNAL
    return _write(result, files)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the summary goes, checked before the work begins."""

    summary: Destination
    pages: tuple[Path, ...]


def _files(jobs: str, out: str, words: dict[str, Any]) -> _Files:
    """Take the flags of the files out of `words`."""
    from gpuplan.cli.output import Destination, check_file, check_pictures

    check_file("out", out)
    pages = check_pictures(words.pop("pages"), out, [jobs], "page")
    return _Files(Destination(words.pop("output_format"), None), pages)


def _work(words: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the verb that say how it works."""
    from gpuplan.units import parse_whole

    if words.pop("resume") and words["restart"]:
        raise InputError("restart", "", "--restart forgets what --resume goes on from; give one of them")
    processes = words.pop("processes")
    if processes is None:
        return {**words, "processes": os.cpu_count() or 1}
    if words["executor"] == "ray":
        right = "is of this machine; the cluster says itself how many CPUs it has; leave it out with --executor ray"
        raise InputError("processes", processes, right)
    return {**words, "processes": parse_whole("processes", processes, 1, MOST_PROCESSES)}


def _run(jobs: str, out: str, work: dict[str, Any]) -> BatchResult:
    """Call the verb of the Python API, which loads ortools."""
    from gpuplan.batch import batch as run_batch
    from gpuplan.cli.output import counting

    with counting("jobs", rate=True) as progress:
        told = None if progress is None else lambda done, total, _: progress(done, total)
        return run_batch(jobs, out, progress=told, **work)


def _write(result: BatchResult, files: _Files) -> int:
    """Draw the pages, write the summary, and return the exit code."""
    try:  # a page that cannot be drawn must not cost the summary
        for path in files.pages:
            from gpuplan.report.batch_plots import draw

            draw(result, path)
    finally:
        files.summary.write(result)
        if result.errors:  # also where the summary goes to another program
            click.echo("; ".join(result.warnings), err=True)
    return 0 if result.status == "decided" else UNDECIDED
