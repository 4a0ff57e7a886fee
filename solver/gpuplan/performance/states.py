"""What a GPU holds and exchanges because of how parameters are cut: tensor, pipeline, expert and data parallelism, ZeRO stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan.performance.stages import StagePlan, stage_plans
from gpuplan.performance.workload import LayerWork, Workload, storage_bytes, widening
from gpuplan_models import Framework

Array = np.ndarray

#: Bytes per trained parameter and exchange: a 2-byte reduction and a 2-byte gather (or one all-reduce of the same volume).
EXCHANGE_BYTES = 4.0
#: Codes of `gpuplan.layout.OFFLOAD`.
OPTIMIZER, PARAMETERS = 1, 2


@dataclass(frozen=True)
class StateKeys:
    """The decisions the model states depend on; arrays of one length.

    `gpus_per_block` places the groups on blocks (see `machine.block_gpus`) and `domain_gpus` are joined by one link; `lighter` and
    `offload` hold codes of `gpuplan.layout.LIGHTER` and `OFFLOAD`.
    """

    gpus_per_node: Array
    gpus_per_block: Array
    domain_gpus: Array
    tensor: Array
    context: Array
    pipeline: Array
    lighter: Array
    expert: Array
    expert_tensor: Array
    data: Array
    zero: Array
    offload: Array

    def __len__(self) -> int:
        return len(self.tensor)

    def take(self, index: Array) -> StateKeys:
        """The same decisions, restricted to `index`."""
        return StateKeys(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @property
    def gpus(self) -> Array:
        """GPUs the layout uses."""
        return self.tensor * self.context * self.pipeline * self.data

    @property
    def several_nodes(self) -> Array:
        """Whether the cluster leaves its scale-up domain."""
        return self.gpus > self.domain_gpus

    @property
    def ranks(self) -> Array:
        """Over how many GPUs dense states are sharded and gradients exchanged: data and context parallelism together."""
        return self.data * self.context

    @property
    def expert_ranks(self) -> Array:
        """GPUs over which the experts of a layer are dealt and cut."""
        return self.expert * self.expert_tensor


@dataclass(frozen=True)
class States:
    """Bytes by stage (n, 3) and traffic (n,) of each state row.

    `weights_bytes`, `gradients_bytes`, `optimizer_bytes`, `gather_bytes` and `base_bytes` (context, communicators) are held; in the
    optimizer's step, when no activation is, `step_bytes` are beside them. `link_bytes` and `network_bytes` move once a step over the
    link inside a block and over each network card, `host_link_bytes` between GPU and host; `optimizer_traffic_bytes` through the
    accelerator's memory. `host_bytes` (n,) are kept on the host for a GPU.
    """

    weights_bytes: Array
    gradients_bytes: Array
    optimizer_bytes: Array
    gather_bytes: Array
    base_bytes: Array
    step_bytes: Array
    link_bytes: Array
    network_bytes: Array
    optimizer_traffic_bytes: Array
    fixed_seconds: Array
    host_link_bytes: Array
    host_bytes: Array

    @property
    def held_bytes(self) -> Array:
        """All states of a stage (n, 3), with the base of context and communicators."""
        return self.weights_bytes + self.gradients_bytes + self.optimizer_bytes + self.gather_bytes + self.base_bytes

    @property
    def stepping_bytes(self) -> Array:
        """What a stage (n, 3) holds in the optimizer's step."""
        return self.held_bytes + self.step_bytes


@dataclass(frozen=True)
class _Held:
    """Parameters of one kind of sharding on one GPU, by stage (n, 3): frozen and trained, in 16 bit or in the storage type."""

    frozen: Array
    frozen16: Array
    trained: Array


#: Dense and expert parameters, each with the ranks that share them.
_Groups = tuple[tuple[_Held, Array], tuple[_Held, Array]]


def states(job: Workload, framework: Framework, keys: StateKeys) -> States:
    """States of every row of `keys`.

    ZeRO stage 1 divides the optimizer states, 3 also gradients and weights by the ranks of the group: d for dense parameters,
    ``t d / (e f)`` for experts. Stage 2 keeps whole gradients while micro-batches accumulate (torch's ``no_sync``): sharding them
    would cost a reduction per micro-batch, which is what stage 3 is charged. What is offloaded is on the host instead, and the
    host keeps a copy of the gradients beside the optimizer's states.
    """
    plan = stage_plans(job, keys.pipeline, keys.lighter)
    dense = _dense(job, keys, plan)
    experts = _experts(job, keys, plan)
    expert_group = np.maximum(keys.tensor * keys.ranks / keys.expert_ranks, 1.0)
    groups = ((dense, keys.ranks.astype(float)), (experts, expert_group))
    weight_b, gradient_b, optimizer_b = trained_bytes(job, framework)
    parts = {name: np.zeros((len(keys), 3)) for name in ("weights", "gradients", "optimizer", "step", "copies")}
    step_b = constants().value("optimizer_step_moments", framework.kernels) * _moment_bytes(optimizer_b)
    for held, ranks in groups:
        frozen = held.frozen * storage_bytes(job.weights) + held.frozen16 * 2.0 * widening(job, framework)
        parts["weights"] += (frozen + held.trained * weight_b) / _shards(keys, ranks, 3)
        parts["gradients"] += held.trained * gradient_b / _shards(keys, ranks, 3)
        parts["optimizer"] += held.trained * optimizer_b / _shards(keys, ranks, 1)
        parts["step"] += held.trained * step_b / _shards(keys, ranks, 1)
        parts["copies"] += held.trained * gradient_b / _shards(keys, ranks, 1)
    optimizer_here, all_here = (keys.offload < OPTIMIZER)[:, None], (keys.offload < PARAMETERS)[:, None]
    on_host = np.where(optimizer_here, 0.0, parts["optimizer"] + parts["copies"])
    on_host = on_host + np.where(all_here, 0.0, parts["weights"])
    link, network = _exchange(job, keys, groups)
    stepped = _owned(keys, groups)
    away = keys.offload >= OPTIMIZER
    return States(
        weights_bytes=np.where(all_here, parts["weights"], 0.0),
        gradients_bytes=np.where(all_here, parts["gradients"], 0.0),
        optimizer_bytes=np.where(optimizer_here, parts["optimizer"], 0.0),
        gather_bytes=_gather_bytes(job, framework, keys),
        base_bytes=_base_bytes(keys),
        step_bytes=np.where(optimizer_here, parts["step"], 0.0),
        link_bytes=link,
        network_bytes=network,
        optimizer_traffic_bytes=_optimizer_traffic(job, keys, groups, stepped),
        fixed_seconds=_fixed_seconds(keys) + np.where(away, _host_step_seconds(keys, stepped), 0.0),
        host_link_bytes=np.where(keys.offload == OPTIMIZER, stepped * (gradient_b + weight_b), 0.0),
        host_bytes=on_host.max(axis=1),
    )


def least_weight_bytes(
    job: Workload, framework: Framework, tensor: Array, expert_ranks: Array, stage_share: Array
) -> Array:
    """Bytes that weights (and gradients of what is trained in full) take on the worst stage, if nothing shards them.

    A lower bound: embedding, head and adapters are left out, and `stage_share` is the least share of the layers that some stage has.
    """
    weight_b, gradient_b, _ = trained_bytes(job, framework)
    per_parameter = storage_bytes(job.weights) if job.trains_adapters else weight_b + gradient_b
    total = np.zeros(len(tensor))
    for work in job.layers:
        dense, experts = work.parameters_per_rank(tensor, expert_ranks)
        total += work.kind.count * (dense + experts)
    return np.asarray(total * stage_share * per_parameter)


def trained_bytes(job: Workload, framework: Framework) -> tuple[float, float, float]:
    """Bytes of weight, gradient and optimizer state per trained parameter, by the framework's precision policy."""
    policy = framework.adapter_bytes if job.trains_adapters else framework.full_bytes
    optimizer = policy.optimizer_bytes
    if job.optimizer == "adamw-8bit":
        moments = min(optimizer, 8.0)  # two fp32 moments, or two bf16 ones in pure bf16 training
        optimizer = optimizer - moments + 2.0
    return policy.weight_bytes, policy.gradient_bytes, optimizer


def _moment_bytes(optimizer_bytes: float) -> float:
    """Bytes of one of AdamW's moments: fp32, or bf16 in pure bf16 training; an 8-bit optimizer steps in place."""
    return {2.0: 0.0, 4.0: 2.0}.get(optimizer_bytes, 4.0)


def _base_bytes(keys: StateKeys) -> Array:
    """Context and workspaces of one process, and the communicators of more than one GPU (n, 3)."""
    c = constants()
    base = c.value("base_bytes") + np.where(keys.gpus > 1, c.value("communicator_bytes"), 0.0)
    return np.repeat(base[:, None], 3, axis=1)


def _shards(keys: StateKeys, ranks: Array, from_stage: int) -> Array:
    return np.where(keys.zero >= from_stage, ranks, 1.0)[:, None]


def _dense(job: Workload, keys: StateKeys, plan: StagePlan) -> _Held:
    layers = plan.layers
    ends = _ends(job, keys, plan)
    frozen = np.zeros((len(keys), 3))
    adapters = np.zeros((len(keys), 3))
    for index, work in enumerate(job.layers):
        dense, _ = work.parameters_per_rank(keys.tensor, keys.expert_ranks)
        frozen += layers[:, :, index] * dense[:, None]
        adapters += layers[:, :, index] * _adapters_per_rank(work, keys.tensor)[:, None]
    if job.trains_adapters:
        return _Held(frozen, ends, adapters)
    return _Held(np.zeros_like(frozen), np.zeros_like(ends), frozen + ends)


def _experts(job: Workload, keys: StateKeys, plan: StagePlan) -> _Held:
    layers = plan.layers
    weights = np.zeros((len(keys), 3))
    adapters = np.zeros((len(keys), 3))
    for index, work in enumerate(job.layers):
        weights += layers[:, :, index] * (work.expert_parameters / keys.expert_ranks)[:, None]
        adapters += layers[:, :, index] * (work.adapters_expert / keys.expert_ranks)[:, None]
    if job.trains_adapters:
        return _Held(weights, np.zeros_like(weights), adapters)
    return _Held(np.zeros_like(weights), np.zeros_like(weights), weights)


def _ends(job: Workload, keys: StateKeys, plan: StagePlan) -> Array:
    """Embedding and head (n, 3), split over the tensor-parallel ranks, and what is beside the head's table, which is not.

    A tied head has a copy on the last stage of a pipeline.
    """
    architecture = job.architecture
    table = float(architecture.vocabulary_parameters)
    tied = architecture.head_parameters == 0
    head = np.where(keys.pipeline > 1, table, 0.0) if tied else np.full(len(keys), float(architecture.head_parameters))
    embedding_here = plan.embedding * float(architecture.embedding_parameters)
    head_here = plan.head * head[:, None]
    beside = plan.head * (architecture.final_norm_parameters + architecture.extra_head_parameters)
    return (embedding_here + head_here) / keys.tensor[:, None] + beside


def _adapters_per_rank(work: LayerWork, tensor: Array) -> Array:
    """Of the two factors of an adapter one is cut by tensor parallelism and one is replicated: half of each, in the mean."""
    return work.adapters * (1 + 1 / tensor) / 2


def _gather_bytes(job: Workload, framework: Framework, keys: StateKeys) -> Array:
    """Buffers (n, 3): a framework's own for ZeRO; under ZeRO-3 two gathered layers and the larger end; the 16-bit copy of the matrix
    being dequantised.
    """
    per_parameter = storage_bytes(job.weights) if job.trains_adapters else 2.0
    layer = np.zeros(len(keys))
    for work in job.layers:
        dense, experts = work.parameters_per_rank(keys.tensor, keys.expert_ranks)
        layer = np.maximum(layer, dense + experts)
    end = max(job.architecture.embedding_parameters, job.architecture.head_parameters) / keys.tensor
    gathered = np.where(keys.zero >= 3, 2 * layer * per_parameter + 2.0 * end, 0.0)
    gathered = gathered + np.where((keys.zero >= 1) & (keys.ranks > 1), framework.bucket_bytes, 0.0)
    unpacked = np.zeros(len(keys))
    if job.unpacks_weights:
        largest = max(work.largest_linear_parameters for work in job.layers) / keys.tensor
        unpacked = 2.0 * largest * constants().value("unpacked_matrices")
    return np.repeat((gathered + unpacked)[:, None], 3, axis=1)


def _exchange(job: Workload, keys: StateKeys, groups: _Groups) -> tuple[Array, Array]:
    """Bytes of the gradient exchange on the link and on each network card; ZeRO-3 of full training exchanges per layer instead."""
    none = (keys.zero >= 3) & (not job.trains_adapters)
    volumes = []
    for held, ranks in groups:
        trained = held.trained.max(axis=1)
        volumes.append(np.where(none, 0.0, EXCHANGE_BYTES * trained * (ranks - 1) / ranks))
    crosses = keys.several_nodes & (keys.tensor * keys.ranks > keys.gpus_per_block)
    dense_rails = np.maximum(keys.gpus_per_block / keys.tensor, 1.0)
    expert_rails = np.maximum(keys.gpus_per_block / keys.expert_ranks, 1.0)
    network = volumes[0] / dense_rails + volumes[1] / expert_rails
    return volumes[0] + volumes[1], np.where(crosses, network, 0.0)


def _owned(keys: StateKeys, groups: _Groups) -> Array:
    """Trained parameters (n,) whose step a GPU, or the host for it, takes."""
    owned = np.zeros(len(keys))
    for held, ranks in groups:
        owned += held.trained.max(axis=1) / np.where(keys.zero >= 1, ranks, 1.0)
    return owned


def _optimizer_traffic(job: Workload, keys: StateKeys, groups: _Groups, stepped: Array) -> Array:
    """Memory traffic of the optimizer on the parameters a GPU owns, and of casting the weights to 8 bit once a step."""
    c = constants()
    traffic = np.where(keys.offload < OPTIMIZER, stepped * c.value("optimizer_bytes_per_parameter"), 0.0)
    if job.precision == "fp8":
        for held, _ in groups:
            cast = held.trained if job.weights == "fp8" else held.trained + held.frozen
            traffic += cast.max(axis=1) * c.value("quantise_weight_bytes")
    return traffic


def _host_step_seconds(keys: StateKeys, stepped: Array) -> Array:
    """Seconds of the optimizer's step on the host, whose cores all GPUs in use of a node share."""
    return (
        stepped * np.minimum(keys.gpus, keys.gpus_per_node) / constants().value("host_optimizer_parameters_per_second")
    )


def _fixed_seconds(keys: StateKeys) -> Array:
    c = constants()
    return c.value("step_seconds") + c.value("synchronise_seconds") * np.log2(keys.gpus)
