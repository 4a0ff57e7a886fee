"""Llama and its dense relatives: grouped-query attention and a SwiGLU block, each after an RMSNorm.

Shapes as in Hugging Face transformers: ``modeling_llama.py``, ``modeling_mistral.py``, ``modeling_qwen2.py``.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import LayerKind
from gpuplan_models.parts import Attention, Stack, gated_mlp, grouped_query_attention


def _llama(fields: Fields) -> Stack:
    bias = fields.flag("attention_bias", default=False)
    # Configs written before grouped queries existed leave the key-value heads out: one for every head.
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias, kv_heads_default_to_heads=True)
    return _dense(fields, attention, mlp_bias=fields.flag("mlp_bias", default=False))


def _mistral(fields: Fields) -> Stack:
    return _dense(fields, grouped_query_attention(fields, qkv_bias=False, output_bias=False))


def _qwen2(fields: Fields) -> Stack:
    return _dense(fields, grouped_query_attention(fields, qkv_bias=True, output_bias=False))


def _dense(fields: Fields, attention: Attention, mlp_bias: bool = False) -> Stack:
    hidden = fields.integer("hidden_size")
    mlp = gated_mlp(hidden, fields.integer("intermediate_size"), bias=mlp_bias)
    kind = LayerKind(
        name="dense",
        count=fields.integer("num_hidden_layers"),
        linears=(*attention.linears, *mlp),
        attention=attention.core,
        norm_parameters=2 * hidden,  # input_layernorm and post_attention_layernorm
        gated=True,
    )
    return Stack(layers=(kind,), final_norm_parameters=hidden)


BUILDERS = {"llama": _llama, "mistral": _mistral, "qwen2": _qwen2}
