"""Flags of the commands, made from the list of a job's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import click

from gpuplan.cli.completion import values_of
from gpuplan.fields import FIELDS, JobField

F = TypeVar("F", bound=Callable[..., Any])

OUTPUT = "Output"


class JobCommand(click.Command):
    """A command whose help lists the flags under headings."""

    #: Heading of each flag by its name; the others stand under `OUTPUT`.
    headings: ClassVar[Mapping[str, str]] = {field.name: field.group for field in FIELDS}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the flags group by group, in the order of `gpuplan.fields`."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(self.headings.get(parameter.name or "", OUTPUT), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=28)


def job_options(function: F) -> F:
    """Add a flag for every field of a job, the job file, and where the answer goes."""
    return job_fields(output_options("text", "json")(function))


def job_fields(function: F) -> F:
    """Add a flag for every field of a job, and the job file."""
    function = _job_file(function)
    for field in reversed(FIELDS):
        function = _option(field)(function)
    return function


def _job_file(function: F) -> F:
    return click.option(
        "--job",
        "job_file",
        metavar="FILE.yaml",
        help="job file; flags win over it",
        shell_complete=values_of("job"),
    )(function)


def _option(field: JobField) -> Callable[[F], F]:
    """Make the flag of a field; what is not given stays None, so that a job file can say it."""
    if field.kind == "switch":
        return click.option(f"{field.flag}/--no-{field.flag[2:]}", field.name, default=None, help=field.help)
    return click.option(
        field.flag,
        field.name,
        metavar=field.metavar,
        multiple=field.kind == "many",
        help=field.help,
        shell_complete=values_of(field.name),
    )


def output_options(*formats: str) -> Callable[[F], F]:
    """Add the form of the answer, the first of `formats` unless told otherwise, and where it goes."""

    def decorate(function: F) -> F:
        function = click.option(
            "--out", "out", metavar="FILE", help="write the answer to a file", shell_complete=values_of("out")
        )(function)
        return click.option(
            "--format",
            "output_format",
            type=click.Choice(formats, case_sensitive=False),
            default=formats[0],
            help=f"form of the answer [{formats[0]}]",
        )(function)

    return decorate
