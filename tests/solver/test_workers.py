"""Tasks in processes: every item comes once, errors come home, and no process stays."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

import worker_tasks
from gpuplan.errors import InputError
from gpuplan.verify import VerificationError
from gpuplan.workers import WorkerDiedError, each


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def gone(pid: int) -> bool:
    """Whether a process has ended, or ends soon; in a container one may stay as a name that nobody takes off the list."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("processes", [0, 1])
def test_one_process_is_this_one_and_keeps_the_order(processes: int) -> None:
    found = list(each([(7, 2), (8, 0), (9, 1)], worker_tasks.counted, processes))
    me = os.getpid()
    assert found == [(0, (me, 7, 0)), (0, (me, 7, 1)), (2, (me, 9, 0))]


def test_one_task_needs_no_other_process() -> None:
    assert list(each([(7, 1)], worker_tasks.counted, 4)) == [(0, (os.getpid(), 7, 0))]
    assert list(each([], worker_tasks.counted, 4)) == []


def test_every_item_comes_once_and_those_of_a_task_in_order() -> None:
    tasks = [(100 + index, index % 4) for index in range(20)]
    found = list(each(tasks, worker_tasks.counted, 3))
    pids = {item[0] for _, item in found}
    assert len(found) == sum(items for _, items in tasks)
    assert os.getpid() not in pids
    assert len(pids) <= 3
    for index, (name, items) in enumerate(tasks):
        assert [item[1:] for at, item in found if at == index] == [(name, number) for number in range(items)]


def test_an_item_comes_before_its_task_is_done_and_an_early_stop_ends_all(tmp_path: Path) -> None:
    start = time.perf_counter()
    with closing(each([(tmp_path, name) for name in range(3)], worker_tasks.slow, 2)) as found:
        assert {next(found), next(found)} == {(0, "begun"), (1, "begun")}
    assert time.perf_counter() - start < 30  # a task takes 60 s
    pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_of_the_consumer_ends_all(tmp_path: Path, error: type[BaseException]) -> None:
    tasks = [(tmp_path, name) for name in range(2)]
    with pytest.raises(error), closing(each(tasks, worker_tasks.slow, 2)) as found:
        for _ in found:
            raise error
    assert all(gone(int(path.read_text())) for path in tmp_path.glob("*.pid"))


@pytest.mark.usefixtures("python_handler")
def test_ctrl_c_while_nothing_is_known_ends_all(tmp_path: Path) -> None:
    consumer = consuming(tmp_path)
    pids = written_pids(tmp_path)
    consumer.send_signal(signal.SIGINT)
    _, stderr = consumer.communicate(timeout=30)
    assert stderr.count("KeyboardInterrupt") == 1  # the consumer's own; its processes say nothing
    assert all(gone(pid) for pid in pids)


def test_processes_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    consumer = consuming(tmp_path)
    pids = written_pids(tmp_path)
    consumer.kill()
    assert all(gone(pid) for pid in pids)
    consumer.communicate(timeout=30)


def consuming(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, worker_tasks.__file__, "consume", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def written_pids(folder: Path) -> list[int]:
    """Process of each of the two tasks, once both are at work."""
    for _ in range(600):
        texts = [path.read_text() for path in folder.iterdir()]
        if len(texts) == 2 and all(texts):
            return [int(text) for text in texts]
        time.sleep(0.05)
    raise TimeoutError("the tasks do not begin")


def test_processes_do_not_hear_ctrl_c(tmp_path: Path) -> None:
    tasks = [(tmp_path, name) for name in range(4)]
    assert sorted(each(tasks, worker_tasks.interrupts_everybody, 2)) == [(name, name) for name in range(4)]


def test_what_was_found_before_a_process_was_killed_comes_first() -> None:
    found = []
    with pytest.raises(WorkerDiedError) as raised:
        for index, _ in each(list(range(6)), worker_tasks.killed, 2):
            found.append(index)
    assert raised.value.index == 2
    assert str(raised.value) == "the process at task 3 was killed by signal 9; if memory ran out, use fewer --processes"
    assert 2 in found


def test_an_error_of_the_input_comes_home_whole() -> None:
    with pytest.raises(InputError) as raised:
        list(each(list(range(6)), worker_tasks.refused, 2))
    assert str(raised.value) == "gpu: 'H10' is not known. Did you mean H100?"
    assert (raised.value.field, raised.value.value, raised.value.suggestions) == ("gpu", "H10", ("H100",))
    assert "worker_tasks.py" in raised.value.__notes__[0]  # where it happened


def test_an_error_that_cannot_be_sent_is_told() -> None:
    with pytest.raises(RuntimeError, match="StubbornError: two words"):
        list(each([1, 2], worker_tasks.stubborn, 2))


def test_an_item_that_cannot_be_sent_is_an_error() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        list(each([1, 2], worker_tasks.unsendable, 2))


def test_a_task_that_cannot_be_sent_is_an_error() -> None:
    tasks: list[Callable[[], None]] = [lambda: None, lambda: None]
    with pytest.raises((AttributeError, pickle.PicklingError)):
        list(each(tasks, bool, 2))  # type: ignore[arg-type]


def test_large_messages_pass() -> None:
    much = "x" * 3_000_000
    found = list(each([much, much], partial(str.split, sep="y"), 2))
    assert sorted(found) == [(0, much), (1, much)]


def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import math\nfrom gpuplan.workers import each\nprint(list(each([1, 2], math.sqrt, 2)))\n")
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert "before it began; a script that uses processes must be a file and start its work below `if __name__" in last


@pytest.mark.parametrize(
    "error",
    [
        InputError("gpu", "H10", "'H10' is not known", ["H100"]),
        InputError("deadline", "", "none is given", ["24h"]),
        VerificationError("the plan does not hold: memory"),
        WorkerDiedError(3, "was killed by signal 9"),
    ],
)
def test_errors_survive_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__
