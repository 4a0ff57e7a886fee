"""What the physics needs to know of a job: the model, what is trained, in which numbers, on how long sequences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan_models import Architecture, Framework, LayerKind, Method

#: Bytes of one frozen parameter by storage type; NF4's comes from the constants (scales are double-quantised).
STORAGE_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0}


def storage_bytes(weights: str) -> float:
    """Bytes that one parameter of a linear layer takes in storage `weights`."""
    return constants().value("nf4_bytes_per_parameter") if weights == "nf4" else STORAGE_BYTES[weights]


def widening(job: Workload, framework: Framework) -> float:
    """How much wider than 16 bit the residual stream, the logits and the unquantised weights are: 2 where all of them are fp32.

    Preparing a bitsandbytes model for training casts what is not quantised, norms and embedding too, to fp32; the linears give
    back the type that they are given.
    """
    quantised = job.trains_adapters and job.weights in ("nf4", "int8")
    return 2.0 if quantised and framework.fp32_beside_quantised else 1.0


@dataclass(frozen=True)
class Workload:
    """The part of a job that step time and memory depend on.

    Parameters
    ----------
    architecture
        The model.
    method
        What is trained: all weights or adapters.
    precision
        Numbers of the matrix products: ``bf16``, ``fp16`` or ``fp8``.
    weights
        Storage of the frozen weights (``bf16`` where all weights are trained).
    sequence_length
        Tokens per sequence.
    optimizer
        ``adamw`` or ``adamw-8bit``.
    lora_rank, lora_targets
        Adapters; read only where the method trains adapters.
    """

    architecture: Architecture
    method: Method
    precision: str
    weights: str
    sequence_length: int
    optimizer: str = "adamw"
    lora_rank: int = 16
    lora_targets: str | tuple[str, ...] = "all-linear"

    @property
    def trains_adapters(self) -> bool:
        return self.method.trains == "adapters"

    @property
    def unpacks_weights(self) -> bool:
        """Whether frozen weights are dequantised before each product: fp8 weights enter an fp8 product as they are."""
        return self.trains_adapters and self.weights not in ("bf16", "fp16") and self.weights != self.precision

    @cached_property
    def layers(self) -> tuple[LayerWork, ...]:
        """One entry per kind of layer, in the order of the stack."""
        return tuple(LayerWork.of(self, kind) for kind in self.architecture.layers)

    @property
    def layer_count(self) -> int:
        return self.architecture.layer_count

    @cached_property
    def is_mixture(self) -> bool:
        return any(kind.expert_parameters > 0 for kind in self.architecture.layers)

    @cached_property
    def trainable_parameters(self) -> int:
        """Parameters that get gradients."""
        if not self.trains_adapters:
            return self.architecture.parameters
        return round(sum(work.kind.count * (work.adapters + work.adapters_expert) for work in self.layers))


@dataclass(frozen=True)
class LayerWork:
    """One kind of layer with its parameters grouped by how tensor and expert parallelism cut them.

    `adapted_whole` and `adapted_split` are features per token that adapters read and write: those that every tensor-parallel rank
    has, and those that are cut.
    """

    kind: LayerKind
    split_parameters: float
    replicated_parameters: float
    expert_parameters: float
    experts: int
    experts_active: int
    adapters: float
    adapters_expert: float
    adapted_whole: float
    adapted_split: float

    @classmethod
    def of(cls, workload: Workload, kind: LayerKind) -> LayerWork:
        """Group the parameters of one layer of `kind`."""
        split = sum(linear.parameters for linear in kind.linears if linear.split in ("column", "row"))
        expert = float(kind.expert_parameters)
        adapters = expert_adapters = 0.0
        features = (0.0, 0.0)
        if workload.trains_adapters:
            features = _adapted_features(kind, workload.lora_targets)
            expert_adapters = float(kind.adapter_expert_parameters(workload.lora_rank, workload.lora_targets))
            adapters = float(kind.adapter_parameters(workload.lora_rank, workload.lora_targets)) - expert_adapters
        return cls(
            kind=kind,
            split_parameters=float(split),
            replicated_parameters=float(kind.parameters) - split - expert,
            expert_parameters=expert,
            experts=kind.routed_experts,
            experts_active=kind.experts_per_token,
            adapters=adapters,
            adapters_expert=expert_adapters,
            adapted_whole=features[0],
            adapted_split=features[1],
        )

    @property
    def is_mixture(self) -> bool:
        return self.experts > 0

    @property
    def gate_factor(self) -> int:
        """2g + 2 of the element-wise formulas: 4 with a gated unit, 2 without."""
        return 4 if self.kind.gated else 2

    @cached_property
    def largest_linear_parameters(self) -> float:
        """Parameters of the largest single matrix: what dequantisation unpacks at a time."""
        return float(max(linear.in_features * linear.out_features for linear in self.kind.linears))

    def parameters_per_rank(self, tensor: np.ndarray, expert: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parameters one GPU holds of one layer: (dense and shared, experts)."""
        return self.split_parameters / tensor + self.replicated_parameters, self.expert_parameters / expert


def _adapted_features(kind: LayerKind, targets: str | tuple[str, ...]) -> tuple[float, float]:
    """Input and output features of the adapted linears: whole on every tensor-parallel rank, and cut."""
    whole = cut = 0.0
    for linear in kind.adapted_linears(targets):
        inner, outer = float(linear.in_features), float(linear.out_features)
        if linear.split == "expert":
            cut += linear.active * (inner + outer)
        elif linear.split == "column":
            whole, cut = whole + inner, cut + outer
        elif linear.split == "row":
            whole, cut = whole + outer, cut + inner
        else:
            whole += inner + outer
    return whole, cut
