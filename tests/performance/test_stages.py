"""How layers spread over stages, how often a step passes through them, and what is in flight under 1F1B."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.layout import LIGHTER
from gpuplan.performance.distinct import distinct
from gpuplan.performance.stages import ShapeKeys, shapes, stage_layer_counts, stage_plan, stage_plans
from gpuplan_models import architecture
from performance.toy import MLA, about, shape_keys, work


@pytest.mark.parametrize(
    ("layers", "stages", "counts"),
    [
        (28, 1, (28, 0, 0)),
        (80, 8, (10, 10, 10)),
        (32, 2, (16, 0, 16)),
        (3, 2, (2, 0, 1)),
        # 61 = 8 x 7 + 5: five of the six middle stages hold one more.
        (61, 8, (7, 8, 7)),
        (61, 16, (3, 4, 3)),  # 16 x 3 + 13, on 14 middle stages
        (126, 16, (7, 8, 7)),  # 16 x 7 + 14
        (126, 4, (31, 32, 31)),  # 4 x 31 + 2
        (61, 3, (20, 21, 20)),  # 3 x 20 + 1
        (4, 3, (1, 2, 1)),
        (28, 8, (3, 4, 3)),  # 8 x 3 + 4
        (61, 7, (8, 9, 8)),  # 7 x 8 + 5
        (5, 4, (1, 2, 1)),
        (61, 14, (4, 5, 4)),  # 14 x 4 + 5
        (61, 61, (1, 1, 1)),
        (61, 60, (1, 2, 1)),
        # One left over more than there are middle stages goes to the first.
        (7, 4, (2, 2, 1)),  # 4 x 1 + 3
        (31, 8, (4, 4, 3)),  # 8 x 3 + 7
    ],
)
def test_layers_of_first_fullest_middle_and_last_stage(layers: int, stages: int, counts: tuple[int, int, int]) -> None:
    assert stage_layer_counts(layers, stages) == counts


@given(st.integers(1, 300).flatmap(lambda layers: st.tuples(st.just(layers), st.integers(1, layers))))
def test_every_layer_is_somewhere_and_no_stage_is_empty(case: tuple[int, int]) -> None:
    layers, stages = case
    first, middle, last = stage_layer_counts(layers, stages)
    if stages == 1:
        assert (first, middle, last) == (layers, 0, 0)
        return
    # The fullest middle stage stands for all of them; the others hold as many or one less.
    middle_stages = stages - 2
    assert first + last + middle_stages * (middle - 1) < layers or middle_stages == 0
    assert layers <= first + last + middle_stages * middle
    held = [first, last, middle] if middle_stages else [first, last]
    assert min(held) >= 1
    assert max(held) - min(held) <= 1
    assert (middle_stages > 0) == (middle > 0)
    assert max(held) == -(-layers // stages)
    if middle_stages:
        assert middle >= first >= last


@pytest.mark.parametrize(
    ("layers", "stages", "lighter", "counts"),
    [
        # Of two stages the other one takes what is taken.
        (8, 2, "first", (3, 0, 5)),
        (8, 2, "last", (5, 0, 3)),
        (9, 2, "first", (4, 0, 5)),  # 5 and 4
        (9, 2, "last", (6, 0, 3)),
        # Of three stages, 3, 3 and 2 (8 = 3 x 2 + 2), the middle one does.
        (8, 3, "first", (2, 4, 2)),
        (8, 3, "last", (3, 4, 1)),
        (8, 3, "both", (2, 5, 1)),
        (9, 3, "both", (2, 5, 2)),
        # Eight stages of 4: one or two layers for six middle stages, of which the fullest then holds 5.
        (32, 8, "first", (3, 5, 4)),
        (32, 8, "last", (4, 5, 3)),
        (32, 8, "both", (3, 5, 3)),
        # 7, 8 (five times) and 7 once, and 7: the middle stage of 7 takes one layer, of two one makes 9.
        (61, 8, "first", (6, 8, 7)),
        (61, 8, "last", (7, 8, 6)),
        (61, 8, "both", (6, 9, 6)),
        # What is left over for the first stage goes first: 4, 4 and 3.
        (31, 8, "first", (3, 5, 3)),
    ],
)
def test_a_lighter_end_has_one_layer_less(layers: int, stages: int, lighter: str, counts: tuple[int, int, int]) -> None:
    assert stage_layer_counts(layers, stages, lighter) == counts


@given(st.integers(4, 300).flatmap(lambda layers: st.tuples(st.just(layers), st.integers(2, layers // 2))))
def test_what_a_lighter_end_gives_away_goes_to_the_middle_or_to_the_other_end(case: tuple[int, int]) -> None:
    layers, stages = case
    even_first, even_middle, even_last = stage_layer_counts(layers, stages)
    for lighter in LIGHTER[1 : 4 if stages > 2 else 3]:
        first, middle, last = stage_layer_counts(layers, stages, lighter)
        if stages == 2:
            taken = -1 if lighter == "first" else 1
            assert (first, middle, last) == (even_first + taken, 0, even_last - taken)
            continue
        assert even_first - first == (lighter in ("first", "both"))
        assert even_last - last == (lighter in ("last", "both"))
        assert first + last + (stages - 2) * (middle - 1) < layers <= first + last + (stages - 2) * middle
        assert 0 <= middle - even_middle <= 2


def test_stack_of_two_kinds_is_cut_in_its_order() -> None:
    # R1: 3 dense layers, then 58 with experts. 8 stages hold 7, up to 8 and 7 layers: the first takes all dense ones.
    plan = stage_plan(work(architecture("deepseek-r1")), 8)
    assert plan.layers.tolist() == [[3, 4], [0, 8], [0, 7]]
    assert plan.embedding.tolist() == [1, 0, 0]
    assert plan.head.tolist() == [0, 0, 1]
    # 16 stages: 3, up to 4 and 3.
    assert stage_plan(work(architecture("deepseek-r1")), 16).layers.tolist() == [[3, 0], [0, 4], [0, 3]]


def test_kinds_that_alternate_are_spread_over_the_stages() -> None:
    # Gemma 3 27B: every sixth of 62 layers sees everything, numbers 5, 11, ... 59. Four stages hold 15, up to 16 and 15 layers:
    # the first 5 and 11 of them, the last (from 47) 47, 53 and 59, a middle one (15 to 30) 17, 23 and 29, the other one fewer.
    plan = stage_plan(work(architecture("gemma-3-27b")), 4)
    assert plan.layers.tolist() == [[13, 2], [13, 3], [12, 3]]
    assert stage_plan(work(architecture("gemma-3-27b")), 1).layers.tolist() == [[52, 10], [0, 0], [0, 0]]
    # Gemma 2 27B: 46 layers in turn; 8 stages hold 5, 6 and 5 (8 x 5 + 6).
    assert stage_plan(work(architecture("gemma-2-27b")), 8).layers.tolist() == [[3, 2], [3, 3], [2, 3]]


def test_one_stage_holds_everything_and_two_have_no_middle() -> None:
    one, two = (stage_plan(work(architecture("deepseek-r1")), p) for p in (1, 2))
    assert one.layers.tolist() == [[3, 58], [0, 0], [0, 0]]
    assert one.head.tolist() == [1, 0, 0]
    assert one.exists.tolist() == [True, False, False]
    assert two.layers.tolist() == [[3, 28], [0, 0], [0, 30]]
    assert two.exists.tolist() == [True, False, True]
    assert stage_plan(work(architecture("deepseek-r1")), 3).exists.tolist() == [True, True, True]


def test_plans_of_many_degrees_are_those_of_each() -> None:
    job = work(architecture("deepseek-r1"))
    degrees, lighter = np.array([8, 1, 8, 3, 8]), np.array([0, 0, 3, 1, 0])
    many = stage_plans(job, degrees, lighter)
    for row, (degree, code) in enumerate(zip(degrees, lighter, strict=True)):
        one = stage_plan(job, int(degree), LIGHTER[code])
        for name in ("layers", "embedding", "head", "exists"):
            assert getattr(many, name)[row].tolist() == getattr(one, name).tolist()
    none = np.array([], dtype=int)
    assert stage_plans(job, none, none).layers.shape == (0, 3, 2)


@given(st.lists(st.integers(0, 200)))
def test_distinct_values_are_those_of_numpy(codes: list[int]) -> None:
    values, places = distinct(np.array(codes, dtype=np.int64))
    expected, inverse = np.unique(np.array(codes, dtype=np.int64), return_inverse=True)
    assert values.tolist() == expected.tolist()
    assert places.tolist() == inverse.tolist()


# Eight layers on p = 4 stages, two each.
@pytest.mark.parametrize(
    ("global_batch", "micro_batches", "in_flight"),
    [
        # m = 2 micro-batches: no stage ever holds more than two.
        (4, 2, [4, 4, 2]),
        # m = 8: the first stage holds four, the second three, the last one; two layers each.
        (16, 8, [8, 6, 2]),
    ],
)
def test_one_forward_one_backward_holds_as_many_micro_batches_as_stages_follow(
    global_batch: int, micro_batches: int, in_flight: list[int]
) -> None:
    found = shapes(work(), shape_keys(pipeline=4, micro_batch=2, global_batch=global_batch))
    assert found.micro_batches.tolist() == [micro_batches]
    assert found.in_flight_layers[0, :, 0].tolist() == in_flight


def test_step_fills_the_pipeline_once() -> None:
    # m = 8: each stage passes its two layers 8 times after (p - 1)/p = 3/4 of the 8 layers; the head likewise; 8 + 3 transfers.
    found = shapes(work(), shape_keys(pipeline=4, micro_batch=2, global_batch=16))
    assert found.layer_passes[0, :, 0].tolist() == [22, 22, 22]
    assert found.head_passes[0].tolist() == [0.75, 0.75, 8.75]
    assert found.transfers.tolist() == [11]
    assert found.mean_layers[0].tolist() == [2]
    assert found.fill_share.tolist() == [0.75]


# Eight layers on p = 4 stages, each with v = 2 chunks of one layer.
def test_interleaved_stages_fill_in_a_part_of_the_time_at_more_transfers() -> None:
    # m = 8: two layers 8 times after (p - 1)/(p v) = 3/8 of the 8 layers; the head likewise; 8 x 2 + 3 transfers.
    found = shapes(work(), shape_keys(pipeline=4, virtual=2, micro_batch=2, global_batch=16))
    assert found.layer_passes[0, :, 0].tolist() == [19, 19, 19]
    assert found.head_passes[0].tolist() == [0.375, 0.375, 8.375]
    assert found.transfers.tolist() == [19]
    assert found.mean_layers[0].tolist() == [2]
    assert found.fill_share.tolist() == [0.375]


@pytest.mark.parametrize(
    ("pipeline", "virtual", "global_batch", "in_flight"),
    [
        # m = 8: rank r runs 2 (4 - r - 1) + (2 - 1) x 4 chunks forward and one more before its first backward: 11, 9 and 5.
        (4, 2, 16, [11, 9, 5]),
        # m = 4: no rank ever holds more than its 4 x 2 chunks.
        (4, 2, 8, [8, 8, 5]),
        # p = 2, v = 4: 2 + 3 x 2 + 1 = 9 and 7 chunks of one layer; there is no middle stage.
        (2, 4, 16, [9, 7]),
    ],
)
def test_interleaved_stages_hold_chunks_of_more_micro_batches(
    pipeline: int, virtual: int, global_batch: int, in_flight: list[int]
) -> None:
    found = shapes(work(), shape_keys(pipeline=pipeline, virtual=virtual, micro_batch=2, global_batch=global_batch))
    assert found.in_flight_layers[0, found.exists[0], 0] == about(in_flight)


def test_interleaved_and_plain_pipelines_side_by_side() -> None:
    both = ShapeKeys(*(np.array(pair) for pair in ((4, 4), (1, 2), (0, 0), (1, 1), (2, 2), (16, 16))))
    found = shapes(work(), both)
    assert found.in_flight_layers[:, :, 0].tolist() == [[8, 6, 2], [11, 9, 5]]
    assert found.fill_share.tolist() == [0.75, 0.375]
    assert found.transfers.tolist() == [11, 19]


def test_chunks_in_flight_are_of_all_kinds_of_layer() -> None:
    # Two dense and six layers with experts, p = v = 2, m = 4: 5 and 3 of 4 chunks, each a quarter of the stack in the mean.
    found = shapes(work(MLA), shape_keys(pipeline=2, virtual=2, micro_batch=2, global_batch=8))
    assert found.in_flight_layers[0].tolist() == [[2.5, 7.5], [1.5, 4.5], [1.5, 4.5]]


def test_lighter_ends_pass_and_hold_fewer_layers() -> None:
    # p = 4, both ends: 1, 3, 3 and 1 layers; m = 8 after 3/4 of 8.
    found = shapes(work(), shape_keys(pipeline=4, lighter="both", micro_batch=2, global_batch=16))
    assert found.layer_passes[0, :, 0].tolist() == [14, 30, 14]
    assert found.in_flight_layers[0, :, 0].tolist() == [4, 9, 1]
    assert found.mean_layers[0].tolist() == [2]


def test_step_without_a_pipeline_has_no_bubble() -> None:
    found = shapes(work(), shape_keys(data=2, micro_batch=1, global_batch=16))
    assert found.layer_passes[0].tolist() == [[64], [0], [0]]
    assert found.head_passes[0].tolist() == [8, 0, 0]
    assert found.transfers.tolist() == [0]
    assert found.in_flight_layers[0].tolist() == [[8], [0], [0]]


def test_passes_by_kind_of_layer() -> None:
    # R1, p = 8, m = 4: the first stage 4 x (3, 4), the middle 4 x (0, 8), the last 4 x (0, 7), each + 7/8 of (3, 58).
    found = shapes(work(architecture("deepseek-r1")), shape_keys(pipeline=8, micro_batch=2, global_batch=8))
    fill = np.array([2.625, 50.75])
    expected = np.array([[12, 16], [0, 32], [0, 28]]) + fill
    assert found.layer_passes[0] == about(expected)
    assert found.in_flight_layers[0].tolist() == [[12, 16], [0, 32], [0, 7]]


@given(
    st.integers(1, 8),
    st.integers(1, 4),
    st.integers(1, 8),
    st.integers(1, 4),
    st.integers(1, 200),
    st.integers(0, 200),
)
def test_more_micro_batches_never_leave_less_in_flight(
    pipeline: int, virtual: int, data: int, micro_batch: int, batch: int, more: int
) -> None:
    batches = (batch, batch + more)
    rows = [(pipeline, virtual, 0, data, micro_batch, each) for each in batches]
    keys = ShapeKeys(*np.array(rows).T)
    found = shapes(work(), keys)
    assert (found.in_flight_layers[0] <= found.in_flight_layers[1]).all()
    assert (found.layer_passes[0] <= found.layer_passes[1]).all()
