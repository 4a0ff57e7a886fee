"""Activations, logits and the worst stage by hand; M = 2000 tokens, constants of `performance.toy`."""

from __future__ import annotations

import pytest

from gpuplan.performance.memory import activation_bytes, logit_bytes, working_bytes
from gpuplan.performance.predict import predict
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
    recompute: str = "none",
    tensor: int = 1,
    kind: int = 0,
) -> float:
    job = work(model, method)
    return float(activation_bytes(job.layers[kind], job, framework(name), atom(tensor=tensor, recompute=recompute))[0])


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
    # 2 of width 500: 4000 [4,000 + 3,000 + 4,000] = 44e6. With latent attention Hk = 750, and a shared expert, f = 1,500:
    # 4000 [4,000 + 3,500 + 6,000] = 54e6.
    assert activations(MOE) == about(44e6 * SLACK)
    assert activations(MLA, kind=1) == about(54e6 * SLACK)


def test_selective_recompute() -> None:
    # Megatron drops the attention output, 2 M Hq = 4e6; torch keeps a quarter.
    assert activations(recompute="selective") == about(56e6 * SLACK)
    assert activations(recompute="selective", tensor=2) == about(28e6 * SLACK)
    assert activations(name="torch-fsdp", recompute="selective") == about(0.25 * 2 * SAVED * SLACK)


@pytest.mark.parametrize("name", ["megatron", "torch-fsdp", "hf-peft"])
def test_full_recompute_keeps_the_input_of_each_layer(name: str) -> None:
    assert activations(name=name, recompute="full") == about(2 * 2000 * 1000 * SLACK)


def test_full_recompute_rebuilds_one_layer() -> None:
    # 1.5 layers' worth. With two kinds of layer the heavier: the dense one, 4000 [4,000 + 3,500 + 8,000] = 62e6.
    assert working_bytes(work(), framework(), atom(recompute="full"))[0] == about(1.5 * SAVED * SLACK)
    assert working_bytes(work(MLA), framework(), atom(recompute="full"))[0] == about(1.5 * 62e6 * SLACK)
    assert working_bytes(work(), framework(), atom())[0] == 0


@pytest.mark.parametrize(
    ("name", "tensor", "logits"), [("megatron", 1, 8 * 20e6), ("megatron", 2, 8 * 10e6), ("hf-peft", 1, 10 * 20e6)]
)
def test_logits(name: str, tensor: int, logits: float) -> None:
    # 2000 x 10,000 of them.
    assert logit_bytes(work(), framework(name), atom(tensor=tensor))[0] == about(logits * SLACK)


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
        context_and_communicators=1e9,
    )
    assert found.worst_stage == "first"


def test_last_stage_is_the_worst_when_nothing_is_in_flight() -> None:
    # One micro-batch: every stage holds one, the last one the logits beside.
    found = predict(work(), framework(), NODE, 1, layout(pipeline=2, data=4, zero=1, global_batch=8))
    assert found.worst_stage == "last"
    assert found.memory_parts["logits_and_loss"] == about(160e6 * SLACK)


def test_worst_stage_of_r1() -> None:
    # LoRA in bf16 on 64 GPUs: p = 8, d = 8, e = 8, ZeRO-1, full recompute, 8 micro-batches of one sequence of 4096. Stages hold
    # 3 dense + 4, 8 and 6 layers with experts; a middle stage is the worst: its 8 layers have 7 micro-batches in flight.
    #   attention 7168 x 1536 + 1536 x 24,576 + 7168 x 576 + 512 x 32,768 + 16,384 x 7168 = 187,105,280
    #   norms 16,384, router 1,835,264, shared expert 3 x 7168 x 2048 = 44,040,192: together 232,997,120
    #   256 experts of 44,040,192, 32 of them here: 1,409,286,144
    # Adapters of rank 16 beside the experts: attention 99,392, shared 27,648: 16 x 127,040 = 2,032,640, over 8 ranks; experts
    # 32 x 27,648 x 16 = 14,155,776 over t d / e = 1 rank.
    beside, experts = 8 * 2_032_640, 8 * 14_155_776
    # A layer keeps its input, 2 x 4096 x 7168; one is rebuilt: 2 x 4096 [4 x 7168 + 2 (24,576 + 20,480) + 4 x (8 + 1) x 2048].
    layer_input, rebuilt = 58_720_256, 2 * 4096 * 192_512
    job = work(architecture("deepseek-r1"), "lora", sequence_length=4096)
    plan = layout(pipeline=8, data=8, expert=8, zero=1, micro_batch=1, global_batch=64, recompute="full")
    found = predict(job, framework(), NODE, 8, plan)
    assert found.worst_stage == "middle"
    assert found.memory_parts == about_parts(
        weights=2 * 8 * (232_997_120 + 1_409_286_144) + 2 * (beside + experts),
        gradients=2 * (beside + experts),
        optimizer=12 * (beside / 8 + experts),
        activations=7 * 8 * layer_input * SLACK + 1.5 * rebuilt * SLACK,
        logits_and_loss=0,
        gathered_and_unpacked=0,
        context_and_communicators=1e9,
    )
    assert found.memory_bytes == pytest.approx(36.245e9, rel=1e-4)


def about_parts(**parts: float) -> object:
    return {name: about(value) for name, value in parts.items()}
