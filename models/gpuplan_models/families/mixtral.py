"""Mixtral: Mistral's attention, and routed experts in place of the MLP of every layer.

Shapes as in Hugging Face transformers: ``modeling_mixtral.py``; w1 is the gate, w3 the up and w2 the down projection.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.mixture import expert_counts, layer_kind
from gpuplan_models.parts import Stack, gated_experts, grouped_query_attention, router
from gpuplan_models.windows import kinds_by_window, layer_windows


def _mixtral(fields: Fields) -> Stack:
    hidden, width = fields.integer("hidden_size"), fields.integer("intermediate_size")
    experts, active = expert_counts(fields, "num_local_experts")
    attention = grouped_query_attention(fields, qkv_bias=False, output_bias=False)
    mixture = (router(hidden, experts), *gated_experts(hidden, width, experts, active, names=("w1", "w3", "w2")))
    kind = layer_kind(fields, "moe", attention, mixture)
    kinds, order = kinds_by_window(kind, layer_windows(fields, lambda _: True))
    return Stack(layers=kinds, order=order, final_norm_parameters=hidden)


BUILDERS = {"mixtral": _mixtral}
