"""Ctrl-C around code that is not Python's: what OR-Tools does to the handler is undone, and no import is torn in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def handler_kept() -> Iterator[None]:
    """Put the handler of Ctrl-C back afterwards: CP-SAT has one of its own while it searches, and leaves none behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block.

    Raises
    ------
    KeyboardInterrupt
        At the end, where it came meanwhile.
    """
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as in a shell's background
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    with handler_kept():
        signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
        yield
    if came:
        raise KeyboardInterrupt
