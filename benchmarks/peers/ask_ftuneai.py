"""Asks ftuneai. Runs in the environment of the peers: questions and clusters come in as JSON on stdin, answers go out on stdout.

ftuneai estimates memory, hours and dollars of one configuration (`Estimator`). Its `BudgetOptimizer` can be told neither a method nor
a deadline and never shards, so its best is asked instead: every GPU and count on the market, every ZeRO stage, batch 1 with
FlashAttention and checkpointing (its least memory; its time does not depend on them), and of what it says fits and is in time the cheapest
(to four digits; of equals the one with the lowest price an hour).
"""

from __future__ import annotations

import json
import math
import sys
from importlib.metadata import version
from typing import Any

from ftuneai import Estimator  # type: ignore[import-not-found]
from ftuneai.core.models import ModelSpec  # type: ignore[import-not-found]
from ftuneai.loader import load_gpus, load_models  # type: ignore[import-not-found]

#: Its names of GPUs, and the catalogue's. It has no finer names: where there are two, it is judged by the better one.
GPUS = {
    "H200-141GB": ("H200-NVL", "H200-SXM"),
    "H100-80GB": ("H100-PCIe", "H100-SXM"),
    "A100-80GB": ("A100-80GB-PCIe", "A100-80GB-SXM"),
    "A100-40GB": ("A100-40GB-PCIe", "A100-40GB-SXM"),
    "L4-24GB": ("L4",),
    "RTX-4090-24GB": ("RTX-4090",),
    "RTX-3090-24GB": ("RTX-3090",),
    "T4-16GB": ("T4",),
    "V100-16GB": ("V100-16GB", "V100-16GB-PCIe"),
    "V100-32GB": ("V100-32GB", "V100-32GB-PCIe"),
    "A10G-24GB": ("A10G",),
}
FINER = 10**9
SHARDING = ("none", "zero_1", "zero_2", "zero_3")


def main() -> None:
    """Answer every question."""
    asked = json.load(sys.stdin)
    answers = [answer(question, asked["clusters"]) for question in asked["questions"]]
    json.dump({"version": version("ftuneai"), "answers": answers}, sys.stdout)


def register(model: dict[str, Any]) -> str:
    """Put the model, with exact counts, where it keeps what it reads from the Hugging Face hub; return its name there."""
    experts = model["experts"]
    # It takes the active share of a model for active experts over all: whole experts that come nearest to the true share.
    active = max(1, math.ceil(experts * model["active_parameters"] / model["parameters"])) if experts else None
    name = f"exact/{model['name']}"
    load_models()[name] = ModelSpec(
        name=name,
        parameters=model["parameters"],
        hidden_size=model["hidden_size"],
        num_layers=model["layers"],
        num_attention_heads=model["heads"],
        num_kv_heads=model["kv_heads"],
        intermediate_size=model["intermediate_size"],
        vocab_size=model["vocab_size"],
        max_seq_length=model["max_sequence_length"],
        is_moe=bool(experts),
        num_experts=experts or None,
        num_active_experts=active,
    )
    return name


def answer(question: dict[str, Any], clusters: list[dict[str, Any]]) -> dict[str, Any]:
    """The cheapest cluster that it says holds the job and is in time."""
    name, said = register(question["model"]), "no GPU it knows is on the market for this question"
    found = []
    for gpu, count, price in market(question, clusters):
        for sharding in SHARDING if count > 1 else SHARDING[:1]:
            asked = Estimator(name, **settings(question, sharding, count))
            if asked.estimate_memory().total_gb > load_gpus()[gpu].vram_gb:
                said = max(said, "nothing fits its memory estimate", key=RANK.index)
                continue
            samples = math.ceil(question["tokens"] / question["sequence_length"])
            # It rounds to hundredths of an hour, and its hours are proportional to the samples.
            finer = asked.estimate_time(gpu, FINER * samples, question["epochs"], count).total_hours
            hours = finer / FINER
            usd = hours * price
            if hours > question["deadline_hours"]:
                said = max(said, "what fits takes longer than the deadline by its estimate", key=RANK.index)
            elif question["budget_usd"] is not None and usd > question["budget_usd"]:
                said = max(said, "what fits in time is over the budget by its estimate", key=RANK.index)
            else:
                found.append((float(f"{usd:.4g}"), price, hours, gpu, count, sharding))
    if not found:
        return {"question": question["id"], "said": said}
    _, price, hours, gpu, count, sharding = min(found)
    names = [own for own in GPUS[gpu] if question["gpus"] is None or own in question["gpus"]]
    return {
        "question": question["id"],
        "gpu": names,
        "gpus": count,
        "hours": hours,
        "usd": hours * price,
        "said": sharding,
    }


#: Why nothing is named, the reason that came nearest last.
RANK = (
    "no GPU it knows is on the market for this question",
    "nothing fits its memory estimate",
    "what fits takes longer than the deadline by its estimate",
    "what fits in time is over the budget by its estimate",
)


def market(question: dict[str, Any], clusters: list[dict[str, Any]]) -> list[tuple[str, int, float]]:
    """GPU (its name), count and least price an hour of every cluster that it has a name for."""
    own = {name: gpu for gpu, names in GPUS.items() for name in names}
    prices: dict[tuple[str, int], float] = {}
    for cluster in clusters:
        wished = question["gpus"] is None or cluster["gpu"] in question["gpus"]
        few = question["max_gpus"] is None or cluster["gpus"] <= question["max_gpus"]
        if wished and few and cluster["gpu"] in own:
            key = (own[cluster["gpu"]], cluster["gpus"])
            prices[key] = min(prices.get(key, math.inf), cluster["price_usd_per_hour"])
    return [(gpu, count, price) for (gpu, count), price in prices.items()]


def settings(question: dict[str, Any], sharding: str, gpus: int) -> dict[str, Any]:
    """The question in its words, and the rest as it needs least memory."""
    return {
        "method": question["method"],
        "quantization": "4bit" if question["method"] == "qlora" else "none",
        "batch_size": 1,
        "seq_length": question["sequence_length"],
        "gradient_checkpointing": True,
        "optimizer": "adamw",
        "lora_rank": 16,
        "lora_target": "all_linear",
        "flash_attention": True,
        "sharding": sharding,
        "num_gpus": gpus,
    }


if __name__ == "__main__":
    main()
