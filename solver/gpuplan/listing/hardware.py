"""The accelerators and node shapes of the catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from gpuplan.errors import InputError, choose, input_error, shown
from gpuplan.listing.base import FigureEntry, Listing, figures, some_of
from gpuplan.listing.known_offers import known_offers
from gpuplan.listing.nodes import NodeDetails, NodeEntry, NodeList, all_nodes, node_details, node_entries
from gpuplan.listing.offers import OfferEntry, cheapest, gpu_names, offer_entries
from gpuplan.providers import choose_provider
from gpuplan.result import Answer
from gpuplan_hardware import Accelerator, CatalogueError, Node, Offer, accelerators, resolve_gpus

PRECISIONS = ("bf16", "fp16", "fp8")
Status = Literal["rented", "marketplace", "owned", "price needed", "refused"]


class AcceleratorEntry(Answer):
    """One accelerator, in short.

    `status` says how a job can be planned on it: "rented" (at prices of the catalogue), "marketplace" (at marketplaces only:
    `--marketplace`), "owned" (at the cost of owning it), "price needed" (`--gpu NAME --price USD`), or "refused". The lowest
    price is on demand and leaves marketplaces out.
    """

    name: str
    vendor: str
    kernel_family: str
    usable_memory_bytes: int
    memory_bandwidth_bytes_per_second: float
    host_link_bytes_per_second: float | None
    bf16_flops_per_second: float | None
    fp16_flops_per_second: float | None
    fp8_flops_per_second: float | None
    tdp_watts: float | None
    node_shapes: int
    offers: int
    lowest_price_usd_per_gpu_hour: float | None
    status: Status


class AcceleratorList(Listing):
    """Accelerators by vendor and name."""

    accelerators: list[AcceleratorEntry]

    def rows(self) -> list[AcceleratorEntry]:
        return self.accelerators

    def row_type(self) -> type[AcceleratorEntry]:
        return AcceleratorEntry


class AcceleratorDetails(AcceleratorEntry):
    """Everything known of an accelerator."""

    aliases: list[str]
    families: list[str]
    refused: str | None
    notes: str
    figures: list[FigureEntry]
    node_entries: list[NodeEntry]
    offer_entries: list[OfferEntry]


def list_accelerators(
    *,
    vendors: Sequence[str] = (),
    families: Sequence[str] = (),
    min_memory_bytes: float = 0.0,
    precision: str | None = None,
    providers: Sequence[str] = (),
) -> AcceleratorList:
    """List accelerators.

    Parameters
    ----------
    vendors, providers
        Names; empty takes all. With providers only what one of them has.
    families
        Families ("A100"), generations ("hopper") or names.
    min_memory_bytes
        Least memory that a training process can address.
    precision
        "bf16", "fp16" or "fp8": what it must compute in natively.

    Raises
    ------
    InputError
        An unknown name.
    """
    wanted = _wanted(vendors, families, min_memory_bytes, precision)
    shapes, sold = _by_gpu()
    sellers = some_of("provider", providers, _providers(), choose_provider) if providers else None
    found = [one for one in wanted if sellers is None or any(node.provider in sellers for node in shapes[one.name])]
    entries = [_accelerator(one, shapes[one.name], sold[one.name]) for one in found]
    return AcceleratorList(accelerators=sorted(entries, key=lambda entry: (entry.vendor, entry.name)))


def list_nodes(
    *,
    vendors: Sequence[str] = (),
    families: Sequence[str] = (),
    min_memory_bytes: float = 0.0,
    precision: str | None = None,
    providers: Sequence[str] = (),
) -> NodeList:
    """List node shapes, by the same filters as `list_accelerators`; `min_memory_bytes` is that of one GPU."""
    names = {one.name for one in _wanted(vendors, families, min_memory_bytes, precision)}
    sellers = some_of("provider", providers, _providers(), choose_provider)
    found = [node for node in all_nodes() if node.accelerator.name in names and node.provider in sellers]
    return NodeList(nodes=node_entries(found))


def hardware_details(text: str) -> AcceleratorDetails | NodeDetails:
    """Everything about an accelerator by name or alias, or about a node shape as PROVIDER/NODE.

    Raises
    ------
    InputError
        There is no such thing, or the name is that of a family.
    """
    if "/" in text:
        return node_details(text)
    try:
        names = resolve_gpus(text)
    except CatalogueError as error:
        raise input_error(error, "gpu") from None
    if len(names) > 1:
        message = (
            f"{shown(text)!r} is a family: {', '.join(names)}; name one, or see gpuplan hardware list --family {text}"
        )
        raise InputError("gpu", text, message, names)
    found = accelerators()[names[0]]
    shapes, sold = _by_gpu()
    return AcceleratorDetails(
        **_accelerator(found, shapes[found.name], sold[found.name]).model_dump(),
        aliases=list(found.aliases),
        families=list(found.families),
        refused=found.refused,
        notes=found.notes,
        figures=figures(found.sources),
        node_entries=node_entries(shapes[found.name]),
        offer_entries=offer_entries(sold[found.name]),
    )


def _wanted(
    vendors: Sequence[str], families: Sequence[str], min_memory_bytes: float, precision: str | None
) -> list[Accelerator]:
    """The accelerators that pass the filters that both lists have."""
    known = accelerators()
    makers = some_of("vendor", vendors, (one.vendor for one in known.values()))
    names = _of_families(families, known)
    native = None if precision is None else choose("precision", precision, PRECISIONS)
    return [
        one
        for one in known.values()
        if one.vendor in makers
        and one.name in names
        and one.usable_memory_bytes >= min_memory_bytes
        and (native is None or native in one.peak_flops)
    ]


def _of_families(families: Sequence[str], known: Mapping[str, Accelerator]) -> frozenset[str]:
    """Accelerators of families, or of generations: those have measured kernels in common."""
    generations = defaultdict(set)
    for one in known.values():
        generations[one.kernel_family].add(one.name)
    words = [word.strip() for text in families for word in text.split(",") if word.strip()]
    named = [word for word in words if word.lower() not in generations]
    found = gpu_names("family", named).union(*(generations[word.lower()] for word in words if word not in named))
    return found if words else frozenset(known)


def _providers() -> list[str]:
    return [node.provider for node in all_nodes()]


def _by_gpu() -> tuple[Mapping[str, list[Node]], Mapping[str, list[Offer]]]:
    """Node shapes and offers by the name of their accelerator."""
    shapes: dict[str, list[Node]] = {name: [] for name in accelerators()}
    sold: dict[str, list[Offer]] = {name: [] for name in shapes}
    for node in all_nodes():
        shapes[node.accelerator.name].append(node)
    for offer in known_offers():
        sold[offer.node.accelerator.name].append(offer)
    return shapes, sold


def _accelerator(found: Accelerator, shapes: Sequence[Node], sold: Sequence[Offer]) -> AcceleratorEntry:
    lowest = cheapest(sold)
    return AcceleratorEntry(
        name=found.name,
        vendor=found.vendor,
        kernel_family=found.kernel_family,
        usable_memory_bytes=found.usable_memory_bytes,
        memory_bandwidth_bytes_per_second=found.memory_bandwidth_bytes_per_second,
        host_link_bytes_per_second=found.host_link_bytes_per_second,
        bf16_flops_per_second=found.peak_flops.get("bf16"),
        fp16_flops_per_second=found.peak_flops.get("fp16"),
        fp8_flops_per_second=found.peak_flops.get("fp8"),
        tdp_watts=found.tdp_watts,
        node_shapes=len(shapes),
        offers=len(sold),
        lowest_price_usd_per_gpu_hour=None if lowest is None else lowest.price_usd_per_hour / lowest.node.gpus_per_node,
        status=_status(found, sold),
    )


def _status(found: Accelerator, sold: Sequence[Offer]) -> Status:
    if found.refused is not None:
        return "refused"
    if not sold:
        return "price needed"
    if all(offer.pricing == "owned" for offer in sold):
        return "owned"
    let = [offer for offer in sold if offer.pricing != "owned"]
    return "marketplace" if all(offer.provider.marketplace for offer in let) else "rented"
