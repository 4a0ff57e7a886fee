"""Clusters: whether the cards that a guide asks for hold the job, and whether fewer would."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.guides.claims import Claim
from benchmarks.guides.hardware import A100, H100, memory_gb, node_of
from benchmarks.guides.physics import (
    LABELS,
    PURE_BF16,
    TWO,
    least_cards,
    least_plan,
    memory,
    need,
    needs,
    number,
    scaled,
)
from benchmarks.guides.registry import Finding, Method, Reading, claim
from benchmarks.guides.stand_ins import shape
from gpuplan_models import frameworks

CONSUMER = "RTX-4090"
AUDIT = Path(__file__).resolve().parents[1] / "reference_table" / "reference_table.csv"


@claim("g000-04", "g000-05")
def cluster_70b(one: Claim) -> Finding:
    gpu, cards = (A100, 8) if one.id == "g000-04" else (H100, 4)
    readings = (
        least_cards("R1-70B", "lora", gpu),
        least_cards("R1-70B", "qlora", gpu, judged=False),
        least_cards("R1-70B", "full", gpu),
    )
    why = f"{cards} cards have {number(cards * memory_gb(gpu))} GB usable against what each method has to hold in all"
    return Finding(readings, "GPUs at the least", why, "at most", (cards, cards))


@claim("g000-07", "g000-15")
def cluster_671b(one: Claim) -> Finding:
    readings = (
        least_cards("R1-671B", "lora", H100),
        least_cards("R1-671B", "qlora", H100, judged=False),
        least_cards("R1-671B", "full", H100),
    )
    why = (
        f"the low end is the point estimate, the figure holds at 90 %; nodes have 8 cards. 20 cards have "
        f"{number(20 * memory_gb(H100))} GB usable, LoRA in 16 bit needs "
        f"{number(need('R1-671B', 'lora').memory_bytes / 1e9)} GB and room in each"
    )
    return Finding(readings, "GPUs at the least", why, "needs", (20, 20))


@claim("g000-10")
def one_4090(one: Claim) -> Finding:
    usable = memory_gb(CONSUMER)
    why = (
        f"{number(usable)} GB usable; micro-batch 1 of 4,096 tokens. Where the card lies inside the interval it may "
        "do, with shorter sequences it will"
    )
    return Finding(needs("R1-7B"), "GB", why, "at most", (usable, usable))


@claim("g001-05")
def cluster_7b_13b(one: Claim) -> Finding:
    readings = tuple(least_cards(size, method, A100) for size in ("DeepSeek-7B", "DeepSeek-13B") for method in TWO)
    return Finding(
        _named(readings, ("7B", "7B", "13B", "13B")), "GPUs at the least", "8 cards hold each of them", "at most"
    )


@claim("g001-08")
def cluster_30b(one: Claim) -> Finding:
    fabric = node_of(A100, 8).gpus_per_node
    readings = (
        Reading("GPUs that NVLink joins", fabric),
        *(least_cards("DeepSeek-30B", method, A100, judged=False) for method in TWO),
    )
    why = (
        f"the 32 cards hold the model by every method, but NVLink ends at the node: {fabric} cards, the four nodes "
        "meet on the network"
    )
    return Finding(readings, "GPUs", why, claimed=(32, 32))


@claim("g001-12")
def cluster_65b(one: Claim) -> Finding:
    readings = tuple(least_cards("DeepSeek-65B", method, A100) for method in TWO)
    return Finding(readings, "GPUs at the least", "8 nodes of 8 cards hold it by every method", "at most", (64, 64))


@claim("g002-12")
def one_80gb_card(one: Claim) -> Finding:
    usable = memory_gb(A100)
    why = (
        f"{number(usable)} GB usable on one A100 or H100; with full training the kind of states decides: bf16, or "
        "fp32 as the defaults have it"
    )
    return Finding(needs("DeepSeek-7B", qlora=True), "GB", why, "at most", (usable, usable))


@claim("g003-15")
def two_cards_10b(one: Claim) -> Finding:
    both = 2 * memory_gb(A100)
    readings = []
    policies: tuple[tuple[Method, str], ...] = (("lora", ""), ("full", ""), ("full", PURE_BF16))
    for method, name in policies:
        peak = need("10B", method, name)
        share = scaled(peak, shape("10B").parameters, 10e9) / peak.memory_bytes
        readings.append(memory(LABELS[method] + (", pure bf16" if name else ""), method, peak, share))
    why = f"in all, against {number(both)} GB usable on two cards; states of {shape('10B').name} scaled to 10B"
    return Finding(tuple(readings), "GB", why, "at most", (both, both))


@claim("g003-19")
def four_a100(one: Claim) -> Finding:
    methods: tuple[Method, ...] = ("lora", "qlora", "full")
    readings = tuple(
        Reading(f"{r.label}, {size}", r.value, r.low, r.high, r.method)
        for size in ("R1-671B", "R1-70B", "R1-7B")
        for r in (least_cards(size, method, A100) for method in methods)
    )
    return Finding(
        readings,
        "GPUs at the least",
        "R1 itself needs far more by every method; its distillations do not",
        "at most",
        (4, 4),
    )


@claim("g004-11")
def within_one_day(one: Claim) -> Finding:
    with AUDIT.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    good = sum(row["fits"] == "True" and row["finishes"] == "True" for row in rows)
    late = sorted(float(row["hours"]) for row in rows)
    why = (
        f"audited row by row in benchmarks/reference_table: at 90 % confidence {good} of {len(rows)} rows both fit "
        "and finish in a day; "
        f"the median row takes {number(late[len(late) // 2])} h, the slowest {number(late[-1])} h"
    )
    return Finding((Reading("rows that do", good),), f"of {len(rows)} rows", why, claimed=(len(rows), len(rows)))


@claim("g004-12")
def one_a10g(one: Claim) -> Finding:
    framework = "unsloth" if "unsloth" in frameworks() else ""
    usable = memory_gb("A10G")
    readings = tuple(
        memory(LABELS[method], method, need("R1-7B", method, framework, gpu="A10G")) for method in _adapters()
    )
    why = (
        f"{number(usable)} GB usable; {framework or 'hf-peft'}, micro-batch 1. The amount of data does not enter; "
        "in 4 bit it fits with room"
    )
    return Finding(readings, "GB", why, "at most", (usable, usable))


@claim("g004-13")
def consumer_card(one: Claim) -> Finding:
    usable = memory_gb(CONSUMER)
    readings = []
    for size in ("R1-7B", "R1-14B", "R1-32B"):
        for method in _adapters():
            peak = memory(f"{LABELS[method]}, {size}", method, need(size, method))
            readings.append(peak)
    why = f"{number(usable)} GB usable on an {CONSUMER}; neither the card nor where 'smaller' ends is said"
    return Finding(tuple(readings), "GB", why, "at most", (usable, usable))


@claim("g004-14")
def size_decides(one: Claim) -> Finding:
    readings = []
    for size in ("R1-7B", "R1-32B", "R1-70B"):
        floor = least_plan(size, "lora", A100).gpus
        small = least_plan(size, "lora", A100, data="1MB", hours=24).gpus
        readings.append(Reading(size, small / floor, method="lora"))
    why = "least cards for 1 MB in a day over least cards that hold the model at all: the same, so size decides"
    return Finding(tuple(readings), "x the memory floor", why, claimed=(1.0, 1.0))


@claim("g004-15")
def data_decides(one: Claim) -> Finding:
    floor = least_plan("R1-7B", "lora", A100).gpus
    plan = least_plan("R1-7B", "lora", A100, data="100GB", hours=24)
    readings = (
        Reading("LoRA, cards over the memory floor", plan.gpus / floor, method="lora"),
        Reading("LoRA, data parallelism", plan.layout.data_parallel, method="lora"),
    )
    network = plan.host.required_network_bytes_per_second * 8 / 1e9
    why = (
        f"a 7B on 100 GB in a day takes {plan.gpus} x {A100}, most of it data parallel; a node's network carries "
        f"{number(network)} Gbit/s"
    )
    return Finding(readings, "x", why, "at least", (2.0, 2.0))


@claim("g003-13")
def a100_of_24_gb(one: Claim) -> Finding:
    readings = tuple(Reading(name, memory_gb(name)) for name in ("A100-40GB-SXM", A100))
    why = f"no A100 has 24 GB; the A10, with {number(memory_gb('A10'))} GB usable, has"
    return Finding(readings, "GB usable", why)


def _adapters() -> tuple[Method, ...]:
    return ("lora", "qlora")


def _named(readings: tuple[Reading, ...], sizes: tuple[str, ...]) -> tuple[Reading, ...]:
    return tuple(
        Reading(f"{r.label}, {size}", r.value, r.low, r.high, r.method) for r, size in zip(readings, sizes, strict=True)
    )
