"""Phi-3.5-MoE: grouped-query attention and routed experts, each after a LayerNorm; biases on attention and head.

Shapes as in Hugging Face transformers: ``modeling_phimoe.py``; w1 is the gate, w3 the up and w2 the down projection.
"""

from __future__ import annotations

from dataclasses import replace

from gpuplan_models.fields import Fields
from gpuplan_models.mixture import expert_counts, layer_kind
from gpuplan_models.parts import Stack, gated_experts, grouped_query_attention, router
from gpuplan_models.windows import kinds_by_window, layer_windows


def _phimoe(fields: Fields) -> Stack:
    hidden, width = fields.integer("hidden_size"), fields.integer("intermediate_size")
    experts, active = expert_counts(fields, "num_local_experts")
    bias = fields.flag("attention_bias", default=False)
    attention = grouped_query_attention(fields, qkv_bias=bias, output_bias=bias)
    scores = router(hidden, experts, name="router")
    mixture = (scores, *gated_experts(hidden, width, experts, active, names=("w1", "w3", "w2")))
    # LayerNorms have a bias beside their weight.
    kind = replace(layer_kind(fields, "moe", attention, mixture), norm_parameters=4 * hidden)
    kinds, order = kinds_by_window(kind, layer_windows(fields, lambda _: True))
    return Stack(
        layers=kinds,
        order=order,
        final_norm_parameters=2 * hidden,
        extra_head_parameters=fields.integer("vocab_size") if fields.flag("lm_head_bias", default=False) else 0,
    )


BUILDERS = {"phimoe": _phimoe}
