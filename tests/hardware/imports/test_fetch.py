"""Downloads, from a server on this machine and from answers that are made up."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports import fetch as module
from gpuplan_hardware.imports.fetch import Fetched, fetch, shown_url

URL = "https://prices.example/aws/vms.csv"
BODY = b"InstanceType,Price\np4d.24xlarge,21.9\n"
AZURE = "https://prices.azure.com/api/retail/prices?$filter=x"

Answer = Callable[[httpx.Request], httpx.Response]


class Sleeps(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def get(path: Path, answer: Answer, url: str = URL, most_bytes: int = 10_000, sleeps: Sleeps | None = None) -> Fetched:
    sleep = Sleeps() if sleeps is None else sleeps
    return fetch(url, path / "body", most_bytes, transport=httpx.MockTransport(answer), sleep=sleep)


def reply(status: int = 200, body: bytes = b"", **headers: str) -> httpx.Response:
    """An answer that is still to be read, as one from the network is."""
    named = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(body))


def in_turn(*answers: httpx.Response | Exception) -> Answer:
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return following

    return answer


def refused(path: Path, answer: Answer, url: str = URL, most_bytes: int = 10_000) -> str:
    with pytest.raises(CatalogueError) as caught:
        get(path, answer, url, most_bytes)
    message = caught.value.message
    assert caught.value.field == "offers" and message.endswith(".") and "\n" not in message
    return message


def test_a_file(tmp_path: Path) -> None:
    answer = reply(body=BODY, last_modified="Fri, 31 Jul 2026 23:30:00 -0200", content_type="text/csv")
    found = get(tmp_path, in_turn(answer))
    assert found.path.read_bytes() == BODY
    assert (found.last_modified, found.size_bytes) == (date(2026, 8, 1), len(BODY))  # 01:30 UTC on the next day
    assert found.sha256 == sha256(BODY).hexdigest()


def test_an_encoded_file_is_decoded(tmp_path: Path) -> None:
    answer = reply(body=gzip.compress(BODY), content_encoding="gzip", last_modified="yesterday")
    found = get(tmp_path, in_turn(answer))
    assert found.path.read_bytes() == BODY and found.last_modified is None


def test_redirects_are_followed(tmp_path: Path) -> None:
    moved = httpx.Response(302, headers={"location": "https://elsewhere.example/vms.csv"})
    assert get(tmp_path, in_turn(moved, reply(body=BODY))).size_bytes == len(BODY)
    assert "without end" in refused(tmp_path, lambda _: httpx.Response(302, headers={"location": URL}))


def test_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    sleeps = Sleeps()
    answers = in_turn(httpx.Response(500), httpx.Response(429, headers={"retry-after": "7"}), reply(body=BODY))
    assert get(tmp_path, answers, sleeps=sleeps).size_bytes == len(BODY)
    assert sleeps == [1.0, 7.0]
    answers = in_turn(httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), reply(body=BODY))
    assert get(tmp_path, answers).path.read_bytes() == BODY


def test_a_second_try_begins_at_the_beginning(tmp_path: Path) -> None:
    cut = reply(body=b"abc", content_length="40")
    found = get(tmp_path, in_turn(cut, reply(body=BODY)))
    assert found.path.read_bytes() == BODY and found.sha256 == sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("status", "content", "headers", "message"),
    [
        (404, b"", {}, "there is no such file (HTTP 404 where 200 was expected)"),
        (403, b"", {}, "it is not for everybody (HTTP 403"),
        (418, b"", {}, "the server does not send it (HTTP 418"),
        (503, b"", {}, "the server answered HTTP 503 at the last of 3 tries"),
        (429, b"", {"retry-after": "900"}, "HTTP 429 and asks to come back in 900 s"),
        (200, b"<p>hello</p>", {"content-type": "text/html; charset=utf-8"}, "a web page (HTML), not data"),
        (200, b"\n <!DOCTYPE html><title>x</title>", {}, "a web page (HTML), not data"),
        (200, b"\xef\xbb\xbf<HTML>", {}, "a web page (HTML), not data"),
        (200, b"abc", {"content-length": "40"}, "the download ended after 3 of 40 bytes at the last of 3 tries"),
        (200, b"x" * 10_001, {}, "more than 10,000 bytes"),
        (200, b"x", {"content-length": "999999"}, "more than 10,000 bytes"),
        (200, b"no gzip", {"content-encoding": "gzip"}, "its compression is damaged"),
    ],
)
def test_what_is_no_data_says_so(
    tmp_path: Path, status: int, content: bytes, headers: dict[str, str], message: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return reply(status, content, **headers)

    assert message in refused(tmp_path, answer)


def test_no_end_of_an_unpacked_body(tmp_path: Path) -> None:
    body = gzip.compress(b"0" * 1_000_000)  # 1 kB on the way
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(body))
    assert "more than 10,000 bytes" in refused(tmp_path, lambda _: answer)


def test_a_host_that_does_not_exist(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        try:
            raise socket.gaierror(-2, "Name or service not known")
        except socket.gaierror as error:
            raise httpx.ConnectError(str(error)) from error

    assert refused(tmp_path, answer).startswith(f"{URL}: there is no such server, or no connection")


@pytest.mark.parametrize(
    "url", ["ftp://x.example/a.csv", "file:///etc/passwd", "https://", "http://[::1/a", "http://a:99999/b"]
)
def test_other_urls_are_refused(tmp_path: Path, url: str) -> None:
    refused(tmp_path, lambda _: reply(body=BODY), url)


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    assert shown_url("https://me:secret@x.example/a@b.csv?k=1") == "https://x.example/a@b.csv?k=1"
    assert "secret" not in refused(tmp_path, lambda _: httpx.Response(404), "https://me:secret@x.example/a.csv")


def test_a_web_page_of_github_says_where_the_data_is(tmp_path: Path) -> None:
    page = httpx.Response(200, html="<p>x</p>")
    assert "Raw button" in refused(tmp_path, lambda _: page, "https://github.com/o/r/blob/main/vms.csv")


def page_of(number: int, following: str | None) -> httpx.Response:
    return reply(body=body_of(number, following))


def body_of(number: int, following: str | None) -> bytes:
    return json.dumps({"Items": [{"armSkuName": f"m{number}"}], "NextPageLink": following, "Count": 1}).encode()


def test_pages_of_the_azure_api_become_lines(tmp_path: Path) -> None:
    second = "https://prices.azure.com:443/api/retail/prices?$filter=x&$skip=1000"  # the API names the port
    found = get(tmp_path, in_turn(page_of(1, second), httpx.Response(500), page_of(2, None)), AZURE)
    lines = [json.loads(line) for line in found.path.read_text(encoding="utf-8").splitlines()]
    assert [line["Items"][0]["armSkuName"] for line in lines] == ["m1", "m2"]
    assert found.sha256 == sha256(body_of(1, second) + body_of(2, None)).hexdigest()


def test_pages_stay_on_their_host_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "which is another server" in refused(tmp_path, in_turn(page_of(1, "https://evil.example/p")), AZURE)
    assert "which is another server" in refused(tmp_path, in_turn(page_of(1, "ftp://prices.azure.com/p")), AZURE)
    assert "already read" in refused(tmp_path, in_turn(page_of(1, AZURE)), AZURE)
    monkeypatch.setattr(module, "MOST_PAGES", 2)
    assert "more than 2 pages" in refused(tmp_path, in_turn(page_of(1, f"{AZURE}1"), page_of(2, f"{AZURE}2")), AZURE)


def test_pages_that_are_none(tmp_path: Path) -> None:
    for body in (b"{", b"[]", b'{"Items": 1}', b"[" * 9000):
        assert "page 1 is no JSON object with a list of Items" in refused(tmp_path, in_turn(reply(body=body)), AZURE)
    large = in_turn(page_of(1, f"{AZURE}1"), page_of(2, None))
    assert "more than 100 bytes" in refused(tmp_path, large, AZURE, most_bytes=100)


class Handler(BaseHTTPRequestHandler):
    """Answers by the path: /cut promises more than it sends."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path in ("/old", "/away"):
            self.send_response(301)
            self.send_header("Location", "/new.csv" if self.path == "/old" else "ftp://x.example/new.csv")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(BODY) + (100 if self.path == "/cut" else 0)))
        self.end_headers()
        self.wfile.write(BODY)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as base:
        assert fetch(f"{base}/old", tmp_path / "body", 1000).path.read_bytes() == BODY
        sleeps = Sleeps()
        with pytest.raises(CatalogueError, match="it leads to a URL with neither http:// nor https://"):
            fetch(f"{base}/away", tmp_path / "body", 1000, sleep=sleeps)
        with pytest.raises(CatalogueError, match="ended before the end of the file at the last of 3 tries"):
            fetch(f"{base}/cut", tmp_path / "body", 1000, sleep=sleeps)
        assert sleeps == [1.0, 2.0]
    with pytest.raises(CatalogueError, match="there is no connection to the server"):
        fetch(f"{base}/old", tmp_path / "body", 1000, sleep=sleeps)
