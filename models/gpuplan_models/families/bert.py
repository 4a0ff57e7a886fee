"""BERT: attention to both sides, a LayerNorm after attention and MLP, and the two heads that it was pre-trained with.

Shapes as in Hugging Face transformers: ``modeling_bert.py`` (``BertForPreTraining``, which is what the checkpoint holds: masked
language modelling and next-sentence prediction).
"""

from __future__ import annotations

from gpuplan_models.fields import Fields
from gpuplan_models.layers import AttentionCore, LayerKind, Linear
from gpuplan_models.parts import Stack, plain_mlp


def _bert(fields: Fields) -> Stack:
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    fields.require_multiple("hidden_size", "num_attention_heads", hidden, heads)
    names = ("intermediate.dense", "output.dense")
    kind = LayerKind(
        name="dense",
        count=fields.integer("num_hidden_layers"),
        linears=(
            *(Linear(name, hidden, hidden, "attention", "column", bias=True) for name in ("query", "key", "value")),
            Linear("attention.output.dense", hidden, hidden, "attention", "row", bias=True),
            *plain_mlp(hidden, fields.integer("intermediate_size"), names, bias=True),
        ),
        attention=AttentionCore(heads, heads, hidden // heads, hidden // heads, causal=False),
        norm_parameters=4 * hidden,  # two LayerNorms with a weight and a bias
        gated=False,
    )
    positions, types = fields.integer("max_position_embeddings"), fields.integer("type_vocab_size")
    return Stack(
        layers=(kind,),
        final_norm_parameters=0,
        extra_embedding_parameters=(positions + types + 2) * hidden,  # and a LayerNorm
        extra_head_parameters=_heads(hidden, fields.integer("vocab_size")),
    )


def _heads(hidden: int, vocabulary: int) -> int:
    """The pooler and the two logits of the next sentence; a transform, its LayerNorm and the bias of the vocabulary's logits."""
    square = hidden * hidden + hidden
    return square + 2 * (hidden + 1) + square + 2 * hidden + vocabulary


BUILDERS = {"bert": _bert}
DEFAULTS = {"bert": {"tie_word_embeddings": True, "type_vocab_size": 2}}
