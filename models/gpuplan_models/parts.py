"""The building blocks that families of architectures share."""

from __future__ import annotations

from dataclasses import dataclass

from gpuplan_models.fields import Fields
from gpuplan_models.layers import AttentionCore, LayerKind, Linear, Part
from gpuplan_models.windows import Windows, kinds_by_window


@dataclass(frozen=True, slots=True)
class Stack:
    """What a family's builder returns: the layers in order, and the parameters outside layers and vocabulary tables.

    Attributes
    ----------
    order, extra_embedding_parameters, extra_head_parameters
        As in `gpuplan_models.shape.Architecture`.
    hidden_size, max_sequence_length
        Only where the config does not call them ``hidden_size`` and ``max_position_embeddings``.
    """

    layers: tuple[LayerKind, ...]
    final_norm_parameters: int
    mtp_parameters: int = 0
    order: tuple[int, ...] = ()
    extra_embedding_parameters: int = 0
    extra_head_parameters: int = 0
    hidden_size: int | None = None
    max_sequence_length: int | None = None


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention half of a layer."""

    linears: tuple[Linear, ...]
    core: AttentionCore
    norm_parameters: int = 0


def grouped_query_attention(
    fields: Fields,
    *,
    qkv_bias: bool,
    output_bias: bool,
    kv_heads_default_to_heads: bool = False,
    head_norms: bool = False,
) -> Attention:
    """Return multi-head attention with grouped queries, as Llama, Mistral and Qwen2 have it.

    Parameters
    ----------
    head_norms
        Whether queries and keys pass through a norm of `head_dim` each (Qwen3, Gemma 3).

    Raises
    ------
    ModelError
        If a field is missing or wrong, or the heads are no multiple of the key-value heads.
    """
    core = attention_core(fields, kv_heads_default_to_heads)
    hidden = fields.integer("hidden_size")
    query_width, kv_width = core.heads * core.qk_head_dim, core.kv_heads * core.v_head_dim
    linears = (
        Linear("q_proj", hidden, query_width, "attention", "column", bias=qkv_bias),
        Linear("k_proj", hidden, kv_width, "attention", "column", bias=qkv_bias),
        Linear("v_proj", hidden, kv_width, "attention", "column", bias=qkv_bias),
        Linear("o_proj", query_width, hidden, "attention", "row", bias=output_bias),
    )
    return Attention(linears, core, 2 * core.qk_head_dim if head_norms else 0)


def attention_core(fields: Fields, kv_heads_default_to_heads: bool = False) -> AttentionCore:
    """Return heads and their width; raises `ModelError` as `grouped_query_attention`."""
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    kv_heads = fields.optional_integer("num_key_value_heads") if kv_heads_default_to_heads else None
    if kv_heads is None:
        kv_heads = heads if kv_heads_default_to_heads else fields.integer("num_key_value_heads")
    fields.require_multiple("num_attention_heads", "num_key_value_heads", heads, kv_heads)
    head_dim = fields.optional_integer("head_dim")
    if head_dim is None:
        fields.require_multiple("hidden_size", "num_attention_heads", hidden, heads)
        head_dim = hidden // heads
    return AttentionCore(heads, kv_heads, head_dim, head_dim)


def dense_stack(
    fields: Fields, attention: Attention, mlp: tuple[Linear, ...], windows: Windows, norms: int = 2
) -> Stack:
    """Return layers of attention and a gated MLP with `norms` RMSNorms of the hidden size each, and a final norm."""
    hidden = fields.integer("hidden_size")
    kind = LayerKind(
        name="dense",
        count=len(windows),
        linears=(*attention.linears, *mlp),
        attention=attention.core,
        norm_parameters=norms * hidden + attention.norm_parameters,
        gated=True,
    )
    kinds, order = kinds_by_window(kind, windows)
    return Stack(layers=kinds, order=order, final_norm_parameters=hidden)


def gated_mlp(hidden: int, width: int, part: Part = "mlp", bias: bool = False) -> tuple[Linear, ...]:
    """Return a SwiGLU block: ``down(silu(gate(x)) * up(x))``."""
    return (
        Linear("gate_proj", hidden, width, part, "column", bias=bias),
        Linear("up_proj", hidden, width, part, "column", bias=bias),
        Linear("down_proj", width, hidden, part, "row", bias=bias),
    )


def plain_mlp(hidden: int, width: int, names: tuple[str, str], bias: bool) -> tuple[Linear, ...]:
    """Return an MLP without a gate, ``down(act(up(x)))``; `names` are those of the up and the down projection."""
    up, down = names
    return (
        Linear(up, hidden, width, "mlp", "column", bias=bias),
        Linear(down, width, hidden, "mlp", "row", bias=bias),
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


def router(hidden: int, experts: int, bias: bool = False, name: str = "gate") -> Linear:
    """Return the linear that scores the experts; every GPU holds all of it and LoRA leaves it alone."""
    return Linear(name, hidden, experts, "router", "replicated", bias=bias, adaptable=False)
