"""Architectures of published runs: from the catalogue where it has the model, else from the row's shape columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from gpuplan_models import Architecture, AttentionCore, LayerKind, Linear, architectures
from gpuplan_models.config import build
from gpuplan_models.fields import Fields

#: Published models whose rows name no shape, or whose shape has more than the columns can say.
NEMOTRON_15B = {"hidden": "6144", "layers": "32", "heads": "48", "kv_heads": "8", "ffn": "24576", "vocab": "256000"}
KIMI_K2 = {
    "vocab_size": 163840,
    "num_attention_heads": 64,
    "num_key_value_heads": 64,
    "first_k_dense_replace": 1,
    "n_routed_experts": 384,
}
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 3,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
}
#: Mixtures of experts whose head width is not hidden / heads.
HEAD_DIM = {"Qwen/Qwen3-30B-A3B": 128, "Qwen/Qwen3-235B-A22B": 128}


class UnknownShapeError(ValueError):
    """The row does not say enough of its model, or the model has layers that gpuplan does not know."""


def architecture_of(row: Mapping[str, str]) -> Architecture:
    """Architecture of a row of runs.csv; equal rows share one object. Raises `UnknownShapeError`."""
    model = row["model"]
    if "Nemotron4 15b" in model:
        return _plain("Nemotron4-15B", tuple(NEMOTRON_15B.items()), 15e9)
    if not row["hidden"] or "gpt-oss" in model:
        raise UnknownShapeError("shape not given, or layers that gpuplan does not know")
    if "DeepSeek-V3" in model or "Kimi-K2" in model:
        return _latent(model)
    names = ("hidden", "layers", "heads", "kv_heads", "ffn", "vocab", "experts")
    if not all(row[name] for name in names[:-1]):
        raise UnknownShapeError("shape incomplete")
    columns = tuple((name, row[name]) for name in names)
    if row["experts"]:
        return _mixture(model if model in HEAD_DIM else "mixture", columns)
    stated = float(row["params_total_b"] or 0) * 1e9
    return _plain(f"{row['layers']}x{row['hidden']}" if "mpt" not in model else "mpt", columns, float(f"{stated:.2e}"))


@cache
def _latent(model: str) -> Architecture:
    values = DEEPSEEK_V3 | (KIMI_K2 if "Kimi" in model else {})
    return build(Fields(values, model), name=model, basis="published config", source=model)


@cache
def _mixture(model: str, columns: tuple[tuple[str, str], ...]) -> Architecture:
    row = dict(columns)
    experts, active = row["experts"].split("/")
    values: dict[str, object] = {
        "model_type": "mixtral",
        "hidden_size": int(row["hidden"]),
        "num_hidden_layers": int(row["layers"]),
        "num_attention_heads": int(row["heads"]),
        "num_key_value_heads": int(row["kv_heads"]),
        "intermediate_size": int(row["ffn"]),
        "num_local_experts": int(experts),
        "num_experts_per_tok": int(active),
        "vocab_size": int(row["vocab"]),
        "max_position_embeddings": 131072,
    }
    if model in HEAD_DIM:
        values["head_dim"] = HEAD_DIM[model]
    return build(Fields(values, model), name=model, basis="columns of the run", source=model)


@cache
def _plain(model: str, columns: tuple[tuple[str, str], ...], stated: float) -> Architecture:
    """A dense model from its columns: gated or not, tied or not, whichever comes nearest to the stated count."""
    row = {name: int(value) for name, value in columns if value}
    for known in architectures().values():
        if _same_shape(known, row):
            return known
    candidates = [_dense(model, row, gated, tied) for gated in (True, False) for tied in (False, True)]
    if model == "mpt":  # tied and not gated; the stated count holds positional embeddings, which grow with the length
        return candidates[3]
    if stated == 0:
        return candidates[2]
    return min(candidates, key=lambda candidate: abs(candidate.parameters - stated))


def _same_shape(known: Architecture, row: Mapping[str, int]) -> bool:
    kind = known.layers[0]
    return (
        len(known.layers) == 1
        and kind.routed_experts == 0
        and (
            known.hidden_size,
            known.layer_count,
            kind.attention.heads,
            kind.attention.kv_heads,
            kind.mlp_width,
            known.vocab_size,
        )
        == tuple(row[name] for name in ("hidden", "layers", "heads", "kv_heads", "ffn", "vocab"))
    )


def _dense(model: str, row: Mapping[str, int], gated: bool, tied: bool) -> Architecture:
    h, f, head_dim = row["hidden"], row["ffn"], row["hidden"] // row["heads"]
    kv = row["kv_heads"] * head_dim
    linears = [
        Linear("q_proj", h, h, "attention", "column"),
        Linear("k_proj", h, kv, "attention", "column"),
        Linear("v_proj", h, kv, "attention", "column"),
        Linear("o_proj", h, h, "attention", "row"),
        Linear("up_proj", h, f, "mlp", "column"),
        Linear("down_proj", f, h, "mlp", "row"),
    ]
    if gated:
        linears.append(Linear("gate_proj", h, f, "mlp", "column"))
    core = AttentionCore(row["heads"], row["kv_heads"], head_dim, head_dim)
    kind = LayerKind("dense", row["layers"], tuple(linears), core, 2 * h, gated)
    return Architecture(
        name=model,
        aliases=(),
        model_type="llama",
        hidden_size=h,
        vocab_size=row["vocab"],
        tied_embeddings=tied,
        layers=(kind,),
        final_norm_parameters=h,
        mtp_parameters=0,
        tokenizer="unknown",
        max_sequence_length=131072,
        native_weights="bf16",
        parameter_basis="columns of the run",
        source=model,
    )
