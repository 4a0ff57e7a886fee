"""Libraries that draw, which come with the extra `plots`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gpuplan.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

#: Endings of files that can be drawn, and the library that draws them.
LIBRARIES = {".png": "matplotlib", ".svg": "matplotlib", ".html": "plotly"}


def picture_kind(path: Path, field: str = "plot") -> str:
    """Ending of a file that can be drawn, in lower case.

    Raises
    ------
    InputError
        Nothing can be drawn into a file of that name, or the library that does it is not installed.
    """
    kind = path.suffix.lower()
    if kind not in LIBRARIES:
        *first, last = LIBRARIES
        ways_out = tuple(f"{path.stem or 'plot'}{ending}" for ending in LIBRARIES)
        raise InputError(
            field, path, f"{str(path)!r} is no picture; its name must end in {', '.join(first)} or {last}", ways_out
        )
    check_library(LIBRARIES[kind], path, field)
    return kind


def check_library(library: str, path: Path, field: str = "plot") -> None:
    """Raise `InputError` where the library that draws into `path` is not installed."""
    if find_spec(library) is not None:
        return
    right = (
        f"a {path.suffix.lower()} plot needs {library}, of the extra 'plots', which is not installed; run "
        f"pip install 'gpuplan[plots]' (in a clone .venv/bin/pip install '.[plots]'), or leave --{field} out"
    )
    raise InputError(field, path, right)
