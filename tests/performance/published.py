"""Published runs as predictions: a row of ``shared/data/runs.csv``, which lies beside the checkout where there is one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from gpuplan.layout import Layout
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.workload import Workload
from gpuplan_hardware import Host, Link, Network, Node, accelerators
from gpuplan_models import Architecture, frameworks, methods
from gpuplan_models.config import build
from gpuplan_models.fields import Fields

RUNS = Path(__file__).resolve().parents[3] / "shared" / "data" / "runs.csv"

Row = Mapping[str, str]

#: Accelerator of the catalogue and one-way bytes/s per GPU inside and between the nodes that such runs were made on.
MACHINES = {
    "A100-80GB": ("A100-80GB-SXM", 300e9, 25e9),
    "H100-SXM-80GB": ("H100-SXM", 450e9, 50e9),
    "B200": ("B200", 900e9, 50e9),
}


@cache
def rows() -> dict[str, Row]:
    """Every published run by its id."""
    with RUNS.open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def architecture(row: Row, gated: bool = True) -> Architecture:
    """The model's shape as the row states it."""
    config = {
        "model_type": "llama",
        "hidden_size": int(row["hidden"]),
        "intermediate_size": int(row["ffn"]),
        "num_hidden_layers": int(row["layers"]),
        "num_attention_heads": int(row["heads"]),
        "num_key_value_heads": int(row["kv_heads"]),
        "vocab_size": int(row["vocab"]),
        "max_position_embeddings": 1_000_000,
    }
    found = build(Fields(config, row["id"]), name=row["id"], basis="", source="", tokenizer="unknown")
    if gated:
        return found
    (kind,) = found.layers
    linears = tuple(linear for linear in kind.linears if linear.name != "gate_proj")
    return replace(found, layers=(replace(kind, linears=linears, gated=False),))


def node(row: Row) -> Node:
    name, link, network = MACHINES[row["gpu"]]
    return Node(
        name=row["gpu"],
        provider="published",
        accelerator=accelerators()[name],
        gpus_per_node=int(row["gpus_per_node"]),
        intra_node=Link("nvswitch", link),
        network=Network("infiniband", network, rdma=True),
        host=Host(None, None, None),
        sources={},
    )


def prediction(
    run: str, framework: str, zero: int = 0, recompute: str = "none", precision: str = "bf16", gated: bool = True
) -> Prediction:
    """Predict the run `run` with what its row leaves open."""
    row = rows()[run]
    method = "full" if row["task"] == "pretrain" else row["task"]
    work = Workload(
        architecture=architecture(row, gated),
        method=methods()[method],
        precision=precision,
        weights="nf4" if method == "qlora" else "bf16",
        sequence_length=int(row["seq_len"]),
        lora_rank=int(row["lora_rank"] or 16),
    )
    gpus, tensor, pipeline, virtual, context = (int(row[name] or 1) for name in ("n_gpus", "tp", "pp", "vp", "cp"))
    layout = Layout(
        framework=framework,
        tensor=tensor,
        pipeline=pipeline,
        data=gpus // (tensor * pipeline * context),
        expert=1,
        zero=zero,
        micro_batch=int(row["micro_batch"] or 1),
        global_batch=int(row["global_batch_sequences"]),
        recompute=recompute,
        virtual=virtual,
        context=context,
    )
    machine = node(row)
    return predict(work, frameworks()[framework], machine, -(-gpus // machine.gpus_per_node), layout)


def measured_seconds(run: str) -> float:
    """Step time, from the tokens per second where the row states no time."""
    row = rows()[run]
    if row["step_time_s"]:
        return float(row["step_time_s"])
    tokens = int(row["global_batch_sequences"]) * int(row["seq_len"])
    return tokens / (float(row["tokens_per_sec_per_gpu"]) * int(row["n_gpus"]))


def measured_gib(run: str) -> float:
    return float(rows()[run]["peak_mem_gib"])
