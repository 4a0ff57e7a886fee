"""What a layer is made of: the unsharded linears, the attention core and the vectors.

All sizes are counts (features, parameters, layers); nothing here knows a storage type, a layout or a device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gpuplan_models.errors import ModelError
from gpuplan_models.targets import Targets, selected

Part = Literal["attention", "mlp", "shared", "expert", "router"]
Split = Literal["column", "row", "replicated", "expert"]

DOWN_PROJECTIONS = frozenset({"down_proj", "w2", "mlp.c_proj", "output.dense"})
"""The linears that lead out of an MLP; their input is the MLP's width."""


@dataclass(frozen=True, slots=True)
class Linear:
    """One matrix of a layer, ``out_features x in_features``, and how it may be cut over GPUs.

    Attributes
    ----------
    name
        Module name in Hugging Face's implementation, as LoRA targets name it (``"q_proj"``), as much of its path as
        tells it from the layer's others (``"mlp.c_proj"``).
    part
        The part of the layer that it belongs to; ``"shared"`` is a shared expert, ``"expert"`` a routed one.
    split
        What tensor parallelism does to it: ``"column"`` cuts the outputs, ``"row"`` the inputs, ``"replicated"``
        nothing; ``"expert"`` matrices are dealt out whole by expert parallelism.
    bias
        Whether a vector of `out_features` belongs to it (a router's correction bias counts as one).
    copies
        How many there are in a layer: 1, or the number of routed experts.
    active
        How many of them a token passes through: 1, or the router's top-k.
    adaptable
        Whether LoRA on "all-linear" adapts it; a router is not.
    """

    name: str
    in_features: int
    out_features: int
    part: Part
    split: Split
    bias: bool = False
    copies: int = 1
    active: int = 1
    adaptable: bool = True

    @property
    def goes_down(self) -> bool:
        """Whether it leads from an MLP's width back to the hidden size."""
        return self.name in DOWN_PROJECTIONS

    @property
    def parameters(self) -> int:
        """All parameters of all copies: ``copies * (in * out + bias)``."""
        return self.copies * self._parameters_per_copy

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes through: ``active * (in * out + bias)``."""
        return self.active * self._parameters_per_copy

    @property
    def _parameters_per_copy(self) -> int:
        return self.in_features * self.out_features + (self.out_features if self.bias else 0)

    def adapter_parameters(self, rank: int) -> int:
        """LoRA parameters, A (r x in) and B (out x r) for each copy: ``copies * r * (in + out)`` (arXiv 2106.09685)."""
        return self.copies * rank * (self.in_features + self.out_features)


@dataclass(frozen=True, slots=True)
class AttentionCore:
    """The part of attention without parameters: scores, softmax and the weighted sum of the values.

    With multi-head latent attention (MLA) keys and values are expanded to every head, so ``kv_heads == heads``, and the
    width of a query or key (``qk_nope_head_dim + qk_rope_head_dim``) differs from that of a value.

    Attributes
    ----------
    window_tokens
        Sliding window: how many keys, its own included, a query sees at most on one side; None sees all.
    causal
        Whether a query sees only the keys up to its own; else (BERT) those after it as well.
    """

    heads: int
    kv_heads: int
    qk_head_dim: int
    v_head_dim: int
    window_tokens: int | None = None
    causal: bool = True

    def pair_share(self, sequence_tokens: float) -> float:
        """Return the query-key pairs in a sequence, relative to those of causal attention to all of it.

        With s `sequence_tokens` and w `window_tokens`: causal attention has ``s^2 / 2`` pairs, share 1. With a window
        ``w < s`` the last ``s - w`` queries see w keys each and the first w see ``w^2 / 2`` together, so the share is
        ``(2 w s - w^2) / s^2``. Without the causal mask there are twice as many pairs.
        """
        reach = sequence_tokens if self.window_tokens is None else min(self.window_tokens, sequence_tokens)
        share = reach * (2 * sequence_tokens - reach) / sequence_tokens**2
        return share if self.causal else 2 * share


@dataclass(frozen=True, slots=True)
class LayerKind:
    """The layers of a stack that look alike.

    Attributes
    ----------
    name
        ``"dense"`` or ``"moe"``; ``"dense-local"`` where layers with a sliding window lie among others without one.
    count
        How many layers of the stack are of this kind.
    norm_parameters
        Parameters per layer outside the linears: norms and other vectors.
    gated
        Whether the MLP multiplies two up-projections (SwiGLU) before it projects down.
    """

    name: str
    count: int
    linears: tuple[Linear, ...]
    attention: AttentionCore
    norm_parameters: int
    gated: bool

    @property
    def parameters(self) -> int:
        """Parameters of one layer, exact: every linear with its bias, every expert, the norms."""
        return sum(linear.parameters for linear in self.linears) + self.norm_parameters

    @property
    def expert_parameters(self) -> int:
        """Parameters of one layer that belong to routed experts (all of them)."""
        return sum(linear.parameters for linear in self.linears if linear.part == "expert")

    @property
    def expert_matrix_parameters(self) -> int:
        """Parameters of one layer in the matrices of routed experts: `expert_parameters` without their biases."""
        experts = (linear for linear in self.linears if linear.part == "expert")
        return sum(linear.copies * linear.in_features * linear.out_features for linear in experts)

    @property
    def active_parameters(self) -> int:
        """Parameters of one layer that one token passes through (top-k of the routed experts, all the rest)."""
        return sum(linear.active_parameters for linear in self.linears) + self.norm_parameters

    @property
    def query_width(self) -> int:
        """Width of the queries: ``heads * qk_head_dim``."""
        return self.attention.heads * self.attention.qk_head_dim

    @property
    def key_value_width(self) -> float:
        """Mean width of keys and values: ``kv_heads * head_dim`` for GQA; for MLA the mean of the two widths."""
        return self.attention.kv_heads * (self.attention.qk_head_dim + self.attention.v_head_dim) / 2

    @property
    def mlp_width(self) -> int:
        """MLP features that one token passes through: dense the intermediate size, MoE ``top-k * expert + shared``."""
        return sum(linear.active * linear.in_features for linear in self.linears if linear.goes_down)

    @property
    def routed_experts(self) -> int:
        """Number of routed experts, 0 for a dense layer."""
        return max((linear.copies for linear in self.linears if linear.part == "expert"), default=0)

    @property
    def experts_per_token(self) -> int:
        """Routed experts that one token uses (top-k), 0 for a dense layer."""
        return max((linear.active for linear in self.linears if linear.part == "expert"), default=0)

    def adapted_linears(self, targets: Targets) -> tuple[Linear, ...]:
        """Return the linears of this kind that LoRA adapts.

        Parameters
        ----------
        targets
            ``"all-linear"``, ``"attention"``, ``"all-linear-except-experts"``, or module names; one string or several.
            A name selects every linear that bears it, routed and shared experts alike, as PEFT does.

        Raises
        ------
        ModelError
            If a name is not one of this kind's linears, or names a router.
        """
        return selected(self.linears, targets)

    def adapter_parameters(self, rank: int, targets: Targets) -> int:
        """Return the LoRA parameters of one layer, routed experts included: sum of ``copies * r * (in + out)``.

        Raises
        ------
        ModelError
            If a target is unknown (see `adapted_linears`) or `rank` is less than 1.
        """
        return _adapter_parameters(self.adapted_linears(targets), rank)

    def adapter_expert_parameters(self, rank: int, targets: Targets) -> int:
        """Return the share of `adapter_parameters` that belongs to routed experts (and is dealt out with them)."""
        experts = [linear for linear in self.adapted_linears(targets) if linear.part == "expert"]
        return _adapter_parameters(experts, rank)

    def expert_tensor_divides(self, degree: int) -> bool:
        """Return whether routed experts, which must have no biases, can be cut into `degree` equal parts along their own width."""
        experts = [linear for linear in self.linears if linear.part == "expert"]
        return all(not linear.bias and (linear.in_features % degree == 0 or not linear.goes_down) for linear in experts)

    @property
    def cut_widths(self) -> list[int]:
        """Widths that tensor parallelism cuts: of column-cut linears the output's, of row-cut ones the input's."""
        widths = [linear.out_features for linear in self.linears if linear.split == "column"]
        return widths + [linear.in_features for linear in self.linears if linear.split == "row"]

    def tensor_parallel_divides(self, degree: int) -> bool:
        """Return whether heads, key-value heads and every column- or row-cut width are multiples of `degree`."""
        return all(width % degree == 0 for width in (self.attention.heads, self.attention.kv_heads, *self.cut_widths))


def _adapter_parameters(linears: Iterable[Linear], rank: int) -> int:
    if rank < 1:
        raise ModelError("lora_rank", rank, f"lora_rank is {rank}; it must be an integer of at least 1.")
    return sum(linear.adapter_parameters(rank) for linear in linears)
