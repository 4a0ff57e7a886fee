"""The building blocks that families of architectures share."""

from __future__ import annotations

from dataclasses import dataclass

from gpuplan_models.fields import Fields
from gpuplan_models.layers import AttentionCore, LayerKind, Linear, Part


@dataclass(frozen=True, slots=True)
class Stack:
    """What a family's builder returns: the layers in order, and the parameters outside layers, embedding and head."""

    layers: tuple[LayerKind, ...]
    final_norm_parameters: int
    mtp_parameters: int = 0


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention half of a layer."""

    linears: tuple[Linear, ...]
    core: AttentionCore
    norm_parameters: int = 0


def grouped_query_attention(
    fields: Fields, *, qkv_bias: bool, output_bias: bool, kv_heads_default_to_heads: bool = False
) -> Attention:
    """Return multi-head attention with grouped queries, as Llama, Mistral and Qwen2 have it.

    Raises
    ------
    ModelError
        If a field is missing or wrong, or the heads are no multiple of the key-value heads.
    """
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    kv_heads = fields.optional_integer("num_key_value_heads") if kv_heads_default_to_heads else None
    if kv_heads is None:
        kv_heads = heads if kv_heads_default_to_heads else fields.integer("num_key_value_heads")
    fields.require_multiple("num_attention_heads", "num_key_value_heads", heads, kv_heads)
    head_dim = fields.optional_integer("head_dim")
    if head_dim is None:
        fields.require_multiple("hidden_size", "num_attention_heads", hidden, heads)
        head_dim = hidden // heads
    query_width, kv_width = heads * head_dim, kv_heads * head_dim
    linears = (
        Linear("q_proj", hidden, query_width, "attention", "column", bias=qkv_bias),
        Linear("k_proj", hidden, kv_width, "attention", "column", bias=qkv_bias),
        Linear("v_proj", hidden, kv_width, "attention", "column", bias=qkv_bias),
        Linear("o_proj", query_width, hidden, "attention", "row", bias=output_bias),
    )
    return Attention(linears, AttentionCore(heads, kv_heads, head_dim, head_dim))


def gated_mlp(hidden: int, width: int, part: Part = "mlp", bias: bool = False) -> tuple[Linear, ...]:
    """Return a SwiGLU block: ``down(silu(gate(x)) * up(x))``."""
    return (
        Linear("gate_proj", hidden, width, part, "column", bias=bias),
        Linear("up_proj", hidden, width, part, "column", bias=bias),
        Linear("down_proj", width, hidden, part, "row", bias=bias),
    )


def gated_experts(
    hidden: int,
    width: int,
    copies: int,
    active: int,
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> tuple[Linear, ...]:
    """Return routed SwiGLU experts; `names` are those of the gate, up and down projections."""
    gate, up, down = names
    return (
        Linear(gate, hidden, width, "expert", "expert", copies=copies, active=active),
        Linear(up, hidden, width, "expert", "expert", copies=copies, active=active),
        Linear(down, width, hidden, "expert", "expert", copies=copies, active=active),
    )


def router(hidden: int, experts: int, bias: bool = False) -> Linear:
    """Return the linear that scores the experts; every GPU holds all of it and LoRA leaves it alone."""
    return Linear("gate", hidden, experts, "router", "replicated", bias=bias, adaptable=False)
