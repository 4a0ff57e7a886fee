"""Fine-tune random-weight models on the GPU at hand and write what they took: ``python -m benchmarks.measure_gpu``.

Needs the extra `measure` (torch, transformers, peft; bitsandbytes for QLoRA). Points that the file has are skipped, so a run that was
cut off goes on where it was. On a CPU it runs a tiny model, which shows that it works and measures nothing of use.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure_gpu.plan import TASKS, points
from benchmarks.measure_gpu.rows import Ledger
from benchmarks.measure_gpu.session import run

FOLDER = Path(__file__).resolve().parents[1] / "measured"
#: Less would be eaten by the driver's context.
SMALLEST_LIMIT_GIB = 2
NEEDED = ("torch", "transformers", "peft")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is open; return 0, 1 if a point failed for another reason than memory, or 2 for bad input."""
    asked = _parser().parse_args(arguments)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{missing[0]} is not installed: pip install 'gpuplan[measure]'", file=sys.stderr)
        return 2
    from benchmarks.measure_gpu.training import Torch, quantises

    backend = Torch()
    machine = backend.machine()
    if not backend.has_gpu and asked.out is None:
        print("no GPU here: rows of a CPU are only a test, name a file for them with --out", file=sys.stderr)
        return 2
    limit = asked.memory_limit_gib
    if limit and not SMALLEST_LIMIT_GIB <= limit < machine.memory_gib:
        print(
            f"--memory-limit-gib is {limit}: from {SMALLEST_LIMIT_GIB} to less than the {machine.memory_gib:.1f} GiB of "
            f"{machine.name} would be right",
            file=sys.stderr,
        )
        return 2
    tasks = set(asked.only or TASKS)
    if "qlora" in tasks and not quantises():
        print("bitsandbytes is not installed: QLoRA is left out", file=sys.stderr)
        tasks.discard("qlora")
    plan = points(machine.memory_gib, limit, tasks, asked.quick)
    path = asked.out or FOLDER / f"{machine.slug}.csv"
    try:
        ledger = Ledger(path)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    tally = run(plan, backend, ledger, datetime.date.today().isoformat(), asked.time_limit)
    print(
        f"{path}: {tally.measured} points measured, {tally.out_of_memory} out of memory, {tally.failed} failed, "
        f"{tally.left} left"
    )
    return 1 if tally.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure_gpu", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two models, two shapes")
    parser.add_argument("--only", action="append", choices=list(TASKS), help="one task (may be repeated)")
    parser.add_argument("--out", type=Path, help="file of rows (default: benchmarks/measured/<gpu>.csv)")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="start no point that would end later")
    parser.add_argument(
        "--memory-limit-gib",
        type=int,
        default=0,
        metavar="GIB",
        help="imitate a card of that size (default: none, but QLoRA as on 24 GiB comes first)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
