"""Whether a file is text at all."""

from __future__ import annotations

import codecs
from typing import IO

from gpuplan_hardware.imports.base import ImportFileError

_CHUNK_BYTES = 1 << 20


def printable(text: str) -> str:
    """The text in one line: what cannot be printed becomes "?"."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def is_html(beginning: bytes) -> bool:
    """Whether a file that begins so is a web page."""
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def check_text(beginning: bytes, rest: IO[bytes]) -> None:
    """See that a file is UTF-8 to its end, of which only one piece at a time is held.

    Raises
    ------
    ImportFileError
        When it is a web page, binary, or in another encoding.
    """
    if is_html(beginning):
        raise ImportFileError("it is a web page (HTML), not data")
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk = beginning
    try:
        while chunk:
            if b"\0" in chunk:
                raise ImportFileError("it is not a text file")
            decoder.decode(chunk)
            chunk = rest.read(_CHUNK_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise ImportFileError("it is not a text file in UTF-8") from None
