"""Tasks side by side in processes of their own: items come as they are known, and no process is left behind."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_CONTEXT = multiprocessing.get_context("spawn")  # never "fork": the search has threads, and so may the caller


class WorkerDiedError(RuntimeError):
    """A process ended before its task did: it was killed, by hand or as memory ran out, or it could not begin.

    Attributes
    ----------
    index
        The task that it was at.
    """

    def __init__(self, index: int, how: str) -> None:
        super().__init__(index, how)
        self.index = index
        self.how = how

    def __str__(self) -> str:
        return f"the process at task {self.index + 1} {self.how}"


@dataclass(slots=True)
class _Worker:
    """A process, the way to it, and the task that it is at."""

    process: SpawnProcess
    connection: Connection[Any, Any]
    index: int = -1
    begun: bool = False


def each(tasks: Sequence[T], run: Callable[[T], Iterable[R]], processes: int) -> Generator[tuple[int, R], None, None]:
    """Run every task and give its items, each as soon as it is known.

    Parameters
    ----------
    tasks
        What to do. With several processes tasks are pickled, and items too.
    run
        Gives the items of a task, one after the other. With several processes it must be picklable: a function of a module,
        or `functools.partial` of one; what the partial holds is sent to a process once, not with every task.
    processes
        Most processes at work. With one, or for one task, all is done in this process and in order; else each process takes
        the next task when it is free, and only the items of one task are in order.

    Yields
    ------
    tuple of int and item
        Index of the task, and the item. When the consumer stops, by an error, by Ctrl-C or by closing the generator, the
        processes are ended at once, whatever they are at; they do not hear Ctrl-C themselves.

    Raises
    ------
    WorkerDiedError
        A process was killed, or could not begin.
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
        for _ in range(min(processes, len(tasks))):
            _start(workers)
        yield from _items(workers, run, iter(enumerate(tasks)))
    finally:
        _end(workers)


def _items(
    workers: list[_Worker], run: Callable[[T], Iterable[R]], waiting: Iterator[tuple[int, T]]
) -> Iterator[tuple[int, R]]:
    """Give items as they come, and a task to whoever is free, until all are done."""
    for worker, (index, task) in zip(workers, waiting, strict=False):
        _send(worker, index, run)
        _send(worker, index, task)
    busy = {worker.connection: worker for worker in workers}
    while busy:
        for connection in wait(list(busy)):
            worker = busy[connection]  # type: ignore[index]  # what waits is what was given
            kind, content = _receive(worker)
            if kind == "error":
                raise content
            if kind == "item":
                yield worker.index, content
            elif kind == "done" and not _give_next(worker, waiting):
                del busy[worker.connection]


def _give_next(worker: _Worker, waiting: Iterator[tuple[int, T]]) -> bool:
    """Give a free process the next task, if there is one."""
    for index, task in waiting:
        _send(worker, index, task)
        return True
    return False


def _start(workers: list[_Worker]) -> None:
    here, there = _CONTEXT.Pipe()
    with _deaf_children():
        process = _CONTEXT.Process(target=_work, args=(there,), daemon=True)
        process.start()
        workers.append(_Worker(process, here))
    there.close()  # so that the pipe ends when the process does


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.process.kill()
    for worker in workers:
        worker.process.join()
        worker.process.close()
        worker.connection.close()


def _send(worker: _Worker, index: int, content: object) -> None:
    worker.index = index
    try:
        worker.connection.send(content)
    except OSError:
        raise _death(worker) from None


def _receive(worker: _Worker) -> tuple[str, Any]:
    try:
        kind, content = worker.connection.recv()
    except (EOFError, OSError):
        raise _death(worker) from None
    worker.begun = True
    return kind, content


def _death(worker: _Worker) -> WorkerDiedError:
    """What to raise where a process is gone."""
    worker.process.join()
    code = worker.process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if worker.begun or code < 0:
        return WorkerDiedError(worker.index, f"{how}; if memory ran out, use fewer --processes")
    guard = "a script that uses processes must be a file and start its work below `if __name__ == '__main__':`"
    return WorkerDiedError(worker.index, f"{how} before it began; {guard}; or use one process")


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Block Ctrl-C: a process that starts meanwhile never hears it, nor does a thread of it; this one does afterwards.

    To ignore the signal in the process would not do: it comes too late, and CP-SAT listens for itself while it searches.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its own start would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection[Any, Any]) -> None:
    """Do tasks until the parent ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        connection.send(("begun", None))
        run = connection.recv()
        while True:
            for item in run(connection.recv()):
                connection.send(("item", item))
            connection.send(("done", None))
    except Exception as error:  # noqa: BLE001  whatever it is, the parent raises it
        with suppress(OSError):
            connection.send(("error", portable(error)))


def _end_with_parent() -> None:
    """End this process when its parent is gone, even killed, whatever the search is at."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def portable(error: Exception) -> Exception:
    """The error with what happened here as a note; another one that says the same where it cannot be sent."""
    happened = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  classes may do anything there
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In a process of its own:\n{happened}")
    return error
