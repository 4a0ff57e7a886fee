"""Where answers go: the terminal, a pipe, or a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click
from rich.console import Console

from gpuplan.errors import InputError
from gpuplan.files import write_whole

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
    """The rows of a list, of a sweep or of a fleet; no other command offers the format."""
    from gpuplan.listing.base import Listing
    from gpuplan.scheduling.result import FleetResult
    from gpuplan.sweeping.result import SweepResult

    if isinstance(answer, SweepResult):
        from gpuplan.sweeping.rows import as_csv

        return as_csv(answer)
    if isinstance(answer, FleetResult):
        from gpuplan.scheduling.rows import as_csv as schedule

        return schedule(answer)
    if not isinstance(answer, Listing):
        raise TypeError(f"{type(answer).__name__} has no rows")
    return answer.as_csv()


def _render(answer: Answer, console: Console) -> None:
    """Write the answer for people."""
    from gpuplan.batching.result import BatchResult
    from gpuplan.result import Result
    from gpuplan.scheduling.result import FleetResult
    from gpuplan.sweeping.result import SweepResult

    if isinstance(answer, Result):
        from gpuplan.report import text

        text.render(answer, console)
    elif isinstance(answer, SweepResult):
        from gpuplan.report import sweep

        sweep.render(answer, console)
    elif isinstance(answer, BatchResult):
        from gpuplan.report import batch

        batch.render(answer, console)
    elif isinstance(answer, FleetResult):
        from gpuplan.report import fleet

        fleet.render(answer, console)
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


def check_second_file(field: str, path: str, out: str | None, sources: Iterable[str | None]) -> None:
    """Check a file that is written beside the answer: it may take neither the place of the answer nor of what is read."""
    check_file(field, path)
    if out is not None and Path(out).resolve() == Path(path).resolve():
        raise InputError(field, path, f"{path!r} is the file of --out; give another path")
    for source in sources:
        if source is not None:
            refuse_overwrite(Path(source), Path(path), field)


def check_pictures(
    words: Iterable[str], out: str | None, sources: Sequence[str | None], field: str = "plot"
) -> tuple[Path, ...]:
    """Paths of pictures that are drawn beside the answer, each of its own and of a kind that can be drawn."""
    from gpuplan.report.plot_library import picture_kind

    taken: list[Path] = []
    for word in words:
        picture_kind(path := Path(word), field)
        check_second_file(field, word, out, sources)
        if path.resolve() in {other.resolve() for other in taken}:
            raise InputError(field, word, f"{word!r} is given twice; give each picture a path of its own")
        taken.append(path)
    return tuple(taken)


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Show on a terminal that the program is at work, once that has taken a second; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield
        return
    with _after_a_while(Console(stderr=True).status("searching ...")):
        yield


@contextlib.contextmanager
def counting(things: str, rate: bool = False) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show on a terminal how many of the `things` are done, once that has taken a second; nothing in a pipe, where None is yielded.

    With `rate` also how many there are in a second.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    shape = (SpinnerColumn("line"), TextColumn("{task.description}"), BarColumn(30), TimeElapsedColumn())
    bar = Progress(*shape, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    task = bar.add_task("searching ...", total=None)

    def count(done: int, total: int | None) -> None:
        said = f"{done:,} {things}" if total is None else f"{done:,} of {total:,} {things}"
        speed = bar.tasks[task].speed if rate else None
        said += "" if speed is None else f", {speed:,.1f}/s"
        bar.update(task, description=said, completed=done, total=total)

    with _after_a_while(bar):
        yield count


class _Moving(Protocol):
    """What moves on a terminal."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


@contextlib.contextmanager
def _after_a_while(moving: _Moving) -> Iterator[None]:
    """Start what moves on a terminal after a second, and stop it at the end."""
    timer = threading.Timer(PROGRESS_AFTER_SECONDS, moving.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        moving.stop()
