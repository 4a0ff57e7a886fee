"""LoRA parameters, worked by hand, and the names that may be adapted."""

import pytest

from gpuplan_models import ModelError, architecture, check_targets

RANK = 16


def test_llama_8b_on_all_linear_layers() -> None:
    # q, o 16 x (4096 + 4096) = 131,072 each; k, v 16 x (4096 + 1024) = 81,920 each
    # gate, up, down 16 x (4096 + 14336) = 294,912 each; a layer 1,310,720; 32 layers 41,943,040
    found = architecture("llama-3.1-8b")
    (layer,) = found.layers
    assert layer.adapter_parameters(RANK, "all-linear") == 1_310_720
    assert layer.adapter_expert_parameters(RANK, "all-linear") == 0
    assert found.adapter_parameters(RANK, "all-linear") == 41_943_040


def test_llama_8b_on_some_layers() -> None:
    (layer,) = architecture("llama-3.1-8b").layers
    assert layer.adapter_parameters(RANK, "attention") == 2 * 131_072 + 2 * 81_920
    assert layer.adapter_parameters(RANK, ("q_proj", "v_proj")) == 131_072 + 81_920
    assert layer.adapter_parameters(RANK, "q_proj") == 131_072
    # A linear is adapted once, however often it is named.
    assert layer.adapter_parameters(RANK, ["attention", "q_proj", "q_proj"]) == 2 * 131_072 + 2 * 81_920


def test_r1_on_all_linear_layers() -> None:
    # q_a 16 x (7168 + 1536) = 139,264   q_b 16 x (1536 + 24576) = 417,792   kv_a 16 x (7168 + 576) = 123,904
    # kv_b 16 x (512 + 32768) = 532,480   o 16 x (16384 + 7168) = 376,832   together 1,590,272
    # dense MLP 3 x 16 x (7168 + 18432) = 1,228,800
    # one expert 3 x 16 x (7168 + 2048) = 442,368: 256 routed ones 113,246,208, the shared one 442,368
    # 3 x (1,590,272 + 1,228,800) + 58 x (1,590,272 + 442,368 + 113,246,208) = 6,694,630,400
    found = architecture("deepseek-r1")
    dense, moe = found.layers
    assert dense.adapter_parameters(RANK, "all-linear") == 2_819_072
    assert moe.adapter_expert_parameters(RANK, "all-linear") == 113_246_208
    assert moe.adapter_parameters(RANK, "all-linear") == 115_278_848
    assert found.adapter_parameters(RANK, "all-linear") == 6_694_630_400


def test_r1_without_its_experts() -> None:
    _, moe = architecture("deepseek-r1").layers
    assert moe.adapter_parameters(RANK, "all-linear-except-experts") == 1_590_272 + 442_368
    assert moe.adapter_expert_parameters(RANK, "all-linear-except-experts") == 0
    assert moe.adapter_parameters(RANK, "attention") == 1_590_272


def test_a_name_takes_routed_and_shared_experts() -> None:
    _, moe = architecture("deepseek-r1").layers
    assert moe.adapter_parameters(RANK, "up_proj") == 257 * 147_456
    assert moe.adapter_expert_parameters(RANK, "up_proj") == 256 * 147_456


def test_mixtral_adapts_its_experts_but_not_its_router() -> None:
    (layer,) = architecture("mixtral-8x7b").layers
    names = [linear.name for linear in layer.adapted_linears("all-linear")]
    assert names == ["q_proj", "k_proj", "v_proj", "o_proj", "w1", "w3", "w2"]


@pytest.mark.parametrize("targets", ["all-linear", "attention", ["q_proj", "down_proj"], ("o_proj",)])
def test_known_targets_pass(targets: str | list[str]) -> None:
    check_targets(architecture("llama-3.1-8b"), targets)


def test_mistyped_target_offers_close_matches() -> None:
    with pytest.raises(ModelError, match="lora_targets names 'q_porj'") as caught:
        check_targets(architecture("llama-3.1-8b"), ["q_porj", "v_proj"])
    assert (caught.value.field, caught.value.value) == ("lora_targets", "q_porj")
    assert caught.value.suggestions[0] == "q_proj"
    assert "Did you mean q_proj" in str(caught.value)


def test_target_of_another_family_is_refused() -> None:
    with pytest.raises(ModelError, match="'w1', which this model does not have"):
        check_targets(architecture("llama-3.1-8b"), "w1")


def test_router_is_refused() -> None:
    with pytest.raises(ModelError, match="'gate', a router"):
        architecture("mixtral-8x7b").layers[0].adapter_parameters(RANK, "gate")


def test_no_target_is_refused() -> None:
    with pytest.raises(ModelError, match="lora_targets is empty"):
        check_targets(architecture("llama-3.1-8b"), [])


@pytest.mark.parametrize("rank", [0, -8])
def test_rank_must_be_positive(rank: int) -> None:
    with pytest.raises(ModelError, match=f"lora_rank is {rank}; it must be an integer of at least 1"):
        architecture("llama-3.1-8b").adapter_parameters(rank, "all-linear")
