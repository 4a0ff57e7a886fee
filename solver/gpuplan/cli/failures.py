"""Errors as the user sees them: one line, or JSON where JSON was asked for, on stderr."""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Sequence

import click

from gpuplan.errors import InputError, close_matches

INTERNAL, BAD_INPUT, INFEASIBLE, UNDECIDED, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 4, 130, 141
DEBUG = "GPUPLAN_DEBUG"


def wants_json(words: Sequence[str]) -> bool:
    """Whether the command line asks for JSON, also where it cannot be parsed."""
    line = " ".join(words).lower()
    return "--format json" in line or "--format=json" in line


def report(error: InputError, as_json: bool) -> int:
    """Print bad input on stderr; the exit code is returned."""
    _print(error.message, as_json, field=error.field, value=error.value, suggestions=error.suggestions)
    return BAD_INPUT


def internal_error(error: Exception, as_json: bool) -> None:
    """Print one line about a mistake of the program, with the traceback where it is wanted."""
    if os.environ.get(DEBUG):
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    message = f"internal error: {what}; please report it with the output of the same command under {DEBUG}=1"
    _print(message, as_json, field=None, value=None, suggestions=())


def _print(message: str, as_json: bool, **details: object) -> None:
    """Print an error on stderr, in the form that was asked for."""
    if as_json:
        click.echo(json.dumps({"error": {**details, "message": message}}, ensure_ascii=False), err=True)
    else:
        click.echo(f"error: {message}", err=True)


def from_click(error: click.ClickException) -> InputError:
    """Turn click's complaints about the command line into the form of all others."""
    message = error.format_message().rstrip(".")
    message = message[0].lower() + message[1:]
    called = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "gpuplan"
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error, called)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return InputError(error.param.opts[-1].lstrip("-"), _quoted(message, 1), message)
    if isinstance(error, click.BadOptionUsage):
        return InputError(error.option_name.lstrip("-"), "", f"{message}; see {called} --help")
    return InputError(
        "command", _quoted(message, 0), f"{message.split('. Did')[0]}; see {called} --help", _close_commands(error)
    )


def _no_such_option(error: click.NoSuchOption, called: str) -> InputError:
    """Error for an option that the command does not have."""
    name = error.option_name
    known = [option for parameter in _parameters(error) for option in (*parameter.opts, *parameter.secondary_opts)]
    return InputError(name, name, f"{name} is no option of {called}; see {called} --help", _close_options(name, known))


def _close_options(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Options like the mistyped one, those of the same words in another order first; hyphens make nothing alike."""
    word = name.lstrip("-").lower()
    options = {option.lstrip("-"): option for option in known if option.startswith("--")}
    same = [option for option in options if sorted(option.split("-")) == sorted(word.split("-"))]
    return tuple(options[option] for option in same or close_matches(word, options))


def _close_commands(error: click.ClickException) -> tuple[str, ...]:
    """Commands like the mistyped one."""
    command = error.ctx.command if isinstance(error, click.UsageError) and error.ctx else None
    return (
        close_matches(_quoted(error.format_message(), 0), command.commands) if isinstance(command, click.Group) else ()
    )


def _parameters(error: click.UsageError) -> list[click.Parameter]:
    """Parameters of the command that was called."""
    return error.ctx.command.get_params(error.ctx) if error.ctx else []


def _quoted(message: str, place: int) -> str:
    """Word that click's message quotes in a place, "" where it quotes fewer: it has the value nowhere else."""
    words = re.findall(r"'([^']*)'", message)
    return words[place] if len(words) > place else ""
