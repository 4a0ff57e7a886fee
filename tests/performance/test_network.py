"""Bytes that each network card carries in a step, by hand; sizes and rates from `performance.toy`, nodes of 8 GPUs."""

from __future__ import annotations

from typing import Any

import pytest

from gpuplan.performance.constants import use_constants
from gpuplan.performance.predict import predict
from gpuplan.performance.workload import Workload
from performance.toy import MOE, NODE, about, framework, layout, round_constants, work

pytestmark = pytest.mark.usefixtures("toy_constants")


def network_bytes(job: Workload, nodes: int, name: str = "megatron", **decisions: Any) -> float:
    return predict(job, framework(name), NODE, nodes, layout(name, **decisions)).network_bytes_per_step_per_gpu


def test_gradients_cross_once_a_step() -> None:
    # d = 16: 4 x 92,017,000 x 15/16, an eighth over each card; as much for one micro-batch as for three.
    for global_batch in (32, 96):
        found = network_bytes(work(), 2, data=16, zero=1, global_batch=global_batch)
        assert found == about(4 * 92_017_000 * 15 / 16 / 8)


def test_layers_are_gathered_for_every_micro_batch() -> None:
    # torch, ZeRO-3, d = 16, 3 micro-batches: 8 x 9,002,000 x 15/16 / 8 = 8,439,375 bytes, of 8 layers each time; embedding and
    # head 8 x 2 x 10e6 x 15/16 / 8 = 18.75e6. Gradients are reduced with them, not once more at the end.
    found = network_bytes(work(), 2, "torch-fsdp", data=16, zero=3, global_batch=96)
    assert found == about(3 * (8 * 8_439_375 + 18_750_000))


def test_frozen_layers_are_gathered_as_stored_and_adapters_exchanged() -> None:
    # 2 x 0.6 bytes x 9,002,000 x 15/16 / 8 = 1,265,906.25; adapters 4 x 8 x 256,000 x 15/16 / 8 = 960,000; the ends stay in 16 bit:
    # 2 x 2 x 20e6 x 15/16 / 8 = 9.375e6.
    job = work(method="qlora", weights="nf4")
    found = network_bytes(job, 2, "hf-peft", data=16, zero=3, global_batch=96)
    assert found == about(3 * (8 * 1_265_906.25 + 9_375_000) + 960_000)


def test_what_is_freed_after_a_repeated_forward_is_gathered_a_third_time() -> None:
    job = work(method="lora")
    decisions = {"data": 16, "zero": 3, "global_batch": 96}
    with use_constants(round_constants(gathers_recomputed=3.0)):
        whole, kept = (network_bytes(job, 2, "hf-peft", recompute=mode, **decisions) for mode in ("full", "none"))
    assert (whole - 960_000) / (kept - 960_000) == pytest.approx(3 / 2)


def test_experts_are_gathered_over_fewer_cards() -> None:
    # Megatron, ZeRO-3, d = 16, e = 4, one micro-batch, by layer: beside the experts 8 x 3,018,000 x 15/16 / 8 = 2,829,375; of
    # the experts 8 x 6e6 x 3/4 over 2 cards = 18e6. Tokens stay in the node. Embedding and head as for dense models.
    found = network_bytes(work(MOE), 2, data=16, expert=4, zero=3, global_batch=32)
    assert found == about(8 * 20_829_375 + 18_750_000)


@pytest.mark.parametrize(("recompute", "directions"), [("none", 2), ("selective", 2), ("full", 3)])
def test_tokens_cross_to_experts_on_other_nodes(recompute: str, directions: int) -> None:
    # d = e = 16, 3 micro-batches: dispatch and combine of 2 M h = 4e6 bytes, 0.75 copies of them (test_communication): 6e6 a layer
    # and direction. Gradients beside the experts 4 x 44,145,000 x 15/16 / 8; every expert lies on one rank.
    found = network_bytes(work(MOE), 2, data=16, expert=16, zero=1, global_batch=96, recompute=recompute)
    assert found == about(3 * 8 * directions * 6e6 + 4 * 44_145_000 * 15 / 16 / 8)


@pytest.mark.parametrize(
    ("tensor", "data", "transfer"),
    [
        # 2 x 2 M h = 8e6 bytes, cut by sequence parallelism; the data-parallel group lies in a node.
        (8, 1, 1e6),
        (4, 2, 2e6),
        (1, 8, 8e6),
    ],
)
def test_stages_on_two_nodes_hand_over_their_activations(tensor: int, data: int, transfer: float) -> None:
    # p = 2, 4 micro-batches.
    found = network_bytes(work(), 2, tensor=tensor, pipeline=2, data=data, zero=1, global_batch=8 * data)
    assert found == about(4 * transfer)


@pytest.mark.parametrize(
    ("name", "job", "decisions"),
    [
        ("megatron", work(), {"tensor": 2, "pipeline": 2, "data": 2, "zero": 1}),
        ("megatron", work(MOE), {"data": 8, "expert": 8, "zero": 1, "global_batch": 16, "recompute": "full"}),
        ("megatron", work(MOE), {"data": 8, "expert": 4, "zero": 3, "global_batch": 16}),
        ("torch-fsdp", work(), {"data": 8, "zero": 3, "global_batch": 16}),
    ],
)
def test_one_node_uses_no_network(name: str, job: Workload, decisions: dict[str, Any]) -> None:
    assert network_bytes(job, 1, name, **decisions) == 0
