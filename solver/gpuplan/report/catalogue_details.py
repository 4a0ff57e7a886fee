"""What the catalogue knows of one model, framework or method, in facts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, bullets, facts, section, table
from gpuplan.report.catalogue_tables import yes

if TYPE_CHECKING:
    from gpuplan.listing.frameworks import FrameworkDetails, MethodDetails
    from gpuplan.listing.models import ModelDetails


def model(found: ModelDetails) -> list[RenderableType]:
    """An architecture."""
    return [
        Prose(f"{found.name}: {f.count(found.parameters)} parameters", "bold"),
        section("Parameters", facts(_parameters(found))),
        section("Shape", facts(_shape(found)), _layer_table(found)),
        section("Layouts", facts(_layouts(found)), note="degrees that cut it into equal parts"),
        section("Weights", facts(_weights(found)), note="layers in that storage, embedding and head in 16 bit"),
        section("Names", facts([("also called", ", ".join(found.aliases) or None), ("source", found.source)])),
    ]


def _parameters(found: ModelDetails) -> list[tuple[str, str | None]]:
    mixture = found.routed_experts > 0
    return [
        ("all", f"{found.parameters:,}"),
        ("of a token", f"{found.active_parameters:,}" if mixture else None),
        ("in experts", f"{found.expert_parameters:,}" if mixture else None),
        ("embedding", f"{found.embedding_parameters:,}" + (", also the head" if found.tied_embeddings else "")),
        ("MTP modules", f"{found.mtp_parameters:,}, counted apart" if found.mtp_parameters else None),
        ("basis", found.parameter_basis),
    ]


def _shape(found: ModelDetails) -> list[tuple[str, str | None]]:
    experts = f"{found.routed_experts} a layer, {found.experts_per_token} of them for a token"
    return [
        ("type", found.model_type),
        ("layers", f"{found.layers} of hidden size {found.hidden_size:,}"),
        ("experts", experts if found.routed_experts else None),
        ("vocabulary", f"{found.vocab_size:,}, tokenizer family {found.tokenizer}"),
        ("context", f"{found.max_sequence_length_tokens:,} tokens"),
    ]


def _layer_table(found: ModelDetails) -> RenderableType:
    rows = [
        (
            f"{one.count} x {one.kind}",
            str(one.heads),
            str(one.kv_heads),
            f"{one.qk_head_dim} / {one.v_head_dim}" if one.qk_head_dim != one.v_head_dim else str(one.qk_head_dim),
            "all" if one.window_tokens is None else f"{one.window_tokens:,}",
            f"{one.parameters:,}",
        )
        for one in found.layer_kinds
    ]
    return table(("layers", ">heads", ">KV heads", ">head size", ">tokens seen", ">parameters of one"), rows)


def _layouts(found: ModelDetails) -> list[tuple[str, str | None]]:
    return [
        ("TP", _numbers(found.tensor_parallel_degrees)),
        ("EP", _numbers(found.expert_parallel_degrees) if found.routed_experts else "none: a dense model"),
        ("PP", f"up to {found.layers}, the number of layers"),
        ("frameworks", ", ".join(found.frameworks) or "none is known to train it"),
    ]


def _weights(found: ModelDetails) -> list[tuple[str, str | None]]:
    published = f"in {found.native_weights}" if found.native_weights not in found.weights_bytes else None
    sizes = [
        (name, f.decimal_bytes(size) + (", as published" if name == found.native_weights else ""))
        for name, size in found.weights_bytes.items()
    ]
    return [*sizes, ("published", published)]


def framework(found: FrameworkDetails) -> list[RenderableType]:
    """A framework."""
    states = [
        (name, f"{one.weight_bytes:g}", f"{one.gradient_bytes:g}", f"{one.optimizer_bytes:g}")
        for name, one in (("full", found.full_bytes), ("adapters", found.adapter_bytes))
    ]
    vendors = [(one.name, ", ".join(one.frozen_weights), ", ".join(one.optimizers)) for one in found.vendor_entries]
    return [
        Prose(f"{found.title} ({found.name})", "bold"),
        facts(_capabilities(found)),
        section("Runs on", table(("vendor", "frozen weights", "optimizers"), vendors)),
        *_experts(found),
        section(
            "Bytes per trained parameter",
            table(("", ">weight", ">gradient", ">optimizer"), states),
            note="AdamW, unsharded",
        ),
        section("Sources", bullets(_sources(found.sources))),
    ]


def _capabilities(found: FrameworkDetails) -> list[tuple[str, str | None]]:
    with_pipeline = f"; {_numbers(found.zero_stages_with_pipeline)} with a pipeline" if found.pipeline_parallel else ""
    parallel = {
        "TP": found.tensor_parallel,
        "PP": found.pipeline_parallel,
        "EP": found.expert_parallel,
        "CP": found.context_parallel,
    }
    stages = {"may differ in layers": found.pipeline_uneven, "may be several on a rank": found.interleaved}
    stand_in = ", none of them of a run of this framework" if found.stand_in else ""
    return [
        ("models", "any" if found.model_types is None else ", ".join(found.model_types)),
        ("methods", ", ".join(found.methods)),
        ("computes in", ", ".join(found.precisions)),
        ("parallelism", ", ".join(["DP", *(name for name, there in parallel.items() if there)])),
        ("stages", ", ".join(words for words, there in stages.items() if there) or None),
        ("experts", "may have a TP of their own" if found.expert_tensor_parallel else None),
        ("ZeRO stages", _numbers(found.zero_stages) + with_pipeline),
        ("sequence", "cut along with TP" if found.sequence_parallel else None),
        ("recompute", ", ".join(found.recompute)),
        ("offload", ", ".join(found.offload)),
        ("cross-entropy", "fused" if found.fused_cross_entropy else "plain"),
        ("constants", f"those of {found.kernels}{stand_in}"),
    ]


def _sources(by_field: Mapping[str, str]) -> list[str]:
    """Each source once, after the fields that rest on it."""
    fields: dict[str, list[str]] = {}
    for name, source in by_field.items():
        fields.setdefault(source, []).append(name)
    return [f"{', '.join(names)}: {source}" for source, names in fields.items()]


def _experts(found: FrameworkDetails) -> list[RenderableType]:
    """Mixtures that it trains."""
    if not found.experts:
        return [section("Mixtures of experts", Prose("none"))]
    rows = [
        (
            "all others" if one.model_types == ["*"] else ", ".join(one.model_types),
            ", ".join(one.frozen_weights),
            yes(one.adapters),
        )
        for one in found.experts
    ]
    return [section("Mixtures of experts", table(("models", "frozen experts", "LoRA on experts"), rows))]


def method(found: MethodDetails) -> list[RenderableType]:
    """A method."""
    stored = f"{', '.join(found.frozen_weights)} [{found.default_weights}]" if found.frozen_weights else None
    known = [
        ("what it is", found.description),
        ("trains", found.trains),
        ("frozen weights", stored),
        ("frameworks", ", ".join(found.frameworks)),
        ("source", found.source),
    ]
    return [Prose(found.name, "bold"), facts(known)]


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
