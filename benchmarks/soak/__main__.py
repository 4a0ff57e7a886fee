"""Solve random problems for hours: ``python -m benchmarks.soak [--from N] [--count N] [--minutes M] [--workers W]``.

Every problem is solved, verified and held against the search oracle; a share is also solved unreduced, or explained. What is found is
kept in build/soak, a file for each state of the sources: the same command again goes on where the last one stopped. From 1,000
problems on soak.md is written beside this file; fewer are only printed.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

import click

from benchmarks.soak.examine import Shares, examine
from benchmarks.soak.report import Tally, markdown
from benchmarks.soak.store import Store
from benchmarks.soak.workers import rows

HERE = Path(__file__).resolve().parent
#: Problems from which on the result is worth writing down.
WORTH_WRITING = 1000
#: Problems between two lines of progress.
EVERY = 500


@click.command()
@click.option("--from", "start", default=0, help="number of the first problem")
@click.option("--count", default=100_000, help="how many problems from there on")
@click.option("--minutes", default=float("inf"), help="no problem is begun after so many minutes")
@click.option("--workers", default=1, help="processes")
@click.option("--unreduced", default=50, help="one problem in so many is also solved without reductions")
@click.option(
    "--explained", default=50, help="one infeasible problem in so many is explained, and its relaxations tried"
)
@click.option("--store", "folder", default="build/soak", type=click.Path(path_type=Path), help="where results are kept")
@click.option("--out", default=HERE, type=click.Path(path_type=Path), help="folder for soak.md")
def main(
    start: int, count: int, minutes: float, workers: int, unreduced: int, explained: int, folder: Path, out: Path
) -> None:
    """Solve what has not been solved yet, and write down what came of it all."""
    store = Store(folder)
    tally = Tally()
    for row in store.rows():
        tally.add(row)
    done = store.seeds()
    seeds = (seed for seed in range(start, start + count) if seed not in done)
    until = time.monotonic() + minutes * 60
    try:
        for row in rows(seeds, partial(examine, shares=Shares(unreduced, explained)), workers, until):
            store.add(row)
            tally.add(row)
            if row.failures or tally.problems % EVERY == 0:
                print(tally.line(row), file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
    text = markdown(tally)
    if tally.problems >= WORTH_WRITING:
        out.mkdir(parents=True, exist_ok=True)
        (out / "soak.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
