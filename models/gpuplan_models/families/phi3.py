"""Phi-3 and Phi-4: Llama's layer with queries, keys and values in one matrix, and gate and up projection in another.

Shapes as in Hugging Face transformers: ``modeling_phi3.py``.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import Linear
from gpuplan_models.parts import Attention, Stack, attention_core, dense_stack
from gpuplan_models.windows import layer_windows


def _phi3(fields: Fields) -> Stack:
    core = attention_core(fields, kv_heads_default_to_heads=True)
    hidden, width = fields.integer("hidden_size"), fields.integer("intermediate_size")
    queries, keys = core.heads * core.qk_head_dim, core.kv_heads * core.qk_head_dim
    attention = Attention(
        linears=(
            Linear("qkv_proj", hidden, queries + 2 * keys, "attention", "column"),
            Linear("o_proj", queries, hidden, "attention", "row"),
        ),
        core=core,
    )
    mlp = (
        Linear("gate_up_proj", hidden, 2 * width, "mlp", "column"),
        Linear("down_proj", width, hidden, "mlp", "row"),
    )
    return dense_stack(fields, attention, mlp, layer_windows(fields, lambda _: True))


BUILDERS = {"phi3": _phi3}
