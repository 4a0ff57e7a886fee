"""Tables of errors as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.fit.rows import Measured

Array = np.ndarray
GROUPINGS: tuple[tuple[str, Callable[[Measured], str]], ...] = (
    ("source", lambda run: run.source),
    ("task", lambda run: run.task),
    ("kernels", lambda run: run.run.framework.kernels),
    ("kernels and task", lambda run: f"{run.run.framework.kernels} {run.task}"),
    ("source and task", lambda run: f"{run.source} {run.task}"),
    ("GPU", lambda run: run.gpu),
    ("layers", lambda run: "MoE" if run.run.workload.is_mixture else "dense"),
)


def error_table(runs: Sequence[Measured], error: Array) -> str:
    """Median, mean and 90th percentile of \\|predicted / measured - 1\\|, bias, and how many are more than 5 % too low.

    `error` is log(predicted / measured); a negative bias is optimistic.
    """
    lines = [
        "| by | n | median | mean | p90 | bias | under |",
        "|---|---|---|---|---|---|---|",
        _line("**all**", error),
    ]
    for title, key in GROUPINGS:
        names = [key(run) for run in runs]
        for name in sorted(set(names)):
            chosen = np.array([each == name for each in names])
            lines.append(_line(f"{title}: {name}", error[chosen]))
    return "\n".join(lines)


def _line(name: str, error: Array) -> str:
    relative = np.abs(np.expm1(error)) * 100
    bias = np.expm1(np.median(error)) * 100
    under = np.mean(np.expm1(error) < -0.05) * 100
    figures = f"{np.median(relative):.1f} | {np.mean(relative):.1f} | {np.quantile(relative, 0.9):.1f}"
    return f"| {name} | {len(error)} | {figures} | {bias:+.1f} | {under:.0f} |"


def width_table(runs: Sequence[Measured], error: Array) -> str:
    """90 % widths by what `step_interval` and `memory_interval` are keyed by."""
    classes = [
        {
            run.run.framework.kernels if not run.run.workload.is_mixture else "moe",
            run.run.node.accelerator.kernel_family,
        }
        for run in runs
    ]
    lines = ["| key | n | 90 % width |", "|---|---|---|"]
    for name in sorted(set().union(*classes)):
        chosen = np.array([name in each for each in classes])
        lines.append(f"| {name} | {chosen.sum()} | {width_of(error[chosen]):.3f} |")
    return "\n".join(lines)


def width_of(error: Array) -> float:
    """Half-width w such that 90 % of \\|log(measured / predicted)\\| are below it."""
    return float(np.quantile(np.abs(error), 0.9))
