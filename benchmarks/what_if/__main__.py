"""Measure sweeps and frontiers: ``python -m benchmarks.what_if [--repeats N] [--only WORD]``.

Writes what_if.md beside this file, with a part of the jobs it only prints. Exits with 1 where a single solve says something else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.what_if.questions import JOBS, sweep_against_solve, walk
from benchmarks.what_if.render import line, markdown

HERE = Path(__file__).resolve().parent


@click.command()
@click.option("--repeats", default=5, help="measurements of each, of which the median counts")
@click.option("--only", multiple=True, help="jobs that hold this word")
def main(repeats: int, only: Sequence[str]) -> None:
    """Ask, measure, write."""
    names = [name for name in JOBS if not only or any(word in name for word in only)]
    swept = sweep_against_solve(repeats)
    print(f"sweep: {swept.seconds:.2f} s, {swept.ratio:.2f} solves", file=sys.stderr, flush=True)
    rows = []
    for name in names:
        rows.append(walk(name, repeats))
        print(line(rows[-1]), file=sys.stderr, flush=True)
    text = markdown(swept, rows, repeats)
    if only:
        print(text)
    else:
        (HERE / "what_if.md").write_text(text, encoding="utf-8")
    wrong = [f"{row.job}: {each}" for row in rows for each in row.wrong]
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
