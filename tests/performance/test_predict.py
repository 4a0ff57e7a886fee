"""What holds for every prediction: parts add up, nothing is negative, and better hardware or less work never costs more."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.layout import Layout
from gpuplan.performance.predict import Prediction
from gpuplan_hardware import Node
from gpuplan_models import methods
from performance.strategies import Case, cases

#: Room for the last bits of sums of floating-point numbers.
NOISE = 1e-9


def no_more(smaller: float, larger: float) -> bool:
    return smaller <= larger * (1 + NOISE)


def state_bytes(found: Prediction) -> float:
    return sum(found.memory_parts[name] for name in ("weights", "gradients", "optimizer"))


def with_layout(case: Case, **changes: object) -> Case:
    """The case with another layout on as many nodes as it needs."""
    layout: Layout = replace(case.layout, **changes)  # type: ignore[arg-type]  # fields of a layout
    return replace(case, layout=layout, nodes=-(-layout.gpus // case.node.gpus_per_node))


@given(cases())
def test_parts_add_up_and_none_is_negative(case: Case) -> None:
    found = case.predict()
    assert sum(found.step_parts.values()) == pytest.approx(found.step_seconds, rel=NOISE)
    assert sum(found.memory_parts.values()) == pytest.approx(found.memory_bytes, rel=NOISE)
    for parts in (found.step_parts, found.memory_parts):
        assert all(math.isfinite(part) and part >= 0 for part in parts.values()), parts
    assert found.step_seconds > 0
    assert found.memory_bytes > 0
    assert 0 < found.model_flops_utilisation < 1
    assert found.step_width > 0
    assert found.memory_width > 0
    assert (found.host_bytes > 0) == (case.layout.offload != "none")


def faster(
    node: Node, compute: float = 1.0, memory: float = 1.0, link: float = 1.0, network: float = 1.0, host: float = 1.0
) -> Node:
    chip = node.accelerator
    chip = replace(
        chip,
        host_link_bytes_per_second=chip.host_link_bytes_per_second and chip.host_link_bytes_per_second * host,
        peak_flops={name: flops * compute for name, flops in chip.peak_flops.items()},
        memory_bandwidth_bytes_per_second=chip.memory_bandwidth_bytes_per_second * memory,
    )
    inside = replace(node.intra_node, bytes_per_second_per_gpu=node.intra_node.bytes_per_second_per_gpu * link)
    between = node.network and replace(
        node.network, bytes_per_second_per_gpu=node.network.bytes_per_second_per_gpu * network
    )
    return replace(node, accelerator=chip, intra_node=inside, network=between)


@given(cases(), st.floats(1, 10), st.sampled_from(["compute", "memory", "link", "network", "host"]))
def test_a_faster_node_is_never_slower(case: Case, factor: float, what: str) -> None:
    better = replace(case, node=faster(case.node, **{what: factor}))
    assert no_more(better.predict().step_seconds, case.predict().step_seconds)
    assert better.predict().memory_bytes == case.predict().memory_bytes


@given(cases(), st.integers(1, 8))
def test_more_micro_batches_take_longer_and_no_less_memory(case: Case, more: int) -> None:
    batch = case.layout.data * case.layout.micro_batch
    longer = with_layout(case, global_batch=case.layout.global_batch + more * batch)
    assert case.predict().step_seconds < longer.predict().step_seconds
    assert no_more(case.predict().memory_bytes, longer.predict().memory_bytes)


@given(cases())
def test_recompute_trades_time_for_memory(case: Case) -> None:
    # At least four layers a stage: the one that is rebuilt takes more than its activations, so with few nothing is gained.
    case = with_layout(case, pipeline=min(case.layout.pipeline, case.work.layer_count // 4))
    none, selective, full = (with_layout(case, recompute=name).predict() for name in ("none", "selective", "full"))
    assert no_more(none.step_seconds, selective.step_seconds)
    assert no_more(none.step_seconds, full.step_seconds)
    assert no_more(selective.memory_bytes, none.memory_bytes)
    assert no_more(full.memory_bytes, none.memory_bytes)


@given(cases())
def test_higher_zero_stages_never_hold_more_states(case: Case) -> None:
    held = [state_bytes(with_layout(case, zero=zero).predict()) for zero in range(4)]
    assert all(no_more(later, earlier) for earlier, later in pairwise(held))


@given(cases())
def test_one_data_parallel_rank_is_the_same_under_every_zero_stage(case: Case) -> None:
    one = {"tensor": 1, "context": 1, "expert": 1, "expert_tensor": 1, "data": 1, "offload": "none"}
    one |= {"global_batch": case.layout.micro_batch, "virtual": 1}
    alone = [with_layout(case, zero=zero, **one).predict() for zero in range(4)]
    for found in alone:
        assert found.step_parts["gradient_exchange"] == found.step_parts["weight_gather"] == 0
        assert state_bytes(found) == state_bytes(alone[0])
        assert found.step_seconds == pytest.approx(alone[0].step_seconds)


@given(cases())
def test_what_does_not_happen_takes_no_time(case: Case) -> None:
    parts = case.predict().step_parts
    layout = case.layout
    if layout.tensor == 1:
        assert parts["tensor_parallel"] == 0
    if layout.context == 1:
        assert parts["context_parallel"] == 0
    if layout.expert == layout.expert_tensor == 1:
        assert parts["expert_parallel"] == 0
    if layout.pipeline == 1:
        assert parts["pipeline_bubble"] == parts["pipeline_transfer"] == 0
    if layout.zero < 3:
        assert parts["weight_gather"] == 0
    if layout.recompute == "none":
        assert parts["recompute"] == 0


@given(cases())
def test_adapters_hold_and_compute_less_than_full_training(case: Case) -> None:
    # One stage: the parts of a step are those of the slowest one, which need not be the same for both.
    case = with_layout(case, pipeline=1, virtual=1, lighter="none", offload="none")
    trained = replace(case.work, weights="bf16", lora_rank=min(case.work.lora_rank, 16))
    lora, full = (replace(case, work=replace(trained, method=methods()[name])).predict() for name in ("lora", "full"))
    assert state_bytes(lora) < state_bytes(full)
    assert lora.step_parts["matmul"] < full.step_parts["matmul"]
    # ZeRO-3 exchanges the gradients of full training layer by layer instead.
    if case.layout.zero < 3:
        assert no_more(lora.step_parts["gradient_exchange"], full.step_parts["gradient_exchange"])


@given(cases())
def test_offloading_takes_time_and_the_hosts_memory_and_spares_the_gpus(case: Case) -> None:
    for zero, offload in ((2, "optimizer"), (3, "parameters")):
        stage = {"zero": zero, "virtual": 1, "lighter": "none"}
        kept = with_layout(case, **stage, offload="none").predict()
        away = with_layout(case, **stage, offload=offload).predict()
        assert state_bytes(away) < state_bytes(kept)
        assert no_more(away.memory_bytes, kept.memory_bytes)
        assert away.host_bytes > kept.host_bytes == 0
        assert away.step_seconds > kept.step_seconds
        # What is on the host is not on the GPU: together they hold no less than before. (Of several stages the fullest one need
        # not be the same for both.)
        kept, away = (with_layout(case, **stage, pipeline=1, offload=one).predict() for one in ("none", offload))
        assert no_more(state_bytes(kept), state_bytes(away) + away.host_bytes)


@given(cases())
def test_interleaving_shortens_the_bubble_only(case: Case) -> None:
    if case.layout.virtual == 1:
        return
    plain, cut = with_layout(case, virtual=1).predict(), case.predict()
    assert cut.step_parts["pipeline_bubble"] == pytest.approx(plain.step_parts["pipeline_bubble"] / case.layout.virtual)
    assert cut.step_parts["pipeline_transfer"] >= plain.step_parts["pipeline_transfer"]
    for name in ("matmul", "attention", "head_and_loss", "optimizer", "fixed"):
        assert cut.step_parts[name] == pytest.approx(plain.step_parts[name])
