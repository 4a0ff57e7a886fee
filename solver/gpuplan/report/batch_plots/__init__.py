"""Pictures of a batch: PNG and SVG by matplotlib, an HTML page by plotly; both draw the same `BatchChart`, so they say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.files import write_whole
from gpuplan.report.batch_plots.chart import batch_chart
from gpuplan.report.batch_plots.points import read_points
from gpuplan.report.plot_library import picture_kind

if TYPE_CHECKING:
    from pathlib import Path

    from gpuplan.batching.result import BatchResult


def draw(result: BatchResult, path: Path) -> None:
    """Draw a batch into a file; its ending says which kind (PNG, SVG, or a page with tables that works offline).

    The same answer and rows give the same file, byte for byte, with the same versions of the libraries.

    Parameters
    ----------
    result
        The answer to `batch`; its rows are read from the file that it names.

    Raises
    ------
    InputError
        Another ending, the library that draws it is not installed, the rows cannot be read, or the file cannot be written.
    """
    kind = picture_kind(path, "page")
    chart = batch_chart(result, read_points(result.out))
    if kind == ".html":
        from gpuplan.report.batch_plots.page import page

        write_whole(path, page(result, chart), "page")
    else:
        from gpuplan.report.batch_plots.picture import picture

        write_whole(path, picture(chart, kind.removeprefix(".")), "page")
