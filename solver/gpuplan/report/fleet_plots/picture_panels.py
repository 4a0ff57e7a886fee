"""The panels of a picture: how much of a limit is in use, and how much of it there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from matplotlib.transforms import blended_transform_factory

from gpuplan.report.fleet_plots.chart import FleetChart, Panel, Step
from gpuplan.report.fleet_plots.layout import EDGE, PANEL, POINTS, WIDTH, Layout, shortened
from gpuplan.report.fleet_plots.picture_rows import dress
from gpuplan.report.sweep_plots.chart import INK

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

NAME, NOTE, NUMBER = 9.0, 8.0, 7.5
#: Where the lines under a name stand, from the top of the panel, in points.
LINE_POINTS = 13.0


class Measures(Protocol):
    """Widths of texts, in inches, for letters of a size."""

    def __call__(self, size: float, *, bold: bool = False) -> Callable[[str], float]: ...


def draw_panel(chart: FleetChart, panel: Panel, axes: Axes, layout: Layout, measure: Measures, *, last: bool) -> None:
    """Draw one limit; the last panel has the dates below it."""
    high = chart.time.high
    axes.set(xlim=(0.0, high), ylim=(0.0, panel.top * 1.08))
    dress(chart, axes, above=False, size=layout.size)
    if not last:
        axes.tick_params(axis="x", labelbottom=False, length=0)
    x, y = _stairs(panel.use, high)
    axes.fill_between(x, y, step="post", color=panel.colour, alpha=0.45, linewidth=0, zorder=2)
    for since, until in panel.full:
        inside = [step for step in panel.use if since < step.hours < until]
        part = [Step(since, panel.use_at(since)), *inside]
        px, py = _stairs(part, min(until, high))
        axes.fill_between(px, py, step="post", color=panel.colour, linewidth=0, zorder=3)
    cx, cy = _stairs(panel.capacity, high)
    axes.step(cx, cy, where="post", color=INK, linewidth=1.4, zorder=4)
    axes.set_yticks([0, panel.named], ["0", f"{panel.named:,}"], fontsize=NUMBER)
    axes.tick_params(axis="y", length=2, pad=2)
    _words(panel, axes, layout, measure)


def _words(panel: Panel, axes: Axes, layout: Layout, measure: Measures) -> None:
    """Its name and what there is to say, on the left."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    beside = blended_transform_factory(figure.transFigure, axes.transAxes)
    lines = [(panel.name, NAME, True), *((note, NOTE, False) for note in panel.notes)]
    for index, (text, size, bold) in enumerate(lines):
        shown = shortened(text, layout.left, measure(size, bold=bold), ends=bold)
        y = 1.0 - index * LINE_POINTS / (PANEL * POINTS)
        weight = "bold" if bold else "normal"
        axes.text(EDGE / WIDTH, y, shown, transform=beside, fontsize=size, fontweight=weight, va="top", color=INK)


def _stairs(steps: Sequence[Step], end: float) -> tuple[list[float], list[float]]:
    """Corners of steps, the last of which goes on to the end."""
    kept = [step for step in steps if step.hours <= end]
    x, y = [step.hours for step in kept], [float(step.units) for step in kept]
    return [*x, end], [*y, y[-1] if y else 0.0]
