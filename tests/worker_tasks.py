"""What processes of their own are given to do in tests of `gpuplan.workers`, and a writer of a journal that is killed."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gpuplan.errors import InputError
from gpuplan.journal import Journal
from gpuplan.workers import each

QUESTION = "what does a journal keep?"


def value_of(number: int) -> str:
    """An answer in JSON, of a length that depends on the number."""
    return f'{{"number": {number}, "text": "{"x" * (number * 997 % 6000)}"}}'


def counted(task: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """So many items: the process, the task, and a number from 0."""
    name, items = task
    for number in range(items):
        yield os.getpid(), name, number


def slow(task: tuple[Path, int]) -> Iterator[str]:
    """An item at once, then nothing for long; the process is noted in the folder."""
    folder, name = task
    (folder / f".{name}").write_text(str(os.getpid()))
    (folder / f".{name}").rename(folder / f"{name}.pid")  # it may be killed at any moment
    yield "begun"
    time.sleep(60)


def killed(name: int) -> Iterator[int]:
    """Task 2 is killed, as by a system without memory."""
    yield name
    if name == 2:
        os.kill(os.getpid(), signal.SIGKILL)


def refused(name: int) -> Iterator[int]:
    """Task 2 is an error of the user's."""
    if name == 2:
        raise InputError("gpu", "H10", "'H10' is not known", ["H100"])
    yield name


class StubbornError(Exception):
    """An error that cannot be sent."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def stubborn(name: int) -> Iterator[int]:
    yield name
    raise StubbornError("two", "words")


def unsendable(name: int) -> Iterator[object]:
    yield lambda: name


def interrupts_everybody(task: tuple[Path, int]) -> Iterator[int]:
    """Press Ctrl-C for this process alone, which is not to hear it, even in its search's own threads."""
    os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as libraries do
    os.kill(os.getpid(), signal.SIGINT)
    yield task[1]


def write_journal(path: Path) -> None:
    """Add entries until killed, and say which are written."""
    with Journal.open(path, QUESTION) as journal:
        for number in itertools.count(len(journal.known)):
            journal.add(str(number), value_of(number))
            print(number, flush=True)


def consume_slowly(folder: Path) -> None:
    """Wait for processes until killed."""
    for _ in each([(folder, name) for name in range(2)], slow, 2):
        pass


if __name__ == "__main__":
    {"write": write_journal, "consume": consume_slowly}[sys.argv[1]](Path(sys.argv[2]))
