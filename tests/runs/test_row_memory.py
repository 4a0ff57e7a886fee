"""Memory of rows: what a framework's text says of what is held, and the moments at which most is held."""

from __future__ import annotations

import pytest

from gpuplan.runs import Answer, RunRow
from gpuplan.runs.complete import candidates
from runs import sample

ONE_GPU = {"n_gpus": "1", "global_batch_sequences": "8"}
BLOOM = {
    "hidden": "12288",
    "heads": "96",
    "kv_heads": "",
    "ffn": "49152",
    "vocab": "250880",
    "params_total_b": "",
    "task": "pretrain",
    "gpu": "A100-80GB",
    "n_gpus": "384",
    "tp": "4",
    "pp": "12",
    "global_batch_sequences": "2048",
    "framework": "Megatron-DeepSpeed",
}


def row(**cells: str) -> RunRow:
    return sample.row(**ONE_GPU | cells)


def predicted(**cells: str) -> Answer:
    return sample.predicted(**ONE_GPU | cells)


def gib(**cells: str) -> float:
    found = predicted(**cells).memory_gib
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("precision", "framework", "prepared"),
    [
        ("nf4", "HF PEFT", True),
        ("int8 (bnb)", "HF PEFT", True),
        ("int4 (GPTQ)", "HF PEFT", False),
        ("int8 (GPTQ)", "HF PEFT", False),
        ("nf4", "LLaMA-Factory HF", False),
        ("nf4", "Unsloth", False),
    ],
)
def test_peft_prepares_what_bitsandbytes_quantised(precision: str, framework: str, prepared: bool) -> None:
    run = candidates(row(task="qlora", precision=precision, framework=framework))[0]
    assert run.framework.fp32_beside_quantised == prepared


def test_preparing_for_quantised_training_can_cost_more_than_it_saves() -> None:
    # 16,384 tokens with a vocabulary of 128,256: fp32 logits weigh more than 4-bit weights save. Known of Llama 3 8B at 2 x 8192.
    long = {"seq_len": "8192", "micro_batch": "2", "global_batch_sequences": "2"}
    assert gib(task="qlora", precision="nf4", **long) > gib(**long)
    assert gib(task="qlora", precision="nf4", seq_len="512") < gib(seq_len="512")


@pytest.mark.parametrize(
    ("task", "framework", "recompute"),
    [("lora", "HF PEFT", "none"), ("qlora", "HF PEFT", "full"), ("lora", "LLaMA-Factory HF", "full")],
)
def test_recompute_where_it_is_not_stated(task: str, framework: str, recompute: str) -> None:
    found = candidates(row(task=task, precision="", framework=framework, recompute=""))
    assert {run.layout.recompute for run in found} == {recompute}


@pytest.mark.parametrize(("layers", "gradients"), [("108", 4), ("106", 8), ("100", 4)])
def test_embedding_and_head_counted_as_layers_tell_the_release(layers: str, gradients: int) -> None:
    # 12 stages divide 108 layers; they divide 106 with embedding and head, and 100 neither way.
    run = candidates(row(**BLOOM, layers=layers))[0]
    assert run.framework.full_bytes.gradient_bytes == gradients


def test_gradients_of_a_single_micro_batch_come_when_the_loss_is_gone() -> None:
    full = {"task": "full", "seq_len": "8192", "micro_batch": "2"}
    one, two = gib(**full, global_batch_sequences="2"), gib(**full, global_batch_sequences="4")
    # Then the optimizer's step holds most: 10 bytes of each of 8.03e9 parameters are 74.8 GiB.
    assert 74.8 < one < 77 < two


def test_what_the_allocator_reserves_is_no_more_than_there_is() -> None:
    # Lengths that vary fragment its memory, but it gives back what it does not use before a run fails.
    cells = {"framework": "ms-swift 2.6 (HF Trainer)", "micro_batch": "4", "gpu": "A100-80GB"}
    answer = predicted(**cells)
    assert answer.fits and answer.memory_gib is not None
    assert 75 < answer.memory_gib < 82


def test_parameters_alone_can_be_too_many() -> None:
    shape = dict.fromkeys(("hidden", "layers", "heads", "kv_heads", "ffn", "vocab"), "")
    unknown = {"model": "nobody/own-12b", "params_total_b": "12", "task": "full", **shape}
    assert predicted(**unknown).fits is False
    assert predicted(**unknown, n_gpus="8").fits is None
    assert predicted(**unknown | {"params_total_b": "3"}).fits is None
    assert predicted(**unknown, offload="ZeRO-3 CPU offload").fits is None
