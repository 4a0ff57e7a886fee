"""Mixtral: Mistral's attention, and routed experts in place of the MLP of every layer.

Shapes as in Hugging Face transformers: ``modeling_mixtral.py``; w1 is the gate, w3 the up and w2 the down projection.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import LayerKind
from gpuplan_models.parts import Stack, gated_experts, grouped_query_attention, router


def _mixtral(fields: Fields) -> Stack:
    hidden, experts = fields.integer("hidden_size"), fields.integer("num_local_experts")
    active = fields.integer("num_experts_per_tok")
    fields.require_at_most("num_experts_per_tok", "num_local_experts", active, experts)
    attention = grouped_query_attention(fields, qkv_bias=False, output_bias=False)
    width = fields.integer("intermediate_size")
    kind = LayerKind(
        name="moe",
        count=fields.integer("num_hidden_layers"),
        linears=(
            *attention.linears,
            router(hidden, experts),
            *gated_experts(hidden, width, experts, active, names=("w1", "w3", "w2")),
        ),
        attention=attention.core,
        norm_parameters=2 * hidden,
        gated=True,
    )
    return Stack(layers=(kind,), final_norm_parameters=hidden)


BUILDERS = {"mixtral": _mixtral}
