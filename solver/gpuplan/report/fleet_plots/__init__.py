"""Pictures of a fleet: PNG and SVG by matplotlib, HTML by plotly; both draw the same `FleetChart`, so they say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.files import write_whole
from gpuplan.report.fleet_plots.scene import fleet_chart
from gpuplan.report.plot_library import picture_kind

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan.scheduling.result import FleetResult


def draw(result: FleetResult, path: Path) -> None:
    """Draw the schedule and what is in use into a file; its ending says which kind (PNG, SVG, or a page that works offline).

    The same answer gives the same file, byte for byte, with the same versions of the libraries.

    Raises
    ------
    InputError
        Another ending, the library that draws it is not installed, or the file cannot be written.
    """
    kind = picture_kind(path)
    chart = fleet_chart(result)
    if kind == ".html":
        from gpuplan.report.fleet_plots.page import page

        write_whole(path, page(chart), "plot")
    else:
        from gpuplan.report.fleet_plots.picture import picture

        write_whole(path, picture(chart, kind.removeprefix(".")), "plot")
