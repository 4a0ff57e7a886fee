"""GPT-2, and GPT-3 whose layers have its shape: learned positions, biases, LayerNorms, an MLP of 4 h without a gate.

Shapes as in Hugging Face transformers: ``modeling_gpt2.py``. GPT-3 (arXiv 2005.14165, section 2.1) has GPT-2's architecture
but for locally banded sparse attention in every other layer, of which no band is published: all layers see everything here.
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import AttentionCore, LayerKind, Linear
from gpuplan_models.parts import Stack, plain_mlp


def _gpt2(fields: Fields) -> Stack:
    hidden, heads = fields.integer("n_embd"), fields.integer("n_head")
    fields.require_multiple("n_embd", "n_head", hidden, heads)
    positions = fields.integer("n_positions")
    kind = LayerKind(
        name="dense",
        count=fields.integer("n_layer"),
        linears=(
            Linear("attn.c_attn", hidden, 3 * hidden, "attention", "column", bias=True),
            Linear("attn.c_proj", hidden, hidden, "attention", "row", bias=True),
            *plain_mlp(
                hidden, fields.optional_integer("n_inner") or 4 * hidden, names=("mlp.c_fc", "mlp.c_proj"), bias=True
            ),
        ),
        attention=AttentionCore(heads, heads, hidden // heads, hidden // heads),
        norm_parameters=4 * hidden,  # two LayerNorms with a weight and a bias
        gated=False,
    )
    return Stack(
        layers=(kind,),
        final_norm_parameters=2 * hidden,
        extra_embedding_parameters=positions * hidden,
        hidden_size=hidden,
        max_sequence_length=positions,
    )


BUILDERS = {"gpt2": _gpt2}
DEFAULTS = {"gpt2": {"tie_word_embeddings": True}}
