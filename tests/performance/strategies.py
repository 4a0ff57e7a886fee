"""Random plans over the catalogue: any model, method, framework, node and layout that go together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from gpuplan.layout import LIGHTER, Layout
from gpuplan.performance.machine import supports
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Node, nodes
from gpuplan_models import Architecture, Framework, architectures, frameworks, methods


@dataclass(frozen=True, repr=False)
class Case:
    """A layout of a job on nodes."""

    work: Workload
    framework: Framework
    node: Node
    nodes: int
    layout: Layout

    def __repr__(self) -> str:
        w = self.work
        job = f"{w.architecture.name} {w.method.name} {w.precision}/{w.weights} {w.sequence_length} rank {w.lora_rank}"
        return f"{job} on {self.nodes} x {self.node.provider}/{self.node.name}: {self.layout!r}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Keep hypothesis from spelling out every field of every field."""
        printer.text(repr(self))

    def predict(self) -> Prediction:
        return predict(self.work, self.framework, self.node, self.nodes, self.layout)


@cache
def _combinations() -> tuple[tuple[Framework, str, str, str], ...]:
    """Frameworks with the methods, precisions and storages they run."""
    found = []
    for framework in frameworks().values():
        for name in framework.methods:
            frozen = methods()[name].frozen_weights
            stored = [weights for weights in frozen if weights in framework.frozen_weights] if frozen else ["bf16"]
            found += [(framework, name, precision, weights) for precision in framework.precisions for weights in stored]
    return tuple(found)


@st.composite
def layouts(draw: st.DrawFn, framework: Framework, model: Architecture) -> Layout:
    tensor = draw(st.sampled_from([1, 2, 4, 8] if framework.tensor_parallel else [1]))
    pipeline = draw(st.integers(1, min(16, model.layer_count)) if framework.pipeline_parallel else st.just(1))
    stages = framework.zero_stages if pipeline == 1 else framework.zero_stages_with_pipeline
    experts = (
        [e for e in (1, 2, 4, 8, 16, 32) if model.expert_parallel_divides(e)] if framework.expert_parallel else [1]
    )
    cut = {1, tensor} if framework.expert_tensor_parallel and model.expert_tensor_divides(tensor) else {1}
    data, micro_batch, zero = draw(st.integers(1, 64)), draw(st.integers(1, 8)), draw(st.sampled_from(stages))
    virtual, lighter = draw(ends_and_chunks(framework, model.layer_count, pipeline))
    away = ("none", "parameters") if zero == 3 else ("none", "optimizer")
    return Layout(
        framework=framework.name,
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        expert=draw(st.sampled_from(experts)),
        zero=zero,
        micro_batch=micro_batch,
        global_batch=data * micro_batch * draw(st.integers(1, 32)) * (pipeline if virtual > 1 else 1),
        recompute=draw(st.sampled_from(framework.recompute)),
        virtual=virtual,
        context=draw(st.sampled_from([1, 2, 4, 8, 16] if framework.context_parallel else [1])),
        expert_tensor=draw(st.sampled_from(sorted(cut))),
        offload=draw(st.sampled_from([word for word in away if word in framework.offload])),
        lighter=lighter,
    )


@st.composite
def ends_and_chunks(draw: st.DrawFn, framework: Framework, layers: int, pipeline: int) -> tuple[int, str]:
    """Virtual stages of a pipeline, or which of its ends are lighter."""
    if pipeline == 1:
        return 1, "none"
    virtual = [v for v in (1, 2, 3, 4, 5) if v == 1 or (framework.interleaved and layers % (pipeline * v) == 0)]
    ends = LIGHTER[: 3 if pipeline == 2 else 4] if framework.pipeline_uneven and layers >= 2 * pipeline else ("none",)
    lighter = draw(st.sampled_from(ends))
    return draw(st.sampled_from(virtual)) if lighter == "none" else 1, lighter


@st.composite
def cases(draw: st.DrawFn) -> Case:
    framework, method, precision, weights = draw(st.sampled_from(_combinations()))
    model = draw(st.sampled_from(list(architectures().values())))
    node = draw(st.sampled_from([node for node in nodes().values() if supports(node, precision)]))
    work = Workload(
        architecture=model,
        method=methods()[method],
        precision=precision,
        weights=weights,
        sequence_length=draw(st.sampled_from([256, 2048, 4096, 32768])),
        optimizer=draw(st.sampled_from(framework.optimizers)),
        lora_rank=draw(st.sampled_from([1, 16, 256])),
        lora_targets=draw(st.sampled_from(["all-linear", "attention", "all-linear-except-experts"])),
    )
    layout = draw(layouts(framework, model))
    return Case(work, framework, node, -(-layout.gpus // node.gpus_per_node), layout)
