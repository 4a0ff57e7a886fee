"""Training frameworks: what they can lay out, and the bytes they keep for a trained parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan_models.loading import read_folder, refuse_twice, resolve

if TYPE_CHECKING:
    from gpuplan_models.schema import FrameworkFile, PolicyFile


@dataclass(frozen=True, slots=True)
class ParameterBytes:
    """Bytes per trained parameter, before any sharding.

    Attributes
    ----------
    weight_bytes
        The weight that the forward pass reads (or the fp32 weight that it is cast from).
    gradient_bytes
        The gradient that is kept until the optimizer's step.
    optimizer_bytes
        AdamW's two moments and, where there is one, the fp32 master weight.
    """

    weight_bytes: float
    gradient_bytes: float
    optimizer_bytes: float

    @property
    def total(self) -> float:
        """Sum of the three."""
        return self.weight_bytes + self.gradient_bytes + self.optimizer_bytes


@dataclass(frozen=True, slots=True)
class Framework:
    """A training framework.

    Attributes
    ----------
    methods
        Names of the methods that it runs.
    kernels
        Key of the fitted constants: ``"megatron"``, ``"torch"`` or ``"hf"``.
    precisions
        Types that it computes in.
    frozen_weights
        Storage types of frozen weights that it trains adapters on.
    optimizers
        ``"adamw"``, ``"adamw-8bit"``.
    tensor_parallel, pipeline_parallel, expert_parallel
        Whether the degree may exceed 1.
    sequence_parallel
        Whether tensor parallelism also cuts the activations outside the linears along the sequence.
    fused_cross_entropy
        Whether the loss is computed without ever holding all logits.
    zero_stages, zero_stages_with_pipeline
        ZeRO stages that it has (1: optimizer states sharded, 2: gradients too, 3: weights too), and those left when the
        pipeline has more than one stage.
    recompute
        ``"none"``, ``"selective"``, ``"full"``.
    full_bytes, adapter_bytes
        Bytes per trained parameter when all parameters, or only adapters, are trained.
    sources
        Field name -> where it was taken from.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    kernels: str
    precisions: tuple[str, ...]
    frozen_weights: tuple[str, ...]
    optimizers: tuple[str, ...]
    tensor_parallel: bool
    pipeline_parallel: bool
    expert_parallel: bool
    sequence_parallel: bool
    fused_cross_entropy: bool
    zero_stages: tuple[int, ...]
    zero_stages_with_pipeline: tuple[int, ...]
    recompute: tuple[str, ...]
    full_bytes: ParameterBytes
    adapter_bytes: ParameterBytes
    sources: Mapping[str, str] = field(repr=False, compare=False)


def frameworks() -> dict[str, Framework]:
    """Return every framework by its name; raises `ModelError` if a file of data/frameworks is wrong."""
    return dict(_frameworks())


@cache
def _frameworks() -> dict[str, Framework]:
    from gpuplan_models.schema import FrameworkFile

    found: dict[str, Framework] = {}
    for path, file in read_folder("frameworks", FrameworkFile):
        refuse_twice(path, "name", file.name, file.name in found)
        found[file.name] = _framework(path, file)
    return dict(sorted(found.items()))


def _framework(path: Path, file: FrameworkFile) -> Framework:
    return Framework(
        name=file.name,
        title=file.title,
        methods=tuple(file.methods),
        kernels=file.kernels,
        precisions=tuple(file.precisions),
        frozen_weights=tuple(file.frozen_weights),
        optimizers=tuple(file.optimizers),
        tensor_parallel=file.tensor_parallel,
        pipeline_parallel=file.pipeline_parallel,
        expert_parallel=file.expert_parallel,
        sequence_parallel=file.sequence_parallel,
        fused_cross_entropy=file.fused_cross_entropy,
        zero_stages=tuple(file.zero_stages),
        zero_stages_with_pipeline=tuple(file.zero_stages_with_pipeline),
        recompute=tuple(file.recompute),
        full_bytes=_bytes(file.full),
        adapter_bytes=_bytes(file.adapters),
        sources=_sources(path, file),
    )


def _bytes(policy: PolicyFile) -> ParameterBytes:
    return ParameterBytes(policy.weight_bytes.value, policy.gradient_bytes.value, policy.optimizer_bytes.value)


def _sources(path: Path, file: FrameworkFile) -> dict[str, str]:
    """Return field -> source text, for the facts and for every figure of the two policies."""
    found = {}
    for name, key in file.facts.items():
        found[name] = f"{resolve(path, f'facts.{name}', key, file.sources)} ({file.as_of})"
    for prefix, policy in (("full_bytes", file.full), ("adapter_bytes", file.adapters)):
        for name, figure in policy:
            text = resolve(path, f"{prefix}.{name}.source", figure.source, file.sources)
            found[f"{prefix}.{name}"] = f"{text} ({figure.basis}, {figure.as_of})"
    return found
