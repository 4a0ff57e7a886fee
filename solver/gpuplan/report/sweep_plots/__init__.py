"""Pictures of a sweep: PNG and SVG by matplotlib, HTML by plotly; both draw the same `Chart`, so they say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.errors import InputError
from gpuplan.files import write_whole
from gpuplan.report.plot_library import check_library
from gpuplan.report.sweep_plots.dumbbells import dumbbell_chart
from gpuplan.report.sweep_plots.scene import curve_chart

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan.sweeping.result import SweepResult

#: Endings of files that can be drawn, and the library that draws them.
LIBRARIES = {".png": "matplotlib", ".svg": "matplotlib", ".html": "plotly"}


def draw(result: SweepResult, path: Path) -> None:
    """Draw curves or break-even prices into a file; its ending says which kind (PNG, SVG, or a page that works offline).

    The same answer gives the same file, byte for byte, with the same versions of the libraries.

    Raises
    ------
    InputError
        Another ending, the library that draws it is not installed, or the file cannot be written.
    """
    kind = check(path)
    chart = dumbbell_chart(result) if result.question == "break-even" else curve_chart(result)
    if kind == ".html":
        from gpuplan.report.sweep_plots.page import page

        write_whole(path, page(chart), "plot")
    else:
        from gpuplan.report.sweep_plots.picture import picture

        write_whole(path, picture(chart, kind.removeprefix(".")), "plot")


def check(path: Path) -> str:
    """Ending of a file that can be drawn, in lower case.

    Raises
    ------
    InputError
        Nothing can be drawn into a file of that name, or the library that does it is not installed.
    """
    kind = path.suffix.lower()
    if kind not in LIBRARIES:
        *first, last = LIBRARIES
        ways_out = tuple(f"{path.stem or 'sweep'}{ending}" for ending in LIBRARIES)
        raise InputError(
            "plot", path, f"{str(path)!r} is no picture; its name must end in {', '.join(first)} or {last}", ways_out
        )
    check_library(LIBRARIES[kind], path)
    return kind
