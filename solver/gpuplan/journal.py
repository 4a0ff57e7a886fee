"""What a long run has found so far, on the disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader, FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from gpuplan import __version__
from gpuplan.errors import InputError
from gpuplan.interrupts import held_back

_BEGINNING = b'{"gpuplan":"'
_FIRST = re.compile(rb'\{"gpuplan":"([^"\\\x00-\x1f]*)","question":"([0-9a-f]{64})"\}\n')
_LONGEST_FIRST = 200
#: An entry: JSON on one line has no control characters, and what a power cut leaves of a block may be zeros.
_ENTRY = re.compile(rb'\{"key":("(?:[^"\\\x00-\x1f]|\\.)*"),"value":([^\x00-\x1f]+)\}\n')


class _Known(Mapping[str, str]):
    """Keys in memory, values in the file until they are asked for: those of 100,000 answers are gigabytes."""

    def __init__(self, reader: BufferedReader) -> None:
        self._reader = reader
        self._places: dict[str, tuple[int, int]] = {}

    def put(self, key: str, begin: int, end: int) -> None:
        """Remember where a value is; the first of a key counts."""
        self._places.setdefault(key, (begin, end))

    def __getitem__(self, key: str) -> str:
        begin, end = self._places[key]
        self._reader.seek(begin)
        return self._reader.read(end - begin).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass(slots=True)
class Journal:
    """A file of answers, a line each; what `add` has written is still there after a crash or a power cut.

    Opened by `Journal.open`, and good for a ``with`` block. The first line says which question the answers belong to and
    which version of gpuplan gave them. One run writes at a time.

    Attributes
    ----------
    path
        The file.
    known
        What earlier runs have found, JSON text by key; read from the file when it is asked for, so until `close`.
    """

    path: Path
    known: Mapping[str, str]
    _writer: FileIO = field(repr=False)
    _held: ExitStack = field(repr=False)

    @classmethod
    def open(cls, path: Path, question: str, restart: bool = False) -> Journal:
        """Open the journal of a question, or begin it; a last line that a crash has torn is cut off.

        Parameters
        ----------
        path
            The file; a file ``path.lock`` is beside it while a run writes.
        question
            Text that says all that is asked; another text is another question.
        restart
            Whether to forget what an earlier run, of whatever question, has left.

        Raises
        ------
        InputError
            Another run is writing the file; it is no journal, or one of another question or version of gpuplan (it stays
            as it is); or it cannot be read or written.
        """
        with ExitStack() as held, _files(path):
            _check_place(path)
            held.enter_context(_locked(path))
            writer = held.enter_context(FileIO(path, "ab"))
            reader = held.enter_context(path.open("rb"))
            known = _Known(reader)
            first = _first_line(question)
            found = reader.readline(_LONGEST_FIRST)
            if _is_torn(found) or (restart and _FIRST.fullmatch(found)):
                writer.truncate(0)
                _append(writer, first)
                _sync_folder(path.parent)
            else:
                _check_first(path, found, first)
                _read(path, reader, writer, known)
            return cls(path, known, writer, held.pop_all())

    def add(self, key: str, value: str) -> None:
        """Write an answer; when this returns, it is on the disk. Ctrl-C waits until it is.

        Parameters
        ----------
        key
            What a later run finds it by.
        value
            JSON text on one line, such as pydantic's ``model_dump_json()``.

        Raises
        ------
        InputError
            The disk is full or fails; what was written before is as it was.
        ValueError
            `value` takes more than a line.
        """
        line = f'{{"key":{json.dumps(key)},"value":{value}}}\n'.encode()
        if not _ENTRY.fullmatch(line):
            raise ValueError(f"{key!r} needs JSON text on one line, not {value[:80]!r}")
        with held_back(), _files(self.path):
            _append(self._writer, line)

    def close(self) -> None:
        """End writing; the file stays, for the run that goes on."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _files(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the file into an error of the input, with the way out."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "make room on the disk and give the same command again" if full else "give another --out"
        message = f"{str(path)!r} cannot be written ({error.strerror or error}); {way_out}"
        raise InputError("journal", path, message) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let no other run write the file."""
    lock = FileLock(f"{path}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        message = f"another run is writing {str(path)!r}; wait until it ends, or give another --out"
        raise InputError("journal", path, message) from None
    try:
        yield
    finally:
        with suppress(OSError):  # some systems delete no file that is open
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _check_place(path: Path) -> None:
    """Raise `InputError` for a folder, a device, or a folder that is not there, which the lock would make."""
    if path.exists() and not path.is_file():
        raise InputError("journal", path, f"{str(path)!r} is no file; give another --out")
    if not path.parent.is_dir():
        raise InputError("journal", path, f"the folder of {str(path)!r} does not exist; make it, or give another --out")


def _append(writer: FileIO, line: bytes) -> None:
    """Put a line on the disk whole, or leave the file as it was."""
    size = os.fstat(writer.fileno()).st_size
    try:
        left = memoryview(line)
        while left:
            left = left[writer.write(left) :]
        os.fsync(writer.fileno())
    except OSError:
        with suppress(OSError):
            writer.truncate(size)
        raise


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk; not every system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _first_line(question: str) -> bytes:
    """The line that a journal of the question begins with."""
    digest = hashlib.sha256(question.encode()).hexdigest()
    return f'{_BEGINNING.decode()}{__version__}","question":"{digest}"}}\n'.encode()


def _is_torn(found: bytes) -> bool:
    """Whether a file's first bytes are those of a journal that never got beyond its first line."""
    if found.endswith(b"\n") or len(found) == _LONGEST_FIRST:
        return False
    return found.startswith(_BEGINNING) or _BEGINNING.startswith(found)


def _check_first(path: Path, found: bytes, wanted: bytes) -> None:
    """Raise `InputError` where a file is no journal, or one of another question or version."""
    parts, own = _FIRST.fullmatch(found), _FIRST.fullmatch(wanted)
    if parts is None or own is None:
        message = f"{str(path)!r} is there and is no journal of gpuplan; move it away, or give another --out"
        raise InputError("journal", path, message)
    if parts[1] != own[1]:
        why = f"was begun by gpuplan {parts[1].decode(errors='replace')}, and this is {__version__}"
    elif parts[2] != own[2]:
        why = "holds answers to another question"
    else:
        return
    raise InputError("journal", path, f"{str(path)!r} {why}; begin anew with --restart, or give another --out")


def _read(path: Path, reader: BufferedReader, writer: FileIO, known: _Known) -> None:
    """Find the entries after the first line, and cut off a torn last one."""
    begin = reader.tell()
    size = os.fstat(reader.fileno()).st_size
    for number, line in enumerate(reader, start=2):
        end = begin + len(line)
        if entry := _ENTRY.fullmatch(line):
            known.put(json.loads(entry[1]), begin + entry.start(2), begin + entry.end(2))
        elif end == size and (not line.endswith(b"\n") or b"\0" in line):
            writer.truncate(begin)
        else:
            way_out = "begin anew with --restart, or give another --out"
            raise InputError("journal", path, f"line {number} of {str(path)!r} is no entry of a journal; {way_out}")
        begin = end
