"""FLOP that the model needs, which MFU divides by: no recompute, no weight gradients of frozen weights."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpuplan.performance.predict import model_flops, predict
from gpuplan_models import architecture
from performance.toy import DENSE, NODE, TIED, about, framework, layout, windowed, work

# The 7B model without the embedding, which is looked up: 7,615,616,512 - 152,064 x 3584.
SEVEN = 7_070_619_136
# Causal attention of a token in a sequence of 4096: 28 layers x 4096 x 28 heads x (128 + 128).
CORE = 28 * 4096 * 28 * 256


@pytest.mark.parametrize(
    ("method", "weights", "passes"), [("full", "bf16", 3), ("lora", "bf16", 2), ("qlora", "nf4", 2)]
)
def test_7b_takes_6_or_4_flop_a_parameter(method: str, weights: str, passes: int) -> None:
    job = work(architecture("deepseek-r1-distill-qwen-7b"), method, weights=weights, sequence_length=4096)
    assert model_flops(job, 1.0) == about(passes * 2 * SEVEN + 3 * CORE)
    assert model_flops(job, 1e6) == about(1e6 * (passes * 2 * SEVEN + 3 * CORE))


def test_r1_computes_with_37_billion_parameters() -> None:
    # A token passes through 3 dense layers of 583,483,392 and 58 of 232,997,120 + 8 x 44,040,192, head 129,280 x 7168 and norm.
    active = 3 * 583_483_392 + 58 * (232_997_120 + 8 * 44_040_192) + 129_280 * 7168 + 7168
    assert active == pytest.approx(37e9, rel=0.02)
    # Latent attention: 61 layers x 4096 x 128 heads x (192 + 128).
    core = 61 * 4096 * 128 * 320
    job = work(architecture("deepseek-r1"), sequence_length=4096)
    assert model_flops(job, 1.0) == about(6 * active + 3 * core)


def test_tied_embedding_multiplies_as_a_head() -> None:
    assert model_flops(work(TIED), 1.0) == about(model_flops(work(DENSE), 1.0))


def test_pairs_that_no_query_sees_are_not_needed() -> None:
    # The core of DENSE takes 8 layers x 1000 x 10 heads x (100 + 100) = 16e6 FLOP a token; with w = 250 of s = 1000 0.4375 of it,
    # without a causal mask twice as much.
    products = 6 * (92_017_000 - 10_000_000)
    assert model_flops(work(DENSE), 1.0) == about(products + 3 * 16e6)
    assert model_flops(work(windowed(DENSE, 250)), 1.0) == about(products + 3 * 7e6)
    assert model_flops(work(windowed(DENSE, None, causal=False)), 1.0) == about(products + 3 * 32e6)


def test_position_embeddings_are_looked_up_not_multiplied() -> None:
    positions = replace(DENSE, extra_embedding_parameters=5_000_000)
    assert model_flops(work(positions), 1.0) == about(model_flops(work(DENSE), 1.0))
    assert model_flops(work(replace(positions, tied_embeddings=True)), 1.0) == about(model_flops(work(DENSE), 1.0))


@pytest.mark.usefixtures("toy_constants")
@pytest.mark.parametrize(("precision", "peak"), [("bf16", 2e14), ("fp8", 4e14)])
def test_utilisation_is_of_the_datasheet_peak(precision: str, peak: float) -> None:
    job = work(precision=precision)
    found = predict(job, framework(), NODE, 1, layout(data=4, zero=1, global_batch=32))
    share = model_flops(job, 32_000) / (found.step_seconds * 4 * peak)
    assert found.model_flops_utilisation == about(share)
