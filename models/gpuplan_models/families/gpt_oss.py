"""gpt-oss: attention with sinks and biases, a sliding window in every other layer, routed experts with biases.

Shapes as in Hugging Face transformers: ``modeling_gpt_oss.py``. The gate and up projections of an expert are one matrix.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import Linear
from gpuplan_models.mixture import expert_counts, layer_kind
from gpuplan_models.parts import Attention, Stack, grouped_query_attention, router
from gpuplan_models.windows import kinds_by_window, layer_windows


def _gpt_oss(fields: Fields) -> Stack:
    kind = layer_kind(fields, "moe", _attention_with_sinks(fields), _mixture(fields))
    kinds, order = kinds_by_window(kind, layer_windows(fields, lambda index: index % 2 == 0))
    return Stack(layers=kinds, order=order, final_norm_parameters=fields.integer("hidden_size"))


def _attention_with_sinks(fields: Fields) -> Attention:
    """Return grouped-query attention whose softmax has one more, learned term a head (arXiv 2508.10925, section 2)."""
    bias = fields.flag("attention_bias", default=True)
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias)
    return Attention(attention.linears, attention.core, norm_parameters=attention.core.heads)


def _mixture(fields: Fields) -> tuple[Linear, ...]:
    hidden, width = fields.integer("hidden_size"), fields.integer("intermediate_size")
    experts, active = expert_counts(fields, "num_local_experts")
    return (
        router(hidden, experts, bias=True, name="router"),
        Linear("gate_up_proj", hidden, 2 * width, "expert", "expert", bias=True, copies=experts, active=active),
        Linear("down_proj", width, hidden, "expert", "expert", bias=True, copies=experts, active=active),
    )


BUILDERS = {"gpt_oss": _gpt_oss}
# GptOssConfig
DEFAULTS = {"gpt_oss": {"head_dim": 64, "sliding_window": 128}}
