"""Optimizer or parameters on the host by hand: bytes on either side, streams over the link, the host's step; `performance.toy`.

The link to the host's memory reaches 1e10 bytes/s, and the host steps 1e9 parameters a second for the GPUs in use of a node.
"""

from __future__ import annotations

import pytest

from gpuplan.performance.constants import use_constants
from gpuplan.performance.predict import predict
from performance.test_communication import WITHIN, end_gather, gather
from performance.test_states import model_states
from performance.toy import MODEL, MOE, NODE, about, framework, held, layout, round_constants, work

pytestmark = pytest.mark.usefixtures("toy_constants")


def test_offloaded_optimizer_leaves_weights_and_gradients() -> None:
    # d = 4 with ZeRO-1: 12 bytes of a quarter of the model on the host, and 4 of its gradients. Once a step these 4 bytes go down
    # and 2 of weights come up; the host steps 4 GPUs' quarters at 1e9 parameters/s beside 0.01 + 2 x 0.001 s.
    found = held(work(), data=4, zero=1, offload="optimizer")
    assert model_states(found) == about((2 * MODEL, 4 * MODEL, 0))
    assert found.host_bytes[0] == about((12 + 4) * MODEL / 4)
    assert found.host_link_bytes[0] == about((4 + 2) * MODEL / 4)
    assert found.fixed_seconds[0] == about(0.012 + 4 * MODEL / 4 / 1e9)
    assert found.optimizer_traffic_bytes[0] == 0
    assert found.link_bytes[0] == about(held(work(), data=4, zero=1).link_bytes[0])


def test_what_is_stepped_on_the_host_is_not_copied_on_the_gpu() -> None:
    # LLaMA-Factory steps a copy of an fp32 moment (test_states); its 16 bytes are 4 of weight, 4 of gradient and 8 of moments.
    assert held(work(), "llama-factory", data=4, zero=2).step_bytes[0, 0] == about(MODEL)
    away = held(work(), "llama-factory", data=4, zero=2, offload="optimizer")
    assert away.step_bytes[0, 0] == 0
    assert away.stepping_bytes[0, 0] == away.held_bytes[0, 0]


def test_weights_are_cast_to_8_bit_where_they_are() -> None:
    found = held(work(precision="fp8"), data=4, zero=1, offload="optimizer")
    assert found.optimizer_traffic_bytes[0] == about(3 * MODEL)


def test_host_holds_most_for_the_largest_stage() -> None:
    # p = 4: the last stage trains 28,005,000; 12 + 4 bytes on one rank. Nothing else is on the host without offloading.
    found = held(work(), pipeline=4, zero=1, offload="optimizer")
    assert found.host_bytes[0] == about(16 * 28_005_000)
    plain = held(work(), pipeline=4, zero=1)
    assert (plain.host_bytes[0], plain.host_link_bytes[0]) == (0, 0)


def test_offloaded_parameters_leave_what_is_gathered() -> None:
    # torch FSDP, d = 4: 4 + 4 + 8 bytes of a quarter on the host; on the GPU two gathered layers and an end, and the base. Shards
    # are streamed layer by layer (see below), so nothing moves once a step.
    found = held(work(), "torch-fsdp", data=4, zero=3, offload="parameters")
    assert model_states(found) == (0, 0, 0)
    assert found.held_bytes[0] == about([56.008e6 + 1.5e9] * 3)
    assert found.host_bytes[0] == about(16 * MODEL / 4)
    assert found.host_link_bytes[0] == 0
    assert found.fixed_seconds[0] == about(0.012 + 4 * MODEL / 4 / 1e9)


def test_frozen_weights_are_offloaded_with_the_adapters() -> None:
    # 16 bit of 92,017,000 and 4 + 4 + 8 bytes of 8 x 256,000 adapters, on one rank.
    adapters = 8 * 256_000
    found = held(work(method="lora"), "hf-peft", zero=3, offload="parameters")
    assert found.host_bytes[0] == about(2 * MODEL + 16 * adapters)
    assert model_states(found) == (0, 0, 0)
    assert found.fixed_seconds[0] == about(0.01 + 1 * adapters / 1e9)


def test_offloaded_states_are_on_the_host() -> None:
    # The dense model on one GPU, its 8 bytes of moments and 4 of a copy of the gradients on the host.
    kept = predict(work(), framework("torch-fsdp"), NODE, 1, layout("torch-fsdp"))
    found = predict(work(), framework("torch-fsdp"), NODE, 1, layout("torch-fsdp", offload="optimizer"))
    assert found.memory_parts == kept.memory_parts | {"optimizer": 0}
    assert (kept.host_bytes, found.host_bytes) == about((0, 12 * 92_017_000))
    # With the parameters on the host two layers and an end are there at a time (see above).
    plan = layout("torch-fsdp", zero=3, offload="parameters")
    found = predict(work(), framework("torch-fsdp"), NODE, 1, plan)
    away = {"weights": 0, "gradients": 0, "optimizer": 0, "gathered_and_unpacked": 56.008e6}
    assert found.memory_parts == about(kept.memory_parts | away)
    assert found.host_bytes == about(16 * 92_017_000)


# Shards that live on the host, whose link reaches 1e10 bytes/s.
def test_shards_come_from_the_host_before_they_are_gathered() -> None:
    # torch on 4 ranks: a quarter of 8 bytes x 9,002,000 (two gathers, and the gradients back) = 18.004e6 bytes, beside the gather.
    streamed = 18.004e6 / 1e10 + WITHIN
    assert gather(work(), 1.0, ranks=4, streamed=True) == about(0.4 * streamed)
    assert gather(work(), 1e-3, ranks=4, streamed=True) == about(streamed - 1e-3 + 0.4 * 1e-3)
    # One GPU streams all of it and gathers nothing.
    assert gather(work(), 1.0, streamed=True) == about(0.4 * 8 * 9_002_000 / 1e10)


def test_recompute_streams_the_weights_once_more() -> None:
    # 3 x 2 bytes and 4 of gradients.
    with use_constants(round_constants(gathers_recomputed=3)):
        assert gather(work(), 1.0, streamed=True, recompute="full") == about(0.4 * 10 * 9_002_000 / 1e10)


def test_frozen_shards_are_streamed_as_they_are_stored() -> None:
    # 2 x 0.6 bytes; no gradients of them.
    job = work(method="qlora", weights="nf4")
    assert gather(job, 1.0, "hf-peft", streamed=True) == about(0.4 * 1.2 * 9_002_000 / 1e10)


def test_experts_are_streamed_from_fewer_shards() -> None:
    # d = 8, e = 4: 8 bytes x (3,018,000 / 8 + 6 M / 2) from the host, beside 45.126e6 bytes over the link (test_communication).
    streamed = 8 * (3_018_000 / 8 + 3e6) / 1e10 + 45.126e6 / 1e11
    assert gather(work(MOE), 1.0, "megatron", ranks=8, expert=4, streamed=True) == about(0.4 * streamed)


def test_embedding_and_head_are_streamed_too() -> None:
    # 20e6 parameters x 8 bytes, a quarter of them from each host and 3/4 over the link.
    streamed = 20e6 * 8 / 4 / 1e10 + 20e6 * 8 * 0.75 / 1e11
    assert end_gather(work(), ranks=4, streamed=True) == about(0.4 * streamed)
    assert end_gather(work(), streamed=True) == about(0.4 * 20e6 * 8 / 1e10)


def test_step_with_the_optimizer_on_the_host() -> None:
    # Megatron, d = 4, ZeRO-1: 6 bytes of a quarter of the model over a link of 1e10 bytes/s, and the quarters of 8 GPUs at 1e9/s.
    plan = layout(data=4, zero=1, offload="optimizer")
    found = predict(work(), framework(), NODE, 1, plan)
    assert found.step_parts["optimizer"] == about(6 * 92_017_000 / 4 / 1e10)
    assert found.step_parts["fixed"] == about(0.012 + 4 * 92_017_000 / 4 / 1e9)
    assert found.host_bytes == about(4 * 92_017_000)


def test_step_with_the_parameters_on_the_host() -> None:
    # torch, one GPU, 4 micro-batches: 8 bytes of each layer's 9,002,000 at 1e10 bytes/s = 7.2016e-3 s, longer than the layer of
    # 2.691e-3 s, of which two fifths stay exposed. Nothing moves once a step.
    plan = layout("torch-fsdp", zero=3, offload="parameters")
    found = predict(work(), framework("torch-fsdp"), NODE, 1, plan)
    assert found.step_parts["weight_gather"] == about(4 * 8 * (7.2016e-3 - 0.6 * 2.691e-3))
    assert found.step_parts["optimizer"] == 0
    assert found.step_parts["fixed"] == about(0.01 + 1 * 92_017_000 / 1e9)
