"""Memory savings: what a technique is said to cut, and what it cuts in our model."""

from __future__ import annotations

from dataclasses import replace
from math import log

from benchmarks.guides.claims import Claim
from benchmarks.guides.hardware import A100, H100, alone, node_of
from benchmarks.guides.physics import PURE_BF16, SEQUENCE, TWO, layout, number, run, weights_gb, work
from benchmarks.guides.registry import Finding, Method, Reading, claim
from benchmarks.guides.stand_ins import shape
from benchmarks.guides.verdict import RATIO, SPECIFICATION
from gpuplan.performance.predict import Prediction
from gpuplan.performance.workload import STORAGE_BYTES, storage_bytes
from gpuplan_models import Architecture, frameworks

MANY_GPUS = (4, 8, 64)


@claim("g000-26")
def fp8_memory(one: Claim) -> Finding:
    readings = []
    stored: tuple[tuple[Method, str, str], ...] = (
        ("lora", "LoRA, frozen weights in fp8", "fp8"), ("lora", "LoRA, frozen weights in bf16", "bf16"), ("full", "full", ""),
    )  # fmt: skip
    for method, label, weights in stored:
        jobs = work("R1-70B", method), work("R1-70B", method, weights, "fp8")
        before, after = (run(job, alone(H100), layout("megatron")).memory_bytes for job in jobs)
        readings.append(Reading(label, 100 * (1 - after / before), method=method))
    why = (
        "70B, peak with fp8 products against bf16: only frozen weights that are stored in fp8 shrink, states and "
        "activations do not"
    )
    return Finding(tuple(readings), "% less memory", why, tolerance=RATIO)


@claim("g001-17")
def zero3_optimizer(one: Claim) -> Finding:
    readings = []
    for gpus in MANY_GPUS:
        whole, cut = (_sharded(gpus, zero).memory_parts["optimizer"] for zero in (0, 3))
        readings.append(Reading(f"on {gpus} GPUs", 100 * (1 - cut / whole), method="full"))
    return Finding(
        tuple(readings),
        "% less memory",
        "1 - 1/N of the optimizer states: 75 % on 4 GPUs and nowhere else",
        tolerance=SPECIFICATION,
    )


@claim("g004-20")
def zero3_states(one: Claim) -> Finding:
    job, where = work("R1-671B", "full"), node_of(H100, 8)
    parts = ("weights", "gradients", "optimizer")
    held = [
        sum(run(job, where, layout("megatron", data=64, zero=zero), 8).memory_parts[name] for name in parts)
        for zero in (0, 3)
    ]
    why = (
        f"671B on 64 GPUs: {number(held[0] / 1e9)} GB of states a card without, {number(held[1] / 1e9)} GB with ZeRO-3"
    )
    return Finding(
        (Reading("full, states a card", held[0] / held[1], method="full"),), "x less", why, "at least", (2.0, 2.0)
    )


@claim("g004-21")
def copies(one: Claim) -> Finding:
    one_copy = _sharded(1, 0).memory_parts["weights"]
    readings = tuple(
        Reading(f"ZeRO-{zero} on 8 GPUs", _sharded(8, zero).memory_parts["weights"] / one_copy, method="full")
        for zero in (0, 3)
    )
    return Finding(
        readings,
        "copies of the weights a GPU",
        "true of plain data parallelism, not with ZeRO-3, with which the guide combines it",
        claimed=(1.0, 1.0),
        tolerance=SPECIFICATION,
    )


@claim("g001-26", "g002-17")
def quantization(one: Claim) -> Finding:
    single = frameworks()["torch-fsdp"].full_bytes.weight_bytes
    eight, sixteen, four = STORAGE_BYTES["int8"], STORAGE_BYTES["fp16"], storage_bytes("nf4")
    pairs = [("int8 from fp32", single, eight), ("int8 from fp16", sixteen, eight)]
    if one.id == "g002-17":
        pairs.append(("4 bit from fp16", sixteen, four))
        readings = tuple(Reading(label, after / before) for label, before, after in pairs)
        return Finding(readings, "of the size", "the precision before and after is not said", tolerance=SPECIFICATION)
    readings = tuple(Reading(label, before / after) for label, before, after in pairs)
    return Finding(readings, "x less", "from fp32 only; the guide itself starts from fp16", tolerance=SPECIFICATION)


@claim("g002-11")
def compression(one: Claim) -> Finding:
    single = frameworks()["torch-fsdp"].full_bytes.gradient_bytes
    half = frameworks()["hf-peft"].full_bytes.gradient_bytes
    eight = STORAGE_BYTES["int8"]
    readings = (Reading("fp32 gradients to 8 bit", eight / single), Reading("16-bit gradients to 8 bit", eight / half))
    why = "the scheme is not said; frameworks that exchange 16-bit gradients have half of it left to save"
    return Finding(readings, "of the volume", why, tolerance=SPECIFICATION)


@claim("g002-07")
def mixed_precision(one: Claim) -> Finding:
    mixed, pure = _mid_batch("torch-fsdp"), _mid_batch(PURE_BF16)
    parts = mixed.memory_parts
    fp32 = mixed.memory_bytes + parts["activations"] + parts["logits_and_loss"]
    readings = (
        Reading("mixed, fp32 states", 100 * (1 - mixed.memory_bytes / fp32), method="full"),
        Reading("pure bf16", 100 * (1 - pure.memory_bytes / fp32), method="full"),
    )
    why = (
        f"7B, micro-batch 2, against fp32 with activations twice as large ({number(fp32 / 1e9)} GB): mixed "
        "precision saves activations "
        "only, pure bf16 all of it; against fp16 nothing"
    )
    return Finding(readings, "% less memory", why, tolerance=RATIO)


@claim("g002-09")
def selective_recompute(one: Claim) -> Finding:
    job = work("DeepSeek-7B", "full")
    layer = job.layers[0]
    mlp = layer.gate_factor * layer.kind.mlp_width
    heads = 2 * (layer.kind.query_width + layer.kind.key_value_width)
    share = mlp / (4 * job.architecture.hidden_size + heads + mlp)
    readings = [Reading("of activations", 100 * share, method="full")]
    for micro_batch in (2, 8):
        peak = _mid_batch("torch-fsdp", micro_batch)
        total = share * peak.memory_parts["activations"] / peak.memory_bytes
        readings.append(Reading(f"of the peak, micro-batch {micro_batch}", 100 * total, method="full"))
    why = (
        f"feed-forward share of what a layer keeps, of all activations or of the peak with {SEQUENCE} tokens; "
        "neither is said, nor the batch"
    )
    return Finding(tuple(readings), "% less", why, tolerance=RATIO)


@claim("g004-19")
def lora_savings(one: Claim) -> Finding:
    where = node_of(A100, 8)
    jobs = {method: work("R1-7B", method) for method in TWO}
    how = layout("torch-fsdp", data=8, accumulation=8)
    full, lora = run(jobs["full"], where, how), run(jobs["lora"], where, how)
    share = 100 * jobs["lora"].trainable_parameters / jobs["full"].trainable_parameters
    readings = (
        Reading("memory, full over LoRA", full.memory_bytes / lora.memory_bytes),
        Reading("time, full over LoRA", full.step_seconds / lora.step_seconds),
    )
    why = (
        f"7B: {number(share)} % of the parameters are trained; forward and the gradients through frozen weights "
        "remain. 'Substantially' is read as 1.25x"
    )
    return Finding(readings, "x less", why, "at least", (1.25, 1.25))


@claim("g004-22")
def mixed_lowers(one: Claim) -> Finding:
    mixed = _mid_batch("torch-fsdp")
    parts = mixed.memory_parts
    fp32 = mixed.memory_bytes + parts["activations"] + parts["logits_and_loss"]
    readings = (
        Reading("memory, mixed", fp32 / mixed.memory_bytes, method="full"),
        Reading("memory, pure bf16", fp32 / _mid_batch(PURE_BF16).memory_bytes, method="full"),
    )
    return Finding(
        readings,
        "x less than fp32",
        "7B, micro-batch 2; the computational side is claim g001-18",
        "at least",
        (1.0, 1.0),
    )


@claim("g001-16")
def checkpointing_order(one: Claim) -> Finding:
    readings = []
    for recompute in ("none", "full"):
        held = [_activations(times, recompute) for times in (4, 16)]
        order = log(held[1] / held[0]) / log(4)
        readings.append(Reading(f"recompute {recompute}, as frameworks do it", order, judged=recompute == "full"))
    why = (
        "exponent of depth, a 7B with 4 and with 16 times its layers; one checkpoint a layer stays linear with a "
        "smaller constant, "
        "only segments of sqrt(n) layers (Chen et al., arXiv 1604.06174) give 0.5"
    )
    readings.append(Reading("segments of sqrt(n) layers", 0.5))
    return Finding(tuple(readings), "exponent of n", why, claimed=(0.5, 0.5), tolerance=RATIO)


@claim("g001-19")
def kv_cache(one: Claim) -> Finding:
    per_token = _kv_bytes(shape("R1-7B"))
    why = (
        f"keys and values of a 7B take {number(per_token / 1e3)} kB a token whatever kernel reads them; what is "
        "never stored is the attention matrix"
    )
    return Finding((Reading("cache before over after", 1.0, agrees=False),), "x less", why)


@claim("g004-07")
def three_users(one: Claim) -> Finding:
    readings = []
    for size in ("R1-7B", "R1-70B"):
        model = shape(size)
        weights = weights_gb(size) * 1e9
        for tokens in (SEQUENCE, model.max_sequence_length):
            readings.append(Reading(f"{size}, {tokens:,} tokens each", 1 + 3 * tokens * _kv_bytes(model) / weights))
    why = "weights once and a 16-bit KV cache for each of three users: a batching server shares the weights"
    return Finding(tuple(readings), "x parameter memory", why)


def _sharded(gpus: int, zero: int) -> Prediction:
    where = alone(A100) if gpus == 1 else node_of(A100, min(gpus, 8))
    return run(work("R1-7B", "full"), where, layout("torch-fsdp", data=gpus, zero=zero), -(-gpus // 8))


def _mid_batch(framework: str, micro_batch: int = 2) -> Prediction:
    how = layout(framework, micro_batch=micro_batch, recompute="none")
    return run(work("DeepSeek-7B", "full"), alone(A100), how)


def _activations(times: int, recompute: str) -> float:
    """Activations of a 7B with `times` as many layers."""
    model = shape("R1-7B")
    deep = replace(model, layers=tuple(replace(kind, count=times * kind.count) for kind in model.layers))
    job = replace(work("R1-7B", "full"), architecture=deep)
    return run(job, alone(A100), layout("torch-fsdp", recompute=recompute)).memory_parts["activations"]


def _kv_bytes(model: Architecture) -> float:
    """16-bit keys and values of one token in all layers."""
    return sum(
        2.0 * kind.count * kind.attention.kv_heads * (kind.attention.qk_head_dim + kind.attention.v_head_dim)
        for kind in model.layers
    )
