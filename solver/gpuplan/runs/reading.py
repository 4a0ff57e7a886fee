"""What a row's texts mean: framework and its policy, method, number formats, adapters' targets, ZeRO stage, recompute."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from gpuplan.layout import ADAPTER_FRAMEWORK, FULL_FRAMEWORK, PARALLEL_FRAMEWORK
from gpuplan.performance.workload import Workload
from gpuplan.runs.rows import RunRow, UnpredictableError
from gpuplan.runs.tables import FrameworkRule, PrecisionRule, framework_rules, matched, precision_rules
from gpuplan_hardware import Accelerator
from gpuplan_models import Architecture, Framework, ParameterBytes, frameworks, methods

#: Rank of adapters where the row does not say, as `gpuplan solve` has it.
LORA_RANK = 16
#: From this software year on, submissions that chose their own format pretrained in NVFP4 on Blackwell (MLPerf Training v5.1).
NVFP4_FROM = 2025
#: A ZeRO stage as people write it: "3", "ZeRO-3", "zero3", "stage 3".
STAGE = re.compile(r"(?:zero|stage)[-_]?([0-3])|^([0-3])$")
#: Texts that say that nothing is sharded.
UNSHARDED = ("none", "no", "ddp", "off", "replicat", "naive", "split")
#: What texts of `recompute` mean, the first that is found.
RECOMPUTE_WORDS = (
    ("none", re.compile(r"^(no|without|off|false|0|disabled)\b|^none")),
    ("selective", re.compile(r"select|\bsac\b|partial|\bop\b")),
    ("full", re.compile(r"full|checkpoint|\btrue\b|\byes\b|\bon\b|\ball\b|every")),
)
MODEL_PARALLEL = ("tp", "pp", "ep")


def rule_of(row: RunRow) -> FrameworkRule | None:
    """Return how the column `framework` is read; None where it is empty or unknown."""
    text, year = row.text("framework"), row.text("date").split("-")[0]
    of_its_time = [
        rule for rule in framework_rules() if rule.until is None or (year.isdigit() and int(year) <= rule.until)
    ]
    return matched(of_its_time, text) if text else None


def framework_of(
    row: RunRow, rule: FrameworkRule | None, adapters: bool, precision: PrecisionRule | None, mixture: bool = False
) -> Framework:
    """Return the framework of a row, with the policy of the software that the row names; mixtures of experts need parallel ones."""
    if rule is None:
        parallel = mixture or any((row.whole(column) or 1) > 1 for column in MODEL_PARALLEL)
        usual = ADAPTER_FRAMEWORK if adapters else FULL_FRAMEWORK
        return frameworks()[PARALLEL_FRAMEWORK if parallel else usual]
    full = precision.full if precision is not None and precision.full else rule.full
    layers, stages = row.whole("layers") or 0, row.whole("pp") or 1
    if rule.full_ends_counted and layers % stages and (layers + 2) % stages == 0:
        full = rule.full_ends_counted
    return _framework(rule, full, precision is None or precision.fp32_beside)


@cache
def _framework(rule: FrameworkRule, full: tuple[float, ...], fp32_beside: bool) -> Framework:
    found = frameworks()[rule.framework]
    if not fp32_beside or rule.fp32_beside_quantised is not None:
        found = replace(found, fp32_beside_quantised=fp32_beside and bool(rule.fp32_beside_quantised))
    if rule.eager_attention:
        found = replace(found, eager_attention=rule.eager_attention)
    if full:
        found = replace(found, full_bytes=ParameterBytes(*full))
    if rule.adapters:
        found = replace(found, adapter_bytes=ParameterBytes(*rule.adapters))
    if rule.kernels:
        found = replace(found, kernels=rule.kernels)
    return found if rule.sequence_parallel else replace(found, sequence_parallel=False)


def precision_of(
    row: RunRow, rule: FrameworkRule | None, accelerator: Accelerator, year: float
) -> tuple[str, PrecisionRule]:
    """Return the text of the precision (the row's, or what its framework's rule makes of an empty cell), and how it is read.

    Raises
    ------
    UnpredictableError
        If the text is unknown, or the accelerator does not multiply in the format.
    """
    text = row.text("precision")
    if not text:
        text = _default_precision(row, rule, accelerator, year)
    found = matched(precision_rules(), text)
    if found is None:
        raise UnpredictableError(f"precision {text!r} is not known")
    if found.precision not in accelerator.peak_flops:
        if found.precision == "bf16" and "fp16" in accelerator.peak_flops:
            return text, replace(found, precision="fp16")
        if found.precision == "fp16" and "bf16" in accelerator.peak_flops:
            return text, replace(found, precision="bf16")
        raise UnpredictableError(f"{accelerator.name} does not multiply in {found.precision}")
    return text, found


def _default_precision(row: RunRow, rule: FrameworkRule | None, accelerator: Accelerator, year: float) -> str:
    if "qlora" in row.text("task"):
        return "nf4"
    if rule is None or rule.blank_precision != "fastest" or "fp8" not in accelerator.peak_flops:
        return "bf16"
    blackwell = accelerator.kernel_family.startswith("blackwell")
    return "nvfp4" if blackwell and round(year) >= NVFP4_FROM and row.text("task") == "pretrain" else "fp8"


def method_of(row: RunRow) -> str:
    """Return gpuplan's method: full for pretraining, LoRA for every method of PEFT that trains adapters.

    Raises
    ------
    UnpredictableError
        If the task is none of them.
    """
    task = row.text("task").casefold()
    if task in ("pretrain", "full", "sft", ""):
        return "full"
    if task in ("lora", "qlora"):
        return task
    if task.startswith("peft:") and task.removeprefix("peft:") not in ("dpo", "ppo", "reward"):
        return "lora"
    raise UnpredictableError(f"task {row.text('task')!r} is neither full training nor adapters")


def workload_of(
    row: RunRow, architecture: Architecture, rule: FrameworkRule | None, precision: PrecisionRule
) -> Workload:
    """Return the workload of a row; equal rows share one object."""
    method, length = method_of(row), row.whole("seq_len")
    if length is None:
        raise UnpredictableError("seq_len is not given")
    weights = precision.weights or ("nf4" if method == "qlora" else "")
    if method == "lora" and weights == "nf4":
        method = "qlora"
    if method == "full" or not weights:
        weights = "bf16" if precision.precision == "fp8" else precision.precision
    if method == "lora" and precision.precision == "fp8":
        weights = "fp8"
    rank = row.whole("lora_rank") or LORA_RANK
    return _workload(
        architecture, method, precision.precision, weights, length, rank, _targets(row, rule, architecture)
    )


@cache
def _workload(
    architecture: Architecture,
    method: str,
    precision: str,
    weights: str,
    length: int,
    rank: int,
    targets: str | tuple[str, ...],
) -> Workload:
    return Workload(architecture, methods()[method], precision, weights, length, lora_rank=rank, lora_targets=targets)


def _targets(row: RunRow, rule: FrameworkRule | None, architecture: Architecture) -> str | tuple[str, ...]:
    """Return the adapted linears: the row's where the model has them, else by the group that they belong to."""
    text = row.text("lora_targets").casefold()
    if not text or text.startswith("default"):
        return rule.lora_targets if rule is not None and rule.lora_targets else "all-linear"
    names = tuple(name.strip() for name in text.replace(",", "|").split("|"))
    if len(set(names)) >= 7 or text.startswith("all") or any("w1" in name or "gate" in name for name in names):
        return "all-linear"
    known = {linear.name for kind in architecture.layers for linear in kind.linears if linear.adaptable}
    if all(name in known for name in names):
        return names
    return "attention"


def zero_of(row: RunRow, rule: FrameworkRule | None) -> int | None:
    """Return the ZeRO stage; None where neither row nor framework says, or the text is not understood."""
    text = row.text("zero_stage_or_fsdp").casefold().replace(" ", "-")
    if not text:
        if states_on_host(row):
            return 3
        return rule.zero if rule is not None else None
    stage = STAGE.search(text)
    if stage is not None:
        return int(stage.group(1) or stage.group(2))
    if "grad_op" in text or "stage-not-stated" in text:
        return 2
    if "full_shard" in text or "fsdp" in text or "hsdp" in text:
        return 3
    if "distributed-optimizer" in text:
        return 1
    return 0 if any(word in text for word in UNSHARDED) else None


def states_on_host(row: RunRow) -> bool:
    """Whether sharded weights and optimizer states are offloaded."""
    text = row.text("offload").casefold()
    return "fsdp" in text or "zero-3" in text or "param" in text


def inputs_on_host(row: RunRow, rule: FrameworkRule | None) -> bool:
    """Whether the inputs of recomputed layers are offloaded: said so, or what the framework does."""
    said = "offload" in row.text("recompute") or row.text("offload").casefold().startswith("activations")
    return said or (rule is not None and rule.inputs_on_host and row.text("offload").casefold() != "none")


def recompute_of(row: RunRow, rule: FrameworkRule | None, framework: Framework) -> tuple[str, ...]:
    """Return what may be recomputed, fastest first: one mode where row or framework says, else all that the framework has."""
    stated = stated_recompute(row)
    if stated:
        return (stated,)
    quantised = "qlora" in row.text("task").casefold()
    usual = "" if rule is None else (rule.recompute_quantised if quantised else "") or rule.recompute
    if usual:
        return (usual,)
    if rule is not None and rule.partial:
        return ("none", "full")
    return framework.recompute


def stated_recompute(row: RunRow) -> str:
    """Return the mode that the row states, "" where it states none or the text is not understood."""
    text = row.text("recompute").casefold()
    return next((mode for mode, words in RECOMPUTE_WORDS if words.search(text)), "")


def not_understood(row: RunRow) -> tuple[str, ...]:
    """Return a note for each text that is read as if the cell were empty."""
    said = {
        "recompute": stated_recompute(row) != "",
        "zero_stage_or_fsdp": zero_of(row, None) is not None,
    }
    return tuple(
        f"{column} {row.text(column)!r} not understood, taken as not stated"
        for column, known in said.items()
        if row.text(column) and not known
    )
