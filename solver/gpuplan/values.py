"""Candidate values of every layout decision: what the models, batches, frameworks and nodes at hand could use, or what is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gpuplan.job import Job
from gpuplan.layout import LIGHTER, OFFLOAD, default_framework
from gpuplan.performance.machine import block_gpus
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan_hardware import Node
from gpuplan_models import Framework, frameworks

T = TypeVar("T")

#: Pipeline degrees that are tried; more are possible but never pay for the bubble at the batch sizes of fine-tuning.
PIPELINE = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
TENSOR = (1, 2, 4, 8, 16, 32, 64)
CONTEXT = (1, 2, 4, 8, 16)
MICRO_BATCH = (1, 2, 4, 8, 16, 32)
EXPERT = (1, 2, 4, 8, 16, 32, 64, 128, 256)
VIRTUAL = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20)
#: Shortest piece of a sequence that is tried: with less a rank's products are too small to pay for the ring.
SHORTEST_PIECE = 1024


@dataclass(frozen=True)
class Values:
    """Candidate values of every layout decision, restricted to what the user pinned; `recompute` holds codes, the rest words."""

    frameworks: tuple[Framework, ...]
    tensor: tuple[int, ...]
    context: tuple[int, ...]
    pipeline: tuple[int, ...]
    virtual: tuple[int, ...]
    lighter: tuple[str, ...]
    data: tuple[int, ...]
    expert: tuple[int, ...]
    expert_tensor: tuple[int, ...]
    zero: tuple[int, ...]
    offload: tuple[str, ...]
    micro_batch: tuple[int, ...]
    global_batch: tuple[int, ...]
    recompute: tuple[int, ...]

    def of(self, framework: Framework) -> Values:
        """The values that `framework` has, which leaves rows out that the framework rule forbids."""
        degrees = {
            "tensor": framework.tensor_parallel,
            "context": framework.context_parallel,
            "pipeline": framework.pipeline_parallel,
            "expert": framework.expert_parallel,
            "expert_tensor": framework.expert_tensor_parallel,
        }
        kept = {name: tuple(d for d in getattr(self, name) if has or d == 1) for name, has in degrees.items()}
        return replace(
            self,
            **kept,
            lighter=tuple(word for word in self.lighter if framework.pipeline_uneven or word == "none"),
            zero=tuple(stage for stage in self.zero if stage in framework.zero_stages),
            offload=tuple(word for word in self.offload if word in framework.offload),
            recompute=tuple(mode for mode in self.recompute if RECOMPUTE[mode] in framework.recompute),
        )


def candidate_values(job: Job, nodes: Sequence[Node]) -> Values:
    """Candidate values of each decision: what the models, batches and nodes at hand could use, or what is pinned."""
    pins, architecture = job.pins, job.architecture
    allowed = _frameworks(job)
    largest = max((block_gpus(node) for node in nodes), default=1)
    batches = job.global_batches
    divisors = {d for batch in batches for d in _divisors(batch)}
    experts, layers = architecture.routed_experts, architecture.layer_count
    piped = [f for f in allowed if f.pipeline_parallel]
    pipeline = [p for p in PIPELINE if p == 1 or (p <= layers and piped)]
    tensor = [t for t in TENSOR if t == 1 or (t <= largest and any(f.tensor_parallel for f in allowed))]
    cut = any(f.expert_tensor_parallel for f in allowed) and bool(experts)
    length = job.sequence_length
    return Values(
        frameworks=allowed,
        tensor=_pin(tensor, pins.tensor_parallel),
        context=_pin(
            [
                c
                for c in CONTEXT
                if c == 1 or (length >= c * SHORTEST_PIECE and any(f.context_parallel for f in allowed))
            ],
            pins.context_parallel,
        ),
        pipeline=_pin(pipeline, pins.pipeline_parallel),
        virtual=_pin(
            [v for v in VIRTUAL if v == 1 or (all(f.interleaved for f in piped) and _interleaves(layers, pipeline, v))],
            pins.virtual_pipeline,
        ),
        lighter=_pin([w for w in LIGHTER if w == "none" or any(f.pipeline_uneven for f in piped)], pins.lighter),
        data=_pin(sorted(divisors), pins.data_parallel),
        expert=_pin(
            [e for e in EXPERT if e == 1 or (experts and e <= experts and any(f.expert_parallel for f in allowed))],
            pins.expert_parallel,
        ),
        expert_tensor=_pin([f for f in tensor if f == 1 or cut], pins.expert_tensor_parallel),
        zero=_pin(sorted({z for f in allowed for z in f.zero_stages}), pins.zero_stage),
        offload=_pin([w for w in OFFLOAD if any(w in f.offload for f in allowed)], pins.offload),
        micro_batch=_pin([b for b in MICRO_BATCH if b <= max(batches)], pins.micro_batch),
        global_batch=batches,
        recompute=_pin(
            sorted({RECOMPUTE.index(name) for f in allowed for name in f.recompute}),
            RECOMPUTE.index(pins.recompute) if pins.recompute else None,
        ),
    )


def _interleaves(layers: int, pipeline: Sequence[int], virtual: int) -> bool:
    return any(p > 1 and layers % (p * virtual) == 0 for p in pipeline)


def _frameworks(job: Job) -> tuple[Framework, ...]:
    """The user's framework, or the defaults with and without model parallelism that can run the method."""
    if job.framework is not None:
        return (job.framework,)
    names = dict.fromkeys(default_framework(job, model_parallel) for model_parallel in (False, True))
    return tuple(framework for name in names if job.method.name in (framework := frameworks()[name]).methods)


def _pin(values: Sequence[T], pinned: T | None) -> tuple[T, ...]:
    return tuple(values) if pinned is None else (pinned,)


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]
