"""Which machine a row of a price catalogue is about, and which rows are left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import inf, nan
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from gpuplan_hardware import accelerators, nodes, offers
from gpuplan_hardware.currencies import rate
from gpuplan_hardware.imports import doubts, machines
from gpuplan_hardware.imports.base import WEAK_DAYS, Listed, Source
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.gpu_words import is_no_gpu, models
from gpuplan_hardware.imports.packing import pack, unpack
from gpuplan_hardware.imports.resolve import NO_RATE, Resolved, resolve

DAY = date(2026, 5, 20)
SOURCE = Source("catalogs/v8/aws/vms.csv", Path("vms.csv"), "aws", DAY, "the path", "0" * 64)


def listed(instance_type: str = "p4d.24xlarge", **changes: Any) -> Listed:
    """An on-demand price of 10 USD, in us-east-1 on aws unless told otherwise."""
    row = Listed(7, "aws", instance_type, "", None, "us-east-1", "on-demand", 10.0)
    return replace(row, **changes)


def left_out(*rows: Listed) -> list[tuple[str, str]]:
    """Reason and thing of what is skipped; nothing else may be."""
    found = resolve((SOURCE, row) for row in rows)
    assert len(found.skipped) == len(rows) - sum(found.used.values())
    return [(row.reason, row.what) for _, row in found.skipped]


def only(*rows: Listed) -> Any:
    """The one offer of rows that are all taken."""
    found = resolve((SOURCE, row) for row in rows)
    assert found.skipped == []
    (offer,) = found.offers
    return offer


@pytest.mark.parametrize(
    ("provider", "instance_type", "word", "memory_gib", "names"),
    [
        # "A100" is 40 GB in SkyPilot, and SXM on clouds that have no other
        ("aws", "p4x.new", "A100", None, "A100-40GB-SXM"),
        ("gcp", "a2-new", "A100", None, "A100-40GB-SXM"),
        ("oci", "BM.GPU.NEW", "A100", 40, "A100-40GB-SXM"),
        ("azure", "Standard_ND_new", "A100", None, "A100-40GB-SXM"),
        # gpuhunt has one name for both sizes
        ("aws", "p4x.new", "A100", 80, "A100-80GB-SXM"),
        ("gcp", "a2-new", "A100", 80, "A100-80GB-SXM"),
        # "A100-80GB" is PCIe on Azure NC and on RunPod
        ("aws", "p4x.new", "A100-80GB", 80, "A100-80GB-SXM"),
        ("azure", "Standard_ND_new", "A100-80GB", 80, "A100-80GB-SXM"),
        ("azure", "Standard_NC24ads_A100_new", "A100-80GB", 80, "A100-80GB-PCIe"),
        ("runpod", "3x_A100-80GB_SECURE", "A100-80GB", 80, "A100-80GB-PCIe"),
        ("runpod", "3x_A100-80GB-SXM_SECURE", "A100-80GB-SXM", 80, "A100-80GB-SXM"),
        ("runpod", "NVIDIA A100-SXM4-80GB", "A100", 80, "A100-80GB-SXM"),
        ("runpod", "NVIDIA A100 80GB PCIe", "A100", 80, "A100-80GB-PCIe"),
        # "H100" is SXM, NVL or PCIe
        ("aws", "p5.new", "H100", 80, "H100-SXM"),
        ("oci", "BM.GPU.NEW", "H100", None, "H100-SXM"),
        ("nebius", "gpu-h100-sxm_2gpu", "H100", 80, "H100-SXM"),
        ("azure", "Standard_ND96new_H100_v5", "H100", 80, "H100-SXM"),
        ("azure", "Standard_NCC40ads_H100_v5", "H100", 80, "H100-NVL"),  # the catalogue's memory is wrong
        ("lambda", "gpu_2x_h100_pcie", "H100", 80, "H100-PCIe"),
        ("lambda", "gpu_3x_h100_sxm5", "H100", 80, "H100-SXM"),
        ("jarvislabs", "8x_H100_192V_1600G", "H100", 80, "H100-SXM"),
        ("jarvislabs", "8x_H200_224V_2400G", "H200", 141, "H200-SXM"),
        ("gcp", "a3-mega-new", "H100-MEGA", 80, "H100-SXM"),
        ("runpod", "3x_H100-SXM_SECURE", "H100-SXM", 80, "H100-SXM"),
        ("runpod", "3x_H100-NVL_SECURE", "H100-NVL", 94, "H100-NVL"),
        ("runpod", "3x_H100_SECURE", "H100", 80, "H100-PCIe"),
        ("runpod", "NVIDIA H100 80GB HBM3", "H100", 80, "H100-SXM"),
        ("azure", "Standard_ND_new", "H200", 141, "H200-SXM"),
        # vast's own names tell what SkyPilot's words drop
        ("vast", "8x-H100_NVL-128-1024", "H100", 94, "H100-NVL"),
        ("vast", "8x-H100_SXM-128-1024", "H100", 80, "H100-SXM"),
        ("vast", "1x-A100_PCIE-32-128", "A100", 40, "A100-40GB-PCIe"),
        ("vast", "1x-A100_SXM4-32-128", "A100", 80, "A100-80GB-SXM"),
        ("vast", "4x-H200-32-128", "H200", 141, "H200-SXM"),
        ("vast", "1x-RTX_3090-8-32", "RTX3090", 24, "RTX-3090"),
        ("vast", "1x-RTX_3090_Ti-8-32", "RTX3090", 24, ""),
        ("vast", "1x-RTX_4090_D-8-32", "RTX4090", 24, ""),
        ("vast", "314159", "H100", 94, "H100-NVL"),
        # gpuhunt's rows without a name are called by their GPU and its memory
        ("vast", "1x-rtx-4090-24gb", "RTX 4090", 24, "RTX-4090"),
        ("vast", "8x-rtx4090-24gb", "RTX4090", 24, "RTX-4090"),
        ("vast", "1x-rtx4090-48gb", "RTX4090", 48, ""),  # with twice its memory it is another card
        ("vast", "8x-h100nvl-94gb", "H100NVL", 94, "H100-NVL"),
        ("vast", "8x-h100-80gb", "H100", 80, "H100-PCIe H100-SXM"),
        ("vast", "8x-a100-40gb", "A100", 40, "A100-40GB-PCIe A100-40GB-SXM"),
        # names
        ("lambda", "gpu_3x_a6000", "A6000", 48, "RTX-A6000"),
        ("runpod", "3x_RTXA6000_SECURE", "RTXA6000", 48, "RTX-A6000"),
        ("lambda", "gpu_1x_rtx6000", "RTX6000", 24, ""),  # Turing
        ("runpod", "3x_RTX6000-Ada_SECURE", "RTX6000-Ada", 48, "RTX-6000-Ada"),
        ("verda", "1RTX6000ADA.10V", "RTX6000Ada", 48, "RTX-6000-Ada"),
        ("aws", "g7e.new", "RTXPRO6000", 96, "RTX-PRO-6000"),
        ("vast", "1x-RTX_PRO_6000_S-32-64", "RTXPRO6000S", 96, "RTX-PRO-6000"),
        ("vast", "1x-RTX_PRO_6000_WS-32-64", "RTXPRO6000WS", 96, "RTX-PRO-6000"),
        ("azure", "Standard_NC_new", "RTXPRO6000BSE", 96, "RTX-PRO-6000"),
        ("verda", "3RTXPRO6000.90V", "RTX-PRO-6000", 96, "RTX-PRO-6000"),
        ("runpod", "3x_RTXPRO6000-MaxQ_SECURE", "RTXPRO6000-MaxQ", 96, ""),
        ("azure", "Standard_ND_new", "MI300X", 192, "MI300X"),
        ("aws", "g6e.new", "L40S", 45, "L40S"),
        ("lambda", "gpu_2x_gh200", "GH200", 96, "GH200"),
        ("aws", "p3.new", "V100", 16, "V100-16GB"),
        ("aws", "p3.new", "V100-32GB", 32, "V100-32GB"),
        ("azure", "Standard_NC24s_v3", "V100", None, "V100-16GB-PCIe"),
        ("aws", "dl1.24xlarge", "Gaudi HL-205", 32, ""),
        ("x", "y", "Gaudi", 32, ""),
        ("gcp", "n1", "P100", 16, ""),
        # what resellers add to a card's name
        ("hyperstack", "n3-A100x8", "A100-80G-PCIe", 80, "A100-80GB-PCIe"),
        ("hyperstack", "n3-A100x8-NVLink", "A100-80G-PCIe-NVLink", 80, "A100-80GB-PCIe"),
        ("hyperstack", "n3-H100-SXM5x8", "H100-80G-SXM5", 80, "H100-SXM"),
        ("spheron", "A100_sxm4x8_calgary-1", "A100_80G_SXM4", 80, "A100-80GB-SXM"),
        ("spheron", "H100_dallas-1", "H100_PCIE_BAREMETAL", 80, "H100-PCIe"),
        ("spheron", "L40Sx8_warsaw-1", "L40S_PCIE", 48, "L40S"),
        ("spheron", "RTX5090x8_casper-1", "RTX5090_PCIE_BAREMETAL", 32, "RTX-5090"),
        ("spheron", "B200x8", "B200_PCIE", 180, ""),  # there is none
        ("cudo", "intel-ice-lake-a100-pci_2x8v16gb", "A100", 80, "A100-80GB-PCIe"),
        # where the machine's own name says another form than the word for its GPU
        ("spheron", "gpu_1x_a100_SXM4_us", "A100_80G_PCIE", 80, "A100-80GB-PCIe A100-80GB-SXM"),
        ("spheron", "n3-H100x8-NVLink__CANADA-1", "H100_NVL", 80, "H100-PCIe"),
        ("spheron", "n3-H100x8-NVLink__CANADA-1", "H100_NVL", None, "H100-NVL H100-PCIe"),
        # what cannot be told apart
        ("fluidstack", "H100_NVLINK_80GB::8", "H100-NVLINK", 80, "H100-PCIe H100-SXM"),
        ("oblivus", "8xA100_80GB__NVLINK", "A100", 80, "A100-80GB-PCIe A100-80GB-SXM"),
        ("lambda", "gpu_2x_a100", "A100", 40, "A100-40GB-PCIe A100-40GB-SXM"),
        ("vast", "314159", "A100", 80, "A100-80GB-PCIe A100-80GB-SXM"),
        ("vast", "314159", "H100", 80, "H100-PCIe H100-SXM"),
        ("vast", "1x-A100_SXM4-32-128", "A100", None, "A100-40GB-SXM A100-80GB-SXM"),
        ("hyperstack", "n3-H100x8", "H100", None, "H100-NVL H100-PCIe H100-SXM"),
        ("digitalocean", "gpu-h200x8", "H200", 141, "H200-NVL H200-SXM"),
        ("fluidstack", "any", "H100-80GB", 80, "H100-PCIe H100-SXM"),
    ],
)
def test_a_word_means_what_its_provider_means(
    provider: str, instance_type: str, word: str, memory_gib: float | None, names: str
) -> None:
    assert models(provider, instance_type, word, memory_gib) == tuple(names.split())


@pytest.mark.parametrize(
    ("instance_type", "also_called", "names"),
    [
        ("1x-H100-75-722", "NVIDIA-H100-80GB-HBM3", "H100-SXM"),  # Hyperbolic's GpuInfo
        ("H100-2-80G", "NVIDIA H100 PCIe", "H100-PCIe"),  # Scaleway's
        (
            "lambdalabs__8xH100_80GB__208__1800",
            "H100 gpu_8x_h100_sxm5",
            "H100-SXM",
        ),  # Prime Intellect's UpstreamCloudId
        ("hyperstack__8xH100_80GB__252__1440", "H100 n3-H100x8", "H100-PCIe H100-SXM"),
        ("gpu_8x_h100_pcie", "H100 SXM", "H100-PCIe"),  # the machine's own name says it
        ("8x-h100", "", "H100-PCIe H100-SXM"),
    ],
)
def test_another_name_tells_the_form_where_the_instance_type_does_not(
    instance_type: str, also_called: str, names: str
) -> None:
    assert models("anywhere", instance_type, "H100", 80, also_called) == tuple(names.split())


def test_a_word_that_its_machine_denies_is_left_out_as_ambiguous() -> None:
    row = listed("gpu_1x_a100_SXM4_us", provider="spheron", accelerator="A100_80G_PCIE", accelerator_count=1.0)
    ((reason, what),) = left_out(replace(row, memory_gib_per_gpu=80.0))
    assert reason == machines.AMBIGUOUS
    assert what == "A100_80G_PCIE of gpu_1x_a100_SXM4_us: A100-80GB-PCIe, A100-80GB-SXM"


@pytest.mark.parametrize(
    ("instance_type", "count", "reason", "what"),
    [
        ("g4-standard-6", 1.0, machines.FRACTION, "g4-standard-6: 1, and 0.125 as its name says"),
        ("a3-highgpu-16g", 8.0, machines.OTHER_COUNT, "a3-highgpu-16g: 8, and 16 as its name says"),
    ],
)
def test_the_name_of_a_google_machine_says_how_many_gpus_it_has(
    instance_type: str, count: float, reason: str, what: str
) -> None:
    gpu = "RTXPRO6000" if instance_type.startswith("g4") else "H100"
    row = listed(instance_type, provider="gcp", accelerator=gpu, accelerator_count=count)
    assert left_out(row) == [(reason, what)]


@pytest.mark.parametrize("word", ["tpu-v5litepod-8", "v6e-4", "v4-8", "Inferentia2", "Trainium", "trainium2"])
def test_tpus_and_trainium_are_no_gpus(word: str) -> None:
    assert is_no_gpu(word)
    assert left_out(listed("new.type", accelerator=word, accelerator_count=1)) == [(machines.REFUSED, word)]


@pytest.mark.parametrize("word", ["V100", "T4", "v100-32gb", "A10G", "L4"])
def test_gpus_are_gpus(word: str) -> None:
    assert not is_no_gpu(word)


def test_the_instance_type_comes_before_the_word() -> None:
    offer = only(listed("P4D.24XLARGE", accelerator="A100-80GB", accelerator_count=8, memory_gib_per_gpu=80))
    assert offer.node is nodes()["aws", "p4d.24xlarge"]
    assert offer.id == "aws/p4d.24xlarge/us-east-1/on-demand"


def test_azure_is_known_with_and_without_its_prefix() -> None:
    for name in ("Standard_ND96asr_v4", "standard_nd96asr_V4", "ND96asr_v4"):
        assert only(listed(name, provider="azure")).node.name == "Standard_ND96asr_v4"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (listed("p99.huge"), machines.UNKNOWN_TYPE),
        (listed("p4d.24xlarge", accelerator="A100", accelerator_count=4), machines.OTHER_COUNT),
        (listed("trn1.32xlarge"), machines.REFUSED),
        (listed("new", accelerator="TPU-v4", accelerator_count=4), machines.REFUSED),
        (listed("new", accelerator="K80", accelerator_count=1), machines.UNKNOWN_GPU),
        (listed("new", accelerator="L4"), machines.NO_COUNT),
        (listed("new", accelerator="L4", accelerator_count=0.25), machines.FRACTION),
        (listed("new", accelerator="L4", accelerator_count=nan), machines.FRACTION),
        (listed("new", accelerator="L4", accelerator_count=1e9), machines.FRACTION),
        (listed("new", provider="vast", accelerator="A100", accelerator_count=1), machines.AMBIGUOUS),
        (listed("new", accelerator="GB300", accelerator_count=2), machines.UNKNOWN_LINK),
        (listed(currency="XAU"), NO_RATE),
        (listed(price_per_hour=1e-4), doubts.NOT_PLAUSIBLE),
        (listed(price_per_hour=10_001.0), doubts.NOT_PLAUSIBLE),
        (listed(price_per_hour=nan), doubts.NOT_PLAUSIBLE),
        (listed(price_per_hour=inf), doubts.NOT_PLAUSIBLE),
        (listed(price_per_hour=-3.0), doubts.NOT_PLAUSIBLE),
        (listed(as_of=datetime.now(UTC).date() + timedelta(days=3)), doubts.TO_COME),
        (listed(region=""), doubts.UNREADABLE),
        (listed(region="us\x00east"), doubts.UNREADABLE),
        (listed("x" * 5000), doubts.UNREADABLE),
    ],
)
def test_what_is_not_understood_is_left_out(row: Listed, reason: str) -> None:
    assert [why for why, _ in left_out(row)] == [reason]


def test_an_ambiguous_name_says_which_gpus_it_may_be() -> None:
    (why,) = left_out(listed("314159", provider="vast", accelerator="A100", accelerator_count=1, memory_gib_per_gpu=80))
    assert why == ("the name stands for several GPUs", "A100 of 314159: A100-80GB-PCIe, A100-80GB-SXM")


def spot(price: float, on_demand: float | None, **changes: Any) -> Listed:
    return listed(pricing="spot", price_per_hour=price, on_demand_per_hour=on_demand, **changes)


@pytest.mark.parametrize(
    ("price", "on_demand", "reason"),
    [
        (10.0, 10.0, doubts.EQUAL_SPOT),
        (9.995, 10.0, doubts.EQUAL_SPOT),
        (10.005, 10.0, doubts.EQUAL_SPOT),
        (10.5, 10.0, doubts.BROKEN_SPOT),
        (1.19, 10.0, doubts.FLOOR_SPOT),
        (1.21, 10.0, None),
        (9.9, 10.0, None),
        (1.0, None, None),
    ],
)
def test_spot_prices_are_held_against_the_on_demand_price(
    price: float, on_demand: float | None, reason: str | None
) -> None:
    assert [why for why, _ in left_out(spot(price, on_demand))] == ([] if reason is None else [reason])


def test_only_aws_has_a_floor() -> None:
    row = spot(1.0, 10.0, instance_type="Standard_ND96asr_v4", provider="azure", region="eastus")
    assert left_out(row) == []


def test_a_spot_price_above_on_demand_takes_the_on_demand_price_with_it() -> None:
    rows = [listed(zone="a"), spot(12.0, 10.0, zone="a"), listed(zone="b"), spot(5.0, 10.0, zone="b")]
    assert left_out(*rows[:2]) == [(doubts.BROKEN_SPOT, "p4d.24xlarge")] * 2
    found = resolve((SOURCE, replace(row, line=line)) for line, row in enumerate(rows))
    assert [(row.line, row.reason) for _, row in found.skipped] == [(0, doubts.BROKEN_SPOT), (1, doubts.BROKEN_SPOT)]
    assert [(offer.pricing, offer.price_usd_per_hour) for offer in found.offers] == [("on-demand", 10.0), ("spot", 5.0)]


def test_other_currencies_are_converted_and_said() -> None:
    offer = only(listed(currency="cny", price_per_hour=64.8179, as_of=date(2024, 11, 6)))
    assert offer.price_usd_per_hour == pytest.approx(64.8179 * rate("CNY").value)
    assert offer.as_of == date(2024, 11, 6)
    assert offer.source == ("price catalogue aws/vms.csv, line 7; date of the row; CNY at 0.147033 USD of 2026-05-08")


def test_an_offer_says_where_it_is_from() -> None:
    found = resolve([(SOURCE, listed())], {SOURCE.name: "SkyPilot catalogue"})
    (offer,) = found.offers
    assert offer.source == "SkyPilot catalogue aws/vms.csv, line 7; date of the path"
    assert offer.as_of == DAY
    assert found.used == {SOURCE.name: 1}


@pytest.mark.parametrize(
    ("pricing", "lead_time", "seconds"),
    [
        ("on-demand", "instant", 0.0),
        ("spot", "instant", 0.0),
        ("reserved-1y", "contract", None),
        ("reserved-3y", "contract", None),
        ("capacity-block", "queue", None),
    ],
)
def test_terms_have_their_lead_time(pricing: Any, lead_time: str, seconds: float | None) -> None:
    offer = only(listed(pricing=pricing))
    assert (offer.pricing, offer.lead_time, offer.lead_time_seconds, offer.host_open) == (
        pricing,
        lead_time,
        seconds,
        False,
    )


def test_the_most_nodes_are_those_of_the_built_in_offers() -> None:
    known = {(offer.node.provider, offer.node.name): offer.max_nodes for offer in offers()}
    assert only(listed("p5.48xlarge")).max_nodes == known["aws", "p5.48xlarge"]
    lonely = only(listed("gpu_8x_h100_sxm5", provider="lambda", region="us-east-1"))
    assert lonely.node.network is None
    assert lonely.max_nodes == 1
    unsold = next(
        node for key, node in nodes().items() if key not in known and node.network and node.accelerator.refused is None
    )
    offer = only(listed(unsold.name, provider=unsold.provider))
    assert offer.max_nodes == 16
    assert offer.source.endswith("; most nodes assumed")


def test_a_machine_that_is_not_in_the_catalogue_is_made_of_its_row() -> None:
    offer = only(listed("g6.16xlarge", accelerator="L4", accelerator_count=1, vcpus=64.0, ram_gib=256.0))
    node = offer.node
    assert (node.name, node.provider, node.accelerator.name, node.gpus_per_node) == ("g6.16xlarge", "aws", "L4", 1)
    assert (node.intra_node.kind, node.intra_node.bytes_per_second_per_gpu) == ("none", 0)
    assert node.network is None
    assert offer.max_nodes == 1
    assert (node.host.vcpus, node.host.ram_bytes, node.host.nvme_bytes) == (64, 256 * 2**30, None)
    assert node.sources["host.vcpus"].source == SOURCE.name


def test_what_a_row_does_not_say_of_the_host_stays_unknown() -> None:
    node = only(listed("new", accelerator="L4", accelerator_count=1, vcpus=0.0, ram_gib=nan)).node
    assert (node.host.vcpus, node.host.ram_bytes) == (None, None)


@pytest.mark.parametrize(
    ("word", "gpus", "kind", "rate_bytes_per_second"),
    [
        ("H100-SXM", 8, "nvswitch", 450e9),
        ("A100-80GB-PCIe", 2, "pcie", 32e9),  # RunPod's, not the bridge of Azure's
        ("H100-NVL", 2, "pcie", 63e9),  # the bridge of Azure's is an extra
        ("H100-SXM", 5, "pcie", 63e9),  # no node of five: its host link
        ("RTX4090", 2, "pcie", 16e9),  # cards without peer-to-peer traffic: not the 31.5 of the slot
    ],
)
def test_an_unknown_link_is_as_slow_as_any_that_is_known(
    word: str, gpus: int, kind: str, rate_bytes_per_second: float
) -> None:
    link = only(listed("new", provider="hyperstack", accelerator=word, accelerator_count=gpus)).node.intra_node
    assert (link.kind, link.bytes_per_second_per_gpu) == (kind, rate_bytes_per_second)


def test_links_are_never_faster_than_a_node_of_the_catalogue_with_as_many_gpus() -> None:
    for node in nodes().values():
        if node.gpus_per_node > 1 and node.accelerator.refused is None:
            row = listed("new", provider="x", accelerator=node.accelerator.name, accelerator_count=node.gpus_per_node)
            made = only(row).node
            assert made.intra_node.bytes_per_second_per_gpu <= node.intra_node.bytes_per_second_per_gpu


def test_an_unknown_provider_keeps_its_name() -> None:
    offer = only(listed("n3-L40x4", provider="hyperstack", accelerator="L40", accelerator_count=4))
    assert (offer.provider.name, offer.provider.marketplace, offer.node.provider) == ("hyperstack", False, "hyperstack")


@pytest.mark.parametrize("name", ["lium", "primeintellect", "shadeform", "spheron", "hyperbolic", "vast"])
def test_marketplaces_are_marketplaces(name: str) -> None:
    offer = only(listed("box", provider=name, accelerator="L40", accelerator_count=1))
    assert (offer.provider.name, offer.provider.marketplace) == (name, True)
    assert offer.provider.notes
    assert next(iter(unpack(pack(OfferTable.from_offers([offer]))))).provider == offer.provider


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        ("given", "date given by the user"),
        ("the path", "date of the path"),
        ("the server", "date of the server's copy"),
        ("the file's last change", "date of the file's last change"),
        ("the day of the import", "date of the day of the import"),
    ],
)
def test_an_offer_says_in_words_where_its_day_is_from(basis: str, words: str) -> None:
    found = resolve([(replace(SOURCE, as_of_basis=basis), listed())])
    assert found.offers[0].source.endswith(f", line 7; {words}")
    assert [one.weak_day for one in found.origins.values()] == [basis in WEAK_DAYS]


@pytest.mark.parametrize("day", [date(1970, 1, 1), date(2014, 12, 31)])
def test_days_before_any_such_price_are_not_believed(day: date) -> None:
    assert left_out(listed(as_of=day)) == [(doubts.TOO_OLD, f"p4d.24xlarge: {day}")]


def test_an_offer_that_is_ready_is_taken_as_it_is() -> None:
    ready = offers()[0]
    row = listed(ready.node.name, provider=ready.provider.name, offer=ready)
    assert only(row) is ready


def test_every_accelerator_of_the_catalogue_is_found_by_its_own_name() -> None:
    for name, accelerator in accelerators().items():
        if accelerator.refused is None:
            assert models("anywhere", "new", name) == (name,)


def test_fifty_thousand_rows_take_seconds_at_most() -> None:
    known = [node for node in nodes().values() if node.accelerator.refused is None]
    rows = [
        Listed(
            line, node.provider, node.name if line % 3 else f"new-{line % 500}", node.accelerator.name, node.gpus_per_node,
            f"region-{line // len(known)}", "on-demand", 10.0, vcpus=8.0, ram_gib=64.0,
        )
        for line in range(50_000)
        for node in (known[line % len(known)],)
    ]  # fmt: skip
    start = perf_counter()
    found: Resolved = resolve((SOURCE, row) for row in rows)
    assert perf_counter() - start < 10  # 0.6 s where it was written
    assert len(found.offers) > 40_000
