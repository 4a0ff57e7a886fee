"""The user's own catalogue: what was there stays whole, whatever fails and whenever."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from gpuplan_hardware import CatalogueError, Offer, offers
from gpuplan_hardware.imports import packing, store_files
from gpuplan_hardware.imports.base import Origin
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.differences import Effect, compare
from gpuplan_hardware.imports.keep import Kept, keep
from gpuplan_hardware.imports.manifest import SCHEMA, ImportedFile
from gpuplan_hardware.imports.store import KEPT_IMPORTS, Store, current_offers, user_offers, user_store
from gpuplan_hardware.imports.table_parts import kind_code

P5 = next(offer for offer in offers() if offer.node.name == "p5.48xlarge")
FILE = ImportedFile(
    "prices.csv", "gpuplan CSV", "aws", date(2026, 11, 1), "given", "ab" * 32, 5, 3, 2, {"no GPU": 2}, None
)


def offer(region: str, price: float, day: int = 1) -> Offer:
    name = f"aws/p5.48xlarge/{region}/on-demand"
    return replace(P5, id=name, region=region, price_usd_per_hour=price, as_of=date(2027, 1, day), source="prices.csv")


def put(
    store: Store, *found: Offer, weak: bool = False, kind: str = "X", replace: bool = False, dry_run: bool = False
) -> Kept:
    origins = {one.id: Origin(kind, weak) for one in found}
    return keep(store, found, [FILE], origins=origins, replace=replace, dry_run=dry_run)


def prices(store: Store) -> dict[str, float]:
    table = store.table()
    return {} if table is None else {one.region: one.price_usd_per_hour for one in table}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "offers")


def folder_of(store: Store) -> Path:
    assert store.folder is not None
    return store.folder


def test_nothing_was_imported(store: Store) -> None:
    assert (store.table(), store.imports()) == (None, ())
    assert not folder_of(store).exists()  # asking makes nothing


def test_an_import_is_kept_with_its_files(store: Store) -> None:
    kept = put(store, offer("a", 50.0), offer("b", 60.0))
    assert prices(store) == {"a": 50.0, "b": 60.0}
    assert kept.made is not None
    assert store.imports() == (kept.made,)
    assert (kept.made.number, kept.made.offers, kept.made.files) == (1, 2, (FILE,))
    assert list(Store(store.folder).table() or ()) == [offer("a", 50.0), offer("b", 60.0)]


def test_the_newest_price_stands_and_of_one_day_the_dearest(store: Store) -> None:
    put(store, offer("newer", 50.0, 5), offer("older", 50.0, 5), offer("dearer", 50.0, 5), offer("cheaper", 50.0, 5))
    kept = put(
        store, offer("newer", 40.0, 6), offer("older", 40.0, 4), offer("dearer", 70.0, 5), offer("cheaper", 40.0, 5)
    )
    assert prices(store) == {"newer": 40.0, "older": 50.0, "dearer": 70.0, "cheaper": 50.0}
    assert kept.effect == Effect(new=0, dearer=1, cheaper=1, unchanged=0, older=2, gone=0)
    assert put(store, offer("newer", 40.0, 7), offer("x", 1.0)).effect == Effect(1, 0, 0, 1, 0, 0)


def test_a_day_that_nobody_states_gives_way(store: Store) -> None:
    """A folder that was copied today, then the same file with the day that it has."""
    put(store, offer("a", 50.0, 21), offer("b", 50.0, 21), weak=True)
    kept = put(store, offer("a", 40.0, 3))
    assert prices(store) == {"a": 40.0, "b": 50.0}
    assert kept.effect == Effect(new=0, dearer=0, cheaper=1, unchanged=0, older=0, gone=0)
    kept = put(store, offer("a", 60.0, 22), offer("b", 60.0, 22), weak=True)
    assert prices(store) == {"a": 40.0, "b": 60.0}
    assert kept.effect == Effect(new=0, dearer=1, cheaper=0, unchanged=0, older=0, gone=0, undated=1)
    assert put(store, offer("a", 30.0, 2)).effect.older == 1
    assert put(store, offer("a", 60.0, 22), weak=True, kind="Y", dry_run=True).effect.dearer == 1
    assert put(store, offer("a", 60.0, 22), weak=True, replace=True).effect.dearer == 1
    assert put(store, offer("a", 70.0, 21), kind="Y").effect.older == 1


def test_prices_older_than_the_built_in_ones_are_counted(store: Store) -> None:
    kept = put(store, replace(P5, price_usd_per_hour=1.0, as_of=date(2020, 1, 1)))
    assert kept.effect == Effect(0, 0, 0, 0, 0, 0, older_than_built_in=1)


def test_a_snapshot_without_the_column_of_days_that_nobody_states(store: Store) -> None:
    told = "SkyPilot catalogue vms.csv, line 7; date of the file's last change"
    found = [
        offer("a", 1.0),
        replace(offer("b", 2.0), source=told),
        offer("c", 3.0),
        replace(offer("d", 4.0), source=told),
    ]
    table = OfferTable.from_offers(found)
    with np.load(io.BytesIO(packing.pack(table))) as file:
        parts = dict(file)
    names = [name for name in parts["rows"].dtype.names or () if name not in ("weak", "kind")]
    old = np.zeros(len(table), dtype=[(name, parts["rows"].dtype[name]) for name in names])
    for name in names:
        old[name] = parts["rows"][name]
    buffer = io.BytesIO()
    np.savez(buffer, **{**parts, "rows": old})
    read = packing.unpack(buffer.getvalue())
    assert list(read) == found
    assert read.rows["weak"].tolist() == [False, True, False, True]
    assert read.rows["kind"].tolist() == [0, kind_code("SkyPilot catalogue")] * 2


def test_replacing_begins_with_nothing(store: Store) -> None:
    put(store, offer("a", 50.0, 5), offer("b", 60.0))
    kept = put(store, offer("a", 40.0, 4), replace=True)
    assert prices(store) == {"a": 40.0}
    assert kept.effect == Effect(new=0, dearer=0, cheaper=1, unchanged=0, older=0, gone=1)
    assert kept.made is not None and kept.made.replaced


def test_a_dry_run_changes_nothing(store: Store) -> None:
    assert put(store, offer("a", 50.0), dry_run=True).made is None
    assert not folder_of(store).exists()
    put(store, offer("a", 50.0))
    before = contents(folder_of(store))
    kept = put(store, offer("a", 55.0, 2), dry_run=True)
    assert (kept.effect.dearer, kept.offers, contents(folder_of(store))) == (1, 1, before)


def test_the_last_snapshots_stay(store: Store) -> None:
    for number in range(KEPT_IMPORTS + 3):
        put(store, offer("a", 50.0 + number, 1 + number))
    assert [one.number for one in store.imports()] == list(range(4, KEPT_IMPORTS + 4))
    assert len(list(folder_of(store).glob("*.npz"))) == KEPT_IMPORTS
    old, new = store.table(4), store.table(KEPT_IMPORTS + 3)
    assert old is not None and new is not None
    (change,) = compare(old, new).changed
    assert (change.kind, change.old_usd_per_hour, change.new_usd_per_hour) == ("dearer", 53.0, 62.0)
    assert change.share == pytest.approx(9 / 53)
    with pytest.raises(CatalogueError, match=r"import is 3: .* kept are 4, 5"):
        store.table(3)


def test_what_changed_by_hand() -> None:
    old = OfferTable.from_offers([offer("a", 10.0), offer("b", 10.0), offer("c", 10.0), offer("d", 10.0)])
    new = OfferTable.from_offers([offer("a", 10.0005, 2), offer("b", 15.0), offer("c", 4.0), offer("e", 7.0)])
    found = compare(old, new)
    # -60 % is more than +50 %; what has no share comes last, the dearer first; 0.005 % is no move
    assert [(one.kind, one.id.split("/")[2]) for one in found.changed] == [
        ("cheaper", "c"),
        ("dearer", "b"),
        ("gone", "d"),
        ("new", "e"),
    ]
    assert found.unchanged == 1


class Crash(BaseException):
    """The machine loses its power."""


def steps(monkeypatch: pytest.MonkeyPatch, error: Callable[[], BaseException], at: int | None) -> list[int]:
    """Let the `at`-th step on the disk fail, None counts them."""
    count = [0]

    def stepping(real: Callable[..., object]) -> Callable[..., object]:
        def step(*words: object, **named: object) -> object:
            count[0] += 1
            if count[0] == at:
                raise error()
            return real(*words, **named)

        return step

    monkeypatch.setattr(os, "fsync", stepping(os.fsync))
    monkeypatch.setattr(Path, "replace", stepping(Path.replace))
    monkeypatch.setattr(Path, "unlink", stepping(Path.unlink))
    return count


def test_a_crash_at_any_step_leaves_the_old_catalogue_or_the_new_one(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        counting = Store(tmp_path / "counting")
        put(counting, offer("a", 50.0))
        count = steps(patch, Crash, None)
        put(counting, offer("a", 55.0, 2))
    assert count[0] >= 6  # both files: their content, their name, the folder
    seen = set()
    for at in range(1, count[0] + 1):
        store = Store(tmp_path / str(at))
        put(store, offer("a", 50.0))
        with pytest.MonkeyPatch.context() as patch:
            steps(patch, Crash, at)
            with pytest.raises(Crash):
                put(store, offer("a", 55.0, 2))
        price = prices(store)["a"]
        seen.add(price)
        assert price in (50.0, 55.0)
        assert put(store, offer("b", 60.0)).effect.new == 1  # and life goes on
        assert prices(store) == {"a": price, "b": 60.0}
        assert {path.name for path in folder_of(store).iterdir()} - {".lock", "manifest.json"} == {
            one.snapshot for one in store.imports()
        }
    assert seen == {50.0, 55.0}


def test_a_full_disk_is_said_and_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, offer("a", 50.0))
    before = contents(folder_of(store))
    steps(monkeypatch, lambda: OSError(errno.ENOSPC, "No space left on device"), 1)
    with pytest.raises(CatalogueError, match=r"No space left.*as they were; make room"):
        put(store, offer("a", 55.0, 2))
    assert contents(folder_of(store)) == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "offers")
    with pytest.raises(CatalogueError, match="GPUPLAN_OFFERS_DIR"):
        put(store, offer("a", 50.0))
    with pytest.raises(CatalogueError, match="cannot be read"):
        store.table()


def test_another_import_that_does_not_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, offer("a", 50.0))
    monkeypatch.setattr(store_files, "LOCK_SECONDS", 0.05)
    with (
        FileLock(folder_of(store) / ".lock"),
        pytest.raises(CatalogueError, match=r"another import has been writing there for 0\.05 s"),
    ):
        put(store, offer("a", 55.0, 2))
    assert prices(store) == {"a": 50.0}


IMPORTER = """
import sys
sys.path.insert(0, {tests!r})
from test_store import Store, offer, put
from pathlib import Path
for number in range(4):
    put(Store(Path({folder!r})), offer(sys.argv[1] + str(number), 50.0))
"""


def test_imports_at_once_all_arrive(tmp_path: Path) -> None:
    code = IMPORTER.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "offers"))
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("x", "y")]
    assert [one.wait(60) for one in running] == [0, 0]
    store = Store(tmp_path / "offers")
    assert sorted(prices(store)) == sorted(name + str(number) for name in "xy" for number in range(4))
    assert [one.number for one in store.imports()] == list(range(1, 9))


def edited(change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        path = folder / "manifest.json"
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record))

    return edit


def last(record: dict[str, object]) -> dict[str, object]:
    imports = record["imports"]
    assert isinstance(imports, list)
    found: dict[str, object] = imports[-1]
    return found


DAMAGES: Sequence[tuple[Callable[[Path], object], str]] = (
    (lambda folder: (folder / "manifest.json").write_text(""), "manifest.json, .*damaged"),
    (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json, .*damaged"),
    (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe\0"), "manifest.json, .*damaged"),
    (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "manifest.json, .*damaged"),
    (edited(lambda record: record.pop("imports")), "manifest.json, .*damaged"),
    (edited(lambda record: record.update(imports=[])), "manifest.json, .*damaged"),
    (edited(lambda record: last(record).pop("sha256")), "manifest.json, .*damaged"),
    (edited(lambda record: last(record).update(number="x")), "manifest.json, .*damaged"),
    (edited(lambda record: last(record).update(snapshot="../../etc/passwd")), "manifest.json, .*damaged"),
    (edited(lambda record: last(record).update(sha256="0" * 64)), "000001.npz, .*damaged"),
    (edited(lambda record: last(record).update(snapshot="")), "cannot be read|no table|damaged"),
    (lambda folder: (folder / "000001.npz").unlink(), "000001.npz, .*No such file"),
    (lambda folder: (folder / "000001.npz").write_bytes(b"PK"), "000001.npz, .*damaged"),
)


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_damage_is_said_and_a_fresh_start_is_possible(
    store: Store, damage: Callable[[Path], object], words: str
) -> None:
    put(store, offer("a", 50.0))
    assert prices(store)  # read once: what is in memory must not hide the damage
    damage(folder_of(store))
    with pytest.raises(CatalogueError, match=words) as caught:
        store.table()
    assert "import --replace" in caught.value.message
    with pytest.raises(CatalogueError, match=words):
        put(store, offer("b", 60.0))
    put(store, offer("b", 60.0), replace=True)
    assert prices(store) == {"b": 60.0}


def test_a_manifest_of_a_newer_version_is_left_alone(store: Store) -> None:
    put(store, offer("a", 50.0))
    edited(lambda record: record.update(schema=SCHEMA + 1, new="things"))(folder_of(store))
    before = contents(folder_of(store))
    for attempt in (
        store.table,
        lambda: put(store, offer("b", 60.0)),
        lambda: put(store, offer("b", 60.0), replace=True),
    ):
        with pytest.raises(CatalogueError, match="update gpuplan"):
            attempt()
    assert contents(folder_of(store)) == before


@given(
    st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_any_manifest_is_read_or_refused(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_bytes(content)
        with pytest.raises(CatalogueError):
            Store(Path(folder)).imports()


def test_where_the_offers_of_a_user_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_store().folder is None  # so that no test sees what the user has imported
    assert user_offers() is None
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path / "mine"))
    assert user_store().folder == tmp_path / "mine"
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", " ")
    assert user_store().folder == platformdirs.user_data_path("gpuplan") / "offers"
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", "NONE")
    with pytest.raises(CatalogueError, match="unset it, or give a folder"):
        put(user_store(), offer("a", 50.0))


def test_current_offers_are_the_built_in_ones_and_those_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(current_offers()) == list(offers())
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path))
    stale = replace(P5, price_usd_per_hour=1.0, as_of=date(2020, 1, 1), source="stale")
    put(user_store(), stale, offer("mars", 50.0))
    found = {one.id: one for one in current_offers()}
    assert (len(found), found[P5.id]) == (len(offers()) + 1, P5)  # the built-in one is newer
    same_day = replace(P5, price_usd_per_hour=1.0, source="same day")
    put(user_store(), same_day)
    found = {one.id: one for one in current_offers()}
    assert found[P5.id] == same_day
    imported = user_offers()
    assert imported is not None and len(imported) == 2
