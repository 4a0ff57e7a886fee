"""Memory needs: what a model takes, by method."""

from __future__ import annotations

from benchmarks.guides.claims import Claim
from benchmarks.guides.hardware import A100, H100, memory_gb, node_of
from benchmarks.guides.physics import (
    LABELS,
    PURE_BF16,
    SEQUENCE,
    TWO,
    layout,
    least_plan,
    memory,
    need,
    needs,
    number,
    run,
    scaled,
    weights_gb,
    work,
)
from benchmarks.guides.registry import Finding, Method, Reading, claim
from benchmarks.guides.stand_ins import shape
from benchmarks.guides.verdict import CAPACITY, SPECIFICATION
from gpuplan.performance import interval
from gpuplan.performance.states import trained_bytes
from gpuplan.performance.workload import storage_bytes
from gpuplan_models import frameworks

#: Bytes of a bare 4-bit number; formats in use add scales, and keep some tensors in 16 bit.
FOUR_BITS = 4 / 8


@claim("g000-02", "g000-03")
def weights_as_memory(one: Claim) -> Finding:
    size = "R1-7B" if one.id == "g000-02" else "R1-70B"
    return Finding(
        (Reading("16-bit weights alone", weights_gb(size), judged=False), *needs(size)),
        "GB",
        "the figure is that of the weights alone; training also holds adapters or gradients and moments, "
        "activations and logits",
    )


@claim("g000-06")
def memory_of_671b(one: Claim) -> Finding:
    readings = (Reading("16-bit weights alone", weights_gb("R1-671B"), judged=False), *needs("R1-671B"))
    return Finding(readings, "GB", "a lower bound, and that it is for every method in 16 bit", "at least")


@claim("g000-32")
def memory_of_671b_in_4_bit(one: Claim) -> Finding:
    four = storage_bytes("nf4")
    readings = (
        Reading(
            "4-bit weights alone",
            weights_gb("R1-671B", four),
            weights_gb("R1-671B", FOUR_BITS),
            weights_gb("R1-671B", four),
        ),
        memory("QLoRA", "qlora", need("R1-671B", "qlora")),
        memory("quantization-aware: full copies stay", "full", need("R1-671B", "full", PURE_BF16)),
    )
    return Finding(
        readings,
        "GB",
        "right for the weights at rest; quantization-aware training keeps 16-bit weights, gradients and moments",
    )


@claim("g001-06")
def states_7b_to_13b(one: Claim) -> Finding:
    policies = {name: frameworks()[name] for name in ("torch-fsdp", "megatron")}
    each = {name: sum(trained_bytes(work("DeepSeek-7B", "full"), f)[::2]) for name, f in policies.items()}
    small, large = shape("DeepSeek-7B").parameters / 1e9, shape("DeepSeek-13B").parameters / 1e9
    readings = tuple(
        Reading(f"full, {name}: weights and optimizer", b * (small + large) / 2, b * small, b * large, "full")
        for name, b in each.items()
    )
    adapters = memory("LoRA, all that is held", "lora", need("DeepSeek-13B", "lora"), judged=False)
    why = f"the range runs from 7B to 13B at {', '.join(f'{b:g} bytes ({n})' for n, b in each.items())} a parameter"
    return Finding(
        (*readings, adapters), "GB", why + "; the optimizer is counted, so full training is meant", tolerance=CAPACITY
    )


@claim("g001-09", "g001-13")
def memory_per_node(one: Claim) -> Finding:
    size, nodes = ("DeepSeek-30B", 4) if one.id == "g001-09" else ("DeepSeek-65B", 8)
    readings = []
    for method in TWO:
        how = layout("megatron", tensor=8, data=nodes, zero=1)
        peak = run(work(size, method), node_of(A100, 8), how, nodes)
        readings += [
            memory(f"{LABELS[method]}, a GPU", method, peak),
            memory(f"{LABELS[method]}, a node", method, peak, 8),
        ]
    why = f"TP 8 in a node, DP {nodes}, ZeRO-1, micro-batch 1, full recompute; 'per node' may mean a GPU or a node of 8"
    return Finding(tuple(readings), "GB", why)


@claim("g001-11")
def configuration_30b(one: Claim) -> Finding:
    how = layout("megatron", tensor=4, data=8, zero=1, micro_batch=4)
    peak = run(work("DeepSeek-30B", "full"), node_of(A100, 8), how, 4)
    kept = peak.memory_bytes - peak.memory_parts["optimizer"]
    readings = (
        memory("full, optimizer on the host", "full", peak, kept / peak.memory_bytes),
        memory("full, optimizer sharded over 8", "full", peak, judged=False),
    )
    card = memory_gb(A100)
    why = (
        f"per GPU of {number(card)} GB usable; 32 GPUs, micro-batch 4, length {SEQUENCE}; Megatron has no ZeRO-2, "
        "so gradients are whole"
    )
    return Finding(readings, "GB", why, "at most", (card, card))


@claim("g002-01")
def weights_7b(one: Claim) -> Finding:
    weights = weights_gb("DeepSeek-7B")
    why = (
        f"{shape('DeepSeek-7B').parameters:,} parameters of 2 bytes, on a card with {number(memory_gb(A100))} GB usable"
    )
    return Finding((Reading("16-bit weights", weights),), "GB", why, tolerance=SPECIFICATION)


@claim("g002-02")
def peak_7b(one: Claim) -> Finding:
    lora, _, full, pure = needs("DeepSeek-7B")
    shown = Reading("LoRA", lora.value, lora.low, lora.high, "lora", judged=False)
    return Finding(
        (shown, full, pure),
        "GB",
        "the sample trains all weights with AdamW: moments alone are 4 to 8 bytes a parameter",
        "at most",
    )


@claim("g002-10")
def zero3_configuration(one: Claim) -> Finding:
    job = work("DeepSeek-7B", "full")
    readings = tuple(
        memory(
            f"full on {gpus}",
            "full",
            run(job, node_of(A100, gpus), layout("torch-fsdp", data=gpus, zero=3, micro_batch=4)),
        )
        for gpus in (4, 8)
    )
    card = memory_gb(A100)
    why = (
        f"per GPU of {number(card)} GB usable, without any offload: the configuration fits before it moves "
        "parameters to the host"
    )
    return Finding(readings, "GB", why, "at most", (card, card))


@claim("g003-12", "g003-14")
def memory_by_billions(one: Claim) -> Finding:
    size = "1B" if one.id == "g003-12" else "10B"
    target = float(size.removesuffix("B")) * 1e9
    readings = []
    policies: tuple[tuple[Method, str, str], ...] = (
        ("lora", "LoRA", ""),
        ("qlora", "QLoRA", ""),
        ("full", "full", ""),
        ("full", "full, pure bf16", PURE_BF16),
    )
    for method, label, name in policies:
        peak = need(size, method, name)
        scale = scaled(peak, shape(size).parameters, target) / peak.memory_bytes
        readings.append(memory(label, method, peak, scale))
    why = (
        f"micro-batch 1, full recompute, on the shape of {shape(size).name} with its states scaled to {size}; a "
        "minimum of 16 bits or less"
    )
    return Finding(tuple(readings), "GB", why)


@claim("g003-04")
def gradients_included(one: Claim) -> Finding:
    readings = []
    for name in ("hf-peft", "torch-fsdp", "megatron"):
        weight, gradient, optimizer = trained_bytes(work("R1-7B", "full"), frameworks()[name])
        readings.append(Reading(f"{name}: weights and gradients", weight + gradient, method="full"))
        readings.append(Reading(f"{name}: and optimizer", weight + gradient + optimizer, method="full", judged=False))
    per_billion = 1e9 / shape("R1-7B").parameters
    readings.append(memory("whole peak of a 7B", "full", need("R1-7B", "full"), per_billion))
    return Finding(
        tuple(readings),
        "GB per 1B parameters",
        "as worded (weights and gradients) far too much; near the peak with AdamW's states in fp32",
    )


@claim("g003-32")
def reserve(one: Claim) -> Finding:
    peak = need("R1-7B", "lora", "megatron")
    taken = 100 * peak.memory_parts["context_and_communicators"] / peak.usable_memory_bytes
    margin = 100 * (1 - 1 / interval.factor(peak.memory_width, 0.9))
    readings = (
        Reading("context, NCCL and framework", taken),
        Reading("margin for the prediction at 90 %", margin),
    )
    why = (
        "PyTorch's usable memory already excludes the driver; what the system takes is small, the rest of a "
        "reserve is for not knowing the peak"
    )
    return Finding(readings, "% of usable memory", why, tolerance=CAPACITY)


@claim("g004-03", "g004-04", "g004-05")
def bytes_of_1b(one: Claim) -> Finding:
    single = frameworks()["torch-fsdp"].full_bytes.weight_bytes
    label, low, each = {
        "g004-03": ("fp32 weights", single, single),
        "g004-04": ("16-bit weights", storage_bytes("bf16"), storage_bytes("bf16")),
        "g004-05": ("4 bits, up to NF4 as it is held", FOUR_BITS, storage_bytes("nf4")),
    }[one.id]
    why = f"{low:g} to {each:g} bytes a parameter" if low < each else f"{each:g} bytes a parameter"
    return Finding(
        (Reading(label, each, low, each),), "GB", why + "; weights only, for inference", tolerance=SPECIFICATION
    )


@claim("g004-06")
def weights_70b(one: Claim) -> Finding:
    readings = (Reading("16-bit weights", weights_gb("R1-70B")),)
    return Finding(
        readings,
        "GB",
        f"{shape('R1-70B').parameters:,} parameters; weights only, for inference",
        tolerance=SPECIFICATION,
    )


@claim("g003-22")
def two_t4(one: Claim) -> Finding:
    both = 2 * memory_gb("T4")
    readings = tuple(Reading(f"{size} in fp16", weights_gb(size)) for size in ("R1-671B", "R1-32B", "R1-14B", "R1-7B"))
    why = f"weights alone against {number(both)} GB usable on two cards; the guide names no size of R1"
    return Finding(readings, "GB", why, "at most", (both, both))


@claim("g004-17")
def unsloth_671b(one: Claim) -> Finding:
    readings = (
        memory("LoRA, not sharded", "lora", need("R1-671B", "lora")),
        memory("QLoRA, not sharded", "qlora", need("R1-671B", "qlora")),
        memory("full, not sharded", "full", need("R1-671B", "full")),
    )
    card, few, many = (
        memory_gb(H100),
        least_plan("R1-671B", "lora", H100),
        least_plan("R1-671B", "lora", H100, data="100GB"),
    )
    same = few.prediction.memory.bytes == many.prediction.memory.bytes
    why = (
        f"right that a card of {number(card)} GB cannot hold it; but the data has nothing to do with it: 0.4 GB and "
        "100 GB need "
        + ("the same memory a step" if same else "the same least cards" if few.gpus == many.gpus else "different cards")
    )
    return Finding(readings, "GB", why, "at least", (card, card))
