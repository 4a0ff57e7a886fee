"""What is behind a place: files, folders, archives, URLs; and what their paths say."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports import sources as module
from gpuplan_hardware.imports.base import ImportFileError, Source
from gpuplan_hardware.imports.fetch import Fetched
from gpuplan_hardware.imports.paths import day_in, provider_in
from gpuplan_hardware.imports.sources import find_sources, read_head
from gpuplan_hardware.provider_names import known_name, our_name

TEXT = "InstanceType,Price\np4d.24xlarge,21.9\n"
TODAY = date(2026, 11, 21)


def write(path: Path, data: str | bytes = TEXT, changed: str = "2026-09-03") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    when = datetime.fromisoformat(changed).replace(tzinfo=UTC, hour=12).timestamp()
    os.utime(path, (when, when))
    return path


def zipped(*names: str, text: str = TEXT, day: tuple[int, int, int] = (2026, 8, 1)) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (*day, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def found(*places: Path | str, provider: str | None = None, as_of: date | None = None) -> list[Source]:
    with find_sources([str(place) for place in places], provider, as_of) as sources:
        for source in sources:
            assert source.path.read_bytes().strip()
        return sources


def refused(*places: Path | str) -> str:
    with pytest.raises(CatalogueError) as caught:
        found(*places)
    assert caught.value.field == "offers" and caught.value.message.endswith(".") and "\n" not in caught.value.message
    return caught.value.message


def test_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "prices.txt")
    (source,) = found(path)
    assert source == Source(
        str(path), path, None, date(2026, 9, 3), "the file's last change", sha256(TEXT.encode()).hexdigest()
    )


def test_what_is_given_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "2026-05-20" / "aws_vms.csv")
    (source,) = found(path, provider="Lambda Labs", as_of=date(2026, 7, 1))
    assert (source.provider, source.as_of, source.as_of_basis) == ("lambda", date(2026, 7, 1), "given")
    (source,) = found(path)
    assert (source.provider, source.as_of, source.as_of_basis) == ("aws", date(2026, 5, 20), "the path")


def test_a_day_in_the_future_or_a_provider_that_is_no_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert found(path, as_of=tomorrow)  # the day may have begun elsewhere; no price is from the future
    with pytest.raises(CatalogueError, match="a day from 2015-01-01 up to today"):
        found(path, as_of=tomorrow + timedelta(days=1))
    for name in ("", "a/b", "\n", "x" * 99):
        with pytest.raises(CatalogueError, match="a name such as 'aws'"):
            found(path, provider=name)


def test_a_folder_is_walked_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "b.csv",
        "a/z.JSON",
        "a/b.jsonl",
        "README.md",
        "fetch.py",
        ".hidden.csv",
        ".git/x.csv",
        "a/image.csv.png",
    ):
        write(tmp_path / "prices" / name)
    write(tmp_path / "prices" / "binary.csv", b"PAR1\0\0\0")
    monkeypatch.chdir(tmp_path)
    assert [source.name for source in found("prices")] == [
        str(Path("prices", name)) for name in ("a/b.jsonl", "a/z.JSON", "b.csv")
    ]
    assert [source.name for source in found("prices", "prices/b.csv", "prices/")] == [
        str(Path("prices", name)) for name in ("a/b.jsonl", "a/z.JSON", "b.csv")
    ]


def test_of_yaml_only_price_lists_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pricing.yml", "old/Pricing-2025.yaml", "ci.yml", ".github/workflows/pricing.yml", "pricing.toml"):
        write(tmp_path / "calculator" / name)
    monkeypatch.chdir(tmp_path)
    assert [source.name for source in found("calculator")] == [
        str(Path("calculator", name)) for name in ("old/Pricing-2025.yaml", "pricing.yml")
    ]
    write(tmp_path / "calculator.zip", zipped("main/pricing.yml", "main/ci.yml"))
    assert [source.name for source in found("calculator.zip")] == ["calculator.zip/main/pricing.yml"]


def test_an_archive_is_unpacked_and_vanishes(tmp_path: Path) -> None:
    data = zipped("aws.csv", "docs/README.md", "__MACOSX/._aws.csv", "more/", "more/gcp.csv")
    path = write(tmp_path / "catalog.zip", data)
    with find_sources([str(path)], None, None) as sources:
        kept = sources
        assert [source.path.read_text(encoding="utf-8") for source in sources] == [TEXT, TEXT]
        assert [source.name for source in sources] == [f"{path}/aws.csv", f"{path}/more/gcp.csv"]
        assert [source.provider for source in sources] == ["aws", "gcp"]
        assert {(source.as_of, source.as_of_basis) for source in sources} == {
            (date(2026, 8, 1), "the file's last change")
        }
        assert {source.sha256 for source in sources} == {sha256(data).hexdigest()}
    assert not any(source.path.exists() for source in kept)


def test_a_name_that_is_there_twice_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "catalog.zip"
    with pytest.warns(UserWarning, match="Duplicate name"):
        write(path, zipped("aws.csv", "aws.csv"))
    assert [source.name for source in found(path)] == [f"{path}/aws.csv", f"{path}/aws.csv (2)"]


def test_an_archive_without_days_has_that_of_itself(tmp_path: Path) -> None:
    (source,) = found(write(tmp_path / "catalog.zip", zipped("aws.csv", day=(1980, 1, 1))))
    assert source.as_of == date(2026, 9, 3)


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    for name in ("gcp.csv.gz", "gcp.csv"):
        (source,) = found(write(tmp_path / name, gzip.compress(TEXT.encode())))
        assert source.provider == "gcp" and source.name.endswith(name)


def test_members_cannot_leave_the_folder(tmp_path: Path) -> None:
    found(write(tmp_path / "catalog.zip", zipped("../../evil.csv", "/evil2.csv")))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["catalog.zip"]
    assert not Path("/evil2.csv").exists()


@pytest.mark.parametrize("cut", [10, 40])
def test_damaged_archives_are_refused(tmp_path: Path, cut: int) -> None:
    assert "damaged" in refused(write(tmp_path / "a.zip", zipped("aws.csv")[:-cut]))
    assert "damaged" in refused(write(tmp_path / "a.gz", gzip.compress(TEXT.encode() * 100)[:-cut]))
    broken = bytearray(zipped("aws.csv", text=TEXT * 100))
    broken[50] ^= 0xFF
    assert "damaged" in refused(write(tmp_path / "b.zip", bytes(broken)))


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1 << 16)
    bomb = "0" * 90_000
    assert found(write(tmp_path / "one.zip", zipped("a.csv", text=bomb)))
    assert "unpacked it has more than 100,000 bytes" in refused(
        write(tmp_path / "two.zip", zipped("a.csv", "b.csv", text=bomb))
    )
    assert "unpacked it has more" in refused(write(tmp_path / "c.gz", gzip.compress(b"0" * 100_001)))
    assert "at most 100,000 are read" in refused(write(tmp_path / "large.csv", b"0" * 100_001))


def test_places_without_data_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "empty" / "README.md")
    assert "the folder holds no price catalogue" in refused(tmp_path / "empty")
    assert "the archive holds no price catalogue" in refused(write(tmp_path / "x.zip", zipped("README.md")))
    assert "there is no such file or folder" in refused(tmp_path / "nowhere.csv")
    assert "it is not a text file" in refused(write(tmp_path / "x.csv", b"\x89PNG\r\n\0\0"))
    assert "a?b.csv: there is no such file" in refused("a\0b.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "neither a file nor a folder" in refused(tmp_path / "pipe.csv")
    assert "only URLs with http:// or https://" in refused("ftp://x.example/a.csv")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 2)
    for name in "abc":
        write(tmp_path / f"{name}.csv")
    assert "more than 2 files" in refused(tmp_path)


def test_clocks_that_were_never_set_state_no_day(tmp_path: Path) -> None:
    path = write(tmp_path / "aws.csv")
    os.utime(path, (1, 1))
    (source,) = found(str(path))
    assert (source.as_of, source.as_of_basis) == (datetime.now(UTC).date(), "the day of the import")
    assert source.day_is_weak
    with pytest.raises(CatalogueError, match="a day from 2015-01-01 up to today"):
        found(str(path), as_of=date(1999, 1, 1))
    assert found(str(write(tmp_path / "1999-01-01" / "aws.csv")))[0].as_of_basis == "the file's last change"


def test_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = {"csv": TEXT.encode(), "zip": zipped("nebius.csv", day=(2020, 1, 1))}
    days: dict[str, date | None] = {"csv": None, "zip": date(2026, 10, 2)}

    def answer(url: str, path: Path, most_bytes: int) -> Fetched:
        kind = url.rpartition(".")[2].partition("?")[0]
        path.write_bytes(bodies[kind])
        return Fetched(path, days[kind], "f" * 64, len(bodies[kind]))

    monkeypatch.setattr(module, "fetch", answer)
    base = "https://me:secret@raw.example"
    places = [
        f"{base}/catalogs/v8/nebius/vms.csv",
        f"{base}/v3/verda/20260801-123/catalog.csv",
        f"{base}/all/latest.zip?x=2026-01-01",
    ]
    assert [(s.name, s.provider, s.as_of_basis, s.sha256[:1]) for s in found(*places, places[0])] == [
        ("https://raw.example/catalogs/v8/nebius/vms.csv", "nebius", "the day of the import", "f"),
        ("https://raw.example/v3/verda/20260801-123/catalog.csv", "verda", "the path", "f"),
        ("https://raw.example/all/latest.zip?x=2026-01-01/nebius.csv", "nebius", "the server", "f"),
    ]
    today = datetime.now(UTC).date()
    assert [s.as_of for s in found(*places)] == [today, date(2026, 8, 1), date(2026, 10, 2)]


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("skypilot-v8-fork-2026-05-20/aws_vms.csv", date(2026, 5, 20)),
        ("v3/aws/20260801-123/catalog.zip/aws.csv", date(2026, 8, 1)),
        ("AmazonEC2/20250912225308/us-east-1/index.csv", date(2025, 9, 12)),
        ("2026-05-20/prices-2026-06-01.csv", date(2026, 6, 1)),  # the nearest part
        ("2026-05-20/prices-2026-13-01.csv", date(2026, 5, 20)),  # no such month
        ("2026-05-20/prices-20261123.csv", date(2026, 5, 20)),  # the day after tomorrow
        ("prices-20261122.csv", date(2026, 11, 22)),
        ("123420260520/sha-2026052012.csv", None),  # parts of longer numbers
        ("prices/aws.csv", None),
    ],
)
def test_the_day_in_a_path(path: str, day: date | None) -> None:
    assert day_in(path.split("/"), TODAY) == day


@pytest.mark.parametrize(
    ("path", "provider"),
    [
        ("aws_vms_p_family_sample.csv", "aws"),
        ("catalogs/v8/nebius/vms.csv", "nebius"),
        ("catalogs/v8/do/vms.csv", "digitalocean"),
        ("catalogs/v9/newcloud/vms.csv", "newcloud"),
        ("catalogs/v8/common/accelerators.csv", None),
        ("catalogs/v8/vms.csv", None),
        ("lambdalabs.csv", "lambda"),
        ("lambda-labs_2026.csv", "lambda"),
        ("vast.ai.csv", "vast"),
        ("datacrunch.json", "verda"),
        ("v3/oci/20260801-123/catalog.zip/prices.csv", "oci"),
        ("gcp/aws.csv", "aws"),
        ("aws_and_gcp.csv", None),
        ("gcp/aws_azure.csv", None),
        ("home/oracle/prices.csv", None),
        ("own_prices.csv", None),
        ("awsome.csv", None),
        ("what_to_do.csv", None),
        ("prices.csv", None),
    ],
)
def test_the_provider_in_a_path(path: str, provider: str | None) -> None:
    assert provider_in(path.split("/")) == provider


def test_names_of_providers() -> None:
    assert our_name("Core Weave") == "coreweave" and our_name("Google-Cloud") == "gcp"
    assert our_name(" NewCloud-3 ") == "newcloud-3" and known_name("newcloud") is None
    assert our_name("hyperstack") == "hyperstack"


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        (b"\xef\xbb\xbf A , b\r\n1,2\r\n", ("A", "b")),
        (b'"x, y",z\n', ("x, y", "z")),
        (b'{"Items": [1, 2]}', ()),
        (b"\n[1]", ()),
        (b"one\n" + "é".encode() * 70_000, ("one",)),
    ],
)
def test_the_head_of_a_file(tmp_path: Path, data: bytes, columns: tuple[str, ...]) -> None:
    (source,) = found(write(tmp_path / "a.csv", data))
    head = read_head(source)
    assert head.columns == columns and head.source is source and not head.text.startswith("\ufeff")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"a,b\n" + b"1,2\n" * 50_000 + b"\xe9", "not a text file in UTF-8"),
        (b"a,b\n" + b"1,2\n" * 50_000 + b"\0", "not a text file"),
        (b"a,b\n1,\xc3", "not a text file in UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_by_its_head(tmp_path: Path, data: bytes, message: str) -> None:
    path = write(tmp_path / "a.csv", data)
    with find_sources([str(path)], None, None) as (source,), pytest.raises(ImportFileError, match=message):
        read_head(source)


@pytest.mark.parametrize("place", ["", " "])
def test_no_place_is_not_the_folder_one_is_in(place: str) -> None:
    with pytest.raises(CatalogueError, match="a file, a folder or a URL"), find_sources([place], None, None):
        pass
