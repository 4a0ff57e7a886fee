"""Formulas and arithmetic."""

from __future__ import annotations

from math import log

from benchmarks.guides.claims import Claim
from benchmarks.guides.hardware import A100, alone, memory_gb
from benchmarks.guides.physics import (
    LABELS,
    SEQUENCE,
    TWO,
    framework_of,
    layout,
    memory,
    need,
    number,
    run,
    weights_gb,
    work,
)
from benchmarks.guides.registry import Finding, Reading, claim
from benchmarks.guides.stand_ins import shape, stand_in
from benchmarks.guides.verdict import ARITHMETIC, CAPACITY, SPECIFICATION
from gpuplan.performance.predict import model_flops
from gpuplan.performance.workload import storage_bytes
from gpuplan.units import parse_bytes


@claim("g000-01", "g001-01")
def exponential(one: Claim) -> Finding:
    small, large = ("R1-7B", "R1-671B") if one.id == "g000-01" else ("DeepSeek-7B", "DeepSeek-65B")
    parameters = shape(large).parameters / shape(small).parameters
    held = need(large, "full").memory_bytes / need(small, "full").memory_bytes
    flops = forward_flops(large, 1) / forward_flops(small, 1)
    readings = (
        Reading("memory, full", log(held) / log(parameters), method="full", agrees=False),
        Reading("compute per token", log(flops) / log(parameters), agrees=False),
    )
    why = (
        f"{number(parameters)}x the parameters, {number(held)}x the memory, {number(flops)}x the FLOP a token: a "
        "power of at most about 1 (linear), nothing exponential"
    )
    return Finding(readings, "power of the parameters", why)


@claim("g000-08")
def gb_per_billion(one: Claim) -> Finding:
    readings = [Reading("16-bit weights", storage_bytes("bf16"), judged=False)]
    for size in ("R1-7B", "R1-70B"):
        for method in TWO:
            peak = need(size, method)
            readings.append(memory(f"{LABELS[method]}, {size[3:]}", method, peak, 1e9 / shape(size).parameters))
    why = (
        "peak over parameters: near it for LoRA on large models only, full training takes several times as much; "
        "the printed unit (100 million) is 10 times off"
    )
    return Finding(tuple(readings), "GB per 1B parameters", why)


@claim("g000-09")
def product_671(one: Claim) -> Finding:
    readings = (
        Reading("exact parameters x 2 x 1.1", weights_gb("R1-671B", 2 * 1.1)),
        *(
            Reading(m.label, m.value, m.low, m.high, m.method, judged=False)
            for m in (memory(LABELS[x], x, need("R1-671B", x)) for x in TWO)
        ),
    )
    return Finding(
        readings,
        "GB",
        "the product is right; that it is what training needs is claims g000-06 to 08",
        tolerance=ARITHMETIC,
    )


@claim("g001-02", "g001-03")
def forward_tflop(one: Claim) -> Finding:
    size = "DeepSeek-7B" if one.id == "g001-02" else "DeepSeek-65B"
    token = forward_flops(size, 1)
    sequence = forward_flops(size, 4096)
    readings = (
        Reading("a token", token / 1e12),
        Reading("a sequence of 4,096 tokens", sequence / 1e12, judged=False),
    )
    why = (
        f"{number(token / 1e9)} GFLOP a token on {stand_in(size)}; right for a pass over about "
        f"{number(float(one.value) * 1e12 / token)} tokens, which the guide does not say"
    )
    return Finding(readings, "TFLOP", why, tolerance=CAPACITY)


@claim("g001-15")
def world_size(one: Claim) -> Finding:
    parallel = layout("megatron", tensor=4 * 2)
    readings = (
        Reading("4 x 2 x 2, all degrees it names", parallel.tensor * 2),
        Reading("64 cards of its cluster", 64),
    )
    return Finding(
        readings,
        "processes",
        "tensor, pipeline and data degrees multiply to the number of GPUs; 4 x 2 leaves out what the layout also names",
        tolerance=ARITHMETIC,
    )


@claim("g002-08")
def effective_batch(one: Claim) -> Finding:
    how = layout("hf-peft", micro_batch=2, accumulation=8)
    return Finding(
        (Reading("global batch", how.global_batch),),
        "sequences",
        f"micro-batch 2 x {how.gradient_accumulation} x 1 card",
        tolerance=ARITHMETIC,
    )


@claim("g003-37")
def accumulation(one: Claim) -> Finding:
    how = layout("hf-peft", accumulation=4)
    readings = (Reading("global batch over micro-batch", how.global_batch / how.micro_batch),)
    return Finding(readings, "x", "gradients of 4 micro-batches are summed before a step", tolerance=ARITHMETIC)


@claim("g003-02")
def bert(one: Claim) -> Finding:
    model = shape("BERT-base")
    head = 2.0 * model.vocab_size * model.hidden_size
    short, long = (forward_flops("BERT-base", tokens) - tokens * head for tokens in (128, 512))
    readings = (
        Reading("a sequence of 128 tokens", short),
        Reading("128 tokens, a multiply-add counted as one", short / 2),
        Reading("a sequence of 512 tokens", long),
    )
    token = forward_flops("BERT-base", 1) - head
    why = (
        f"{number(token / 1e6)} MFLOP a token without the head; the claim is right for "
        f"{number(float(one.value) / token)} tokens, and the length is not said"
    )
    return Finding(readings, "FLOP", why, tolerance=CAPACITY)


@claim("g003-03")
def backward(one: Claim) -> Finding:
    readings = []
    for method in TWO:
        job = work("BERT-base", method, sequence=512) if method == "full" else work("R1-7B", method)
        size = "BERT-base" if method == "full" else "R1-7B"
        forward = forward_flops(size, job.sequence_length)
        readings.append(
            Reading(
                f"{LABELS[method]}, {shape(size).name}",
                model_flops(job, job.sequence_length) / forward - 1,
                method=method,
            )
        )
    why = (
        "backward over forward: input and weight gradients for full training; with LoRA the frozen weights have no "
        "gradient"
    )
    return Finding(tuple(readings), "x forward", why, tolerance=SPECIFICATION)


@claim("g004-01")
def int8(one: Claim) -> Finding:
    each = storage_bytes("int8")
    readings = (Reading("GB", each), Reading("GiB", each * 1e9 / 2**30))
    return Finding(
        readings,
        "GB per 1B parameters",
        "weights only; the guide's own GB are GiB, of which it is a little less",
        tolerance=CAPACITY,
    )


@claim("g004-02")
def gigabyte(one: Claim) -> Finding:
    readings = (Reading("GB", parse_bytes("size", "1GB")), Reading("GiB", parse_bytes("size", "1GiB")))
    why = (
        "that is 1 GiB, as drivers count; model sizes and disks are in GB of 1e9 bytes, 7 % less, and the guide "
        "mixes both"
    )
    return Finding(readings, "bytes", why, tolerance=ARITHMETIC)


@claim("g004-08")
def bytes_per_parameter(one: Claim) -> Finding:
    readings = (
        Reading("LoRA, bf16 weights", storage_bytes("bf16"), method="lora"),
        Reading("QLoRA, NF4 weights", storage_bytes("nf4"), method="qlora"),
    )
    return Finding(
        readings,
        "bytes per parameter",
        "true of its LoRA rows; the 7B, 8B and 14B rows of the same table are labelled 4 bit",
        tolerance=SPECIFICATION,
    )


@claim("g004-26")
def total_memory(one: Claim) -> Finding:
    why = (
        f"16 x 80 is right, as usable memory a little more; it is less than the {number(weights_gb('R1-671B'))} GB "
        "of 16-bit weights of the 671B that the example is for"
    )
    return Finding((Reading(f"16 x {A100}", 16 * memory_gb(A100)),), "GB", why, tolerance=CAPACITY)


@claim("g003-16")
def mixture_formula(one: Claim) -> Finding:
    readings = []
    for size in ("R1-671B", "8x7B"):
        model = shape(size)
        active = max(kind.experts_per_token for kind in model.layers)
        formula = model.parameters * active * 2 / 1e9
        for method in TWO:
            peak = memory(f"{LABELS[method]}, {model.name}", method, need(size, method))
            low, high = peak.interval
            readings.append(Reading(peak.label, peak.value / formula, low / formula, high / formula, peak.method))
    why = (
        "our need over the formula's, 1 if it holds: every expert is resident whether active or not, and training "
        "adds states per parameter"
    )
    return Finding(tuple(readings), "x of the formula", why, claimed=(1.0, 1.0))


@claim("g004-10")
def activation_factor(one: Claim) -> Finding:
    readings = []
    for recompute in ("full", "none"):
        job = work("R1-7B", "lora")
        peak = run(job, alone(A100), layout(framework_of(job), recompute=recompute))
        held = peak.memory_parts["activations"] + peak.memory_parts["logits_and_loss"]
        readings.append(Reading(f"recompute {recompute}", held / 1e9 / weights_gb("R1-7B"), method="lora"))
    why = (
        f"activations and logits over 16-bit weights, 7B, micro-batch 1 of {SEQUENCE} tokens; no constant: it grows "
        "with batch and length"
    )
    return Finding(tuple(readings), "factor", why)


@claim("g004-09")
def adapter_formula(one: Claim) -> Finding:
    job = work("R1-7B", "lora")
    peak = need("R1-7B", "lora")
    optimizer = peak.memory_parts["optimizer"] / 1e9
    low, high = (factor * weights_gb("R1-7B") + optimizer for factor in (0.1, 0.3))
    why = (
        f"7B: the formula gives {number(low)} to {number(high)} GB, less than the {number(weights_gb('R1-7B'))} GB "
        "of frozen weights it starts from"
    )
    return Finding(
        (memory("LoRA", "lora", peak), Reading("trained, M", job.trainable_parameters / 1e6, judged=False)),
        "GB",
        why,
        claimed=(low, high),
    )


def forward_flops(size: str, tokens: int) -> float:
    """FLOP of one forward pass over a sequence of `tokens`: a third of a full training step's."""
    return model_flops(work(size, "full", sequence=tokens), tokens) / 3
