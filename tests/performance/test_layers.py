"""One dense layer and one micro-batch of M = 2 x 1000 tokens, worked out by hand with the round constants of `performance.toy`."""

from __future__ import annotations

import numpy as np
import pytest

from gpuplan.performance.constants import use_constants
from gpuplan.performance.layers import head_seconds, matmul_seconds
from performance.toy import DENSE, about, atom, framework, layer, rates, round_constants, ungated, windowed, work

pytestmark = pytest.mark.usefixtures("toy_constants")

# The layer's products, M = 2000 rows; FLOP are 2 M K N, bytes 2 (MK + KN + MN):
#   q     1000 x 1000   4e9 FLOP   2 (2e6 + 1e6   + 2e6) = 10e6 bytes
#   k, v  1000 x  500   2e9        2 (2e6 + 0.5e6 + 1e6) =  7e6 each
#   o     1000 x 1000   4e9                                10e6
#   gate, up 1000 x 2000  8e9      2 (2e6 + 2e6   + 4e6) = 16e6 each
#   down  2000 x 1000   8e9        2 (4e6 + 2e6   + 2e6) = 16e6
# together 36e9 FLOP and 82e6 bytes, half of which (kappa) is not hidden:
MATMUL = 36e9 / 1e14 + 0.5 * 82e6 / 1e12  # 3.6e-4 + 4.1e-5 = 4.01e-4 s
# Flash attention: 2000 tokens x 1000 keys x 10 heads x (100 + 100), the causal half of 4 M s Hq: 4e9 FLOP at 5e13; a sequence of
# 1000 tokens runs at 1 / (1 + 1000/1000) of the speed.
ATTENTION = 4e9 / 5e13 * 2  # 1.6e-4 s
# Element-wise: 2 M [10 h + 2 (Hq + 2 Hk) + 4 f] = 4000 [10,000 + 4,000 + 8,000] = 88e6 bytes.
ELEMENTWISE = 88e6 / 1e12  # 8.8e-5 s


def test_one_product_is_its_flop_and_its_traffic() -> None:
    # 10 x 20 by 20 x 30: 12,000 FLOP at 1e6 = 0.012 s; 2 (200 + 600 + 300) = 2,200 bytes x 0.5 / 1e5 = 0.011 s.
    seconds = matmul_seconds(np.array([10.0]), 20.0, 30.0, np.array([1e6]), np.array([1e5]))
    assert seconds[0] == about(0.023)


def test_training_everything_takes_the_products_three_times() -> None:
    assert layer(work())["matmul"] == about(3 * MATMUL)


def test_tensor_parallelism_cuts_columns_and_rows() -> None:
    # t = 2 halves the FLOP. Columns: q 2 (2e6 + 0.5e6 + 1e6) = 7e6, k and v 2 (2e6 + 0.25e6 + 0.5e6) = 5.5e6 each, gate and up
    # 2 (2e6 + 1e6 + 2e6) = 10e6 each. Rows: o 2 (1e6 + 0.5e6 + 2e6) = 7e6, down 2 (2e6 + 1e6 + 2e6) = 10e6. Together 55e6 bytes.
    forward = 18e9 / 1e14 + 0.5 * 55e6 / 1e12
    assert layer(work(), tensor=2)["matmul"] == about(3 * forward)


def test_backward_attention_has_two_and_a_half_times_the_flop() -> None:
    # At half the efficiency: 2.5 / 0.5 = 5 forwards; 6 in all.
    assert layer(work())["attention"] == about(6 * ATTENTION)
    assert layer(work(), tensor=2)["attention"] == about(3 * ATTENTION)


def test_attention_grows_with_the_square_of_the_sequence() -> None:
    # s = 4000, one sequence: 4000 x 4000 x 10 x 200 = 32e9 FLOP at 5e13, x (1 + 1000/4000), 6 forwards.
    assert layer(work(sequence_length=4000), micro_batch=1)["attention"] == about(6 * 32e9 / 5e13 * 1.25)


def test_context_parallel_ranks_compute_a_part_of_the_sequence() -> None:
    # c = 2: M = 1000 rows. q, o 2e9 FLOP and 2 (1e6 + 1e6 + 1e6) = 6e6 bytes, k, v 1e9 and 4e6, gate, up, down 4e9 and 10e6:
    # 18e9 and 50e6. Half of the queries see all keys; everything else halves.
    parts = layer(work(), context=2)
    assert parts["matmul"] == about(3 * (18e9 / 1e14 + 0.5 * 50e6 / 1e12))
    assert parts["attention"] == about(6 * ATTENTION / 2)
    assert parts["elementwise"] == about(3 * ELEMENTWISE / 2)
    assert layer(work(precision="fp8"), context=2)["quantise"] == about(10e6 / 1e12)


def test_window_leaves_out_the_pairs_beyond_it() -> None:
    # s = 1000, w = 250: the first 250 queries see 250^2 / 2 = 31,250 keys together, the other 750 see 250 each = 187,500; of
    # 500,000 that is 0.4375. A window of the sequence or more leaves nothing out.
    assert layer(work(windowed(DENSE, 250)))["attention"] == about(6 * 0.4375 * ATTENTION)
    assert layer(work(windowed(DENSE, 1000)))["attention"] == layer(work())["attention"]
    assert layer(work(windowed(DENSE, 4096)))["attention"] == layer(work())["attention"]


def test_attention_to_what_follows_has_twice_the_pairs() -> None:
    assert layer(work(windowed(DENSE, None, causal=False)))["attention"] == about(12 * ATTENTION)


@pytest.mark.parametrize(("name", "factor"), [("megatron", 1), ("torch-fsdp", 2), ("hf-peft", 3)])
def test_elementwise_traffic_is_the_frameworks(name: str, factor: float) -> None:
    assert layer(work(), name)["elementwise"] == about(3 * factor * ELEMENTWISE)


def test_sequence_parallelism_cuts_norms_and_residuals_too() -> None:
    # Megatron: everything halves. Without sequence parallelism the 10 h stay: 4000 [10,000 + 2,000 + 4,000] = 64e6.
    assert layer(work(), tensor=2)["elementwise"] == about(3 * ELEMENTWISE / 2)
    assert layer(work(), "torch-fsdp", tensor=2)["elementwise"] == about(3 * 2 * 64e6 / 1e12)


def test_mlp_without_a_gate_moves_half_of_its_width() -> None:
    # 2g + 2 = 2: 4000 [10,000 + 4,000 + 4,000] = 72e6 bytes. Products: one 1000 x 2000 less, 28e9 FLOP and 66e6 bytes.
    parts = layer(work(ungated(DENSE)))
    assert parts["elementwise"] == about(3 * 72e6 / 1e12)
    assert parts["matmul"] == about(3 * (28e9 / 1e14 + 0.5 * 66e6 / 1e12))


def test_fp8_multiplies_faster_and_casts() -> None:
    # 36e9 FLOP at 1.5e14; the traffic stays. Casts forward: 2 x 2000 x (2 x 1000 + 1000 + 2000) = 20e6 bytes.
    parts = layer(work(precision="fp8"))
    assert parts["matmul"] == about(3 * (36e9 / 1.5e14 + 4.1e-5))
    assert parts["quantise"] == about(20e6 / 1e12)
    assert parts["attention"] == about(6 * ATTENTION)
    assert layer(work())["quantise"] == 0
    # t = 2 halves all of them, with sequence parallelism the 2 h too; without, 2 x 2000 x (2000 + 1500) = 14e6 bytes.
    assert layer(work(precision="fp8"), tensor=2)["quantise"] == about(10e6 / 1e12)
    assert layer(work(precision="fp8"), "torch-fsdp", tensor=2)["quantise"] == about(14e6 / 1e12)


def test_full_recompute_repeats_the_forward_with_its_communication() -> None:
    # t = 2: products 2.075e-4, attention 8e-5, element-wise 4.4e-5, collectives 2e-5 (see test_communication).
    assert layer(work(), recompute="full")["recompute"] == about(MATMUL + ATTENTION + ELEMENTWISE)
    repeated = layer(work(), recompute="full", tensor=2)["recompute"]
    assert repeated == about(2.075e-4 + 8e-5 + 4.4e-5 + 2e-5)


def test_selective_recompute_is_the_attention_core_or_a_share() -> None:
    assert layer(work(), recompute="selective")["recompute"] == about(ATTENTION)
    # torch: 0.4 of the forward, whose element-wise traffic is twice Megatron's.
    forward = MATMUL + ATTENTION + 2 * ELEMENTWISE
    assert layer(work(), "torch-fsdp", recompute="selective")["recompute"] == about(0.4 * forward)
    assert layer(work())["recompute"] == 0


BUSY = 3 * MATMUL + 6 * ATTENTION + 3 * ELEMENTWISE  # 1.203e-3 + 9.6e-4 + 2.64e-4 = 2.427e-3 s


def test_parts_add_up() -> None:
    assert sum(layer(work()).values()) == about(2.427e-3)


def test_launch_floor_is_a_cubic_norm() -> None:
    # A floor as high as the work: (x^3 + x^3)^(1/3) = 2^(1/3) x.
    with use_constants(round_constants(launch_seconds=2.427e-3)):
        parts = layer(work())
    assert sum(parts.values()) == about(BUSY * 2 ** (1 / 3))
    assert parts["launch"] == about(BUSY * (2 ** (1 / 3) - 1))


def test_launch_floor_is_higher_with_full_recompute() -> None:
    # Work 2.427e-3 + 6.49e-4 = 3.076e-3, floor 1.5 x 2e-3 = 3e-3.
    with use_constants(round_constants(launch_seconds=2e-3)):
        parts = layer(work(), recompute="full")
    assert sum(parts.values()) == about((3.076e-3**3 + 3e-3**3) ** (1 / 3))


def test_launch_floor_never_takes_time_away() -> None:
    # The cube root of work that dwarfs the floor may round to less than the work.
    with use_constants(round_constants(launch_seconds=1e-12)):
        assert all(layer(work(), micro_batch=b)["launch"] >= 0 for b in range(1, 200))


def test_software_of_later_years_is_faster_on_dense_megatron_layers() -> None:
    # Twice as fast a year, two years after 2025.
    with use_constants(round_constants(software_year=2027)):
        assert sum(layer(work()).values()) == about(BUSY / 4)
        assert sum(layer(work(), "torch-fsdp").values()) == about(BUSY + 3 * ELEMENTWISE)


# Head: 2000 x 1000 by 1000 x 10,000: 40e9 FLOP, 2 (2e6 + 10e6 + 20e6) = 64e6 bytes; loss 20 bytes x 2000 x 10,000 = 400e6.
HEAD = 40e9 / 1e14 + 0.5 * 64e6 / 1e12  # 4.32e-4 s


@pytest.mark.parametrize(
    ("method", "name", "tensor", "seconds"),
    [
        ("full", "megatron", 1, 3 * HEAD + 4e-4),
        ("lora", "megatron", 1, 2 * HEAD + 4e-4),
        ("lora", "hf-peft", 1, 2 * HEAD + 8e-4),
        # t = 2: 20e9 FLOP, 2 (2e6 + 5e6 + 10e6) = 34e6 bytes.
        ("full", "megatron", 2, 3 * (20e9 / 1e14 + 0.5 * 34e6 / 1e12) + 2e-4),
    ],
)
def test_head_and_loss(method: str, name: str, tensor: int, seconds: float) -> None:
    found = head_seconds(work(method=method), framework(name), rates(), atom(tensor=tensor))
    assert found[0] == about(seconds)


def test_head_of_a_part_of_the_sequence() -> None:
    # c = 2: 20e9 FLOP, 2 (1e6 + 10e6 + 10e6) = 42e6 bytes, half of the loss.
    found = head_seconds(work(), framework(), rates(), atom(context=2))
    assert found[0] == about(3 * (20e9 / 1e14 + 0.5 * 42e6 / 1e12) + 2e-4)


def test_head_waits_for_what_zero_3_gathers() -> None:
    # torch on 4 ranks: 20e6 x 8 x 3/4 / 1e11 = 1.2e-3 s, shorter than the head of 1.696e-3 s: two fifths are exposed.
    found = head_seconds(work(), framework("torch-fsdp"), rates(), atom(gather=4))
    assert found[0] == about(3 * HEAD + 4e-4 + 0.4 * 1.2e-3)


def test_head_stays_in_16_bit() -> None:
    found = head_seconds(work(precision="fp8"), framework(), rates(precision="fp8"), atom())
    assert found[0] == about(3 * HEAD + 4e-4)
