"""What to ask for: amounts worked by hand, every rule sourced, no offer without a need."""

from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from gpuplan_hardware import CatalogueError, Offer, catalogue, nodes, offers, quotas
from gpuplan_hardware.entities import Pricing
from gpuplan_hardware.quotas import QuotaNeed, quota_needs

RULES = [(provider, rule) for provider, rules in quotas._rules().items() for rule, _ in rules]


def offer_of(node: str, pricing: Pricing = "on-demand") -> Offer:
    """A built-in offer of the node, under another pricing if need be."""
    found = next(offer for offer in offers() if offer.node.name == node)
    return replace(found, pricing=pricing)


def by_name(needs: tuple[QuotaNeed, ...]) -> dict[str, int | None]:
    return {need.name: need.amount for need in needs}


@pytest.mark.parametrize(
    ("node", "pricing", "count", "expected"),
    [
        ("p5.48xlarge", "on-demand", 4, {"Running On-Demand P instances": 768}),  # 4 x 192 vCPUs
        ("p5.48xlarge", "reserved-3y", 1, {"Running On-Demand P instances": 192}),
        ("p5.48xlarge", "spot", 2, {"All P5 Spot Instance Requests": 384}),
        ("p4d.24xlarge", "spot", 3, {"All P4, P3 and P2 Spot Instance Requests": 288}),  # 3 x 96 vCPUs
        ("p6-b200.48xlarge", "spot", 1, {"Spot Instance Requests for P6": 192}),
        ("g5.48xlarge", "on-demand", 2, {"Running On-Demand G and VT instances": 384}),  # 2 x 192 vCPUs
        ("trn1.32xlarge", "spot", 1, {"All Trn Spot Instance Requests": 128}),
        ("p5en.48xlarge", "capacity-block", 16, {"Instances in EC2 Capacity Blocks": 16}),
        (
            "Standard_ND96isr_H100_v5",
            "on-demand",
            2,
            {"Standard NDSH100v5 Family vCPUs": 192, "Total Regional vCPUs": 192},  # 2 x 96 vCPUs
        ),
        ("Standard_ND96isr_H100_v5", "spot", 2, {"Total Regional Spot vCPUs": 192}),  # one for all families
        ("a3-highgpu-8g", "on-demand", 2, {"NVIDIA_H100_GPUS": 16, "GPUS_ALL_REGIONS": 16}),
        ("a3-highgpu-8g", "spot", 1, {"PREEMPTIBLE_NVIDIA_H100_GPUS": 8, "GPUS_ALL_REGIONS": 8}),
        ("a2-highgpu-8g", "on-demand", 1, {"NVIDIA_A100_GPUS": 8, "GPUS_ALL_REGIONS": 8}),
        ("a2-ultragpu-4g", "on-demand", 1, {"NVIDIA_A100_80GB_GPUS": 4, "GPUS_ALL_REGIONS": 4}),
        ("BM.GPU.A100-v2.8", "on-demand", 3, {"Compute: gpu-a100-v2-count": 24}),
        ("gpu-h200-sxm_8gpu-128vcpu-1600gb", "on-demand", 2, {"compute.instance.gpu.h200": 16}),
        ("gpu-h200-sxm_8gpu-128vcpu-1600gb", "reserved-1y", 2, {"GPUs in a capacity block group": 16}),
        ("gpu_8x_h100_sxm5", "capacity-block", 4, {"Nodes of a 1-Click Cluster": 4}),
        ("HGX-H100", "spot", 2, {"Nodes of a spot node pool": 2}),
    ],
)
def test_amounts_by_hand(node: str, pricing: Pricing, count: int, expected: dict[str, int]) -> None:
    assert by_name(quota_needs(offer_of(node, pricing), count)) == expected


def test_a_need_says_all_that_is_asked() -> None:
    (need,) = quota_needs(offer_of("p5.48xlarge"), 4)
    assert (need.unit, need.code, need.region, need.default_amount) == ("vCPUs", "L-417A185B", "us-east-1", 0)
    assert need.how is not None and need.how.endswith("/servicequotas/home/services/ec2/quotas/L-417A185B")
    assert "docs.aws.amazon.com" in need.source
    everywhere = quota_needs(offer_of("a3-highgpu-8g"), 2)[-1]
    assert everywhere.region == "all regions"


def test_runpod_limits_money_and_whole_dollars_are_asked_for() -> None:
    offer = replace(offer_of("8x_H100-SXM_SECURE"), price_usd_per_hour=21.52)
    (need,) = quota_needs(offer, 2)
    assert (need.amount, need.unit, need.default_amount) == (44, "USD per hour", 80)  # 43.04, rounded up


def test_unknown_vcpus_leave_the_amount_open_and_say_so() -> None:
    offer = offer_of("p5.48xlarge")
    node = replace(offer.node, host=replace(offer.node.host, vcpus=None))
    (need,) = quota_needs(replace(offer, node=node), 2)
    assert need.amount is None
    assert "vCPUs of p5.48xlarge are unknown" in need.note


def test_letter_case_does_not_matter() -> None:
    offer = offer_of("Standard_ND96isr_H100_v5")
    lower = replace(offer, node=replace(offer.node, name=offer.node.name.lower()))
    assert quota_needs(lower, 2) == quota_needs(offer, 2)


@pytest.mark.parametrize("pricing", ["capacity-block", "reserved-1y"])
def test_without_a_rule_the_provider_is_asked(pricing: Pricing) -> None:
    offer = offer_of("1x-RTX_4090", pricing)  # Vast publishes nothing of the kind
    (need,) = quota_needs(offer, 3)
    assert (need.name, need.amount, need.unit, need.how, need.basis) == (
        "ask the provider",
        3,
        "nodes",
        None,
        "assumed",
    )


def test_one_s_own_nodes_are_asked_of_nobody() -> None:
    (need,) = quota_needs(offer_of("DGX-B200", "owned"), 2)
    assert (need.name, need.amount, need.unit) == ("nodes of your own", 2, "nodes")


def test_every_offer_has_a_need_and_only_unknown_vcpus_leave_an_amount_open() -> None:
    for offer in offers():
        needs = quota_needs(offer, 2)
        assert needs
        for need in needs:
            unknown = need.unit == "vCPUs" and offer.node.host.vcpus is None
            assert (need.amount is None) == unknown, offer.id
            assert need.amount is None or need.amount >= 1, offer.id
        assert len({need.name for need in needs}) == len(needs), offer.id
        assert "ask the provider" not in by_name(needs), offer.id


@pytest.mark.parametrize(("provider", "rule"), RULES, ids=[f"{provider}/{rule.name}" for provider, rule in RULES])
def test_rules_are_sourced_and_fit_the_catalogue(provider: str, rule: object) -> None:
    from gpuplan_hardware.schema import QuotaRuleFile

    assert isinstance(rule, QuotaRuleFile)
    assert date(2017, 1, 1) <= rule.as_of <= max(date.today(), date(2026, 11, 21))
    assert len(quotas._rules()[provider][0][1][rule.source]) > 10
    shapes = [name.casefold() for seller, name in nodes() if seller == provider]
    known = any(fnmatchcase(shape, glob.casefold()) for shape in shapes for glob in rule.nodes)
    ahead = {"Running On-Demand DL instances", "All DL Spot Instance Requests", "Standard NVADSA10v5 Family vCPUs"}
    ahead |= {"Standard NDISRGB300V6 Family vCPUs", "compute.instance.gpu.b300"}  # shapes that only imports bring
    assert known or rule.name in ahead


def test_a_provider_with_spot_prices_says_what_spot_takes() -> None:
    names = {provider for provider, rule in RULES if "spot" in rule.pricings}
    assert names >= {"aws", "azure", "gcp", "nebius", "oci", "runpod", "vast", "verda", "coreweave"}


def test_no_nodes_is_an_error() -> None:
    with pytest.raises(CatalogueError, match=r"^nodes is 0: at least 1 was expected\.$"):
        quota_needs(offer_of("p5.48xlarge"), 0)


RULE = """name = "{name}"

[[quotas]]
name = "GPUs"
nodes = ["*"]
pricings = ["on-demand"]
counts = "{counts}"
unit = "GPUs"
scope = "region"
how = "{how}"
source = "{source}"
as_of = "2026-11-21"
basis = "datasheet"

[sources]
known = "somebody's page of quotas"
"""


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "awz"}, "name"),
        ({"counts": "cores"}, "quotas.0.counts"),
        ({"source": "unheard"}, "quotas.0.source"),
        ({"how": "https://example.org/?utm_source=x"}, "quotas.0.how"),
    ],
)
def test_a_wrong_file_is_named_with_field_and_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], field: str
) -> None:
    values = {"name": "aws", "counts": "gpus", "how": "https://example.org", "source": "known"} | changed
    (tmp_path / "quotas").mkdir()
    (tmp_path / "quotas" / "aws.toml").write_text(RULE.format(**values), encoding="utf-8")
    catalogue.providers()  # read before the folder is another
    monkeypatch.setattr(catalogue, "DATA", tmp_path)
    with pytest.raises(CatalogueError) as caught:
        quotas._rules.__wrapped__()
    assert caught.value.field == field
    assert next(iter(changed.values())) in str(caught.value)
