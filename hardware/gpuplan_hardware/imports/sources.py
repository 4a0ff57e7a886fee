"""The files of an import: a file, all of a folder, the members of an archive, what is behind a URL."""

from __future__ import annotations

import csv
import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO
from urllib.parse import unquote, urlsplit

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports.base import (
    EARLIEST,
    GIVEN,
    IMPORTED,
    IN_PATH,
    LAST_CHANGE,
    SERVER,
    Head,
    ImportFileError,
    Source,
)
from gpuplan_hardware.imports.data_files import ARCHIVES, DATA, data_files, is_data
from gpuplan_hardware.imports.fetch import fetch, shown_url
from gpuplan_hardware.imports.paths import day_in, provider_in
from gpuplan_hardware.imports.text import check_text, printable
from gpuplan_hardware.provider_names import our_name

MOST_BYTES = 2_000_000_000
MOST_FILES = 10_000

_HEAD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 20
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,62}")


@contextmanager
def find_sources(places: Sequence[str], provider: str | None, as_of: date | None) -> Iterator[list[Source]]:
    """Every file behind the places, in their order, those of a folder by name; each file once.

    In a folder and in an archive CSV and JSON files count (``.csv .tsv .json .jsonl .ndjson``, in a folder also ``.zip .gz``) and
    YAML that is called a price list (``pricing.yml``), unless hidden or binary. A file given by itself is taken whatever its name
    is. What is downloaded or unpacked vanishes at the end; the digest is that of what was found (the archive).

    Parameters
    ----------
    places : sequence of str
        Paths and URLs (http, https).
    provider : str or None
        Whose prices all of them are; None takes what the path says ("catalogs/v8/nebius/vms.csv", "aws_vms.csv").
    as_of : date or None
        The day of all prices whose rows carry none, also where the path has one; None takes a date in the path, the nearest part
        first ("2026-05-20", "20260520"), else the server's Last-Modified, else the day on which the file was changed last (UTC).

    Raises
    ------
    CatalogueError
        A place is not there, cannot be read, holds no data, is too large; the provider or the day given cannot be meant.
    """
    today = datetime.now(UTC).date()
    if as_of is not None and not EARLIEST <= as_of <= today + timedelta(days=1):
        right = f"a day from {EARLIEST} up to today, {today}, was expected"
        raise CatalogueError("as_of", str(as_of), f"as_of is {as_of}; {right}.")
    if provider is not None and not _PROVIDER.fullmatch(provider.strip().lower()):
        raise CatalogueError(
            "provider", provider[:200], f"provider is {provider[:200]!r}; a name such as 'aws' was expected."
        )
    with TemporaryDirectory(prefix="gpuplan-") as folder:
        search = _Search(Path(folder), None if provider is None else our_name(provider), as_of, today)
        for place in places:
            if not place.strip():  # as a path it would mean the folder one happens to be in
                raise CatalogueError(
                    "offers", place, f"the place is {place!r}; a file, a folder or a URL was expected."
                )
            search.add(place)
        yield search.found


def read_head(source: Source) -> Head:
    """The beginning of a file, once all of it has been seen to be text.

    Raises
    ------
    ImportFileError
        When it is empty, a web page, or not text in UTF-8.
    """
    try:
        with source.path.open("rb") as file:
            beginning = file.read(_HEAD_BYTES)
            check_text(beginning, file)
    except OSError as error:
        raise ImportFileError(f"it cannot be read ({error.strerror})") from None
    text = beginning.decode("utf-8-sig", errors="ignore")  # all is UTF-8, but the last character may be cut
    if not text.strip():
        raise ImportFileError("it is empty")
    first = text.lstrip("\r\n").split("\n", 1)[0]
    try:
        columns = () if first.lstrip()[:1] in ("{", "[") else next(csv.reader([first]), [])
    except csv.Error:
        columns = ()
    return Head(source, text, tuple(cell.strip() for cell in columns))


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of which it is not known yet what it is: its name, where it lies, the day that it has by itself."""

    name: str
    path: Path
    parts: tuple[str, ...]
    day: date
    day_basis: str
    alone: bool  # given by itself, not one of a folder or an archive


class _Search:
    """The search for sources: what was found so far and how much room is left."""

    def __init__(self, folder: Path, provider: str | None, as_of: date | None, today: date) -> None:
        self._folder, self._provider, self._as_of, self._today = folder, provider, as_of, today
        self._room_bytes = MOST_BYTES
        self._written = 0
        self._seen: set[str] = set()  # places
        self._names: set[str] = set()  # of sources
        self.found: list[Source] = []

    def add(self, place: str) -> None:
        """Find what is behind a path or a URL."""
        try:
            if _URL.match(place):
                self._add_url(place)
                return
            path = Path(place).expanduser()
            if path.is_dir():
                self._add_folder(place, path)
            elif path.is_file():
                self._add_file(place, path, alone=True)
            else:
                raise _error(
                    place, "it is neither a file nor a folder" if path.exists() else "there is no such file or folder"
                )
        except (OSError, RuntimeError, ValueError) as error:  # no permission; no home directory; a NUL in the path
            if isinstance(error, CatalogueError):
                raise
            raise _error(place, f"it cannot be read ({getattr(error, 'strerror', None) or error})") from None

    def _add_folder(self, place: str, folder: Path) -> None:
        files = sorted(data_files(folder), key=lambda path: path.parts)
        for path in files:
            self._add_file(str(Path(place) / path.relative_to(folder)), path, alone=False)
        if not any(str(path.resolve()) in self._seen for path in files):
            raise _error(place, f"the folder holds no price catalogue ({' '.join(sorted(DATA | ARCHIVES))})")

    def _add_file(self, name: str, path: Path, alone: bool) -> None:
        key, state = str(path.resolve()), path.stat()
        if key in self._seen:
            return
        if state.st_size > MOST_BYTES:
            raise _error(name, f"it has {state.st_size:,} bytes; at most {MOST_BYTES:,} are read")
        changed = datetime.fromtimestamp(state.st_mtime, UTC).date()
        found = _Found(printable(name), path, path.absolute().parts, *self._day(changed, LAST_CHANGE), alone)
        if self._open(found, None):
            self._seen.add(key)

    def _add_url(self, url: str) -> None:
        name = shown_url(url)
        if url in self._seen:
            return
        self._seen.add(url)
        fetched = fetch(url, self._new_path(), self._room_bytes)
        self._room_bytes -= fetched.size_bytes
        parts = tuple(unquote(part) for part in urlsplit(name).path.split("/") if part)
        self._open(
            _Found(name, fetched.path, parts, *self._day(fetched.last_modified, SERVER), alone=True), fetched.sha256
        )

    def _day(self, day: date | None, basis: str) -> tuple[date, str]:
        """The day that a file has by itself and where it is from; that of the import where it has none, or none that can be."""
        return (self._today, IMPORTED) if day is None or day < EARLIEST else (day, basis)

    def _open(self, found: _Found, digest: str | None) -> bool:
        """Take a file, or what is packed in it; False where that is no data."""
        before = len(self.found)
        with found.path.open("rb") as file:
            beginning = file.read(_HEAD_BYTES)
            digest = digest or _digest(beginning, file)
            file.seek(0)
            try:
                if beginning.startswith(_ZIP):
                    self._unzip(found, file, digest)
                elif beginning.startswith(_GZIP):
                    path = self._new_path()
                    with gzip.open(file) as packed:
                        self._unpack(found.name, packed, path)
                    self._take(
                        replace(found, path=path, parts=(*found.parts[:-1], found.parts[-1].removesuffix(".gz"))),
                        digest,
                    )
                else:
                    self._take(found, digest)
            except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError) as error:
                raise _error(found.name, f"the archive is cut short, damaged or encrypted ({error})") from None
        return len(self.found) > before

    def _unzip(self, found: _Found, file: IO[bytes], digest: str) -> None:
        before = len(self.found)
        with zipfile.ZipFile(file) as archive:
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                inside = PurePosixPath(member.filename)
                if member.is_dir() or not is_data(inside, DATA):
                    continue
                path = self._new_path()
                with archive.open(member) as packed:
                    self._unpack(found.name, packed, path)
                name = f"{found.name}/{printable(member.filename)}"
                packed_day = None if found.day_basis == SERVER else _packed_day(member)
                day, basis = (found.day, found.day_basis) if packed_day is None else (packed_day, LAST_CHANGE)
                self._take(_Found(name, path, (*found.parts, *inside.parts), day, basis, alone=False), digest)
        if len(self.found) == before and found.alone:
            raise _error(found.name, f"the archive holds no price catalogue ({' '.join(sorted(DATA))})")

    def _take(self, found: _Found, digest: str) -> None:
        with found.path.open("rb") as file:
            if b"\0" in file.read(_HEAD_BYTES):
                if found.alone:
                    raise _error(found.name, "it is not a text file")
                return
        if len(self.found) == MOST_FILES:
            raise _error(found.name, f"it is one of more than {MOST_FILES:,} files")
        day, basis, in_path = found.day, found.day_basis, day_in(found.parts, self._today)
        if self._as_of is not None:
            day, basis = self._as_of, GIVEN
        elif in_path is not None:
            day, basis = in_path, IN_PATH
        day = min(day, self._today)  # clocks are wrong at times; a day in the future is no day of a price
        provider = self._provider or provider_in(found.parts)
        name, copies = found.name, 1
        while name in self._names:  # an archive may hold a name twice
            copies += 1
            name = f"{found.name} ({copies})"
        self._names.add(name)
        overridden = in_path if basis == GIVEN and in_path != day else None
        self.found.append(Source(name, found.path, provider, day, basis, digest, overridden))

    def _unpack(self, name: str, packed: IO[bytes] | gzip.GzipFile, path: Path) -> None:
        with path.open("wb") as file:
            while chunk := packed.read(_CHUNK_BYTES):
                self._room_bytes -= len(chunk)
                if self._room_bytes < 0:
                    raise _error(name, f"unpacked it has more than {MOST_BYTES:,} bytes, the most that is read")
                file.write(chunk)

    def _new_path(self) -> Path:
        self._written += 1
        return self._folder / str(self._written)


def _digest(beginning: bytes, rest: IO[bytes]) -> str:
    digest, chunk = sha256(), beginning
    while chunk:
        digest.update(chunk)
        chunk = rest.read(_CHUNK_BYTES)
    return digest.hexdigest()


def _packed_day(member: zipfile.ZipInfo) -> date | None:
    """The day of a member; archives without days say 1980-01-01."""
    try:
        day = date(*member.date_time[:3])
    except ValueError:
        return None
    return day if day >= EARLIEST else None


def shown_place(place: str) -> str:
    """A path or URL as it may be shown and kept: in one line, without a user's name and password."""
    return shown_url(place) if _URL.match(place) else printable(place)


def _error(place: str, why: str) -> CatalogueError:
    shown = shown_place(place)[:200]
    return CatalogueError("offers", shown, f"{shown}: {why}.")
