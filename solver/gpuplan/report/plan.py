"""A plan: the job, the cluster, the layout, its time, cost and memory by part, and what each node must have."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType

from gpuplan.report import format as f
from gpuplan.report.bill import how_billed
from gpuplan.report.blocks import bar, columns, facts, section, side_by_side, table
from gpuplan.report.buying import to_order
from gpuplan.report.format import GLUE, align_units
from gpuplan.report.words import (
    MEMORY_PARTS,
    METHODS,
    STEP_PARTS,
    TIME_PARTS,
    clusters_at_once,
    cost_parts,
    framework,
    in_currency,
    layout_gpus,
    lead_unknown,
    own_price,
    words,
)
from gpuplan.result import LimitsAnswer, MemoryAnswer, OfferAnswer, PlanAnswer, Result

#: Parts below this share of the whole are summed up in one line.
SMALL_PART = 0.005
#: What the host keeps.
OFFLOADED = {
    "optimizer": "optimizer states and step on the host",
    "parameters": "weights, gradients and optimizer on the host",
}
#: Columns from which time and step stand beside each other.
WIDE = 92


def job(result: Result) -> RenderableType:
    """What is asked."""
    tokens = result.tokens
    known = f.count(tokens.tokens)
    if tokens.low < tokens.high:
        known += f" (may be {f.count(tokens.low)} to {f.count(tokens.high)}; time and cost scale with it)"
    sequences = f"{f.plural(tokens.sequences, 'sequence')} of {tokens.sequence_length:,}{GLUE}tokens"
    epochs = "1 epoch" if tokens.epochs == 1 else f"{tokens.epochs:g} epochs"
    return section(
        "Job",
        facts(
            [
                ("model", f"{result.model}, {_methods(result)}"),
                ("tokens", known),
                ("training", f"{epochs}, {sequences}"),
                ("limits", _limits(result.limits)),
                ("asked for only", "; ".join(result.limits.selection)),
            ]
        ),
    )


def _limits(limits: LimitsAnswer) -> str:
    """Deadline and budget."""
    said = []
    if limits.deadline_hours is not None:
        since = "the order" if limits.deadline_from == "order" else "when the nodes are up"
        said.append(f"done within {f.limit_hours(limits.deadline_hours)} from {since}")
    if limits.budget_usd is not None:
        said.append(f"at most {f.limit_money(limits.budget_usd)}")
    return "; ".join(said)


def _methods(result: Result) -> str:
    """The method, or all that were left open."""
    return ", ".join(words(METHODS, method) for method in result.method.split(", "))


def plan_sections(result: Result, plan: PlanAnswer, width: int) -> list[RenderableType]:
    """Everything about one plan."""
    return [
        section("Cluster", _cluster(result, plan.offer, plan)),
        *to_order(result, plan),
        section("Layout", _layout(plan)),
        *_time(result, plan, wide=width >= WIDE),
        section("Speed", _speed(result, plan)),
        _memory(result, plan),
        section("Each node beside its GPUs", _host(plan)),
    ]


def _cluster(result: Result, offer: OfferAnswer, plan: PlanAnswer) -> RenderableType:
    at_once, bought = clusters_at_once(result), offer.purchase_usd_per_node
    per_gpu = f", {f.price(offer.price_usd_per_hour / offer.gpus_per_node)} per GPU" if offer.gpus_per_node > 1 else ""
    network = offer.network and f"{offer.network}, one way"
    unknown = "unknown, so this offer is used one node at a time"
    return facts(
        [
            ("nodes", f"{plan.nodes} x {offer.node} with {f.plural(offer.gpus_per_node, offer.gpu + ' GPU')}"),
            ("at once", f"{at_once} such clusters, one trial on each" if at_once > 1 else None),
            ("from", _seller(offer)),
            ("offer", offer.id),
            (
                "price",
                f"{f.price(offer.price_usd_per_hour)} per node and hour{per_gpu}; as of {offer.price_as_of}, "
                f"{f.age(offer.price_age_days)}",
            ),
            ("price source", offer.source),
            ("to buy", None if bought is None else f"{f.money(bought)} a node, if it is not there yet"),
            ("the bill", how_billed(result, plan)),
            ("in a node", offer.intra_node + (", one way" if offer.gpus_per_node > 1 else "")),
            ("between nodes", network or unknown),
        ]
    )


def _seller(offer: OfferAnswer) -> str:
    """Who sells where and how; a node shape that nobody sells is at the user's price alone."""
    if not own_price(offer):
        return f"{offer.provider}, {offer.region}, {offer.pricing}"
    return "your price" if offer.provider == "own" else f"{offer.provider}, {offer.region}, at your price"


def _layout(plan: PlanAnswer) -> RenderableType:
    layout = plan.layout
    context = f" x CP{GLUE}{layout.context_parallel}" if layout.context_parallel > 1 else ""
    inside = f" (TP{GLUE}{layout.expert_tensor_parallel} inside an expert)" if layout.expert_tensor_parallel > 1 else ""
    parallelism = (
        f"TP{GLUE}{layout.tensor_parallel}{context} x PP{GLUE}{layout.pipeline_parallel} x DP{GLUE}{layout.data_parallel} = "
        f"{layout_gpus(plan)}; EP{GLUE}{layout.expert_parallel}{inside}, ZeRO stage{GLUE}{layout.zero_stage}"
    )
    batch = (
        f"micro-batch {layout.micro_batch} x accumulation {layout.gradient_accumulation} x DP{GLUE}{layout.data_parallel}"
        f" = global batch {layout.global_batch:,}{GLUE}sequences"
    )
    return facts(
        [
            ("framework", framework(layout.framework)),
            ("parallelism", parallelism),
            ("stages", _stages(plan)),
            ("batch", batch),
            ("recompute", layout.recompute),
            ("offload", OFFLOADED.get(layout.offload)),
        ]
    )


def _stages(plan: PlanAnswer) -> str | None:
    """What is not plain about the pipeline: unequal stages, and stages that are dealt out in turns."""
    layout, layers = plan.layout, plan.layout.stage_layers
    said = []
    if len(set(layers)) > 1:
        names = ("first", "last") if len(layers) == 2 else ("first", "fullest middle", "last")
        said.append(f"layers: {', '.join(f'{name} {count}' for name, count in zip(names, layers, strict=False))}")
    if layout.virtual_stages > 1:
        of_a_rank = f"{layout.virtual_stages}{GLUE}virtual stages per pipeline rank (interleaved 1F1B)"
        said.append(of_a_rank + (f" of {f.plural(layers[0] // layout.virtual_stages, 'layer')}" if layers else ""))
    return "; ".join(said) or None


def _time(result: Result, plan: PlanAnswer, *, wide: bool) -> list[RenderableType]:
    """Whole time, cost and one step, by part."""
    fits, p = result.fits is not False, plan.prediction

    def block(title: str, whole: str, parts: list[tuple[str, float]], write: Callable[[float], str]) -> RenderableType:
        return section(title, _shares(parts, write), note=whole if fits else f"{whole}, if it fitted")

    time_parts = _parts(p.time_parts_hours, TIME_PARTS, SMALL_PART)
    parts_of_cost = _parts(p.cost_parts_usd, cost_parts(plan.offer), 0.0)
    step_parts = _parts(p.step_parts_seconds, STEP_PARTS, SMALL_PART)
    without = " and the lead time" if lead_unknown(plan) else ""
    time = block("Time", f.hours_interval(p.total_hours_interval) + without, time_parts, f.hours)
    second = in_currency(result, p.cost_usd)
    cost = block("Cost", f.money_interval(p.cost_usd_interval) + (second and f", {second}"), parts_of_cost, f.money)
    step = block(
        "One step",
        f.seconds_interval(p.step_seconds_interval),
        step_parts,
        lambda seconds: f.step_seconds(seconds, p.step_seconds),
    )
    return [side_by_side(Group(time, cost), step)] if wide else [time, cost, step]


def _parts(parts: dict[str, float], names: dict[str, str], small: float) -> list[tuple[str, float]]:
    """Parts in words, largest first; those up to the share `small` are summed up, if the sum is worth a line."""
    total = sum(parts.values())
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    shown = [(words(names, name), value) for name, value in ordered if value > small * total]
    rest = total - sum(value for _, value in shown)
    return [*shown, ("all else", rest)] if rest > small * total > 0 else shown


def _shares(parts: list[tuple[str, float]], write: Callable[[float], str]) -> RenderableType:
    """Names, values and shares of the whole."""
    total = sum(value for _, value in parts)
    values = align_units([write(value) for _, value in parts])
    shares = [f.share(value / total) if total > 0 else "" for _, value in parts]
    return columns(zip([name for name, _ in parts], values, shares, strict=True), right=(1, 2))


def _speed(result: Result, plan: PlanAnswer) -> RenderableType:
    p = plan.prediction
    per_gpu = p.tokens_per_second_per_gpu
    deadline = next((rule.available for rule in result.rules if rule.rule == "deadline"), None)
    on_time = None
    if p.on_time_probability is not None and result.fits is not False:
        until = "" if deadline is None else f"; the deadline is {f.limit_hours(deadline / 3600)}"
        on_time = f"{f.probability(p.on_time_probability)} with {f.count(result.tokens.tokens)} tokens an epoch{until}"
    return facts(
        [
            ("throughput", f"{f.count(per_gpu)} tokens/s per GPU, {f.count(per_gpu * plan.gpus)} tokens/s per cluster"),
            ("MFU", f"{f.percent(p.model_flops_utilisation)} of the dense peak of the GPUs in use"),
            ("steps", f"{p.steps:,}, each on {f.plural(plan.layout.global_batch, 'sequence')}"),
            ("chance on time", on_time),
        ]
    )


def _memory(result: Result, plan: PlanAnswer) -> RenderableType:
    """Memory of the worst GPU by part, against what is usable."""
    memory = plan.prediction.memory
    whole = max(memory.usable_bytes, memory.bound_bytes, memory.bytes)
    parts = sorted(memory.parts_bytes.items(), key=lambda item: -item[1])
    lines = [(words(MEMORY_PARTS, name), value) for name, value in parts if value > 0]
    lines.append(("all, expected", memory.bytes))
    if result.confidence is not None:
        lines.append((f"upper bound ({f.percent(result.confidence)})", memory.bound_bytes))
    lines.append(("usable", memory.usable_bytes))
    values = align_units([f.gib_part(value) for _, value in lines])
    rows = [
        (name, value, bar(size / whole if whole > 0 else 0.0))
        for (name, size), value in zip(lines, values, strict=True)
    ]
    return section(_memory_title(plan, memory), columns(rows, right=(1,)))


def _memory_title(plan: PlanAnswer, memory: MemoryAnswer) -> str:
    if plan.layout.pipeline_parallel == 1:
        return "Memory of a GPU"
    return f"Memory of the worst GPU ({memory.worst_stage} pipeline stage)"


def _host(plan: PlanAnswer) -> RenderableType:
    """What the job needs of a node beside its GPUs, and what the node has."""
    host = plan.host
    network = host.available_network_bytes_per_second
    slow = network is not None and network < host.required_network_bytes_per_second
    rows = [
        ("CPU cores", f"{host.required_vcpus:,} vCPUs", _known(host.available_vcpus, lambda n: f"{n:,.0f} vCPUs")),
        ("RAM", f.gib(host.required_ram_bytes), _known(host.available_ram_bytes, f.gib)),
        ("storage", f.decimal_bytes(host.required_storage_bytes), _storage(plan)),
        (
            "network",
            f.rate(host.required_network_bytes_per_second),
            _known(network, f.rate) + (" (less than advised)" if slow else ""),
        ),
    ]
    return table(["", ">the job needs", "the node has"], rows)


def _storage(plan: PlanAnswer) -> str:
    """The local disk, and the volume that is rented for what it does not hold."""
    local, volume = plan.host.available_nvme_bytes, plan.host.rented_volume_bytes
    disk = "local disk unknown" if local is None else f"{f.decimal_bytes(local)} local disk"
    if local == 0:
        disk = "no local disk"
    if volume <= 0:
        return disk
    priced = plan.prediction.cost_parts_usd.get("network_volume", 0.0) > 0
    return f"{f.decimal_bytes(volume)} network volume ({'rented' if priced else 'price unknown, not counted'}), {disk}"


def _known(value: float | None, write: Callable[[float], str]) -> str:
    return "unknown" if value is None else write(value)
