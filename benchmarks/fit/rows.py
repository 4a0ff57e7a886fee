"""Rows of runs.csv as runs the model can predict: workload, framework, node, layout and what was measured."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from benchmarks.fit.fleet import UnknownGpuError, node_of
from benchmarks.fit.shapes import UnknownShapeError, architecture_of
from gpuplan.layout import Layout
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Node
from gpuplan_models import Architecture, Framework, frameworks, methods

Row = Mapping[str, str]

#: Sources with an optimizer step at a known length under software that gpuplan's users run today.
TIMED = {"nvbridge", "dgxc", "mlperf", "mlmci", "mosaic", "qwen1", "tinyllama"}
#: Sources of peak memory with the filled length, the batch and the number of GPUs.
HELD = {"qwen1", "mlmci", "dgxc", "peft"}
#: Blank precision that is nvfp4, or rows whose precision cannot be what they say (an fp8 twin is 8-25 % slower).
DOUBTFUL = {
    f"mlperf-{number}" for number in (151, 152, 176, 178, 180, 190, 197, 203, 204, 205, 209, 210, 213, 221, 227)
}
EIGHT_BIT = {"fp8", "mxfp8", "fp8-cs", "fp8-mx", "fp8-mx/blockwise", "amp_fp8"}
SIXTEEN_BIT = {"bf16": "bf16", "fp16": "fp16", "bf16 base": "bf16", "bf16 base + fp32 adapters": "bf16"}
FOUR_BIT = {"int4-gptq base", "nf4", "nf4 (4-bit)"}


class UnusableError(ValueError):
    """Why a row cannot be used."""


@dataclass(frozen=True)
class Run:
    """A published run. `virtual` stages and `context` parallelism are beyond `Layout`; `software` names what else differs."""

    id: str
    source: str
    task: str
    gpu: str
    workload: Workload
    framework: Framework
    node: Node
    nodes: int
    layout: Layout
    virtual: int
    context: int
    year: int
    software: frozenset[str]
    measured_seconds: float | None
    measured_bytes: float | None
    memory_measure: str
    last_stage: bool


def read_runs(path: Path) -> tuple[list[Run], Counter[str]]:
    """All usable runs, and how many rows were left out for which reason."""
    runs, left_out = [], Counter[str]()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                runs.append(run_of(row))
            except (UnusableError, UnknownShapeError, UnknownGpuError) as reason:
                left_out[str(reason).split("'")[0].strip()] += 1
    return runs, left_out


def run_of(row: Row) -> Run:
    """One row as a run; raises `UnusableError` and what shapes and fleet raise."""
    if "TRAP" in row["notes"] or row["id"] in DOUBTFUL or "RESULT=OOM" in row["notes"]:
        raise UnusableError("its own figures disagree, or it did not run")
    if row["task"] not in ("pretrain", "full", "lora", "qlora"):
        raise UnusableError("neither full training nor LoRA")
    if row["etp"] not in ("", "1"):
        raise UnusableError("experts cut by tensor parallelism")
    if row["offload"] not in ("", "none"):
        raise UnusableError("offloads to the host")
    seconds, held = _seconds(row), _bytes(row)
    if seconds is None and held is None:
        raise UnusableError("no time of a step and no memory that can be compared")
    architecture = architecture_of(row)
    framework = _framework(row)
    node = node_of(row["gpu"], int(row["gpus_per_node"] or min(8, _gpus(row))))
    layout, virtual, context = _layout(row, framework)
    return Run(
        id=row["id"],
        source=row["source_key"],
        task=row["task"],
        gpu=row["gpu"],
        workload=_workload(row, architecture),
        framework=framework,
        node=node,
        nodes=-(-_gpus(row) // node.gpus_per_node),
        layout=layout,
        virtual=virtual,
        context=context,
        year=min(int(row["date"][:4]), 2026),
        software=_software(row),
        measured_seconds=seconds,
        measured_bytes=held,
        memory_measure=row["memory_measure"] or ("allocated" if row["source_key"] == "dgxc" else "nvidia-smi"),
        last_stage=row["memory_rank"] == "last",
    )


def _gpus(row: Row) -> int:
    if not row["n_gpus"]:
        raise UnusableError("number of GPUs not given")
    return int(row["n_gpus"])


def _seconds(row: Row) -> float | None:
    if row["source_key"] not in TIMED:
        return None
    if row["step_time_s"]:
        return float(row["step_time_s"])
    if row["global_batch_sequences"] and row["seq_len"] and row["tokens_per_sec_per_gpu"]:
        tokens = float(row["global_batch_sequences"]) * float(row["seq_len"])
        return tokens / (float(row["tokens_per_sec_per_gpu"]) * int(row["n_gpus"]))
    return None


def _bytes(row: Row) -> float | None:
    """Peak memory where the filled length is known: fixed lengths, and PEFT's with padding to at most 768.

    Qwen's "LoRA (emb)" also trains embedding and head, which no method of gpuplan does.
    """
    if row["source_key"] not in HELD or not row["peak_mem_gib"] or row["notes"].startswith("LoRA (emb)"):
        return None
    return float(row["peak_mem_gib"]) * 2**30


def _workload(row: Row, architecture: Architecture) -> Workload:
    if not row["seq_len"] or not row["global_batch_sequences"]:
        raise UnusableError("batch or length not given")
    precision, weights = _precision(row)
    method = {"pretrain": "full"}.get(row["task"], row["task"])
    if method == "lora" and weights == "nf4":
        method = "qlora"
    return _one_workload(
        architecture, method, precision, weights, int(row["seq_len"]), int(row["lora_rank"] or 16), _targets(row)
    )


@cache
def _one_workload(
    architecture: Architecture, method: str, precision: str, weights: str, length: int, rank: int, targets: str
) -> Workload:
    return Workload(architecture, methods()[method], precision, weights, length, lora_rank=rank, lora_targets=targets)


def _targets(row: Row) -> str:
    narrow = row["source_key"] == "mlperf" or row["lora_targets"] in ("q_proj|v_proj", "self_attn")
    return "attention" if narrow else "all-linear"


def _precision(row: Row) -> tuple[str, str]:
    """Precision of the products and storage of the weights; blank is fp8 where MLPerf's submitters could choose it."""
    stated = row["precision"]
    if stated in FOUR_BIT:
        return "bf16", "nf4"
    if stated in EIGHT_BIT:
        return "fp8", "bf16"
    if stated in SIXTEEN_BIT:
        return SIXTEEN_BIT[stated], "bf16"
    if stated == "" and row["source_key"] == "mlperf":
        if row["gpu"] in ("B200", "GB200", "B300", "GB300") and row["task"] != "lora":
            raise UnusableError("8-bit or 4-bit not stated")
        return "fp8", "bf16"
    if stated == "" and row["source_key"] == "mlmci":
        return "bf16", "bf16"
    raise UnusableError("number format gpuplan does not know, or not stated")


def _framework(row: Row) -> Framework:
    return _one_framework(row["source_key"], "sequence-parallel=True" in row["notes"])


@cache
def _one_framework(source: str, sequence_parallel: bool) -> Framework:
    """The framework of a source, with its own precision policy."""
    known = frameworks()
    if source in ("mosaic", "tinyllama"):
        # llm-foundry and lit-gpt reduce the gradients in bf16, where FSDP2's default is fp32.
        torch = known["torch-fsdp"]
        return replace(torch, full_bytes=replace(torch.full_bytes, gradient_bytes=2.0))
    if source == "qwen1":
        # Full training under DeepSpeed: fp32 gradients, master weights and moments.
        return replace(known["hf-peft"], full_bytes=known["megatron"].full_bytes)
    if source == "peft":
        return known["hf-peft"]
    megatron = known["megatron"]
    if source == "dgxc":
        # NeMo keeps bf16 gradients.
        return replace(megatron, full_bytes=replace(megatron.full_bytes, gradient_bytes=2.0))
    if source == "mlmci" and not sequence_parallel:
        return replace(megatron, sequence_parallel=False)
    return megatron


def _software(row: Row) -> frozenset[str]:
    """What differs from the software gpuplan's users run, each with a factor of its own in the fit."""
    found: set[str] = set()
    if row["source_key"] == "mosaic":
        found |= {"triton_ampere", "triton_hopper"}
    if row["precision"] == "int4-gptq base":
        found.add("gptq")
    if row["source_key"] == "mlmci":
        found.add("untuned")
    blackwell = row["gpu"] in ("B200", "GB200", "B300", "GB300")
    if blackwell and row["experts"] and row["source_key"] == "nvbridge" and row["date"] >= "2026-06":
        found.add("graphs")
    return frozenset(found)


def _layout(row: Row, framework: Framework) -> tuple[Layout, int, int]:
    """Layout, virtual stages and context parallelism, with PHYSICS section 7's rules for what is not stated."""
    gpus, batch = _gpus(row), int(row["global_batch_sequences"] or 1)
    tensor = int(row["tp"] or _least_tensor(row))
    pipeline = int(row["pp"] or 1)
    context = int(row["cp"] or max(1, gpus // (tensor * pipeline * batch)))
    data = max(1, gpus // (tensor * pipeline * context))
    layers = int(row["layers"] or 32)
    virtual = int(row["vp"] or 1)
    if pipeline > 1 and not row["vp"] and row["source_key"] != "nvbridge" and not row["id"].startswith("mlm"):
        virtual = max(1, layers // (2 * pipeline))
    zero = _zero(row, framework)
    layout = Layout(
        framework=framework.name,
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        expert=int(row["ep"] or (min(8, tensor * data * context) if row["experts"] else 1)),
        zero=zero,
        micro_batch=int(row["micro_batch"] or 1),
        global_batch=batch,
        recompute=_recompute(row),
    )
    return layout, virtual, context


def _recompute(row: Row) -> str:
    """As stated; the sources that do not state it repeat nothing, but for HF's LoRA scripts."""
    stated = row["recompute"].split(" ")[0]
    return stated or ("full" if row["source_key"] == "qwen1" else "none")


def _zero(row: Row, framework: Framework) -> int:
    stated = row["zero_stage_or_fsdp"].upper()
    if "ZERO-3" in stated or "FULL_SHARD" in stated or stated == "FSDP" or "ZERO3" in row["notes"].upper():
        return 3
    if "ZERO-2" in stated or "SHARD_GRAD_OP" in stated:
        return 2
    return 1 if framework.kernels == "megatron" else 0


def _least_tensor(row: Row) -> int:
    """The smallest tensor parallelism that fits (8-bit frozen weights, no recompute)."""
    if float(row["params_total_b"] or 0) < 20:
        return 1
    if row["gpu"] in ("H100-SXM-80GB", "A100-80GB", "L40S-48GB"):
        return min(4, _gpus(row))
    return 2 if row["gpu"] == "H200-SXM-141GB" else 1
