"""Training frameworks: what they can lay out, and the bytes they keep for a trained parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gpuplan_models.loading import file_error, read_folder, refuse_twice, resolve
from gpuplan_models.method import methods

if TYPE_CHECKING:
    from gpuplan_models.schema import FrameworkFile, PolicyFile, VendorFile

_SWITCHES = (
    "tensor_parallel", "pipeline_parallel", "pipeline_uneven", "interleaved", "expert_parallel", "expert_tensor_parallel",
    "context_parallel",
)  # fmt: skip


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
class Vendor:
    """A maker of accelerators that a framework runs on.

    Attributes
    ----------
    frozen_weights, optimizers
        Those of the framework's that run there.
    """

    name: str
    frozen_weights: tuple[str, ...]
    optimizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Experts:
    """What a framework does with the routed experts of some mixtures.

    Attributes
    ----------
    model_types
        The mixtures, as ``config.json`` calls them; ``"*"`` stands for all that the framework does not name elsewhere.
    frozen_weights
        Storage types that frozen experts may have.
    adapters
        Whether LoRA trains an adapter of every expert without building a second copy of the experts' weights.
    """

    model_types: tuple[str, ...]
    frozen_weights: tuple[str, ...]
    adapters: bool


@dataclass(frozen=True, slots=True)
class Framework:
    """A training framework.

    Attributes
    ----------
    methods
        Names of the methods that it runs.
    kernels
        Key of the fitted constants: ``"megatron"``, ``"torch"`` or ``"hf"``.
    stand_in
        Whether these constants were fitted without a run of the framework, so that they only stand in for its own.
    model_types
        The models that it has, as ``config.json`` calls them; None where it takes any.
    precisions
        Types that it computes in.
    frozen_weights
        Storage types of frozen weights that it trains adapters on.
    optimizers
        ``"adamw"``, ``"adamw-8bit"``.
    tensor_parallel, pipeline_parallel, expert_parallel, context_parallel
        Whether the degree may exceed 1.
    pipeline_uneven
        Whether stages may have different numbers of layers.
    interleaved, expert_tensor_parallel
        Whether a pipeline rank may hold several virtual stages, and whether routed experts may have a TP of their own.
    sequence_parallel
        Whether tensor parallelism also cuts the activations outside the linears along the sequence.
    fused_cross_entropy
        Whether the loss is computed without ever holding all logits.
    fp32_beside_quantised
        Whether adapters over bitsandbytes' weights are trained with all else, norms, embedding and residual stream, in fp32.
    eager_attention
        The models, as ``config.json`` calls them, whose attention it computes with all scores written to memory; ``"*"``: all.
    bucket_bytes
        What its ZeRO stages keep as buffers of fixed size beside the states.
    zero_stages, zero_stages_with_pipeline
        ZeRO stages that it has (1: optimizer states sharded, 2: gradients too, 3: weights too), and those left when the
        pipeline has more than one stage.
    recompute
        ``"none"``, ``"selective"``, ``"full"``.
    offload
        What it can leave to the host: ``"none"``, ``"optimizer"`` (states, step), ``"parameters"`` (all three, with ZeRO-3).
    full_bytes, adapter_bytes
        Bytes per trained parameter when all parameters, or only adapters, are trained.
    vendors
        Makers of the accelerators that it runs on.
    experts
        Mixtures of experts that it trains; others it does not, as far as is known.
    sources
        Field name -> where it was taken from.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    kernels: str
    stand_in: bool
    model_types: tuple[str, ...] | None
    precisions: tuple[str, ...]
    frozen_weights: tuple[str, ...]
    optimizers: tuple[str, ...]
    tensor_parallel: bool
    pipeline_parallel: bool
    pipeline_uneven: bool
    interleaved: bool
    expert_parallel: bool
    expert_tensor_parallel: bool
    context_parallel: bool
    sequence_parallel: bool
    fused_cross_entropy: bool
    fp32_beside_quantised: bool
    eager_attention: tuple[str, ...]
    bucket_bytes: float
    zero_stages: tuple[int, ...]
    zero_stages_with_pipeline: tuple[int, ...]
    recompute: tuple[str, ...]
    offload: tuple[str, ...]
    full_bytes: ParameterBytes
    adapter_bytes: ParameterBytes
    vendors: tuple[Vendor, ...]
    experts: tuple[Experts, ...]
    sources: Mapping[str, str] = field(repr=False, compare=False)

    def covers(self, other: Framework, adapters: bool) -> bool:
        """Whether a prediction under this framework is at least as good for every layout and accelerator that `other` has.

        True if both keep the same bytes with the same kernels, this one needs no more beside, is no less sure, and lacks none of
        the other's degrees, stages, recompute modes and accelerators. `adapters` says which of the two precision policies counts.
        """
        return (
            (self.adapter_bytes == other.adapter_bytes if adapters else self.full_bytes == other.full_bytes)
            and (self.kernels, self.sequence_parallel) == (other.kernels, other.sequence_parallel)
            and self._needs_no_more(other, adapters)
            and self.stand_in <= other.stand_in
            and self._switches >= other._switches
            and set(self.zero_stages) >= set(other.zero_stages)
            and set(self.zero_stages_with_pipeline) >= set(other.zero_stages_with_pipeline)
            and set(self.recompute) >= set(other.recompute)
            and set(self.offload) >= set(other.offload)
            and all(self._takes(vendor) for vendor in other.vendors)
        )

    def _needs_no_more(self, other: Framework, adapters: bool) -> bool:
        """Whether what `other` holds beside the states this one holds no wider."""
        return (
            self.fused_cross_entropy >= other.fused_cross_entropy
            and (not adapters or self.fp32_beside_quantised <= other.fp32_beside_quantised)
            and set(self.eager_attention) <= set(other.eager_attention)
            and self.bucket_bytes <= other.bucket_bytes
        )

    def writes_scores(self, model_type: str) -> bool:
        """Whether it writes the attention scores of that model to memory."""
        return model_type in self.eager_attention or "*" in self.eager_attention

    @property
    def _switches(self) -> frozenset[str]:
        """Names of what it has, of all that it has or has not."""
        return frozenset(name for name in _SWITCHES if getattr(self, name))

    def _takes(self, vendor: Vendor) -> bool:
        """Whether all of `vendor` runs here too."""
        mine = self.vendor(vendor.name)
        return (
            mine is not None
            and set(mine.frozen_weights) >= set(vendor.frozen_weights)
            and set(mine.optimizers) >= set(vendor.optimizers)
        )

    def vendor(self, name: str) -> Vendor | None:
        """What runs on the accelerators of a maker; None if nothing does."""
        return next((vendor for vendor in self.vendors if vendor.name == name), None)

    def experts_of(self, model_type: str) -> Experts | None:
        """What it does with the routed experts of a mixture; None if it does not train that mixture."""
        named = {name: table for table in self.experts for name in table.model_types}
        return named.get(model_type, named.get("*"))


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
    for name in file.methods:
        if name not in methods():
            raise file_error(path, "methods", name, f"one of {', '.join(methods())} was expected")
    return Framework(
        name=file.name,
        title=file.title or file.name,
        methods=tuple(file.methods),
        kernels=file.kernels,
        stand_in=file.stand_in,
        model_types=None if file.model_types is None else tuple(file.model_types),
        precisions=tuple(file.precisions),
        frozen_weights=tuple(file.frozen_weights),
        optimizers=tuple(file.optimizers),
        tensor_parallel=file.tensor_parallel,
        pipeline_parallel=file.pipeline_parallel,
        pipeline_uneven=file.pipeline_uneven,
        interleaved=file.interleaved,
        expert_parallel=file.expert_parallel,
        expert_tensor_parallel=file.expert_tensor_parallel,
        context_parallel=file.context_parallel,
        sequence_parallel=file.sequence_parallel,
        fused_cross_entropy=file.fused_cross_entropy,
        fp32_beside_quantised=file.fp32_beside_quantised,
        eager_attention=tuple(file.eager_attention),
        bucket_bytes=file.bucket_bytes,
        zero_stages=tuple(file.zero_stages),
        zero_stages_with_pipeline=tuple(file.zero_stages_with_pipeline),
        recompute=tuple(file.recompute),
        offload=tuple(file.offload),
        full_bytes=_bytes(file.full),
        adapter_bytes=_bytes(file.adapters),
        vendors=tuple(_vendor(file, vendor) for vendor in file.vendors),
        experts=tuple(
            Experts(tuple(table.model_types), tuple(table.frozen_weights), table.adapters) for table in file.experts
        ),
        sources=_sources(path, file),
    )


def _bytes(policy: PolicyFile) -> ParameterBytes:
    return ParameterBytes(policy.weight_bytes, policy.gradient_bytes, policy.optimizer_bytes)


def _vendor(file: FrameworkFile, vendor: VendorFile) -> Vendor:
    storages = file.frozen_weights if vendor.frozen_weights is None else vendor.frozen_weights
    optimizers = file.optimizers if vendor.optimizers is None else vendor.optimizers
    return Vendor(vendor.name, tuple(storages), tuple(optimizers))


def _sources(path: Path, file: FrameworkFile) -> dict[str, str]:
    """Return what -> source text: for the facts, the policies, and every vendor and table of experts."""
    keys = dict(file.facts)
    keys |= {f"vendors.{vendor.name}": vendor.source for vendor in file.vendors}
    keys |= {f"experts.{model_type}": table.source for table in file.experts for model_type in table.model_types}
    places = {name: f"{name}.source" if "." in name else f"facts.{name}" for name in keys}
    found = {name: f"{resolve(path, places[name], key, file.sources)} ({file.as_of})" for name, key in keys.items()}
    for prefix, policy in (("full_bytes", file.full), ("adapter_bytes", file.adapters)):
        text = resolve(path, f"{prefix}.source", policy.source, file.sources)
        found[prefix] = f"{text} ({policy.basis}, {file.as_of})"
    return found
