"""Rates of a node: datasheet times the constants of its kernel family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpuplan.performance.constants import Constant, Constants, constants, shipped_constants, use_constants
from gpuplan.performance.machine import NO_LINK, machines, supports
from gpuplan_hardware import Link, accelerators
from gpuplan_hardware.entities import LinkKind
from gpuplan_models import frameworks
from performance.toy import ACCELERATOR, NODE, rates, round_constants

pytestmark = pytest.mark.usefixtures("toy_constants")

VOLTA = replace(NODE, accelerator=replace(ACCELERATOR, kernel_family="volta", peak_flops={"fp16": 1e14}))
AMPERE = replace(
    NODE, accelerator=replace(ACCELERATOR, kernel_family="ampere", peak_flops={"bf16": 3e14, "fp16": 3e14})
)


def test_rates_by_hand() -> None:
    found = rates()
    assert found.matmul_flops.tolist() == [1e14]
    assert found.matmul8_flops.tolist() == [1.5e14]  # 4e14 x 0.5 x 0.75
    assert found.flash_flops.tolist() == [5e13]
    assert found.memory_rate.tolist() == [1e12]
    assert (found.link_rate.tolist(), found.network_rate.tolist()) == ([1e11], [2.5e10])
    assert (found.gpus_per_node.tolist(), found.usable_memory_bytes.tolist()) == ([8], [80e9])
    assert (found.gpus_per_block.tolist(), found.domain_gpus.tolist(), found.host_rate.tolist()) == ([8], [8], [1e10])
    assert (rates().peak_flops.tolist(), rates(precision="fp8").peak_flops.tolist()) == ([2e14], [4e14])


@pytest.mark.parametrize(
    ("kind", "overlaps"),
    [
        ("nvswitch", True),
        ("nvlink-mesh", True),
        ("infinity-fabric", True),
        ("nvlink-pairs", False),
        ("pcie", False),
        ("none", False),
    ],
)
def test_collectives_run_beside_products_over_meshes_and_switches(kind: LinkKind, overlaps: bool) -> None:
    assert rates(replace(NODE, intra_node=Link(kind, 2e11))).overlaps.tolist() == [overlaps]


def test_one_gpu_has_no_link_and_an_unknown_fabric_no_rate() -> None:
    alone = replace(NODE, gpus_per_node=1, intra_node=Link("none", 0), network=None)
    found = rates(alone)
    assert found.link_rate[0] == NO_LINK / 2
    assert found.network_rate[0] == NO_LINK / 2


def test_a_rate_to_the_host_that_nobody_states_is_none() -> None:
    unknown = replace(NODE, accelerator=replace(ACCELERATOR, host_link_bytes_per_second=None))
    assert rates(unknown).host_rate[0] == NO_LINK / 2


def test_each_family_has_its_own_efficiency() -> None:
    base = round_constants()
    table = {"ampere": Constant(0.8, "fitted", 1), "*": Constant(0.5, "prior", 0)}
    with use_constants(Constants(dict(base.tables) | {"matmul_efficiency": table}, base.as_of, 2025)):
        found = machines([AMPERE, NODE], "bf16")
    assert found.matmul_flops.tolist() == pytest.approx([2.4e14, 1e14])
    assert np.isnan(found.matmul8_flops).tolist() == [True, False]


def test_fp16_takes_the_fp16_peak() -> None:
    assert machines([VOLTA], "fp16").matmul_flops.tolist() == [5e13]


@pytest.mark.parametrize(
    ("node", "supported"),
    [(NODE, {"bf16", "fp16", "fp8"}), (VOLTA, {"fp16"}), (AMPERE, {"bf16", "fp16"})],
)
def test_supported_precisions(node: object, supported: set[str]) -> None:
    assert {precision for precision in ("bf16", "fp16", "fp8") if supports(node, precision)} == supported  # type: ignore[arg-type]  # a Node


def test_constants_in_force() -> None:
    assert constants().value("launch_moe_ratio") == 10
    with use_constants(round_constants(launch_moe_ratio=3)):
        assert constants().value("launch_moe_ratio", "any key") == 3
    assert constants().value("launch_moe_ratio") == 10


def test_shipped_constants_are_complete() -> None:
    # A new constant needs a round value in `performance.toy` and a case by hand.
    shipped = shipped_constants()
    assert shipped.tables.keys() == round_constants().tables.keys()
    for name, table in shipped.tables.items():
        assert "*" in table, name
        for key, constant in table.items():
            least = -1 if name == "adapter_activations" else 0  # frozen linears keep less
            assert constant.value >= least, (name, key)
            assert constant.runs > 0 or constant.basis == "prior", (name, key)


def test_shipped_pairs_are_of_known_families_and_kernels() -> None:
    families = {accelerator.kernel_family for accelerator in accelerators().values()}
    pairs = {(family, framework.kernels) for family in families for framework in frameworks().values()}
    shipped = shipped_constants()
    for pair, constant in shipped.tables["paired_runs"].items():
        if pair == "*":
            continue
        family, kernels = pair.split("/")
        assert (family, kernels) in pairs
        assert constant.value == constant.runs
        # Whoever speaks for the pair speaks for the accelerator's rate.
        assert constant.runs <= shipped.runs("matmul_efficiency", family)


def test_shipped_widths_grow_as_runs_get_fewer() -> None:
    shipped = shipped_constants()
    for name, measured in (("step_interval", "measured"), ("memory_interval", "measured")):
        widths = [shipped.value(name, key) for key in (measured, "transferred", "extrapolated")]
        assert widths == sorted(widths), name


def test_every_accelerator_that_is_planned_on_has_a_kernel_family_of_its_own() -> None:
    known = set(shipped_constants().tables["matmul_efficiency"])
    families = {a.name: a.kernel_family for a in accelerators().values() if a.refused is None}
    assert {name: family for name, family in families.items() if family not in known} == {}
