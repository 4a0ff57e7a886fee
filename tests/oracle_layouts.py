"""The layouts of the search oracle: every combination of the candidate values, and the rules of structure that it breaks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from gpuplan.job import Job
from gpuplan.layout import Layout
from gpuplan.space import Values
from gpuplan_hardware import Node
from gpuplan_models import Framework, frameworks

#: The rules about the layout alone.
STRUCTURE = ("batch", "divisibility", "framework", "topology")
RECOMPUTE = ("none", "selective", "full")


@dataclass(frozen=True)
class Candidate:
    """A layout on nodes of one shape, and the rules of `STRUCTURE` that it breaks (at most one: more are never of interest)."""

    layout: Layout
    framework: Framework
    nodes: int
    broken: frozenset[str]


class Layouts:
    """All layouts of a job's lattice, by the shape of the nodes that they are for."""

    def __init__(self, job: Job, values: Values) -> None:
        self.job, self.values = job, values
        self._found: dict[tuple[int, bool, str], list[Candidate]] = {}

    def on(self, node: Node) -> list[Candidate]:
        """Every layout on nodes of that shape that breaks at most one rule of structure."""
        key = (node.gpus_per_node, node.network is not None, node.accelerator.vendor)
        if key not in self._found:
            self._found[key] = list(self._candidates(*key))
        return self._found[key]

    def _candidates(self, per_node: int, fabric: bool, vendor: str) -> Iterator[Candidate]:
        v = self.values
        for framework, tensor, pipeline, data, expert, zero in product(
            v.frameworks, v.tensor, v.pipeline, v.data, v.expert, v.zero
        ):
            gpus = tensor * pipeline * data
            nodes = math.ceil(gpus / per_node)
            ok = {
                "divisibility": self._divides(tensor, pipeline, data, expert),
                "framework": self._supports(framework, tensor, pipeline, data, expert, zero)
                and self._runs_on(framework, vendor),
                "topology": per_node % tensor == 0 and (nodes == 1 or (gpus == nodes * per_node and fabric)),
            }
            broken = {rule for rule, holds in ok.items() if not holds}
            if len(broken) > 1:
                continue
            for batch, micro, recompute in product(v.global_batch, v.micro_batch, v.recompute):
                mode = RECOMPUTE[recompute]
                wrong = broken | ({"batch"} if batch % (data * micro) else set())
                wrong |= {"framework"} if mode not in framework.recompute else set()
                if len(wrong) <= 1:
                    layout = Layout(framework.name, tensor, pipeline, data, expert, zero, micro, batch, mode)
                    yield Candidate(layout, framework, nodes, frozenset(wrong))

    def _divides(self, tensor: int, pipeline: int, data: int, expert: int) -> bool:
        """TP cuts heads and widths evenly, EP the experts; EP divides the GPUs of a stage; every stage has a layer."""
        return (
            all(width % tensor == 0 for width in self._widths)
            and (expert == 1 or (bool(self._experts) and all(count % expert == 0 for count in self._experts)))
            and tensor * data % expert == 0
            and pipeline <= sum(kind.count for kind in self.job.architecture.layers)
        )

    @cached_property
    def _widths(self) -> set[int]:
        """What tensor parallelism cuts: heads, and each matrix along the side that its split names."""
        widths = set()
        for kind in self.job.architecture.layers:
            widths |= {kind.attention.heads, kind.attention.kv_heads}
            widths |= {linear.out_features for linear in kind.linears if linear.split == "column"}
            widths |= {linear.in_features for linear in kind.linears if linear.split == "row"}
        return widths

    @cached_property
    def _experts(self) -> set[int]:
        return {linear.copies for kind in self.job.architecture.layers for linear in kind.linears if linear.copies > 1}

    def _supports(self, framework: Framework, tensor: int, pipeline: int, data: int, expert: int, zero: int) -> bool:
        """Whether the framework has these degrees and stages and runs the job.

        Where the user names none it is Megatron for model parallelism, else torch FSDP, or PEFT for adapters, and Megatron again
        where that one does not run the job. ZeRO-3 gathers layer by layer over the data-parallel ranks: with a single one it is
        not ZeRO-3, unless the user asks for it.
        """
        job = self.job
        plain = frameworks()["hf-peft" if job.method.trains == "adapters" else "torch-fsdp"]
        instead = self._runs(frameworks()["megatron"]) and not self._runs(plain)
        usual = "megatron" if tensor * pipeline * expert > 1 or instead else plain.name
        stages = framework.zero_stages if pipeline == 1 else framework.zero_stages_with_pipeline
        return (
            (job.framework is not None or framework.name == usual)
            and (tensor == 1 or framework.tensor_parallel)
            and (pipeline == 1 or framework.pipeline_parallel)
            and (expert == 1 or framework.expert_parallel)
            and zero in stages
            and (zero < 3 or data > 1 or job.pins.zero_stage == 3)
            and (framework.pipeline_uneven or sum(kind.count for kind in job.architecture.layers) % pipeline == 0)
            and self._runs(framework)
        )

    def _runs(self, framework: Framework) -> bool:
        """Whether the framework has the model, method, precision, optimizer and storage; of mixtures, what it does with experts."""
        job, name = self.job, self.job.architecture.model_type
        adapters = job.method.trains == "adapters"
        experts = {kind: table for table in framework.experts for kind in table.model_types}
        table = experts.get(name) or experts.get("*")
        adapted = adapters and job.lora_targets == "all-linear"
        mixture = not self._experts or (
            table is not None
            and (not adapters or job.weights in table.frozen_weights)
            and (not adapted or table.adapters)
        )
        return (
            job.method.name in framework.methods
            and job.precision in framework.precisions
            and job.optimizer in framework.optimizers
            and (not adapters or job.weights in framework.frozen_weights)
            and (framework.model_types is None or name in framework.model_types)
            and mixture
        )

    def _runs_on(self, framework: Framework, vendor: str) -> bool:
        """Whether the framework runs the job on the accelerators of that maker."""
        job = self.job
        return any(
            job.optimizer in maker.optimizers and (job.method.trains == "all" or job.weights in maker.frozen_weights)
            for maker in framework.vendors
            if maker.name == vendor
        )
