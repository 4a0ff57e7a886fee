"""LoRA and QLoRA by hand: no weight gradients, adapters' traffic, dequantisation; constants of `performance.toy`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpuplan.performance.constants import use_constants
from performance.test_layers import ATTENTION, ELEMENTWISE, MATMUL
from performance.toy import MOE, about, layer, round_constants, work

pytestmark = pytest.mark.usefixtures("toy_constants")

# Adapters: 2 x 2 M x features in and out of the seven linears. Whole on every rank: inputs of q, k, v, gate, up (5,000) and outputs of
# o and down (2,000); cut: outputs of the former (6,000), inputs of the latter (3,000). 2 x 4000 x 16,000 = 128e6 bytes.
ADAPTERS = 128e6 / 1e12


def test_frozen_weights_get_no_gradient() -> None:
    parts = layer(work(method="lora"))
    assert parts["matmul"] == about(2 * MATMUL)
    assert parts["attention"] == about(6 * ATTENTION)


@pytest.mark.parametrize(("name", "factor"), [("megatron", 1), ("hf-peft", 3)])
def test_adapters_move_bytes_of_their_own(name: str, factor: float) -> None:
    assert layer(work(method="lora"), name)["elementwise"] == about(3 * (factor * ELEMENTWISE + ADAPTERS))


def test_adapters_are_cut_with_the_mlp() -> None:
    # t = 2: 2 x 4000 x (7000 + 9000 / 2) = 92e6.
    assert layer(work(method="lora"), tensor=2)["elementwise"] == about(3 * (ELEMENTWISE / 2 + 92e6 / 1e12))


def test_adapters_cost_where_they_are() -> None:
    # Attention only, q, k, v, o: 2 x 4000 x (4 x 1000 + 3000) = 56e6.
    job = replace(work(method="lora"), lora_targets="attention")
    assert layer(job)["elementwise"] == about(3 * (ELEMENTWISE + 56e6 / 1e12))


def test_unpacking_launches_more_kernels() -> None:
    plain, slower = (round_constants(launch_seconds=10.0, launch_unpack_ratio=ratio) for ratio in (1, 1.5))
    jobs = work(method="qlora", weights="nf4"), work(method="lora")
    for job, ratio in zip(jobs, (1.5, 1.0), strict=True):
        with use_constants(plain):
            before = layer(job, "hf-peft")["launch"]
        with use_constants(slower):
            assert layer(job, "hf-peft")["launch"] == pytest.approx(ratio * before, rel=0.01)


@pytest.mark.parametrize(
    ("name", "method", "weights", "per_parameter"),
    [
        ("hf-peft", "qlora", "nf4", 4),
        ("hf-peft", "lora", "int8", 3),
        ("megatron", "lora", "fp8", 2),
        ("hf-peft", "lora", "bf16", 0),
    ],
)
def test_frozen_weights_are_unpacked_forward_and_backward(
    name: str, method: str, weights: str, per_parameter: float
) -> None:
    # Every parameter of the layer, 9,002,000, in both passes.
    assert layer(work(method=method, weights=weights), name)["quantise"] == about(2 * per_parameter * 9_002_000 / 1e12)


def test_full_recompute_unpacks_a_third_time() -> None:
    parts = layer(work(method="qlora", weights="nf4"), "hf-peft", recompute="full")
    unpack = 4 * 9_002_000 / 1e12
    assert parts["quantise"] == about(2 * unpack)
    assert parts["recompute"] == about(MATMUL + ATTENTION + 3 * ELEMENTWISE + ADAPTERS + unpack)


def test_a_gpu_unpacks_what_it_holds() -> None:
    # t = 2: the 9 M of the matrices are cut, the 2000 of the norms are not. Experts: 3,018,000 beside them, 24 M / 4 of them.
    cut = layer(work(method="lora", weights="fp8"), tensor=2)["quantise"]
    assert cut == about(2 * 2 * 4_502_000 / 1e12)
    mixture = layer(work(MOE, "lora", weights="fp8"), expert=4)["quantise"]
    assert mixture == about(2 * 2 * 9_018_000 / 1e12)


def test_fp8_weights_enter_fp8_products_as_they_are() -> None:
    # Only the activations are cast: 20e6 bytes (test_layers).
    assert layer(work(method="lora", precision="fp8", weights="fp8"))["quantise"] == about(20e6 / 1e12)
    assert layer(work(method="lora", precision="fp8"))["quantise"] == about(20e6 / 1e12)
