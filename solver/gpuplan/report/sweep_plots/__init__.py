"""Pictures of a sweep: PNG and SVG by matplotlib, HTML by plotly; both draw the same `Chart`, so they say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.files import write_whole
from gpuplan.report.plot_library import picture_kind
from gpuplan.report.sweep_plots.dumbbells import dumbbell_chart
from gpuplan.report.sweep_plots.scene import curve_chart

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan.sweeping.result import SweepResult


def draw(result: SweepResult, path: Path) -> None:
    """Draw curves or break-even prices into a file; its ending says which kind (PNG, SVG, or a page that works offline).

    The same answer gives the same file, byte for byte, with the same versions of the libraries.

    Raises
    ------
    InputError
        Another ending, the library that draws it is not installed, or the file cannot be written.
    """
    kind = picture_kind(path)
    chart = dumbbell_chart(result) if result.question == "break-even" else curve_chart(result)
    if kind == ".html":
        from gpuplan.report.sweep_plots.page import page

        write_whole(path, page(chart), "plot")
    else:
        from gpuplan.report.sweep_plots.picture import picture

        write_whole(path, picture(chart, kind.removeprefix(".")), "plot")
