"""Measure fleets: ``python -m benchmarks.fleet [--seconds 60] [--only PART]...``; half an hour, on a machine that does nothing else.

Parts: sizes (50, 100, 200 jobs), loads (0.3 to 0.9 of the stock), rules (against what people do), table (the sizing table's rows as a
fleet), modes (what the plans of real fleets take). Each part that is measured in full is kept in fleet.json, and fleet.md is written of
all that is kept; with less time, seeds or fleets than in full the page of what was measured is only printed.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks.fleet.against import FLEETS, compare, generated, of_the_table
from benchmarks.fleet.measure import by_load, by_size
from benchmarks.fleet.real import modes
from benchmarks.fleet.render import line, markdown
from benchmarks.fleet.seed_table import TABLE

HERE = Path(__file__).resolve().parent
SECONDS, SEEDS, LOAD_SEEDS = 60.0, 3, 1
#: Most time for a schedule against a rule, as there are forty of them.
RULE_SECONDS = 20.0
PARTS = ("sizes", "loads", "rules", "table", "modes")


@click.command()
@click.option("--seconds", default=SECONDS, help="time limit of each schedule")
@click.option(
    "--seeds", default=SEEDS, help=f"generated fleets of each size, and of each load (of these at most {LOAD_SEEDS})"
)
@click.option("--fleets", default=FLEETS, help="generated fleets against the rules")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="measure this part; repeatable")
def main(seconds: float, seeds: int, fleets: int, only: Sequence[str]) -> None:
    """Measure, write."""
    stored = HERE / "fleet.json"
    kept: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    full = seconds >= SECONDS and seeds >= SEEDS and fleets >= FLEETS
    new: dict[str, Any] = {}
    for part in only or PARTS:
        if part == "table" and not TABLE.exists():
            print(f"{TABLE} is not there", file=sys.stderr)
            continue
        rows = []
        for row in _rows(part, seconds, seeds, fleets):
            rows.append(row)
            print(line(part, row), file=sys.stderr, flush=True)
        of_seeds = min(seeds, LOAD_SEEDS) if part == "loads" else seeds
        limit = min(seconds, RULE_SECONDS) if part in ("rules", "table") else seconds
        new[part] = {"seconds": limit, "seeds": of_seeds, "machine": _machine(), "rows": rows}
        if full:
            kept |= new
            stored.write_text(f"{json.dumps(kept, indent=1)}\n", encoding="utf-8")
            (HERE / "fleet.md").write_text(markdown(kept), encoding="utf-8")
    if not full:
        print(markdown(new))


def _rows(part: str, seconds: float, seeds: int, fleets: int) -> Iterator[dict[str, Any]]:
    if part == "sizes":
        yield from by_size(seconds, seeds)
    elif part == "loads":
        yield from by_load(seconds, min(seeds, LOAD_SEEDS))
    elif part == "rules":
        for case in generated(fleets):
            yield from compare(case, min(seconds, RULE_SECONDS))
    elif part == "table":
        yield from compare(of_the_table(), min(seconds, RULE_SECONDS))
    else:
        yield from modes()


def _machine() -> str:
    return f"{os.cpu_count()} cores, OR-Tools {version('ortools')}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
