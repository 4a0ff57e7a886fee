"""A journal keeps what was written, whatever happens to the run, and harms no file that is none."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import worker_tasks
from gpuplan import journal as module
from gpuplan.errors import InputError
from gpuplan.journal import Journal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
).map(json.dumps)


def write(path: Path, entries: dict[str, str], question: str = "q") -> None:
    with Journal.open(path, question) as journal:
        for key, value in entries.items():
            journal.add(key, value)


def read(path: Path, question: str = "q") -> dict[str, str]:
    with Journal.open(path, question) as journal:
        return dict(journal.known)


def refusal(path: Path, question: str = "q", restart: bool = False) -> str:
    """The message of the error, and the file stays as it is."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError) as raised:
        Journal.open(path, question, restart)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not path.with_name(f"{path.name}.lock").exists()
    assert raised.value.field == "journal"
    return raised.value.message


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_every_text_comes_back(tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("journal") / "out.journal"
    write(path, entries)
    assert read(path) == entries


def test_a_run_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    write(path, {"a": "1"})
    with Journal.open(path, "q") as journal:
        journal.add("b", "[2]")
        assert dict(journal.known) == {"a": "1"}  # what earlier runs have found
        journal.add("a", "3")
    assert read(path) == {"a": "1", "b": "[2]"}  # the first of a key counts
    assert [name.name for name in tmp_path.iterdir()] == ["out.journal"]


@pytest.mark.parametrize("entries", [{}, {"a": "1"}, {"a": '{"b": [1, 2]}', 'c"\\': '"\\u00e9, é"'}])
def test_a_file_cut_at_any_byte_keeps_all_whole_lines(tmp_path: Path, entries: dict[str, str]) -> None:
    path = tmp_path / "out.journal"
    write(path, entries)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        lines = max(0, whole[:size].count(b"\n") - 1)
        kept = dict(list(entries.items())[:lines])
        assert read(path) == kept, size
        write(path, {"next": "5"})  # what is torn is gone, so the next line is a line of its own
        assert read(path) == kept | {"next": "5"}


def test_a_block_of_zeros_after_a_power_cut_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    write(path, {"a": "1"})
    whole = path.read_bytes()
    for zeros in (bytes(4096), b'{"key":"b","value":' + bytes(100) + b"}\n"):
        path.write_bytes(whole + zeros)
        assert read(path) == {"a": "1"}
        assert path.read_bytes() == whole


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    "content", [b"my notes", b'{"a": 1}\n', b"\n", b'{"gpuplan":"0.1.0"}\n', b'{"gpuplan":"' + b"x" * 500]
)
def test_another_file_is_left_alone(tmp_path: Path, content: bytes, restart: bool) -> None:
    path = tmp_path / "out.journal"
    path.write_bytes(content)
    message = refusal(path, restart=restart)
    assert "is no journal of gpuplan" in message
    assert "--out" in message


@pytest.mark.parametrize("line", [b'{"key":"b"}\n', b"\n", b'{"key":1,"value":1}\n', b"\xff\n"])
def test_a_damaged_line_is_an_error(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "out.journal"
    write(path, {"a": "1", "c": "2"})
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    message = refusal(path)
    assert "line 3 of" in message
    assert "--restart" in message


def test_another_question_says_both_ways_out(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    write(path, {"a": "1"})
    message = refusal(path, "another")
    assert "holds answers to another question; begin anew with --restart, or give another --out" in message
    with Journal.open(path, "another", restart=True) as journal:
        assert not journal.known
    assert read(path, "another") == {}


def test_another_version_says_both_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.journal"
    write(path, {"a": "1"})
    monkeypatch.setattr(module, "__version__", "9.9.9")
    message = refusal(path)
    assert "was begun by gpuplan" in message
    assert "this is 9.9.9; begin anew with --restart, or give another --out" in message


def test_a_restart_forgets(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    with Journal.open(path, "q", restart=True) as journal:  # nothing there yet
        journal.add("a", "1")
    with Journal.open(path, "q", restart=True) as journal:
        assert "a" not in journal.known


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    with Journal.open(path, "q"):
        with pytest.raises(InputError, match="another run is writing"):
            Journal.open(path, "q")
        with pytest.raises(InputError, match="another run is writing"):
            Journal.open(path, "q", restart=True)
    assert read(path) == {}


def test_a_folder_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "is no file" in refusal(tmp_path)
    assert "does not exist; make it" in refusal(tmp_path / "none" / "out.journal")
    assert list(tmp_path.iterdir()) == []


def test_a_value_of_two_lines_is_refused(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "out.journal", "q") as journal:
        for value in ("[1,\n2]", ""):
            with pytest.raises(ValueError, match="needs JSON text on one line"):
                journal.add("a", value)
    assert read(tmp_path / "out.journal") == {}


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "out.journal"
    write(path, {"a": "1"})
    with Journal.open(path, "q") as journal:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(InputError, match="make room on the disk and give the same command again"):
                journal.add("b", "2")
        journal.add("c", "3")
    assert read(path) == {"a": "1", "c": "3"}


@pytest.mark.usefixtures("python_handler")
def test_ctrl_c_waits_until_an_entry_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def interrupted(handle: int) -> None:
        os.kill(os.getpid(), 2)
        sync(handle)

    path = tmp_path / "out.journal"
    with Journal.open(path, "q") as journal, monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.add("a", "1")
    assert read(path) == {"a": "1"}


def test_a_writer_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    said = -1
    for moment in range(5):
        command = [sys.executable, worker_tasks.__file__, "write", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            said = int(writer.stdout.readline())  # it has begun
            time.sleep(random.Random(moment).uniform(0, 0.1))
            writer.kill()
            said = max([said, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        known = read(path, worker_tasks.QUESTION)
        assert len(known) in (said + 1, said + 2)  # one may have been written and not said
        assert known == {str(number): worker_tasks.value_of(number) for number in range(len(known))}


def test_a_hundred_thousand_entries_open_quickly(tmp_path: Path) -> None:
    path = tmp_path / "out.journal"
    write(path, {})
    value = json.dumps("x" * 200)
    with path.open("a") as file:
        file.writelines(f'{{"key":"{number}","value":{value}}}\n' for number in range(100_000))
    start = time.perf_counter()
    with Journal.open(path, "q") as journal:
        assert len(journal.known) == 100_000
        assert journal.known["99999"] == value
        journal.add("more", "1")
    assert time.perf_counter() - start < 10  # a fraction of a second; a quadratic way takes minutes
