"""What holds for any config: counts are positive, parts add up to the whole, and both agree with closed formulas."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gpuplan_models import Architecture
from gpuplan_models.config import build
from gpuplan_models.fields import Fields

Config = dict[str, Any]
SMALL = st.integers(1, 9)


@st.composite
def dense_configs(draw: st.DrawFn) -> Config:
    kv_heads, head_dim = draw(SMALL), draw(st.integers(1, 64))
    heads = kv_heads * draw(SMALL)
    own_head_dim = draw(st.booleans())
    return {
        "model_type": draw(st.sampled_from(["llama", "mistral", "qwen2", "qwen3"])),
        "hidden_size": draw(st.integers(1, 4096)) if own_head_dim else heads * head_dim,
        "intermediate_size": draw(st.integers(1, 8192)),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "num_hidden_layers": draw(st.integers(1, 200)),
        "max_position_embeddings": draw(st.integers(1, 2**20)),
        "vocab_size": draw(st.integers(1, 300_000)),
        "tie_word_embeddings": draw(st.booleans()),
        "attention_bias": draw(st.booleans()),
        "mlp_bias": draw(st.booleans()),
    } | ({"head_dim": head_dim} if own_head_dim else {})


@st.composite
def mixture_configs(draw: st.DrawFn) -> Config:
    experts, layers = draw(st.integers(1, 64)), draw(st.integers(1, 80))
    return {
        "model_type": "deepseek_v3",
        "hidden_size": draw(st.integers(1, 4096)),
        "intermediate_size": draw(st.integers(1, 8192)),
        "moe_intermediate_size": draw(st.integers(1, 2048)),
        "num_attention_heads": draw(SMALL),
        "num_hidden_layers": layers,
        "first_k_dense_replace": draw(st.integers(0, layers)),
        "n_routed_experts": experts,
        "n_shared_experts": draw(st.integers(0, 3)),
        "num_experts_per_tok": draw(st.integers(1, experts)),
        "num_nextn_predict_layers": draw(st.integers(0, 2)),
        "kv_lora_rank": draw(SMALL),
        "q_lora_rank": draw(st.none() | SMALL),
        "qk_nope_head_dim": draw(SMALL),
        "qk_rope_head_dim": draw(SMALL),
        "v_head_dim": draw(SMALL),
        "max_position_embeddings": 4096,
        "vocab_size": draw(st.integers(1, 300_000)),
        "tie_word_embeddings": draw(st.booleans()),
    }


def built(config: Config) -> Architecture:
    return build(Fields(config, "config.json"), name="any", basis="", source="", tokenizer="unknown")


def sum_of_parts(found: Architecture) -> int:
    layers = 0
    for kind in found.layers:
        layer = kind.norm_parameters
        for linear in kind.linears:
            layer += linear.copies * linear.in_features * linear.out_features
            layer += linear.copies * linear.out_features if linear.bias else 0
        layers += kind.count * layer
    outside = found.extra_embedding_parameters + found.final_norm_parameters + found.extra_head_parameters
    return found.vocabulary_parameters + found.head_parameters + layers + outside


@given(dense_configs() | mixture_configs())
def test_counts_are_positive_and_add_up(config: Config) -> None:
    found = built(config)
    assert found.layer_count == config["num_hidden_layers"]
    assert found.parameters == sum_of_parts(found)
    assert 0 < found.active_parameters <= found.parameters
    assert 0 <= found.expert_parameters < found.parameters
    for kind in found.layers:
        assert kind.count > 0
        assert 0 < kind.active_parameters <= kind.parameters
        assert min(kind.query_width, kind.key_value_width, kind.mlp_width) > 0


@given(dense_configs())
def test_dense_models_agree_with_a_closed_formula(config: Config) -> None:
    h, f, v = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    d = config.get("head_dim") or h // config["num_attention_heads"]
    q, kv = d * config["num_attention_heads"], d * config["num_key_value_heads"]
    llama, qwen3 = config["model_type"] == "llama", config["model_type"] == "qwen3"
    bias = (llama or qwen3) and config["attention_bias"]
    layer = 2 * h * q + 2 * h * kv + 3 * h * f + 2 * h
    layer += q + 2 * kv if config["model_type"] == "qwen2" or bias else 0
    layer += h if bias else 0
    layer += 2 * d if qwen3 else 0
    layer += 2 * f + h if llama and config["mlp_bias"] else 0
    ends = v * h * (1 if config["tie_word_embeddings"] else 2) + h
    assert built(config).parameters == config["num_hidden_layers"] * layer + ends


@given(mixture_configs())
def test_mixtures_agree_with_a_closed_formula(config: Config) -> None:
    h, n, e = config["hidden_size"], config["num_attention_heads"], config["n_routed_experts"]
    nope, rope, value = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
    c, r = config["kv_lora_rank"], config["q_lora_rank"]
    query = h * n * (nope + rope) if r is None else h * r + r + r * n * (nope + rope)
    attention = query + h * (c + rope) + c + c * n * (nope + value) + n * value * h
    dense_layer = attention + 3 * h * config["intermediate_size"] + 2 * h
    experts = e + config["n_shared_experts"]
    moe_layer = attention + 3 * h * config["moe_intermediate_size"] * experts + e * h + e + 2 * h
    dense = config["first_k_dense_replace"]
    layers = dense * dense_layer + (config["num_hidden_layers"] - dense) * moe_layer
    ends = config["vocab_size"] * h * (1 if config["tie_word_embeddings"] else 2) + h
    found = built(config)
    assert found.parameters == layers + ends
    one_module = moe_layer + 2 * h * h + 3 * h + 2 * config["vocab_size"] * h
    assert found.mtp_parameters == config["num_nextn_predict_layers"] * one_module


@given(dense_configs() | mixture_configs(), st.integers(1, 512), st.integers(1, 512))
def test_adapters_grow_in_proportion_to_their_rank(config: Config, rank: int, other: int) -> None:
    found = built(config)
    one = found.adapter_parameters(1, "all-linear")
    assert found.adapter_parameters(rank, "all-linear") == rank * one > 0
    for kind in found.layers:
        experts = kind.adapter_expert_parameters(other, "all-linear")
        rest = kind.adapter_parameters(other, "all-linear-except-experts")
        assert experts + rest == kind.adapter_parameters(other, "all-linear")
