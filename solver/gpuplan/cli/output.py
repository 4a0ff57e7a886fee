"""Where answers go: the terminal, a pipe, or a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from gpuplan.errors import InputError

if TYPE_CHECKING:
    from gpuplan.result import Answer

PLAIN_WIDTH = 100
"""Columns of text that does not go to a terminal."""
UNLIMITED_WIDTH = 10_000
"""Columns of a list that does not go to a terminal: a row stays on one line, for grep and awk."""
PROGRESS_AFTER_SECONDS = 1.0


class _Terminal(Console):
    """A console that leaves a reader that has gone to the caller; rich would end the program with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@dataclass(frozen=True, slots=True)
class Destination:
    """Form and place of an answer, checked before the work begins.

    Attributes
    ----------
    output_format
        "text", "json", or for lists "csv".
    out
        Path of a file, None for standard output.
    plain_width
        Columns of text that does not go to a terminal.
    """

    output_format: str
    out: str | None
    plain_width: int = PLAIN_WIDTH

    def __post_init__(self) -> None:
        if self.out is not None:
            check_file("out", self.out)

    def write(self, answer: Answer) -> None:
        """Write the answer."""
        if self.out is not None or self.output_format != "text":
            self.write_text(self._as_text(answer))
        else:
            _render(answer, _Terminal() if sys.stdout.isatty() else _Terminal(width=self.plain_width))

    def write_text(self, text: str) -> None:
        """Write text that is in its form already, with its final line break."""
        if self.out is None:
            click.echo(text, nl=False)
        else:
            write_whole(Path(self.out), text)

    def _as_text(self, answer: Answer) -> str:
        """Return the answer as plain text, JSON or CSV, with a final line break."""
        if self.output_format == "json":
            return answer.model_dump_json(indent=2) + "\n"
        if self.output_format == "csv":
            return _csv(answer)
        buffer = io.StringIO()
        _render(answer, Console(file=buffer, width=self.plain_width))
        return buffer.getvalue()


def _csv(answer: Answer) -> str:
    """The rows of a list; no other command offers the format."""
    from gpuplan.listing.base import Listing

    if not isinstance(answer, Listing):
        raise TypeError(f"{type(answer).__name__} has no rows")
    return answer.as_csv()


def _render(answer: Answer, console: Console) -> None:
    """Write the answer for people."""
    from gpuplan.result import Result

    if isinstance(answer, Result):
        from gpuplan.report import text

        text.render(answer, console)
    else:
        from gpuplan.report import catalogue

        catalogue.render(answer, console)


def check_file(field: str, path: str) -> None:
    """Raise `InputError` where no file can be written to a path, as far as that can be seen before the work begins."""
    folder = os.path.dirname(path) or "."  # noqa: PTH120  os.path does not raise for a name that is too long
    if not path or os.path.isdir(path):  # noqa: PTH112
        raise InputError(field, path, f"{path!r} is a folder; give the path of a file")
    if not os.path.isdir(folder):  # noqa: PTH112
        raise InputError(field, path, f"{path!r} is in a folder that does not exist; make it, or give another path")
    if not os.access(folder, os.W_OK):
        raise InputError(field, path, f"{path!r} is in a folder that cannot be written to; give another path")


def refuse_overwrite(source: Path, out: Path, field: str = "out") -> None:
    """Raise `InputError` where the answer would take the place of what was asked about."""
    if os.path.exists(out) and os.path.exists(source) and out.samefile(source):  # noqa: PTH110  likewise
        raise InputError(field, out, f"{str(out)!r} is the file that is read; give another path")


def write_whole(path: Path, text: str, field: str = "out") -> None:
    """Write a file so that whoever reads it sees the old content or the new one, never half of it.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    target = path.resolve()  # a link keeps pointing to the file
    try:
        if target.exists() and not target.is_file():  # a device or a pipe must not be replaced by a file
            target.write_text(text, encoding="utf-8")
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).chmod(_mode(target))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(field, path, f"cannot write {str(path)!r}: {error.strerror}; give another path") from None


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file gets (a temporary file is private)."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Show on a terminal that the program is at work, once that has taken a second; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield
        return
    status = Console(stderr=True).status("searching ...")
    timer = threading.Timer(PROGRESS_AFTER_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
