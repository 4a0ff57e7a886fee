"""Which framework runs which job, on whose accelerators, and what the user is told where none does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import gpuplan
from gpuplan.ask import Asker
from gpuplan.better import better_framework
from gpuplan.catalogue import offers_for
from gpuplan.errors import InputError
from gpuplan.job import Job, resolve
from gpuplan.layout import adapts_experts, default_framework, obstacle, other_frameworks, runs_on
from gpuplan.pipeline import Outcome, find
from gpuplan.report.text import render
from gpuplan.rules import rules
from gpuplan_models import framework as framework_module
from gpuplan_models import frameworks
from gpuplan_models.loading import DATA

QWEN: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB", "deadline": "24h"}
MIXTRAL: dict[str, Any] = QWEN | {"model": "mixtral-8x7b"}
R1: dict[str, Any] = QWEN | {"model": "deepseek-r1"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            R1 | {"framework": "hf-peft"},
            "LoRA on the routed experts.*--lora-targets all-linear-except-experts.*megatron",
        ),
        (R1 | {"framework": "torchtune"}, "does not support models of type deepseek_v3"),
        (MIXTRAL | {"framework": "unsloth", "method": "lora", "weights": "int8"}, "experts of mixtral-8x7b in int8"),
        (MIXTRAL | {"method": "qlora"}, "none of the usual frameworks runs this.*in nf4, only in bf16.*unsloth"),
        (MIXTRAL | {"method": "qlora", "framework": "deepspeed"}, "experts of mixtral-8x7b in nf4.*unsloth"),
        (QWEN | {"framework": "unsloth", "precision": "fp8"}, "does not support precision fp8.*megatron or torch-fsdp"),
        (QWEN | {"framework": "unslth"}, "Did you mean unsloth"),
    ],
)
def test_what_a_framework_cannot_run_is_said_with_the_way_out(words: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        resolve(words)
    assert error.value.field == "framework"


@pytest.mark.parametrize(
    ("words", "alone", "parallel"),
    [
        (QWEN, "hf-peft", "megatron"),
        (QWEN | {"method": "full"}, "torch-fsdp", "megatron"),
        (QWEN | {"method": "qlora"}, "hf-peft", "megatron"),
        (MIXTRAL, "megatron", "megatron"),  # PEFT cannot put adapters on stacked experts
        (MIXTRAL | {"lora_targets": "all-linear-except-experts"}, "hf-peft", "megatron"),
        (MIXTRAL | {"lora_targets": "attention"}, "hf-peft", "megatron"),
        (MIXTRAL | {"method": "full"}, "torch-fsdp", "megatron"),
        (R1, "megatron", "megatron"),
    ],
)
def test_the_default_is_one_that_runs_the_job(words: dict[str, Any], alone: str, parallel: str) -> None:
    job = resolve(words)
    assert [default_framework(job, model_parallel) for model_parallel in (False, True)] == [alone, parallel]
    said = [
        sentence
        for sentence in job.assumptions
        if "Megatron" in sentence or "Hugging" in sentence or "FSDP" in sentence
    ]
    assert said


@pytest.mark.parametrize(
    ("words", "adapted"),
    [
        (QWEN, False),
        (MIXTRAL, True),
        (MIXTRAL | {"lora_targets": "w1,q_proj"}, True),
        (MIXTRAL | {"lora_targets": "attention"}, False),
        (MIXTRAL | {"method": "full"}, False),
    ],
)
def test_adapters_on_experts(words: dict[str, Any], adapted: bool) -> None:
    assert adapts_experts(resolve(words)) == adapted


def test_r1_with_lora_on_all_linears_is_solved_by_default() -> None:
    job = resolve(R1 | {"data": "1MB", "deadline": "48h"})
    plan = find(job, offers_for(job, None)).plan
    assert plan is not None
    assert plan.framework.name == "megatron"
    assert adapts_experts(job)


def test_a_mixture_with_lora_runs_on_one_gpu_by_default() -> None:
    job = resolve(MIXTRAL | {"data": "1MB", "gpu": "B200", "max_gpus": 1})
    plan = find(job, offers_for(job, None)).plan
    assert plan is not None
    assert (plan.layout.gpus, plan.framework.name) == (1, "megatron")


# -- makers of accelerators ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "vendor", "words", "runs"),
    [
        ("hf-peft", "Intel", QWEN, True),
        ("hf-peft", "Intel", QWEN | {"method": "qlora"}, False),
        ("hf-peft", "Huawei", QWEN | {"weights": "int8"}, False),
        ("hf-peft", "Huawei", QWEN | {"method": "full"}, True),
        ("hf-peft", "Huawei", QWEN | {"method": "full", "optimizer": "adamw-8bit"}, False),
        ("unsloth", "AMD", QWEN, True),
        ("unsloth", "Intel", QWEN, False),
        ("megatron", "Intel", QWEN, False),
    ],
)
def test_runs_on(name: str, vendor: str, words: dict[str, Any], runs: bool) -> None:
    assert runs_on(frameworks()[name], vendor, resolve(words)) == runs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"method": "qlora"},
            "hf-peft does not run qlora with nf4 weights and adamw on accelerators of Intel; nor does any",
        ),
        (
            {"framework": "unsloth"},
            "on accelerators of Intel; with --framework deepspeed or hf-peft or torch-fsdp it does",
        ),
    ],
)
def test_accelerators_that_the_framework_does_not_run_on_are_refused(words: dict[str, Any], message: str) -> None:
    offers = _of_maker("Intel")
    with pytest.raises(InputError, match=message) as error:
        resolve(QWEN | {"gpu": "H100-SXM"} | words, offers)
    assert error.value.field == "gpu"


def test_the_rule_leaves_out_offers_of_other_makers() -> None:
    job = resolve(QWEN | {"framework": "unsloth"})
    assert find(job, _of_maker("NVIDIA")).plan is not None
    assert find(job, _of_maker("Intel")).plan is None


def test_the_rule_names_what_is_wrong() -> None:
    plan = _plan()
    intel = replace(plan.offer.node.accelerator, vendor="Intel")
    elsewhere = replace(plan, offer=replace(plan.offer, node=replace(plan.offer.node, accelerator=intel)))
    unsloth = replace(elsewhere, framework=frameworks()["unsloth"])
    uneven = replace(
        plan, layout=replace(plan.layout, pipeline=3), framework=replace(plan.framework, pipeline_uneven=False)
    )
    mixture = replace(plan, job=resolve(MIXTRAL), framework=frameworks()["hf-peft"])
    for tampered, words in (
        (unsloth, "accelerators of a maker for whom Unsloth"),
        (uneven, "stages of unequal length"),
        (mixture, "adapters on experts that Hugging Face.*--lora-targets all-linear-except-experts"),
    ):
        (rule,) = (rule for rule in rules() if rule.name == "framework")
        broken = [quantity.name for quantity in rule.quantities(tampered) if not quantity.satisfied]
        assert any(re.search(words, name) for name in broken), broken


def _plan() -> Any:
    job = resolve(QWEN)
    plan = find(job, _of_maker("NVIDIA")).plan
    assert plan is not None
    return plan


def _of_maker(vendor: str) -> list[Any]:
    """The offers with H100-SXM, made by somebody else."""
    job = resolve(QWEN | {"gpu": "H100-SXM"})
    offers = [offer for offer in offers_for(job, None) if offer.node.accelerator.name == "H100-SXM"]
    other = replace(offers[0].node.accelerator, vendor=vendor)
    return [replace(offer, node=replace(offer.node, accelerator=other)) for offer in offers]


# -- what another framework would save --------------------------------------------------------------------------------------
def text_of(result: gpuplan.Result) -> str:
    file = StringIO()
    render(result, Console(file=file, width=100))
    return file.getvalue()


def _outcome(job: Job) -> tuple[Outcome, list[Any]]:
    offers = offers_for(job, None)
    return find(job, offers), list(offers)


@pytest.mark.parametrize("words", [QWEN, QWEN | {"method": "full"}, QWEN | {"method": "qlora"}, MIXTRAL])
def test_frameworks_that_are_not_tried_would_not_be_better(words: dict[str, Any]) -> None:
    job = resolve(words | {"gpu": "H100-SXM", "max_gpus": 16})
    outcome, offers = _outcome(job)
    tried = {framework.name for framework in other_frameworks(job)}
    values = {}
    for name, framework in frameworks().items():
        if obstacle(framework, job) is None:
            values[name] = find(replace(job, framework=framework), offers).value or np.inf
    best_tried = min([outcome.value or np.inf, *(values[name] for name in tried)])
    assert tried < set(values)
    assert min(values.values()) >= best_tried * (1 - 1e-9)


def test_a_better_framework_is_said() -> None:
    job = resolve(QWEN | {"gpu": "H100-SXM"})
    outcome, offers = _outcome(job)
    ask = Asker(offers, 60.0)
    better = better_framework(job, outcome, ask)
    assert better is not None and better.layout.framework == "megatron"
    assert better.cost_at_confidence_usd < (outcome.value or 0.0)
    assert better_framework(replace(job, framework=frameworks()["hf-peft"]), outcome, ask) is None


def test_the_first_line_claims_no_more_than_the_frameworks_that_were_tried() -> None:
    result = gpuplan.solve(QWEN | {"gpu": "H100-SXM", "alternatives": 0})
    assert result.other_framework is not None
    text = text_of(result)
    assert "proved cheapest with the default frameworks" in text.splitlines()[0] + text.splitlines()[1]
    assert "--framework megatron, also where no model parallelism is used, is proved cheapest" in " ".join(text.split())


def test_another_framework_is_a_way_out_of_a_budget() -> None:
    best = gpuplan.solve(QWEN | {"gpu": "H100-SXM", "framework": "megatron", "alternatives": 0})
    result = gpuplan.solve(
        QWEN | {"gpu": "H100-SXM", "budget": f"{1.01 * (best.objective or 0.0)}", "confidence": "point"}
    )
    found = [relaxation for relaxation in result.relaxations if relaxation.limit == "framework"]
    assert result.status == "infeasible" and [r.plan.layout.framework for r in found] == ["megatron"]
    assert "No plan with the default frameworks" in text_of(result)


def test_a_fused_loss_needs_less_memory() -> None:
    plan = _plan()
    other = replace(plan.framework, fused_cross_entropy=not plan.framework.fused_cross_entropy)
    fused = replace(plan, framework=other).prediction
    assert fused.memory_bytes < plan.prediction.memory_bytes and fused.step_seconds == plan.prediction.step_seconds


def test_constants_that_stand_in_are_less_sure() -> None:
    plan = _plan()
    own, borrowed = (
        replace(plan, framework=replace(plan.framework, stand_in=stand_in)).prediction for stand_in in (False, True)
    )
    assert borrowed.step_seconds == own.step_seconds
    assert (borrowed.step_width, borrowed.memory_width) >= (own.step_width, own.memory_width)
    assert borrowed.coverage != "measured"


# -- one file more ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue with one more framework, a copy of PEFT's under another name."""
    copytree(DATA, tmp_path / "data")
    folder = tmp_path / "data" / "frameworks"
    text = (folder / "hf-peft.toml").read_text(encoding="utf-8").replace('"hf-peft"', '"my-trainer"')
    (folder / "my-trainer.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("gpuplan_models.loading.DATA", tmp_path / "data")
    framework_module._frameworks.cache_clear()
    yield
    framework_module._frameworks.cache_clear()


@pytest.mark.usefixtures("added")
def test_a_framework_of_one_file_is_solved_with() -> None:
    words = QWEN | {"data": "10MB", "gpu": "H100-SXM", "alternatives": 0}
    mine, peft = (gpuplan.solve(words | {"framework": name}) for name in ("my-trainer", "hf-peft"))
    assert mine.status == "optimal"
    assert mine.objective == peft.objective
    assert mine.plan is not None
    assert mine.plan.layout.framework == "my-trainer"
