"""A row that says everything: LoRA of Llama 3 8B on one node."""

from __future__ import annotations

from gpuplan.runs import INPUT_COLUMNS, Answer, RunRow, predict_rows

LLAMA = {
    "model": "meta-llama/Meta-Llama-3-8B",
    "hidden": "4096",
    "layers": "32",
    "heads": "32",
    "kv_heads": "8",
    "ffn": "14336",
    "vocab": "128256",
    "params_total_b": "8.03",
    "task": "lora",
    "precision": "bf16",
    "gpu": "H100-SXM-80GB",
    "n_gpus": "8",
    "micro_batch": "1",
    "global_batch_sequences": "32",
    "seq_len": "4096",
    "recompute": "full",
    "framework": "HF PEFT",
}


def row(**cells: str) -> RunRow:
    """The row with other cells."""
    return RunRow("x", dict.fromkeys(INPUT_COLUMNS, "") | LLAMA | cells)


def predicted(**cells: str) -> Answer:
    """Its prediction."""
    (answer,) = predict_rows([row(**cells)])
    return answer
