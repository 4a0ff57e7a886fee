"""`gpuplan fleet`: many jobs on one stock, one budget and one calendar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click

from gpuplan.cli.completion import values_of
from gpuplan.cli.failures import INFEASIBLE, INTERRUPTED, UNDECIDED
from gpuplan.cli.options import JobCommand, output_options

if TYPE_CHECKING:
    from gpuplan.cli.output import Destination
    from gpuplan.scheduling.result import FleetResult

FLAGS: Final = "Instead of what the file says"
EXIT_CODES: Final = {"optimal": 0, "feasible": 0, "infeasible": INFEASIBLE, "unknown": UNDECIDED}
#: Fields of the file that a flag can stand in place of: name, flag, placeholder, help.
_WORDS: Final = (
    ("minimize", "--minimize", "A,B", "cost, tardiness, makespan or value, the most important first [cost]"),
    ("budget", "--budget", "USD", "what all bills together may come to, such as $50,000"),
    ("confidence", "--confidence", "P", "chance with which every end and the budget hold, or 'point' [90%]"),
    ("time_limit", "--time-limit", "T", "time for the search, such as 60s"),
    ("workers", "--workers", "N", "threads of the search [a core each]"),
    ("seed", "--seed", "N", "seed of the search"),
)

#: Not a docstring: the mark before a paragraph that click must not wrap is a control character.
HELP = """Plan many jobs on one stock, one budget and one calendar, with a bound on how far from the best the schedule can be.

\b
gpuplan fleet fleet.yaml
gpuplan fleet fleet.yaml --minimize tardiness,cost --plot schedule.html --plot schedule.png
gpuplan fleet fleet.yaml --format csv --out schedule.csv

The file names the jobs, with their releases, deadlines and order, the stock and the quotas over time, and what may be rented.
"""


class FleetCommand(JobCommand):
    """A command whose help begins with the file and what stands in place of its words."""

    headings: ClassVar = {"path": "What is planned"} | dict.fromkeys(
        ("worth", *(name for name, _, _, _ in _WORDS)), FLAGS
    )


def _words(function: Any) -> Any:
    """Add the flags of `_WORDS`, in their order."""
    function = click.option(
        "--worth/--no-worth", "worth", default=None, help="whether to ask what each shared limit costs [--worth]"
    )(function)
    for name, flag, metavar, text in reversed(_WORDS):
        complete = values_of("fleet_minimize" if name == "minimize" else name)
        function = click.option(flag, name, metavar=metavar, help=text, shell_complete=complete)(function)
    return function


@click.command(cls=FleetCommand, help=HELP, short_help="many jobs on one stock, one budget and one calendar")
@click.argument("path", metavar="FLEET.yaml", shell_complete=values_of("fleet"))
@_words
@output_options("text", "json", "csv")
@click.option(
    "--plot",
    "plots",
    metavar="FILE",
    multiple=True,
    help="draw the schedule too: .png, .svg, or .html with hover and zoom; repeatable",
    shell_complete=values_of("plot"),
)
def fleet(path: str, **words: Any) -> int:
    """Plan many jobs together."""
    files = _files(path, words)
    return _write(_run(path, {name: value for name, value in words.items() if value is not None}), files)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the answer goes, checked before the work begins."""

    answer: Destination
    plots: tuple[Path, ...]


def _files(path: str, words: dict[str, Any]) -> _Files:
    """Take the flags of the files out of `words`."""
    from gpuplan.cli.output import Destination, check_pictures, refuse_overwrite

    output_format, out, plots = (words.pop(name) for name in ("output_format", "out", "plots"))
    answer = Destination(output_format, out)
    if out is not None:
        refuse_overwrite(Path(path), Path(out))
    return _Files(answer, check_pictures(plots, out, [path]))


def _run(path: str, overrides: dict[str, Any]) -> FleetResult:
    """Read the file and call the verb of the Python API; ortools is loaded here and not before the file is known to be right."""
    from gpuplan.cli.output import counting
    from gpuplan.scheduling.file import load_fleet

    known = load_fleet(path, overrides=overrides)
    from gpuplan.fleet import fleet as run_fleet

    with counting("jobs") as progress:
        return run_fleet(known, progress=progress)


def _write(result: FleetResult, files: _Files) -> int:
    """Draw the pictures, write the answer, and return the exit code."""
    try:  # a picture that cannot be drawn must not cost the answer
        for path in files.plots:
            from gpuplan.report.fleet_plots import draw

            draw(result, path)
    finally:
        files.answer.write(result)
    return INTERRUPTED if result.solver.stopped == "interrupted" else EXIT_CODES[result.status]
