"""What the catalogue knows of one accelerator, node shape or offer, in facts and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, bullets, columns, facts, section, table
from gpuplan.report.catalogue_tables import lead_time, link, network, offer_rows
from gpuplan.report.format import GLUE

if TYPE_CHECKING:
    from gpuplan.listing.base import FigureEntry
    from gpuplan.listing.hardware import AcceleratorDetails
    from gpuplan.listing.nodes import NodeDetails
    from gpuplan.listing.offers import OfferDetails, OfferEntry

UNKNOWN = "unknown"


def accelerator(found: AcceleratorDetails) -> list[RenderableType]:
    """An accelerator: whether it can be planned on, every figure, the nodes that have it, its offers."""
    shapes = [f"{one.provider}/{one.name} ({f.plural(one.gpus_per_node, 'GPU')})" for one in found.node_entries]
    known = [
        ("status", _status(found)),
        ("vendor", f"{found.vendor}, generation {found.kernel_family}"),
        ("families", ", ".join(found.families) or None),
        ("also called", ", ".join(found.aliases) or None),
        ("notes", found.notes),
    ]
    return [
        Prose(found.name, "bold"),
        facts(known),
        *_figures(found.figures),
        section("Nodes that have it", bullets(shapes) if shapes else Prose("none known")),
        *_offers(found.offer_entries),
    ]


def _status(found: AcceleratorDetails) -> str:
    if found.refused is not None:
        return f"refused: {found.refused}"
    lowest = found.lowest_price_usd_per_gpu_hour
    if found.status == "price needed":
        return f"price needed: gpuplan solve --gpu {found.name} --price USD_PER_GPU_HOUR ..."
    if found.status == "marketplace":
        return "marketplace: only marketplaces let it (--marketplace)"
    if found.status == "owned":
        return "nobody in the catalogue lets it; priced as owned machines, or at your own --price"
    return "rented" if lowest is None else f"rented, on demand from ${lowest:,.2f} per GPU and hour"


def node(found: NodeDetails) -> list[RenderableType]:
    """A node shape."""
    known = [
        ("GPUs", f"{found.gpus_per_node} x {found.gpu}"),
        ("in the node", link(found)),
        ("between nodes", f"{network(found)}{_rdma(found)}"),
        ("vCPUs", UNKNOWN if found.vcpus is None else str(found.vcpus)),
        ("RAM", UNKNOWN if found.ram_bytes is None else f.gib(found.ram_bytes)),
        ("NVMe", _disk(found.nvme_bytes)),
        ("notes", found.notes),
    ]
    title = Prose(f"{found.provider}/{found.name}", "bold")
    return [title, facts(known), *_figures(found.figures), *_offers(found.offer_entries)]


def _rdma(found: NodeDetails) -> str:
    if found.network is None:
        return ", so a job stays on one node"
    return {True: ", RDMA", False: ", no RDMA", None: ", RDMA unknown"}[found.rdma]


def _disk(count: int | None) -> str:
    if count is None:
        return UNKNOWN
    return f.decimal_bytes(count) if count else "none"


def offer(found: OfferDetails) -> list[RenderableType]:
    """An offer."""
    per_gpu = f.price(found.price_usd_per_gpu_hour)
    volume = found.volume_usd_per_gb_month
    least, step = found.minimum_billing_seconds, found.billing_increment_seconds
    known = [
        ("refused", found.refused),
        ("node", f"{found.provider}/{found.node} with {found.gpus_per_node} x {found.gpu}"),
        (
            "price",
            f"{f.price(found.price_usd_per_hour)} per node and hour, {per_gpu} per GPU; as of {found.as_of}, {f.age(found.age_days)}",
        ),
        ("pricing", found.pricing + (", at a marketplace" if found.marketplace else "")),
        ("region", found.region),
        ("also in", ", ".join(found.also_in) + ", at the same price" if found.also_in else None),
        ("to be had", lead_time(found)),
        ("nodes", f"up to {found.max_nodes} for one job"),
        ("storage", UNKNOWN if volume is None else f"network volume at ${volume:g} per GB and month"),
        ("billed", None if least is None and step is None else f.billed(least, step)),
        ("host", "open: you choose what is not stated" if found.host_open else None),
        ("provider", found.provider_notes),
        ("source", f"{found.source} ({found.origin})"),
    ]
    return [Prose(found.id, "bold"), facts(known)]


def _figures(found: Sequence[FigureEntry]) -> list[RenderableType]:
    """Every figure with its unit and where it comes from; a source that several share is spelled out once."""
    if not found:
        return []
    sources = list(dict.fromkeys(one.source for one in found))
    rows = [
        (_field(one.field), _value(one), one.basis, one.as_of, f"[{1 + sources.index(one.source)}]") for one in found
    ]
    spelled = columns([(f"[{number}]", source) for number, source in enumerate(sources, 1)], right=())
    return [section("Figures", table(("figure", ">value", "basis", "as of", "source"), rows), spelled)]


def _field(name: str) -> str:
    """A figure's name without its unit, which stands with the value."""
    for ending in (
        "_bytes_per_second_per_gpu",
        "_bytes_per_second",
        ".bytes_per_second_per_gpu",
        "_bytes",
        "_watts",
        "_usd",
    ):
        name = name.removesuffix(ending)
    return name.replace("_", " ").replace(".", " ")


def _value(one: FigureEntry) -> str:
    """A figure in the unit that its field names."""
    name, value = one.field, one.value
    if name.endswith(("bytes_per_second", "bytes_per_second_per_gpu")):
        return f.rate(value) + (" a GPU" if name.endswith("per_gpu") else "")
    if name.endswith(("memory_bytes", "ram_bytes")):
        return f.gib(value)
    if name.endswith("_bytes"):
        return f.decimal_bytes(value)
    if name.startswith("peak_flops"):
        return f"{value / 1e12:,.1f}{GLUE}TFLOP/s"
    if name.endswith("_usd"):
        return f"${value:,.0f}"
    return f"{value:,.0f}{GLUE}W" if name.endswith("_watts") else f"{value:g}"


def _offers(found: Sequence[OfferEntry]) -> list[RenderableType]:
    """Offers as a table that is narrow enough to stand under the facts."""
    rows = [(row[0], row[1], row[3], row[4], row[6]) for row in offer_rows(found)]
    if not rows:
        return [section("Offers", Prose("none"))]
    return [section("Offers", table(("offer", ">$/GPU h", ">$/h", ">max nodes", "as of"), rows))]
