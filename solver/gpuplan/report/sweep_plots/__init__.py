"""Pictures of a sweep: PNG and SVG by matplotlib, HTML by plotly; both draw the same `Chart`, so they say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan.errors import InputError
from gpuplan.files import write_whole
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
    try:
        if kind == ".html":
            from gpuplan.report.sweep_plots.page import page

            content: str | bytes = page(chart)
        else:
            from gpuplan.report.sweep_plots.picture import picture

            content = picture(chart, kind.removeprefix("."))
    except ImportError as error:
        raise _missing(path, error) from None
    write_whole(path, content, "plot")


def check(path: Path) -> str:
    """Ending of a file that can be drawn, in lower case.

    Raises
    ------
    InputError
        Nothing can be drawn into a file of that name.
    """
    kind = path.suffix.lower()
    if kind not in LIBRARIES:
        *first, last = LIBRARIES
        ways_out = tuple(f"{path.stem or 'sweep'}{ending}" for ending in LIBRARIES)
        raise InputError(
            "plot", path, f"{str(path)!r} is no picture; its name must end in {', '.join(first)} or {last}", ways_out
        )
    return kind


def _missing(path: Path, error: ImportError) -> InputError:
    """What to do where a library is not there."""
    library = LIBRARIES[path.suffix.lower()]
    if (error.name or "").partition(".")[0] not in ("", library):
        raise error  # a fault of the library itself
    right = (
        f"a {path.suffix.lower()} plot needs {library}, of the extra 'plots', which is not installed; run "
        "pip install 'gpuplan[plots]' (in a clone .venv/bin/pip install '.[plots]'), or leave --plot out"
    )
    return InputError("plot", path, right)
