"""A user's config.json: what is read, and what is said when it cannot be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpuplan_models import ModelError, architecture, read_config
from gpuplan_models.config import CONFIG_LIMIT_BYTES

Config = dict[str, Any]
Write = Callable[[Config], Path]

LLAMA: Config = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "num_hidden_layers": 3,
    "max_position_embeddings": 2048,
    "vocab_size": 128256,
}
MIXTRAL: Config = LLAMA | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
DEEPSEEK: Config = LLAMA | {
    "model_type": "deepseek_v3",
    "first_k_dense_replace": 1,
    "kv_lora_rank": 16,
    "moe_intermediate_size": 32,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "q_lora_rank": 24,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(config: Config) -> Path:
        folder = tmp_path / "my-model"
        folder.mkdir(exist_ok=True)
        path = folder / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    return write


def without(config: Config, field: str) -> Config:
    return {name: value for name, value in config.items() if name != field}


def test_file_and_folder_give_the_same(write: Write) -> None:
    path = write(LLAMA)
    found = read_config(path)
    assert found.name == "my-model"
    assert found.tokenizer == "llama-3"
    assert str(path) in found.source
    assert architecture(str(path)).layers == architecture(path.parent).layers == found.layers


def test_file_of_another_name_names_the_model(write: Write) -> None:
    path = write(LLAMA).rename(write(LLAMA).with_name("tiny.json"))
    assert read_config(path).name == "tiny"


def test_unknown_vocabulary_has_the_unknown_tokenizer(write: Write) -> None:
    assert read_config(write(LLAMA | {"vocab_size": 12345})).tokenizer == "unknown"


def test_null_counts_as_missing_where_a_field_is_optional(write: Write) -> None:
    config = LLAMA | {
        "head_dim": None,
        "attention_bias": None,
        "tie_word_embeddings": None,
        "quantization_config": None,
    }
    assert read_config(write(config)).layers == read_config(write(LLAMA)).layers


def test_llama_without_key_value_heads_has_one_for_each_head(write: Write) -> None:
    (layer,) = read_config(write(without(LLAMA, "num_key_value_heads"))).layers
    assert layer.attention.kv_heads == 8


def test_own_head_dim(write: Write) -> None:
    (layer,) = read_config(write(LLAMA | {"head_dim": 16})).layers
    assert (layer.query_width, layer.key_value_width) == (8 * 16, 2 * 16)


def test_biases_of_llama(write: Write) -> None:
    # attention_bias: q 64, k and v 16 each, o 64; mlp_bias: gate and up 128 each, down 64
    plain, biased = read_config(write(LLAMA)), read_config(write(LLAMA | {"attention_bias": True, "mlp_bias": True}))
    assert biased.layers[0].parameters - plain.layers[0].parameters == (64 + 16 + 16 + 64) + (128 + 128 + 64)


def test_tied_embeddings_have_no_head_of_their_own(write: Write) -> None:
    tied = read_config(write(LLAMA | {"tie_word_embeddings": True}))
    assert tied.head_parameters == 0
    assert tied.parameters == read_config(write(LLAMA)).parameters - 128256 * 64


def test_fp8_checkpoint(write: Write) -> None:
    config = LLAMA | {"quantization_config": {"quant_method": "fp8"}}
    assert read_config(write(config)).native_weights == "fp8"
    assert read_config(write(LLAMA | {"quantization_config": {"quant_method": "awq"}})).native_weights == "bf16"


def test_language_model_of_a_multimodal_config(write: Write) -> None:
    found = read_config(write({"model_type": "llava", "text_config": LLAMA, "vision_config": {"hidden_size": 7}}))
    assert found.layers == read_config(write(LLAMA)).layers
    assert "text_config" in found.source


def test_deepseek_without_low_rank_queries(write: Write) -> None:
    found = read_config(write(DEEPSEEK | {"q_lora_rank": None}))
    assert [linear.name for linear in found.layers[0].linears][:2] == ["q_proj", "kv_a_proj_with_mqa"]


def test_deepseek_with_dense_layers_only_at_the_start_or_nowhere(write: Write) -> None:
    assert [kind.name for kind in read_config(write(DEEPSEEK)).layers] == ["dense", "moe"]
    assert [kind.name for kind in read_config(write(DEEPSEEK | {"first_k_dense_replace": 0})).layers] == ["moe"]
    assert [kind.name for kind in read_config(write(DEEPSEEK | {"first_k_dense_replace": 3})).layers] == ["dense"]


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        (without(LLAMA, "hidden_size"), "hidden_size", "hidden_size is missing"),
        (without(LLAMA, "vocab_size"), "vocab_size", "vocab_size is missing"),
        (without(LLAMA, "max_position_embeddings"), "max_position_embeddings", "is missing"),
        (LLAMA | {"hidden_size": 0}, "hidden_size", "hidden_size is 0 in .*; it must be an integer from 1"),
        (LLAMA | {"num_hidden_layers": -32}, "num_hidden_layers", "num_hidden_layers is -32"),
        (LLAMA | {"hidden_size": "4096"}, "hidden_size", 'hidden_size is "4096"'),
        (LLAMA | {"hidden_size": 64.5}, "hidden_size", "hidden_size is 64.5"),
        (LLAMA | {"hidden_size": None}, "hidden_size", "hidden_size is None"),
        (LLAMA | {"hidden_size": True}, "hidden_size", "hidden_size is True"),
        (LLAMA | {"hidden_size": [64]}, "hidden_size", r"hidden_size is \[64\]"),
        (LLAMA | {"hidden_size": 10**30}, "hidden_size", "it must be an integer from 1 to 2147483647"),
        (
            LLAMA | {"num_key_value_heads": 3},
            "num_attention_heads",
            "is 8 .* multiple of num_key_value_heads, which is 3",
        ),
        (LLAMA | {"num_attention_heads": 10}, "hidden_size", "is 64 .* multiple of num_attention_heads, which is 10"),
        (LLAMA | {"tie_word_embeddings": "no"}, "tie_word_embeddings", "it must be true or false"),
        (LLAMA | {"quantization_config": "fp8"}, "quantization_config", "it must be an object"),
        (
            LLAMA | {"model_type": "mamba2"},
            "model_type",
            "mamba2.*supported are bert, .* llama, .* qwen2",
        ),
        (LLAMA | {"model_type": 7}, "model_type", "model_type is 7 .*; it must be a text"),
        (without(LLAMA, "model_type"), "model_type", "model_type is missing"),
        ({"model_type": "llava", "text_config": {"model_type": "phi"}}, "model_type", "llava"),
        (without(LLAMA | {"model_type": "qwen2"}, "num_key_value_heads"), "num_key_value_heads", "is missing"),
        (MIXTRAL | {"num_experts_per_tok": 5}, "num_experts_per_tok", "at most num_local_experts, which is 4"),
        (DEEPSEEK | {"first_k_dense_replace": 4}, "first_k_dense_replace", "at most num_hidden_layers, which is 3"),
        (DEEPSEEK | {"num_experts_per_tok": 5}, "num_experts_per_tok", "at most n_routed_experts, which is 4"),
        (DEEPSEEK | {"moe_layer_freq": 2}, "moe_layer_freq", "moe_layer_freq is 2 .*only 1"),
        (without(DEEPSEEK, "kv_lora_rank"), "kv_lora_rank", "kv_lora_rank is missing"),
    ],
)
def test_wrong_field_is_named(write: Write, config: Config, field: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_config(write(config))
    assert caught.value.field == field
    assert "config.json" in str(caught.value)


def test_mistyped_model_type_offers_close_matches(write: Write) -> None:
    with pytest.raises(ModelError) as caught:
        read_config(write(LLAMA | {"model_type": "lama"}))
    assert "llama" in caught.value.suggestions


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b"hidden_size: 64", "is not valid JSON"),
        (b'{"hidden_size": NaN}', "NaN is no number that JSON knows"),
        (b'{"hidden_size": -Infinity}', "-Infinity is no number that JSON knows"),
        (b"\xff\xfe\xfa", "is not valid JSON"),
        (b"[1, 2]", "holds list, but a config is a JSON object"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"hidden_size": ' + b"9" * 5000 + b"}", "is not valid JSON"),
        (b" " * (CONFIG_LIMIT_BYTES + 1), "has 10000001 bytes; a config has at most 10000000"),
    ],
)
def test_file_that_is_no_config(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_config(path)
    assert (caught.value.field, caught.value.suggestions) == ("model", ())


def test_path_that_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not exist; give a config\.json, its folder, or a model's name"):
        read_config(tmp_path / "config.json")


def test_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder without config.json"):
        architecture(tmp_path)


def test_infinite_number_is_no_size(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA).replace('"hidden_size": 64', '"hidden_size": 1e999'), encoding="utf-8")
    with pytest.raises(ModelError, match="hidden_size is inf"):
        read_config(path)
