"""Gemma 2 and 3: norms before and after attention and MLP, and layers with a sliding window among those that see everything.

Shapes as in Hugging Face transformers: ``modeling_gemma2.py``, ``modeling_gemma3.py`` (``Gemma3ForCausalLM``, the language
model without the image tower).
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.parts import Stack, dense_stack, gated_mlp, grouped_query_attention
from gpuplan_models.windows import layer_windows


def _gemma2(fields: Fields) -> Stack:
    return _gemma(fields, head_norms=False, period=2)


def _gemma3(fields: Fields) -> Stack:
    return _gemma(fields, head_norms=True, period=fields.integer("sliding_window_pattern"))


def _gemma(fields: Fields, head_norms: bool, period: int) -> Stack:
    """Every layer but the last of each `period` has the sliding window."""
    bias = fields.flag("attention_bias", default=False)
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias, head_norms=head_norms)
    mlp = gated_mlp(fields.integer("hidden_size"), fields.integer("intermediate_size"))
    return dense_stack(fields, attention, mlp, layer_windows(fields, lambda index: (index + 1) % period != 0), norms=4)


BUILDERS = {"gemma2": _gemma2, "gemma3_text": _gemma3}
# Gemma2Config and Gemma3TextConfig: the text_config of Gemma 3's larger models leaves most of its fields out.
DEFAULTS = {
    "gemma2": {"head_dim": 256, "sliding_window": 4096, "tie_word_embeddings": True},
    "gemma3_text": {
        "head_dim": 256,
        "max_position_embeddings": 131_072,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
        "tie_word_embeddings": True,
        "vocab_size": 262_208,
    },
}
