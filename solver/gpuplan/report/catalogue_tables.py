"""Lists of the catalogue as tables. A cell without anything is unknown, or what the thing does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, Rows

if TYPE_CHECKING:  # a list of models must not wait for the hardware, nor the other way round
    from gpuplan.listing.frameworks import FrameworkList, MethodList
    from gpuplan.listing.hardware import AcceleratorEntry, AcceleratorList
    from gpuplan.listing.models import ModelEntry, ModelList
    from gpuplan.listing.nodes import NodeEntry, NodeList
    from gpuplan.listing.offers import OfferEntry, OfferList

NODE_HEADERS = ("node", "GPUs", ">from $/h", "link of a GPU", "network of a GPU", ">vCPUs", ">RAM", ">NVMe", ">offers")
OFFER_HEADERS = ("offer", ">$/GPU h", "GPUs", ">$/h", ">max nodes", "to be had", "as of", ">age", "origin")


def models(found: ModelList) -> list[RenderableType]:
    """Architectures."""
    headers = ("model", "type", ">parameters", ">active", ">layers", ">heads", ">KV", ">experts", ">context", "weights")
    return _listed("model", headers, [_model(one) for one in found.models])


def _model(one: ModelEntry) -> tuple[str, ...]:
    mixture = one.routed_experts > 0
    return (
        one.name,
        one.model_type,
        f.count(one.parameters),
        f.count(one.active_parameters) if mixture else "",
        str(one.layers),
        str(one.heads),
        str(one.kv_heads),
        f"{one.experts_per_token} of {one.routed_experts}" if mixture else "",
        f"{one.max_sequence_length_tokens:,}",
        one.native_weights,
    )


def accelerators(found: AcceleratorList) -> list[RenderableType]:
    """Accelerators, with their dense peaks."""
    headers = ("GPU", "status", ">from $/GPU h", ">memory", ">bf16 TFLOP/s", ">fp8", ">bandwidth", ">host link")
    rows = [_accelerator(one) for one in found.accelerators]
    return _listed("accelerator", (*headers, "vendor", ">nodes", ">offers", ">watts"), rows)


def _accelerator(one: AcceleratorEntry) -> tuple[str, ...]:
    peak = one.bf16_flops_per_second
    return (
        one.name,
        one.status,
        _usd(one.lowest_price_usd_per_gpu_hour),
        f.gib(one.usable_memory_bytes),
        # Where bf16 is not native, fp16 is what there is.
        _tera(peak) if peak is not None else f"fp16 {_tera(one.fp16_flops_per_second)}",
        _tera(one.fp8_flops_per_second),
        f.rate(one.memory_bandwidth_bytes_per_second),
        "" if one.host_link_bytes_per_second is None else f.rate(one.host_link_bytes_per_second),
        one.vendor,
        str(one.node_shapes),
        str(one.offers),
        "" if one.tdp_watts is None else f"{one.tdp_watts:,.0f}",
    )


def nodes(found: NodeList) -> list[RenderableType]:
    """Node shapes."""
    return _listed("node shape", NODE_HEADERS, node_rows(found.nodes))


def node_rows(found: Sequence[NodeEntry]) -> list[tuple[str, ...]]:
    """Node shapes as the cells of `NODE_HEADERS`."""
    return [
        (
            f"{one.provider}/{one.name}",
            f"{one.gpus_per_node} x {one.gpu}",
            _usd(one.lowest_price_usd_per_hour),
            link(one),
            network(one),
            "" if one.vcpus is None else str(one.vcpus),
            "" if one.ram_bytes is None else f.gib(one.ram_bytes),
            "" if one.nvme_bytes is None else f.decimal_bytes(one.nvme_bytes),
            str(one.offers),
        )
        for one in found
    ]


def link(one: NodeEntry) -> str:
    """The link between the GPUs of a node, and how many it joins where these are more."""
    if one.intra_node == "none":
        return "none"
    joined = f", {one.scale_up_gpus} GPUs" if one.scale_up_gpus > one.gpus_per_node else ""
    return f"{one.intra_node} {f.rate(one.intra_node_bytes_per_second_per_gpu)}{joined}"


def network(one: NodeEntry) -> str:
    """The network between nodes."""
    rate = one.network_bytes_per_second_per_gpu
    return "unknown" if one.network is None or rate is None else f"{one.network} {f.rate(rate)}"


def offers(found: OfferList) -> list[RenderableType]:
    """Offers, and how to see those that were left out."""
    rows = offer_rows(found.offers)
    blocks = _listed("offer", OFFER_HEADERS, rows)
    if found.more:
        whole = f"The first {len(rows)} of {len(rows) + found.more:,} offers: --all-rows shows all, as csv and json do."
        blocks[-1:] = [Prose(whole)]
    hidden = [f"{number} {name} (--pricing {name})" for name, number in found.left_out_pricings.items()]
    if found.left_out_marketplaces:
        hidden.append(f"{found.left_out_marketplaces} at marketplaces (--marketplace)")
    if found.gpus_without_price:
        without = found.gpus_without_price
        text = (
            f"No price is known for {', '.join(without)}: gpuplan solve --gpu {without[0]} --price USD takes your own."
        )
        blocks += [Text(""), Prose(text)]
    if found.dropped:
        text = f"Left out: {f.plural(found.dropped, 'imported offer')} of machines that this version does not know; import again."
        blocks += [Text(""), Prose(text)]
    if hidden:
        blocks += [Text(""), Prose(f"Not shown: {', '.join(hidden)}; --all shows every one.")]
    return blocks


def offer_rows(found: Sequence[OfferEntry]) -> list[tuple[str, ...]]:
    """Offers as the cells of `OFFER_HEADERS`."""
    return [
        (
            one.id,
            _usd(one.price_usd_per_gpu_hour),
            f"{one.gpus_per_node} x {one.gpu}",
            _usd(one.price_usd_per_hour),
            str(one.max_nodes),
            lead_time(one),
            one.as_of,
            f"{one.age_days} d",
            one.origin,
        )
        for one in found
    ]


def lead_time(one: OfferEntry) -> str:
    """How soon the nodes of an offer can be had."""
    if one.lead_time == "instant" and not one.lead_time_seconds:
        return "instant"
    time = "time unknown" if one.lead_time_seconds is None else f.hours(one.lead_time_seconds / 3600)
    return f"{one.lead_time}, {time}"


def frameworks(found: FrameworkList) -> list[RenderableType]:
    """Frameworks and what they can lay out."""
    headers = ("framework", "methods", "TP", "PP", "EP", "CP", "ZeRO", "offload", "frozen weights", "vendors", "title")
    rows = [
        (
            one.name,
            _words(one.methods),
            yes(one.tensor_parallel),
            yes(one.pipeline_parallel),
            yes(one.expert_parallel),
            yes(one.context_parallel),
            _words(one.zero_stages),
            _words(one.offload),
            _words(one.frozen_weights),
            _words(one.vendors),
            one.title,
        )
        for one in found.frameworks
    ]
    return _listed("framework", headers, rows)


def methods(found: MethodList) -> list[RenderableType]:
    """Methods."""
    headers = ("method", "trains", "frozen weights", "frameworks", "what it is")
    rows = [
        (one.name, one.trains, _words(one.frozen_weights), _words(one.frameworks), one.description)
        for one in found.methods
    ]
    return _listed("method", headers, rows)


def _listed(thing: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[RenderableType]:
    if not rows:
        return [Prose(f"No {thing} passes these filters.")]
    return [Rows(headers, rows), Text(""), Prose(f"{f.plural(len(rows), thing)}.")]


def _tera(value: float | None) -> str:
    return "" if value is None else f"{value / 1e12:,.0f}"


def _usd(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _words(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def yes(value: bool) -> str:
    """A fact that is or is not."""
    return "yes" if value else "no"
