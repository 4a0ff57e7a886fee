"""The answer to `sweep` as text: what the curve says in a sentence, its points in a table, and what they rest on."""

from __future__ import annotations

from rich.console import Console, RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import MAX_WIDTH, Prose, bullets, facts, section, write
from gpuplan.report.plan import job
from gpuplan.report.sweep_break_even import break_even
from gpuplan.report.sweep_tables import curve, side_by_side
from gpuplan.report.sweep_words import axis_word, curve_verdict, method_of, verdict
from gpuplan.report.verdict import OPEN
from gpuplan.report.words import PRICINGS
from gpuplan.sweeping.result import SeriesAnswer, SweepPoint, SweepResult

#: Axes that change how much there is to train on.
AMOUNTS = ("data", "tokens", "epochs", "sequence-length", "global-batch")
#: Limits of a job that an axis takes the place of.
VARIED = {"deadline": "deadline_hours", "budget": "budget_usd", "max-gpus": "max_gpus", "max-nodes": "max_nodes"}

__all__ = ["PRICINGS", "render"]


def render(result: SweepResult, console: Console) -> None:
    """Print a sweep, a frontier or break-even prices for people, at most the console's width and `MAX_WIDTH` columns wide."""
    width = max(1, min(console.width, MAX_WIDTH))
    write(console, _sections(result), width)
