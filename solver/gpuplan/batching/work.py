"""All rows worked off: in tasks that share their work, in processes or on a cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Literal

from gpuplan.batching.answering import Answered, Answering, Task
from gpuplan.batching.rows import Row
from gpuplan.workers import each
from gpuplan_hardware import Offer

Executor = Literal["local", "ray"]
EXECUTORS: tuple[Executor, ...] = ("local", "ray")
#: Fewest rows for which tables are made anew, and most that one process does while others may have nothing left to do.
LEAST_ROWS, MOST_ROWS = 16, 64
#: Tasks for each process, so that all end at nearly the same time.
TASKS_EACH = 8
#: For how many processes a cluster's tasks are cut, as it may grow while it works.
CLUSTER_CPUS = 64


def tasks_of(rows: Sequence[Row], processes: int) -> list[Task]:
    """Rows in tasks: such that share their work follow each other, in parts that are small enough for so many processes."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.sharing, []).append(row)
    size = max(LEAST_ROWS, min(MOST_ROWS, len(rows) // (processes * TASKS_EACH)))
    return [
        Task(tuple(group[first : first + size])) for group in groups.values() for first in range(0, len(group), size)
    ]


def answered(
    rows: Sequence[Row],
    given: tuple[Offer, ...] | None,
    processes: int,
    executor: Executor = "local",
    address: str | None = None,
) -> Generator[Answered, None, None]:
    """Answers as they are known.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted it.
    WorkerDiedError
        A process was killed, or could not begin.
    """
    found: Generator[tuple[int, Answered], None, None]
    tasks = tasks_of(rows, processes if executor == "local" else CLUSTER_CPUS)
    if executor == "ray":
        from gpuplan.batching.sent import AnsweringSent, sent
        from gpuplan.ray_workers import each_on_ray

        found = each_on_ray(sent(tasks, given), AnsweringSent(), address)
    else:
        found = each(tasks, Answering(given), processes)
    with closing(found) as items:
        for _, item in items:
            yield item
