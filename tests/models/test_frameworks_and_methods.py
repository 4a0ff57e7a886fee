"""Frameworks and methods: the figures that memory rests on, what each can run, and that they fit together."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpuplan_models import Framework, ModelError, frameworks, methods
from gpuplan_models.framework import _frameworks
from gpuplan_models.loading import DATA
from gpuplan_models.schema import MethodFile

README = Path(__file__).parents[2] / "models" / "README.md"


@pytest.mark.parametrize(
    ("name", "full", "adapters"),
    [
        # Megatron Core's table for 16-bit parameters and fp32 gradients: 18 bytes, 6 + 12/d when distributed
        ("megatron", (2, 4, 12), (2, 2, 12)),
        ("torch-fsdp", (4, 4, 8), (4, 4, 8)),  # everything in fp32
        ("hf-peft", (2, 2, 4), (4, 4, 8)),  # pure bf16; adapters in fp32
        ("deepspeed", (2, 2, 16), (2, 2, 16)),  # 16 = fp32 gradients 4 + master 4 + moments 8, all of them sharded
        ("llama-factory", (4, 4, 8), (4, 4, 8)),  # upcast to fp32
        ("torchtune", (2, 2, 4), (2, 2, 4)),  # everything in bf16
        ("unsloth", (2, 2, 4), (4, 4, 8)),  # pure bf16; adapters in fp32
    ],
)
def test_bytes_per_trained_parameter(name: str, full: tuple[float, ...], adapters: tuple[float, ...]) -> None:
    found = frameworks()[name]
    for policy, expected in ((found.full_bytes, full), (found.adapter_bytes, adapters)):
        assert (policy.weight_bytes, policy.gradient_bytes, policy.optimizer_bytes) == expected
        assert policy.total == sum(expected)


def test_every_method_runs_on_a_framework_with_its_default_storage() -> None:
    for method in methods().values():
        able = [framework for framework in frameworks().values() if method.name in framework.methods]
        assert able
        if method.default_weights:
            assert any(method.default_weights in framework.frozen_weights for framework in able)


def test_frameworks_name_known_methods() -> None:
    named = {name for framework in frameworks().values() for name in framework.methods}
    assert named == set(methods())


def test_only_megatron_has_parallel_layouts() -> None:
    for found in frameworks().values():
        parallel = (found.tensor_parallel, found.pipeline_parallel, found.expert_parallel, found.sequence_parallel)
        finer = (found.context_parallel, found.interleaved, found.expert_tensor_parallel, found.pipeline_uneven)
        assert parallel + finer == (found.name == "megatron",) * 8
    assert frameworks()["megatron"].zero_stages == (0, 1, 3)
    assert frameworks()["megatron"].zero_stages_with_pipeline == (0, 1)
    assert frameworks()["megatron"].pipeline_uneven


@pytest.mark.parametrize(
    ("name", "offload"),
    [
        ("megatron", ("none", "optimizer")),  # its weights stay on the GPU
        ("deepspeed", ("none", "optimizer", "parameters")),  # ZeRO-Offload and ZeRO-Infinity
        ("llama-factory", ("none", "optimizer", "parameters")),
        ("torch-fsdp", ("none", "parameters")),  # CPUOffloadPolicy moves all three
        ("torchtune", ("none", "parameters")),
        ("hf-peft", ("none", "parameters")),
        ("unsloth", ("none",)),
    ],
)
def test_what_a_framework_leaves_to_the_host(name: str, offload: tuple[str, ...]) -> None:
    found = frameworks()[name]
    assert found.offload == offload
    assert ("offload" in found.sources) == (offload != ("none",))


@pytest.mark.parametrize(
    ("name", "vendors"),
    [
        ("megatron", {"NVIDIA", "AMD", "Huawei"}),
        ("deepspeed", {"NVIDIA", "AMD", "Intel", "Huawei"}),
        ("unsloth", {"NVIDIA", "AMD"}),
        ("llama-factory", {"NVIDIA", "AMD", "Huawei"}),
    ],
)
def test_vendors(name: str, vendors: set[str]) -> None:
    assert {vendor.name for vendor in frameworks()[name].vendors} == vendors
    assert frameworks()[name].vendor("Acme") is None


def test_bitsandbytes_is_not_on_every_accelerator() -> None:
    found = {vendor.name: vendor for vendor in frameworks()["hf-peft"].vendors}
    assert found["NVIDIA"].frozen_weights == ("bf16", "int8", "nf4") == found["AMD"].frozen_weights
    assert found["Intel"].frozen_weights == ("bf16", "int8")
    assert found["Huawei"].frozen_weights == ("bf16",)
    assert (found["Huawei"].optimizers, found["AMD"].optimizers) == (("adamw",), ("adamw", "adamw-8bit"))


@pytest.mark.parametrize(
    ("name", "model_type", "frozen_weights", "adapters"),
    [
        ("hf-peft", "mixtral", ("bf16",), False),  # stacked experts: no NF4, LoRA only through a second copy
        ("deepspeed", "qwen3_moe", ("bf16",), False),
        ("hf-peft", "deepseek", ("bf16", "int8", "nf4"), True),  # its own code, experts of separate linears
        ("megatron", "deepseek_v3", ("bf16", "fp8"), True),  # DeepSeek-R1 with LoRA on all linears runs
        ("unsloth", "gpt_oss", ("bf16", "nf4"), True),
        ("unsloth", "qwen2_moe", ("bf16",), True),
    ],
)
def test_routed_experts(name: str, model_type: str, frozen_weights: tuple[str, ...], adapters: bool) -> None:
    found = frameworks()[name].experts_of(model_type)
    assert found is not None
    assert (found.frozen_weights, found.adapters) == (frozen_weights, adapters)


def test_mixtures_that_nobody_names_are_refused() -> None:
    assert frameworks()["torchtune"].experts == ()
    assert frameworks()["torchtune"].experts_of("mixtral") is None
    assert frameworks()["megatron"].experts_of("phimoe") is None


def test_every_capability_and_figure_has_a_source() -> None:
    for found in frameworks().values():
        assert {"methods", "precisions", "frozen_weights", "zero_stages", "recompute"} <= set(found.sources)
        assert {"full_bytes", "adapter_bytes"} <= set(found.sources)
        assert {f"vendors.{vendor.name}" for vendor in found.vendors} <= set(found.sources)
        assert {f"experts.{name}" for table in found.experts for name in table.model_types} <= set(found.sources)
        assert all(text.endswith(")") and "2026-" in text for text in found.sources.values())


def _other(**words: Any) -> Framework:
    return replace(frameworks()["hf-peft"], **words)


@pytest.mark.parametrize(
    ("other", "adapters", "covered"),
    [
        (_other(name="same", title="The same"), True, True),
        (_other(zero_stages=(0, 3)), True, True),
        (_other(zero_stages=(0, 1, 3)), True, False),
        (_other(recompute=("none", "selective")), True, False),
        (_other(full_bytes=frameworks()["torch-fsdp"].full_bytes), True, True),  # adapters do not feel it
        (_other(full_bytes=frameworks()["torch-fsdp"].full_bytes), False, False),
        (_other(kernels="torch"), True, False),
        (_other(stand_in=True), True, True),  # less sure
        (_other(tensor_parallel=True), True, False),
        (_other(context_parallel=True), True, False),
        (_other(interleaved=True), True, False),
        (_other(expert_tensor_parallel=True), True, False),
        (_other(offload=("none", "optimizer", "parameters")), True, False),
        (_other(offload=("none",)), True, True),
        (_other(vendors=frameworks()["unsloth"].vendors), True, True),
        (_other(eager_attention=()), True, False),
        (_other(fp32_beside_quantised=False), True, False),
        (_other(fp32_beside_quantised=False), False, True),  # full training has nothing quantised
        (_other(bucket_bytes=1e9), True, True),
        (frameworks()["llama-factory"], True, False),  # leaves all in 16 bit beside quantised weights
        (frameworks()["unsloth"], True, False),  # fused loss
        (frameworks()["deepspeed"], True, False),
    ],
)
def test_a_framework_covers_another_that_can_do_no_more(other: Framework, adapters: bool, covered: bool) -> None:
    assert frameworks()["hf-peft"].covers(other, adapters) == covered


def test_methods() -> None:
    full, lora, qlora = (methods()[name] for name in ("full", "lora", "qlora"))
    assert (full.trains, full.frozen_weights, full.default_weights) == ("all", (), None)
    assert (lora.trains, lora.frozen_weights, lora.default_weights) == ("adapters", ("bf16", "fp8", "int8"), "bf16")
    assert (qlora.trains, qlora.frozen_weights, qlora.default_weights) == ("adapters", ("nf4",), "nf4")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('peft = "Hugging', 'pft = "Hugging', "facts.methods is 'peft' in frameworks/x.toml: one of the keys of"),
        ('source = "autocast"', 'source = "auto"', "adapter_bytes.source is 'auto' in frameworks/x.toml: one of"),
        ('source = "gaudi"', 'source = "gaudy"', "vendors.Intel.source is 'gaudy' in frameworks/x.toml: one of"),
        ('recompute = "trainer"\n', "", "facts should name a source for each of .*recompute"),
        ("weight_bytes = 4", 'weight_bytes = "4"', "weight_bytes is '4' in frameworks/x.toml"),
        ("weight_bytes = 4", "weight_bytes = 400", "weight_bytes is '400' in frameworks/x.toml"),
        ("zero_stages = [0, 2, 3]", "zero_stages = [0, 4]", "zero_stages.1 is '4' in frameworks/x.toml"),
        ("pipeline_parallel = false", "pipeline_parallel = false\ninterleaved = true", "only with pipeline_parallel"),
        (
            "expert_parallel = false",
            "expert_parallel = false\nexpert_tensor_parallel = true",
            "only with expert_parallel",
        ),
        ('offload = ["none", "parameters"]', 'offload = ["parameters"]', "none should be among offload"),
        ('offload = ["none", "parameters"]', 'offload = ["none", "weights"]', "offload.1 is 'weights'"),
        ("zero_stages = [0, 2, 3]", "zero_stages = [0, 2]", "only with 3 among zero_stages"),
        ("pipeline_parallel = false", "pipeline_parallel = true", "zero_stages_with_pipeline should be given exactly"),
        ('name = "AMD"', 'name = "NVIDIA"', "vendors.* should be different"),
        ('model_types = ["*"]', 'model_types = ["*", "*"]', "experts.* should be different"),
        ('"bf16", "int8"]', '"bf16", "fp8"]', "frozen_weights of .*vendors.* should be among those of the framework"),
    ],
)
def test_wrong_framework_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    text = (DATA / "frameworks" / "hf-peft.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "frameworks").mkdir()
    (tmp_path / "frameworks" / "x.toml").write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr("gpuplan_models.loading.DATA", tmp_path)
    with pytest.raises(ModelError, match=message):
        _frameworks.__wrapped__()


def test_the_method_of_the_readme_is_complete() -> None:
    (example,) = [block.split("```")[0] for block in README.read_text(encoding="utf-8").split("```toml\n")[1:]]
    MethodFile.model_validate(tomllib.loads(example))
