"""Activations, logits and the worst stage by hand; M = 2000 tokens, constants of `performance.toy`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gpuplan.performance.memory import activation_bytes, loss_bytes, working_bytes
from gpuplan.performance.predict import Prediction, predict
from gpuplan_models import Architecture, architecture
from performance.toy import DENSE, MLA, MOE, NODE, about, atom, framework, layout, ungated, work

pytestmark = pytest.mark.usefixtures("toy_constants")

# Without recompute 2 M [4h + 2 (Hq + Hk) + 4 f] = 4000 [4,000 + 3,000 + 8,000] = 60e6 bytes, a quarter more for the allocator.
SAVED = 60e6
SLACK = 1.25


def activations(
    model: Architecture = DENSE,
    name: str = "megatron",
    method: str = "full",
    kind: int = 0,
    **decisions: Any,
) -> float:
    job = work(model, method)
    return float(activation_bytes(job.layers[kind], job, framework(name), atom(**decisions))[0])


@pytest.mark.parametrize(
    ("name", "method", "factor"),
    [("megatron", "full", 1), ("torch-fsdp", "full", 2), ("megatron", "lora", 1), ("hf-peft", "full", 0.5)],
)
def test_a_layer_saves_its_activations(name: str, method: str, factor: float) -> None:
    assert activations(name=name, method=method) == about(factor * SAVED * SLACK)


def test_adapters_save_their_inputs_too() -> None:
    # Hugging Face: half again as much.
    assert activations(name="hf-peft", method="lora") == about(0.5 * 1.5 * SAVED * SLACK)


def test_tensor_and_sequence_parallelism_cut_everything() -> None:
    assert activations(tensor=2) == about(SAVED / 2 * SLACK)
    # Without sequence parallelism the 4h stay: 4000 [4,000 + 1,500 + 4,000] = 38e6, twice for torch.
    assert activations(name="torch-fsdp", tensor=2) == about(2 * 38e6 * SLACK)


def test_mlp_without_a_gate() -> None:
    # 4000 [4,000 + 3,000 + 4,000] = 44e6.
    assert activations(ungated(DENSE)) == about(44e6 * SLACK)


def test_mixture_saves_what_the_chosen_experts_compute() -> None:
    # 2 of width 500, each with its copy of the token as input, k h = 2,000: 4000 [4,000 + 3,000 + 4,000 + 2,000] = 52e6. With
    # latent attention Hk = 750, and a shared expert, which reads the token itself, f = 1,500:
    # 4000 [4,000 + 3,500 + 6,000 + 2,000] = 62e6.
    assert activations(MOE) == about(52e6 * SLACK)
    assert activations(MLA, kind=1) == about(62e6 * SLACK)


def test_copies_for_the_experts_are_cut_without_sequence_parallelism_too() -> None:
    # t = 2: 4000 [4,000 + 1,500 + 2,000 + 1,000] = 34e6, twice for torch; Megatron halves all of the 52e6.
    assert activations(MOE, "torch-fsdp", tensor=2) == about(2 * 34e6 * SLACK)
    assert activations(MOE, tensor=2) == about(26e6 * SLACK)


def test_context_parallelism_cuts_the_sequence() -> None:
    # All that a token leaves behind, in the layer, while it is rebuilt and in the logits.
    assert activations(context=2) == about(SAVED / 2 * SLACK)
    assert activations(context=2, recompute="full") == about(2 * 1000 * 1000 * SLACK)
    assert working_bytes(work(), framework(), atom(context=2, recompute="full"))[0] == about(1.5 * SAVED / 2 * SLACK)
    assert loss_bytes(work(), framework(), atom(context=2))[0] == about(8 * 10e6 * SLACK)
    # Scores of half of the queries with all keys.
    gemma = work(replace(DENSE, model_type="gemma2"))
    written = activation_bytes(gemma.layers[0], gemma, framework("hf-peft"), atom(context=2))[0]
    assert written == about((0.5 * SAVED / 2 + 50e6) * SLACK)


def test_experts_that_are_cut_keep_the_tokens_of_all_their_ranks() -> None:
    # t = f = 2: 4000 [2,000 + 1,500 + 2,000 + 2,000] = 30e6: twice the copies, in half of the width.
    assert activations(MOE, tensor=2, expert_tensor=2) == about(30e6 * SLACK)


def test_selective_recompute() -> None:
    # Megatron drops the attention output, 2 M Hq = 4e6; torch keeps a quarter.
    assert activations(recompute="selective") == about(56e6 * SLACK)
    assert activations(recompute="selective", tensor=2) == about(28e6 * SLACK)
    assert activations(name="torch-fsdp", recompute="selective") == about(0.25 * 2 * SAVED * SLACK)


@pytest.mark.parametrize("name", ["megatron", "torch-fsdp", "hf-peft"])
def test_full_recompute_keeps_the_input_of_each_layer(name: str) -> None:
    assert activations(name=name, recompute="full") == about(2 * 2000 * 1000 * SLACK)


def test_full_recompute_rebuilds_one_layer() -> None:
    # 1.5 layers' worth.
    assert working_bytes(work(), framework(), atom(recompute="full"))[0] == about(1.5 * SAVED * SLACK)
    assert working_bytes(work(), framework(), atom())[0] == 0


def test_of_two_kinds_of_layer_the_heavier_is_rebuilt() -> None:
    # Dense layers of 60e6 with mixtures of 52e6; latent attention with ungated MLPs: the dense layer 4000 [4,000 + 3,500 + 4,000]
    # = 46e6, the mixture 4000 [4,000 + 3,500 + 3,000 + 2,000] = 50e6.
    mixed = replace(MOE, layers=(*DENSE.layers, *MOE.layers))
    assert working_bytes(work(mixed), framework(), atom(recompute="full"))[0] == about(1.5 * 60e6 * SLACK)
    assert working_bytes(work(ungated(MLA)), framework(), atom(recompute="full"))[0] == about(1.5 * 50e6 * SLACK)


@pytest.mark.parametrize(
    ("name", "tensor", "logits"),
    [
        ("megatron", 1, 8 * 20e6),
        ("megatron", 2, 8 * 10e6),
        ("hf-peft", 1, 10 * 20e6),
        ("unsloth", 1, 0.5 * 20e6),  # fused: never all of them
    ],
)
def test_logits(name: str, tensor: int, logits: float) -> None:
    # 2000 x 10,000 of them.
    assert loss_bytes(work(), framework(name), atom(tensor=tensor))[0] == about(logits * SLACK)


def test_loss_and_a_rebuilt_layer_do_not_stand_side_by_side() -> None:
    # 160e6 of logits; the layer of Megatron is rebuilt in 1.5 x 60e6, so the loss takes 70e6 more. Hugging Face: 1.5 x 30e6 of 200e6.
    assert loss_bytes(work(), framework(), atom(recompute="full"))[0] == about(70e6 * SLACK)
    assert loss_bytes(work(), framework("hf-peft"), atom(recompute="full"))[0] == about(155e6 * SLACK)
    assert loss_bytes(work(), framework("unsloth"), atom(recompute="full"))[0] == 0


def test_beside_quantised_weights_all_is_fp32() -> None:
    # PEFT casts norms and embeddings to fp32, so inputs and activations have 4 bytes, and a logit 16 in place of 10.
    qlora = work(method="qlora", weights="nf4")
    peft, factory = framework("hf-peft"), framework("llama-factory")
    for found, wide in ((peft, 2), (factory, 1)):
        full = activation_bytes(qlora.layers[0], qlora, found, atom(recompute="full"))[0]
        assert full == about(wide * 2 * 2000 * 1000 * SLACK)
        kept = activation_bytes(qlora.layers[0], qlora, found, atom())[0]
        assert kept == about(wide * 0.5 * 1.5 * SAVED * SLACK)
        assert loss_bytes(qlora, found, atom())[0] == about((16 if wide == 2 else 10) * 20e6 * SLACK)
    lora = work(method="lora")
    assert loss_bytes(lora, peft, atom())[0] == about(10 * 20e6 * SLACK)


def test_scores_are_written_where_there_is_no_fused_attention() -> None:
    # Gemma 2 under Hugging Face: 2000 tokens x 1000 x 10 heads = 20e6 scores of 5 bytes kept, 10 while the layer is rebuilt.
    gemma = work(replace(DENSE, model_type="gemma2"))
    peft = framework("hf-peft")
    assert activation_bytes(gemma.layers[0], gemma, peft, atom())[0] == about((0.5 * SAVED + 100e6) * SLACK)
    assert working_bytes(gemma, peft, atom(recompute="full"))[0] == about((1.5 * 0.5 * SAVED + 200e6) * SLACK)
    assert activation_bytes(gemma.layers[0], gemma, framework(), atom())[0] == about(SAVED * SLACK)


def test_dense_model_on_one_gpu() -> None:
    # 16 x 92,017,000 of states, 8 layers x 120e6 x 1.25, logits 6 x 20e6 x 1.25, base 1e9.
    found = predict(work(), framework("torch-fsdp"), NODE, 1, layout("torch-fsdp"))
    assert found.memory_parts == about_parts(
        weights=4 * 92_017_000,
        gradients=4 * 92_017_000,
        optimizer=8 * 92_017_000,
        activations=8 * 120e6 * SLACK,
        logits_and_loss=6 * 20e6 * SLACK,
        gathered_and_unpacked=0,
        context_and_communicators=1e9,
        optimizer_step=0,
    )
    assert found.worst_stage == "first"
    assert found.usable_memory_bytes == 80e9


def test_first_stage_of_a_pipeline_holds_most_micro_batches() -> None:
    # p = 2, d = 4, ZeRO-1, 4 micro-batches: 4 layers and the embedding, two micro-batches in flight; 46,008,000 parameters.
    # The last stage has the logits (160e6 x 1.25) but only one micro-batch (300e6).
    found = predict(work(), framework(), NODE, 1, layout(pipeline=2, data=4, zero=1, global_batch=32))
    assert found.memory_parts == about_parts(
        weights=2 * 46_008_000,
        gradients=4 * 46_008_000,
        optimizer=12 * 46_008_000 / 4,
        activations=2 * 4 * SAVED * SLACK,
        logits_and_loss=0,
        gathered_and_unpacked=0,
        context_and_communicators=1.5e9,
        optimizer_step=0,
    )
    assert found.worst_stage == "first"


def test_last_stage_is_the_worst_when_nothing_is_in_flight() -> None:
    # One micro-batch: every stage holds one, the last one the logits beside.
    found = predict(work(), framework(), NODE, 1, layout(pipeline=2, data=4, zero=1, global_batch=8))
    assert found.worst_stage == "last"
    assert found.memory_parts["logits_and_loss"] == about(160e6 * SLACK)


def test_interleaved_stages_hold_more_layers() -> None:
    # The pipeline above in v = 2 chunks of two layers: 2 + 2 + 1 = 5 chunks under way in place of two micro-batches of four layers.
    plan = layout(pipeline=2, virtual=2, data=4, zero=1, global_batch=32)
    found = predict(work(), framework(), NODE, 1, plan)
    assert found.memory_parts["activations"] == about(5 * 2 * SAVED * SLACK)
    assert found.memory_parts["weights"] == about(2 * 46_008_000)


def test_a_lighter_last_stage_leaves_room_for_the_logits() -> None:
    # One micro-batch on p = 2: 5 and 3 layers. The first takes 18 bytes of 55,010,000 and 5 x 75e6, the last of 37,007,000, 3 x 75e6
    # and the logits of 160e6 x 1.25: less, now.
    plan = layout(pipeline=2, lighter="last", global_batch=2)
    found = predict(work(), framework(), NODE, 1, plan)
    assert found.worst_stage == "first"
    assert found.memory_parts["activations"] == about(5 * SAVED * SLACK)
    assert found.memory_parts["weights"] == about(2 * 55_010_000)


# R1 with LoRA in bf16 on 64 GPUs: p = 8, d = 8, e = 8, ZeRO-1, full recompute, 8 micro-batches of one sequence. Stages hold 3 dense
# + 4, 8 and 7 layers with experts. A layer:
#   attention 7168 x 1536 + 1536 x 24,576 + 7168 x 576 + 512 x 32,768 + 16,384 x 7168 = 187,105,280
#   norms 16,384, router 1,835,264, shared expert 3 x 7168 x 2048 = 44,040,192: together 232,997,120
#   256 experts of 44,040,192, 32 of them here: 1,409,286,144
# Adapters of rank 16 beside the experts: attention 99,392, shared 27,648: 16 x 127,040 = 2,032,640, over 8 ranks; of experts
# 32 x 27,648 x 16 = 14,155,776 over t d / e = 1 rank.
R1_LAYER, R1_BESIDE, R1_EXPERTS = 232_997_120 + 1_409_286_144, 2_032_640, 14_155_776
# Of a token a layer keeps its input, 2 x 7168 bytes; one is rebuilt:
# 2 [4 x 7168 + 2 (24,576 + 20,480) + 4 x (8 + 1) x 2048 + 8 x 7168] bytes.
R1_INPUT, R1_REBUILT = 14_336, 2 * 249_856


def r1(sequence_length: int, global_batch: int) -> Prediction:
    job = work(architecture("deepseek-r1"), "lora", sequence_length=sequence_length)
    plan = layout(pipeline=8, data=8, expert=8, zero=1, micro_batch=1, global_batch=global_batch, recompute="full")
    return predict(job, framework(), NODE, 8, plan)


def test_middle_stage_of_r1_is_the_worst_at_2048_tokens() -> None:
    # Its 8 layers have 7 micro-batches in flight.
    found = r1(2048, 64)
    assert found.worst_stage == "middle"
    assert found.memory_parts == about_parts(
        weights=2 * 8 * (R1_LAYER + R1_BESIDE + R1_EXPERTS),
        gradients=2 * 8 * (R1_BESIDE + R1_EXPERTS),
        optimizer=12 * 8 * (R1_BESIDE / 8 + R1_EXPERTS),
        activations=2048 * (7 * 8 * R1_INPUT + 1.5 * R1_REBUILT) * SLACK,
        logits_and_loss=0,
        gathered_and_unpacked=0,
        context_and_communicators=1.5e9,
        optimizer_step=0,
    )
    assert found.memory_bytes == pytest.approx(33.652e9, rel=1e-4)


def test_last_stage_of_r1_is_the_worst_at_8192_tokens_of_one_micro_batch() -> None:
    # 7 layers, the head of 129,280 x 7168 in 16 bit and the final norm; 8 bytes for each of 8192 x 129,280 logits, less the layer
    # that is rebuilt when they are gone.
    found = r1(8192, 8)
    assert found.worst_stage == "last"
    assert found.memory_parts == about_parts(
        weights=2 * 7 * (R1_LAYER + R1_BESIDE + R1_EXPERTS) + 2 * (926_679_040 + 7168),
        gradients=2 * 7 * (R1_BESIDE + R1_EXPERTS),
        optimizer=12 * 7 * (R1_BESIDE / 8 + R1_EXPERTS),
        activations=8192 * (7 * R1_INPUT + 1.5 * R1_REBUILT) * SLACK,
        logits_and_loss=8192 * (8 * 129_280 - 1.5 * R1_REBUILT) * SLACK,
        gathered_and_unpacked=0,
        context_and_communicators=1.5e9,
        optimizer_step=0,
    )


def test_optimizer_steps_beside_the_states_when_no_activation_is() -> None:
    # Full training in pure bf16 with torch's AdamW: one copy of a 2-byte moment, 184.034e6, beside little else.
    short = work(sequence_length=10)
    found = predict(short, framework("hf-peft"), NODE, 1, layout("hf-peft", recompute="full", micro_batch=1))
    # A token keeps 8 inputs of 2,000 bytes; 10 x 10,000 logits of 10 bytes are more than the layer rebuilt, 10 x 22,500.
    held = (10 * 8 * 2000 + 10 * 10_000 * 10) * SLACK
    parts = found.memory_parts
    assert parts["activations"] + parts["logits_and_loss"] == about(held)
    assert parts["optimizer_step"] == about(2 * 92_017_000 - held)
    assert found.memory_bytes == about((8 + 2) * 92_017_000 + 1e9)


def about_parts(**parts: float) -> object:
    return {name: about(value) for name, value in parts.items()}
