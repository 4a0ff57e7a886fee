"""What is sold in the generated market, and where: learned from the built-in nodes, and from real price catalogues where they lie."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gpuplan_hardware import CatalogueError, Node, nodes, offers
from gpuplan_hardware.imports.base import ImportFileError, Listed, Source
from gpuplan_hardware.imports.formats import formats
from gpuplan_hardware.imports.sources import find_sources, read_head

#: Where real catalogues lie beside the checkout; nothing of them is copied but names, sizes and a price for each machine.
PRICES = Path("../shared/data/prices")
#: Providers of which the catalogue has no machines: they sell what others sell, under names of their own.
OTHERS = (
    "cudo", "crusoe", "digitalocean", "fluidstack", "hyperstack", "ibm", "jarvislabs", "paperspace", "tensordock", "vultr",
)  # fmt: skip
PROVIDERS = ("aws", "azure", "coreweave", "gcp", "lambda", "nebius", "oci", "runpod", "vast", "verda", *OTHERS)
_POPULAR = (
    "A100-40GB-SXM", "A100-80GB-PCIe", "A100-80GB-SXM", "B200", "H100-PCIe", "H100-SXM", "H200-SXM", "L40S", "MI300X", "RTX-4090",
    "RTX-6000-Ada", "RTX-A6000", "V100-16GB",
)  # fmt: skip
_WORDS = {"A100-40GB": "A100", "V100-16GB": "V100"}
_FORMS = ("-SXM", "-PCIe", "-NVL")


@dataclass(frozen=True)
class Shape:
    """A machine as catalogues list it: `word` is SkyPilot's for its GPU; `like` a node of ours with its links, where there is one."""

    provider: str
    name: str
    word: str
    gpus: int
    memory_gib: float | None
    vcpus: int
    ram_gib: int
    usd_per_hour: float
    like: Node | None = None


@dataclass
class Sellers:
    """Machines and regions by provider."""

    shapes: dict[str, dict[str, Shape]] = field(default_factory=lambda: {name: {} for name in PROVIDERS})
    regions: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in PROVIDERS})

    def add(self, shape: Shape) -> None:
        """Take a machine unless it is known."""
        self.shapes[shape.provider].setdefault(shape.name, shape)


def sellers(seed: int, folder: Path = PRICES) -> Sellers:
    """Machines and regions of every provider; those of real catalogues are added to the built-in ones where `folder` is there."""
    found = Sellers()
    per_gpu = _usd_per_gpu()
    cheapest: dict[tuple[str, str], float] = {}
    for offer in offers():
        if offer.pricing == "on-demand" and offer.provider.name in found.shapes:
            found.regions[offer.provider.name].add(offer.region)
            key = (offer.node.provider, offer.node.name)
            cheapest[key] = min(offer.price_usd_per_hour, cheapest.get(key, offer.price_usd_per_hour))
    for key, node in sorted(nodes().items()):
        rate = per_gpu.get(node.accelerator.name)
        if node.provider in found.shapes and node.accelerator.refused is None and rate is not None:
            found.add(_shape(node, cheapest.get(key, rate * node.gpus_per_node)))
    for row in _listed(folder):
        _learn(found, row)
    rng = random.Random(seed)
    for name in OTHERS:
        for shape in _others(name, per_gpu, rng):
            found.add(shape)
    for regions in found.regions.values():
        regions.discard("any")
    return found


def _usd_per_gpu() -> dict[str, float]:
    """Median on-demand price of a GPU in the built-in list."""
    prices: dict[str, list[float]] = {}
    for offer in offers():
        if offer.pricing == "on-demand":
            prices.setdefault(offer.node.accelerator.name, []).append(
                offer.price_usd_per_hour / offer.node.gpus_per_node
            )
    return {name: statistics.median(rates) for name, rates in prices.items()}


def _shape(node: Node, usd_per_hour: float) -> Shape:
    gpu, host = node.accelerator, node.host
    return Shape(
        provider=node.provider,
        name=node.name,
        word=_word(gpu.name),
        gpus=node.gpus_per_node,
        memory_gib=round(gpu.usable_memory_bytes / 2**30),
        vcpus=host.vcpus or 0,
        ram_gib=(host.ram_bytes or 0) // 2**30,
        usd_per_hour=usd_per_hour,
        like=node,
    )


def _word(gpu: str) -> str:
    """SkyPilot's word for one of our GPUs, without the form of the card."""
    for form in _FORMS:
        gpu = gpu.removesuffix(form)
    return _WORDS.get(gpu, gpu)


def _others(provider: str, per_gpu: dict[str, float], rng: random.Random) -> Iterator[Shape]:
    """Machines that a smaller provider may have: some of the GPUs, in nodes like those of others, at a level of its own."""
    level = rng.uniform(0.75, 1.3)
    for gpu in rng.sample([name for name in _POPULAR if name in per_gpu], 8):
        for gpus in (1, 2, 4, 8):
            alike = [node for node in nodes().values() if (node.accelerator.name, node.gpus_per_node) == (gpu, gpus)]
            if alike:
                like = rng.choice(alike)
                vcpus = rng.choice((8, 12, 16, 24)) * gpus
                ram, usd = vcpus * rng.choice((6, 8, 10)), per_gpu[gpu] * gpus * level * rng.uniform(0.95, 1.05)
                yield Shape(provider, f"{provider}-{gpus}x-{gpu.lower()}", gpu, gpus, None, vcpus, ram, usd, like)


def _listed(folder: Path) -> Iterator[Listed]:
    """On-demand prices of real catalogues; none where there is no such folder."""
    if not folder.is_dir():
        return
    try:
        with find_sources([str(folder)], None, date(2026, 11, 1)) as sources:
            for source in sources:
                yield from _of_file(source)
    except CatalogueError:
        return


def _of_file(source: Source) -> Iterator[Listed]:
    head = read_head(source)
    for kind in formats():
        if kind.recognises(head) and kind.refused is None:
            try:
                yield from (row for row in kind.read(source) if isinstance(row, Listed) and row.pricing == "on-demand")
            except ImportFileError:
                return


def _learn(found: Sellers, row: Listed) -> None:
    count = row.accelerator_count or 0
    if row.provider not in found.shapes or (row.accelerator and count != int(count)):
        return
    found.regions[row.provider].add(row.region)
    found.add(
        Shape(
            provider=row.provider,
            name=row.instance_type,
            word=row.accelerator,
            gpus=int(count),
            memory_gib=row.memory_gib_per_gpu,
            vcpus=int(row.vcpus or 0),
            ram_gib=int(row.ram_gib or 0),
            usd_per_hour=row.price_per_hour,
        )
    )
