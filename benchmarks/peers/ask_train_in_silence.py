"""Asks train-in-silence. Runs in the environment of the peers: questions and clusters as JSON on stdin, answers on stdout.

Its planner (`PlannerService`) is given the market as a provider of offers, as its constructor allows: a cluster of several nodes is one
offer with all their GPUs, CPUs and RAM. Speeds and memory of GPUs are those of its own table, as with its own providers; where it has
no entry (or would fall back to 100 TFLOP/s) the datasheet's. Settings: least cost, micro-batch 1, two data workers, no download.
"""

from __future__ import annotations

import json
import math
import sys
from importlib.metadata import version
from typing import Any

from tis.planner.market.catalog import GPUSpecCatalog  # type: ignore[import-not-found]
from tis.planner.models import (  # type: ignore[import-not-found]
    Constraints,
    MarketAggregation,
    MarketOffer,
    PlanningRequest,
)
from tis.planner.recommender import PlannerService  # type: ignore[import-not-found]

#: The catalogue's names of GPUs, and its own.
GPUS = {
    "A100-40GB-PCIe": "A100-40GB",
    "A100-40GB-SXM": "A100 SXM 40GB",
    "A100-80GB-PCIe": "A100-80GB",
    "A100-80GB-SXM": "A100 SXM 80GB",
    "H100-PCIe": "H100-80GB",
    "H100-SXM": "H100 SXM",
    "H100-NVL": "H100 NVL",
    "H200-SXM": "H200 SXM",
    "H200-NVL": "H200 NVL",
    "RTX-A6000": "RTX A6000",
    "RTX-6000-Ada": "RTX 6000 Ada",
    "RTX-PRO-6000": "RTX PRO 6000",
    "RTX-3090": "RTX 3090",
    "RTX-4090": "RTX 4090",
    "RTX-5090": "RTX 5090",
}
ANY = "any"


class Market:
    """The market in the place of its live providers."""

    def __init__(self, clusters: list[dict[str, Any]]) -> None:
        known = {item["name"]: item for item in GPUSpecCatalog().export()}
        self.offers = [_offer(cluster, known.get(GPUS.get(cluster["gpu"], cluster["gpu"]))) for cluster in clusters]
        self.asked: list[str] | None = None

    def fetch_market_data(self, constraints: Constraints) -> MarketAggregation:
        """Offers under the limit of GPUs, and of the GPUs that are wished for, for which its requests have no word."""
        offers = [
            offer
            for offer in self.offers
            if offer.gpu_count <= constraints.max_gpus and (self.asked is None or offer.gpu in self.asked)
        ]
        return MarketAggregation(offers=offers, provider_statuses=[])


def _offer(cluster: dict[str, Any], known: dict[str, Any] | None) -> MarketOffer:
    speeds = known or {"vram_gb": cluster["memory_bytes"] / 2**30, "gpu_flops_tflops": cluster["tflops"]}
    return MarketOffer(
        gpu=cluster["gpu"],
        gpu_count=cluster["gpus"],
        vram_gb=speeds["vram_gb"],
        price_per_hour=cluster["price_usd_per_hour"],
        cpu=cluster["vcpus"],
        ram_gb=cluster["ram_gb"],
        gpu_flops_tflops=speeds["gpu_flops_tflops"],
        platform=cluster["provider"],
        region=cluster["region"],
        available_instances=10,
    )


def main() -> None:
    """Answer every question."""
    asked = json.load(sys.stdin)
    market = Market(asked["clusters"])
    planner = PlannerService(market=market)
    answers = [answer(question, market, planner) for question in asked["questions"]]
    json.dump({"version": version("train-in-silence"), "answers": answers}, sys.stdout)


def answer(question: dict[str, Any], market: Market, planner: PlannerService) -> dict[str, Any]:
    """Its first recommendation."""
    market.asked = question["gpus"]
    run = planner.run(request(question))
    if not run.response.recommendations:
        return {"question": question["id"], "said": f"{run.response.summary} {why(question, market, planner)}"}
    best = run.response.recommendations[0]
    return {
        "question": question["id"],
        "gpu": [best.config.gpu],
        "gpus": best.config.gpu_count,
        "hours": best.metrics.time_hours,
        "usd": best.metrics.cost_usd,
        "said": best.explanation,
    }


def why(question: dict[str, Any], market: Market, planner: PlannerService) -> str:
    """The limit without which it names a cluster."""
    for field, word in (("deadline_hours", "deadline"), ("budget_usd", "budget"), ("max_gpus", "limit of GPUs")):
        if planner.run(request(question | {field: None})).response.recommendations:
            return f"(without the {word} it names one)"
    return "(nothing on the market holds its estimate)"


def request(question: dict[str, Any]) -> PlanningRequest:
    """The question in its words."""
    model = question["model"]
    experts = model["experts"]
    active = math.ceil(experts * model["active_parameters"] / model["parameters"]) if experts else 0
    return PlanningRequest.model_validate(
        {
            "workload": {
                "model": {
                    "name": model["name"],
                    "params": model["parameters"],
                    "num_layers": model["layers"],
                    "num_heads": model["heads"],
                    "num_kv_heads": model["kv_heads"],
                    "hidden_dim": model["hidden_size"],
                    "vocab_size": model["vocab_size"],
                    "num_experts": experts,
                    # It takes the active share for active experts over all: whole experts nearest to the true share.
                    "active_experts": active,
                },
                "training": {
                    "method": question["method"],
                    "seq_len": question["sequence_length"],
                    "epochs": question["epochs"],
                    "batch_size": 1,
                    "num_workers": 2,
                },
                "data": {"dataset_tokens": math.ceil(question["tokens"])},
            },
            "constraints": {
                "platforms": [ANY],
                "max_budget": question["budget_usd"],
                "max_time_hours": question["deadline_hours"],
                "max_gpus": question["max_gpus"] or 1_000_000,
            },
            "preference": {"optimize_for": "min_cost"},
        }
    )


if __name__ == "__main__":
    main()
