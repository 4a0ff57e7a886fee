"""Qwen's mixtures: Qwen2's or Qwen3's attention; routed experts, in Qwen2's (and Qwen1.5's) beside a gated shared expert.

Shapes as in Hugging Face transformers: ``modeling_qwen2_moe.py``, ``modeling_qwen3_moe.py``.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import Linear
from gpuplan_models.mixture import expert_counts, layer_kind, stack_of
from gpuplan_models.parts import Attention, Stack, gated_experts, gated_mlp, grouped_query_attention, router


def _qwen2_moe(fields: Fields) -> Stack:
    bias = fields.flag("qkv_bias", default=True)
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=False)
    return _qwen_moe(fields, attention, _shared_expert(fields))


def _qwen3_moe(fields: Fields) -> Stack:
    bias = fields.flag("attention_bias", default=False)
    return _qwen_moe(fields, grouped_query_attention(fields, qkv_bias=bias, output_bias=bias, head_norms=True))


def _qwen_moe(fields: Fields, attention: Attention, shared: tuple[Linear, ...] = ()) -> Stack:
    if fields.flag("use_sliding_window", default=False):
        # No published mixture of Qwen's has one, and implementations disagree on the layers that would.
        raise fields.error("use_sliding_window", True, f"is true in {fields.origin}; only false is supported")
    hidden, width = fields.integer("hidden_size"), fields.integer("moe_intermediate_size")
    experts, active = expert_counts(fields, "num_experts")
    mixture = (router(hidden, experts), *shared, *gated_experts(hidden, width, experts, active))
    moe = layer_kind(fields, "moe", attention, mixture)
    sparse = _sparse_layers(fields)
    if all(sparse):
        return stack_of(fields, [moe] * len(sparse))
    dense = layer_kind(fields, "dense", attention, gated_mlp(hidden, fields.integer("intermediate_size")))
    return stack_of(fields, [moe if is_sparse else dense for is_sparse in sparse])


def _shared_expert(fields: Fields) -> tuple[Linear, ...]:
    """Return the expert that every token passes through, and the one-feature gate that weighs its output."""
    hidden, width = fields.integer("hidden_size"), fields.integer("shared_expert_intermediate_size")
    return (
        *gated_mlp(hidden, width, "shared"),
        Linear("shared_expert_gate", hidden, 1, "shared", "replicated"),
    )


def _sparse_layers(fields: Fields) -> list[bool]:
    """Return for every layer whether it has experts: each ``decoder_sparse_step``-th, but those of ``mlp_only_layers``."""
    step = fields.optional_integer("decoder_sparse_step") or 1
    dense = fields.values.get("mlp_only_layers") or []
    if not isinstance(dense, list) or not all(type(index) is int for index in dense):
        right = f"is {dense} in {fields.origin}; it must be a list of layer indices"
        raise fields.error("mlp_only_layers", dense, right)
    count = fields.integer("num_hidden_layers")
    return [(index + 1) % step == 0 and index not in dense for index in range(count)]


BUILDERS = {"qwen2_moe": _qwen2_moe, "qwen3_moe": _qwen3_moe}
