"""The node that somebody wants to own: found in the catalogue, or said, and written down as a row of a price list."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gpuplan.errors import InputError, input_error, shown
from gpuplan.listing.base import find
from gpuplan_hardware import CatalogueError, Node, nodes, resolve_gpus
from gpuplan_hardware.ownership import Purchase, purchases
from gpuplan_hardware.price_list import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

OWN = "own"
USUAL_GPUS_PER_NODE = 8


@dataclass(frozen=True, slots=True)
class Machine:
    """A node to own.

    Attributes
    ----------
    node : Node or None
        Its shape in the catalogue.
    gpu : str or None
        Name of the GPU.
    gpus_per_node : int or None
        How many of them.
    purchase : Purchase or None
        What the catalogue says that it costs and draws.
    link_bytes_per_second : float or None
        Link between its GPUs where the catalogue does not have the node: the slowest of all nodes with as many of them.
    """

    node: Node | None = None
    gpu: str | None = None
    gpus_per_node: int | None = None
    purchase: Purchase | None = None
    link_bytes_per_second: float | None = None

    @property
    def name(self) -> str | None:
        """Provider and name of a node of the catalogue."""
        return None if self.node is None else f"{self.node.provider}/{self.node.name}"

    @property
    def network_bytes_per_second(self) -> float:
        """Rate of the whole node's network, one way; 0 where it is unknown."""
        if self.node is None or self.node.network is None:
            return 0.0
        return self.node.network.bytes_per_second_per_gpu * self.node.gpus_per_node

    @property
    def source(self) -> str | None:
        """Who says what it costs and draws."""
        return None if self.purchase is None else self.purchase.source

    @property
    def as_of(self) -> str | None:
        """The day of that price."""
        return None if self.purchase is None else self.purchase.as_of.isoformat()

    def bought(self, given: Mapping[str, float | None]) -> dict[str, float]:
        """Purchase and power of the catalogue, of which what is `given` takes the place.

        Raises
        ------
        InputError
            Neither says it.
        """
        if self.purchase is not None:
            return {"purchase_usd": self.purchase.purchase_usd, "power_watts": self.purchase.power_watts}
        what = self.name or self.gpu or "the node"
        if given.get("purchase_usd") is None:
            right = f"the catalogue does not know what {what} costs to buy; give the price of the whole node in USD"
            raise InputError("purchase", "", right, ("255000",))
        if given.get("power_watts") is None:
            right = (
                f"the catalogue does not know what {what} draws; give the maximum of the whole node in watts (a DGX H100: "
                "10,200), not the GPUs alone"
            )
            raise InputError("power_watts", "", right, ("10200",))
        return {}

    def notes(self, count: int, given: Mapping[str, float | None]) -> list[str]:
        """What is not counted of a cluster of so many of them."""
        if count > 1 and not self.network_bytes_per_second and given.get("network_usd") is None:
            return ["switches and cables are not counted: the network of the node is unknown; give --switches"]
        return []


def machine(node: str | None = None, gpu: str | None = None, gpus_per_node: int | None = None) -> Machine:
    """A node by its name, or by its GPUs, or nothing known of it.

    Parameters
    ----------
    node
        "own/HGX-H100", any node of the catalogue; without a provider one of ``own``.
    gpu, gpus_per_node
        Name and number of its GPUs (8 unless told otherwise), in place of a name.

    Raises
    ------
    InputError
        A name that the catalogue does not have, a family of GPUs, or both ways at once.
    """
    if node is not None:
        if gpu is not None or gpus_per_node is not None:
            raise InputError(
                "gpu", gpu or gpus_per_node or "", "--node says what the GPUs are; leave one of the two out"
            )
        return _of_name(node)
    if gpu is None:
        return Machine(gpus_per_node=gpus_per_node)
    return _of_gpu(_model(gpu), USUAL_GPUS_PER_NODE if gpus_per_node is None else gpus_per_node)


def _of_name(word: str) -> Machine:
    """A node of the catalogue."""
    known = {f"{provider}/{name}": node for (provider, name), node in nodes().items()}
    found = known[find("node", word if "/" in word else f"{OWN}/{word}", known)]
    return _of_node(found)


def _of_gpu(model: str, count: int) -> Machine:
    """The catalogue's own node with these GPUs, one with a known price first; else a shape without a name."""
    same = [node for node in nodes().values() if (node.accelerator.name, node.gpus_per_node) == (model, count)]
    own = sorted((node for node in same if node.provider == OWN), key=lambda node: (OWN, node.name) not in purchases())
    if own:
        return _of_node(own[0])
    links = [node.intra_node.bytes_per_second_per_gpu for node in same]
    return Machine(
        gpu=model, gpus_per_node=count, link_bytes_per_second=min(links, default=0.0 if count == 1 else None)
    )


def _of_node(node: Node) -> Machine:
    bought = purchases().get((node.provider, node.name))
    return Machine(node, node.accelerator.name, node.gpus_per_node, bought)


def _model(word: str) -> str:
    """The one GPU that a word means."""
    try:
        models = resolve_gpus(word)
    except CatalogueError as error:
        raise input_error(error, "gpu") from None
    if len(models) > 1:
        raise InputError("gpu", word, f"{shown(word)!r} is a family; give one of {', '.join(models)}", models[:3])
    return models[0]


def price_list(of: Machine, price_usd_per_hour: float, count: int, source: str) -> str:
    """The machine as a price list of one row, which `--offers` takes.

    Parameters
    ----------
    of
        The node.
    price_usd_per_hour
        What an hour of use of the whole node costs.
    count
        How many there are.
    source
        What the price rests on.

    Raises
    ------
    InputError
        The machine has no GPU, or the link between its GPUs is unknown.
    """
    if of.gpu is None or of.gpus_per_node is None:
        right = "a price list needs the GPU; give --node, or --gpu and --gpus-per-node"
        raise InputError("gpu", "", right)
    row = {
        "provider": OWN,
        "region": "any",
        "pricing": "owned",
        "node": f"{of.gpus_per_node}x-{of.gpu}" if of.node is None else of.node.name,
        "gpu": of.gpu,
        "gpus_per_node": of.gpus_per_node,
        "max_nodes": count if of.network_bytes_per_second else 1,
        "price_usd_per_hour": f"{price_usd_per_hour:.4f}",
        "as_of": datetime.now(UTC).date().isoformat(),
        "lead_time": "instant",
        "source": source,
        **_shape(of),
    }
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return buffer.getvalue()


def _shape(of: Machine) -> dict[str, object]:
    """What the price list must say of a node that the catalogue does not have under ``own``."""
    if of.node is not None and of.node.provider == OWN:
        return {}
    if of.node is None:
        if of.link_bytes_per_second is None:
            right = (
                f"the catalogue has no node with {of.gpus_per_node} x {of.gpu} to take the link between its GPUs from; fill in a "
                "row of `gpuplan offers template`"
            )
            raise InputError("gpus_per_node", of.gpus_per_node, right)
        return _gigabytes({"intra_node_gb_per_s_per_gpu": of.link_bytes_per_second or None})
    network, host = of.node.network, of.node.host
    rates = {
        "intra_node_gb_per_s_per_gpu": of.node.intra_node.bytes_per_second_per_gpu or None,
        "network_gb_per_s_per_gpu": None if network is None else network.bytes_per_second_per_gpu,
        "nvme_gb": host.nvme_bytes,
    }
    ram_gib = None if host.ram_bytes is None else f"{host.ram_bytes / 2**30:g}"
    return {**_gigabytes(rates), "vcpus": host.vcpus, "ram_gib": ram_gib}


def _gigabytes(rates: Mapping[str, float | None]) -> dict[str, object]:
    return {name: None if value is None else f"{value / 1e9:g}" for name, value in rates.items()}
