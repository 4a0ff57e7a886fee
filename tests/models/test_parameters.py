"""Parameter counts, worked by hand and as published."""

import pytest

from gpuplan_models import architecture

# Totals of the safetensors files on Hugging Face, written down here again: the data files must not vouch for themselves.
PUBLISHED = {
    "deepseek-r1-distill-qwen-1.5b": 1_777_088_000,
    "deepseek-r1-distill-qwen-7b": 7_615_616_512,
    "deepseek-r1-distill-qwen-14b": 14_770_033_664,
    "deepseek-r1-distill-qwen-32b": 32_763_876_352,
    "deepseek-r1-distill-llama-8b": 8_030_261_248,
    "deepseek-r1-distill-llama-70b": 70_553_706_496,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "llama-3.3-70b": 70_553_706_496,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-3b": 3_085_938_688,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-32b": 32_763_876_352,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-0.6b": 751_632_384 - 151_936 * 1024,  # the files hold the tied embedding twice
    "qwen3-1.7b": 2_031_739_904 - 151_936 * 2048,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
    "qwen3-14b": 14_768_307_200,
    "qwen3-32b": 32_762_123_264,
    # The files of Llama 2 hold the rotary frequencies too, 64 a layer.
    "llama-2-7b": 6_738_417_664 - 32 * 64,
    "llama-2-13b": 13_015_866_880 - 40 * 64,
    "llama-2-70b": 68_976_653_312 - 80 * 64,
    "mistral-7b-v0.1": 7_241_732_096,
    "mistral-7b": 7_248_023_552,
    "mistral-nemo-12b": 12_247_782_400,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "gemma-2-27b": 27_227_128_320,
    "gemma-3-1b": 999_885_952,
    "phi-3-mini": 3_821_079_552,
    "phi-4": 14_659_507_200,
    "phi-4-mini": 3_836_021_760,
    "bert-base": 110_106_428,
    "mixtral-8x7b": 46_702_792_704,
    "deepseek-r1": 671_026_419_200,
}


# The files of Gemma 3 from 4B up hold an image tower of 27 layers (SigLIP, width 1152, MLP 4304) as well: a layer 4 (1152^2 + 1152)
# + 2 x 1152 x 4304 + 4304 + 1152 + 4 x 1152 = 15,239,504; patches of 14 x 14 x 3 and a bias 678,528; 4096 positions of 1152; a norm
# of 2 x 1152. Then a norm of 1152 and a projection of 1152 x h.
TOWER = 27 * 15_239_504 + 678_528 + 4096 * 1152 + 2 * 1152 + 1152


@pytest.mark.parametrize(
    ("name", "published", "hidden"),
    [
        ("gemma-3-4b", 4_300_079_472, 2560),
        ("gemma-3-12b", 12_187_325_040, 3840),
        ("gemma-3-27b", 27_432_406_640, 5376),
    ],
)
def test_language_model_of_gemma3_is_the_rest_of_the_files(name: str, published: int, hidden: int) -> None:
    assert architecture(name).parameters == published - TOWER - 1152 * hidden


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_count_equals_the_published_one(name: str, parameters: int) -> None:
    assert architecture(name).parameters == parameters


def test_qwen_7b_by_hand() -> None:
    # h 3584, head_dim 3584 / 28 = 128, key-value width 4 x 128 = 512, f 18944, V 152064, 28 layers
    # q_proj    3584 x  3584 + 3584 = 12,848,640
    # k_proj    3584 x   512 +  512 =  1,835,520, and v_proj the same
    # o_proj    3584 x  3584        = 12,845,056
    # gate, up, down: 3 x 3584 x 18944 = 203,685,888
    # two norms 2 x 3584            =      7,168
    # a layer   12,848,640 + 2 x 1,835,520 + 12,845,056 + 203,685,888 + 7,168 = 233,057,792
    # all       28 x 233,057,792 + 2 x 152064 x 3584 (embedding, head) + 3584 (norm)
    #           = 6,525,618,176 + 1,089,994,752 + 3,584 = 7,615,616,512
    found = architecture("deepseek-r1-distill-qwen-7b")
    (layer,) = found.layers
    assert layer.parameters == layer.active_parameters == 233_057_792
    assert layer.norm_parameters == 7_168
    assert found.embedding_parameters == found.head_parameters == 544_997_376
    assert found.parameters == 7_615_616_512
    assert (layer.query_width, layer.key_value_width, layer.mlp_width) == (3584, 512, 18944)
    assert (found.routed_experts, found.expert_parameters, found.mtp_parameters) == (0, 0, 0)


def test_r1_by_hand() -> None:
    # h 7168, V 129280, 61 layers of which 3 dense, 128 heads of 128 + 64 (query, key) and 128 (value)
    # q_a_proj 7168 x 1536 = 11,010,048       q_b_proj  1536 x 128 x 192 = 37,748,736
    # kv_a_proj_with_mqa 7168 x 576 = 4,128,768   kv_b_proj 512 x 128 x 256 = 16,777,216
    # o_proj 16384 x 7168 = 117,440,512       together 187,105,280
    # norms 2 x 7168 + 1536 + 512 = 16,384
    # dense layer 187,105,280 + 16,384 + 3 x 7168 x 18432 = 187,121,664 + 396,361,728 = 583,483,392
    # expert 3 x 7168 x 2048 = 44,040,192; router 7168 x 256 + 256 (e_score_correction_bias) = 1,835,264
    # MoE layer 187,121,664 + 257 x 44,040,192 + 1,835,264 = 11,507,286,272
    # main model 3 x 583,483,392 + 58 x 11,507,286,272 + 2 x 129280 x 7168 + 7168
    #          = 1,750,450,176 + 667,422,603,776 + 1,853,358,080 + 7,168 = 671,026,419,200
    found = architecture("deepseek-r1")
    dense, moe = found.layers
    assert (dense.name, dense.count, moe.name, moe.count) == ("dense", 3, "moe", 58)
    assert dense.parameters == 583_483_392
    assert moe.parameters == 11_507_286_272
    assert moe.expert_parameters == 256 * 44_040_192
    assert found.parameters == 671_026_419_200
    # A token passes through 8 of the 256 experts: 58 x 248 x 44,040,192 parameters fewer.
    assert found.active_parameters == 671_026_419_200 - 58 * 248 * 44_040_192 == 37_552_297_472
    # DeepSeek counts 36.6 G: without the embedding, of which a token reads one row.
    assert round((found.active_parameters - found.embedding_parameters) / 1e9, 1) == 36.6


def test_r1_checkpoint_with_multi_token_prediction() -> None:
    # MTP module: a MoE layer, eh_proj 2 x 7168 x 7168 = 102,760,448, norms 3 x 7168, copies of embedding and head
    # 11,507,286,272 + 102,760,448 + 21,504 + 1,853,358,080 = 13,463,426,304
    found = architecture("deepseek-r1")
    assert found.mtp_parameters == 13_463_426_304
    # The checkpoint has BF16 3,918,786,560, F8_E4M3 680,571,043,840 and F32 41,555,600; of the last, 59 x 256 are the
    # routers' correction biases and the rest scales of 128 x 128 blocks, which are no parameters.
    scales = 41_555_600 - 59 * 256
    assert found.parameters + found.mtp_parameters == 3_918_786_560 + 680_571_043_840 + 41_555_600 - scales


def test_mixtral_by_hand() -> None:
    # attention 2 x 4096 x 4096 + 2 x 4096 x 1024 = 41,943,040; router 4096 x 8 = 32,768; norms 8,192
    # experts 8 x 3 x 4096 x 14336 = 1,409,286,144; a layer 1,451,270,144
    # all 32 x 1,451,270,144 + 2 x 32000 x 4096 + 4096 = 46,702,792,704; a token: 6 experts of 176,160,768 fewer a layer
    found = architecture("mixtral-8x7b")
    (layer,) = found.layers
    assert layer.parameters == 1_451_270_144
    assert found.active_parameters == 46_702_792_704 - 32 * 6 * 176_160_768 == 12_879_925_248
    assert layer.mlp_width == 2 * 14336
    assert (layer.routed_experts, layer.experts_per_token) == (8, 2)


def test_widths_of_latent_attention() -> None:
    dense, moe = architecture("deepseek-r1").layers
    assert dense.attention.kv_heads == dense.attention.heads == 128
    assert dense.query_width == 128 * 192
    assert dense.key_value_width == 128 * (192 + 128) / 2
    assert (dense.mlp_width, moe.mlp_width) == (18432, 8 * 2048 + 2048)


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("deepseek-r1-distill-qwen-1.5b", [1, 2], [3, 4, 8]),  # 12 heads, 2 key-value heads
        ("deepseek-r1-distill-qwen-7b", [1, 2, 4], [7, 8]),  # 28 heads, 4 key-value heads
        ("llama-3.1-70b", [1, 2, 4, 8], [3, 16]),  # 64 heads, 8 key-value heads
        ("deepseek-r1", [1, 2, 4, 8, 16, 64, 128], [0, 3, 256]),  # 128 heads, no groups
    ],
)
def test_tensor_parallel_degrees(name: str, allowed: list[int], refused: list[int]) -> None:
    found = architecture(name)
    assert [degree for degree in allowed + refused if found.tensor_parallel_divides(degree)] == allowed


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("deepseek-r1", [1, 2, 8, 32, 64, 256], [0, 3, 512]),
        ("mixtral-8x7b", [1, 2, 4, 8], [3, 16]),
        ("llama-3.1-8b", [1], [2, 8]),
    ],
)
def test_expert_parallel_degrees(name: str, allowed: list[int], refused: list[int]) -> None:
    found = architecture(name)
    assert [degree for degree in allowed + refused if found.expert_parallel_divides(degree)] == allowed
