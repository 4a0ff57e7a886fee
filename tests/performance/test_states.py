"""Weights, gradients, optimizer states and their traffic by hand, for each ZeRO stage; sizes from `performance.toy`.

The dense model has 8 layers of 9,002,000 parameters, embedding and head of 10 M and a final norm of 1,000: N = 92,017,000.
The mixture has, of each layer, 3,018,000 parameters beside 24 M in 16 experts.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpuplan.performance.constants import use_constants
from gpuplan.performance.states import States
from gpuplan_models import Architecture, architecture
from performance.toy import DENSE, MLA, MODEL, MOE, NODE, TIED, about, held, round_constants, work

pytestmark = pytest.mark.usefixtures("toy_constants")


def model_states(found: States, stage: int = 0) -> tuple[float, float, float]:
    parts = (found.weights_bytes, found.gradients_bytes, found.optimizer_bytes)
    return tuple(float(part[0, stage]) for part in parts)  # type: ignore[return-value]  # three parts


def test_full_training_on_one_gpu_takes_16_bytes_a_parameter() -> None:
    # torch FSDP: fp32 weight, gradient and two moments.
    found = held(work(), "torch-fsdp")
    assert model_states(found) == about((4 * MODEL, 4 * MODEL, 8 * MODEL))
    assert found.held_bytes[0, 0] == about(16 * 92_017_000 + 1e9)


@pytest.mark.parametrize(
    ("zero", "expected"),
    [
        (0, (4, 4, 8)),
        # Gradients stay whole while micro-batches accumulate.
        (2, (4, 4, 2)),
        (3, (1, 1, 2)),
    ],
)
def test_zero_stages_of_torch_over_four_ranks(zero: int, expected: tuple[float, float, float]) -> None:
    found = held(work(), "torch-fsdp", data=4, zero=zero)
    assert model_states(found) == about(tuple(share * MODEL for share in expected))


def test_distributed_optimizer_of_megatron_shares_moments_and_master() -> None:
    # 2 + 4 + 12 bytes, the 12 over four ranks.
    assert model_states(held(work(), data=4)) == about((2 * MODEL, 4 * MODEL, 12 * MODEL))
    assert model_states(held(work(), data=4, zero=1)) == about((2 * MODEL, 4 * MODEL, 3 * MODEL))


def test_tensor_parallelism_cuts_matrices_and_vocabulary_but_no_norms() -> None:
    # t = 2: 8 x (9 M / 2 + 2,000) + 20 M / 2 + 1,000 = 46,017,000.
    assert model_states(held(work(), tensor=2))[0] == about(2 * 46_017_000)


def test_pipeline_splits_layers_and_ends() -> None:
    # p = 4: two layers a stage; the embedding lies on the first, head and final norm on the last.
    found = held(work(), pipeline=4)
    assert found.weights_bytes[0] == about([2 * 28_004_000, 2 * 18_004_000, 2 * 28_005_000])


def test_tied_embedding_is_copied_to_the_last_stage() -> None:
    assert model_states(held(work(TIED)))[0] == about(2 * 82_017_000)
    found = held(work(TIED), pipeline=2)
    assert found.weights_bytes[0] == about([2 * (4 * 9_002_000 + 10_000_000), 0, 2 * (4 * 9_002_000 + 10_001_000)])


def test_learned_positions_lie_beside_the_embedding_and_a_transform_beside_the_head() -> None:
    # 4 M of positions on the first stage, cut with the vocabulary, and no copy of them beside a tied head; 3 M whole on the last.
    more = replace(DENSE, extra_embedding_parameters=4_000_000, extra_head_parameters=3_000_000)
    assert model_states(held(work(more)))[0] == about(2 * (MODEL + 7_000_000))
    found = held(work(more), pipeline=2, tensor=2)
    layers = 4 * 4_502_000
    assert found.weights_bytes[0] == about([2 * (layers + 7_000_000), 0, 2 * (layers + 5_000_000 + 1_000 + 3_000_000)])
    tied = held(work(replace(more, tied_embeddings=True)), pipeline=2, tensor=2)
    assert tied.weights_bytes[0] == about(found.weights_bytes[0])


# The mixture on t = 1, e = 4, d = 8: beside the experts 8 x 3,018,000 + 20,001,000 = 44,145,000 over 8 ranks; 8 x 24 M / 4 = 48 M
# of experts over t d / e = 2.
@pytest.mark.parametrize(
    ("zero", "weights", "gradients", "optimizer"),
    [
        (0, 92.145e6, 92.145e6, 92.145e6),
        (1, 92.145e6, 92.145e6, 44.145e6 / 8 + 24e6),
        (3, 44.145e6 / 8 + 24e6, 44.145e6 / 8 + 24e6, 44.145e6 / 8 + 24e6),
    ],
)
def test_experts_are_sharded_over_fewer_ranks(zero: int, weights: float, gradients: float, optimizer: float) -> None:
    found = held(work(MOE), expert=4, data=8, zero=zero)
    assert model_states(found) == about((2 * weights, 4 * gradients, 12 * optimizer))


def test_expert_group_of_one_rank_shards_nothing() -> None:
    # t = 2, e = 16, d = 8: an expert lies on one GPU of the 16. 8 x 24 M / 16 = 12 M of experts, not divided; beside them
    # 8 x (3 M / 2 + 18,000) + 10 M + 1,000 = 22,145,000 over 8.
    found = held(work(MOE), tensor=2, expert=16, data=8, zero=1)
    assert model_states(found)[2] == about(12 * (22.145e6 / 8 + 12e6))


def seven_billion() -> Architecture:
    return architecture("deepseek-r1-distill-qwen-7b")


# Adapters of rank 16 on one layer of the 7B model (h = 3584, k and v 512, f = 18944), 16 x (in + out): q and o 7168 each, k and v
# 4096 each, gate, up and down 22528 each: 16 x 90,112 = 1,441,792; 28 layers: 40,370,176.
ADAPTERS = 40_370_176


def test_lora_on_a_7b_model() -> None:
    # 7,615,616,512 frozen parameters at 2 bytes; 4 + 4 + 8 for the adapters.
    found = held(work(seven_billion(), "lora"), "hf-peft")
    assert model_states(found) == about((2 * 7_615_616_512 + 4 * ADAPTERS, 4 * ADAPTERS, 8 * ADAPTERS))


def test_qlora_on_a_7b_model() -> None:
    # 28 layers of 233,057,792 in 4 bit (0.6 bytes); embedding, head (152,064 x 3584 each) and final norm, which PEFT casts to fp32.
    layers, ends = 28 * 233_057_792, 2 * 152_064 * 3584 + 3584
    assert layers + ends == 7_615_616_512
    found = held(work(seven_billion(), "qlora", weights="nf4"), "hf-peft")
    assert model_states(found)[0] == about(0.6 * layers + 4 * ends + 4 * ADAPTERS)
    found = held(work(seven_billion(), "qlora", weights="nf4"), "llama-factory")
    assert model_states(found)[0] == about(0.6 * layers + 2 * ends + 4 * ADAPTERS)


def test_zero_3_shards_frozen_weights_and_gradients_and_zero_2_neither() -> None:
    job = work(seven_billion(), "lora")
    two, three = (held(job, "hf-peft", data=4, zero=zero) for zero in (2, 3))
    assert model_states(two) == about((2 * 7_615_616_512 + 4 * ADAPTERS, 4 * ADAPTERS, 2 * ADAPTERS))
    assert model_states(three) == about((7_615_616_512 / 2 + ADAPTERS, ADAPTERS, 2 * ADAPTERS))


def test_half_of_an_adapter_is_cut_by_tensor_parallelism() -> None:
    # Of the toy layer's adapters 16 x (2000 + 1500 + 1500 + 2000 + 3 x 3000) = 256,000; t = 4 leaves (1 + 1/4) / 2 of them.
    found = held(work(method="lora"), tensor=4)
    assert model_states(found)[1] == about(2 * 8 * 256_000 * 0.625)


def test_adapters_of_experts_lie_with_their_experts() -> None:
    # Attention 16 x 7,000 = 112,000 a layer; 16 experts x 3 x 1,500 x 16 = 1,152,000, a quarter of them here.
    found = held(work(MOE, "lora"), expert=4, data=4, zero=1)
    assert model_states(found)[1:] == about((2 * 8 * (112_000 + 288_000), 12 * 8 * (112_000 / 4 + 288_000)))


@pytest.mark.parametrize(
    ("name", "method", "optimizer"), [("torch-fsdp", "full", 2.0), ("hf-peft", "full", 2.0), ("hf-peft", "lora", 2.0)]
)
def test_8_bit_moments_take_a_byte_each(name: str, method: str, optimizer: float) -> None:
    job = work(method=method, optimizer="adamw-8bit")
    assert model_states(held(job, name))[2] == about(optimizer * job.trainable_parameters)


def test_8_bit_moments_leave_the_master_weight() -> None:
    # Megatron's 12 bytes are 4 of master weight and 8 of moments.
    assert model_states(held(work(optimizer="adamw-8bit")))[2] == about((4 + 2) * MODEL)


def test_zero_3_gathers_two_layers_and_the_larger_end() -> None:
    # In 16 bit: 2 x 9,002,000 x 2 + 10 M x 2 = 56.008e6 bytes; a frozen layer as it is stored.
    assert held(work(), "torch-fsdp", data=4, zero=3).gather_bytes[0] == about([56.008e6] * 3)
    assert held(work(), "torch-fsdp", data=4, zero=2).gather_bytes[0] == about([0] * 3)
    # NF4: 2 x 9,002,000 x 0.6 + 20e6, and one matrix of 2 M unpacked to 16 bit.
    found = held(work(method="qlora", weights="nf4"), "hf-peft", data=4, zero=3)
    assert found.gather_bytes[0, 0] == about(10.8024e6 + 20e6 + 4e6)


def test_one_matrix_is_unpacked_at_a_time() -> None:
    assert held(work(method="qlora", weights="nf4"), "hf-peft").gather_bytes[0, 0] == about(4e6)
    assert held(work(method="lora", weights="fp8"), tensor=2).gather_bytes[0, 0] == about(2e6)
    assert held(work(method="lora", weights="fp8", precision="fp8")).gather_bytes[0, 0] == 0


# Gradient exchange, 4 bytes a trained parameter and (d - 1)/d of them.
def test_exchange_inside_a_node() -> None:
    found = held(work(), data=4, zero=1)
    assert found.link_bytes[0] == about(4 * MODEL * 0.75)
    assert found.network_bytes[0] == 0


def test_exchange_over_every_card_of_a_node() -> None:
    # d = 32 on 4 nodes: 8 ranks in a node take an eighth each; t = 4, d = 8: two ranks of a group in a node.
    found = held(work(), data=32, zero=1)
    assert (found.link_bytes[0], found.network_bytes[0]) == about((4 * MODEL * 31 / 32, MODEL / 2 * 31 / 32))
    cut = held(work(), tensor=4, data=8, zero=1)
    held_here = 8 * 2_252_000 + 5_000_000 + 1_000
    assert cut.network_bytes[0] == about(4 * held_here * 7 / 8 / 2)


def test_exchange_of_experts() -> None:
    # d = 32, e = 4: 44.145 M over 32 ranks, 8 in a node; 48 M of experts over 8 ranks, 2 in a node.
    found = held(work(MOE), expert=4, data=32, zero=1)
    dense, experts = 4 * 44.145e6 * 31 / 32, 4 * 48e6 * 7 / 8
    assert found.link_bytes[0] == about(dense + experts)
    assert found.network_bytes[0] == about(dense / 8 + experts / 2)


def test_experts_wider_than_a_node_have_a_card_each() -> None:
    # d = 32, e = 16 on nodes of 8: 12 M of experts over 2 ranks in different nodes.
    found = held(work(MOE), expert=16, data=32, zero=1)
    assert found.network_bytes[0] == about(4 * 44.145e6 * 31 / 32 / 8 + 4 * 12e6 / 2)


def test_experts_of_one_rank_need_no_exchange() -> None:
    # d = 8, e = 8: every expert once; the rest of the model over 8 ranks.
    assert held(work(MOE), expert=8, data=8).link_bytes[0] == about(4 * 44.145e6 * 7 / 8)


def test_exchange_is_that_of_the_largest_stage() -> None:
    # p = 4: the last stage trains 28,005,000.
    assert held(work(), pipeline=4, data=2, zero=1).link_bytes[0] == about(4 * 28_005_000 / 2)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("zero", [0, 1, 3])
def test_one_rank_exchanges_nothing(method: str, zero: int) -> None:
    found = held(work(method=method), zero=zero, tensor=8, node=replace(NODE, gpus_per_node=4))
    assert (found.link_bytes[0], found.network_bytes[0]) == (0, 0)


def test_zero_3_exchanges_adapters_once_and_full_gradients_by_layer() -> None:
    assert held(work(), "torch-fsdp", data=4, zero=3).link_bytes[0] == 0
    adapters = held(work(method="lora"), "hf-peft", data=4, zero=3)
    assert adapters.link_bytes[0] == about(4 * 8 * 256_000 * 0.75)


def test_optimizer_passes_over_what_a_gpu_owns() -> None:
    assert held(work(), data=4).optimizer_traffic_bytes[0] == about(50 * MODEL)
    assert held(work(), data=4, zero=1).optimizer_traffic_bytes[0] == about(50 * MODEL / 4)
    assert held(work(MOE), expert=4, data=8, zero=1).optimizer_traffic_bytes[0] == about(50 * (44.145e6 / 8 + 24e6))
    assert held(work(method="lora"), "hf-peft").optimizer_traffic_bytes[0] == about(50 * 2_048_000)


def test_weights_are_cast_to_8_bit_once_a_step() -> None:
    # 3 bytes for each parameter that the GPU holds; frozen ones that are stored in fp8 are not cast.
    assert held(work(precision="fp8")).optimizer_traffic_bytes[0] == about(53 * MODEL)
    adapters, frozen = 8 * 256_000, 8 * 9_002_000
    for weights, cast in (("bf16", frozen + adapters), ("fp8", adapters)):
        found = held(work(method="lora", precision="fp8", weights=weights))
        assert found.optimizer_traffic_bytes[0] == about(50 * adapters + 3 * cast)


def test_fixed_time_grows_with_each_doubling_of_the_gpus() -> None:
    # 0.01 s and 0.001 s for each of log2(2 x 4 x 4) = 5 doublings.
    assert held(work(), tensor=2, pipeline=4, data=4).fixed_seconds[0] == about(0.015)


def test_layers_of_every_kind_count() -> None:
    # Latent attention 200e3 + 200e3 + 140e3 + 110e3 + 500e3 = 1.15 M and norms 2,300. Dense: + 6 M = 7,152,300. With experts:
    # router 16,016, shared 1.5 M, routed 24 M: 26,668,316. Two and six of them and 20,001,000.
    assert model_states(held(work(MLA)))[0] == about(2 * (2 * 7_152_300 + 6 * 26_668_316 + 20_001_000))
    # t = 2 leaves q_a and kv_a (340,000), norms and router whole: dense 2,300 + 340,000 + 6.81 M / 2; experts beside 24 M / 2.
    cut = model_states(held(work(MLA), tensor=2, expert=2, data=1))[0]
    kinds = 2 * 3_747_300 + 6 * (342_300 + 16_016 + 2_310_000 / 2 + 12e6)
    assert cut == about(2 * (kinds + 10_001_000))


def test_base_of_context_and_communicators() -> None:
    with use_constants(round_constants(base_bytes=3e9)):
        assert held(work(replace(DENSE, final_norm_parameters=0))).held_bytes[0, 0] == about(18 * 92_016_000 + 3e9)


def test_base_of_one_process_and_communicators_of_several() -> None:
    assert held(work()).base_bytes[0] == about([1e9] * 3)
    assert held(work(), data=2).base_bytes[0] == about([1.5e9] * 3)


def test_optimizer_step_copies_a_moment_of_what_a_gpu_owns() -> None:
    # Pure bf16: 2 bytes; LLaMA-Factory's fp32 moments: 4, a quarter of them each under ZeRO-2. Fused optimizers: nothing.
    assert held(work(), "hf-peft").step_bytes[0, 0] == about(2 * MODEL)
    assert held(work(), "llama-factory", data=4, zero=2).step_bytes[0, 0] == about(MODEL)
    assert held(work(), "megatron").step_bytes[0, 0] == 0
    assert held(work(optimizer="adamw-8bit"), "hf-peft").step_bytes[0, 0] == 0


def test_buffers_of_deepspeed() -> None:
    assert held(work(), "deepspeed", data=4, zero=2).gather_bytes[0] == about([3.6e9] * 3)
    assert held(work(), "deepspeed", zero=2).gather_bytes[0] == about([0] * 3)


def test_gptq_keeps_every_unpacked_matrix() -> None:
    with use_constants(round_constants(unpacked_matrices=3)):
        assert held(work(method="qlora", weights="nf4"), "hf-peft").gather_bytes[0, 0] == about(12e6)
