"""How names in a row are read: frameworks, number formats, GPUs, models."""

from __future__ import annotations

import pytest

from gpuplan.runs import INPUT_COLUMNS, RunRow
from gpuplan.runs.complete import candidates, software_year
from gpuplan.runs.gpus import node_of
from gpuplan.runs.reading import rule_of, stated_recompute, zero_of
from gpuplan.runs.rows import UnpredictableError
from gpuplan.runs.shapes import architecture_of
from gpuplan.runs.software import base_constants
from gpuplan.runs.tables import framework_rules, further_constants, gpu_rules, model_rules, software_rules
from gpuplan_hardware import accelerators
from gpuplan_models import architectures, frameworks


def row(**cells: str) -> RunRow:
    return RunRow("x", dict.fromkeys(INPUT_COLUMNS, "") | cells)


@pytest.mark.parametrize(
    ("text", "framework", "kernels"),
    [
        ("NeMo/Megatron-Core+TE", "megatron", ""),
        ("Megatron-Bridge (Megatron-Core+TE)", "megatron", ""),
        ("Megatron-DeepSpeed", "megatron", "megatron-2022"),
        ("Megatron-DeepSpeed (SynapseAI)", "megatron", ""),
        ("llm-foundry/Composer FSDP", "torch-fsdp", ""),
        ("HF Trainer + PEFT/DeepSpeed, flash-attn 2, torch 2.0", "deepspeed", ""),
        ("HF PEFT + plain PyTorch loop", "hf-peft", ""),
        ("ms-swift 2.6 (HF Trainer), torch 2.1, flash-attn 2", "hf-peft", ""),
        ("ms-swift DeepSpeed ZeRO-3", "deepspeed", ""),
        ("ms-swift Megatron-LM", "megatron", ""),
        ("LLaMA-Factory Unsloth+FA2", "unsloth", ""),
        ("LLaMA-Factory HF", "llama-factory", ""),
        ("torchtune 52d1b838 + torchao", "torchtune", ""),
        ("PyTorch, NeMo, HugeCTR, DGL NVIDIA Release 24.09", "megatron", ""),
        ("LLMBoost 1.2.0 and ROCm 7.0.1", "megatron", ""),
    ],
)
def test_frameworks(text: str, framework: str, kernels: str) -> None:
    rule = rule_of(row(framework=text))
    assert rule is not None
    assert (rule.framework, rule.kernels) == (framework, kernels)


def test_every_rule_names_what_there_is() -> None:
    assert {rule.framework for rule in framework_rules()} <= set(frameworks())
    assert {rule.accelerator for rule in gpu_rules()} <= set(accelerators())
    assert {rule.catalogue for rule in model_rules() if rule.catalogue} <= set(architectures())
    constants = base_constants().tables
    assert {name for rule in software_rules() for name, _ in rule.multiplies} <= set(constants)
    assert set(further_constants()) <= set(constants)


@pytest.mark.parametrize(
    ("text", "name", "gib"),
    [
        ("A100-80GB", "A100-80GB-SXM", 79),
        ("A100 (memory not stated)", "A100-80GB-SXM", 79),
        ("H100-80GB", "H100-SXM", 79),
        ("Gaudi2-96GB", "Gaudi2", 94),
        ("any 24GB VRAM", "any 24GB VRAM", 23),
    ],
)
def test_gpus(text: str, name: str, gib: int) -> None:
    node, _ = node_of(text, 8)
    assert node.accelerator.name == name
    assert int(node.accelerator.usable_memory_bytes / 2**30) == gib


def test_an_nvlink_domain_spans_trays() -> None:
    assert node_of("GB200", 4)[0].gpus_per_node == 72


def test_layers_follow_from_the_parameters() -> None:
    # 12 h^2 = 2.488e9 a layer and 3.6e9 of embedding: (200 - 3.6) / 2.488 = 78.9, and 80 is the nearest multiple of 10 stages.
    cells = {"model": "GPT 200B", "params_total_b": "200", "hidden": "14400", "ffn": "57600", "vocab": "250880"}
    found, note = architecture_of(row(**cells, pp="10"))
    assert found.layer_count == 80
    assert "layers 80" in note


def test_a_proxy_keeps_the_kinds_of_its_model() -> None:
    cells = {"model": "deepseek-ai/DeepSeek-V3", "hidden": "7168", "layers": "14", "heads": "128", "vocab": "129280"}
    found, _ = architecture_of(row(**cells))
    assert [kind.count for kind in found.layers] == [3, 11]


def test_a_model_with_layers_that_are_not_known() -> None:
    with pytest.raises(UnpredictableError, match="state space"):
        architecture_of(row(model="Nemotron-H 56b FP8"))


@pytest.mark.parametrize(
    ("date", "framework", "year"),
    [
        ("2025-06", "", 2025),
        ("2025-11", "", 2025),
        ("2025", "", 2025),
        ("", "", 2026),
        ("2031", "", 2026),
        ("2025-06", "PyTorch NVIDIA Release 25.04; NeMo 25.09", 2025 + 2.5 / 12),
        ("2025-06", "PyTorch NVIDIA Release 23.09", 2025),  # an old container's name says nothing
        ("2025-06", "transformers 4.49", 2025),
    ],
)
def test_the_software_year(date: str, framework: str, year: float) -> None:
    assert software_year(row(date=date, framework=framework)) == pytest.approx(year)


def test_stated_settings_leave_one_candidate() -> None:
    cells = {
        "model": "llama-3-70b",
        "gpu": "H100-SXM-80GB",
        "framework": "NeMo/Megatron-Core+TE",
        "precision": "fp8",
        "task": "pretrain",
        "n_gpus": "64",
        "tp": "4",
        "pp": "8",
        "vp": "5",
        "cp": "1",
        "micro_batch": "1",
        "global_batch_sequences": "128",
        "seq_len": "8192",
        "zero_stage_or_fsdp": "ZeRO-1 distributed optimizer",
        "recompute": "none",
    }
    (run,) = candidates(row(**cells))
    assert (run.layout.tensor, run.layout.pipeline, run.layout.data, run.layout.virtual, run.layout.zero) == (
        4,
        8,
        2,
        5,
        1,
    )


def test_a_mixture_without_a_framework_runs_where_experts_can_be_dealt() -> None:
    cells = {"gpu": "H200", "n_gpus": "32", "global_batch_sequences": "256", "seq_len": "4096", "task": "lora"}
    mixture, dense = (candidates(row(model=name, **cells))[0] for name in ("deepseek-r1", "llama-3-8b"))
    assert (mixture.framework.name, dense.framework.name) == ("megatron", "hf-peft")
    assert mixture.node.accelerator.name == "H200-SXM"


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("3", 3),
        ("zero3", 3),
        ("ZeRO-2", 2),
        ("stage 1", 1),
        ("hsdp", 3),
        ("FSDP full_shard", 3),
        ("DDP", 0),
        ("none", 0),
    ],
)
def test_stages_as_people_write_them(text: str, stage: int) -> None:
    assert zero_of(row(zero_stage_or_fsdp=text), None) == stage


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("gradient checkpointing", "full"),
        ("AC full", "full"),
        ("true", "full"),
        ("op-selective", "selective"),
        ("no checkpointing", "none"),
        ("off", "none"),
        ("full (Unsloth offloaded)", "full"),
        ("banana", ""),
    ],
)
def test_recompute_as_people_write_it(text: str, mode: str) -> None:
    assert stated_recompute(row(recompute=text)) == mode


@pytest.mark.parametrize("cells", [{"zero_stage_or_fsdp": "banana"}, {"recompute": "banana"}])
def test_words_that_mean_nothing_are_named(cells: dict[str, str]) -> None:
    asked = {"model": "llama-3-8b", "gpu": "H100", "n_gpus": "8", "global_batch_sequences": "8", "seq_len": "2048"}
    notes = candidates(row(**asked, **cells))[0].notes
    assert f"{next(iter(cells))} 'banana' not understood, taken as not stated" in notes


@pytest.mark.parametrize("name", [name for name in frameworks() if name != "torch-fsdp"])
def test_frameworks_by_their_own_names(name: str) -> None:
    rule = rule_of(row(framework=name))
    assert rule is not None and rule.framework == name


def test_megatron_of_today_is_not_that_of_2021() -> None:
    old, new = (rule_of(row(framework="Megatron-LM", date=date)) for date in ("2021-06", "2026-01"))
    assert old is not None and new is not None
    assert (old.kernels, new.kernels) == ("megatron-2022", "")
