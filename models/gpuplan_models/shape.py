"""A model's shape: the stack of layers between an embedding and a head.

Symbols used in the docstrings: h hidden size, V vocabulary. All sizes are counts (features, parameters, layers);
nothing here knows a storage type, a layout or a device.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from gpuplan_models.layers import LayerKind
from gpuplan_models.targets import Targets

NativeWeights = Literal["bf16", "fp8", "mxfp4"]

MXFP4_BYTES = 4.25 / 8
"""Bytes a parameter in MXFP4: 4 bits, and 8 bits of scale for 32 parameters (OCP Microscaling Formats, version 1.0)."""


@dataclass(frozen=True)  # without slots, so that counts of parameters are kept
class Architecture:
    """A model's shape: a stack of layer kinds between an embedding and a head.

    Attributes
    ----------
    name
        Name in the catalogue, or of the file that it was read from.
    layers
        Layer kinds in the order of their first layers (dense-first layers before the MoE layers).
    order
        For every layer of the stack the index of its kind in `layers`; empty where the kinds follow each other.
    extra_embedding_parameters
        Parameters beside the vocabulary's table on the way in: learned positions, token types, a norm.
    extra_head_parameters
        Parameters beside the table and the final norm on the way out: a transform before the head, a bias, a pooler.
    mtp_parameters
        Parameters of the multi-token-prediction modules as the checkpoint stores them, with their own copies of
        embedding and head. Counted apart: fine-tuning does not train them.
    tokenizer
        Key of the tokenizer family in `gpuplan_models.tokenizers`.
    max_sequence_length
        ``max_position_embeddings``, in tokens.
    native_weights
        Storage of the published weights, which decides how many bytes are downloaded; ``"mxfp4"`` holds for the
        matrices of routed experts, the rest is bf16.
    parameter_basis
        How the parameter count was verified.
    source
        Where the shape was taken from.
    """

    name: str
    aliases: tuple[str, ...]
    model_type: str
    hidden_size: int
    vocab_size: int
    tied_embeddings: bool
    layers: tuple[LayerKind, ...]
    final_norm_parameters: int
    mtp_parameters: int
    tokenizer: str
    max_sequence_length: int
    native_weights: NativeWeights
    parameter_basis: str
    source: str
    order: tuple[int, ...] = ()
    extra_embedding_parameters: int = 0
    extra_head_parameters: int = 0

    @cached_property
    def layer_count(self) -> int:
        """Number of layers, without multi-token-prediction modules."""
        return sum(kind.count for kind in self.layers)

    @property
    def stack(self) -> tuple[int, ...]:
        """Index in `layers` of every layer's kind, from the embedding to the head."""
        return self.order or tuple(index for index, kind in enumerate(self.layers) for _ in range(kind.count))

    @property
    def vocabulary_parameters(self) -> int:
        """Parameters of the vocabulary's table: ``V * h``."""
        return self.vocab_size * self.hidden_size

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the input embedding: ``V * h``, and learned positions, token types and norm where it has them."""
        return self.vocabulary_parameters + self.extra_embedding_parameters

    @property
    def head_parameters(self) -> int:
        """Parameters of the output head's table: ``V * h``, or 0 where it is the embedding's."""
        return 0 if self.tied_embeddings else self.vocabulary_parameters

    @cached_property
    def parameters(self) -> int:
        """Exact number of parameters, without multi-token-prediction modules."""
        return self._ends + sum(kind.count * kind.parameters for kind in self.layers)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that one token passes through, the whole embedding and head included."""
        return self._ends + sum(kind.count * kind.active_parameters for kind in self.layers)

    @property
    def expert_parameters(self) -> int:
        """Parameters of all routed experts of all layers."""
        return sum(kind.count * kind.expert_parameters for kind in self.layers)

    @property
    def routed_experts(self) -> int:
        """Number of routed experts of a MoE layer, 0 for a dense model."""
        return max(kind.routed_experts for kind in self.layers)

    @cached_property
    def published_bytes(self) -> float:
        """Bytes of the published weights in their `native_weights`, without multi-token-prediction modules and scales."""
        if self.native_weights == "mxfp4":
            packed = sum(kind.count * kind.expert_matrix_parameters for kind in self.layers)
            return MXFP4_BYTES * packed + 2.0 * (self.parameters - packed)
        return (1.0 if self.native_weights == "fp8" else 2.0) * self.parameters

    @property
    def _ends(self) -> int:
        after = self.final_norm_parameters + self.extra_head_parameters
        return self.embedding_parameters + self.head_parameters + after

    def adapter_parameters(self, rank: int, targets: Targets) -> int:
        """Return the LoRA parameters of the whole stack; raises `ModelError` as `LayerKind.adapter_parameters`."""
        return sum(kind.count * kind.adapter_parameters(rank, targets) for kind in self.layers)

    def tensor_parallel_divides(self, degree: int) -> bool:
        """Return whether tensor parallelism of `degree` cuts heads, key-value heads and widths into equal parts.

        Megatron-Core demands it: ``TransformerConfig.__post_init__`` refuses `num_attention_heads` and
        `num_query_groups` that are no multiples of the degree, and ``tensor_parallel.utils.divide`` any width. The
        vocabulary is padded instead. MLA has no groups: its core has as many key-value heads as heads.
        """
        return degree >= 1 and all(kind.tensor_parallel_divides(degree) for kind in self.layers)

    def fp8_divides(self, degree: int) -> bool:
        """Return whether tensor parallelism of `degree` leaves widths that 8-bit products take: multiples of 16.

        Transformer Engine demands it (assert_dim_for_fp8_exec in transformer_engine/pytorch/utils.py).
        """
        return degree == 1 or all(width % (16 * degree) == 0 for kind in self.layers for width in kind.cut_widths)

    def windowed(self, sequence_tokens: int) -> bool:
        """Return whether some layer's attention sees less than a sequence of that length."""
        windows = (kind.attention.window_tokens for kind in self.layers)
        return any(window is not None and window < sequence_tokens for window in windows)

    def expert_parallel_divides(self, degree: int) -> bool:
        """Return whether expert parallelism of `degree` deals the routed experts out evenly (1 always does).

        Megatron-Core demands it: ``BaseMoELayer`` asserts that `num_moe_experts` is a multiple of the degree.
        """
        if degree == 1:
            return True
        experts = [kind.routed_experts for kind in self.layers if kind.routed_experts]
        return degree > 1 and bool(experts) and all(count % degree == 0 for count in experts)

    def expert_tensor_divides(self, degree: int) -> bool:
        """Return whether a single routed expert can be cut over `degree` ranks (1 always; more only where there are experts).

        Megatron-Core demands it: the width of an expert is divided by the expert-tensor-parallel size, and "Bias in Moe is only
        supported when ETP==1" (transformer_config.py).
        """
        if degree == 1:
            return True
        experts = any(kind.routed_experts for kind in self.layers)
        return degree > 1 and experts and all(kind.expert_tensor_divides(degree) for kind in self.layers)


def check_targets(architecture: Architecture, targets: Targets) -> None:
    """Check that every LoRA target names something that can be adapted in `architecture`.

    Raises
    ------
    ModelError
        If a name is unknown (with close matches), names a router, or none is given.
    """
    for kind in architecture.layers:
        kind.adapted_linears(targets)
