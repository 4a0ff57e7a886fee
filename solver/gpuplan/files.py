"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gpuplan.errors import InputError


def write_whole(path: Path, content: str | bytes, field: str = "out") -> None:
    """Write a file so that whoever reads it sees the old content or the new one, never half of it; text as UTF-8.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    with whole_file(path, field) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path, field: str = "out") -> Iterator[BinaryIO]:
    """Open a file for content that comes in parts; the old content is replaced at the end of the block, and only if nothing fails.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    target = path.resolve()  # a link keeps pointing to the file
    try:
        if target.exists() and not target.is_file():  # a device or a pipe must not be replaced by a file
            with target.open("wb") as file:
                yield file
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            Path(name).chmod(_mode(target))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(field, path, f"cannot write {str(path)!r}: {error.strerror}; give another path") from None


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file gets (a temporary file is private)."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
