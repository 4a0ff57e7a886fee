"""Tasks side by side in processes of their own: items come as they are known, and no process is left behind."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_BLOCKS_SIGNALS = hasattr(signal, "pthread_sigmask")  # not on Windows


class WorkerDiedError(RuntimeError):
    """A worker process ended before its task did: it was killed, by hand or as memory ran out, or could not begin.

    Attributes
    ----------
    index
        The task that it was at.
    """

    def __init__(self, index: int, exitcode: int | None, begun: bool, processes: int) -> None:
        self.index = index
        ended = f"was killed by signal {-exitcode}" if exitcode is not None and exitcode < 0 else f"ended ({exitcode})"
        if begun:
            fewer = f"fewer --processes than {processes}" if processes > 1 else "a machine with more memory"
            why = f"perhaps memory ran out: try {fewer}"
        else:
            why = (
                "it could not begin: a script that uses processes needs `if __name__ == '__main__':` around what it "
                "runs and must be a file; or use one process"
            )
        super().__init__(f"the process at task {index + 1} {ended}; {why}")


@dataclass(slots=True)
class _Worker:
    """A process, the way to it, and the task that it is at."""

    process: SpawnProcess
    connection: Connection
    index: int = -1
    begun: bool = False


def each(
    tasks: Sequence[T], run: Callable[[T], Iterable[R]], processes: int
) -> Generator[tuple[int, R], None, None]:
    """Run every task and give its items, each as soon as it is known.

    Parameters
    ----------
    tasks
        What to do. With several processes tasks are pickled, and items too.
    run
        Gives the items of a task, one after the other. With several processes it must be picklable: a function of a module,
        or `functools.partial` of one; what the partial holds is sent to a process once, not with every task.
    processes
        Most processes at work. With one, or for one task, all is done in this process and tasks are done in order; else
        each process takes the next task when it is free, and only the items of one task are in order.

    Yields
    ------
    tuple of int and item
        Index of the task, and the item. When the consumer stops, by an error, by Ctrl-C or by closing the generator, the
        processes are ended at once, whatever they are at; they do not hear Ctrl-C themselves.

    Raises
    ------
    WorkerDiedError
        A process was killed or could not begin.
    Exception
        What `run` raises.
    """
    if processes <= 1 or len(tasks) <= 1:
        for index, task in enumerate(tasks):
            for item in run(task):
                yield index, item
        return
    workers: list[_Worker] = []
    try:
        waiting = iter(enumerate(tasks))
        for _ in range(min(processes, len(tasks))):
            _start(workers, run)
            _send_next(workers[-1], waiting)
        yield from _items(workers, waiting)
    finally:
        _end(workers)


def _items(workers: list[_Worker], waiting: Iterator[tuple[int, T]]) -> Iterator[tuple[int, R]]:
    """Give items as they come, and a task to whoever is free, until all are done."""
    busy = {worker.connection: worker for worker in workers}
    while busy:
        for connection in wait(list(busy)):
            worker = busy[connection]
            kind, content = _receive(worker, len(workers))
            if kind == "error":
                raise content
            if kind == "item":
                yield worker.index, content
            elif kind == "done" and not _send_next(worker, waiting):
                del busy[connection]


def _receive(worker: _Worker, processes: int) -> tuple[str, object]:
    try:
        message = worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join()
        raise WorkerDiedError(worker.index, worker.process.exitcode, worker.begun, processes) from None
    worker.begun = True
    return message
