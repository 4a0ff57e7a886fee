"""Volumes and rates of every collective by hand; 1e11 bytes/s over the link, 2.5e10 over the network (`performance.toy`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gpuplan.performance.communication import exposed_end_gather, exposed_gather, stage_transfer_seconds
from gpuplan.performance.constants import use_constants
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Link, Node
from gpuplan_hardware.entities import LinkKind
from performance.toy import (
    DENSE,
    MLA,
    MOE,
    NODE,
    TIED,
    TRAY,
    about,
    atom,
    framework,
    layer,
    rates,
    round_constants,
    slower,
    work,
)

pytestmark = pytest.mark.usefixtures("toy_constants")


def gather(
    job: Workload,
    layer_seconds: float,
    name: str = "torch-fsdp",
    node: Node = NODE,
    ranks: int = 1,
    several_nodes: bool = False,
    **decisions: Any,
) -> float:
    """Exposed seconds of ZeRO-3 for a layer that computes for `layer_seconds`."""
    keys = atom(gather=ranks, several_nodes=several_nodes, **decisions)
    found = exposed_gather(job.layers[0], job, framework(name), rates(node), keys, np.array([layer_seconds]))
    return float(found[0])


@pytest.mark.parametrize(
    ("name", "tensor", "per_direction"),
    [
        ("megatron", 1, 0.0),
        # 8 M h (t - 1)/t = 8 x 2000 x 1000 / 2 = 8e6 bytes at 1e11, a quarter exposed.
        ("megatron", 2, 0.25 * 8e6 / 1e11),
        # 16e6 x 3/4 = 12e6 and 16e6 x 7/8 = 14e6.
        ("megatron", 4, 0.25 * 12e6 / 1e11),
        ("megatron", 8, 0.25 * 14e6 / 1e11),
        ("torch-fsdp", 2, 8e6 / 1e11),
    ],
)
def test_tensor_parallel_collectives(name: str, tensor: int, per_direction: float) -> None:
    assert layer(work(), name, tensor=tensor)["tensor_parallel"] == about(2 * per_direction)


@pytest.mark.parametrize("name", ["megatron", "torch-fsdp"])
@pytest.mark.parametrize("kind", ["pcie", "nvlink-pairs"])
def test_no_kernel_hides_collectives_over_pcie(name: str, kind: LinkKind) -> None:
    # 8e6 bytes as above; three quarters exposed whatever the framework, and the same with links of pairs, which cross PCIe too.
    node = replace(NODE, intra_node=Link(kind, 2e11))
    assert layer(work(), name, node=node, tensor=2)["tensor_parallel"] == about(2 * 0.75 * 8e6 / 1e11)


@pytest.mark.parametrize("kind", ["nvswitch", "nvlink-mesh", "infinity-fabric"])
def test_kernels_hide_collectives_over_meshes_and_switches(kind: LinkKind) -> None:
    node = replace(NODE, intra_node=Link(kind, 2e11))
    assert layer(work(), node=node, tensor=2)["tensor_parallel"] == about(2 * 0.25 * 8e6 / 1e11)


@pytest.mark.parametrize(
    ("tensor", "expert", "per_direction"),
    [
        (1, 1, 0.0),
        # Dispatch and combine of 2 M h = 4e6 bytes, half exposed: 4e6 x k (e - 1)/e / link = 4e6 x 2 x 3/4 / 1e11.
        (1, 4, 4e6 * 1.5 / 1e11),
        (2, 4, 2e6 * 1.5 / 1e11),
        # 16 ranks on G = 2 nodes: inside k 7/8 = 1.75; across G (1 - (1 - 1/G)^k) (G - 1)/G = 2 x 3/4 x 1/2 = 0.75 copies.
        (1, 16, 4e6 * (1.75 / 1e11 + 0.75 / 2.5e10)),
    ],
)
def test_expert_parallel_all_to_all(tensor: int, expert: int, per_direction: float) -> None:
    parts = layer(work(MOE), tensor=tensor, expert=expert)
    assert parts["expert_parallel"] == about(2 * per_direction)


@pytest.mark.parametrize(
    ("expert", "per_direction"),
    [
        # t = f = 2: a GPU routes 2 M h / 2 = 2e6 bytes. With e = 1 only the other half of each expert needs its copies:
        # 2 x 2e6 x k (f - 1) / link, half exposed.
        (1, 2e6 * 2 / 1e11),
        # e = 4, eight ranks in a node: 2e6 x k (3/4 + 1) / link.
        (4, 2e6 * 3.5 / 1e11),
        # e = 8, 16 ranks on 2 nodes: 4 of the group in a node, so the same inside; 0.75 copies across.
        (8, 2e6 * (3.5 / 1e11 + 0.75 / 2.5e10)),
    ],
)
def test_experts_that_are_cut_gather_their_tokens(expert: int, per_direction: float) -> None:
    parts = layer(work(MOE), tensor=2, expert=expert, expert_tensor=2)
    assert parts["expert_parallel"] == about(2 * per_direction)


@pytest.mark.parametrize(
    ("node", "tensor", "context", "forward"),
    [
        (NODE, 1, 1, 0.0),
        # c = 2: keys and values of the other half of the sequence, 2 x 2 bytes x 1000 tokens x 500 = 2e6; half exposed.
        (NODE, 1, 2, 0.5 * 2e6 / 1e11),
        # c = 4: three times 500 tokens; t = 2 leaves half of the heads.
        (NODE, 1, 4, 0.5 * 3e6 / 1e11),
        (NODE, 2, 4, 0.5 * 1.5e6 / 1e11),
        # c = 16 on two nodes: 15 times 125 tokens, at the pace of the network; t c = 16 likewise, 7 times 250.
        (NODE, 1, 16, 0.5 * 3.75e6 / 2.5e10),
        (NODE, 2, 8, 0.5 * 1.75e6 / 2.5e10),
        # In a rack the link reaches 64 GPUs.
        (TRAY, 1, 16, 0.5 * 3.75e6 / 1e11),
    ],
)
def test_keys_and_values_go_round_a_ring(node: Node, tensor: int, context: int, forward: float) -> None:
    # Backward moves keys and values and their gradients; full recompute goes round once more.
    decisions: dict[str, Any] = {"tensor": tensor, "context": context}
    assert layer(work(), node=node, **decisions)["context_parallel"] == about(3 * forward)
    full = layer(work(), node=node, recompute="full", **decisions)
    assert full["context_parallel"] == about(3 * forward)
    with use_constants(round_constants(context_parallel_exposed=0)):
        hidden = layer(work(), node=node, recompute="full", **decisions)
    assert full["recompute"] - hidden["recompute"] == about_noise(forward)


def about_noise(value: float) -> Any:
    """Equal but for what subtracting leaves of the last bits."""
    return pytest.approx(value, rel=1e-6, abs=1e-15)


def test_latent_attention_sends_its_heads_round() -> None:
    # Keys of 100 and values of 50 in 10 heads: 1,500 features of 1,000 tokens in 16 bit: 3e6 bytes.
    assert layer(work(MLA), context=2)["context_parallel"] == about(3 * 0.5 * 3e6 / 1e11)


def test_dense_layers_have_no_all_to_all() -> None:
    assert layer(work(), expert=4)["expert_parallel"] == 0


# ZeRO-3 of torch: two gathers of 2 bytes and a reduction of 4, 8 bytes for each of 9,002,000 parameters, x 3/4 on 4 ranks.
WITHIN = 8 * 9_002_000 * 0.75 / 1e11  # 5.4012e-4 s


@pytest.mark.parametrize(
    ("computing", "exposed"),
    [
        # Shorter than the layer: two fifths stay exposed. Longer: what sticks out, and two fifths of the layer.
        (1e-3, 0.4 * WITHIN),
        (WITHIN, 0.4 * WITHIN),
        (1e-4, WITHIN - 1e-4 + 0.4 * 1e-4),
    ],
)
def test_gathers_hide_behind_the_layer(computing: float, exposed: float) -> None:
    assert gather(work(), computing, ranks=4) == about(exposed)


def test_the_other_ranks_hold_what_is_gathered() -> None:
    # Half of it on two ranks, nothing on one.
    assert gather(work(), 1.0, ranks=2) == about(0.4 * 8 * 9_002_000 * 0.5 / 1e11)
    assert gather(work(), 1e-3) == 0
    assert gather(work(MOE), 1e-3, "megatron", tensor=2) == 0


def test_gathers_across_nodes_use_every_network_card() -> None:
    # 16 ranks on 2 nodes of 8: 8 x 9,002,000 x 15/16 = 67.515e6 bytes. Link 6.7515e-4 s; an eighth over each card of 1e9 bytes/s
    # is 8.439375e-3 s and longer; over cards of 2.5e10 it is 3.37575e-4 s, and the link decides.
    assert gather(work(), 1.0, ranks=16, several_nodes=True) == about(0.4 * 6.7515e-4)
    slow = slower(network=2e9)
    assert gather(work(), 1.0, node=slow, ranks=16, several_nodes=True) == about(0.4 * 8.439375e-3)
    assert gather(work(), 1.0, node=slow, ranks=16) == about(0.4 * 6.7515e-4)


def test_tensor_parallel_ranks_leave_fewer_cards_to_a_group() -> None:
    # Megatron, t = 4, d = 4 on 2 nodes: 8 bytes x (9e6/4 + 2000) x 3/4 = 13.512e6 bytes, 2 ranks of a group in a node.
    found = gather(work(), 1.0, "megatron", slower(network=2e9), ranks=4, several_nodes=True, tensor=4)
    assert found == about(0.4 * 13.512e6 / 2 / 1e9)


@pytest.mark.parametrize(("method", "weights", "per_parameter"), [("lora", "bf16", 4), ("qlora", "nf4", 1.2)])
def test_frozen_weights_are_gathered_twice_as_they_are_stored(method: str, weights: str, per_parameter: float) -> None:
    volume = per_parameter * 9_002_000 * 0.75
    assert gather(work(method=method, weights=weights), 1.0, "hf-peft", ranks=4) == about(0.4 * volume / 1e11)


def test_experts_are_gathered_from_fewer_ranks() -> None:
    # t = 1, d = 8, e = 4: 3,018,000 parameters over 8 ranks, 6 M of experts over 2. 8 (3.018e6 x 7/8 + 6e6 / 2) = 45.126e6 bytes.
    assert gather(work(MOE), 1.0, "megatron", ranks=8, expert=4) == about(0.4 * 45.126e6 / 1e11)
    # e = 8: every expert lies on one rank and stays there.
    assert gather(work(MOE), 1.0, "megatron", ranks=8, expert=8) == about(0.4 * 8 * 3.018e6 * 7 / 8 / 1e11)


def test_experts_share_the_cards_with_the_rest() -> None:
    # d = 16 on 2 nodes, e = 4: of the rest 8 x 3.018e6 x 15/16 bytes over 8 ranks in a node, of the experts 8 x 6e6 x 3/4 over 2,
    # on cards of 1e9 bytes/s: 2.829375e-3 + 18e-3 s.
    found = gather(work(MOE), 1.0, "megatron", slower(network=2e9), ranks=16, several_nodes=True, expert=4)
    assert found == about(0.4 * 20.829375e-3)


def end_gather(
    job: Workload,
    name: str = "torch-fsdp",
    head: float = 1.0,
    node: Node = NODE,
    ranks: int = 1,
    several_nodes: bool = False,
    **decisions: Any,
) -> float:
    """Exposed seconds of ZeRO-3 for embedding and head beside a head that computes for `head` seconds."""
    keys = atom(gather=ranks, several_nodes=several_nodes, **decisions)
    return float(exposed_end_gather(job, framework(name), rates(node), keys, np.array([head]))[0])


@pytest.mark.parametrize(
    ("job", "name", "tensor", "volume"),
    [
        # Embedding and head of 10 M each; two gathers of 2 bytes and a reduction of 4; 3/4 of it on 4 ranks.
        (work(), "torch-fsdp", 1, 20e6 * 8 * 0.75),
        (work(), "megatron", 2, 10e6 * 8 * 0.75),
        # One matrix for both; frozen ends: gathered twice, in 16 bit though the layers are stored in 4.
        (work(TIED), "torch-fsdp", 1, 10e6 * 8 * 0.75),
        (work(method="lora"), "hf-peft", 1, 20e6 * 4 * 0.75),
        (work(method="qlora", weights="nf4"), "hf-peft", 1, 20e6 * 4 * 0.75),
    ],
)
def test_embedding_and_head_are_gathered_too(job: Workload, name: str, tensor: int, volume: float) -> None:
    assert end_gather(job, name, ranks=4, tensor=tensor) == about(0.4 * volume / 1e11)
    # 1.2e-3 s and less, of which 1e-4 s can hide; what sticks out is exposed whole.
    assert end_gather(job, name, head=1e-4, ranks=4, tensor=tensor) == about(volume / 1e11 - 0.6 * 1e-4)
    assert end_gather(job, name, ranks=1, tensor=tensor) == 0


def test_embedding_and_head_cross_every_network_card() -> None:
    # 16 ranks on 2 nodes: 20e6 x 8 x 15/16 = 150e6 bytes, an eighth over each card of 1e9 bytes/s.
    found = end_gather(work(DENSE), node=slower(network=2e9), ranks=16, several_nodes=True)
    assert found == about(0.4 * 150e6 / 8 / 1e9)


@pytest.mark.parametrize(
    ("tensor", "several_nodes", "seconds"),
    [
        # Activations and their gradients: 2 x 2 M h = 8e6 bytes, a quarter exposed.
        (1, False, 0.25 * 8e6 / 1e11),
        (1, True, 0.25 * 8e6 / 2.5e10),
        (2, True, 0.25 * 4e6 / 2.5e10),
    ],
)
def test_stages_hand_over_activations_and_gradients(tensor: int, several_nodes: bool, seconds: float) -> None:
    keys = atom(tensor=tensor, several_nodes=several_nodes)
    assert stage_transfer_seconds(work(), framework(), rates(), keys)[0] == about(seconds)


def test_context_parallel_ranks_hand_over_their_part_of_the_sequence() -> None:
    # c = 4: 500 tokens, 2 x 2 x 500 x 1000 = 2e6 bytes.
    found = stage_transfer_seconds(work(), framework(), rates(), atom(context=4))
    assert found[0] == about(0.25 * 2e6 / 1e11)
