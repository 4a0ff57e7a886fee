"""DeepSeek's mixtures: DeepSeekMoE, V2 (and V2-Lite), V3 (and R1); the last two with multi-head latent attention.

Shapes as in Hugging Face transformers (``modeling_deepseek_v2.py``, ``modeling_deepseek_v3.py``) and, for DeepSeekMoE, as in
the ``modeling_deepseek.py`` beside its weights; the multi-token-prediction module as described in DeepSeek-V3's
README_WEIGHTS.md.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import AttentionCore, Linear
from gpuplan_models.mixture import dense_first_stack
from gpuplan_models.parts import Attention, Stack, grouped_query_attention


def _deepseek_moe(fields: Fields) -> Stack:
    bias = fields.flag("attention_bias", default=False)
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias)
    return dense_first_stack(fields, attention, correction_bias=False)


def _deepseek_v2(fields: Fields) -> Stack:
    return dense_first_stack(fields, _latent_attention(fields), correction_bias=False)


def _deepseek_v3(fields: Fields) -> Stack:
    return dense_first_stack(fields, _latent_attention(fields), correction_bias=True)


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


BUILDERS = {"deepseek": _deepseek_moe, "deepseek_v2": _deepseek_v2, "deepseek_v3": _deepseek_v3}
