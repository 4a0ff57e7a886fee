"""Specification sheets: memory, peaks, links."""

from __future__ import annotations

from benchmarks.guides.claims import Claim
from benchmarks.guides.facts import fact
from benchmarks.guides.hardware import A100, H100, card, memory_gb, node_of, over_pcie, peak_tflops
from benchmarks.guides.physics import fastest, layout, number, run, share_of_step, weights_gb, work
from benchmarks.guides.registry import Finding, Reading, claim
from benchmarks.guides.stand_ins import stand_in
from benchmarks.guides.verdict import CAPACITY, SPECIFICATION

MEMORY = {"g000-12": "A10", "g000-30": "MI300X", "g002-20": "H200-SXM", "g003-25": "Jetson-AGX-Orin-32GB"}
GB = 1e9


@claim(*MEMORY)
def memory_of_card(one: Claim) -> Finding:
    name = MEMORY[one.id]
    usable = memory_gb(name)
    fitting = [size for size in ("R1-7B", "R1-14B", "R1-32B", "R1-70B") if weights_gb(size) < usable]
    why = f"what PyTorch can use of the {name}, {usable * 1e9 / 2**30:.1f} GiB; sheets print a nominal size"
    if card(name).refused:
        largest = f"16-bit weights up to the {fitting[-1][3:]}" if fitting else "no 16-bit weights of the family"
        why += f"; it holds {largest}, for inference. Not planned for training: {card(name).refused}"
    return Finding((Reading("usable", usable),), "GB", why, tolerance=CAPACITY)


@claim("g000-13", "g001-10", "g003-33")
def nvlink(one: Claim) -> Finding:
    name = H100 if one.id == "g003-33" else A100
    node = node_of(name, 8)
    way = node.intra_node.bytes_per_second_per_gpu / GB
    readings = (
        Reading("a card, both directions", 2 * way),
        Reading("a card, one direction: what a collective uses", way, judged=False),
        Reading("all 8 cards, both directions", 8 * 2 * way, judged=False),
    )
    return Finding(
        readings,
        "GB/s",
        "per card, both directions added, as makers print it; half of it counts for training",
        tolerance=SPECIFICATION,
    )


@claim("g000-16")
def nvswitch_of_20(one: Claim) -> Finding:
    node = node_of(H100, 8)
    network = node.network.bytes_per_second_per_gpu / GB if node.network else 0.0
    readings = (
        Reading("a card between nodes, both directions", 2 * network),
        Reading(
            "a card inside a node, both directions", 2 * node.intra_node.bytes_per_second_per_gpu / GB, judged=False
        ),
    )
    why = (
        f"NVSwitch joins the {node.gpus_per_node} cards of a node; 20 cards are three nodes and meet on the "
        f"network, {network:g} GB/s a card and way"
    )
    return Finding(readings, "GB/s", why, tolerance=SPECIFICATION)


@claim("g000-18")
def hdr_latency(one: Claim) -> Finding:
    hop = fact("hdr_switch_hop_low_ns"), fact("hdr_switch_hop_high_ns")
    readings = (
        Reading("a switch hop", sum(hop) / 2, *hop),
        Reading("end to end, at least", fact("hdr_end_to_end_ns")),
    )
    return Finding(readings, "ns", "possible for a hop through one switch, not between two hosts", "at most")


@claim("g001-07")
def pcie_bus(one: Claim) -> Finding:
    plain = over_pcie(node_of(A100, 8))
    readings = [Reading("PCIe 4.0 x16, one way", fact("pcie4_x16_bytes_per_second") / GB)]
    for tensor, label in ((1, "DP 8"), (8, "TP 8")):
        how = layout(
            "torch-fsdp" if tensor == 1 else "megatron",
            tensor=tensor,
            data=8 // tensor,
            zero=2 if tensor == 1 else 0,
            accumulation=8,
        )
        step = run(work("DeepSeek-7B", "full"), plain, how)
        share = share_of_step(step, "gradient_exchange", "tensor_parallel", "weight_gather")
        readings.append(Reading(f"share of the step on it, full, {label}, %", share, method="full", agrees=share >= 50))
    why = (
        "the rate is right; on PCIe cards it is the bottleneck (half of the step) of tensor parallelism, not of data parallelism, "
        "and A100 SXM do not use it between cards at all"
    )
    return Finding(tuple(readings), "GB/s", why, tolerance=SPECIFICATION)


@claim("g001-14")
def hdr_rate(one: Claim) -> Finding:
    for_hdr = node_of(A100, 8)
    rate = for_hdr.network.bytes_per_second_per_gpu * 8 / GB if for_hdr.network else 0.0
    why = (
        f"one port, as {for_hdr.provider}'s {for_hdr.name} has for each card "
        f"({for_hdr.network.kind if for_hdr.network else 'none'})"
    )
    return Finding((Reading("a port", rate),), "Gbit/s", why, tolerance=SPECIFICATION)


@claim("g002-13")
def bridges(one: Claim) -> Finding:
    readings = (Reading("cards a bridge joins", fact("nvlink_bridge_cards")),)
    return Finding(
        readings,
        "cards",
        "bridges of A100 and H100 PCIe join pairs; 4 or 8 cards on NVLink are SXM boards",
        tolerance=SPECIFICATION,
    )


@claim("g002-16")
def temperature(one: Claim) -> Finding:
    readings = (Reading("A100, maximum in operation", fact("a100_max_operating_celsius")),)
    return Finding(
        readings,
        "degrees C",
        "what the driver of an A100 reports; others differ by a few degrees",
        tolerance=SPECIFICATION,
    )


@claim("g002-21")
def infinity_fabric(one: Claim) -> Finding:
    node = node_of("MI300X", 8)
    readings = (
        Reading("to one peer, one way", fact("mi300x_peer_bytes_per_second") / GB),
        Reading("a card, one way", node.intra_node.bytes_per_second_per_gpu / GB),
    )
    return Finding(readings, "GB/s", "seven links a card; no reading gives 32", tolerance=SPECIFICATION)


@claim("g003-06")
def a100_peak(one: Claim) -> Finding:
    readings = (
        Reading("fp16, dense", peak_tflops(A100, "fp16")),
        Reading("FP32", fact("a100_fp32_flops") / 1e12, judged=False),
    )
    return Finding(readings, "TFLOP/s", "19.5 is the FP32 peak without tensor cores", tolerance=SPECIFICATION)


@claim("g003-07")
def a100_over_v100(one: Claim) -> Finding:
    readings = (
        Reading("fp16 tensor peaks", peak_tflops(A100, "fp16") / peak_tflops("V100-32GB", "fp16")),
        Reading("FP32 peaks", fact("a100_fp32_flops") / fact("v100_fp32_flops"), judged=False),
    )
    return Finding(readings, "x", "ratio of the sheets", tolerance=SPECIFICATION)


@claim("g003-10")
def hbm2e(one: Claim) -> Finding:
    readings = tuple(
        Reading(name, card(name).memory_bandwidth_bytes_per_second / GB) for name in ("A100-80GB-PCIe", A100)
    )
    return Finding(
        readings, "GB/s", "the cards with HBM2e; 614 may be another memory, or part of one", tolerance=SPECIFICATION
    )


@claim("g003-11")
def hbm_over_gddr(one: Claim) -> Finding:
    fast = card(A100).memory_bandwidth_bytes_per_second
    readings = tuple(
        Reading(f"over the {name}", fast / card(name).memory_bandwidth_bytes_per_second)
        for name in ("T4", "A10", "L40S")
    )
    return Finding(
        readings,
        "x",
        f"{A100} over three cards with GDDR6, whose rates are {number(readings[0].value / readings[-1].value)}x apart",
        tolerance=SPECIFICATION,
    )


@claim("g003-17")
def cuda(one: Claim) -> Finding:
    readings = (Reading("PyTorch 2.0", fact("pytorch_2_0_cuda")), Reading("PyTorch 2.14", fact("pytorch_2_14_cuda")))
    return Finding(
        readings,
        "CUDA version",
        "right for 2.0 (with ROCm 5.4); later versions ask for more, as 'or later' allows",
        "at least",
    )


@claim("g003-23")
def t4_bus(one: Claim) -> Finding:
    return Finding(
        (Reading("T4", fact("t4_pcie_generation")),),
        "PCIe generation",
        "half the rate of what is claimed",
        tolerance=SPECIFICATION,
    )


@claim("g003-31")
def per_watt(one: Claim) -> Finding:
    watts = card(A100).tdp_watts or 0.0
    why = f"312 TFLOP/s is the whole card, which draws {watts:g} W"
    return Finding(
        (Reading("fp16, dense", peak_tflops(A100, "fp16") / watts),), "TFLOP/s per W", why, tolerance=SPECIFICATION
    )


@claim("g003-34")
def nvlink_over_pcie(one: Claim) -> Finding:
    ratio = node_of(H100, 8).intra_node.bytes_per_second_per_gpu / fact("pcie5_x16_bytes_per_second")
    readings = (Reading("ratio", ratio), Reading("higher by", ratio - 1))
    return Finding(readings, "x", "'6 times higher' holds as an increase, not as a ratio", tolerance=SPECIFICATION)


@claim("g003-35")
def mig(one: Claim) -> Finding:
    return Finding(
        (Reading("A100", fact("a100_mig_instances")),),
        "instances",
        "seven of the smallest profile",
        tolerance=SPECIFICATION,
    )


@claim("g003-36")
def fp8_peak(one: Claim) -> Finding:
    eight = peak_tflops(H100, "fp8")
    readings = (
        Reading("against the fp16 peak of an A100", eight / peak_tflops(A100, "fp16")),
        Reading("against its own fp16 peak", eight / peak_tflops(H100, "fp16")),
    )
    training = (
        fastest("R1-7B", "full", H100, 8, "fp8", "megatron"),
        fastest("R1-7B", "full", H100, 8, "bf16", "megatron"),
    )
    rates = [plan.prediction.tokens_per_second_per_gpu for plan in training]
    why = (
        f"ratios of peaks; the baseline is not said. In training {stand_in('R1-7B')} fp8 gains "
        f"{number(rates[0] / rates[1])}x over bf16 on the same card"
    )
    return Finding(readings, "x", why, tolerance=SPECIFICATION)


@claim("g003-39")
def mi250x(one: Claim) -> Finding:
    die = peak_tflops("MI250X", "fp16")
    readings = (Reading("the module, two dies", 2 * die), Reading("a die: what PyTorch calls a GPU", die, judged=False))
    return Finding(readings, "TFLOP/s", "fp16 on matrix cores, dense; 110 is neither", tolerance=SPECIFICATION)


@claim("g003-43")
def ascend(one: Claim) -> Finding:
    readings = (
        Reading("catalogue: the slowest bin with 64 GB", peak_tflops("Ascend-910B", "fp16")),
        *(Reading(f"bin B{n}", fact(f"ascend_910b{n}_flops") / 1e12) for n in (1, 2, 4)),
    )
    return Finding(readings, "TFLOP/s", "the name hides four bins; near one of them", tolerance=SPECIFICATION)
