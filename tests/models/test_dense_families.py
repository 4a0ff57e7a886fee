"""Dense families beside Llama's: counts worked by hand, sliding windows, and configs that leave fields out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpuplan_models import AttentionCore, ModelError, architecture, check_targets, read_config

Read = Callable[[dict[str, Any]], Any]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(config: dict[str, Any]) -> Any:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return read_config(path)

    return read


MISTRAL = {
    "model_type": "mistral",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "num_hidden_layers": 6,
    "max_position_embeddings": 2048,
    "vocab_size": 100,
}


@pytest.mark.parametrize(
    ("window", "causal", "sequence", "share"),
    [
        (None, True, 4096, 1),
        (4096, True, 4096, 1),
        (8192, True, 4096, 1),
        # The first 250 of 1000 queries see 250^2 / 2 keys together, the other 750 see 250 each: 31,250 + 187,500 of 500,000.
        (250, True, 1000, 0.4375),
        (500, True, 1000, 0.75),  # (2 x 500 x 1000 - 500^2) / 1000^2
        (None, False, 4096, 2),  # every query sees every key
        (250, False, 1000, 0.875),
    ],
)
def test_share_of_pairs(window: int | None, causal: bool, sequence: int, share: float) -> None:
    core = AttentionCore(8, 8, 64, 64, window_tokens=window, causal=causal)
    assert core.pair_share(sequence) == share


def test_share_of_pairs_is_the_limit_of_counting_them() -> None:
    # Counted one by one: query i sees min(i, w) keys, its own included; the formula leaves out half of the diagonal.
    s, w = 4000, 700
    counted = sum(min(i, w) for i in range(1, s + 1))
    core = AttentionCore(8, 8, 64, 64, window_tokens=w)
    assert core.pair_share(s) == pytest.approx(counted / (s * s / 2), rel=1e-3)


def test_qwen3_by_hand() -> None:
    # h 4096, 32 heads and 8 key-value heads of 128, f 12288: q, o 4096 x 4096 = 16,777,216 each; k, v 4,194,304 each;
    # MLP 3 x 50,331,648 = 150,994,944; norms 2 x 4096 + 2 x 128 (queries and keys): 192,946,432 a layer
    # all 36 x 192,946,432 + 2 x 151936 x 4096 + 4096 = 8,190,735,360
    (layer,) = architecture("qwen3-8b").layers
    assert layer.norm_parameters == 8_448
    assert layer.parameters == 192_946_432
    assert architecture("qwen3-8b").parameters == 8_190_735_360


def test_gemma2_by_hand() -> None:
    # h 2304, 8 heads and 4 key-value heads of 256, f 9216: q, o 2304 x 2048 = 4,718,592 each; k, v 2,359,296 each;
    # MLP 3 x 21,233,664 = 63,700,992; four norms 9,216: 77,865,984 a layer
    # all 26 x 77,865,984 + 256000 x 2304 (tied) + 2304 = 2,614,341,888
    found = architecture("gemma-2-2b")
    local, whole = found.layers
    assert local.parameters == whole.parameters == 77_865_984
    assert (local.name, local.count, local.attention.window_tokens) == ("dense-local", 13, 4096)
    assert (whole.name, whole.count, whole.attention.window_tokens) == ("dense", 13, None)
    assert found.stack == (0, 1) * 13
    assert found.head_parameters == 0


def test_gemma3_by_hand() -> None:
    # h 1152, 4 heads and 1 key-value head of 256, f 6912: q, o 1,179,648 each; k, v 294,912 each; MLP 3 x 7,962,624;
    # four norms 4,608 and 2 x 256 for queries and keys: 26,842,112 a layer
    # all 26 x 26,842,112 + 262144 x 1152 + 1152 = 999,885,952
    found = architecture("gemma-3-1b")
    local, whole = found.layers
    assert local.parameters == whole.parameters == 26_842_112
    assert (local.count, local.attention.window_tokens, whole.count) == (22, 512, 4)
    assert found.stack == (0, 0, 0, 0, 0, 1) * 4 + (0, 0)


def test_gemma3_of_a_multimodal_config_takes_what_its_class_has_for_missing_fields(read: Read) -> None:
    text = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34}
    found = read({"model_type": "gemma3", "text_config": text | {"sliding_window": 1024}, "vision_config": {}})
    assert found.layers == architecture("gemma-3-4b").layers
    assert found.parameters == architecture("gemma-3-4b").parameters == 3_880_263_168
    assert found.max_sequence_length == 131_072


def test_phi3_by_hand() -> None:
    # h 5120, 40 heads and 10 key-value heads of 128, f 17920: qkv_proj 5120 x (5120 + 2 x 1280) = 39,321,600;
    # o_proj 26,214,400; gate_up_proj 5120 x 35840 = 183,500,800; down_proj 91,750,400; norms 10,240: 340,797,440 a layer
    # all 40 x 340,797,440 + 2 x 100352 x 5120 + 5120 = 14,659,507,200
    found = architecture("phi-4")
    (layer,) = found.layers
    assert layer.parameters == 340_797_440
    assert found.parameters == 14_659_507_200
    assert layer.mlp_width == 17920
    assert [degree for degree in (1, 2, 4, 5, 8, 10) if found.tensor_parallel_divides(degree)] == [1, 2, 5, 10]


def test_lora_on_all_linears_of_phi3_adapts_the_fused_ones() -> None:
    # qkv 16 (5120 + 7680), o 16 (5120 + 5120), gate_up 16 (5120 + 35840), down 16 (17920 + 5120)
    (layer,) = architecture("phi-4").layers
    assert layer.adapter_parameters(16, "all-linear") == 16 * (12_800 + 10_240 + 40_960 + 23_040)
    with pytest.raises(ModelError, match=r"'q_proj', which this model does not have; use .* qkv_proj"):
        check_targets(architecture("phi-4"), "q_proj")


def test_gpt3_by_hand() -> None:
    # h 12288: c_attn h x 3h + 3h, c_proj h x h + h, c_fc h x 4h + 4h, c_proj 4h x h + h; two norms of 2h:
    # 12 h^2 + 13 h = 1,812,099,072 a layer, 96 of them; embedding 50257 h, positions 2048 h, final norm 2h
    found = architecture("gpt-3-175b")
    (layer,) = found.layers
    assert layer.parameters == 1_812_099_072
    assert not layer.gated
    assert layer.mlp_width == 4 * 12288
    assert (found.extra_embedding_parameters, found.final_norm_parameters) == (2048 * 12288, 2 * 12288)
    assert found.parameters == 96 * 1_812_099_072 + 50257 * 12288 + 2048 * 12288 + 2 * 12288 == 174_604_259_328
    assert (found.hidden_size, found.max_sequence_length, found.tied_embeddings) == (12288, 2048, True)


def test_bert_by_hand() -> None:
    # h 768, f 3072: query, key, value, output 768 x 768 + 768 each, 768 x 3072 + 3072, 3072 x 768 + 768, two norms of 2h
    layer = 4 * 590_592 + 2_362_368 + 2_360_064 + 3_072
    # embedding 30522 h, positions 512 h, types 2 h, norm 2 h
    embedding = (30522 + 512 + 2 + 2) * 768
    # pooler h x h + h, next sentence 2h + 2; transform h x h + h with a norm of 2h, bias of the vocabulary's logits
    heads = 590_592 + 1_538 + 590_592 + 1_536 + 30_522
    found = architecture("bert-base")
    (kind,) = found.layers
    assert kind.parameters == layer == 7_087_872
    assert found.embedding_parameters == embedding
    assert found.extra_head_parameters == heads
    assert found.parameters == 12 * layer + embedding + heads == 110_106_428
    assert not kind.attention.causal
    assert kind.mlp_width == 3072


def test_a_name_takes_every_path_that_ends_with_it() -> None:
    # As PEFT's target_modules: "dense" are the two output projections and the one into the MLP.
    (layer,) = architecture("bert-base").layers
    names = [linear.name for linear in layer.adapted_linears("dense")]
    assert names == ["attention.output.dense", "intermediate.dense", "output.dense"]
    assert [linear.name for linear in layer.adapted_linears("output.dense")] == [names[0], names[2]]
    with pytest.raises(ModelError, match="'ense', which this model does not have"):
        layer.adapted_linears("ense")


@pytest.mark.parametrize(
    ("changes", "windows"),
    [
        ({}, {"dense": None}),
        ({"sliding_window": None}, {"dense": None}),
        ({"sliding_window": 512}, {"dense": 512}),
        ({"model_type": "qwen2", "sliding_window": 512, "use_sliding_window": False}, {"dense": None}),
        (
            {"model_type": "qwen2", "sliding_window": 512, "use_sliding_window": True, "max_window_layers": 2},
            {"dense": None, "dense-local": 512},
        ),
        ({"model_type": "phi3", "sliding_window": 2047}, {"dense": 2047}),
        (
            {"model_type": "gemma2", "layer_types": ["full_attention"] * 5 + ["sliding_attention"]},
            {"dense": None, "dense-local": 4096},
        ),
    ],
)
def test_windows_of_a_config(read: Read, changes: dict[str, Any], windows: dict[str, int | None]) -> None:
    found = read(MISTRAL | changes)
    assert {kind.name: kind.attention.window_tokens for kind in found.layers} == windows
    assert found.layer_count == len(found.stack) == 6


def test_stack_of_kinds_that_follow_each_other(read: Read) -> None:
    window = {"sliding_window": 512, "use_sliding_window": True, "max_window_layers": 2}
    assert read(MISTRAL | {"model_type": "qwen2"} | window).stack == (0, 0, 1, 1, 1, 1)
    assert read(MISTRAL).stack == (0,) * 6


@pytest.mark.parametrize("words", ["full_attention", ["full_attention"], ["full_attention"] * 5 + ["chunked"], [1] * 6])
def test_wrong_layer_types_are_named(read: Read, words: object) -> None:
    with pytest.raises(ModelError, match=r"layer_types is .*a list of 6 words.*sliding_attention") as caught:
        read(MISTRAL | {"model_type": "gemma2", "layer_types": words})
    assert caught.value.field == "layer_types"


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"model_type": "gpt2", "n_embd": 64, "n_head": 6}, "n_embd", "is 64 .* multiple of n_head, which is 6"),
        ({"model_type": "gpt2", "n_head": 4}, "n_embd", "n_embd is missing"),
        (MISTRAL | {"model_type": "bert", "num_attention_heads": 7}, "hidden_size", "multiple of num_attention_heads"),
        (MISTRAL | {"sliding_window": 0}, "sliding_window", "sliding_window is 0"),
        (MISTRAL | {"model_type": "qwen3", "use_sliding_window": True}, "max_window_layers", "is missing"),
    ],
)
def test_wrong_field_of_a_dense_family_is_named(read: Read, config: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read(config)
    assert caught.value.field == field
