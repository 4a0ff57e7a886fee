"""Tasks side by side on a Ray cluster, with the shape of `gpuplan.workers`: items come as they are known, lost tasks are done again.

Ray does the work: it places a task on a node, and does it anew elsewhere where the node or the process is lost, without giving an
item again that has been given. ray is imported only here, and only when it is asked for.
"""

from __future__ import annotations

import logging
import pickle
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from gpuplan import __version__
from gpuplan.errors import InputError, shown
from gpuplan.workers import WorkerDiedError, portable

T = TypeVar("T")
R = TypeVar("R")

#: Tasks that a cluster has at a time for each of its CPUs: one that is at work, and one that waits for it to end.
TASKS_PER_CPU = 2
LEAST_TASKS = 8
#: How often the CPUs of a cluster are counted: it may grow.
COUNT_SECONDS = 5.0
CONNECT_SECONDS = 10.0
#: Ways to an existing cluster, for errors.
_EXISTING = "start one with 'ray start --head', or give the --address HOST:PORT of one; --executor local needs none"
_PACKAGES = ("gpuplan", "gpuplan_models", "gpuplan_hardware")
_SUFFIXES = (".py", ".toml", ".csv")


def each_on_ray(
    tasks: Iterable[T], run: Callable[[T], Iterable[R]], address: str | None = None, retries: int = 3
) -> Generator[tuple[int, R], None, None]:
    """Run every task on a Ray cluster and give its items, each as soon as it is known.

    Parameters
    ----------
    tasks
        What to do; taken when there is room for them, so they may be made on the way. They are pickled, and so are items.
    run
        Gives the items of a task: of a task that is done again the same number of items in the same order. It must be picklable,
        and is kept by each process of the cluster for all the tasks that it does.
    address
        "HOST:PORT" of a cluster, "ray://HOST:PORT" of its Ray Client server; None or "auto": the one that this process is connected
        to, else the one of ``RAY_ADDRESS``, else the one on this machine. Through a Ray Client the items of a task come together,
        when it is done.
    retries
        How often a task is done again because its process or node was lost.

    Yields
    ------
    tuple of int and item
        Index of the task, and the item; those of one task in order, none of them twice. When the consumer stops, by an error, by
        Ctrl-C or by closing the generator, the tasks are cancelled; the cluster stays as it is.

    Raises
    ------
    InputError
        Ray is not installed, there is no cluster at the address, or the cluster has another version of gpuplan.
    WorkerDiedError
        A task was lost once more than `retries` allow.
    Exception
        What `run` raises.
    """
    if find_spec("ray") is None:
        message = "needs Ray, of the extra 'ray', which is not installed; run pip install 'gpuplan[ray]', or use local"
        raise InputError("executor", "ray", message)
    with _connected(address):
        running: dict[Any, int] = {}
        try:
            yield from _items(iter(enumerate(tasks)), _Cluster(run, retries), running)
        finally:
            _cancel(running)


def _items(waiting: Iterator[tuple[int, T]], cluster: _Cluster, running: dict[Any, int]) -> Iterator[tuple[int, Any]]:
    """Give items as they come, and new tasks to the cluster while it has room, until all are done."""
    import ray

    while True:
        while len(running) < cluster.room and (following := next(waiting, None)) is not None:
            index, task = following
            running[cluster.begin(task)] = index
        if not running:
            return
        ray.wait(list(running), num_returns=1, fetch_local=False)
        ready, _ = ray.wait(list(running), num_returns=len(running), timeout=0, fetch_local=False)
        for handle in ready:
            messages, over = cluster.take(handle, running[handle])
            yield from ((running[handle], _content(message)) for message in messages)
            if over:
                del running[handle]


class _Cluster:
    """The cluster that this process is connected to, and what is done there."""

    def __init__(self, run: Callable[[Any], Iterable[Any]], retries: int) -> None:
        import ray
        from ray.util.client import ray as client

        self._streams = not client.is_connected()
        self._retries = retries
        self._run = ray.put(pickle.dumps(run))
        self._identity = identity()
        function = _stream_function() if self._streams else _list_function()
        options = {"num_returns": "streaming"} if self._streams else {}
        self._remote = ray.remote(function).options(num_cpus=1, max_retries=retries, name="gpuplan", **options)
        self._cpus, self._counted = 0.0, 0.0

    @property
    def room(self) -> int:
        """How many tasks the cluster is given at a time."""
        import ray

        if time.monotonic() >= self._counted + COUNT_SECONDS or not self._cpus:
            self._cpus = ray.cluster_resources().get("CPU", 0.0)
            self._counted = time.monotonic()
        return max(LEAST_TASKS, int(TASKS_PER_CPU * self._cpus))

    def begin(self, task: object) -> Any:
        """Hand a task to the cluster; what is returned can be waited for."""
        return self._remote.remote(self._identity, self._run, pickle.dumps(task))

    def take(self, handle: Any, index: int) -> tuple[list[tuple[str, Any]], bool]:
        """What a task that is ready has to say, and whether that is all."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            if not self._streams:
                return ray.get(handle), True
            reference = next(handle, None)
            return ([], True) if reference is None else ([ray.get(reference)], False)
        except RayTaskError:
            raise
        except RayError as error:
            often = f"{self._retries + 1} times" if self._retries else "once"
            what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            way_out = "if memory ran out, give the nodes fewer CPUs (ray start --num-cpus)"
            raise WorkerDiedError(index, f"was lost {often} on the Ray cluster ({what}); {way_out}") from error


def _content(message: tuple[str, Any]) -> Any:
    """The item in a message; an error is raised, and another gpuplan is one."""
    kind, content = message
    if kind == "item":
        return content
    if kind == "error":
        raise content
    right = f"install gpuplan {__version__} on every node of the cluster, or name it in a runtime environment"
    raise InputError("address", "ray", f"{content}; {right} (ray job submit --runtime-env-json)")


def _cancel(running: Iterable[Any]) -> None:
    """End tasks that nobody waits for any more, whatever they are at."""
    import ray

    for handle in running:
        with suppress(Exception):  # the cluster may be gone
            ray.cancel(handle, force=True)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Join a cluster that exists, and leave it as it was; a connection of the caller's is used and kept."""
    import ray
    from ray._private import worker as chatty

    if ray.is_initialized():
        if address not in (None, "auto"):
            message = (
                f"this process is connected to Ray already; leave {shown(address)!r} out, or call ray.shutdown() first"
            )
            raise InputError("address", address, message)
        yield
        return
    _join(address or "auto")
    before = getattr(chatty, "_worker_logs_enabled", True)
    chatty._worker_logs_enabled = False  # news of lost nodes would go to stdout, into the answer
    try:
        yield
    finally:
        ray.shutdown()
        chatty._worker_logs_enabled = before


def _join(address: str) -> None:
    """Connect to a cluster.

    Raises
    ------
    InputError
        There is none, or one of another version of Ray or Python.
    """
    import ray

    _check_reachable(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (OSError, RuntimeError, ValueError) as error:  # what Ray is known to raise for addresses and versions
        ray.shutdown()
        what = " ".join(str(error).split()) or type(error).__name__
        raise InputError("address", address, f"no Ray cluster could be joined ({what}); {_EXISTING}") from None


def _check_reachable(address: str) -> None:
    """Raise `InputError` where nobody listens at HOST:PORT; Ray itself would wait for a minute and end the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdecimal() or not host:
        message = f"{shown(address)!r} is none; give HOST:PORT, ray://HOST:PORT or auto"
        raise InputError("address", address, message)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError("address", address, f"nobody answers at {shown(address)!r} ({why}); {_EXISTING}") from None


@lru_cache(maxsize=1)
def identity() -> str:
    """Version of gpuplan with a digest of its code and catalogues: what all nodes must have in common."""
    digest = sha256()
    for package in _PACKAGES:
        spec = find_spec(package)
        root = Path(spec.origin).parent if spec is not None and spec.origin else Path()
        for path in sorted(root.rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                digest.update(f"{package}/{path.relative_to(root).as_posix()}\n".encode())
                digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return f"{__version__} ({digest.hexdigest()[:12]})"


def _stream_function() -> Callable[[str, bytes, bytes], Iterator[tuple[str, Any]]]:
    """What a node of the cluster does. A function in a function is sent whole, so that it can say that there is no gpuplan."""

    def stream(wanted: str, run: bytes, task: bytes) -> Iterator[tuple[str, Any]]:
        try:
            from gpuplan import ray_workers
        except ImportError as error:
            yield "other", f"a node of the cluster has no gpuplan that can do this ({error})"
            return
        yield from ray_workers.messages(wanted, run, task)

    return stream


def _list_function() -> Callable[[str, bytes, bytes], list[tuple[str, Any]]]:
    """The same for a Ray Client, which hands on whole results only."""
    stream = _stream_function()

    def whole(wanted: str, run: bytes, task: bytes) -> list[tuple[str, Any]]:
        return list(stream(wanted, run, task))

    return whole


def messages(wanted: str, run: bytes, task: bytes) -> Iterator[tuple[str, Any]]:
    """Do a task in a process of the cluster: its items, or what is wrong."""
    here = identity()
    if here != wanted:
        yield "other", f"node {socket.gethostname()} of the cluster has gpuplan {here}, and this is {wanted}"
        return
    try:
        for item in _loaded(run)(pickle.loads(task)):
            yield "item", item
    except Exception as error:  # noqa: BLE001  whatever it is, the caller raises it
        yield "error", portable(error)


@lru_cache(maxsize=1)
def _loaded(run: bytes) -> Callable[[Any], Iterable[Any]]:
    """What does the tasks, with what it has computed for earlier ones."""
    found: Callable[[Any], Iterable[Any]] = pickle.loads(run)
    return found
