"""The measured market as text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.market.generate import Made
from benchmarks.market.importing import Imported
from benchmarks.market.solving import Solved

MOST_IMPORT_SECONDS = 10.0
MOST_RATIO = 2.0


def line(row: Solved) -> str:
    """One question on a terminal."""
    same = "the same over every offer" if not row.every_offer else f"NOT THE SAME over every offer: {row.every_offer}"
    seconds = f"{row.built_in_seconds:.2f} -> {row.all_seconds:.2f} s"
    return f"{row.question}: {row.status}, {seconds} ({row.ratio:.2f}), process {row.process_ratio:.2f}, {same}"


def csv_text(rows: Sequence[Solved]) -> str:
    """Every question with its figures."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(asdict(rows[0]))
    for row in rows:
        writer.writerow(f"{cell:.6g}" if isinstance(cell, float) else cell for cell in asdict(row).values())
    return text.getvalue()


def markdown(made: Made, imported: Imported, rows: Sequence[Solved], repeats: int) -> str:
    """The page."""
    return "\n".join(
        [
            "# A market of 50,000 prices",
            "",
            "Written by `python -m benchmarks.market`. The prices are generated (`generate.py`) and say nothing about any market.",
            f"Medians of {repeats}, of solves in one process of {2 * repeats + 1}; a ratio is the median of those of two runs in a row. "
            "The seconds are those of the machine that ran it.",
            "",
            *_import_lines(made, imported),
            "",
            *_solve_lines(rows),
            "",
        ]
    )


def _import_lines(made: Made, imported: Imported) -> list[str]:
    within = "under" if imported.seconds < MOST_IMPORT_SECONDS else "**over**"
    kinds = ", ".join(f"{form} {count:,}" for form, count in made.rows.items())
    steps = [f"| {step} | {seconds:.2f} |" for step, seconds in imported.steps.items()]
    reasons = [f"| {reason} | {count:,} |" for reason, count in imported.skipped.most_common()]
    return [
        "## Import",
        "",
        f"{made.total:,} rows of {made.providers} providers in {imported.files} files ({kinds}) become {imported.offers:,} offers in "
        f"{imported.seconds:.2f} s (whole process, peak {imported.peak_mb:.0f} MB), {within} {MOST_IMPORT_SECONDS:g} s. "
        f"They take {imported.stored_bytes / 1e6:.1f} MB in the user's catalogue.",
        "",
        "| step, in one process | s |",
        "|---|---:|",
        *steps,
        f"| all | {imported.in_process:.2f} |",
        "",
        f"A row may have several prices: {imported.prices:,} were read, {imported.taken:,} taken (of zones and repeats all), "
        f"{imported.skipped.total():,} skipped, {imported.differences:,} differ by over 20 % from the one that stands.",
        "",
        "| skipped because | prices |",
        "|---|---:|",
        *reasons,
    ]


def _solve_lines(rows: Sequence[Solved]) -> list[str]:
    over = [row for row in rows if max(row.ratio, row.process_ratio) > MOST_RATIO]
    names = ", ".join(f"{row.question} ({row.ratio:.2f}, process {row.process_ratio:.2f})" for row in over)
    other = sum(bool(row.every_offer) for row in rows)
    ratios = (
        f"it does in all {len(rows)} questions" if not over else f"**not so in {len(over)} of {len(rows)}: {names}**"
    )
    same = (
        "the same plan, cost, bound and status in each"
        if not other
        else f"**something else in {other} of {len(rows)}**"
    )
    return [
        "## Solve",
        "",
        f"Over the built-in offers, and over these and the imported ones ({rows[0].offers:,}); every answer with its alternatives "
        f"and what each limit costs. A solve over all may cost {MOST_RATIO:g} times the other: {ratios}.",
        "",
        "Of offers that differ in nothing but region and price the cheapest stands for all (`OfferTable.representatives`), and "
        "those that another one beats are left out (`selection.undominated`). A solve over every offer by itself, without anything "
        f"that stands for others, gives {same}.",
        "",
        "| question | answer | built in, s | all, s | ratio | process: built in, s | all, s | ratio | every offer by itself, s "
        "| stand for all | asked about | not beaten | machines (built in) | same |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
        *map(_row, rows),
    ]


def _row(row: Solved) -> str:
    value = "-" if row.value is None else f"{row.value:,.2f}"
    cells = [
        row.question,
        f"{row.status} {value}",
        f"{row.built_in_seconds:.2f}",
        f"{row.all_seconds:.2f}",
        _bold(row.ratio),
        f"{row.built_in_process_seconds:.2f}",
        f"{row.all_process_seconds:.2f}",
        _bold(row.process_ratio),
        f"{row.every_offer_seconds:.2f}",
        f"{row.representatives:,}",
        f"{row.selected:,}",
        f"{row.kept:,}",
        f"{row.machines} ({row.built_in_machines})",
        "yes" if not row.every_offer else f"**{row.every_offer}**",
    ]
    return f"| {' | '.join(cells)} |"


def _bold(ratio: float) -> str:
    return f"**{ratio:.2f}**" if ratio > MOST_RATIO else f"{ratio:.2f}"
