"""DeepSeek-V3 and R1: multi-head latent attention, dense layers, then shared and routed experts, and an MTP module.

Shapes as in Hugging Face transformers (``modeling_deepseek_v3.py``); the multi-token-prediction module as described in
DeepSeek-V3's README_WEIGHTS.md.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import AttentionCore, LayerKind, Linear
from gpuplan_models.parts import Attention, Stack, gated_experts, gated_mlp, router


def _deepseek_v3(fields: Fields) -> Stack:
    if fields.optional_integer("moe_layer_freq") not in (None, 1):
        right = f"is {fields.values['moe_layer_freq']} in {fields.origin}; only 1 (every layer after the dense ones)"
        raise fields.error("moe_layer_freq", fields.values["moe_layer_freq"], f"{right} is supported")
    total = fields.integer("num_hidden_layers")
    dense = fields.integer("first_k_dense_replace", minimum=0)
    fields.require_at_most("first_k_dense_replace", "num_hidden_layers", dense, total)
    attention = _latent_attention(fields)
    moe = _kind(fields, "moe", total - dense, attention, _mixture(fields))
    kinds = (_kind(fields, "dense", dense, attention, _dense_mlp(fields)), moe)
    hidden = fields.integer("hidden_size")
    return Stack(
        layers=tuple(kind for kind in kinds if kind.count),
        final_norm_parameters=hidden,
        mtp_parameters=(fields.optional_integer("num_nextn_predict_layers", minimum=0) or 0) * _mtp(fields, moe),
    )


def _latent_attention(fields: Fields) -> Attention:
    """Return multi-head latent attention (arXiv 2412.19437, section 2.1.1): low-rank queries, keys and values."""
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    kv_rank, rope = fields.integer("kv_lora_rank"), fields.integer("qk_rope_head_dim")
    nope, value = fields.integer("qk_nope_head_dim"), fields.integer("v_head_dim")
    bias = fields.flag("attention_bias", default=False)
    query, query_norm = _queries(fields, hidden, heads * (nope + rope), bias)
    linears = (
        *query,
        Linear("kv_a_proj_with_mqa", hidden, kv_rank + rope, "attention", "replicated", bias=bias),
        Linear("kv_b_proj", kv_rank, heads * (nope + value), "attention", "column"),
        Linear("o_proj", heads * value, hidden, "attention", "row", bias=bias),
    )
    return Attention(linears, AttentionCore(heads, heads, nope + rope, value), query_norm + kv_rank)


def _queries(fields: Fields, hidden: int, width: int, bias: bool) -> tuple[tuple[Linear, ...], int]:
    """Return the query projections and the parameters of the norm between them (none where queries are full-rank)."""
    rank = fields.optional_integer("q_lora_rank")
    if rank is None:
        return (Linear("q_proj", hidden, width, "attention", "column"),), 0
    down = Linear("q_a_proj", hidden, rank, "attention", "replicated", bias=bias)
    return (down, Linear("q_b_proj", rank, width, "attention", "column")), rank


def _dense_mlp(fields: Fields) -> tuple[Linear, ...]:
    return gated_mlp(fields.integer("hidden_size"), fields.integer("intermediate_size"))


def _mixture(fields: Fields) -> tuple[Linear, ...]:
    hidden, width = fields.integer("hidden_size"), fields.integer("moe_intermediate_size")
    experts, active = fields.integer("n_routed_experts"), fields.integer("num_experts_per_tok")
    fields.require_at_most("num_experts_per_tok", "n_routed_experts", active, experts)
    shared = fields.optional_integer("n_shared_experts", minimum=0) or 0
    return (
        router(hidden, experts, bias=True),  # e_score_correction_bias, one figure an expert
        *(gated_mlp(hidden, shared * width, "shared") if shared else ()),
        *gated_experts(hidden, width, experts, active),
    )


def _kind(fields: Fields, name: str, count: int, attention: Attention, mlp: tuple[Linear, ...]) -> LayerKind:
    return LayerKind(
        name=name,
        count=count,
        linears=(*attention.linears, *mlp),
        attention=attention.core,
        norm_parameters=2 * fields.integer("hidden_size") + attention.norm_parameters,
        gated=True,
    )


def _mtp(fields: Fields, moe: LayerKind) -> int:
    """Parameters of one MTP module: a MoE layer, eh_proj (2h x h), three norms, copies of embedding and head."""
    hidden, vocabulary = fields.integer("hidden_size"), fields.integer("vocab_size")
    return moe.parameters + 2 * hidden * hidden + 3 * hidden + 2 * vocabulary * hidden


BUILDERS = {"deepseek_v3": _deepseek_v3}
