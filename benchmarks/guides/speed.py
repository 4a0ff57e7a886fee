"""Throughputs and speed-ups."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.guides.claims import Claim
from benchmarks.guides.facts import fact
from benchmarks.guides.hardware import A100, H100, alone, card, node_of, over_pcie, with_network
from benchmarks.guides.physics import (
    LABELS,
    PURE_BF16,
    SEQUENCE,
    TWO,
    fastest,
    framework_of,
    layout,
    number,
    ratio,
    run,
    share_of_step,
    throughput,
    work,
)
from benchmarks.guides.registry import Finding, Method, Reading, claim
from benchmarks.guides.stand_ins import shape, stand_in
from benchmarks.guides.verdict import RATIO
from gpuplan.performance import interval
from gpuplan.performance.constants import shipped_constants, use_constants
from gpuplan.performance.machine import machines
from gpuplan.performance.predict import Prediction, model_flops
from gpuplan_hardware import Node

#: Parts of a step that tensor cores do.
PRODUCTS = ("matmul", "attention", "head_and_loss", "recompute")


@claim("g000-14")
def h100_over_a100(one: Claim) -> Finding:
    readings = []
    for method, gpus in zip(TWO, (8, 32), strict=True):
        before = throughput("R1-70B", method, A100, gpus).value
        for precision in ("bf16", "fp8"):
            after = throughput("R1-70B", method, H100, gpus, precision, "megatron").value
            readings.append(ratio(f"{LABELS[method]}, {precision} on {gpus} against {gpus}", method, after, before))
    peak = card(H100).peak_flops["bf16"] / card(A100).peak_flops["bf16"]
    why = f"fastest layouts on equally many cards; dense peaks are {number(peak)}x apart"
    return Finding(tuple(readings), "x", why, tolerance=RATIO)


@claim("g000-27")
def fp8_speed(one: Claim) -> Finding:
    readings = []
    for method, size in zip(TWO, ("R1-70B", "R1-7B"), strict=True):
        eight, sixteen = (throughput(size, method, H100, 8, p, "megatron").value for p in ("fp8", "bf16"))
        readings.append(ratio(f"{LABELS[method]}, {size[3:]}", method, eight, sixteen))
    peaks = card(H100).peak_flops
    why = (
        f"fastest layouts on 8 cards; {number(peaks['fp8'] / peaks['bf16'])}x is the ratio of the peaks, and only "
        "matrix products gain"
    )
    return Finding(tuple(readings), "x", why, tolerance=RATIO)


@claim("g000-28")
def recompute_cost(one: Claim) -> Finding:
    readings = []
    for method in TWO:
        job, where = work("R1-7B", method), alone(A100)
        with_it, without = (
            run(job, where, layout(framework_of(job), recompute=kind, accumulation=16)).step_seconds
            for kind in ("full", "none")
        )
        readings.append(Reading(f"{LABELS[method]}, time", 100 * (with_it / without - 1), method=method))
        readings.append(Reading(f"{LABELS[method]}, FLOP", 100 / (2 if job.trains_adapters else 3), method=method))
    why = "7B, full recompute: one more forward pass on three (full) or, without weight gradients, on two (LoRA)"
    return Finding(tuple(readings), "% more", why, tolerance=RATIO)


@claim("g001-04")
def bandwidth_bound(one: Claim) -> Finding:
    readings = []
    for method in TWO:
        job = work("DeepSeek-30B", method)
        step = run(job, alone(A100), layout(framework_of(job), accumulation=16))
        share = share_of_step(step, "elementwise", "quantise", "optimizer")
        readings.append(Reading(f"{LABELS[method]}, share of the step at memory bandwidth", share, method=method))
    need_gb = run(work("DeepSeek-30B", "full"), alone(A100), layout("torch-fsdp")).memory_bytes / 1e9
    why = (
        "32B on one A100 as if it had room: products take the time. What forces model parallelism is capacity "
        f"({number(need_gb)} GB for full training)"
    )
    return Finding(tuple(readings), "% of the step", why, "at least", (50.0, 50.0))


@claim("g001-18", "g003-05")
def half_precision(one: Claim) -> Finding:
    job = work("R1-7B", "full")
    how = layout("torch-fsdp", accumulation=16, recompute="none")
    readings = []
    for label, gpu, precision, slow in (
        ("A100 against TF32", A100, "bf16", fact("a100_tf32_flops")),
        ("A100 against plain FP32", A100, "bf16", fact("a100_fp32_flops")),
        ("V100 against FP32", "V100-32GB", "fp16", fact("v100_fp32_flops")),
    ):
        step = run(replace(job, precision=precision), alone(gpu), how)
        readings.append(Reading(label, _fp32_seconds(step, card(gpu).peak_flops[precision] / slow) / step.step_seconds))
    why = (
        "7B, full; the step with products at the FP32 rate and element-wise traffic doubled. The baseline (FP32 or "
        "TF32) and the card are not said"
    )
    return Finding(tuple(readings), "x", why, tolerance=RATIO)


@claim("g001-23", "g001-24", "g001-25")
def throughputs(one: Claim) -> Finding:
    size, nodes = {"g001-23": ("DeepSeek-7B", 1), "g001-24": ("DeepSeek-30B", 4), "g001-25": ("DeepSeek-65B", 8)}[
        one.id
    ]
    readings = tuple(throughput(size, method, A100, 8 * nodes) for method in TWO)
    mfu = fastest(size, "full", A100, 8 * nodes).prediction.model_flops_utilisation
    slow = mfu * float(one.value) / readings[1].value
    why = (
        f"training with the fastest layout on {8 * nodes} A100 80 GB ({stand_in(size)}); full training at an MFU of "
        f"{mfu:.0%}, the claim's would be {slow:.0%}"
    )
    return Finding(readings, "tokens/s", why)


@claim("g002-03")
def one_a100_7b(one: Claim) -> Finding:
    readings = tuple(_on_one(method) for method in TWO)
    shown = Reading("full, sequences of 4,096 an hour", readings[1].value / SEQUENCE * 3600, judged=False)
    why = (
        f"micro-batch 2, full recompute; {one.value} tokens/s would be {_mfu(float(one.value)):.2%} of the peak. "
        "Likely a slip of units"
    )
    return Finding((*readings, shown), "tokens/s", why)


@claim("g002-04", "g002-06")
def four_cards(one: Claim) -> Finding:
    readings = []
    for method in TWO:
        job = work("DeepSeek-7B", method)
        base = run(job, alone(A100), layout("megatron", micro_batch=2, accumulation=8))
        for label, where in (("NVSwitch", node_of(A100, 4)), ("PCIe", over_pcie(node_of(A100, 4)))):
            split = run(job, where, layout("megatron", tensor=4, micro_batch=2, accumulation=8))
            readings.append(ratio(f"{LABELS[method]}, TP 4, {label}", method, base.step_seconds, split.step_seconds))
        if one.id == "g002-06":
            name = framework_of(job)
            single = run(job, alone(A100), layout(name, micro_batch=2, accumulation=8))
            data = run(job, node_of(A100, 4), layout(name, data=4, zero=2, micro_batch=2, accumulation=8))
            readings.append(ratio(f"{LABELS[method]}, DP 4", method, 4 * single.step_seconds, data.step_seconds))
    why = (
        "steps of 16 sequences a replica, micro-batch 2, 4 cards against one; neither the link nor (for the "
        "measured figure) the parallelism is said"
    )
    return Finding(tuple(readings), "x", why, tolerance=RATIO)


@claim("g002-05")
def all_reduce(one: Claim) -> Finding:
    where = node_of(A100, 4)
    rate = float(machines([where], "bf16").link_rate[0])
    model = shape("DeepSeek-7B")
    ring = 2 * 3 / 4
    activation = 2.0 * 2 * SEQUENCE * model.hidden_size
    fitting = float(one.value) / 1e3 * rate / ring
    readings = (
        Reading("activations of a layer, TP", 1e3 * ring * activation / rate),
        Reading("16-bit gradients of the model, DP", 1e3 * ring * 2.0 * model.parameters / rate),
        Reading(f"any message of {number(fitting / 1e6)} MB", float(one.value)),
    )
    why = (
        f"ring over {rate / 1e9:.0f} GB/s reachable one way; the message is not said: {number(activation / 1e6)} MB for two sequences of "
        f"{SEQUENCE} tokens, {number(2e-9 * model.parameters)} GB for all gradients"
    )
    return Finding(readings, "ms", why, tolerance=RATIO)


@claim("g003-01")
def product_share(one: Claim) -> Finding:
    readings = []
    for size, gpu, gpus in (("R1-7B", A100, 8), ("R1-671B", H100, 256)):
        for method in TWO:
            step = fastest(size, method, gpu, gpus).prediction
            share = sum(step.step_parts_seconds[name] for name in PRODUCTS) / step.step_seconds
            readings.append(Reading(f"{LABELS[method]} {size}, time on {gpus} {gpu}", 100 * share, method=method))
    job = work("R1-7B", "full")
    one_card = run(job, alone(A100), layout("megatron", recompute="none"))
    moved = one_card.step_parts["elementwise"] * float(machines([alone(A100)], "bf16").memory_rate[0])
    products = model_flops(job, one_card.tokens_per_step)
    readings.append(Reading("full R1-7B, FLOP", 100 * products / (products + moved), method="full"))
    why = (
        "of the FLOP nearly all (element-wise work counted as one FLOP a byte moved); of the time on the fastest "
        "layout less, least for mixtures"
    )
    return Finding(tuple(readings), "% of FLOP or of time", why, "at least")


@claim("g004-18")
def flash_attention(one: Claim) -> Finding:
    shipped = shipped_constants()
    plain = {"*": shipped.tables["flash_efficiency"]["volta"]}
    without = replace(shipped, tables={**shipped.tables, "flash_efficiency": plain})
    readings = []
    for tokens in (SEQUENCE, 8 * SEQUENCE):
        job = work("R1-7B", "lora", sequence=tokens)
        flash = run(job, alone(A100), layout("hf-peft", accumulation=8)).step_seconds
        with use_constants(without):
            unfused = run(job, alone(A100), layout("hf-peft", accumulation=8)).step_seconds
        readings.append(ratio(f"LoRA, {tokens:,} tokens", "lora", unfused, flash))
    why = (
        "7B with the attention rate of a card without flash kernels (a prior); besides, plain attention would have "
        "to store its matrix"
    )
    return Finding(tuple(readings), "x faster", why, "at least", (1.05, 1.05))


@claim("g004-23")
def rdma(one: Claim) -> Finding:
    fast = node_of(A100, 8)
    readings = []
    for method in TWO:
        how = layout("megatron", tensor=8, data=4, zero=1, accumulation=8)
        slow = run(work("R1-70B", method), with_network(fast, 25), how, 4).step_seconds
        quick = run(work("R1-70B", method), fast, how, 4).step_seconds
        readings.append(
            ratio(f"{LABELS[method]}, step on 25 Gbit/s TCP over step on {_gbit(fast)} Gbit/s", method, slow, quick)
        )
    why = (
        "70B on 32 A100, TP 8, DP 4; latency itself is not modelled, so the bandwidth stands for it: adapters "
        "exchange next to nothing. Read as 1.1x"
    )
    return Finding(tuple(readings), "x", why, "at least", (1.1, 1.1))


def _gbit(node: Node) -> str:
    return number(node.network.bytes_per_second_per_gpu * 8 * node.gpus_per_node / 1e9) if node.network else "no"


def _fp32_seconds(step: Prediction, slower: float) -> float:
    """The step if products ran `slower` times slower and element-wise operators moved twice the bytes."""
    products = sum(step.step_parts[name] for name in PRODUCTS)
    return step.step_seconds + products * (slower - 1) + step.step_parts["elementwise"]


def _on_one(method: Method) -> Reading:
    job = work("DeepSeek-7B", method)
    how = layout(PURE_BF16 if method == "full" else framework_of(job), micro_batch=2, accumulation=8)
    step = run(job, alone(A100), how)
    rate, spread = step.tokens_per_step / step.step_seconds, interval.factor(step.step_width, 0.95)
    return Reading(LABELS[method], rate, rate / spread, rate * spread, method)


def _mfu(tokens_per_second: float) -> float:
    return model_flops(work("DeepSeek-7B", "full"), tokens_per_second) / card(A100).peak_flops["bf16"]
