"""Tasks on a real Ray cluster of three nodes: every item once though nodes are killed, errors come home, the cluster stays."""

from __future__ import annotations

import importlib
import json
import pickle
import socket
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import gpuplan
import ray_cluster
from gpuplan import ray_workers
from gpuplan.batching import answering, work
from gpuplan.batching.read import read_rows
from gpuplan.batching.sent import AnsweringSent, sent
from gpuplan.errors import InputError
from gpuplan.ray_workers import each_on_ray
from gpuplan.workers import WorkerDiedError
from ray_cluster import RayCluster

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'gpuplan[ray]'")
JOB = {"model": "qwen2.5-0.5b", "method": "lora", "gpu": "H100-SXM"}
#: Plans, rows without one, and one with an error.
JOBS: list[dict[str, Any]] = [
    *({**JOB, "data": f"{data}MB", "deadline": deadline} for data in range(1, 11) for deadline in ("1m", "2h")),
    {"model": "no-such-model"},
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster.ray_cluster() as found:
        yield found


def test_ray_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'gpuplan\[ray\]'") as caught:
        list(each_on_ray([1], ray_cluster.refused))
    assert (caught.value.field, caught.value.value) == ("executor", "ray")


@needs_ray
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("cluster", "give HOST:PORT, ray://HOST:PORT or auto"),
        (":6379", "give HOST:PORT"),
        ("head:ray", "give HOST:PORT"),
        ("no-such-host.invalid:6379", "nobody answers.*ray start --head"),
        ("ray://127.0.0.1:99999", "nobody answers"),
    ],
)
def test_an_address_where_no_cluster_is(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        list(each_on_ray([1], ray_cluster.refused, address))
    assert (caught.value.field, caught.value.value) == ("address", address)


@needs_ray
def test_nobody_waits_for_a_port_that_is_shut() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(InputError, match="nobody answers"):
            list(each_on_ray([1], ray_cluster.refused, address))


@needs_ray
def test_what_ray_says_of_a_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = importlib.import_module("ray")

    def refuses(**_: object) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.0.0")

    monkeypatch.setattr(ray, "init", refuses)
    with pytest.raises(
        InputError, match=r"Version mismatch: The cluster was started with: Ray: 2\.0\.0.*executor local"
    ):
        list(each_on_ray([1], ray_cluster.refused))


def test_a_digest_tells_code_and_catalogues_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ray_workers.identity()
    assert whole.startswith(f"{gpuplan.__version__} (") and whole == ray_workers.identity()
    monkeypatch.setattr(ray_workers, "_SUFFIXES", (".py",))  # as if every price list were another
    ray_workers.identity.cache_clear()
    try:
        assert ray_workers.identity() != whole
    finally:
        monkeypatch.undo()
        ray_workers.identity.cache_clear()
    assert ray_workers.identity() == whole


@needs_ray
def test_an_error_of_the_input_comes_home_whole(cluster: RayCluster) -> None:
    with pytest.raises(InputError) as raised:
        list(each_on_ray(range(6), ray_cluster.refused, cluster.address))
    assert str(raised.value) == "gpu: 'H10' is not known. Did you mean H100?"
    assert "ray_cluster.py" in raised.value.__notes__[0]


@needs_ray
def test_a_task_that_is_lost_every_time_is_told(cluster: RayCluster) -> None:
    with pytest.raises(WorkerDiedError, match=r"the process at task 2 was lost 2 times on the Ray cluster") as raised:
        list(each_on_ray(range(3), ray_cluster.killed, cluster.address, retries=1))
    assert raised.value.index == 1


@needs_ray
def test_processes_keep_what_they_have_computed(cluster: RayCluster) -> None:
    counts = [item for _, item in each_on_ray(range(24), ray_cluster.forgetful, cluster.address)]
    assert max(counts) >= 24 / 3  # three nodes of one CPU each


@needs_ray
def test_another_gpuplan_is_refused(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "identity", lambda: "0.0.9 (0123456789ab)")
    with pytest.raises(InputError, match=r"has gpuplan .*, and this is 0\.0\.9 \(0123.*install gpuplan") as caught:
        list(each_on_ray(range(3), ray_cluster.refused, cluster.address))
    assert caught.value.field == "address"


@needs_ray
def test_a_connection_of_the_caller_is_used_and_kept(cluster: RayCluster) -> None:
    ray = importlib.import_module("ray")
    ray.init(address=cluster.address, log_to_driver=False, logging_level=40)
    try:
        assert sorted(each_on_ray([(7, 2)], ray_cluster.counted))[1][1][:2] == (7, 1)
        assert ray.is_initialized()
        with pytest.raises(InputError, match=r"connected to Ray already.*ray\.shutdown"):
            list(each_on_ray([1], ray_cluster.refused, cluster.address))
    finally:
        ray.shutdown()


@needs_ray
def test_tasks_are_taken_when_there_is_room_and_cancelled_when_nobody_waits(cluster: RayCluster) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[tuple[int, int]]:
        for name in range(100_000):
            taken.append(name)
            yield name, 10_000

    with closing(each_on_ray(tasks(), ray_cluster.counted, cluster.address)) as found:
        next(found)
    assert len(taken) <= max(ray_workers.LEAST_TASKS, ray_workers.TASKS_PER_CPU * ray_cluster.NODES)
    # The CPUs are free again: tasks of 1,000 s would hold them.
    assert len(list(each_on_ray([(1, 1)] * 3, ray_cluster.counted, cluster.address))) == 3


@needs_ray
def test_every_item_comes_once_and_in_order_though_a_node_is_killed(
    cluster: RayCluster, capfd: pytest.CaptureFixture[str]
) -> None:
    tasks = [(100 + index, index % 5) for index in range(30)]
    found: list[tuple[int, tuple[int, int, str]]] = []
    for one in each_on_ray(tasks, ray_cluster.counted, cluster.address):
        found.append(one)
        if len(found) == 12:
            cluster.stop_a_node()
    assert len(found) == sum(items for _, items in tasks)
    for index, (name, items) in enumerate(tasks):
        assert [item[:2] for at, item in found if at == index] == [(name, number) for number in range(items)]
    assert capfd.readouterr().out == ""  # where the answer goes


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Rows of a batch without what depends on the machine."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if row["answer"] is not None:
            row["answer"]["solver"]["seconds"] = {}
    return rows


@needs_ray
def test_a_batch_gives_the_same_though_a_node_is_killed(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LEAST_ROWS", 3)  # or these few rows would be one task
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    gpuplan.batch(JOBS, here)
    stopped: list[int] = []

    def stop(done: int, total: int, resumed: int) -> None:
        if done >= 4 and not stopped:
            cluster.stop_a_node()
            stopped.append(done)

    result = gpuplan.batch(JOBS, there, executor="ray", address=cluster.address, progress=stop)
    assert stopped and stopped[0] < len(JOBS)
    assert rows_in(there) == rows_in(here)
    assert (result.jobs, result.errors, result.solver.executor) == (len(JOBS), 1, "ray")
    assert not list(tmp_path.glob("*.journal"))


def test_what_is_sent_needs_nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offers = tmp_path / "mine.csv"
    header = "provider,region,pricing,node,gpu,gpus_per_node,max_nodes,price_usd_per_hour,as_of,source"
    offers.write_text(f"{header}\nlambda,any,on-demand,gh200,GH200,1,4,1.0,2026-11-01,a quote\n")
    jobs: list[dict[str, Any]] = [
        {"model": "qwen2.5-0.5b", "method": "lora", "data": "1MB", "offers": str(offers)},
        {"model": "no-such-model"},
    ]
    tasks = work.tasks_of(read_rows(jobs), 1)
    local = [one for task in tasks for one in answering.Answering()(task)]
    packed = [pickle.dumps(task) for task in sent(tasks, None)]

    def unknown(*_: object) -> Any:
        raise AssertionError("another machine would read other files")

    offers.unlink()
    monkeypatch.setattr(answering, "resolve_all", unknown)
    monkeypatch.setattr(answering, "offers_for", unknown)
    again = AnsweringSent()
    remote = [one for task in packed for one in again(pickle.loads(task))]
    assert [one[:3] for one in remote] == [one[:3] for one in local]
    for one, other in zip(remote, local, strict=True):
        first, second = json.loads(one.text), json.loads(other.text)
        for row in (first, second):
            if row["answer"] is not None:
                row["answer"]["solver"]["seconds"] = {}
        assert first == second
