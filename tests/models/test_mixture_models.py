"""Mixtures of experts: counts as published and worked by hand, windows, interleaved layers, packed weights."""

from __future__ import annotations

from typing import Any

import pytest

from gpuplan_models import Architecture, ModelError, architecture
from gpuplan_models.config import build
from gpuplan_models.fields import Fields

# Totals of the safetensors files on Hugging Face, written down here again; gpt-oss's are packed: its model card rounds.
PUBLISHED = {
    "deepseek-moe-16b": 16_375_728_128,
    "deepseek-v2-lite": 15_706_484_224,
    "deepseek-v2": 235_741_434_880,
    "mixtral-8x22b": 140_620_634_112,
    "mixtral-8x22b-instruct": 140_630_071_296,
    "qwen1.5-moe-a2.7b": 14_315_784_192,
    "qwen2-57b-a14b": 57_408_658_944,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-30b-a3b-2507": 30_532_122_624,
    "qwen3-coder-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "qwen3-235b-a22b-2507": 235_093_634_560,
    "qwen3-coder-480b-a35b": 480_154_875_392,
    "glm-4.5-air": 110_468_824_832,
    "glm-4.5": 358_337_791_296,
}

SMALL = {
    "vocab_size": 100,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "num_hidden_layers": 4,
    "max_position_embeddings": 64,
    "num_experts_per_tok": 2,
}
QWEN3 = SMALL | {
    "model_type": "qwen3_moe",
    "head_dim": 4,
    "intermediate_size": 16,
    "moe_intermediate_size": 6,
    "num_experts": 4,
}


def read(config: dict[str, Any]) -> Architecture:
    return build(Fields(config, "x/config.json"), name="x", basis="", source="")


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_count_equals_the_published_one(name: str, parameters: int) -> None:
    found = architecture(name)
    assert found.parameters + found.mtp_parameters == parameters


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        # gpt-oss's model card, arXiv 2508.10925, table 1; it leaves the embedding out of the active ones.
        ("gpt-oss-20b", 20.91, 3.61),
        ("gpt-oss-120b", 116.83, 5.13),
    ],
)
def test_gpt_oss_model_card(name: str, total: float, active: float) -> None:
    found = architecture(name)
    assert round(found.parameters / 1e9, 2) == total
    assert round((found.active_parameters - found.embedding_parameters) / 1e9, 2) == active


def test_gpt_oss_20b_by_hand() -> None:
    # h 2880, 64 heads and 8 key-value heads of 64, 32 experts of width 2880, V 201088, 24 layers, biases everywhere
    # q_proj 2880 x 4096 + 4096 = 11,800,576     k_proj, v_proj 2880 x 512 + 512 = 1,475,072 each
    # o_proj 4096 x 2880 + 2880 = 11,799,360     sinks 64     norms 2 x 2880 = 5,760     attention 26,555,904 in all
    # router 2880 x 32 + 32 = 92,192
    # expert 2880 x 5760 + 5760 + 2880 x 2880 + 2880 = 24,891,840; 32 of them 796,538,880
    # a layer 26,555,904 + 92,192 + 796,538,880 = 823,186,976
    # all 24 x 823,186,976 + 2 x 201088 x 2880 + 2880 = 19,756,487,424 + 1,158,266,880 + 2,880 = 20,914,757,184
    found = architecture("gpt-oss-20b")
    local, full = found.layers
    assert local.parameters == full.parameters == 823_186_976
    assert local.norm_parameters == 5_760 + 64
    assert local.expert_parameters == 796_538_880
    assert found.parameters == 20_914_757_184
    assert (local.mlp_width, local.routed_experts, local.experts_per_token) == (4 * 2880, 32, 4)


def test_gpt_oss_layers_alternate() -> None:
    found = architecture("gpt-oss-120b")
    assert [(kind.name, kind.count, kind.attention.window_tokens) for kind in found.layers] == [
        ("moe-local", 18, 128),
        ("moe", 18, None),
    ]
    assert found.stack == (0, 1) * 18


def test_gpt_oss_is_published_packed() -> None:
    # Expert matrices 24 x 32 x (2880 x 5760 + 2880 x 2880) = 19,110,297,600 at 4.25 bit = 10,152,345,600 bytes,
    # the other 1,804,459,584 parameters at 16 bit = 3,608,919,168 bytes: the 13.76 GB of openai/gpt-oss-20b's files.
    found = architecture("gpt-oss-20b")
    assert sum(kind.count * kind.expert_matrix_parameters for kind in found.layers) == 19_110_297_600
    assert found.published_bytes == 13_761_264_768


def test_published_bytes_without_packing() -> None:
    assert architecture("deepseek-v3").published_bytes == 671_026_419_200
    assert architecture("mixtral-8x22b").published_bytes == 2 * 140_620_634_112


def test_qwen2_moe_by_hand() -> None:
    # Qwen1.5-MoE: h 2048, 16 heads of 128, 60 experts of 1408, one shared of 5632 with a gate, V 151936, 24 layers
    # q, k, v 3 x (2048 x 2048 + 2048) = 12,589,056     o 2048 x 2048 = 4,194,304     norms 4,096
    # router 2048 x 60 = 122,880     experts 60 x 3 x 2048 x 1408 = 519,045,120
    # shared 3 x 2048 x 5632 = 34,603,008     its gate 2,048
    # a layer 570,560,512; all 24 x 570,560,512 + 2 x 151936 x 2048 + 2048 = 14,315,784,192
    found = architecture("qwen1.5-moe-a2.7b")
    (layer,) = found.layers
    assert layer.parameters == 570_560_512
    assert layer.mlp_width == 4 * 1408 + 5632
    # A token leaves 56 experts of 8,650,752 in every layer: 2.69 G, of which 2.38 G without the embedding.
    assert found.active_parameters == 14_315_784_192 - 24 * 56 * 8_650_752 == 2_689_173_504


def test_phimoe_by_hand() -> None:
    # h 4096, 32 heads and 8 key-value heads of 128, 16 experts of 6400, V 32064, 32 layers
    # q, o 2 x (4096 x 4096 + 4096), k, v 2 x (4096 x 1024 + 1024) = 41,953,280     two LayerNorms 4 x 4096 = 16,384
    # router 65,536     experts 16 x 3 x 4096 x 6400 = 1,258,291,200     a layer 1,300,326,400
    # all 32 x 1,300,326,400 + 2 x 32064 x 4096 + 32064 (the head's bias) + 2 x 4096 = 41,873,153,344
    found = architecture("phi-3.5-moe")
    (layer,) = found.layers
    assert layer.parameters == 1_300_326_400
    assert (found.extra_head_parameters, found.final_norm_parameters) == (32_064, 8_192)
    assert found.parameters == 41_873_153_344


def test_v2_lite_has_full_rank_queries() -> None:
    dense, moe = architecture("deepseek-v2-lite").layers
    assert [linear.name for linear in dense.linears[:4]] == ["q_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"]
    assert (dense.count, moe.count, moe.routed_experts, moe.experts_per_token) == (1, 26, 64, 6)
    # Norms 2 x 2048 and the 512 of the latent keys and values; V2's router has no correction bias.
    assert moe.norm_parameters == 4_608
    assert next(linear for linear in moe.linears if linear.part == "router").parameters == 64 * 2048


def test_v3_is_r1_in_shape() -> None:
    v3, r1 = architecture("deepseek-ai/DeepSeek-V3-0324"), architecture("r1")
    assert v3.name == "deepseek-v3"
    assert (v3.layers, v3.mtp_parameters, v3.native_weights) == (r1.layers, r1.mtp_parameters, r1.native_weights)


def test_mtp_of_glm_by_hand() -> None:
    # A MoE layer: q 4096 x 12288 + 12288, k and v 4096 x 1024 + 1024 each, o 12288 x 4096: 109,066,240; norms 8,192;
    # router 4096 x 128 + 128 = 524,416; 129 experts of 3 x 4096 x 1408 = 17,301,504: 2,231,894,016 -> 2,341,492,864
    # module: + eh_proj 2 x 4096 x 4096 + norms 3 x 4096 + 2 x 151552 x 4096 = 33,554,432 + 12,288 + 1,241,513,984
    found = architecture("glm-4.5-air")
    assert found.layers[1].parameters == 2_341_492_864
    assert found.mtp_parameters == 2_341_492_864 + 33_554_432 + 12_288 + 1_241_513_984 == 3_616_573_568


def test_dense_layers_among_sparse_ones() -> None:
    found = read(QWEN3 | {"decoder_sparse_step": 2, "mlp_only_layers": [3]})
    assert [(kind.name, kind.count) for kind in found.layers] == [("dense", 3), ("moe", 1)]
    assert found.stack == (0, 1, 0, 0)
    assert [kind.mlp_width for kind in found.layers] == [16, 2 * 6]


def test_mixtral_with_a_window() -> None:
    mixtral = SMALL | {"model_type": "mixtral", "intermediate_size": 16, "num_local_experts": 4, "sliding_window": 32}
    (layer,) = read(mixtral).layers
    assert (layer.name, layer.attention.window_tokens) == ("moe", 32)


@pytest.mark.parametrize("name", ["gpt-oss-20b", "qwen3-30b-a3b", "deepseek-v2", "glm-4.5-air", "qwen1.5-moe-a2.7b"])
def test_router_is_not_adapted(name: str) -> None:
    for kind in architecture(name).layers:
        assert all(linear.part != "router" for linear in kind.adapted_linears("all-linear"))


def test_adapters_of_gpt_oss_experts() -> None:
    # Rank 8: gate and up are one matrix, 8 x (2880 + 5760), down 8 x (2880 + 2880); 32 experts.
    kind = architecture("gpt-oss-20b").layers[0]
    assert kind.adapter_expert_parameters(8, "all-linear") == 32 * 8 * (8640 + 5760)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mlp_only_layers": "none"}, "mlp_only_layers is none .*list of layer indices"),
        ({"mlp_only_layers": [True]}, "mlp_only_layers is .*list of layer indices"),
        ({"use_sliding_window": True}, "use_sliding_window is true .*only false"),
        ({"num_experts_per_tok": 5}, "num_experts_per_tok is 5 .*at most num_experts, which is 4"),
        ({"decoder_sparse_step": 0}, "decoder_sparse_step is 0"),
        ({"moe_intermediate_size": None}, "moe_intermediate_size is None"),
    ],
)
def test_wrong_config_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read(QWEN3 | change)


@pytest.mark.parametrize(
    ("name", "tensor_parallel", "expert_parallel"),
    [
        ("gpt-oss-120b", [1, 2, 4, 8], [1, 2, 4, 8, 16]),
        ("qwen3-30b-a3b", [1, 2, 4], [1, 2, 4, 8, 16]),
        ("qwen2-57b-a14b", [1, 2, 4], [1, 2, 4, 8, 16]),
        ("qwen1.5-moe-a2.7b", [1, 2, 4, 8, 16], [1, 2, 4]),
        ("deepseek-v2", [1, 2, 4, 8, 16], [1, 2, 4, 8, 16]),
    ],
)
def test_parallel_degrees(name: str, tensor_parallel: list[int], expert_parallel: list[int]) -> None:
    found, degrees = architecture(name), [1, 2, 4, 8, 16]
    assert [degree for degree in degrees if found.tensor_parallel_divides(degree)] == tensor_parallel
    assert [degree for degree in degrees if found.expert_parallel_divides(degree)] == expert_parallel
