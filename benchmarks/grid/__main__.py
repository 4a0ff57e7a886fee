"""Answer the grid people ask for: ``python -m benchmarks.grid [--models A,B] [--sizes 1K,1G] [--methods lora] [--out FOLDER]``.

Writes grid.md and grid.csv beside this file, or into FOLDER; a part of the grid is only printed unless FOLDER is given.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from benchmarks.grid.cells import METHODS, MODELS, SIZES, Cell, cells
from benchmarks.grid.render import csv_text, headline, line, markdown

HERE = Path(__file__).resolve().parent


@click.command()
@click.option("--models", default=",".join(MODELS), help="models, with commas between")
@click.option("--sizes", default=",".join(SIZES), help="sizes of the training text")
@click.option("--methods", default=",".join(METHODS), help="training methods")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="folder for grid.md and grid.csv")
def main(models: str, sizes: str, methods: str, out: Path | None) -> None:
    """Answer the grid and write it down."""
    chosen = _some(models, MODELS), _some(sizes, SIZES), _some(methods, METHODS)
    found: list[Cell] = []
    for cell in cells(*chosen):
        found.append(cell)
        print(f"{cell.model} {line(cell)} {cell.seconds:.1f} s", file=sys.stderr)
    whole = chosen == (tuple(MODELS), tuple(SIZES), METHODS)
    if whole or out is not None:
        folder = out or HERE
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "grid.md").write_text(markdown(found), encoding="utf-8")
        (folder / "grid.csv").write_text(csv_text(found), encoding="utf-8")
    print(headline(found))


def _some(text: str, known: Iterable[str]) -> tuple[str, ...]:
    names = tuple(text.split(","))
    wrong = [name for name in names if name not in list(known)]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is none of {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
