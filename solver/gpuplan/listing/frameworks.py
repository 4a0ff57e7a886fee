"""The training frameworks and methods of the catalogue."""

from __future__ import annotations

from gpuplan.listing.base import Listing, find
from gpuplan.result import Answer
from gpuplan_models import Architecture, Framework, Method, frameworks, methods
from gpuplan_models.framework import ParameterBytes


class FrameworkEntry(Answer):
    """One framework, in short."""

    name: str
    title: str
    methods: list[str]
    precisions: list[str]
    frozen_weights: list[str]
    optimizers: list[str]
    tensor_parallel: bool
    pipeline_parallel: bool
    interleaved: bool
    expert_parallel: bool
    expert_tensor_parallel: bool
    context_parallel: bool
    sequence_parallel: bool
    fused_cross_entropy: bool
    zero_stages: list[int]
    zero_stages_with_pipeline: list[int]
    recompute: list[str]
    offload: list[str]
    vendors: list[str]


class FrameworkList(Listing):
    """Frameworks by name."""

    frameworks: list[FrameworkEntry]

    def rows(self) -> list[FrameworkEntry]:
        return self.frameworks

    def row_type(self) -> type[FrameworkEntry]:
        return FrameworkEntry


class StateBytes(Answer):
    """Bytes per trained parameter, before sharding."""

    weight_bytes: float
    gradient_bytes: float
    optimizer_bytes: float


class VendorEntry(Answer):
    """What runs on the accelerators of a maker."""

    name: str
    frozen_weights: list[str]
    optimizers: list[str]


class ExpertsEntry(Answer):
    """What a framework does with the routed experts of some mixtures; "*" stands for all that are not named elsewhere."""

    model_types: list[str]
    frozen_weights: list[str]
    adapters: bool


class FrameworkDetails(FrameworkEntry):
    """Everything known of a framework; `sources` is by field, and `model_types` is null where it takes any model.

    `kernels` names the fitted constants, and `stand_in` says that no run of the framework itself is behind them.
    """

    kernels: str
    stand_in: bool
    model_types: list[str] | None
    pipeline_uneven: bool
    vendor_entries: list[VendorEntry]
    experts: list[ExpertsEntry]
    full_bytes: StateBytes
    adapter_bytes: StateBytes
    sources: dict[str, str]


class MethodEntry(Answer):
    """One method, in short."""

    name: str
    trains: str
    frozen_weights: list[str]
    default_weights: str | None
    frameworks: list[str]
    description: str


class MethodList(Listing):
    """Methods by name."""

    methods: list[MethodEntry]

    def rows(self) -> list[MethodEntry]:
        return self.methods

    def row_type(self) -> type[MethodEntry]:
        return MethodEntry


class MethodDetails(MethodEntry):
    """Everything known of a method."""

    source: str


def list_frameworks(*, method: str | None = None) -> FrameworkList:
    """List the frameworks, or those that run a method; raises `InputError` for an unknown method."""
    wanted = None if method is None else find("method", method, methods())
    found = [one for one in frameworks().values() if wanted is None or wanted in one.methods]
    return FrameworkList(frameworks=[_framework(one) for one in found])


def framework_details(name: str) -> FrameworkDetails:
    """Everything about a framework; raises `InputError` (with close matches) for an unknown one."""
    found = frameworks()[find("framework", name, frameworks())]
    return FrameworkDetails(
        **_framework(found).model_dump(),
        kernels=found.kernels,
        stand_in=found.stand_in,
        model_types=None if found.model_types is None else list(found.model_types),
        pipeline_uneven=found.pipeline_uneven,
        vendor_entries=[
            VendorEntry(name=one.name, frozen_weights=list(one.frozen_weights), optimizers=list(one.optimizers))
            for one in found.vendors
        ],
        experts=[
            ExpertsEntry(
                model_types=list(one.model_types), frozen_weights=list(one.frozen_weights), adapters=one.adapters
            )
            for one in found.experts
        ],
        full_bytes=_bytes(found.full_bytes),
        adapter_bytes=_bytes(found.adapter_bytes),
        sources=dict(found.sources),
    )


def frameworks_of(model: Architecture) -> list[str]:
    """Frameworks that have a model, and train its routed experts where it has some."""
    return [
        one.name
        for one in frameworks().values()
        if (one.model_types is None or model.model_type in one.model_types)
        and (not model.routed_experts or one.experts_of(model.model_type) is not None)
    ]


def list_methods() -> MethodList:
    """List the methods."""
    return MethodList(methods=[_method(one) for one in methods().values()])


def method_details(name: str) -> MethodDetails:
    """Everything about a method; raises `InputError` (with close matches) for an unknown one."""
    found = methods()[find("method", name, methods())]
    return MethodDetails(**_method(found).model_dump(), source=found.source)


def _framework(found: Framework) -> FrameworkEntry:
    return FrameworkEntry(
        name=found.name,
        title=found.title,
        methods=list(found.methods),
        precisions=list(found.precisions),
        frozen_weights=list(found.frozen_weights),
        optimizers=list(found.optimizers),
        tensor_parallel=found.tensor_parallel,
        pipeline_parallel=found.pipeline_parallel,
        interleaved=found.interleaved,
        expert_parallel=found.expert_parallel,
        expert_tensor_parallel=found.expert_tensor_parallel,
        context_parallel=found.context_parallel,
        sequence_parallel=found.sequence_parallel,
        fused_cross_entropy=found.fused_cross_entropy,
        zero_stages=list(found.zero_stages),
        zero_stages_with_pipeline=list(found.zero_stages_with_pipeline),
        recompute=list(found.recompute),
        offload=list(found.offload),
        vendors=[vendor.name for vendor in found.vendors],
    )


def _bytes(policy: ParameterBytes) -> StateBytes:
    return StateBytes(
        weight_bytes=policy.weight_bytes, gradient_bytes=policy.gradient_bytes, optimizer_bytes=policy.optimizer_bytes
    )


def _method(found: Method) -> MethodEntry:
    return MethodEntry(
        name=found.name,
        trains=found.trains,
        frozen_weights=list(found.frozen_weights),
        default_weights=found.default_weights,
        frameworks=[one.name for one in frameworks().values() if found.name in one.methods],
        description=found.description,
    )
