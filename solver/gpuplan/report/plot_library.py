"""Libraries that draw, which come with the extra `plots`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gpuplan.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def check_library(library: str, path: Path) -> None:
    """Raise `InputError` where the library that draws into `path` is not installed."""
    if find_spec(library) is not None:
        return
    right = (
        f"a {path.suffix.lower()} plot needs {library}, of the extra 'plots', which is not installed; run "
        "pip install 'gpuplan[plots]' (in a clone .venv/bin/pip install '.[plots]'), or leave --plot out"
    )
    raise InputError("plot", path, right)
