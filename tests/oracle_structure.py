"""The rules of structure of the search oracle: what can be cut evenly, what a framework runs, and where GPUs may sit.

Degrees go by their letters: t tensor, c context, p pipeline, e expert, x expert-tensor parallelism, v virtual stages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from gpuplan.job import Job
from gpuplan_hardware import Node
from gpuplan_models import Framework, frameworks

#: The rules about the layout and the shape of the nodes alone.
STRUCTURE = ("batch", "divisibility", "framework", "topology")


@dataclass(frozen=True, slots=True)
class Cut:
    """How the model and its sequences are cut."""

    tensor: int
    context: int
    pipeline: int
    expert: int
    expert_tensor: int
    virtual: int


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds what of it."""

    data: int
    zero: int
    offload: str
    lighter: str


class Structure:
    """The rules of `STRUCTURE` for a job; `lowest_zero` is the lowest of the ZeRO stages that are looked at."""

    def __init__(self, job: Job, lowest_zero: int) -> None:
        self.job, self.lowest_zero = job, lowest_zero
        self._able: dict[tuple[str, str], bool] = {}

    def cut_breaks(self, framework: Framework, node: Node, cut: Cut) -> set[str]:
        """Rules that the degrees of the model break whatever the rest is."""
        holds = {
            "divisibility": self._divides(cut),
            "framework": self._has_degrees(framework, cut) and self.runs(framework, node.accelerator.vendor),
            "topology": _tensor_fits(node, cut.tensor),
        }
        return {rule for rule, held in holds.items() if not held}

    def held_breaks(self, framework: Framework, node: Node, cut: Cut, held: Held) -> set[str]:
        """Rules that DP, ZeRO, offloading and the layers of the end stages break, the degrees of the model given."""
        ranks = cut.tensor * cut.context * held.data
        holds = {
            "divisibility": ranks % (cut.expert * cut.expert_tensor) == 0 and self._stages_hold(cut, held.lighter),
            "framework": self._has_stage(framework, cut, held)
            and (held.lighter == "none" or framework.pipeline_uneven),
            "topology": self._cluster_fits(
                node, ranks * cut.pipeline, max(cut.tensor * cut.context, cut.expert * cut.expert_tensor)
            ),
        }
        return {rule for rule, held_ in holds.items() if not held_}

    def schedule_breaks(
        self, framework: Framework, cut: Cut, held: Held, batch: int, micro_batch: int, recompute: str
    ) -> set[str]:
        """Rules of the schedule: whole micro-batches on every rank, whole rounds of an interleaved pipeline, recompute."""
        holds = {
            "batch": batch % (held.data * micro_batch) == 0,
            "divisibility": cut.virtual == 1 or math.ceil(batch / (held.data * micro_batch)) % cut.pipeline == 0,
            "framework": recompute in framework.recompute,
        }
        return {rule for rule, held_ in holds.items() if not held_}

    # -- what can be cut ---------------------------------------------------------------------------------------------------
    def _divides(self, cut: Cut) -> bool:
        """TP cuts heads and widths (for fp8 into multiples of 16), EP the experts, expert TP (1 or TP) the widths of experts
        without biases, CP sequences in pairs of pieces where every token sees all before it, PP layers.
        """
        t, e, x = cut.tensor, cut.expert, cut.expert_tensor
        experts, widths = self._experts, self._expert_widths
        stages = cut.pipeline * cut.virtual
        piece = 16 if self.job.precision == "fp8" and t > 1 else 1
        return (
            all(count % t == 0 for count in self._heads)
            and all(width % (piece * t) == 0 for width in self._widths)
            and (e == 1 or (bool(experts) and all(count % e == 0 for count in experts)))
            and (x == 1 or (x == t and bool(experts) and all(width % x == 0 for width in widths)))
            and (cut.context == 1 or (self.job.sequence_length % (2 * cut.context) == 0 and not self._windowed))
            and cut.pipeline <= self.layers
            and (cut.virtual == 1 or (cut.pipeline > 1 and self.layers % stages == 0))
        )

    def _stages_hold(self, cut: Cut, lighter: str) -> bool:
        """Whether every stage holds a layer where ends are made lighter, which leaves nothing to interleave."""
        if lighter == "none":
            return True
        p, left = cut.pipeline, self.layers % cut.pipeline
        if p == 1 or cut.virtual > 1 or (lighter == "both" and p == 2):
            return False
        first = last = self.layers // p
        first += left == p - 1
        return first > (lighter in ("first", "both")) and last > (lighter in ("last", "both"))

    @cached_property
    def layers(self) -> int:
        """Layers of the stack."""
        return sum(kind.count for kind in self.job.architecture.layers)

    @cached_property
    def _heads(self) -> set[int]:
        return {n for kind in self.job.architecture.layers for n in (kind.attention.heads, kind.attention.kv_heads)}

    @cached_property
    def _windowed(self) -> bool:
        """Whether a layer's attention does not reach from one end of a sequence to the other."""
        windows = [kind.attention.window_tokens for kind in self.job.architecture.layers]
        return any(window is not None and window < self.job.sequence_length for window in windows)

    @cached_property
    def _widths(self) -> set[int]:
        """What tensor parallelism cuts: each matrix along the side that its split names."""
        widths = set()
        for kind in self.job.architecture.layers:
            widths |= {linear.out_features for linear in kind.linears if linear.split == "column"}
            widths |= {linear.in_features for linear in kind.linears if linear.split == "row"}
        return widths

    @cached_property
    def _experts(self) -> set[int]:
        return {linear.copies for kind in self.job.architecture.layers for linear in kind.linears if linear.copies > 1}

    @cached_property
    def _expert_widths(self) -> set[int]:
        """The side of an expert's matrices that is not the hidden size, or is as wide; 1, which nothing cuts, with biases."""
        model = self.job.architecture
        experts = [linear for kind in model.layers for linear in kind.linears if linear.copies > 1]
        if any(one.bias for one in experts):
            return {1}
        return {one.out_features if one.in_features == model.hidden_size else one.in_features for one in experts}

    # -- what a framework runs -----------------------------------------------------------------------------------------------
    def _has_degrees(self, framework: Framework, cut: Cut) -> bool:
        """Whether the framework has these degrees, and is the one that stands for them.

        Where the user names none it is Megatron for model parallelism, else torch FSDP, or PEFT for adapters, and Megatron again
        where that one does not run the job.
        """
        plain = frameworks()["hf-peft" if self.job.method.trains == "adapters" else "torch-fsdp"]
        instead = self._runs(frameworks()["megatron"]) and not self._runs(plain)
        degrees = (cut.tensor, cut.context, cut.pipeline, cut.expert, cut.expert_tensor)
        usual = "megatron" if max(degrees) > 1 or instead else plain.name
        return (
            (self.job.framework is not None or framework.name == usual)
            and (cut.tensor == 1 or framework.tensor_parallel)
            and (cut.context == 1 or framework.context_parallel)
            and (cut.pipeline == 1 or framework.pipeline_parallel)
            and (cut.expert == 1 or framework.expert_parallel)
            and (cut.expert_tensor == 1 or framework.expert_tensor_parallel)
            and (cut.virtual == 1 or framework.interleaved)
            and (framework.pipeline_uneven or self.layers % cut.pipeline == 0)
        )

    def _has_stage(self, framework: Framework, cut: Cut, held: Held) -> bool:
        """Whether the framework has the ZeRO stage, and with it what is kept on the host.

        Where nobody shares anything the lowest stage stands for all. ZeRO-3 gathers over the dense ranks: with a single one only the
        user can ask for it. Weights on the host are ZeRO-3, on one rank too; the optimizer alone goes there with a lower stage, one
        that shards it where it can be sharded.
        """
        stages = framework.zero_stages if cut.pipeline == 1 else framework.zero_stages_with_pipeline
        if held.zero not in stages or held.offload not in framework.offload:
            return False
        ranks = cut.tensor * cut.context * held.data
        experts = bool(self._experts) and ranks > cut.expert * cut.expert_tensor
        shared = held.data * cut.context > 1 or (experts and held.zero < 3)
        stage = {
            "none": True,
            "optimizer": held.zero in ((1, 2) if shared else (0, 1, 2)),
            "parameters": held.zero == 3,
        }
        return stage[held.offload] and (shared or held.zero == self.lowest_zero or held.offload == "parameters")

    def runs(self, framework: Framework, vendor: str) -> bool:
        """Whether the framework runs the job, on the accelerators of that maker."""
        key = (framework.name, vendor)
        if key not in self._able:
            self._able[key] = self._runs(framework) and self._runs_on(framework, vendor)
        return self._able[key]

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
        job = self.job
        return any(
            job.optimizer in maker.optimizers and (job.method.trains == "all" or job.weights in maker.frozen_weights)
            for maker in framework.vendors
            if maker.name == vendor
        )

    # -- where GPUs sit ------------------------------------------------------------------------------------------------------
    def _cluster_fits(self, node: Node, gpus: int, group: int) -> bool:
        """One node; or whole nodes of one scale-up domain, with no group larger than a block; or whole blocks on a known network."""
        pins, per_node = self.job.pins, node.gpus_per_node
        if pins.nodes not in (None, math.ceil(gpus / per_node)) or pins.gpus not in (None, gpus):
            return False
        if gpus <= per_node:
            return True
        if gpus <= node.scale_up_gpus:
            return gpus % per_node == 0 and group <= block(node)
        return gpus % per_node == 0 and gpus % block(node) == 0 and node.network is not None


def block(node: Node) -> int:
    """GPUs of a scale-up domain that are used where a cluster is larger: a node's, or a power of two of a domain of several."""
    if node.scale_up_gpus == node.gpus_per_node:
        return node.gpus_per_node
    return 1 << (node.scale_up_gpus.bit_length() - 1)


def _tensor_fits(node: Node, tensor: int) -> bool:
    """TP divides a node; or, in a domain of several, a block of it into groups of whole nodes or parts of one."""
    per_node = node.gpus_per_node
    if per_node % tensor == 0:
        return True
    several = node.scale_up_gpus > per_node and tensor <= block(node) and block(node) % tensor == 0
    return several and (tensor % per_node == 0 or per_node % tensor == 0)
