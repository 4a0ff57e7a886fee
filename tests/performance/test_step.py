"""How the terms of a step meet, by hand: slowest stage, exposed exchange, optimizer, fixed time; `performance.toy`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpuplan.performance.predict import predict
from gpuplan.performance.step import StepTerms
from performance.toy import DENSE, NODE, about, framework, layout, slower, work

pytestmark = pytest.mark.usefixtures("toy_constants")

# Two kinds of layer of 1 and 10 s, a head of 5 s, transfers of 0.5 s; three stages.
TERMS = StepTerms(
    layer=np.array([[1.0, 10.0]]),
    head=np.array([5.0]),
    transfer=np.array([0.5]),
    layer_passes=np.array([[[4.0, 2.0], [1.0, 3.0], [0.0, 2.0]]]),
    head_passes=np.array([[0.0, 0.0, 3.0]]),
    transfers=np.array([6.0]),
    mean_layers=np.array([[2.0, 1.0]]),
    exchange=np.array([0.0]),
    optimizer=np.array([7.0]),
    fixed=np.array([0.25]),
)


def test_slowest_stage_decides() -> None:
    # 4 + 20, 1 + 30, 20 + 15, each + 3 of transfers.
    assert TERMS.stage_seconds()[0].tolist() == [27, 34, 38]
    assert TERMS.seconds()[0] == about(38 + 7 + 0.25)


@pytest.mark.parametrize(
    ("exchange", "exposed"),
    [
        # The window is half of a mean stage's pass: 0.5 (2 x 1 + 1 x 10) = 6 s. A fifth is never hidden.
        (0, 0),
        (5, 1),
        (7.5, 1.5),
        (10, 4),
        (100, 94),
    ],
)
def test_exchange_hides_behind_one_micro_batch(exchange: float, exposed: float) -> None:
    terms = replace(TERMS, exchange=np.array([float(exchange)]))
    assert terms.exposed_exchange()[0] == about(exposed)
    assert terms.seconds()[0] == about(38 + 7 + 0.25 + exposed)


def test_step_of_a_pipeline() -> None:
    # Megatron, p = 2, d = 4, ZeRO-1, 32 sequences in micro-batches of 2: m = 4. The last stage is the slowest.
    #   layer 2.427e-3 and head 1.696e-3 (test_layers), transfer 2e-5 (test_communication)
    #   own work 4 x 4 layers and 4 heads; the bubble is half of the 8 layers and of the head; 4 + 1 transfers
    #   exchange 4 x 46,009,000 x 3/4 / 1e11 = 1.38027e-3 s, less than the window of 4 layers / 2; a fifth is exposed
    #   optimizer 50 x 46,009,000 / 4 / 1e12; fixed 0.01 + 3 x 0.001
    found = predict(work(), framework(), NODE, 1, layout(pipeline=2, data=4, zero=1, global_batch=32))
    assert found.step_parts["matmul"] == about(16 * 1.203e-3)
    assert found.step_parts["attention"] == about(16 * 9.6e-4)
    assert found.step_parts["elementwise"] == about(16 * 2.64e-4)
    assert found.step_parts["head_and_loss"] == about(4 * 1.696e-3)
    assert found.step_parts["pipeline_bubble"] == about(4 * 2.427e-3 + 0.5 * 1.696e-3)
    assert found.step_parts["pipeline_transfer"] == about(5 * 2e-5)
    assert found.step_parts["gradient_exchange"] == about(0.2 * 1.38027e-3)
    assert found.step_parts["optimizer"] == about(5.751125e-4)
    assert found.step_parts["fixed"] == about(0.013)
    assert found.step_seconds == about(0.0701231665)
    assert found.tokens_per_step == 32_000


def test_step_of_an_interleaved_pipeline() -> None:
    # The same with v = 2: the bubble is a quarter of the layers and of the head, and there are 4 x 2 + 1 transfers.
    plan = layout(pipeline=2, virtual=2, data=4, zero=1, global_batch=32)
    found = predict(work(), framework(), NODE, 1, plan)
    assert found.step_parts["matmul"] == about(16 * 1.203e-3)
    assert found.step_parts["pipeline_bubble"] == about(2 * 2.427e-3 + 0.25 * 1.696e-3)
    assert found.step_parts["pipeline_transfer"] == about(9 * 2e-5)
    assert found.step_seconds == about(0.0701231665 - 2 * 2.427e-3 - 0.25 * 1.696e-3 + 4 * 2e-5)


def test_step_with_a_lighter_last_stage() -> None:
    # The same with 5 and 3 layers: the first stage, which has no head, is the slowest now (20 x 2.427e-3 against 12 x 2.427e-3 +
    # 4 x 1.696e-3); it trains 55,010,000.
    plan = layout(pipeline=2, lighter="last", data=4, zero=1, global_batch=32)
    found = predict(work(), framework(), NODE, 1, plan)
    assert found.step_parts["matmul"] == about(20 * 1.203e-3)
    assert found.step_parts["head_and_loss"] == about(0)
    assert found.step_parts["pipeline_bubble"] == about(4 * 2.427e-3 + 0.5 * 1.696e-3)
    assert found.step_parts["gradient_exchange"] == about(0.2 * 4 * 55_010_000 * 0.75 / 1e11)
    assert found.step_parts["optimizer"] == about(50 * 55_010_000 / 4 / 1e12)


def test_a_lighter_last_stage_pays_where_the_head_is_heavy() -> None:
    # Six times the vocabulary: a head of 240e9 FLOP, 2 (2e6 + 60e6 + 120e6) = 364e6 bytes and a loss of 2.4e9 bytes takes
    # 3 x 2.582e-3 + 2.4e-3 = 1.0146e-2 s, as long as four layers. With 3 layers beside it the last stage saves 4 x 2.427e-3 s and
    # is still the slowest; the first has 9,001,000 more to exchange (a fifth shows) and to step than the last had.
    heavy = work(replace(DENSE, vocab_size=60_000))
    plans = [layout(pipeline=2, lighter=ends, data=4, zero=1, global_batch=32) for ends in ("none", "last")]
    even, lighter = (predict(heavy, framework(), NODE, 1, plan).step_seconds for plan in plans)
    more = 0.2 * 4 * 9_001_000 * 0.75 / 1e11 + 50 * 9_001_000 / 4 / 1e12
    assert even - lighter == pytest.approx(4 * 2.427e-3 - more, rel=1e-6)


def test_step_over_context_parallel_ranks() -> None:
    # Megatron, c = 2, d = 2, ZeRO-1, 8 sequences in micro-batches of 2: m = 2 for each rank, of 1000 tokens.
    #   layer 6.15e-4 of products, 4.8e-4, 1.32e-4 (test_layers) and a ring of 3e-5 s (test_communication)
    #   exchange 4 x 92,017,000 x 3/4 / 1e11 over c d = 4 ranks, a fifth of which shows; optimizer a quarter of the model
    found = predict(work(), framework(), NODE, 1, layout(context=2, data=2, zero=1))
    assert found.step_parts["matmul"] == about(2 * 8 * 3 * 2.05e-4)
    assert found.step_parts["attention"] == about(2 * 8 * 4.8e-4)
    assert found.step_parts["context_parallel"] == about(2 * 8 * 3e-5)
    assert found.step_parts["gradient_exchange"] == about(0.2 * 4 * 92_017_000 * 0.75 / 1e11)
    assert found.step_parts["optimizer"] == about(50 * 92_017_000 / 4 / 1e12)
    assert found.step_parts["fixed"] == about(0.012)
    assert found.tokens_per_step == 8_000


def test_zero_3_gathers_over_context_parallel_ranks_too() -> None:
    # torch on c d = 4 ranks: 5.4012e-4 s for each layer and micro-batch (test_communication), two fifths of it exposed.
    plan = layout("torch-fsdp", context=2, data=2, zero=3)
    found = predict(work(), framework("torch-fsdp"), NODE, 1, plan)
    assert found.step_parts["weight_gather"] == about(2 * 8 * 0.4 * 5.4012e-4)


def test_exchange_over_a_slow_network() -> None:
    # d = 16 on two nodes, one micro-batch, cards that reach 1e8 bytes/s: 4 x 92,017,000 x 15/16 / 8 / 1e8 = 0.43132968750 s.
    # Of it half of a pass through 8 layers of 2.427e-3 s is hidden.
    node = slower(network=2e8)
    found = predict(work(), framework(), node, 2, layout(data=16, zero=1, global_batch=32))
    assert found.step_parts["gradient_exchange"] == about(0.4313296875 - 0.5 * 8 * 2.427e-3)
    assert found.network_bytes_per_step_per_gpu == about(4 * 92_017_000 * 15 / 16 / 8)


@pytest.mark.parametrize(
    ("nodes", "data", "zero", "seconds"),
    [
        # ZeRO-3 of torch: 8 x 9,002,000 x 15/16 bytes, an eighth of them over each card of 1e9 bytes/s, is longer than the layer
        # of 2.427e-3 + 3 x 88e-6 s, of which two fifths stay exposed.
        (2, 16, 3, 8.439375e-3 - 0.6 * 2.691e-3),
        # In one node 8 x 9,002,000 x 7/8 / 1e11, shorter than the layer.
        (1, 8, 3, 0.4 * 8 * 9_002_000 * 7 / 8 / 1e11),
        (2, 16, 2, 0),
    ],
)
def test_sharded_weights_are_gathered_for_every_layer_and_micro_batch(
    nodes: int, data: int, zero: int, seconds: float
) -> None:
    plan = layout("torch-fsdp", data=data, zero=zero, global_batch=6 * data)
    found = predict(work(), framework("torch-fsdp"), slower(network=2e9), nodes, plan)
    assert found.step_parts["weight_gather"] == about(3 * 8 * seconds)
