"""Countries of regions, and areas for limits on where data may be."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gpuplan_hardware import CatalogueError, offers
from gpuplan_hardware.regions import areas, country, in_area, members_of

PRICES = Path(__file__).parents[3] / "shared" / "data" / "prices"

#: Regions of the price files that no source places; a gap stays a gap.
GAPS = {("lambda", "europe-south-1")}


@pytest.mark.parametrize(
    ("provider", "region", "code"),
    [
        ("aws", "us-east-1", "US"),
        ("aws", "EU-Central-1", "DE"),
        ("aws", "cn-north-1", "CN"),
        ("aws", "eu-central-2", "CH"),
        ("azure", "swedencentral", "SE"),
        ("azure", "northeurope", "IE"),
        ("azure", "southeastasia", "SG"),
        ("gcp", "europe-west4", "NL"),
        ("gcp", "europe-west2", "GB"),
        ("gcp", "me-west1", "IL"),
        ("oci", "eu-zurich-1", "CH"),
        ("lambda", "us-midwest-1", "US"),
        ("lambda", "asia-northeast-2", "JP"),
        ("nebius", "eu-north1", "FI"),
        ("nebius", "us-central1", "US"),
        ("verda", "FIN-03", "FI"),
        ("verda", "ICE-01", "IS"),
        ("runpod", "SE", "SE"),
        ("runpod", "EUR-IS-1", "IS"),
        ("runpod", "US-KS-2", "US"),
        ("vast", "Sweden, SE", "SE"),
        ("vast", "US", "US"),
        ("vast", "Windhoek, NA", "NA"),
        ("coreweave", "US-EAST-04", "US"),
        ("coreweave", "EU-NORTH-02A", "NO"),
        ("alibaba", "cn-hangzhou", "CN"),
        ("alibaba", "cn-hongkong", "HK"),
        ("huawei", "cn-north-4", "CN"),
        ("huawei", "ap-southeast-1", "HK"),
        ("own", "DE", "DE"),
    ],
)
def test_a_region_is_in_its_country(provider: str, region: str, code: str) -> None:
    assert country(provider, region) == code


@pytest.mark.parametrize(
    ("provider", "region"),
    [
        ("aws", "us-east-1-bue-1"),  # a Local Zone in Buenos Aires
        ("aws", "eu-nowhere-1"),
        ("aws", "US"),  # not how the provider names it
        ("vast", "NA"),  # North America or Namibia
        ("vast", ", EU"),
        ("vast", "Europe"),
        ("oci", "any"),
        ("lambda", "europe-south-1"),
        ("own", "any"),
        ("hyperstack", "CANADA-1"),
    ],
)
def test_what_nobody_says_is_unknown(provider: str, region: str) -> None:
    assert country(provider, region) is None
    assert in_area(provider, region, "eu") is None


def test_areas_hold_what_their_names_say() -> None:
    known = areas()
    assert len(known["eu"]) == 27
    assert known["eea"] - known["eu"] == {"IS", "LI", "NO"}
    assert known["us"] == {"US"}
    assert known["cn"] == {"CN"}
    assert {"JP", "SG", "AU", "IN", "CN"} <= known["apac"]
    assert members_of("EU") == known["eu"]
    assert members_of("de") == {"DE"}


def test_a_limit_holds_only_where_the_country_is_known() -> None:
    assert in_area("gcp", "europe-west4", "eu") is True
    assert in_area("gcp", "europe-west2", "eu") is False
    assert in_area("azure", "norwayeast", "eu") is False
    assert in_area("azure", "norwayeast", "EEA") is True
    assert in_area("azure", "norwayeast", "NO") is True
    assert in_area("lambda", "europe-south-1", "eu") is None


def test_an_unknown_area_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(CatalogueError) as caught:
        in_area("aws", "us-east-1", "Europa")
    assert caught.value.field == "area"
    assert "eu, eea" in str(caught.value)
    with pytest.raises(CatalogueError):
        members_of("XX")


def test_every_built_in_offer_is_anywhere_or_in_a_country() -> None:
    places = {(offer.provider.name, offer.region) for offer in offers()}
    assert [place for place in sorted(places) if place[1] != "any" and country(*place) is None] == []


@pytest.mark.skipif(not PRICES.exists(), reason="the price files of ../shared are not here")
def test_every_region_of_the_price_files_has_a_country() -> None:
    names = {"aws_ondemand_gpu_karpenter": "aws", "azure_ondemand_gpu_karpenter": "azure", "gcp_gpu_cyclenerd": "gcp"}
    found: set[tuple[str, str]] = set()
    for path in sorted(PRICES.rglob("*.csv")):
        provider = names.get(path.stem) or (path.stem.split("_")[0] if path.parent != PRICES else None)
        if provider is not None:
            with path.open(encoding="utf-8", newline="") as file:
                found |= {(provider, row["Region"]) for row in csv.DictReader(file)}
    assert len(found) > 120
    assert {place for place in found if country(*place) is None} == GAPS
