"""The `stock` and `quotas` of a fleet's file: nodes that are there, and GPUs that may be rented at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from gpuplan.errors import MOST_NAMES, InputError, choose, close_matches, shown
from gpuplan.job.gpus import gpu_names
from gpuplan.job.market import Market
from gpuplan.listing.machines import OWN, USUAL_GPUS_PER_NODE
from gpuplan.providers import choose_provider
from gpuplan.scheduling.calendar import Clock, Span, read_calendar
from gpuplan.scheduling.types import FleetQuota, Stock
from gpuplan.scheduling.words import at, entries, fields, money_or_nothing, name_of, required, several
from gpuplan.units import parse_whole
from gpuplan_hardware import Node, Offer, Provider, nodes, providers

STOCK_FIELDS = ("name", "node", "gpu", "gpus_per_node", "offer", "nodes", "price", "from", "until", "calendar")
QUOTA_FIELDS = ("name", "provider", "gpu", "region", "gpus", "calendar")
MAX_NODES = 100_000
MAX_GPUS = 1_000_000
#: Beginning of the ids of offers that stand for stock.
STOCK = "stock/"


def read_stocks(words: object, clock: Clock, market: Market, notes: list[str]) -> tuple[Stock, ...]:
    """Every entry of `stock`.

    Parameters
    ----------
    words
        The list; None where there is none.
    clock
        Reads the times.
    market
        Whose offers and node shapes may be named, beside the node shapes of the catalogue.
    notes
        Sentences about what is left open are added to it.

    Raises
    ------
    InputError
        The first thing that cannot be used, with its place.
    """
    found: list[Stock] = []
    for number, entry in enumerate(() if words is None else entries("stock", words), 1):
        with at(f"stock[{number}]"):
            name = name_of(entry, (stock.name for stock in found))
        with at(f"stock[{number}] {name}"):
            found.append(_stock(name, fields(entry, STOCK_FIELDS, "a stock"), clock, market, notes))
    return tuple(found)


def _stock(name: str, words: Mapping[str, Any], clock: Clock, market: Market, notes: list[str]) -> Stock:
    ways = [way for way in ("node", "gpu", "offer") if way in words]
    if len(ways) != 1:
        field = ways[1] if ways else "node"
        message = "say what its nodes are by one of node: aws/p5.48xlarge, gpu: H100-SXM, or offer: (an id)"
        raise InputError(field, words.get(field, ""), message)
    if "gpus_per_node" in words and ways != ["gpu"]:
        raise InputError("gpus_per_node", words["gpus_per_node"], f"goes with gpu, not with {ways[0]}; leave it out")
    region, node = _shape(name, ways[0], words, market, notes)
    calendar = read_calendar(
        words.get("calendar"),
        "nodes",
        _nodes("nodes", required(words, "nodes", "4")),
        clock,
        _nodes,
        _span(words, clock),
    )
    most = max(units for _, units in calendar)
    if most == 0:
        raise InputError("nodes", words["nodes"], "there are none of them at any time of the calendar")
    if node.network is None and most > 1:
        shape = f"{node.provider}/{node.name}"
        notes.append(f"stock {name}: the network between nodes of {shape} is unknown, so a job takes one of them")
        most = 1
    price = money_or_nothing("price", words.get("price", 0))
    kind: Literal["owned", "reserved"] = "reserved" if "offer" in words or "until" in words else "owned"
    return Stock(name, kind, stock_offer(name, node, region, price, most), calendar)


def stock_offer(name: str, node: Node, region: str, price_usd_per_gpu_hour: float, most: int) -> Offer:
    """An offer that stands for stock: what is there is had at once, and its host has what the user knows that it needs."""
    seller = providers().get(node.provider) or Provider(node.provider, False, None)
    return Offer(
        id=f"{STOCK}{name}",
        provider=replace(seller, marketplace=False),
        region=region,
        pricing="owned",
        node=node,
        price_usd_per_hour=price_usd_per_gpu_hour * node.gpus_per_node,
        max_nodes=most,
        as_of=datetime.now(UTC).date(),
        source=f"stock {name} of the fleet",
        host_open=True,
    )


def _nodes(field: str, value: object) -> int:
    return parse_whole(field, value, 0, MAX_NODES)


def _gpus(field: str, value: object) -> int:
    return parse_whole(field, value, 0, MAX_GPUS)


def _span(words: Mapping[str, Any], clock: Clock) -> Span:
    """From when to when the nodes are there."""
    first = clock.after("from", words["from"]) if "from" in words else 0
    if "until" not in words:
        return Span(first)
    end, given = clock.before("until", words["until"]), shown(words["until"])
    if end <= first:
        message = f"{given!r} is not after {'from' if 'from' in words else 'the start of the calendar'}"
        raise InputError("until", words["until"], message)
    return Span(first, end)


def _shape(name: str, way: str, words: Mapping[str, Any], market: Market, notes: list[str]) -> tuple[str, Node]:
    """The region and the node shape of a stock; a region is known only of an offer."""
    if way == "offer":
        offer = market.offer(market.offer_id("offer", str(words["offer"]).strip()))
        return offer.region, offer.node
    known = {f"{provider}/{shape}": node for (provider, shape), node in nodes().items()}
    for offer in market.sample:
        known.setdefault(f"{offer.provider.name}/{offer.node.name}", offer.node)
    if way == "node":
        return "any", _named(str(words["node"]), known)
    found = _of_gpu(words, known)
    notes.append(f"stock {name}: nodes like {found}, {known[found].gpus_per_node} GPUs each")
    return "any", known[found]


def _named(word: str, known: Mapping[str, Node]) -> Node:
    """The node shape of a name; without a provider one of ``own``."""
    full = word.strip() if "/" in word else f"{OWN}/{word.strip()}"
    by_lower = {name.lower(): node for name, node in known.items()}
    if full.lower() not in by_lower:
        bare = {name.partition("/")[2]: name for name in known}
        close = close_matches(full, known) or tuple(bare[one] for one in close_matches(word, bare))
        raise InputError(
            "node", word, f"{shown(word)!r} is none of the {len(known)} node shapes (provider/node)", close
        )
    return by_lower[full.lower()]


def _of_gpu(words: Mapping[str, Any], known: Mapping[str, Node]) -> str:
    """The one shape that is meant by GPUs: a machine of one's own rather than one of a cloud, with 8 of them unless told otherwise."""
    models = gpu_names(None)("gpu", several("gpu", words["gpu"]))
    shapes = [name for name, node in known.items() if node.accelerator.name in models]
    if not shapes:
        raise InputError("gpu", words["gpu"], f"no node shape is known for {', '.join(models)}")
    count = parse_whole("gpus_per_node", words["gpus_per_node"], 1, 1_024) if "gpus_per_node" in words else None
    sized = [name for name in shapes if known[name].gpus_per_node == (count or USUAL_GPUS_PER_NODE)]
    if count is not None and not sized:
        sizes = sorted({str(known[name].gpus_per_node) for name in shapes}, key=int)
        raise InputError("gpus_per_node", count, f"nodes with {', '.join(models)} have {', '.join(sizes)} of them")
    sized = sized or shapes
    meant = [name for name in sized if name.startswith(f"{OWN}/")] or sized
    if len(meant) == 1:
        return meant[0]
    more = f" and {len(meant) - MOST_NAMES} more" if len(meant) > MOST_NAMES else ""
    listed = ", ".join(meant[:MOST_NAMES]) + more
    raise InputError(
        "gpu", words["gpu"], f"{shown(words['gpu'])!r} is in {len(meant)} node shapes; give node: one of {listed}"
    )


def read_quotas(words: object, clock: Clock, market: Market, taken: Sequence[str]) -> tuple[FleetQuota, ...]:
    """Every entry of `quotas`; `taken` are the names of the stocks. Other parameters and errors are those of `read_stocks`."""
    found: list[FleetQuota] = []
    for number, entry in enumerate(() if words is None else entries("quotas", words), 1):
        with at(f"quotas[{number}]"):
            name = name_of(entry, (*taken, *(quota.name for quota in found)))
        with at(f"quotas[{number}] {name}"):
            found.append(_quota(name, fields(entry, QUOTA_FIELDS, "a quota"), clock, market))
    return tuple(found)


def _quota(name: str, words: Mapping[str, Any], clock: Clock, market: Market) -> FleetQuota:
    first = _gpus("gpus", required(words, "gpus", "64"))
    return FleetQuota(
        name=name,
        gpus=read_calendar(words.get("calendar"), "gpus", first, clock, _gpus),
        provider=choose_provider("provider", words["provider"], market.providers) if "provider" in words else None,
        gpu=gpu_names(None)("gpu", several("gpu", words["gpu"])) if "gpu" in words else None,
        region=choose("region", words["region"], market.regions) if "region" in words else None,
    )
