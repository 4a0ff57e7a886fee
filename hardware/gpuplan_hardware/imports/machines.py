"""Which machine a row of a price catalogue is about: one of our node catalogue, or one made of what the row says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache

from gpuplan_hardware.catalogue import accelerators, nodes
from gpuplan_hardware.entities import Accelerator, Figure, Host, Link, Node
from gpuplan_hardware.imports.base import Listed, Source
from gpuplan_hardware.imports.doubts import Why
from gpuplan_hardware.imports.gcp import gpus_of
from gpuplan_hardware.imports.gpu_words import is_no_gpu, models
from gpuplan_hardware.price_list import offers as built_in_offers

UNKNOWN_TYPE = "unknown instance type"
UNKNOWN_GPU = "a GPU that the catalogue does not have"
AMBIGUOUS = "the name stands for several GPUs"
REFUSED = "an accelerator on which nothing is planned"
FRACTION = "a part of a GPU"
NO_COUNT = "the number of GPUs is unknown"
OTHER_COUNT = "GPU count differs from the catalogue's"
UNKNOWN_LINK = "the link between its GPUs is unknown"

_FASTEST_PCIE_BYTES_PER_SECOND = 64e9  # PCIe 5.0 x16, one way; a faster host link joins a GPU to its own CPU alone
_MOST_GPUS = 128
_MOST_VCPUS, _MOST_RAM_GIB = 2048, 30_000
_MOST_NODES = 16


class Machines:
    """Nodes of rows; each is looked up or made once, as rows of one machine are many."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Node | Why] = {}

    def node(self, source: Source, row: Listed) -> Node | Why:
        """The node that a row is about, or why there is none."""
        key = (
            row.provider, row.instance_type, row.accelerator, row.accelerator_count, row.memory_gib_per_gpu, row.vcpus,
            row.ram_gib, row.also_called,
        )  # fmt: skip
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _node(source, row)
        return found


def most_nodes(node: Node) -> tuple[int, bool]:
    """Most nodes that one job may use, and whether that is assumed: the catalogue has no offer of the node.

    A node without a known network stands alone.
    """
    if node.network is None:
        return 1, False
    known = _most_nodes().get((node.provider, node.name))
    return (_MOST_NODES, True) if known is None else (known, False)


def _node(source: Source, row: Listed) -> Node | Why:
    known = _known(row.provider, row.instance_type)
    count = row.accelerator_count
    if known is not None:
        if known.accelerator.refused is not None:
            return REFUSED, known.accelerator.name
        if count is not None and count != known.gpus_per_node:
            return OTHER_COUNT, f"{row.instance_type}: {count:g}, and {known.gpus_per_node} in the catalogue"
        return known
    if not row.accelerator:
        return UNKNOWN_TYPE, row.instance_type
    found = _accelerator(row)
    if not isinstance(found, Accelerator):
        return found
    if count is None:
        return NO_COUNT, row.instance_type
    if row.provider == "gcp" and (shape := gpus_of(row.instance_type)) is not None and shape[1] != count:
        part = FRACTION if shape[1] < 1 else OTHER_COUNT
        return part, f"{row.instance_type}: {count:g}, and {shape[1]:g} as its name says"
    if not (1 <= count <= _MOST_GPUS and count == int(count)):
        return FRACTION, f"{row.instance_type}: {count:g} of {row.accelerator}"
    return _made(source, row, found, int(count))


def _accelerator(row: Listed) -> Accelerator | Why:
    """The one model that the row's word stands for."""
    if is_no_gpu(row.accelerator):
        return REFUSED, row.accelerator
    names = models(row.provider, row.instance_type, row.accelerator, row.memory_gib_per_gpu, row.also_called)
    if not names:
        return UNKNOWN_GPU, row.accelerator[:60]
    found = [accelerators()[name] for name in names]
    if all(one.refused is not None for one in found):
        return REFUSED, row.accelerator
    if len(found) > 1:
        return AMBIGUOUS, f"{row.accelerator} of {row.instance_type}: {', '.join(names)}"
    return found[0]


def _made(source: Source, row: Listed, accelerator: Accelerator, gpus: int) -> Node | Why:
    """A node of what the row says; its network is unknown."""
    if gpus == 1:
        link, why = Link("none", 0.0), "a single GPU"
    else:
        slowest = _slowest_link(accelerator, gpus)
        if slowest is None:
            return UNKNOWN_LINK, f"{gpus} x {accelerator.name}"
        link, why = slowest
    day = row.as_of or source.as_of
    host = Host(_within(row.vcpus, 1, _MOST_VCPUS), _bytes(row.ram_gib), None)
    return Node(
        name=row.instance_type,
        provider=row.provider,
        accelerator=accelerator,
        gpus_per_node=gpus,
        intra_node=link,
        network=None,
        host=host,
        sources=dict(_figures(source.name, day, gpus, link, why, host)),
    )


def _figures(name: str, day: date, gpus: int, link: Link, why: str, host: Host) -> Iterable[tuple[str, Figure]]:
    yield "gpus_per_node", Figure(gpus, name, day, "datasheet")
    yield "intra_node.bytes_per_second_per_gpu", Figure(link.bytes_per_second_per_gpu, why, day, "assumed")
    if host.vcpus is not None:
        yield "host.vcpus", Figure(host.vcpus, name, day, "datasheet")
    if host.ram_bytes is not None:
        yield "host.ram_bytes", Figure(host.ram_bytes, name, day, "datasheet")


@cache
def _slowest_link(accelerator: Accelerator, gpus: int) -> tuple[Link, str] | None:
    """The slowest link between as many GPUs of this model, and where it is from; None where nothing is known.

    Without a node of as many it is PCIe at the rate of the GPU's host link, or that of the slowest link of any node with several of
    the model where that is slower: cards without peer-to-peer traffic do not get what the slot has. Bridges between pairs of cards
    are an extra that another provider's machine may lack.
    """
    alike = [
        node
        for node in nodes().values()
        if node.accelerator == accelerator and node.gpus_per_node > 1 and node.intra_node.kind != "nvlink-pairs"
    ]
    alike.sort(key=lambda node: (node.intra_node.bytes_per_second_per_gpu, node.provider, node.name))
    for node in alike:
        if node.gpus_per_node == gpus:
            return node.intra_node, f"assumed as slow as that of {node.provider}/{node.name}"
    rate = accelerator.host_link_bytes_per_second
    if rate is None or rate > _FASTEST_PCIE_BYTES_PER_SECOND:
        return None
    if alike and alike[0].intra_node.bytes_per_second_per_gpu < rate:
        slow = alike[0]
        return Link(
            "pcie", slow.intra_node.bytes_per_second_per_gpu
        ), f"assumed as slow as that of {slow.provider}/{slow.name}"
    return Link("pcie", rate), "assumed to be the GPU's host link"


def _within(value: float | None, lowest: int, highest: int) -> int | None:
    """A whole number in a range; what is outside is no fact, but unknown."""
    return int(value) if value is not None and lowest <= value <= highest else None


def _bytes(gib: float | None) -> int | None:
    return int(gib * 2**30) if gib is not None and 1 <= gib <= _MOST_RAM_GIB else None


def _known(provider: str, instance_type: str) -> Node | None:
    name = instance_type.casefold()
    found = _nodes_by_name().get((provider, name))
    if found is None and provider == "azure":  # its price API has the prefix, its documents do not
        found = _nodes_by_name().get((provider, f"standard_{name}"))
    return found


@cache
def _nodes_by_name() -> dict[tuple[str, str], Node]:
    return {(provider, name.casefold()): node for (provider, name), node in nodes().items()}


@cache
def _most_nodes() -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for offer in built_in_offers():
        key = (offer.node.provider, offer.node.name)
        found[key] = max(offer.max_nodes, found.get(key, 1))
    return found
