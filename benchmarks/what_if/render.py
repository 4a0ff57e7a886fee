"""What was measured, as a page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.what_if.questions import GRID, SPAN, Swept, Walked

MOST_SOLVES, MOST_SECONDS = 8.0, 60.0


def line(row: Walked) -> str:
    """One job on a terminal."""
    said = ", ".join(f"{pair} {count} in {row.seconds[pair]:.2f} s" for pair, count in row.points.items())
    return f"{row.job}: {said}; {len(row.wrong)} of {row.asked_again} single solves say otherwise"


def markdown(swept: Swept, rows: Sequence[Walked], repeats: int) -> str:
    """The page."""
    start, stop, points = SPAN
    return "\n".join(
        [
            "# Sweeps and frontiers",
            "",
            f"Written by `python -m benchmarks.what_if`; medians of {repeats} on the machine that ran it, ratios those of two runs in a "
            "row.",
            "",
            "## A sweep against single solves",
            "",
            f"{points} deadlines from {start} to {stop} of R1-Distill-Llama-70B, LoRA, 1 GB: {swept.asked} of the points have a proof of "
            "their own, the others follow from these.",
            "",
            "| | sweep | one solve | the sweep costs so many solves | asked for |",
            "|---|---:|---:|---:|---:|",
            f"| in one process | {swept.seconds:.2f} s | {swept.solve_seconds:.2f} s | **{swept.ratio:.1f}** | under {MOST_SOLVES:g} |",
            f"| whole process | {swept.process_seconds:.2f} s | {swept.solve_process_seconds:.2f} s | **{swept.process_ratio:.1f}** | |",
            "",
            "## Exact frontiers over the whole catalogue",
            "",
            "Points, and seconds in one process; in the last columns cost,time as a whole process, and one solve of the job without a "
            f"deadline. Asked for: the first under {MOST_SECONDS:g} s.",
            "",
            "| job | cost,time | cost,deadline | cost,gpus | time,gpus | whole process | one solve |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *(_row(row) for row in rows),
            "",
            "## Against what people do: a grid of single solves",
            "",
            "Every breakpoint of the deadline frontier was asked again as a single `solve`: at the deadline that the plan keeps, and a "
            "ten-thousandth below it, where the next plan must be the answer. The grid has "
            f"{GRID} evenly spaced deadlines from the fastest plan to the cheapest one; who needs a deadline between two of them takes the "
            "plan of the tighter one.",
            "",
            f"| job | solves that agree | plans on the frontier | found by a grid of {GRID} | dearest answer of the grid |",
            "|---|---:|---:|---:|---:|",
            *(
                f"| {row.job} | {row.asked_again - len(row.wrong)} of {row.asked_again} | {row.points['cost,deadline']} | "
                f"{row.found_by_grid} | {100 * row.overpaid:+.0f} % |"
                for row in rows
            ),
            "",
        ]
    )


def _row(row: Walked) -> str:
    each = " | ".join(f"{count} in {row.seconds[pair]:.2f} s" for pair, count in row.points.items())
    return f"| {row.job} | {each} | {row.process_seconds:.2f} s | {row.solve_seconds:.2f} s |"
