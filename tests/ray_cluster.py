"""A Ray cluster of several nodes on this machine, in a process of its own; and what it is given to do in tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from gpuplan.errors import InputError

#: Head and two more, each with one CPU and as little memory for objects as Ray allows.
NODES = 3
OBJECT_BYTES = 80_000_000
#: So that a node that is gone is missed within a second or two.
QUICKLY = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 2}


@dataclass(frozen=True)
class RayCluster:
    """A cluster that is there."""

    address: str
    _orders: IO[str]
    _news: IO[str]

    def stop_a_node(self) -> None:
        """Kill a node, with all that it is at."""
        self._orders.write("stop\n")
        self._orders.flush()
        if self._news.readline() != "stopped\n":
            raise RuntimeError("no node was stopped")


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A cluster that ends with the block."""
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            while not (line := process.stdout.readline()).startswith("address "):
                if not line:
                    raise RuntimeError("the cluster did not start")
            yield RayCluster(line.split()[1], process.stdin, process.stdout)
        finally:
            process.stdin.close()  # it ends then


def serve() -> None:
    """Start a cluster, stop a node when told to, end with the orders."""
    from ray.cluster_utils import Cluster

    size = {"num_cpus": 1, "object_store_memory": OBJECT_BYTES}
    head = {**size, "include_dashboard": False, "_system_config": QUICKLY}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(**size, wait=False) for _ in range(NODES - 1)]
    cluster.wait_for_nodes()
    print("address", cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("stopped", flush=True)
    cluster.shutdown()


def counted(task: tuple[int, int]) -> Iterator[tuple[int, int, str]]:
    """So many items, slowly: name of the task, a number from 0, and something to carry."""
    name, items = task
    for number in range(items):
        time.sleep(0.1)
        yield name, number, "x" * 20_000


def refused(name: int) -> Iterator[int]:
    """Task 2 is an error of the user's."""
    if name == 2:
        raise InputError("gpu", "H10", "'H10' is not known", ["H100"])
    yield name


def killed(name: int) -> Iterator[int]:
    """Task 1 ends its process every time."""
    if name == 1:
        os._exit(1)
    yield name


def forgetful(name: int) -> Iterator[int]:
    """What the process has done so far."""
    DONE.append(name)
    yield len(DONE)


DONE: list[int] = []

if __name__ == "__main__":
    serve()
