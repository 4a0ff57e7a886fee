"""One way to lay a job on GPUs, and the frameworks that can run a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gpuplan_models import frameworks

if TYPE_CHECKING:
    from gpuplan_models import Architecture, Framework, Method

#: What an offloading layout keeps on the host, each with all before it: nothing, the optimizer, the parameters too.
OFFLOAD = ("none", "optimizer", "parameters")
#: Which end stages of a pipeline have one layer less than their even share.
LIGHTER = ("none", "first", "last", "both")
#: Framework of layouts with and without model parallelism when the user names none.
PARALLEL_FRAMEWORK = "megatron"
ADAPTER_FRAMEWORK, FULL_FRAMEWORK = "hf-peft", "torch-fsdp"


class Asked(Protocol):
    """What of a job decides which frameworks can run it."""

    @property
    def architecture(self) -> Architecture: ...
    @property
    def method(self) -> Method: ...
    @property
    def precision(self) -> str: ...
    @property
    def weights(self) -> str: ...
    @property
    def optimizer(self) -> str: ...
    @property
    def lora_targets(self) -> str | tuple[str, ...]: ...


def obstacle(framework: Framework, asked: Asked) -> str | None:
    """What keeps a framework from running a job, whatever the layout, and the way out; None if nothing does."""
    frozen = asked.method.trains == "adapters"
    words = (
        ("method", asked.method.name, framework.methods),
        ("precision", asked.precision, framework.precisions),
        ("optimizer", asked.optimizer, framework.optimizers),
        ("weights", asked.weights, framework.frozen_weights if frozen else (asked.weights,)),
        ("models of type", asked.architecture.model_type, framework.model_types or (asked.architecture.model_type,)),
    )
    for field, value, allowed in words:
        if value not in allowed:
            return f"{framework.name} does not support {field} {value}; it supports {', '.join(allowed)}"
    return _expert_obstacle(framework, asked) if asked.architecture.routed_experts else None


def _expert_obstacle(framework: Framework, asked: Asked) -> str | None:
    """The same for the routed experts of a mixture."""
    architecture = asked.architecture
    experts = framework.experts_of(architecture.model_type)
    if experts is None:
        return f"{framework.name} is not known to train mixtures of experts of type {architecture.model_type}"
    if asked.method.trains != "adapters":
        return None
    if asked.weights not in experts.frozen_weights:
        kept = ", ".join(experts.frozen_weights)
        return f"{framework.name} cannot store the routed experts of {architecture.name} in {asked.weights}, only in {kept}"
    if adapts_experts(asked) and not experts.adapters:
        return (
            f"{framework.name} cannot put LoRA on the routed experts of {architecture.name} without a second copy of their "
            "weights; leave them out with --lora-targets all-linear-except-experts, or attention"
        )
    return None


def adapts_experts(asked: Asked) -> bool:
    """Whether LoRA is asked for on routed experts."""
    if asked.method.trains != "adapters":
        return False
    linears = (linear for kind in asked.architecture.layers for linear in kind.adapted_linears(asked.lora_targets))
    return any(linear.part == "expert" for linear in linears)


def runs_on(framework: Framework, vendor: str, asked: Asked) -> bool:
    """Whether a framework runs a job on accelerators of that maker."""
    found = framework.vendor(vendor)
    stores = found is not None and (asked.method.trains != "adapters" or asked.weights in found.frozen_weights)
    return found is not None and stores and asked.optimizer in found.optimizers


def usual_framework(method: Method) -> str:
    """Name of the usual framework of a method without model parallelism."""
    return ADAPTER_FRAMEWORK if method.trains == "adapters" else FULL_FRAMEWORK


def default_framework(asked: Asked, model_parallel: bool) -> str:
    """Name of the framework that runs a layout when the user names none.

    Without model parallelism it is the method's usual one, unless only the one with model parallelism can run the job.
    """
    usual = usual_framework(asked.method)
    unable, parallel_unable = (obstacle(frameworks()[name], asked) for name in (usual, PARALLEL_FRAMEWORK))
    return PARALLEL_FRAMEWORK if model_parallel or (unable and not parallel_unable) else usual


def other_frameworks(asked: Asked) -> list[Framework]:
    """Frameworks that run a job and may do better than the default.

    The default's space holds every layout of the framework that it takes without model parallelism; and where one framework covers
    another, the other cannot be better.
    """
    adapters = asked.method.trains == "adapters"
    tried = frameworks()[default_framework(asked, model_parallel=False)]
    able = [tried]
    for framework in frameworks().values():
        if obstacle(framework, asked) is None and not any(other.covers(framework, adapters) for other in able):
            able = [other for other in able if other is tried or not framework.covers(other, adapters)] + [framework]
    return able[1:]


@dataclass(frozen=True, slots=True)
class Layout:
    """Parallelism degrees and memory options of a plan.

    ``tensor * context * pipeline * data`` GPUs are used; ``data * micro_batch * gradient_accumulation`` sequences make the global
    batch; ``expert * expert_tensor`` divides the ``tensor * context * data`` GPUs of a stage.

    Attributes
    ----------
    virtual
        Stages that a pipeline rank interleaves (1F1B with virtual stages).
    context
        Ranks over which a sequence is cut.
    expert_tensor
        Ranks over which a single expert is cut.
    offload
        One of `OFFLOAD`.
    lighter
        One of `LIGHTER`.
    """

    framework: str
    tensor: int
    pipeline: int
    data: int
    expert: int
    zero: int
    micro_batch: int
    global_batch: int
    recompute: str
    virtual: int = 1
    context: int = 1
    expert_tensor: int = 1
    offload: str = "none"
    lighter: str = "none"

    @property
    def gpus(self) -> int:
        """GPUs the layout uses."""
        return self.tensor * self.context * self.pipeline * self.data

    @property
    def degrees(self) -> tuple[int, int, int, int, int]:
        """TP, PP, DP, CP and EP."""
        return (self.tensor, self.pipeline, self.data, self.context, self.expert)

    @property
    def model_parallel(self) -> bool:
        """Whether the model itself, or a sequence, is cut."""
        return max(self.tensor, self.pipeline, self.expert, self.context, self.expert_tensor) > 1

    @property
    def gradient_accumulation(self) -> int:
        """Micro-batches per pipeline and step, rounded up where the batch rule is broken."""
        return -(-self.global_batch // (self.data * self.micro_batch))

    def plainness(self) -> tuple[int, ...]:
        """Sort key: of two equal plans, the one with less machinery is the plainer."""
        recompute = ("none", "selective", "full").index(self.recompute)
        machinery = (OFFLOAD.index(self.offload), self.context, self.virtual, LIGHTER.index(self.lighter))
        degrees = (self.pipeline, self.tensor, self.expert, self.expert_tensor, self.zero, recompute)
        return (*machinery, *degrees, -self.micro_batch, self.global_batch)

    def __str__(self) -> str:
        parts = [f"TP {self.tensor}", f"PP {self.pipeline}", f"DP {self.data}"]
        if self.virtual > 1:
            parts.insert(2, f"VP {self.virtual}")
        for name, degree in (("CP", self.context), ("EP", self.expert), ("ETP", self.expert_tensor)):
            if degree > 1:
                parts.append(f"{name} {degree}")
        parts += [f"ZeRO-{self.zero}", f"micro-batch {self.micro_batch} x {self.gradient_accumulation} accumulated"]
        parts.append(f"recompute {self.recompute}")
        if self.lighter != "none":
            parts.append(
                f"one layer less on {'both end stages' if self.lighter == 'both' else f'the {self.lighter} stage'}"
            )
        if self.offload != "none":
            parts.append(f"{self.offload} on the host")
        return ", ".join(parts)
