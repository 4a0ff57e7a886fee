"""Price lists: CSV files of offers, the built-in ones and the user's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import get_args

from gpuplan_hardware.catalogue import DATA, accelerators, nodes, providers
from gpuplan_hardware.entities import (
    Accelerator,
    Figure,
    Host,
    LeadTime,
    Link,
    LinkKind,
    Network,
    Node,
    Offer,
    Pricing,
    Provider,
)
from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.names import resolve_gpus
from gpuplan_hardware.ownership import owned_price, owned_source, ownership
from gpuplan_hardware.table import Row, read_rows

REQUIRED_COLUMNS = (
    "provider", "region", "pricing", "node", "gpu", "gpus_per_node", "max_nodes", "price_usd_per_hour", "as_of",
)  # fmt: skip
OPTIONAL_COLUMNS = (
    "intra_node_gb_per_s_per_gpu", "network_gb_per_s_per_gpu", "vcpus", "ram_gib", "nvme_gb", "source",
    "lead_time", "lead_time_hours", "interruptions_per_node_hour", "purchase_usd", "power_watts",
)  # fmt: skip

_PRICINGS: tuple[Pricing, ...] = get_args(Pricing)
_LEAD_TIMES: tuple[LeadTime, ...] = get_args(LeadTime)
#: How soon nodes can be had where a row does not say: the others at once.
_USUAL_LEAD_TIME: dict[Pricing, LeadTime] = {
    "reserved-1y": "contract",
    "reserved-3y": "contract",
    "capacity-block": "queue",
}
_INTRA, _NETWORK = "intra_node.bytes_per_second_per_gpu", "network.bytes_per_second_per_gpu"
_VCPUS, _RAM, _NVME = "host.vcpus", "host.ram_bytes", "host.nvme_bytes"
_FASTEST_PCIE_BYTES_PER_SECOND = 64e9  # PCIe 5.0 x16, one way


def offers() -> tuple[Offer, ...]:
    """The built-in offers: on-demand prices with their dates, sorted by provider as the files are.

    Raises
    ------
    CatalogueError
        When a file under data/ is wrong.
    """
    return _offers()


def read_offers(path: Path | str) -> tuple[Offer, ...]:
    """Offers of a price list.

    Parameters
    ----------
    path : Path or str
        A CSV file in UTF-8 with a header. Required columns, in any order: provider, region, pricing, node, gpu,
        gpus_per_node, max_nodes, price_usd_per_hour (USD for the whole node), as_of (date). Optional ones:
        intra_node_gb_per_s_per_gpu and network_gb_per_s_per_gpu (1e9 bytes/s, ONE way), vcpus, ram_gib, nvme_gb
        (1e9 bytes), source; lead_time (instant, queue or contract; unless told otherwise capacity blocks are by queue,
        reservations by contract, all others instant) and lead_time_hours; for spot nodes interruptions_per_node_hour; for owned
        nodes purchase_usd and power_watts of the whole node, from which a price that is left empty follows (see
        `ownership`). What a row leaves empty is completed from the catalogue when it knows the provider's node; otherwise it
        stays unknown, and a node with an unknown network cannot be joined to others.

    Returns
    -------
    tuple of Offer
        In the order of the rows, at least one.

    Raises
    ------
    CatalogueError
        When the file cannot be read or a cell is wrong; the message names line, field, value and what would be right.
    """
    path = Path(path)
    lines: dict[str, int] = {}
    found: list[Offer] = []
    for row in read_rows(path, REQUIRED_COLUMNS, OPTIONAL_COLUMNS):
        offer = offer_of(row)
        if offer.id in lines:
            raise row.error("node", f"line {lines[offer.id]} has the offer {offer.id} already")
        lines[offer.id] = row.line
        found.append(offer)
    if not found:
        raise CatalogueError("offers", str(path), f"{path}: it has no rows; one offer at least was expected.")
    return tuple(found)


@cache
def _offers() -> tuple[Offer, ...]:
    return tuple(offer for path in sorted((DATA / "offers").glob("*.csv")) for offer in read_offers(path))


def offer_of(row: Row) -> Offer:
    """The offer of one row with the columns of `read_offers`.

    Raises
    ------
    CatalogueError
        When a cell is wrong.
    """
    provider, region, pricing = _provider(row.text("provider")), row.text("region"), _pricing(row)
    lead_time, lead_seconds = _lead_time(row, pricing)
    max_nodes = row.whole("max_nodes", 1, 100_000, "nodes")
    if max_nodes is None:
        raise row.error("max_nodes", "the number of nodes that one job may use was expected, 1 if in doubt")
    node = _node(row, provider)
    price, source = _price(row, pricing, node, max_nodes)
    return Offer(
        id=f"{provider.name}/{node.name}/{region}/{pricing}",
        provider=provider,
        region=region,
        pricing=pricing,
        node=node,
        price_usd_per_hour=price,
        max_nodes=1 if node.network is None else max_nodes,
        as_of=_day(row),
        source=source if row.cells.get("lead_time") else f"{source}; lead_time not stated, taken as {lead_time}",
        lead_time=lead_time,
        lead_time_seconds=lead_seconds,
        host_open=pricing == "owned",
        interruptions_per_node_hour=_interruptions(row, pricing),
    )


def _interruptions(row: Row, pricing: Pricing) -> float | None:
    """How often a spot node is taken back, where the row says so."""
    rate = row.number("interruptions_per_node_hour", 0, 10, "interruptions of a node in an hour")
    if rate is not None and pricing != "spot":
        raise row.error("interruptions_per_node_hour", f"it goes with pricing spot only, and this is {pricing}")
    return rate


def _price(row: Row, pricing: Pricing, node: Node, max_nodes: int) -> tuple[float, str]:
    """USD per hour of the whole node, as given or as its purchase and upkeep come to, and where it comes from."""
    source = row.cells.get("source") or f"{row.path.name} line {row.line}"
    price = row.number("price_usd_per_hour", 1e-4, 1e4, "USD per hour of the whole node")
    purchase = row.number("purchase_usd", 100, 1e7, "USD for the whole node")
    watts = row.number("power_watts", 10, 2e5, "watts of the whole node")
    if purchase is not None and pricing != "owned":
        raise row.error("purchase_usd", f"it goes with pricing owned only, and this is {pricing}")
    if price is not None and purchase is not None:
        raise row.error(
            "purchase_usd", "the price per hour is given too, and would follow from it; leave one of the two empty"
        )
    if price is not None:
        return price, source
    if purchase is None or watts is None:
        right = "the price in USD per hour of the whole node was expected (owned: or purchase_usd and power_watts)"
        raise row.error("price_usd_per_hour", right)
    owned = ownership(purchase, watts, nodes=max_nodes, network=node.network, gpus_per_node=node.gpus_per_node)
    return owned_price(owned), f"{source}; {owned_source(owned)}"


def _day(row: Row) -> date:
    """The day of a price; a day that is still to come is a slip of the pen."""
    day = row.day("as_of")
    if day > datetime.now(UTC).date() + timedelta(days=1):  # it may be tomorrow where the user is
        raise row.error("as_of", "the day of the price was expected, and this one is still to come")
    return day


def _lead_time(row: Row, pricing: Pricing) -> tuple[LeadTime, float | None]:
    """How soon the node can be had: the class, and the seconds before provisioning starts where they are known."""
    word = row.cells.get("lead_time") or _USUAL_LEAD_TIME.get(pricing, "instant")
    hours = row.number("lead_time_hours", 0, 20_000, "hours from the order to the start of provisioning")
    for kind in _LEAD_TIMES:
        if word == kind:
            return kind, 0.0 if kind == "instant" and hours is None else None if hours is None else hours * 3600
    right = f"one of {', '.join(_LEAD_TIMES)} was expected; a time goes into lead_time_hours"
    raise row.error("lead_time", right)


def _provider(text: str) -> Provider:
    name = text.casefold()
    return providers().get(name) or Provider(name, marketplace=False, volume_usd_per_gb_month=None)


def _pricing(row: Row) -> Pricing:
    for pricing in _PRICINGS:
        if row.text("pricing") == pricing:
            return pricing
    raise row.error("pricing", f"one of {', '.join(_PRICINGS)} was expected")


def _node(row: Row, provider: Provider) -> Node:
    name = row.text("node")
    known = _nodes_by_name().get((provider.name, name.casefold()))
    gpus = row.whole("gpus_per_node", 1, 128, "GPUs")
    figures = _figures(row)
    if known is None:
        return _new_node(row, provider, name, gpus, figures)
    if gpus not in (None, known.gpus_per_node):
        raise row.error("gpus_per_node", f"{known.name} of {provider.name} has {known.gpus_per_node}")
    if row.cells["gpu"] and known.accelerator.name not in _resolve(row):
        raise row.error("gpu", f"{known.name} of {provider.name} has {known.accelerator.name}")
    return _overridden(row, known, figures) if figures else known


def _overridden(row: Row, known: Node, figures: dict[str, Figure]) -> Node:
    """The catalogue's node with the row's own figures in place of the catalogue's."""
    link, network, host = known.intra_node, known.network, _host(figures)
    if _INTRA in figures:
        link = Link(link.kind, _link_rate(row, figures, known.gpus_per_node))
    if _NETWORK in figures:
        kind, rdma = ("unspecified", None) if network is None else (network.kind, network.rdma)
        network = Network(kind, figures[_NETWORK].value, rdma)
    host = Host(
        vcpus=known.host.vcpus if host.vcpus is None else host.vcpus,
        ram_bytes=known.host.ram_bytes if host.ram_bytes is None else host.ram_bytes,
        nvme_bytes=known.host.nvme_bytes if host.nvme_bytes is None else host.nvme_bytes,
    )
    return replace(known, intra_node=link, network=network, host=host, sources={**known.sources, **figures})


def _new_node(row: Row, provider: Provider, name: str, gpus: int | None, figures: dict[str, Figure]) -> Node:
    unknown = f"the catalogue has no node {name} of {provider.name} to take it from"
    if gpus is None:
        raise row.error("gpus_per_node", f"the number of GPUs of a node was expected, as {unknown}")
    models = _resolve(row)
    if len(models) > 1:
        raise row.error("gpu", f"one model was expected, but this is a family: {', '.join(models)}", models)
    if gpus > 1 and _INTRA not in figures:
        right = f"the rate of the link between the node's GPUs was expected (GB/s one way), as {unknown}"
        raise row.error("intra_node_gb_per_s_per_gpu", right)
    accelerator = accelerators()[models[0]]
    rate = _link_rate(row, figures, gpus)
    return Node(
        name=name,
        provider=provider.name,
        accelerator=accelerator,
        gpus_per_node=gpus,
        intra_node=Link(_link_kind(accelerator, rate), rate),
        network=Network("unspecified", figures[_NETWORK].value, None) if _NETWORK in figures else None,
        host=_host(figures),
        sources=figures,
    )


def _resolve(row: Row) -> tuple[str, ...]:
    try:
        return resolve_gpus(row.text("gpu"))
    except CatalogueError as error:
        if error.field != "gpu":  # the catalogue itself is wrong
            raise
        right = "the name of a GPU was expected, one that gpuplan hardware list shows"
        raise row.error("gpu", right, error.suggestions) from None


def _figures(row: Row) -> dict[str, Figure]:
    """The row's own physical figures in base units, those that are not empty, keyed as in the catalogue."""
    cells = {
        _INTRA: (row.number("intra_node_gb_per_s_per_gpu", 0, 5000, "GB/s one way"), 1e9),
        _NETWORK: (row.number("network_gb_per_s_per_gpu", 0.001, 500, "GB/s one way per GPU"), 1e9),
        _VCPUS: (row.whole("vcpus", 1, 2048, "vCPUs"), 1),
        _RAM: (row.number("ram_gib", 1, 30_000, "GiB"), 2**30),
        _NVME: (row.number("nvme_gb", 0, 1_000_000, "GB"), 1e9),
    }
    source, day = f"{row.path.name} line {row.line}", row.day("as_of")
    given = {key: value * unit for key, (value, unit) in cells.items() if value is not None}
    return {key: Figure(value, source, day, "assumed") for key, value in given.items()}


def _link_rate(row: Row, figures: dict[str, Figure], gpus: int) -> float:
    rate = figures[_INTRA].value if _INTRA in figures else 0.0
    if (gpus == 1) != (rate == 0):
        right = "empty or 0 was expected on a node with one GPU" if gpus == 1 else "a rate above 0 was expected"
        raise row.error("intra_node_gb_per_s_per_gpu", right)
    return rate


def _link_kind(accelerator: Accelerator, rate: float) -> LinkKind:
    """What a link of this rate must be; a price list has no column for it."""
    if rate == 0:
        return "none"
    if rate <= _FASTEST_PCIE_BYTES_PER_SECOND:
        return "pcie"
    if accelerator.vendor == "AMD":
        return "infinity-fabric"
    return "nvlink-mesh" if accelerator.kernel_family == "volta" else "nvswitch"


def _host(figures: dict[str, Figure]) -> Host:
    def whole(key: str) -> int | None:
        return int(figures[key].value) if key in figures else None

    return Host(vcpus=whole(_VCPUS), ram_bytes=whole(_RAM), nvme_bytes=whole(_NVME))


@cache
def _nodes_by_name() -> dict[tuple[str, str], Node]:
    return {(provider, name.casefold()): node for (provider, name), node in nodes().items()}
