"""One way to lay a job on GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpuplan_models import Method

#: Framework of layouts with and without model parallelism when the user names none.
PARALLEL_FRAMEWORK = "megatron"
ADAPTER_FRAMEWORK, FULL_FRAMEWORK = "hf-peft", "torch-fsdp"


def default_framework(method: Method, model_parallel: bool) -> str:
    """Name of the framework that runs a layout when the user names none."""
    if model_parallel:
        return PARALLEL_FRAMEWORK
    return ADAPTER_FRAMEWORK if method.trains == "adapters" else FULL_FRAMEWORK


@dataclass(frozen=True, slots=True)
class Layout:
    """Parallelism degrees and memory options of a plan.

    ``tensor * pipeline * data`` GPUs are used; ``data * micro_batch * gradient_accumulation`` sequences make the global batch;
    `expert` divides the ``tensor * data`` GPUs of a stage.
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

    @property
    def gpus(self) -> int:
        """GPUs the layout uses."""
        return self.tensor * self.pipeline * self.data

    @property
    def gradient_accumulation(self) -> int:
        """Micro-batches per pipeline and step, rounded up where the batch rule is broken."""
        return -(-self.global_batch // (self.data * self.micro_batch))

    def plainness(self) -> tuple[int, ...]:
        """Sort key: of two equal plans, the one with less machinery is the plainer."""
        recompute = ("none", "selective", "full").index(self.recompute)
        return (self.pipeline, self.tensor, self.expert, self.zero, recompute, -self.micro_batch, self.global_batch)

    def __str__(self) -> str:
        parts = [f"TP {self.tensor}", f"PP {self.pipeline}", f"DP {self.data}"]
        if self.expert > 1:
            parts.append(f"EP {self.expert}")
        parts += [f"ZeRO-{self.zero}", f"micro-batch {self.micro_batch} x {self.gradient_accumulation} accumulated"]
        return ", ".join([*parts, f"recompute {self.recompute}"])
