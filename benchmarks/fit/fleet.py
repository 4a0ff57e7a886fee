"""Nodes of published runs: the catalogue's accelerators, those that only runs use, and the links the runs had."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from gpuplan_hardware import Accelerator, Host, Link, Network, Node, accelerators
from gpuplan_hardware.entities import LinkKind

GIGA = 1e9
CATALOGUE = {
    "A100-80GB": "A100-80GB-SXM",
    "A100-40GB": "A100-40GB-SXM",
    "H100-SXM-80GB": "H100-SXM",
    "H200-SXM-141GB": "H200-SXM",
    "B200": "B200",
    "MI300X": "MI300X",
    "L40S-48GB": "L40S",
}
#: Not in the catalogue, with datasheet rates: (like, family, dense bf16 and fp8 TFLOP/s, GB/s, W).
#: A family of its own keeps their speed apart from the catalogue's parts.
OTHERS = {
    "GB200": ("B200", "blackwell", 2500.0, 5000.0, 8000.0, 1200.0),
    "B300": ("B200", "blackwell-ultra", 2250.0, 4500.0, 8000.0, 1100.0),
    "GB300": ("B200", "blackwell-ultra", 2500.0, 5000.0, 8000.0, 1400.0),
    "MI325X": ("MI300X", "cdna3-1000w", 1307.4, 2614.9, 6000.0, 1000.0),
    "MI350X": ("MI300X", "cdna4", 2307.0, 4614.0, 8000.0, 1000.0),
    "MI355X": ("MI300X", "cdna4", 2516.6, 5033.0, 8000.0, 1400.0),
}
#: One way, GB/s per GPU: link in the node, network card.
LINKS = {
    "A100-80GB": (300, 25),
    "A100-40GB": (300, 25),
    "H100-SXM-80GB": (450, 50),
    "H200-SXM-141GB": (450, 50),
    "B200": (900, 50),
    "GB200": (900, 50),
    "B300": (900, 100),
    "GB300": (900, 100),
    "MI300X": (448, 50),
    "MI325X": (448, 50),
    "MI350X": (535, 50),
    "MI355X": (535, 50),
    "L40S-48GB": (32, 25),
}
#: Kinds of link by GPU; the others have NVSwitch.
KINDS: dict[str, LinkKind] = {
    "MI300X": "infinity-fabric",
    "MI325X": "infinity-fabric",
    "MI350X": "infinity-fabric",
    "MI355X": "infinity-fabric",
    "L40S-48GB": "pcie",
}
#: GPUs in one NVLink domain where it spans nodes.
NVL72 = {"GB200", "GB300"}


class UnknownGpuError(ValueError):
    """The row's GPU is neither in the catalogue nor in the tables above."""


@cache
def accelerator_of(gpu: str) -> Accelerator:
    """Accelerator of a row; raises `UnknownGpuError`."""
    known = accelerators()
    if gpu in CATALOGUE:
        return known[CATALOGUE[gpu]]
    if gpu not in OTHERS:
        raise UnknownGpuError(f"GPU {gpu!r} is not one of the catalogue's")
    like, family, bf16, fp8, bandwidth, watts = OTHERS[gpu]
    return replace(
        known[like],
        name=gpu,
        kernel_family=family,
        peak_flops={"bf16": bf16 * 1e12, "fp16": bf16 * 1e12, "fp8": fp8 * 1e12},
        memory_bandwidth_bytes_per_second=bandwidth * GIGA,
        tdp_watts=watts,
    )


@cache
def node_of(gpu: str, gpus_per_node: int) -> Node:
    """A node of `gpus_per_node` such GPUs (an NVL72 rack counts as one node: what matters is the link's domain)."""
    accelerator = accelerator_of(gpu)
    link, network = LINKS[gpu]
    domain = 72 if gpu in NVL72 else gpus_per_node
    return Node(
        name=gpu,
        provider="published",
        accelerator=accelerator,
        gpus_per_node=domain,
        intra_node=Link(KINDS.get(gpu, "nvswitch"), link * GIGA),
        network=Network("infiniband", network * GIGA, True),
        host=Host(None, None, None),
        sources={},
    )
