"""The node of a row: an accelerator of the catalogue, by the names that published runs use, with the links of its fastest node."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from gpuplan.runs.rows import UnpredictableError
from gpuplan.runs.tables import GpuRule, gpu_rules, matched
from gpuplan_hardware import Accelerator, Host, Link, Network, Node, accelerators, nodes
from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.names import resolve_gpus

GIB = 2**30
#: What a card's driver leaves of its nominal memory, where only the size is known (an RTX 4090: 23.5 of 24 GiB).
USABLE_SHARE = 0.975
#: Between nodes where the catalogue knows no network of such nodes: 100 Gbit/s for a node of 8 (assumed).
SLOW_NETWORK_BYTES_PER_SECOND = 100e9 / 8 / 8


@cache
def node_of(gpu: str, gpus_per_node: int) -> tuple[Node, str]:
    """Return a node of `gpus_per_node` such GPUs, and what was assumed ("" if nothing).

    Raises
    ------
    UnpredictableError
        If the catalogue has no such GPU.
    """
    rule = matched(gpu_rules(), gpu)
    accelerator, note = _accelerator(gpu, rule)
    model = _fastest(accelerator.name if rule is None else rule.accelerator)
    domain = gpus_per_node if rule is None or rule.domain is None else max(rule.domain, gpus_per_node)
    rate = rule.network_bytes_per_second if rule is not None else None
    if rate is None:
        rate = model.network.bytes_per_second_per_gpu if model.network else SLOW_NETWORK_BYTES_PER_SECOND
    link = Link("none", 0.0) if domain == 1 else model.intra_node
    network = Network("unspecified", rate, None)
    return Node(gpu, "published", accelerator, domain, link, network, Host(None, None, None)), note


def _accelerator(gpu: str, rule: GpuRule | None) -> tuple[Accelerator, str]:
    if rule is None:
        try:
            names = resolve_gpus(gpu)
        except CatalogueError as error:
            raise UnpredictableError(error.message) from error
        chosen = next((name for name in names if "PCIe" not in name), names[0])
        return accelerators()[chosen], f"GPU read as {chosen}" if len(names) > 1 else ""
    found = accelerators()[rule.accelerator]
    if rule.memory_gib is not None:
        nominal = rule.memory_gib if rule.memory_gib > 0 else _stated_gib(rule, gpu)
        found = replace(found, name=gpu, usable_memory_bytes=int(nominal * GIB * USABLE_SHARE))
    if rule.scale != 1.0:
        peaks = {name: rate * rule.scale for name, rate in found.peak_flops.items()}
        found = replace(
            found,
            peak_flops=peaks,
            memory_bandwidth_bytes_per_second=found.memory_bandwidth_bytes_per_second * rule.scale,
        )
    return found, f"GPU read as {rule.accelerator}: {rule.note}" if rule.note else ""


def _stated_gib(rule: GpuRule, gpu: str) -> float:
    match = re.search(rule.pattern, gpu, re.IGNORECASE)
    return float(match.group(1)) if match else 0.0


@cache
def _fastest(accelerator: str) -> Node:
    """The catalogue's best-connected node of an accelerator: several GPUs, a known network, the fastest links."""
    found = [node for node in nodes().values() if node.accelerator.name == accelerator]
    if not found:
        raise UnpredictableError(f"the catalogue has no node of {accelerator}")
    return max(
        found,
        key=lambda node: (
            node.gpus_per_node > 1,
            node.intra_node.bytes_per_second_per_gpu,
            node.network.bytes_per_second_per_gpu if node.network else 0.0,
            node.name,
        ),
    )
