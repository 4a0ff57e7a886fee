"""solve.md from the rows of a run."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence

import numpy as np

from benchmarks.solve.rows import Row, worse_with_more
from benchmarks.solve.whole import Process

MANY_PAIRS = 5e7
HEADER = """# Solving: gpuplan against an exhaustive search and a plain model

`python -m benchmarks.solve`: the questions of [problems.toml](problems.toml), each in a process of its own, forked after the imports,
on catalogues that [catalogue.py](catalogue.py) generates. **cold** is `gpuplan.pipeline.find` with every table built anew, **warm** the
same with the tables at hand, as in a sweep; medians. **(a)** is an exhaustive search in numpy ([exhaustive.py](exhaustive.py)):
the same rows, tables and dominance, memory first, then every remaining pair of offer and layout. **(b)** is the plain CP-SAT model
([plain.py](plain.py)): an integer variable per decision, tables, elements, products; one worker, as gpuplan has.

*pairs* are those of offer and layout after dominance, *evaluated* the ones that fit the memory, all of which (a) times. *looked at*
are the layouts that gpuplan's search evaluated, *left* the pairs its bounds and its exact evaluation left to CP-SAT, over which
*literals* stand. *ratio* is the seconds of (a) over cold gpuplan. Values are USD, hours or GPUs, as minimised; memory is the peak of
the process in MB, the imports in it. Bold: not proved, or not the same answer.
"""
COLUMNS = (
    "problem", "status", "optimum", "cold s", "warm s", "MB", "tables", "search", "reduce", "CP-SAT", "looked at", "left", "literals",
    "pairs", "evaluated", "(a) s", "(a) MB", "ratio",
)  # fmt: skip


def markdown(rows: Sequence[Row], whole: Sequence[Process]) -> str:
    """Everything, biggest questions last."""
    parts = [HEADER, _machine(), _summary(rows), _below_one(rows)]
    if problem := trouble(rows):
        parts.append("**" + "**\n\n**".join(problem) + "**\n")
    for size in sorted({row.offers for row in rows}):
        chosen = [row for row in rows if row.offers == size]
        parts.append(f"## {size:,} offers\n\n" + _table(COLUMNS, [_cells(row) for row in chosen]))
    parts += [_plain(rows), _whole(whole)]
    return "\n".join(part for part in parts if part)


def trouble(rows: Sequence[Row]) -> list[str]:
    """Sentences about what must not be."""
    found = [f"{row.problem}, {row.offers:,} offers: {_verdicts(row)}" for row in rows if not row.agrees]
    for short, long in worse_with_more(rows):
        found.append(
            f"{short.problem}: {long.value} with {long.offers:,} offers, {short.value} with {short.offers:,} of them"
        )
    return found


def line(row: Row) -> str:
    """A row in one line, for the terminal."""
    agreed = "" if row.agrees else f"  DISAGREES: {_verdicts(row)}"
    return (
        f"{row.problem} {row.offers:,}: {row.status} {_value(row, row.value)} cold {row.cold_seconds:.3f} s, (a) "
        f"{row.exhaustive_seconds:.3f} s at {row.rate:.1e}/s, ratio {row.ratio:.1f}, (b) {row.plain_status or '-'}{agreed}"
    )


def _verdicts(row: Row) -> str:
    plain = f", the plain model {row.plain_status} {row.plain_value}" if row.plain_status else ""
    return (
        f"gpuplan says {row.status} {row.value}, the exhaustive search {row.exhaustive_status} {row.exhaustive_value}"
        + plain
    )


def _machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}, numpy {np.__version__}.\n"
    )


def _summary(rows: Sequence[Row]) -> str:
    """What the run shows, by catalogue and over all."""
    columns = (
        "offers", "questions", "proved", "same answer as (a)", "cold: median, 95 %", "warm: median, 95 %", "largest MB",
        "ratio: median", "ratio: least", "(a): pairs/s", "CP-SAT's share of cold",
        "pairs left to CP-SAT: median, most", "of all pairs", "decided without CP-SAT",
    )  # fmt: skip
    lines = []
    for size in sorted({row.offers for row in rows}):
        lines.append(_summary_cells(f"{size:,}", [row for row in rows if row.offers == size]))
    lines.append(_summary_cells("all", list(rows)))
    for name, chosen in (
        ("5e7 pairs and more", [row for row in rows if row.pairs >= MANY_PAIRS]),
        ("5e7 evaluated and more", [row for row in rows if row.evaluated >= MANY_PAIRS]),
    ):
        if chosen:
            lines.append(_summary_cells(name, chosen))
    return _table(columns, lines)


def _summary_cells(name: str, rows: Sequence[Row]) -> list[str]:
    cold, warm = [row.cold_seconds for row in rows], [row.warm_seconds for row in rows]
    ratios = [row.ratio for row in rows]
    share = sum(row.seconds_cp_sat for row in rows) / max(1e-9, sum(cold))
    return [
        name,
        str(len(rows)),
        str(sum(row.proved for row in rows)),
        str(sum(row.agrees for row in rows)),
        f"{statistics.median(cold):.3f}, {np.percentile(cold, 95):.3f} s",
        f"{statistics.median(warm):.3f}, {np.percentile(warm, 95):.3f} s",
        f"{max(row.peak_mb for row in rows):.0f}",
        f"{statistics.median(ratios):.2f}",
        f"{min(ratios):.2f}",
        f"{statistics.median(row.rate for row in rows):.1e}",
        f"{share:.0%}",
        f"{statistics.median(row.left_pairs for row in rows):,.0f}, {max(row.left_pairs for row in rows):,}",
        f"{sum(row.left_pairs for row in rows) / max(1, sum(row.pairs for row in rows)):.1g}",
        f"{sum(row.literals == 0 for row in rows)} of {len(rows)}",
    ]


def _below_one(rows: Sequence[Row]) -> str:
    slower = sorted((row for row in rows if row.ratio < 1), key=lambda row: row.ratio)
    if not slower:
        return "The exhaustive search was faster on no question.\n"
    named = "; ".join(f"{row.problem} with {row.offers:,} offers {row.ratio:.2f}" for row in slower)
    return f"The exhaustive search was faster on {len(slower)} of {len(rows)} questions (ratio): {named}.\n"


def _cells(row: Row) -> list[str]:
    cells = [
        row.problem,
        row.status,
        _value(row, row.value),
        f"{row.cold_seconds:.3f}",
        f"{row.warm_seconds:.3f}",
        f"{row.peak_mb:.0f}",
        f"{row.seconds_space + row.seconds_tables:.3f}",
        f"{row.seconds_incumbent:.3f}",
        f"{row.seconds_reduce:.3f}",
        f"{row.seconds_cp_sat:.3f}",
        f"{row.layouts:,}",
        f"{row.left_pairs:,}",
        f"{row.literals:,}",
        f"{row.pairs:.1e}",
        f"{row.evaluated:.1e}",
        f"{row.exhaustive_seconds:.3f}",
        f"{row.exhaustive_mb:.0f}",
        f"{row.ratio:.2f}",
    ]
    return cells if row.agrees else [f"**{cell}**" for cell in cells]


def _value(row: Row, value: float | None) -> str:
    if value is None:
        return "-"
    return {"cost": f"${value:,.2f}", "time": f"{value / 3600:.4g} h"}.get(row.minimize, f"{value:.0f} GPUs")


def _plain(rows: Sequence[Row]) -> str:
    """(b), where it was tried."""
    tried = [row for row in rows if row.plain_status]
    if not tried:
        return ""
    proved = [row for row in tried if row.plain_status in ("optimal", "infeasible")]
    ratios = [row.plain_seconds / row.cold_seconds for row in proved]
    told = f"median ratio to cold gpuplan {statistics.median(ratios):.0f} there" if ratios else "no ratio can be given"
    cells = [
        [
            row.problem,
            f"{row.offers:,}",
            f"{row.plain_rows:,}",
            row.plain_status,
            _value(row, row.plain_value),
            f"{row.plain_seconds:.1f}",
            f"{row.plain_mb:.0f}",
            f"{row.plain_seconds / row.cold_seconds:.0f}" + ("" if row in proved else " and more"),
        ]
        for row in tried
    ]
    return (
        f"## (b) the plain model\n\nTried on the smallest catalogue alone, for 20 s each: it proved {len(proved)} of {len(tried)}; {told}. "
        "On longer ones it has no chance. What it did not prove is `feasible` (a plan) or `unknown` (none; above 200,000 rows it is not "
        "even built).\n\n"
    ) + _table(("problem", "offers", "rows", "status", "its plan", "s", "MB", "times cold gpuplan"), cells)


def _whole(whole: Sequence[Process]) -> str:
    if not whole:
        return ""
    cells = [[p.problem, f"{p.seconds:.2f}", f"{p.peak_mb:.0f}", str(p.exit_code)] for p in whole]
    middle = statistics.median(p.seconds for p in whole)
    return (
        f"## The whole process\n\n`gpuplan solve --offers ...` on a price list of {whole[0].offers:,} offers, from start to exit, imports, "
        f"reading of the list, alternatives and report included: median {middle:.2f} s, at most {max(p.peak_mb for p in whole):.0f} MB.\n\n"
    ) + _table(("problem", "s", "MB", "exit code"), cells)


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    header = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*header, *("| " + " | ".join(cells) + " |" for cells in lines)]) + "\n"
