"""Compare: ``python -m benchmarks.solve [--only NAME] [--offers N] [--repeats N] [--resume]``.

Measures every named problem in every catalogue it is asked in and writes solve.csv, solve.md and solve.png beside this file. A part
(``--only``, ``--offers``) is only printed. Exits with 1 if two contenders disagree or an answer is not proved.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.solve.catalogue import generated
from benchmarks.solve.measure import row_of
from benchmarks.solve.problems import Problem, problems
from benchmarks.solve.render import line, markdown, trouble
from benchmarks.solve.rows import read_csv, write_csv
from benchmarks.solve.whole import processes

HERE = Path(__file__).resolve().parent
PLAIN_OFFERS, PLAIN_SECONDS = 100, 20.0
"""Largest catalogue on which the plain model is tried, and how long."""
WHOLE_OFFERS, WHOLE_REPEATS = 1_000, 3


@click.command()
@click.option("--only", multiple=True, help="problems whose name holds this word")
@click.option("--offers", "size", type=int, help="this size of the catalogue alone, for every problem")
@click.option("--repeats", default=3, help="cold solves of each, of which the median counts")
@click.option("--resume", is_flag=True, help="go on with a run that was stopped: keep the rows of solve.csv")
@click.option("--render", "render_only", is_flag=True, help="write solve.md and solve.png from solve.csv")
def main(only: Sequence[str], size: int | None, repeats: int, resume: bool, render_only: bool) -> None:
    """Measure, print, write."""
    chosen = [p for p in problems() if not only or any(word in p.name for word in only)]
    part = bool(only) or size is not None
    path = HERE / "solve.csv"
    rows = read_csv(path) if (resume or render_only) and not part and path.is_file() else []
    if not render_only:
        measured = {(row.problem, row.offers) for row in rows}
        for problem, count in _questions(chosen, size):
            if (problem.name, count) in measured:
                continue
            rows.append(row_of(problem, generated(count), repeats, PLAIN_SECONDS if count <= PLAIN_OFFERS else 0.0))
            print(line(rows[-1]), file=sys.stderr, flush=True)
            if not part:
                write_csv(path, rows)
    if part:
        print(markdown(rows, []))
    else:
        from benchmarks.solve.plots import draw  # needs matplotlib, the extra `plots`

        whole = processes(chosen, WHOLE_OFFERS, WHOLE_REPEATS)
        (HERE / "solve.md").write_text(markdown(rows, whole), encoding="utf-8")
        draw(HERE / "solve.png", rows)
    sys.exit(1 if trouble(rows) else 0)


def _questions(chosen: Sequence[Problem], size: int | None) -> list[tuple[Problem, int]]:
    """Every problem with every size it is asked in, short catalogues first; or with `size` alone."""
    if size is not None:
        return [(problem, size) for problem in chosen]
    sizes = sorted({count for problem in chosen for count in problem.sizes})
    return [(problem, count) for count in sizes for problem in chosen if count in problem.sizes]


if __name__ == "__main__":
    main()
