"""Mixture-of-experts layers and latent attention by hand; M = 2000 tokens, constants of `performance.toy`."""

from __future__ import annotations

import pytest

from gpuplan.performance.constants import use_constants
from performance.toy import MLA, MOE, about, layer, round_constants, work

pytestmark = pytest.mark.usefixtures("toy_constants")

# Attention products as in test_layers: 12e9 FLOP, 34e6 bytes. Router 1000 x 16: 64e6 FLOP, 2 (2e6 + 16e3 + 32e3) = 4.096e6 bytes.
ATTENTION_FLOP, ATTENTION_BYTES = 12e9, 34e6
ROUTER_FLOP, ROUTER_BYTES = 64e6, 4.096e6


def seconds(flop: float, moved: float) -> float:
    return flop / 1e14 + 0.5 * moved / 1e12


def test_experts_multiply_the_tokens_routed_to_them_by_their_whole_group() -> None:
    # e = 4 ranks send 2000 x 2 tokens each to 16 experts: 1000 rows an expert, 4 experts on a GPU, three matrices of 1000 x 500:
    # 12 products of 1e9 FLOP and 2 (1e6 + 0.5e6 + 0.5e6) = 4e6 bytes.
    forward = seconds(ATTENTION_FLOP + ROUTER_FLOP + 12e9, ATTENTION_BYTES + ROUTER_BYTES + 48e6)
    assert layer(work(MOE), expert=4)["matmul"] == about(3 * forward)


def test_without_expert_parallelism_each_expert_gets_few_rows() -> None:
    # 250 rows an expert, 16 experts: the same FLOP, but 48 products of 2 (0.25e6 + 0.5e6 + 0.125e6) = 1.75e6 bytes.
    forward = seconds(ATTENTION_FLOP + ROUTER_FLOP + 12e9, ATTENTION_BYTES + ROUTER_BYTES + 84e6)
    assert layer(work(MOE))["matmul"] == about(3 * forward)


def test_tensor_parallel_ranks_share_the_tokens_of_the_experts() -> None:
    # t = 2, e = 4: 2000 x 2 x 4 / (2 x 16) = 500 rows, 12 products of 0.5e9 FLOP and 2 (0.5e6 + 0.5e6 + 0.25e6) = 2.5e6 bytes;
    # attention 6e9 and 25e6; the router scores 1000 tokens a rank: 32e6 and 2 (1e6 + 16e3 + 16e3) = 2.064e6.
    forward = seconds(6e9 + 32e6 + 6e9, 25e6 + 2.064e6 + 30e6)
    assert layer(work(MOE), tensor=2, expert=4)["matmul"] == about(3 * forward)


def test_experts_that_are_cut_multiply_all_tokens_of_their_ranks_in_narrower_products() -> None:
    # t = f = 2, e = 4: 2000 x 2 x 8 / (2 x 16) = 1000 rows, 4 experts of 1000 x 250 and 250 x 1000: 12 products of 0.5e9 FLOP and
    # 2 (1e6 + 0.25e6 + 0.25e6) = 3e6 bytes. The rest as above.
    forward = seconds(6e9 + 32e6 + 6e9, 25e6 + 2.064e6 + 36e6)
    assert layer(work(MOE), tensor=2, expert=4, expert_tensor=2)["matmul"] == about(3 * forward)


def test_experts_that_are_cut_move_their_part_of_the_weights() -> None:
    # t = 2 halves the 96e6 bytes of test_routing_and_expert_weights_move_bytes; 10 bytes for each of 24e6 / (4 x 2) parameters.
    found = layer(work(MOE), tensor=2, expert=4, expert_tensor=2)["elementwise"]
    assert found == about(3 * 48e6 / 1e12 + 10 * 3e6 / 1e12)
    # Beside the experts 3 M / 2 + 18,000; 2 bytes each to unpack fp8, in both passes.
    unpacked = layer(work(MOE, "lora", weights="fp8"), tensor=2, expert=4, expert_tensor=2)["quantise"]
    assert unpacked == about(2 * 2 * 4_518_000 / 1e12)


def test_context_parallel_ranks_route_their_part_of_the_tokens() -> None:
    # c = 2, e = 4: 1000 x 2 x 4 / 16 = 500 rows, 12 products of 0.5e9 FLOP and 2 (0.5e6 + 0.5e6 + 0.25e6) = 2.5e6 bytes. Attention
    # (test_layers) 6e9 and 20e6, router 32e6 and 2 (1e6 + 16e3 + 16e3) = 2.064e6.
    forward = seconds(6e9 + 32e6 + 6e9, 20e6 + 2.064e6 + 30e6)
    assert layer(work(MOE), context=2, expert=4)["matmul"] == about(3 * forward)


def test_router_stays_in_16_bit() -> None:
    forward = 24e9 / 1.5e14 + seconds(ROUTER_FLOP, ATTENTION_BYTES + ROUTER_BYTES + 48e6)
    assert layer(work(MOE, precision="fp8"), expert=4)["matmul"] == about(3 * forward)


def test_routing_and_expert_weights_move_bytes() -> None:
    # 4000 [10,000 + 4,000 + 4 x 2 x 500] = 72e6; routing 3 x 2 x k h M = 3 x 2 x 2 x 1000 x 2000 = 24e6, both three times;
    # 10 bytes for each of the 24e6 / 4 expert parameters, once.
    found = layer(work(MOE), expert=4)["elementwise"]
    assert found == about(3 * (72e6 + 24e6) / 1e12 + 10 * 6e6 / 1e12)


def test_launch_floor_counts_the_experts_on_the_gpu() -> None:
    # 10 x 0.1 s + 16 / 4 x 0.25 s = 2 s, against which 2 ms of work are nothing; with full recompute 1.5 times that.
    with use_constants(round_constants(launch_seconds=0.1, launch_seconds_per_expert=0.25)):
        plain = sum(layer(work(MOE), expert=4).values())
        repeated = sum(layer(work(MOE), expert=4, recompute="full").values())
    assert plain == pytest.approx(2.0, rel=1e-6)
    assert repeated == pytest.approx(3.0, rel=1e-6)


def test_mixture_does_not_get_the_dense_speed_up() -> None:
    now = sum(layer(work(MOE), expert=4).values())
    with use_constants(round_constants(software_year=2027)):
        assert sum(layer(work(MOE), expert=4).values()) == about(now)


# Latent attention: q_a 0.8e9 FLOP and 5.2e6 bytes, q_b 0.8e9 and 5.2e6, kv_a (1000 x 140) 0.56e9 and 4.84e6, kv_b (100 x 1100)
# 0.44e9 and 5.02e6, o (500 x 1000) 2e9 and 7e6: 4.6e9 FLOP and 27.26e6 bytes.
LATENT_FLOP, LATENT_BYTES = 4.6e9, 27.26e6


def test_latent_attention_in_a_dense_layer() -> None:
    # MLP of test_layers: 24e9 FLOP, 48e6 bytes. Core: 2000 x 1000 x 10 x (100 + 50) = 3e9 FLOP.
    # Element-wise with Hq = 1000 and Hk = 10 x (100 + 50) / 2 = 750: 4000 [10,000 + 2 (1000 + 1500) + 8000] = 92e6 bytes.
    parts = layer(work(MLA))
    assert parts["matmul"] == about(3 * seconds(LATENT_FLOP + 24e9, LATENT_BYTES + 48e6))
    assert parts["attention"] == about(6 * 3e9 / 5e13 * 2)
    assert parts["elementwise"] == about(3 * 92e6 / 1e12)


def test_down_projections_of_latent_attention_are_not_cut() -> None:
    # t = 2: q_a and kv_a keep their width and see the 1000 tokens of a rank's part of the sequence: 0.4e9 and 2.8e6, 0.28e9 and
    # 2.56e6. q_b 0.4e9 and 3e6, kv_b 0.22e9 and 2.71e6, o 1e9 and 5.5e6; MLP 12e9 and 30e6. Together 14.3e9 and 46.57e6.
    assert layer(work(MLA), tensor=2)["matmul"] == about(3 * seconds(14.3e9, 46.57e6))


def test_shared_expert_sees_every_token() -> None:
    # Shared expert of width 500: 6e9 FLOP, 21e6 bytes. e = 16: one routed expert a GPU with 4000 rows: 12e9 and 39e6 bytes.
    # Element-wise: f = 2 x 500 + 500: 4000 [10,000 + 5,000 + 6,000] + 24e6 = 108e6, and 10 x 1.5e6 bytes of weights.
    parts = layer(work(MLA), kind=1, expert=16)
    flop = LATENT_FLOP + 6e9 + 12e9 + ROUTER_FLOP
    assert parts["matmul"] == about(3 * seconds(flop, LATENT_BYTES + 21e6 + 39e6 + ROUTER_BYTES))
    assert parts["elementwise"] == about(3 * 108e6 / 1e12 + 15e6 / 1e12)
