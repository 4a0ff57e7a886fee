"""`gpuplan sweep`: a limit, a size or a price varied, exact frontiers, break-even prices."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import click

from gpuplan.cli.commands import READ
from gpuplan.cli.completion import values_of
from gpuplan.cli.failures import INTERRUPTED, UNDECIDED
from gpuplan.cli.options import JobCommand, job_fields, output_options
from gpuplan.errors import InputError, choose

if TYPE_CHECKING:
    from gpuplan.cli.output import Destination
    from gpuplan.job import JobSpec
    from gpuplan.sweeping.result import SweepResult

F = TypeVar("F", bound=Callable[..., Any])

VARIED = "What is varied"
MOST_PROCESSES = 256
#: The three questions by their flags, and which of the flags below each understands.
QUESTIONS: Final[dict[str, frozenset[str]]] = {
    "over": frozenset({"values", "start", "stop", "points", "series", "maximize", "of", "processes", "restart"}),
    "frontier": frozenset({"start", "stop", "series", "processes", "restart"}),
    "break_even": frozenset(),
}
#: Name, flag, placeholder, help. The order is that of the help.
_FLAGS: Final = (
    (
        "over",
        "--over",
        "AXIS",
        "deadline, budget, max-gpus, max-nodes, data, tokens, epochs, global-batch, sequence-length or price",
    ),
    ("values", "--values", "A,B,C", "values of it, such as 6h,12h,24h"),
    ("start", "--from", "A", "first value, or the least of a frontier's second objective"),
    ("stop", "--to", "B", "last value, or the most of a frontier's second objective"),
    ("points", "--points", "N", "values from A to B, evenly spaced [11]"),
    ("of", "--of", "WHAT", "with --over price: the GPU, provider or offer whose price per GPU-hour it is"),
    ("maximize", "--maximize", "WHAT", "tokens or model: the most data, or the largest model of a family, at each value"),
    ("frontier", "--frontier", "A,B", "every plan that none beats in both: cost,time cost,gpus time,gpus cost,deadline"),
    ("break_even", "--break-even", "WHAT", "the price at which a GPU, provider or offer costs as much as the best without it"),
)  # fmt: skip


#: Not a docstring: the mark before a paragraph that click must not wrap is a control character.
HELP = """Answer a question many times over, each time with proof: one value varied, an exact frontier, or a break-even price.

\b
gpuplan sweep --model llama-3.1-70b --method lora --data 1GB --frontier cost,time --plot frontier.html
gpuplan sweep --model llama-3.1-8b --data 1GB --over deadline --from 2h --to 48h --series method=lora --series method=full
gpuplan sweep --model llama-3.1-70b --method lora --data 1GB --deadline 24h --break-even H200

With --out FILE, points are kept in FILE.journal until all are known: a run that was stopped goes on when the same command is given
again.
"""


class SweepCommand(JobCommand):
    """A command whose help begins with what is varied."""

    headings: ClassVar = {
        **JobCommand.headings,
        **dict.fromkeys(("series", *(name for name, _, _, _ in _FLAGS)), VARIED),
    }


def _varied(function: F) -> F:
    """Add the flags that say what is varied."""
    series = "a curve of its own with other words for the job, such as 'method=lora; seq-len=8192'; repeatable"
    function = click.option("--series", "series", metavar="'FIELD=VALUE; ...'", multiple=True, help=series)(function)
    for name, flag, metavar, text in reversed(_FLAGS):
        function = click.option(flag, name, metavar=metavar, help=text, shell_complete=values_of(name))(function)
    return function


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a sweep writes, checked before the work begins; `journal` is None where the answer goes to no file."""

    answer: Destination
    plots: tuple[Path, ...]
    journal: Path | None


@click.command(cls=SweepCommand, help=HELP, short_help="curves of proved answers: sweeps, frontiers, break-even prices")
@_varied
@job_fields
@output_options("text", "json", "csv")
@click.option(
    "--plot",
    "plots",
    metavar="FILE",
    multiple=True,
    help="draw it too: .png, .svg, or .html with hover and zoom; repeatable",
    shell_complete=values_of("plot"),
)
@click.option(
    "--processes", metavar="N", help="processes that share the work, where there is enough of it [a core each]"
)
@click.option(
    "--restart", is_flag=True, default=None, help="forget what an earlier run left in FILE.journal of --out FILE"
)
def sweep(**words: Any) -> int:
    """Answer a question many times over."""
    job_file = words.pop("job_file")
    files = _files(words, job_file)
    question, asked = _question(words)
    given = {name: value for name, value in words.items() if value is not None and value != ()}
    try:
        result = _run(question, _spec(job_file, given), asked, files.journal)
    except KeyboardInterrupt:
        if files.journal is None:
            raise
        click.echo(f"interrupted; the same command goes on from there ({files.journal})", err=True)
        return INTERRUPTED
    return _write(result, files)


def _files(words: dict[str, Any], job_file: str | None) -> _Files:
    """Take the flags of the files out of `words`."""
    from gpuplan.cli.output import Destination, check_pictures, refuse_overwrite

    output_format, out, plots = (words.pop(name) for name in ("output_format", "out", "plots"))
    answer = Destination(output_format, out)
    sources = [word for word in (job_file, *(words.get(name) for name in READ)) if word is not None]
    for source in sources if out is not None else ():
        refuse_overwrite(Path(source), Path(out))
    return _Files(answer, check_pictures(plots, out, sources), _journal(out))


def _journal(out: str | None) -> Path | None:
    """Where points are kept until the answer is written: beside its file; a pipe or a device has no such place."""
    if out is None or (Path(out).exists() and not Path(out).is_file()):
        return None
    return Path(f"{out}.journal")


def _question(words: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take the flags of the question out of `words`: which it is, and the arguments of its verb."""
    from gpuplan.sweeping.axes import MOST_POINTS
    from gpuplan.units import parse_whole

    names = [name for name, _, _, _ in _FLAGS] + ["series", "processes", "restart"]
    given = {name: value for name in names if (value := words.pop(name)) not in (None, ())}
    asked = [name for name in QUESTIONS if name in given]
    if len(asked) != 1:
        right = "say what to vary: --over AXIS, --frontier A,B or --break-even WHAT, one of the three"
        raise InputError(asked[-1] if asked else "over", given[asked[-1]] if asked else "", right)
    question = asked[0]
    _refuse_others(question, given)
    for name, least, most in (("points", 2, MOST_POINTS), ("processes", 1, MOST_PROCESSES)):
        if name in given:
            given[name] = parse_whole(name, given[name], least, most)
    if "maximize" in given:
        given["maximize"] = choose("maximize", given["maximize"], ("tokens", "model"))
    for name in ("values", "frontier"):
        if name in given:
            given[name] = [part.strip() for part in given[name].split(",") if part.strip()]
    return question, given


def _refuse_others(question: str, given: dict[str, Any]) -> None:
    """Refuse a flag that the question does not understand, rather than leave it without effect."""
    flags = {name: flag for name, flag, _, _ in _FLAGS}
    for name in given:
        if name != question and name not in QUESTIONS[question]:
            goes_with = " or ".join(flags[other] for other, known in QUESTIONS.items() if name in known)
            field = flags.get(name, name).lstrip("-").replace("-", "_")
            raise InputError(field, given[name], f"goes with {goes_with}, not with {flags[question]}; leave it out")


def _spec(job_file: str | None, given: dict[str, Any]) -> JobSpec:
    from gpuplan.job import load_spec, make_spec

    return make_spec(given) if job_file is None else load_spec(job_file, given)


def _run(question: str, spec: JobSpec, asked: dict[str, Any], journal: Path | None) -> SweepResult:
    """Call the verb of the Python API; ortools is loaded here and not before flags and files are known to be right."""
    from gpuplan.cli.output import counting, working

    if question == "break_even":
        from gpuplan.sweep import break_even

        with working():
            return break_even(spec, asked["break_even"])
    if asked.get("restart") and journal is None:
        right = "there is nothing to forget: points are kept in a journal only with --out FILE; leave it out"
        raise InputError("restart", "", right)
    asked["journal"] = journal
    asked.setdefault("processes", os.cpu_count() or 1)
    with counting("points") as progress:
        if question == "frontier":
            from gpuplan.sweep import frontier

            return frontier(spec, asked.pop("frontier"), progress=progress, **asked)
        from gpuplan.sweep import sweep as run_sweep

        return run_sweep(spec, progress=progress, **asked)


def _write(result: SweepResult, files: _Files) -> int:
    """Draw the pictures, write the answer, forget the journal; and return the exit code."""
    try:  # a picture that cannot be drawn must not cost the answer
        for path in files.plots:
            from gpuplan.report.sweep_plots import draw

            draw(result, path)
    finally:
        files.answer.write(result)
        if files.journal is not None:
            files.journal.unlink(missing_ok=True)
    if result.solver.stopped == "interrupted":  # there is no journal: what is known by then is the answer
        return INTERRUPTED
    return 0 if result.status == "decided" else UNDECIDED
