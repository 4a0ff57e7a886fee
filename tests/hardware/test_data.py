"""Walks the data folders: every fact has a source and a date, every rate is plausible, nothing stands alone."""

import csv
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpuplan_hardware import accelerators, catalogue, nodes, offers, providers
from gpuplan_hardware.entities import Accelerator, Node, Offer, Provider
from gpuplan_hardware.names import normalise

GIB = 2**30
FILES = sorted(catalogue.DATA.rglob("*/*.toml"))
LATEST = max(date.today(), date(2026, 11, 20))  # the day of the first catalogue, should a clock be wrong

ACCELERATORS = list(accelerators().values())
NODES = list(nodes().values())
PROVIDERS = list(providers().values())


# fp8 over bf16, by hand: Gaudi 3 has one rate for both; Trainium 2 has 1299 / 667.
UNUSUAL_FP8 = {"Gaudi3": 1.0, "Trainium2": 1.948}
# By hand: H20 148 / 4.0 (cut for export), RTX 3090 71 / 0.936 (half rate with fp32 accumulation), Gaudi 3 1677 / 3.7,
# TPU v6e 918 / 1.64.
UNUSUAL_FLOPS_PER_BYTE = {"H20": 37.0, "RTX-3090": 75.9, "Gaudi3": 453.2, "TPU-v6e": 559.8}


def name_of(thing: Accelerator | Node | Provider | Offer | Path) -> str:
    return thing.id if isinstance(thing, Offer) else thing.name


@pytest.mark.parametrize("thing", [*ACCELERATORS, *NODES, *PROVIDERS], ids=name_of)
def test_every_figure_has_a_source_and_a_date(thing: Accelerator | Node | Provider) -> None:
    for field, figure in thing.sources.items():
        assert len(figure.source) > 10, field
        assert date(2017, 1, 1) <= figure.as_of <= LATEST, field
        assert figure.basis in ("datasheet", "measured", "assumed"), field
        assert figure.basis == "assumed" or "recalled" not in figure.source, field


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_source_is_used_and_public(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for key, source in tomllib.loads(text)["sources"].items():
        assert f'source = "{key}"' in text, f"{key} is never used"
        assert not source.startswith((".", "/", "~")), "a source is public, not a path"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_named_after_its_thing(path: Path) -> None:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    prefix = f"{document['provider']}-" if path.parent.name == "nodes" else ""
    assert path.stem == prefix + document["name"].lower()


def test_names_aliases_and_families_are_unique() -> None:
    families = {normalise(family) for accelerator in ACCELERATORS for family in accelerator.families}
    own = [normalise(text) for accelerator in ACCELERATORS for text in (accelerator.name, *accelerator.aliases)]
    assert [text for text, count in Counter(own).items() if count > 1] == []
    assert families.isdisjoint(own)


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=name_of)
def test_every_accelerator_has_a_node(accelerator: Accelerator) -> None:
    """Without an offer an accelerator is "price needed": a node shape takes the user's own price."""
    assert accelerator.refused or any(node.accelerator is accelerator for node in NODES)


def test_the_catalogue_is_as_wide_as_it_says() -> None:
    sold = {offer.node.accelerator.name for offer in offers()}
    assert len(ACCELERATORS) >= 45
    assert len(NODES) >= 100
    assert len({node.provider for node in NODES} - {"own"}) >= 8
    assert len(sold) >= 30


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=name_of)
def test_rates_are_dense_and_fit_together(accelerator: Accelerator) -> None:
    peaks = accelerator.peak_flops
    sixteen = peaks.get("bf16", peaks.get("fp16", 0))
    assert peaks.get("fp16", sixteen) == sixteen
    if "fp8" in peaks:  # twice the 16-bit rate; a sparse figure in one of the two would make it 1 or 4
        assert peaks["fp8"] / peaks["bf16"] == pytest.approx(UNUSUAL_FP8.get(accelerator.name, 2), rel=0.02)
    # 90 to 440 operations per byte of memory traffic on nearly everything sold; a factor of 2 (sparse) would show.
    per_byte = sixteen / accelerator.memory_bandwidth_bytes_per_second
    if accelerator.name in UNUSUAL_FLOPS_PER_BYTE:
        assert per_byte == pytest.approx(UNUSUAL_FLOPS_PER_BYTE[accelerator.name], rel=0.02)
    else:
        assert 90 < per_byte < 440


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=name_of)
def test_links_to_the_host_are_one_way(accelerator: Accelerator) -> None:
    """PCIe 3.0 to 5.0 with 16 lanes, half of it for one of two dies, or NVLink-C2C; unknown for Ascend, and for what is refused."""
    rate = accelerator.host_link_bytes_per_second
    if accelerator.refused or accelerator.vendor == "Huawei":
        assert rate is None
    elif accelerator.name in ("GH200", "GB200", "GB300"):
        assert rate == {"GH200": 450e9}.get(accelerator.name, 225e9)
    elif accelerator.name == "MI250X":
        assert rate == 31.5e9 / 2
    else:
        assert rate is not None
        generation = {15.75e9: 3, 31.5e9: 4, 63e9: 5}[rate]
        assert f"PCIe {generation}.0 x16" in accelerator.sources["host_link_bytes_per_second"].source
        slots = [
            node.intra_node for node in NODES if node.accelerator is accelerator and node.intra_node.kind == "pcie"
        ]
        assert all(link.bytes_per_second_per_gpu <= 1.03 * rate for link in slots), (
            "it is the same slot, rounded to 16, 32, 64"
        )


def test_the_trays_of_an_nvl72_rack_share_one_switch_fabric() -> None:
    for node in NODES:
        joined = node.accelerator.name in ("GB200", "GB300")
        assert node.domain_gpus == (72 if joined else None)
        assert node.scale_up_gpus == (72 if joined else node.gpus_per_node)
        assert not joined or (node.gpus_per_node, node.intra_node.kind) == (4, "nvswitch")


def test_a_node_of_one_gpu_joins_no_others() -> None:
    (single, *_) = [node for node in NODES if node.intra_node.kind == "none"]
    assert replace(single, domain_gpus=72).scale_up_gpus == 1


@pytest.mark.parametrize("node", NODES, ids=name_of)
def test_nodes_are_plausible(node: Node) -> None:
    rate = node.intra_node.bytes_per_second_per_gpu
    assert (node.gpus_per_node == 1) == (rate == 0) == (node.intra_node.kind == "none")
    if node.intra_node.kind == "pcie":
        assert rate <= 64e9
    if node.network is not None:  # between nodes never faster than inside one, as far as anything sold goes
        assert 0.3e9 <= node.network.bytes_per_second_per_gpu <= 100e9  # ConnectX-8: 800 Gbit/s
        assert node.network.rdma is not True or node.network.kind in ("infiniband", "roce", "efa")
    assert node.host.ram_bytes is None or 8 * GIB <= node.host.ram_bytes <= 8192 * GIB
    assert node.host.vcpus is None or 4 <= node.host.vcpus <= 512


@pytest.mark.parametrize("offer", offers(), ids=name_of)
def test_offers_refer_to_catalogued_things(offer: Offer) -> None:
    assert offer.node is nodes()[offer.provider.name, offer.node.name]
    assert offer.provider is providers()[offer.provider.name]
    assert offer.id == f"{offer.provider.name}/{offer.node.name}/{offer.region}/{offer.pricing}"
    assert (offer.pricing == "owned") == (offer.provider.name == "own")
    assert offer.lead_time_seconds is not None or offer.lead_time != "instant"
    first = {"owned": date(2017, 1, 1), "capacity-block": date(2024, 12, 31)}.get(offer.pricing, date(2025, 1, 1))
    assert first <= offer.as_of <= LATEST
    assert "max_nodes" in offer.source, "what max_nodes rests on is said"
    assert (offer.max_nodes == 1) >= (offer.node.network is None)


def test_offers_are_unique_and_every_provider_has_a_node() -> None:
    assert len({offer.id for offer in offers()}) == len(offers())
    assert {node.provider for node in NODES} == set(providers())


@pytest.mark.parametrize("path", sorted(catalogue.DATA.glob("offers/*.csv")), ids=name_of)
def test_every_row_of_the_price_lists_says_how_soon_the_node_can_be_had(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["lead_time"] in ("instant", "queue", "contract"), row["node"]


# From about 0.3 USD (Vast, RTX 4090) to 27 USD (Azure, GB200) for a GPU and hour: a price per month or per
# GPU instead of per node falls out of the range.
@pytest.mark.parametrize("offer", offers(), ids=name_of)
def test_prices_per_gpu_are_plausible(offer: Offer) -> None:
    lowest = {"owned": 0.02, "spot": 0.05}.get(offer.pricing, 0.15)
    assert lowest < offer.price_usd_per_hour / offer.node.gpus_per_node < 30


def test_other_terms_cost_less_than_on_demand() -> None:
    plain = {offer.id: offer for offer in offers() if offer.pricing == "on-demand"}
    others = [offer for offer in offers() if offer.pricing not in ("on-demand", "owned")]
    assert {offer.pricing for offer in others} == {"spot", "reserved-1y", "reserved-3y", "capacity-block"}
    for offer in others:
        same = plain.get(offer.id.removesuffix(offer.pricing) + "on-demand")
        if same is not None:
            assert 0.1 * same.price_usd_per_hour < offer.price_usd_per_hour < same.price_usd_per_hour, offer.id


@pytest.mark.parametrize(
    ("provider", "node", "region", "price"),
    [
        ("aws", "p4d.24xlarge", "us-east-1", 21.957642),  # 32.77 until June 2025
        ("aws", "p4de.24xlarge", "us-east-1", 27.44705),
        ("aws", "p5.48xlarge", "us-east-1", 55.04),  # 98.32 before
        ("aws", "p5en.48xlarge", "us-east-1", 63.296),
        ("azure", "Standard_ND96amsr_A100_v4", "eastus", 32.77),
        ("gcp", "a3-highgpu-8g", "us-central1", 88.49),
        ("oci", "BM.GPU.MI300X.8", "any", 48.0),
    ],
)
def test_known_prices(provider: str, node: str, region: str, price: float) -> None:
    (offer,) = [offer for offer in offers() if offer.id == f"{provider}/{node}/{region}/on-demand"]
    assert offer.price_usd_per_hour == pytest.approx(price, abs=1e-3)


def test_dense_peaks_by_hand() -> None:
    known = accelerators()
    assert known["H100-SXM"].peak_flops == {"bf16": 989.4e12, "fp16": 989.4e12, "fp8": 1978.9e12}  # sparse: 1979, 3958
    assert known["A100-80GB-SXM"].peak_flops == {"bf16": 312e12, "fp16": 312e12}  # no fp8 before Ada
    assert known["T4"].peak_flops == {"fp16": 65e12}  # no bf16
    assert known["V100-32GB"].peak_flops == {"fp16": 125e12}
    assert known["A10G"].peak_flops["bf16"] == 70e12  # the A10 has 125
    assert known["RTX-4090"].peak_flops["bf16"] == 165.2e12  # 330 is with fp16 accumulation
    assert known["L40S"].peak_flops["bf16"] == pytest.approx(362e12, rel=1e-3)  # sparse: 733
    assert known["B200"].peak_flops["bf16"] == 2250e12
    assert known["RTX-3090"].peak_flops == {"bf16": 71e12, "fp16": 71e12}  # 142 is with fp16 accumulation
    assert known["RTX-5090"].peak_flops["bf16"] == 209.5e12  # 838 is sparse and with fp16 accumulation
    assert known["H100-PCIe"].peak_flops["bf16"] == 756.5e12  # sparse: 1513
    assert known["MI250X"].peak_flops == {"bf16": 191.5e12, "fp16": 191.5e12}  # one of two dies: 383 / 2; no fp8
    assert {"T4", "V100-16GB", "V100-16GB-PCIe", "V100-32GB", "V100-32GB-PCIe"} == {
        name for name, accelerator in known.items() if "bf16" not in accelerator.peak_flops
    }


def test_what_the_physics_does_not_cover_is_refused_with_the_reason() -> None:
    refused = {accelerator.name: accelerator.refused for accelerator in ACCELERATORS if accelerator.refused}
    assert {name.split("-")[0] for name in refused} == {"TPU", "Trainium1", "Trainium2", "Jetson"}
    assert len(refused) == 8
    assert all(len(reason) > 60 for reason in refused.values())


def test_a_device_is_what_pytorch_shows() -> None:
    for name in ("MI250X", "Ascend-910C"):  # packages of two dies that show as two devices of 64 GB
        assert accelerators()[name].usable_memory_bytes < 64 * GIB
        assert "die" in accelerators()[name].notes


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        ("H200-SXM", 139.7),
        ("H100-SXM", 79.1),
        ("A100-80GB-SXM", 79.25),
        ("T4", 14.75),
        ("L40S", 44.4),
        ("B200", 178.35),
    ],
)
def test_usable_memory_is_not_marketing_memory(name: str, gib: float) -> None:
    assert accelerators()[name].usable_memory_bytes / GIB == pytest.approx(gib, abs=0.05)


def test_links_are_one_way_and_networks_per_gpu_by_hand() -> None:
    p4d, p5 = nodes()["aws", "p4d.24xlarge"], nodes()["aws", "p5.48xlarge"]
    assert p4d.intra_node.bytes_per_second_per_gpu == 300e9  # 600 GB/s both ways
    assert p5.intra_node.bytes_per_second_per_gpu == 450e9  # 900 GB/s both ways
    assert p4d.network is not None and p5.network is not None
    assert p4d.network.bytes_per_second_per_gpu == 6.25e9  # 400 Gbit/s / 8 bits / 8 GPUs
    assert p5.network.bytes_per_second_per_gpu == 50e9  # 3200 Gbit/s / 8 bits / 8 GPUs
    assert p4d.host.ram_bytes == 1152 * GIB


def test_pairs_of_bridged_cards_run_at_the_rate_of_pcie() -> None:
    assert nodes()["azure", "Standard_NC96ads_A100_v4"].intra_node.bytes_per_second_per_gpu == 32e9


def test_an_unknown_network_keeps_a_job_on_one_node() -> None:
    (offer,) = [offer for offer in offers() if offer.node.name == "gpu_8x_h100_sxm5"]
    assert offer.node.network is None
    assert offer.max_nodes == 1


def test_only_vast_is_a_marketplace() -> None:
    assert [provider.name for provider in PROVIDERS if provider.marketplace] == ["vast"]
