"""Several processes that each look at one problem at a time; one that dies or hangs costs its problem, not the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmarks.soak.store import Row

#: Seconds after which a problem is given up: the solver's own limit is a minute, and a few solves belong to one problem.
LONGEST_SECONDS = 600.0
_SPAWN = get_context("spawn")
Examine = Callable[[int], Row]


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    seed: int
    since: float


def rows(seeds: Iterable[int], examine: Examine, workers: int, until: float) -> Iterator[Row]:
    """Rows of `seeds`, in the order in which they are done; no problem is begun after `until` (of `time.monotonic`)."""
    left = iter(seeds)
    busy: list[_Worker] = []
    try:
        for seed in _begin(left, workers, until):
            busy.append(_start(examine, seed))
        while busy:
            wait([worker.pipe for worker in busy], timeout=1.0)
            for worker in list(busy):
                row = _finished(worker)
                if row is None:
                    continue
                yield row
                _go_on(worker, busy, next(_begin(left, 1, until), None), examine)
    finally:
        for worker in busy:
            worker.process.kill()


def _begin(left: Iterator[int], count: int, until: float) -> Iterator[int]:
    for _ in range(count):
        if time.monotonic() < until and (seed := next(left, None)) is not None:
            yield seed


def _start(examine: Examine, seed: int) -> _Worker:
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(there, examine), daemon=True)
    process.start()
    there.close()
    here.send(seed)
    return _Worker(process, here, seed, time.monotonic())


def _work(pipe: Connection, examine: Examine) -> None:
    """Body of a process: seeds in, rows out, until there are no more."""
    while True:
        try:
            seed = pipe.recv()
        except EOFError:
            return
        pipe.send(examine(seed))


def _finished(worker: _Worker) -> Row | None:
    """The row of a worker that is done, died or hangs; None while it is at work."""
    if worker.pipe.poll():
        try:
            row: Row = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            return _lost(worker, "died", f"exit code {worker.process.exitcode}")
        return row
    if time.monotonic() - worker.since > LONGEST_SECONDS:
        worker.process.kill()
        worker.process.join()
        return _lost(worker, "timeout", f"no answer in {LONGEST_SECONDS:.0f} s")
    return None


def _lost(worker: _Worker, status: str, text: str) -> Row:
    return Row(worker.seed, status, failures=[(status, text)])


def _go_on(worker: _Worker, busy: list[_Worker], seed: int | None, examine: Examine) -> None:
    """Give the worker its next problem, a new process where it died, or let it go."""
    alive = worker.process.is_alive()
    if seed is not None and alive:
        worker.seed, worker.since = seed, time.monotonic()
        worker.pipe.send(seed)
        return
    busy.remove(worker)
    worker.pipe.close()
    if seed is not None:
        busy.append(_start(examine, seed))
