"""Mixtures of experts: what families with routed experts share.

Routed experts are counted one matrix at a time, whichever way an implementation stores them (transformers 5 stacks all
experts of a layer in one tensor).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpuplan_models.fields import Fields
from gpuplan_models.layers import LayerKind, Linear
from gpuplan_models.parts import Attention, Stack, gated_experts, gated_mlp, router


def expert_counts(fields: Fields, experts_name: str) -> tuple[int, int]:
    """Return how many routed experts a layer has and how many of them a token uses.

    Raises
    ------
    ModelError
        If ``num_experts_per_tok`` or the field `experts_name` is missing, wrong, or the first exceeds the second.
    """
    experts, active = fields.integer(experts_name), fields.integer("num_experts_per_tok")
    fields.require_at_most("num_experts_per_tok", experts_name, active, experts)
    return experts, active


def layer_kind(fields: Fields, name: str, attention: Attention, mlp: tuple[Linear, ...]) -> LayerKind:
    """Return one layer of attention and a gated MLP or a mixture, each after an RMSNorm of the hidden size."""
    return LayerKind(
        name=name,
        count=1,
        linears=(*attention.linears, *mlp),
        attention=attention.core,
        norm_parameters=2 * fields.integer("hidden_size") + attention.norm_parameters,
        gated=True,
    )


def stack_of(fields: Fields, layers: Sequence[LayerKind], mtp_parameters: int = 0) -> Stack:
    """Return the stack of `layers`, given one by one from the embedding to the head; those that look alike are one kind."""
    found = list(dict.fromkeys(layers))
    return Stack(
        layers=tuple(replace(kind, count=layers.count(kind)) for kind in found),
        order=tuple(found.index(kind) for kind in layers),
        final_norm_parameters=fields.integer("hidden_size"),
        mtp_parameters=mtp_parameters,
    )


def dense_first_stack(fields: Fields, attention: Attention, *, correction_bias: bool) -> Stack:
    """Return DeepSeek's stack: ``first_k_dense_replace`` dense layers, then layers with shared and routed experts.

    Parameters
    ----------
    correction_bias
        Whether the router has a bias that balances the load (``e_score_correction_bias``, one figure an expert).

    Raises
    ------
    ModelError
        If a field is missing or wrong, or ``moe_layer_freq`` is not 1.
    """
    if fields.optional_integer("moe_layer_freq") not in (None, 1):
        frequency = fields.values["moe_layer_freq"]
        right = f"is {frequency} in {fields.origin}; only 1 (every layer after the dense ones) is supported"
        raise fields.error("moe_layer_freq", frequency, right)
    total = fields.integer("num_hidden_layers")
    dense = fields.integer("first_k_dense_replace", minimum=0)
    fields.require_at_most("first_k_dense_replace", "num_hidden_layers", dense, total)
    wide = gated_mlp(fields.integer("hidden_size"), fields.integer("intermediate_size"))
    moe = layer_kind(fields, "moe", attention, _shared_and_routed(fields, correction_bias))
    modules = fields.optional_integer("num_nextn_predict_layers", minimum=0) or 0
    layers = [layer_kind(fields, "dense", attention, wide)] * dense + [moe] * (total - dense)
    return stack_of(fields, layers, mtp_parameters=modules * _mtp(fields, moe))


def _shared_and_routed(fields: Fields, correction_bias: bool) -> tuple[Linear, ...]:
    hidden, width = fields.integer("hidden_size"), fields.integer("moe_intermediate_size")
    experts, active = expert_counts(fields, "n_routed_experts")
    shared = fields.optional_integer("n_shared_experts", minimum=0) or 0
    return (
        router(hidden, experts, bias=correction_bias),
        *(gated_mlp(hidden, shared * width, "shared") if shared else ()),
        *gated_experts(hidden, width, experts, active),
    )


def _mtp(fields: Fields, moe: LayerKind) -> int:
    """Parameters of one MTP module: a MoE layer, eh_proj (2h x h), three norms, copies of embedding and head."""
    hidden, vocabulary = fields.integer("hidden_size"), fields.integer("vocab_size")
    return moe.parameters + 2 * hidden * hidden + 3 * hidden + 2 * vocabulary * hidden
