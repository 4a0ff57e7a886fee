"""Claims that nothing of ours decides, with what can be computed of them."""

from __future__ import annotations

from benchmarks.guides.claims import Claim
from benchmarks.guides.hardware import A100, node_of
from benchmarks.guides.physics import fastest, least_plan, number, work
from benchmarks.guides.registry import Finding, Reading, claim
from benchmarks.guides.stand_ins import shape
from gpuplan.performance.constants import constants
from gpuplan.performance.machine import machines

REASONS = {
    "g000-31": "a forecast; end points and message are not defined",
    "g001-28": "neither the metric nor what would lose accuracy is given; accuracy is not modelled",
    "g002-18": "load and baseline are missing; serving is not modelled",
    "g002-19": "baseline, card and precision are missing; serving is not modelled",
    "g003-18": "no figure; RDMA helps between nodes and is no requirement of NCCL",
    "g003-20": "'parameters per day' is no unit of training",
    "g003-24": "metric and model are missing; accuracy is not modelled",
    "g003-40": "an opinion",
}


@claim(*REASONS)
def reason(one: Claim) -> Finding:
    return Finding((), "", REASONS[one.id], checkable=False)


@claim("g002-15")
def utilisation(one: Claim) -> Finding:
    mfu = fastest("DeepSeek-7B", "full", A100, 8).prediction.model_flops_utilisation
    readings = (Reading("MFU, full, 8 A100, fastest layout", 100 * mfu, method="full", judged=False),)
    why = (
        "a target, and the counter is not said: the share of time a kernel runs is near 100 % in any training, the "
        "share of the peak is at best this"
    )
    return Finding(readings, "%", why, checkable=False)


@claim("g002-22")
def optical(one: Claim) -> Finding:
    where = node_of(A100, 8)
    activation = 2.0 * 2 * 4096 * shape("DeepSeek-7B").hidden_size
    milliseconds = 1e3 * 2 * 7 / 8 * activation / float(machines([where], "bf16").link_rate[0])
    readings = (Reading(f"all-reduce of {number(activation / 1e6)} MB on 8 A100 today", milliseconds, judged=False),)
    return Finding(readings, "ms", "product and message size are not named", checkable=False)


@claim("g003-08")
def sm_utilisation(one: Claim) -> Finding:
    ampere = 100 * constants().value("matmul_efficiency", "ampere")
    readings = (Reading("large matrix products over peak, fitted", ampere, judged=False),)
    return Finding(readings, "% of peak", "the workload is unnamed, and busy SMs are not FLOP", checkable=False)


@claim("g003-09")
def ampere_over_volta(one: Claim) -> Finding:
    c = constants()
    better = 100 * (c.value("matmul_efficiency", "ampere") / c.value("matmul_efficiency", "volta") - 1)
    readings = (Reading("matrix products, share of peak (Volta is a prior)", better, judged=False),)
    return Finding(
        readings, "% better", "per cent of what, and whether per cent or points, is not said", checkable=False
    )


@claim("g003-21")
def parameters_per_day(one: Claim) -> Finding:
    readings = (Reading("over its 32-bit figure (g003-20)", float(one.value) / 1.2e12, judged=False),)
    return Finding(
        readings, "x", "'parameters per day' is no unit of training; the ratio alone is a speed-up", checkable=False
    )


@claim("g004-16")
def few_gpus(one: Claim) -> Finding:
    plan = least_plan("R1-7B", "lora", A100)
    readings = (Reading("cards that LoRA on a 7B needs at least", plan.gpus, method="lora", judged=False),)
    return Finding(
        readings,
        "GPUs",
        "what a library suits depends on its version; its own table gives it up to 16 cards",
        checkable=False,
    )


@claim("g004-25")
def host(one: Claim) -> Finding:
    plan = least_plan("R1-671B", "lora", A100)
    readings = (
        Reading("vCPUs a node, 671B LoRA", plan.host.required_vcpus, method="lora", judged=False),
        Reading("GB of RAM a node, 671B LoRA", plan.host.required_ram_bytes / 1e9, method="lora", judged=False),
    )
    text = work("R1-671B", "lora").trainable_parameters
    why = (
        "no rule is given; its table's figures are audited in benchmarks/reference_table. RAM stages a checkpoint "
        f"of {number(text / 1e9)}B trained parameters"
    )
    return Finding(readings, "", why, checkable=False)
