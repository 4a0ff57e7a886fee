"""Files of the user's catalogue: written whole or not at all, by one import at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gpuplan_hardware.errors import CatalogueError

VARIABLE = "GPUPLAN_OFFERS_DIR"
LOCK_SECONDS = 10.0


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with files into one error; what was there is as it was, as the pointer moves last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "make room on the disk" if full else f"make the folder writable, or set {VARIABLE} to another one"
        why = f"offers cannot be written ({error.strerror or error})"
        raise CatalogueError(
            "offers", str(folder), f"{folder}: {why}; your offers are as they were; {way_out}."
        ) from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one import at a time writes."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            yield
    except Timeout:
        why = f"another import has been writing there for {LOCK_SECONDS:g} s"
        message = f"{folder}: {why}; your offers are as they were; import again when it is done."
        raise CatalogueError("offers", str(folder), message) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole, on the disk, or not at all."""
    passing = path.with_name(f"{path.name}.new")
    try:
        with passing.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)
    except BaseException:
        with suppress(OSError):
            passing.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk; not every system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def numbers(folder: Path) -> list[int]:
    """Numbers of snapshots that lie in the folder, those of imports that crashed among them."""
    return [int(path.stem) for path in folder.glob("*.npz") if path.stem.isdecimal()]


def drop_others(folder: Path, kept: set[str]) -> None:
    """Delete snapshots that the pointer no longer names; one that cannot be deleted does no harm."""
    for path in (*folder.glob("*.npz"), *folder.glob("*.npz.new")):
        if path.stem.partition(".")[0].isdecimal() and path.name not in kept:
            with suppress(OSError):
                path.unlink()
