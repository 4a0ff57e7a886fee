"""Measure a large market: ``python -m benchmarks.market [--rows N] [--repeats N] [--only WORD] [--write FOLDER]``.

Writes market.md and market.csv beside this file; with other rows or a part of the questions it only prints. Exits with 1 where a solve
over every offer by itself says something else.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.market.generate import ROWS, generate
from benchmarks.market.importing import import_market
from benchmarks.market.render import csv_text, line, markdown
from benchmarks.market.solving import QUESTIONS, measure

HERE = Path(__file__).resolve().parent


@click.command()
@click.option("--rows", default=ROWS, help="rows of the generated files")
@click.option("--repeats", default=3, help="measurements of each, of which the median counts")
@click.option("--only", multiple=True, help="questions that hold this word")
@click.option("--write", "keep", type=click.Path(path_type=Path), help="write the files into this folder, and no more")
def main(rows: int, repeats: int, only: Sequence[str], keep: Path | None) -> None:
    """Generate, import, solve, write."""
    if keep is not None:
        print(f"{generate(keep, rows).total:,} rows in {keep}")
        return
    names = [name for name in QUESTIONS if not only or any(word in name for word in only)]
    with tempfile.TemporaryDirectory() as folder:
        files, store = Path(folder) / "market", Path(folder) / "store"
        made = generate(files, rows)
        imported = import_market(files, store, repeats)
        print(f"import: {imported.seconds:.2f} s, {imported.offers:,} offers", file=sys.stderr, flush=True)
        found = []
        for name in names:
            found.append(measure(name, store / "kept", repeats))
            print(line(found[-1]), file=sys.stderr, flush=True)
    text = markdown(made, imported, found, repeats)
    if rows == ROWS and not only:
        (HERE / "market.md").write_text(text, encoding="utf-8")
        (HERE / "market.csv").write_text(csv_text(found), encoding="utf-8")
    else:
        print(text)
    sys.exit(1 if any(row.every_offer for row in found) else 0)


if __name__ == "__main__":
    main()
