"""Walks the data folders: every fact has a source and a date, every rate is plausible, nothing stands alone."""

import re
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from gpuplan_hardware import accelerators, catalogue, nodes, offers, providers
from gpuplan_hardware.entities import Accelerator, Node, Offer, Provider
from gpuplan_hardware.names import normalise

GIB = 2**30
FILES = sorted(catalogue.DATA.rglob("*.toml"))
LATEST = max(date.today(), date(2026, 11, 20))  # the day of the first catalogue, should a clock be wrong

ACCELERATORS = list(accelerators().values())
NODES = list(nodes().values())
PROVIDERS = list(providers().values())


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
def test_every_accelerator_has_a_node_and_an_offer(accelerator: Accelerator) -> None:
    assert any(node.accelerator is accelerator for node in NODES)
    assert any(offer.node.accelerator is accelerator for offer in offers())


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=name_of)
def test_rates_are_dense_and_fit_together(accelerator: Accelerator) -> None:
    peaks = accelerator.peak_flops
    assert peaks["fp16"] == peaks.get("bf16", peaks["fp16"])
    if "fp8" in peaks:  # twice the 16-bit rate; a sparse figure in one of the two would make it 1 or 4
        assert peaks["fp8"] / peaks["bf16"] == pytest.approx(2, rel=0.02)
    # 100 to 500 operations per byte of memory traffic on everything sold so far; a factor of 2 (sparse) would show.
    assert 90 < peaks["fp16"] / accelerator.memory_bandwidth_bytes_per_second < 440


@pytest.mark.parametrize("node", NODES, ids=name_of)
def test_nodes_are_plausible(node: Node) -> None:
    rate = node.intra_node.bytes_per_second_per_gpu
    assert (node.gpus_per_node == 1) == (rate == 0) == (node.intra_node.kind == "none")
    if node.intra_node.kind == "pcie":
        assert rate <= 64e9
    if node.network is not None:  # between nodes never faster than inside one, as far as anything sold goes
        assert 0.3e9 <= node.network.bytes_per_second_per_gpu <= 50e9
        assert node.network.rdma is not True or node.network.kind in ("infiniband", "roce", "efa")
    assert node.host.ram_bytes is None or 8 * GIB <= node.host.ram_bytes <= 8192 * GIB
    assert node.host.vcpus is None or 4 <= node.host.vcpus <= 512


@pytest.mark.parametrize("offer", offers(), ids=name_of)
def test_offers_refer_to_catalogued_things(offer: Offer) -> None:
    assert offer.node is nodes()[offer.provider.name, offer.node.name]
    assert offer.provider is providers()[offer.provider.name]
    assert offer.id == f"{offer.provider.name}/{offer.node.name}/{offer.region}/{offer.pricing}"
    assert offer.pricing == "on-demand"
    assert date(2025, 1, 1) <= offer.as_of <= LATEST
    assert "max_nodes" in offer.source, "what max_nodes rests on is said"
    assert (offer.max_nodes == 1) >= (offer.node.network is None)


def test_offers_are_unique_and_every_node_and_provider_is_sold() -> None:
    assert len({offer.id for offer in offers()}) == len(offers())
    assert {offer.node for offer in offers()} == set(NODES)
    assert {offer.provider.name for offer in offers()} == set(providers())


# From about 0.3 USD (Vast, RTX 4090) to 16 USD (Azure, H100 in Europe) for a GPU and hour: a price per month or per
# GPU instead of per node falls out of the range.
@pytest.mark.parametrize("offer", offers(), ids=name_of)
def test_prices_per_gpu_are_plausible(offer: Offer) -> None:
    assert 0.2 < offer.price_usd_per_hour / offer.node.gpus_per_node < 20


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


def test_the_examples_of_the_readme_are_valid() -> None:
    from gpuplan_hardware import schema

    readme = Path(__file__).parents[2] / "hardware" / "README.md"
    blocks = re.findall(r"```toml\n(.*?)```", readme.read_text(encoding="utf-8"), flags=re.DOTALL)
    accelerator, node = blocks
    schema.AcceleratorFile.model_validate(tomllib.loads(accelerator))
    schema.NodeFile.model_validate(tomllib.loads(node))
