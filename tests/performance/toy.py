"""A world of round numbers: constants, a node and models so small that seconds and bytes can be worked out by hand.

Constants come from here and not from the package, so a new fit of the shipped ones breaks no hand-worked case. Every rate
below is what `NODE` reaches with `ROUND`: P = 1e14 FLOP/s (8-bit 1.5e14, flash attention 5e13), B = 1e12 bytes/s of memory,
1e11 over the link, 2.5e10 over the network, 1e10 to the host's memory, which steps 1e9 parameters a second. The sequence is
1,000 tokens and a micro-batch 2 sequences: M = 2,000 tokens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gpuplan.layout import LIGHTER, OFFLOAD, Layout
from gpuplan.performance.constants import Constant, Constants
from gpuplan.performance.layers import AtomKeys, layer_seconds
from gpuplan.performance.machine import Machines, block_gpus, machines
from gpuplan.performance.recompute import RECOMPUTE
from gpuplan.performance.stages import ShapeKeys
from gpuplan.performance.states import StateKeys, States, states
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Accelerator, Host, Link, Network, Node
from gpuplan_models import Architecture, Framework, frameworks, methods
from gpuplan_models.config import build
from gpuplan_models.fields import Fields

ROUND: dict[str, dict[str, float]] = {
    "matmul_efficiency": {"*": 0.5},
    "fp8_efficiency": {"*": 0.75},
    "flash_efficiency": {"*": 0.25},
    "flash_backward_ratio": {"*": 0.5},
    "flash_short_sequence_tokens": {"*": 1000},
    "matmul_traffic_share": {"*": 0.5},
    "memory_bandwidth_efficiency": {"*": 0.5},
    "elementwise_traffic": {"megatron": 1, "torch": 2, "hf": 3, "*": 4},
    "loss_bytes_per_logit": {"hf": 40, "*": 20},
    "quantise_bytes_per_element": {"*": 2},
    "quantise_weight_bytes": {"*": 3},
    "launch_seconds": {"*": 0},
    "launch_moe_ratio": {"*": 10},
    "launch_seconds_per_expert": {"*": 0},
    "launch_recompute_ratio": {"*": 1.5},
    "launch_unpack_ratio": {"*": 1},
    "gathers_recomputed": {"*": 2},
    "dense_speedup_per_year": {"megatron": 2, "*": 1},
    "link_efficiency": {"*": 0.5},
    "network_efficiency": {"*": 0.5},
    "host_link_efficiency": {"*": 0.5},
    "host_optimizer_parameters_per_second": {"*": 1e9},
    "tensor_parallel_exposed": {"megatron": 0.25, "pcie": 0.75, "*": 1},
    "pipeline_exposed": {"*": 0.25},
    "context_parallel_exposed": {"*": 0.5},
    "expert_parallel_exposed": {"*": 0.5},
    "data_parallel_exposed": {"*": 0.2},
    "data_parallel_overlap": {"*": 0.5},
    "gather_exposed": {"*": 0.4},
    "permute_bytes_per_element": {"*": 3},
    "expert_weight_bytes": {"*": 10},
    "adapter_traffic": {"*": 2},
    "dequantise_bytes_per_parameter": {"nf4": 4, "int8": 3, "fp8": 2, "*": 100},
    "optimizer_bytes_per_parameter": {"*": 50},
    "step_seconds": {"*": 0.01},
    "synchronise_seconds": {"*": 0.001},
    "selective_recompute_share": {"*": 0.4},
    "activation_multiplier": {"megatron": 1, "hf": 0.5, "torch": 2, "*": 3},
    "adapter_activations": {"hf": 0.5, "*": 0},
    "working_set": {"*": 1.5},
    "selective_kept_share": {"*": 0.25},
    "score_bytes_kept": {"*": 5},
    "score_bytes_working": {"*": 10},
    "unpacked_matrices": {"*": 1},
    "optimizer_step_moments": {"hf": 1, "*": 0},
    "head_bytes_per_logit": {"megatron": 8, "hf": 10, "fp32": 16, "fused": 0.5, "*": 6},
    "allocator_slack": {"*": 1.25},
    "base_bytes": {"*": 1e9},
    "communicator_bytes": {"*": 5e8},
    "nf4_bytes_per_parameter": {"*": 0.6},
    "paired_runs": {"*": 0},
    "step_interval": {
        "measured": 0.1,
        "moe": 0.4,
        "transferred": 0.35,
        "extrapolated": 0.5,
        "*": 0.6,
    },
    "memory_interval": {"measured": 0.25, "transferred": 0.3, "extrapolated": 0.35, "*": 0.4},
}


def round_constants(software_year: int = 2025, **changes: float) -> Constants:
    """`ROUND` with some constants set to one value for every key; 2025 is the year from which software speeds up."""
    assert changes.keys() <= ROUND.keys()
    table = ROUND | {name: {"*": value} for name, value in changes.items()}
    tables = {
        name: {key: Constant(value, "prior", 0) for key, value in values.items()} for name, values in table.items()
    }
    return Constants(tables, "2026-01-01", software_year)


ACCELERATOR = Accelerator(
    name="toy",
    aliases=(),
    families=(),
    vendor="toy",
    kernel_family="hopper",
    usable_memory_bytes=80_000_000_000,
    memory_bandwidth_bytes_per_second=2e12,
    peak_flops={"bf16": 2e14, "fp16": 2e14, "fp8": 4e14},
    tdp_watts=700,
    sources={},
    host_link_bytes_per_second=2e10,
)
NODE = Node(
    name="toy",
    provider="toy",
    accelerator=ACCELERATOR,
    gpus_per_node=8,
    intra_node=Link("nvswitch", 2e11),
    network=Network("infiniband", 5e10, rdma=True),
    host=Host(None, None, None),
    sources={},
)
#: A tray of four GPUs in a rack of 72 that one link joins (NVL72): jobs of several racks take 64 GPUs of each.
TRAY = replace(NODE, name="tray", gpus_per_node=4, domain_gpus=72)

_SHAPE = {
    "hidden_size": 1000,
    "num_attention_heads": 10,
    "num_key_value_heads": 5,
    "num_hidden_layers": 8,
    "vocab_size": 10_000,
    "max_position_embeddings": 10_000,
}


def _architecture(config: dict[str, Any]) -> Architecture:
    return build(Fields(_SHAPE | config, "config.json"), name="toy", basis="", source="", tokenizer="unknown")


#: h = 1000, Hq = 1000, Hk = 500, f = 2000. A layer has 1 + 0.5 + 0.5 + 1 + 3 x 2 = 9 M parameters and two norms of 1,000:
#: 9,002,000. Eight of them, embedding and head of 10 M each and a final norm of 1,000 make 92,017,000.
DENSE = _architecture({"model_type": "llama", "intermediate_size": 2000})
LAYER, ENDS, MODEL = 9_002_000, 10_000_000, 92_017_000
#: The same with one matrix for embedding and head: 82,017,000 parameters.
TIED = replace(DENSE, tied_embeddings=True)

#: 16 experts of width 500, 2 a token: 1.5 M parameters an expert, 24 M in a layer; router 16,000; attention 3 M; norms 2,000.
MOE = _architecture(
    {"model_type": "mixtral", "intermediate_size": 500, "num_local_experts": 16, "num_experts_per_tok": 2}
)

#: Latent attention as in DeepSeek: queries 1000 -> 200 -> 10 x (60 + 40), keys and values 1000 -> 100 (+ 40) -> 10 x (60 + 50).
#: Two dense layers (f = 2000), then six with one shared and 16 routed experts of width 500, 2 a token.
MLA = _architecture(
    {
        "model_type": "deepseek_v3",
        "intermediate_size": 2000,
        "moe_intermediate_size": 500,
        "first_k_dense_replace": 2,
        "n_routed_experts": 16,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "q_lora_rank": 200,
        "kv_lora_rank": 100,
        "qk_nope_head_dim": 60,
        "qk_rope_head_dim": 40,
        "v_head_dim": 50,
    }
)


def ungated(architecture: Architecture) -> Architecture:
    """The same with an MLP of two matrices in place of the gated unit's three."""
    kinds = tuple(
        replace(kind, linears=tuple(linear for linear in kind.linears if linear.name != "gate_proj"), gated=False)
        for kind in architecture.layers
    )
    return replace(architecture, layers=kinds)


def windowed(architecture: Architecture, window_tokens: int | None, causal: bool = True) -> Architecture:
    """The same with a sliding window, or with attention to what follows."""
    kinds = tuple(
        replace(kind, attention=replace(kind.attention, window_tokens=window_tokens, causal=causal))
        for kind in architecture.layers
    )
    return replace(architecture, layers=kinds)


def work(
    architecture: Architecture = DENSE,
    method: str = "full",
    precision: str = "bf16",
    weights: str = "bf16",
    sequence_length: int = 1000,
    **more: Any,
) -> Workload:
    return Workload(architecture, methods()[method], precision, weights, sequence_length, **more)


def framework(name: str = "megatron") -> Framework:
    return frameworks()[name]


def rates(node: Node = NODE, precision: str = "bf16") -> Machines:
    return machines([node], precision)


def slower(node: Node = NODE, link: float = 2e11, network: float = 5e10) -> Node:
    """The node with other rates of its links, in datasheet bytes/s."""
    return replace(node, intra_node=Link(node.intra_node.kind, link), network=Network("tcp", network, rdma=False))


def _one(values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Arrays of one row; words become their codes."""
    words = {"recompute": RECOMPUTE, "lighter": LIGHTER, "offload": OFFLOAD}
    codes = {name: words[name].index(value) if name in words else value for name, value in values.items()}
    return {name: np.array([code]) for name, code in codes.items()}


def atom(**decisions: Any) -> AtomKeys:
    """Decisions about a layer: micro-batches of 2 on one GPU of one machine, but for `decisions`."""
    plain: dict[str, Any] = {
        "machine": 0,
        "tensor": 1,
        "context": 1,
        "expert": 1,
        "expert_tensor": 1,
        "micro_batch": 2,
        "gather": 1,
    }
    plain |= {"recompute": "none", "several_nodes": False, "streamed": False}
    return AtomKeys(**_one(plain | decisions))


def shape_keys(**decisions: Any) -> ShapeKeys:
    """A schedule: 8 sequences in micro-batches of 2 on one stage, but for `decisions`."""
    plain: dict[str, Any] = {
        "pipeline": 1,
        "virtual": 1,
        "lighter": "none",
        "data": 1,
        "micro_batch": 2,
        "global_batch": 8,
    }
    return ShapeKeys(**_one(plain | decisions))


def layer(
    job: Workload, framework_name: str = "megatron", kind: int = 0, node: Node = NODE, **decisions: Any
) -> dict[str, float]:
    """Seconds of the parts of one layer and micro-batch."""
    m = rates(node, job.precision)
    parts = layer_seconds(job.layers[kind], job, framework(framework_name), m, atom(**decisions))
    return {name: float(seconds[0]) for name, seconds in parts.items()}


def held(job: Workload, framework_name: str = "megatron", node: Node = NODE, **decisions: Any) -> States:
    """What a GPU holds and exchanges: everything on one GPU, but for `decisions`."""
    plain: dict[str, Any] = {
        "gpus_per_node": node.gpus_per_node,
        "gpus_per_block": block_gpus(node),
        "domain_gpus": node.scale_up_gpus,
    }
    plain |= dict.fromkeys(("tensor", "context", "pipeline", "expert", "expert_tensor", "data"), 1)
    plain |= {"lighter": "none", "zero": 0, "offload": "none"}
    return states(job, framework(framework_name), StateKeys(**_one(plain | decisions)))


def layout(framework_name: str = "megatron", **decisions: Any) -> Layout:
    """A layout of degree 1 in everything, with 8 sequences in micro-batches of 2, but for `decisions`."""
    plain: dict[str, Any] = dict.fromkeys(("tensor", "pipeline", "data", "expert"), 1)
    plain |= {"zero": 0, "micro_batch": 2, "global_batch": 8, "recompute": "none"}
    return Layout(framework_name, **(plain | decisions))


def about(value: Any) -> Any:
    """Equal but for the noise of floating point; numbers, sequences and arrays."""
    return pytest.approx(value, rel=1e-9, abs=1e-18)
