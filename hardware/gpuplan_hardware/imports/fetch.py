"""Getting a price catalogue from a URL: with retries, timeouts and a size limit; and the pages of the Azure Retail Prices API."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports.text import is_html, printable

if TYPE_CHECKING:
    import httpx

MOST_PAGES = 1_000
_WAITS_SECONDS = (1.0, 2.0)  # before the second and the third try
_LONGEST_WAIT_SECONDS = 60.0  # a server that asks for more patience than this is not waited for
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_CHUNK_BYTES = 1 << 16
_AZURE_PATH = "/api/retail/prices"
_ANSWERS = dict.fromkeys((404, 410), "there is no such file") | dict.fromkeys((401, 403), "it is not for everybody")
_HTML = "it is a web page (HTML), not data"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server sent.

    Attributes
    ----------
    path : Path
        Where its body lies; for the Azure API all pages, one in a line.
    last_modified : date or None
        The day (UTC) that the server says it changed last.
    sha256 : str
        Digest of the body, or of the bodies of all pages one after the other.
    size_bytes : int
        Its length.
    """

    path: Path
    last_modified: date | None
    sha256: str
    size_bytes: int


class _PassingError(Exception):
    """What may be gone at the next try; `wait_seconds` is what the server asks for."""

    def __init__(self, why: str, wait_seconds: float = 0.0) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds


def fetch(
    url: str,
    path: Path,
    most_bytes: int,
    *,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Download a file to `path`.

    Redirects are followed. Connections that fail, answers of 429 and 5xx and downloads that end early are tried three times.
    A URL of the Azure Retail Prices API is read page by page, as long as the next page is on the same host.

    Parameters
    ----------
    url : str
        With http or https.
    path : Path
        Where to write; what is there is lost.
    most_bytes : int
        A longer body is refused as soon as that shows.
    transport, sleep
        In place of the network and the clock, for tests.

    Raises
    ------
    CatalogueError
        One sentence: no such server, no such file, a web page instead of data, too large, cut short.
    """
    import httpx

    shown = shown_url(url)
    try:
        parts = urlsplit(url)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise _error(shown, "only URLs with http:// or https:// and a host are read")
        headers = {"user-agent": "gpuplan", "accept": "text/csv, application/json, */*;q=0.5"}
        timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        with (
            httpx.Client(timeout=timeout, headers=headers, follow_redirects=True, transport=transport) as client,
            path.open("wb") as file,
        ):
            download = _Download(client, shown, file, most_bytes, sleep)
            read = download.pages if parts.path.rstrip("/").lower() == _AZURE_PATH else download.whole
            read(url)
    except CatalogueError:
        raise
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _error(shown, _why(error)) from None
    return Fetched(path, download.last_modified, download.digest.hexdigest(), download.size_bytes)


def shown_url(url: str) -> str:
    """The URL without a user's name and password, in one line, as it may be shown and kept."""
    scheme, mark, rest = printable(url).partition("://")
    host, slash, tail = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{tail}"


class _Download:
    """One file under way."""

    def __init__(
        self, client: httpx.Client, shown: str, file: BinaryIO, most_bytes: int, sleep: Callable[[float], None]
    ) -> None:
        self._client, self._shown, self._file, self._most_bytes, self._sleep = client, shown, file, most_bytes, sleep
        self.last_modified: date | None = None
        self.digest = sha256()
        self.size_bytes = 0

    def whole(self, url: str) -> None:
        """Download it as one file."""

        def once() -> None:
            self._file.seek(0)
            self._file.truncate()
            self.digest, self.size_bytes = sha256(), 0
            self._stream(url, self._write)

        self._try(once)

    def pages(self, url: str) -> None:
        """Download all pages of the Azure Retail Prices API, one in a line.

        The API answers with at most 1,000 prices and the URL of the next page under "NextPageLink", null on the last
        (https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices).
        """
        host, seen = urlsplit(url).hostname, set[str]()
        following: str | None = url
        while following:
            if len(seen) == MOST_PAGES:
                raise self._refused(
                    f"it has more than {MOST_PAGES:,} pages; narrow it with $filter, such as one region"
                )
            seen.add(following)
            body = self._try(partial(self._body, following))
            self.digest.update(body)
            self.size_bytes += len(body)
            page = self._page(body, len(seen))
            self._file.write(json.dumps(page, separators=(",", ":")).encode() + b"\n")
            link = page.get("NextPageLink")
            following = urljoin(following, link) if isinstance(link, str) and link else None
            if following and (
                urlsplit(following).hostname != host or urlsplit(following).scheme not in ("http", "https")
            ):
                raise self._refused(
                    f"page {len(seen)} goes on at {shown_url(following)[:200]!r}, which is another server"
                )
            if following in seen:
                raise self._refused(f"page {len(seen)} goes on at a page that was already read")

    def _page(self, body: bytes, number: int) -> dict[str, object]:
        try:
            page = json.loads(body)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict) or not isinstance(page.get("Items"), list):
            raise self._refused(f"page {number} is no JSON object with a list of Items")
        return page

    def _body(self, url: str) -> bytes:
        body = bytearray()

        def keep(chunk: bytes) -> None:
            body.extend(chunk)
            self._check_size(self.size_bytes + len(body))

        self._stream(url, keep)
        return bytes(body)

    def _write(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        self._check_size(self.size_bytes)
        self.digest.update(chunk)
        self._file.write(chunk)

    def _stream(self, url: str, take: Callable[[bytes], None]) -> None:
        with self._client.stream("GET", url) as response:
            self._check_answer(response)
            beginning = b""
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                if not beginning:
                    beginning = chunk
                    if is_html(chunk):
                        raise self._refused(_HTML + self._hint())
                take(chunk)
            expected = response.headers.get("content-length", "")
            if expected.isdecimal() and response.num_bytes_downloaded < int(expected):
                raise _PassingError(f"the download ended after {response.num_bytes_downloaded} of {expected} bytes")
            self.last_modified = _day(response.headers.get("last-modified"))

    def _check_answer(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 429 or status >= 500:
            wanted = response.headers.get("retry-after", "")
            raise _PassingError(f"the server answered HTTP {status}", float(wanted) if wanted.isdecimal() else 0.0)
        if status != 200:
            raise self._refused(
                f"{_ANSWERS.get(status, 'the server does not send it')} (HTTP {status} where 200 was expected)"
            )
        if response.headers.get("content-type", "").lower().lstrip().startswith(("text/html", "application/xhtml")):
            raise self._refused(_HTML + self._hint())
        length = response.headers.get("content-length", "")
        if length.isdecimal():
            self._check_size(int(length))

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._most_bytes:
            raise self._refused(f"it has more than {self._most_bytes:,} bytes, the most that is read")

    def _hint(self) -> str:
        return "; take the URL behind its Raw button" if urlsplit(self._shown).hostname == "github.com" else ""

    def _refused(self, why: str) -> CatalogueError:
        return _error(self._shown, why)

    def _try(self, once: Callable[[], _T]) -> _T:
        import httpx

        passing = (httpx.TransportError, _PassingError)
        for wait_seconds in _WAITS_SECONDS:
            try:
                return once()
            except httpx.UnsupportedProtocol:  # a redirect to somewhere else stays one
                raise
            except passing as error:
                asked_seconds = error.wait_seconds if isinstance(error, _PassingError) else 0.0
                if asked_seconds > _LONGEST_WAIT_SECONDS:
                    raise self._refused(f"{error} and asks to come back in {asked_seconds:g} s") from None
                self._sleep(max(wait_seconds, asked_seconds))
        try:
            return once()
        except passing as error:
            tries = len(_WAITS_SECONDS) + 1
            raise self._refused(f"{_why(error)} at the last of {tries} tries") from None


def _why(error: Exception) -> str:
    """What went wrong, as a clause."""
    import httpx

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "there is no such server, or no connection to the internet"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return f"the server did not answer within {_READ_SECONDS:g} s"
    if isinstance(error, httpx.RemoteProtocolError) and "complete message body" in str(error):
        return "the download ended before the end of the file"
    if isinstance(error, httpx.UnsupportedProtocol):
        return "it leads to a URL with neither http:// nor https://"
    if isinstance(error, httpx.TooManyRedirects):
        return "it is redirected without end"
    if isinstance(error, httpx.DecodingError):
        return "its compression is damaged"
    if isinstance(error, httpx.ConnectError):
        return f"there is no connection to the server ({error})"
    return f"{error}" if str(error) else f"the connection failed ({type(error).__name__})"


def _day(value: str | None) -> date | None:
    """The day (UTC) of an HTTP date."""
    if not value:
        return None
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).date()


def _error(shown: str, why: str) -> CatalogueError:
    return CatalogueError("offers", shown[:200], f"{shown[:200]}: {why}.")
