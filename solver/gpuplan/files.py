"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gpuplan.errors import InputError


def write_whole(path: Path, content: str | bytes, field: str = "out") -> None:
    """Write a file so that whoever reads it sees the old content or the new one, never half of it; text as UTF-8.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    data = content.encode() if isinstance(content, str) else content
    target = path.resolve()  # a link keeps pointing to the file
    try:
        if target.exists() and not target.is_file():  # a device or a pipe must not be replaced by a file
            target.write_bytes(data)
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
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
