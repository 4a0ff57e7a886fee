"""Counts tokens of a text with the model's own tokenizer, on a sample taken evenly from all of it."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan_models.errors import ModelError, shown
from gpuplan_models.paths import user_path

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SAMPLE_BYTES = 1_000_000
"""How much text is tokenized; more does not change the rate of even text, and this takes about a second."""

CHUNK_BYTES = 16_384
"""Length of one piece of the sample: long enough that the cuts at its ends do not matter (4,000 tokens)."""

TOKENIZER_LIMIT_BYTES = 100_000_000
"""Largest tokenizer.json that is read; the largest published ones have about 35 MB."""


@dataclass(frozen=True, slots=True)
class TokenSample:
    """What a tokenizer made of a sample.

    Attributes
    ----------
    bytes_per_token
        Bytes of UTF-8 text per token in the sample.
    sample_bytes, sample_tokens
        Size of the sample.
    data_bytes
        Size of all the text.
    """

    bytes_per_token: float
    sample_bytes: int
    sample_tokens: int
    data_bytes: int

    @property
    def tokens(self) -> float:
        """Tokens of all the text at the rate of the sample."""
        return self.data_bytes / self.bytes_per_token


def count_tokens(path: str | os.PathLike[str], tokenizer_json: str | os.PathLike[str]) -> TokenSample:
    """Count the tokens of a text file, or of all files of a folder, with a tokenizer.

    Up to `SAMPLE_BYTES` are read, in pieces spread evenly over all of the text. The bytes are taken as they are: in
    JSON or CSV files, names of fields and quotes count as text.

    Parameters
    ----------
    path
        UTF-8 text: a file, or a folder of which every file counts, hidden ones left out.
    tokenizer_json
        The model's ``tokenizer.json``.

    Raises
    ------
    ModelError
        If the optional package `tokenizers` is missing, or a file is missing, empty, or not what it should be.
    """
    tokenizer = _load(user_path(tokenizer_json))
    files = _sized_files(user_path(path))
    data_bytes = sum(size for _, size in files)
    sample_bytes = sample_tokens = 0
    for text in _sample(files, data_bytes):
        sample_bytes += len(text.encode())
        sample_tokens += len(tokenizer.encode(text, add_special_tokens=False).ids)
    if not sample_tokens:
        raise ModelError("data", path, f"data: {shown(path)} holds no text to count.")
    return TokenSample(sample_bytes / sample_tokens, sample_bytes, sample_tokens, data_bytes)


def _load(path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        message = "tokenizer: counting needs the package tokenizers; install it with pip install 'gpuplan[tokenizers]'."
        raise ModelError("tokenizer", path, message) from error
    text = _read_tokenizer(path)
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # whatever is wrong with the text, tokenizers raises a bare Exception
        message = f"tokenizer: {shown(path)} is no tokenizer.json: {shown(error)}."
        raise ModelError("tokenizer", path, message) from error


def _read_tokenizer(path: Path) -> str:
    try:
        if not path.is_file():
            raise ModelError("tokenizer", path, f"tokenizer: {shown(path)} is no file; give a tokenizer.json.")
        if path.stat().st_size > TOKENIZER_LIMIT_BYTES:
            message = f"tokenizer: {shown(path)} has more than {TOKENIZER_LIMIT_BYTES} bytes; no tokenizer.json has."
            raise ModelError("tokenizer", path, message)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError("tokenizer", path, f"tokenizer: {shown(path)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ModelError("tokenizer", path, f"tokenizer: {shown(path)} is no tokenizer.json: not UTF-8.") from error


def _sized_files(path: Path) -> list[tuple[Path, int]]:
    """Return the files behind `path` with their sizes, in a fixed order."""
    try:
        if not path.exists():
            raise ModelError("data", path, f"data: {shown(path)} does not exist; give a text file or a folder of them.")
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        shown_files = [file for file in found if file == path or not _is_hidden(file.relative_to(path))]
        sized = [(file, file.stat().st_size) for file in shown_files if file.is_file()]
    except OSError as error:
        raise ModelError("data", path, f"data: {shown(path)} cannot be read: {error.strerror}.") from error
    if not any(size for _, size in sized):
        raise ModelError("data", path, f"data: {shown(path)} is empty; there is nothing to count.")
    return sized


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _sample(files: list[tuple[Path, int]], data_bytes: int) -> Iterator[str]:
    """Yield pieces of text whose starts are spread evenly over the files laid end to end."""
    pieces = max(1, min(SAMPLE_BYTES, data_bytes) // CHUNK_BYTES)
    start = 0
    for file, size in files:
        # Piece i starts at byte i * data_bytes / pieces of the whole; those from `first` to `last` lie in this file.
        first, last = (-(-edge * pieces // data_bytes) for edge in (start, start + size))
        for piece in range(first, last):
            yield _read_text(file, piece * data_bytes // pieces - start)
        start += size


def _read_text(path: Path, offset: int) -> str:
    """Return the whole characters of the piece that starts at byte `offset`."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, offset))
            data = stream.read(CHUNK_BYTES)
    except OSError as error:
        raise ModelError("data", path, f"data: {shown(path)} cannot be read: {error.strerror}.") from error
    whole = data.lstrip(_CONTINUATION_BYTES) if offset > 0 else data
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(whole)
    except UnicodeDecodeError as error:
        raise ModelError("data", path, f"data: {shown(path)} is not UTF-8 text near byte {offset}.") from error
    if "\0" in text:
        raise ModelError("data", path, f"data: {shown(path)} is not a text file: it holds null bytes.")
    return text


_CONTINUATION_BYTES = bytes(range(0x80, 0xC0))
"""Bytes that go on with a UTF-8 character; at the start of a piece they belong to one that was cut."""
