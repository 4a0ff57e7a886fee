"""One session: the points that are still open, one after the other, until they or the time are used up."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from benchmarks.measure_gpu.plan import SMALL_CARD_GIB, Point
from benchmarks.measure_gpu.rows import (
    Ledger,
    Machine,
    Measurement,
    OutOfMemoryError,
    measured_rows,
    out_of_memory_row,
    row_id,
)


class Backend(Protocol):
    """What trains: PyTorch, or a stand-in in tests."""

    def machine(self) -> Machine:
        """Return where it runs."""
        ...

    def measure(self, point: Point) -> Measurement:
        """Train a few steps; raises `OutOfMemoryError` if they do not fit, `RuntimeError` if they fail otherwise."""
        ...


@dataclass
class Tally:
    """How a session went."""

    measured: int = 0
    out_of_memory: int = 0
    failed: int = 0
    left: int = 0


def run(
    plan: Iterable[Point],
    backend: Backend,
    ledger: Ledger,
    date: str,
    time_limit_seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Tally:
    """Measure what is open; every outcome is in the ledger before the next point starts.

    Skipped are points that the ledger has, that ran under a limit already, or that need no less than one that ran out of memory.
    None is started that, if it took as long as the longest so far, would not end within the limit. One that fails for another
    reason than memory is reported and left open.
    """
    machine, tally, start, longest = backend.machine(), Tally(), clock(), 0.0
    plan = list(plan)
    too_large = [point for point in plan if ledger.outcome(row_id(point, machine)) == "out of memory"]

    def is_open(point: Point) -> bool:
        return not _settled(point, machine, ledger) and not any(point.needs_at_least(other) for other in too_large)

    for place, point in enumerate(plan):
        if not is_open(point):
            continue
        begun = clock()
        if time_limit_seconds is not None and begun - start + longest >= time_limit_seconds:
            tally.left = sum(is_open(other) for other in plan[place:])
            break
        _say(f"{point.name} ...")
        try:
            found = backend.measure(point)
        except OutOfMemoryError as error:
            ledger.add([out_of_memory_row(point, machine, str(error), date)])
            too_large.append(point)
            tally.out_of_memory += 1
            _say("  out of memory")
        except RuntimeError as error:
            tally.failed += 1
            _say(f"  failed: {error}")
        else:
            rows = measured_rows(point, machine, found, date)
            ledger.add(rows)
            tally.measured += 1
            _say(f"  {rows[0]['step_time_s']} s, {rows[0]['peak_mem_gib'] or '?'} GiB")
        longest = max(longest, clock() - begun)
    return tally


def _settled(point: Point, machine: Machine, ledger: Ledger) -> bool:
    if ledger.outcome(row_id(point, machine)):
        return True
    limited = row_id(replace(point, limit_gib=SMALL_CARD_GIB), machine)
    return not point.limit_gib and ledger.outcome(limited) == "measured"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
