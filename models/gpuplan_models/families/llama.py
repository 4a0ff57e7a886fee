"""Llama and its dense relatives: grouped-query attention and a SwiGLU block, each after an RMSNorm.

Shapes as in Hugging Face transformers: ``modeling_llama.py``, ``modeling_mistral.py``, ``modeling_qwen2.py``,
``modeling_qwen3.py``.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import Linear
from gpuplan_models.parts import Stack, dense_stack, gated_mlp, grouped_query_attention
from gpuplan_models.windows import Windows, layer_windows


def _llama(fields: Fields) -> Stack:
    bias = fields.flag("attention_bias", default=False)
    # Configs written before grouped queries existed leave the key-value heads out: one for every head.
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias, kv_heads_default_to_heads=True)
    windows = [None] * fields.integer("num_hidden_layers")
    return dense_stack(fields, attention, _mlp(fields, bias=fields.flag("mlp_bias", default=False)), windows)


def _mistral(fields: Fields) -> Stack:
    attention = grouped_query_attention(fields, qkv_bias=False, output_bias=False)
    return dense_stack(fields, attention, _mlp(fields), layer_windows(fields, lambda _: True))


def _qwen2(fields: Fields) -> Stack:
    attention = grouped_query_attention(fields, qkv_bias=True, output_bias=False)
    return dense_stack(fields, attention, _mlp(fields), _qwen_windows(fields))


def _qwen3(fields: Fields) -> Stack:
    bias = fields.flag("attention_bias", default=False)
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias, head_norms=True)
    return dense_stack(fields, attention, _mlp(fields), _qwen_windows(fields))


def _mlp(fields: Fields, bias: bool = False) -> tuple[Linear, ...]:
    return gated_mlp(fields.integer("hidden_size"), fields.integer("intermediate_size"), bias=bias)


def _qwen_windows(fields: Fields) -> Windows:
    """Qwen's configs name a window that is off unless ``use_sliding_window``; then the first layers still see everything."""
    if not fields.flag("use_sliding_window", default=False):
        return [None] * fields.integer("num_hidden_layers")
    first = fields.integer("max_window_layers", minimum=0)
    return layer_windows(fields, lambda index: index >= first)


BUILDERS = {"llama": _llama, "mistral": _mistral, "qwen2": _qwen2, "qwen3": _qwen3}
