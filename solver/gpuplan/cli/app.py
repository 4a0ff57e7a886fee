"""The `gpuplan` command and what happens to errors on their way out.

Exit codes: 0 a plan (sweep, batch: every point or row was decided), 2 bad input, 3 proven infeasible, 4 no answer within the time
limit, 1 an internal error, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from gpuplan import __version__
from gpuplan.cli.batch import batch
from gpuplan.cli.calibrate import calibrate
from gpuplan.cli.catalogue import frameworks, hardware, methods, models
from gpuplan.cli.commands import check, solve
from gpuplan.cli.completion import completion
from gpuplan.cli.failures import (
    BAD_INPUT,
    BROKEN_PIPE,
    INTERNAL,
    INTERRUPTED,
    from_click,
    internal_error,
    report,
    wants_json,
)
from gpuplan.cli.fleet import fleet
from gpuplan.cli.offers import offers
from gpuplan.cli.predict import predict
from gpuplan.cli.sweep import sweep
from gpuplan.errors import InputError, input_error


class Application(click.Group):
    """A group of commands whose errors end in one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a user needs them, not in that of the alphabet."""
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and turn whatever goes wrong into the exit code that the documentation promises."""
        words = list(sys.argv[1:] if args is None else args)
        run = partial(super().main, words, prog_name or "gpuplan", complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        sys.exit(_exit_code(run, wants_json(words)))


def _exit_code(run: Callable[[], Any], as_json: bool) -> int:
    """Run a command, report what goes wrong, and return the exit code."""
    try:
        code = run()
    except InputError as error:
        return report(error, as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return BAD_INPUT
    except click.ClickException as error:
        return report(from_click(error), as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return _silence_stdout()
    except Exception as error:  # noqa: BLE001  the outermost place: a traceback is no answer to a user
        known = _of_a_catalogue(error)
        if known is not None:
            return report(known, as_json)
        internal_error(error, as_json)
        return INTERNAL
    return code if isinstance(code, int) else 0


def _of_a_catalogue(error: Exception) -> InputError | None:
    """A mistake in a file of the catalogues themselves, added or edited by the user; None for any other error."""
    from gpuplan_hardware import CatalogueError  # not at the top: the help would wait for the catalogues
    from gpuplan_models import ModelError

    return input_error(error) if isinstance(error, (CatalogueError, ModelError)) else None


def _silence_stdout() -> int:
    """Stop the interpreter from complaining, as it exits, about a reader that has gone (`gpuplan solve ... | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


@click.group(
    "gpuplan", cls=Application, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="gpuplan", message="%(prog)s %(version)s")
def cli() -> None:
    """Find the cheapest GPU cluster, and the layout on it, that fine-tunes a model before a deadline.

    gpuplan solve --model deepseek-r1-distill-qwen-7b --method lora --data 1GB --deadline 24h
    """


for _command in (
    solve,
    check,
    sweep,
    batch,
    fleet,
    predict,
    calibrate,
    models,
    hardware,
    offers,
    frameworks,
    methods,
    completion,
):
    cli.add_command(_command)


def main() -> None:
    """Entry point of the `gpuplan` command."""
    cli.main()
