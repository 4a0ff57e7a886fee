"""Frameworks and methods: the figures that memory rests on, and that they fit together."""

import tomllib
from pathlib import Path

import pytest

from gpuplan_models import ModelError, frameworks, methods
from gpuplan_models.config import build
from gpuplan_models.fields import Fields
from gpuplan_models.framework import _frameworks
from gpuplan_models.loading import DATA
from gpuplan_models.schema import ArchitectureFile, FrameworkFile, MethodFile

README = Path(__file__).parents[2] / "models" / "README.md"


@pytest.mark.parametrize(
    ("name", "full", "adapters"),
    [
        # Megatron Core's table for 16-bit parameters and fp32 gradients: 18 bytes, 6 + 12/d when distributed
        ("megatron", (2, 4, 12), (2, 2, 12)),
        ("torch-fsdp", (4, 4, 8), (4, 4, 8)),  # everything in fp32
        ("hf-peft", (2, 2, 4), (4, 4, 8)),  # pure bf16; adapters in fp32
    ],
)
def test_bytes_per_trained_parameter(name: str, full: tuple[float, ...], adapters: tuple[float, ...]) -> None:
    found = frameworks()[name]
    for policy, expected in ((found.full_bytes, full), (found.adapter_bytes, adapters)):
        assert (policy.weight_bytes, policy.gradient_bytes, policy.optimizer_bytes) == expected
        assert policy.total == sum(expected)
    assert found.adapter_bytes.total == 16


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
        assert parallel == (found.name == "megatron",) * 4
    assert frameworks()["megatron"].zero_stages == (0, 1, 3)
    assert frameworks()["megatron"].zero_stages_with_pipeline == (0, 1)


def test_every_capability_and_figure_has_a_source() -> None:
    for found in frameworks().values():
        assert {"methods", "precisions", "frozen_weights", "zero_stages", "recompute"} <= set(found.sources)
        for policy in ("full_bytes", "adapter_bytes"):
            assert {f"{policy}.{part}_bytes" for part in ("weight", "gradient", "optimizer")} <= set(found.sources)


def test_methods() -> None:
    full, lora, qlora = (methods()[name] for name in ("full", "lora", "qlora"))
    assert (full.trains, full.frozen_weights, full.default_weights) == ("all", (), None)
    assert (lora.trains, lora.frozen_weights, lora.default_weights) == ("adapters", ("bf16", "fp8", "int8"), "bf16")
    assert (qlora.trains, qlora.frozen_weights, qlora.default_weights) == ("adapters", ("nf4",), "nf4")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('peft = "Hugging', 'pft = "Hugging', "facts.methods is 'peft' in frameworks/x.toml: one of the keys of"),
        ('recompute = "trainer"\n', "", "facts should name a source for each of .*recompute"),
        ("value = 4,", 'value = "4",', "value is '4' in frameworks/x.toml"),
        ("zero_stages = [0, 2, 3]", "zero_stages = [0, 4]", "zero_stages.1 is '4' in frameworks/x.toml"),
        ("pipeline_parallel = false", "pipeline_parallel = true", "zero_stages_with_pipeline should be given exactly"),
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


@pytest.mark.skipif(not README.exists(), reason="the README stays in the repository")
def test_examples_of_the_readme_are_complete() -> None:
    blocks = [block.split("```")[0] for block in README.read_text(encoding="utf-8").split("```toml\n")[1:]]
    model, method, framework = (tomllib.loads(block) for block in blocks)
    file = ArchitectureFile.model_validate(model)
    MethodFile.model_validate(method)
    FrameworkFile.model_validate(framework)
    found = build(Fields(file.config, "the README"), name=file.name, basis="", source="", tokenizer=file.tokenizer)
    assert found.parameters == file.published_parameters.value
