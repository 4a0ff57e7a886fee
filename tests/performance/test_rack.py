"""Racks whose trays one link joins (NVL72) by hand: trays of 4 GPUs, 72 in a rack, blocks of 64 where a job takes several racks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpuplan.performance.machine import block_gpus
from gpuplan.performance.predict import predict
from gpuplan_hardware import Link
from performance.toy import MODEL, MOE, NODE, TRAY, about, framework, held, layer, layout, rates, work

pytestmark = pytest.mark.usefixtures("toy_constants")


@pytest.mark.parametrize(
    ("gpus_per_node", "domain", "block"),
    [
        (8, None, 8),
        (4, 72, 64),  # NVL72: 64 of the 72 GPUs of each rack where there are several
        (4, 36, 32),
        (4, 64, 64),
        (8, 8, 8),
        (6, None, 6),  # a node is a block whatever its size
        (16, 8, 16),  # no domain is smaller than a node
    ],
)
def test_blocks_of_a_rack_are_a_power_of_two(gpus_per_node: int, domain: int | None, block: int) -> None:
    node = replace(NODE, gpus_per_node=gpus_per_node, domain_gpus=domain)
    assert block_gpus(node) == block
    found = rates(node)
    assert found.gpus_per_block.tolist() == [block]
    assert found.domain_gpus.tolist() == [max(domain or 0, gpus_per_node)]


def test_nothing_is_joined_without_a_link() -> None:
    assert block_gpus(replace(NODE, gpus_per_node=1, intra_node=Link("none", 0), domain_gpus=72)) == 1


def test_racks_route_tokens_over_their_link() -> None:
    # e = 16 in a rack: 4e6 x k 15/16 at 1e11. e = 128 over blocks of 64: inside k 63/64, across 0.75 copies.
    assert layer(work(MOE), node=TRAY, expert=16)["expert_parallel"] == about(2 * 4e6 * 1.875 / 1e11)
    across = layer(work(MOE), node=TRAY, expert=128)["expert_parallel"]
    assert across == about(2 * 4e6 * (2 * 63 / 64 / 1e11 + 0.75 / 2.5e10))


def test_tensor_parallelism_over_two_trays_of_a_rack() -> None:
    # Eight GPUs on two trays of four: 14e6 bytes over the link, a quarter exposed, as in a node of eight.
    assert layer(work(), node=TRAY, tensor=8)["tensor_parallel"] == about(2 * 0.25 * 14e6 / 1e11)


def test_a_rack_exchanges_over_its_link_alone() -> None:
    found = held(work(), node=TRAY, data=72, zero=1)
    assert (found.link_bytes[0], found.network_bytes[0]) == about((4 * MODEL * 71 / 72, 0))


def test_two_racks_exchange_over_every_card_of_a_block() -> None:
    # d = 128: 64 ranks in a block, each of whose cards takes a 64th. t = 8: 16 ranks, 8 in a block.
    found = held(work(), node=TRAY, data=128, zero=1)
    assert found.network_bytes[0] == about(4 * MODEL * 127 / 128 / 64)
    cut = held(work(), node=TRAY, tensor=8, data=16, zero=1)
    held_here = 8 * (9_000_000 / 8 + 2_000) + 20_000_000 / 8 + 1_000
    assert cut.network_bytes[0] == about(4 * held_here * 15 / 16 / 8)
    # p = 2: each stage with its ranks in a block of its own.
    assert held(work(), node=TRAY, pipeline=2, data=64, zero=1).network_bytes[0] == 0


def test_experts_in_a_rack_and_over_two() -> None:
    # d = 64, e = 16: 8 x 24 M / 16 = 12 M of experts over 4 ranks, all in the rack.
    assert held(work(MOE), node=TRAY, expert=16, data=64, zero=1).network_bytes[0] == 0
    # d = 128: 12 M of experts over 8 ranks, 4 in a block; 44.145 M over 128, 64 in a block.
    found = held(work(MOE), node=TRAY, expert=16, data=128, zero=1)
    assert found.network_bytes[0] == about(4 * 44.145e6 * 127 / 128 / 64 + 4 * 12e6 * 7 / 8 / 4)


@pytest.mark.parametrize(
    ("nodes", "data", "transfer"),
    [
        # Stages of 36 GPUs each fill a rack, whose link joins all: 8e6 bytes, a quarter exposed.
        (18, 36, 0.25 * 8e6 / 1e11),
        # 128 GPUs are on two racks: over the network.
        (32, 64, 0.25 * 8e6 / 2.5e10),
    ],
)
def test_racks_are_left_only_by_larger_clusters(nodes: int, data: int, transfer: float) -> None:
    plan = layout(pipeline=2, data=data, zero=1, global_batch=2 * data)
    found = predict(work(), framework(), TRAY, nodes, plan)
    assert found.step_parts["pipeline_transfer"] == about(2 * transfer)


def test_a_rack_uses_no_network() -> None:
    # 72 GPUs on 18 trays of a rack.
    for tensor, context, pipeline in ((1, 1, 1), (8, 1, 1), (1, 8, 1), (1, 1, 2)):
        data = 72 // (tensor * context * pipeline)
        plan = layout(tensor=tensor, context=context, pipeline=pipeline, data=data, zero=1, global_batch=144)
        assert predict(work(), framework(), TRAY, 18, plan).network_bytes_per_step_per_gpu == 0
    plan = layout("torch-fsdp", zero=3, data=72, global_batch=144)
    assert predict(work(), framework("torch-fsdp"), TRAY, 18, plan).network_bytes_per_step_per_gpu == 0


def test_two_racks_exchange_over_blocks_of_64() -> None:
    # d = 128 on 32 trays: 4 x 92,017,000 x 127/128, a 64th over each card.
    plan = layout(data=128, zero=1, global_batch=256)
    found = predict(work(), framework(), TRAY, 32, plan)
    assert found.network_bytes_per_step_per_gpu == about(4 * 92_017_000 * 127 / 128 / 64)
    # torch, ZeRO-3: 8 bytes of eight layers, embedding and head likewise.
    plan = layout("torch-fsdp", data=128, zero=3, global_batch=256)
    found = predict(work(), framework("torch-fsdp"), TRAY, 32, plan)
    assert found.network_bytes_per_step_per_gpu == about(8 * (8 * 9_002_000 + 20e6) * 127 / 128 / 64)
