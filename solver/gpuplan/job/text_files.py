"""Text on disk and its size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gpuplan.errors import InputError
from gpuplan.units import format_bytes

COMPRESSED = frozenset({".7z", ".arrow", ".bz2", ".gz", ".lz4", ".parquet", ".rar", ".tgz", ".xz", ".zip", ".zst"})
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class TextFiles:
    """Files with text, in the order of their paths, and their sizes in bytes."""

    path: Path
    files: tuple[tuple[Path, int], ...]

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.files)


def find_text(path: Path) -> TextFiles:
    """List the text files of a path, hidden ones left out.

    Raises
    ------
    InputError
        Nothing to read, or a file that holds no plain text: its size says little about its tokens.
    """
    try:
        files = tuple((file, file.stat().st_size) for file in _walk(path))
        for file, size in files:
            _require_text(file, size)
    except OSError as error:
        raise InputError("data", path, f"cannot read {str(error.filename or path)!r}: {error.strerror}") from None
    found = TextFiles(path, files)
    if found.total_bytes == 0:
        raise InputError(
            "data", path, f"{str(path)!r} holds no bytes; give a file or folder with text, or a size such as 1GB"
        )
    return found


def _walk(path: Path) -> Iterator[Path]:
    """Regular files at or below a path, sorted, without hidden ones; links to folders are not followed."""
    if not path.is_dir():
        if not path.is_file():
            raise InputError(
                "data", path, f"{str(path)!r} is no regular file; give a file, a folder, or a size such as 1GB"
            )
        yield path
        return
    for folder, below, names in os.walk(path, onerror=_reraise):
        below[:] = sorted(name for name in below if not name.startswith("."))
        files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
        yield from (file for file in files if file.is_file())


def _reraise(error: OSError) -> None:
    """Let a folder that cannot be read end the walk: its size would be missing in silence."""
    raise error


def _require_text(file: Path, size: int) -> None:
    """Refuse compressed and binary files."""
    if file.suffix.lower() in COMPRESSED:
        raise InputError(
            "data", file, f"{str(file)!r} is compressed, its size is not that of its text; unpack it or give --tokens"
        )
    with file.open("rb") as opened:
        if size and b"\0" in opened.read(HEAD_BYTES):
            raise InputError(
                "data",
                file,
                f"{str(file)!r} is not plain UTF-8 text (it holds zero bytes); convert it or give --tokens",
            )


def describe(text: TextFiles) -> str:
    """Say how large the text is and in how many files."""
    files = "1 file" if len(text.files) == 1 else f"{len(text.files):,} files"
    return f"{str(text.path)!r} ({format_bytes(text.total_bytes)} in {files})"
