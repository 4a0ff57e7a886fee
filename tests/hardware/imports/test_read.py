"""Imports from end to end: which files are read, which are refused, and what the files of ../shared come to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuplan_hardware import CatalogueError, Offer
from gpuplan_hardware.imports import sources
from gpuplan_hardware.imports.base import Origin
from gpuplan_hardware.imports.fetch import Fetched
from gpuplan_hardware.imports.read import import_places
from gpuplan_hardware.imports.report import ImportReport

PRICES = Path(__file__).parents[4] / "shared" / "data" / "prices"
needs_prices = pytest.mark.skipif(not PRICES.exists(), reason="the price files of ../shared are not here")

AWS = """InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch
p4d.24xlarge,A100,8.0,96.0,1152.0,,21.957642,8.1915,us-east-1,use1-az1,x86_64
p4d.24xlarge,A100,8.0,96.0,1152.0,,21.957642,2.4655,us-east-1,use1-az2,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,,55.04,55.04,us-east-1,use1-az1,x86_64
m5.large,,,2.0,8.0,,0.096,0.04,us-east-1,use1-az1,x86_64
p2.xlarge,K80,1.0,4.0,61.0,,0.9,0.27,us-east-1,use1-az1,x86_64
"""


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_is_read_and_everything_of_it_is_counted(tmp_path: Path) -> None:
    report = import_places([write(tmp_path, "2026-05-20/aws/vms.csv", AWS)])
    (file,) = report.files
    assert (file.format, file.provider, file.as_of, file.as_of_basis) == (
        "SkyPilot catalogue",
        "aws",
        date(2026, 5, 20),
        "the path",
    )
    assert file.refused is None
    assert file.rows == file.taken + file.skipped.total()
    assert file.skipped["no GPU"] == 1
    assert file.skipped["a GPU that the catalogue does not have"] == 2
    assert file.skipped["a spot price equal to the on-demand price says nothing"] == 1
    assert file.skipped["a spot price under 12 % of the on-demand price is the floor of an idle zone"] == 1
    assert list(map(str, file.most("a GPU that the catalogue does not have"))) == ["line 6: K80 (2 prices)"]
    assert report.skipped == file.skipped
    assert {offer.id: offer.price_usd_per_hour for offer in report.offers} == {
        "aws/p4d.24xlarge/us-east-1/on-demand": 21.957642,
        "aws/p4d.24xlarge/us-east-1/spot": 8.1915,
        "aws/p5.48xlarge/us-east-1/on-demand": 55.04,
    }
    assert file.offers == 3
    assert len(file.sha256) == 64


def test_the_provider_and_the_day_can_be_given(tmp_path: Path) -> None:
    report = import_places([write(tmp_path, "vms.csv", AWS)], provider="amazon", as_of=date(2026, 1, 2))
    assert (report.files[0].provider, report.files[0].as_of_basis) == ("aws", "given")
    assert {offer.as_of for offer in report.offers} == {date(2026, 1, 2)}


def test_a_file_that_is_none_does_not_stop_the_others(tmp_path: Path) -> None:
    good = write(tmp_path, "aws/vms.csv", AWS)
    strange = write(tmp_path, "strange.csv", "name,colour\napple,red\n")
    page = write(tmp_path, "page.csv", "<!DOCTYPE html><html><body>404</body></html>\n")
    report = import_places([strange, good, page])
    refused = {Path(file.name).name: file.refused for file in report.files}
    assert refused["vms.csv"] is None
    assert str(refused["strange.csv"]).startswith("it is no price catalogue of a known kind (kinds: ")
    assert str(refused["strange.csv"]).endswith("; its first line is 'name,colour'")
    assert "web page" in str(refused["page.csv"])
    assert len(report.offers) == 3


def test_a_truncated_file_counts_for_nothing(tmp_path: Path) -> None:
    good = write(tmp_path, "aws/vms.csv", AWS)
    cut = write(tmp_path, "cut/aws/vms.csv", AWS[: AWS.index("55.04,55.04,us-e")])
    report = import_places([good, cut])
    assert report.files[1].refused is not None
    assert (report.files[1].rows, report.files[1].taken, report.files[1].skipped.total()) == (0, 0, 0)
    assert len(report.offers) == 3


def test_nothing_to_take_is_an_error_that_says_what_each_file_is(tmp_path: Path) -> None:
    strange = write(tmp_path, "strange.csv", "name,colour\napple,red\n")
    useless = write(tmp_path, "aws/vms.csv", "\n".join([AWS.splitlines()[0], AWS.splitlines()[4]]) + "\n")
    with pytest.raises(CatalogueError) as caught:
        import_places([strange, useless])
    assert caught.value.field == "offers"
    message = str(caught.value)
    assert "its first line is 'name,colour'" in message
    assert "none of 1 price could be taken (1: no GPU, first in line 2: m5.large)" in message
    assert message.endswith(".")


def own(*rows: str) -> str:
    """A price list of gpuplan, in mars, of so many USD per hour on such days."""
    header = "provider,region,pricing,node,gpu,gpus_per_node,max_nodes,price_usd_per_hour,as_of"
    return "\n".join([header, *(f"aws,mars-{at},on-demand,p5.48xlarge,,,16,{row}" for at, row in enumerate(rows)), ""])


def test_a_price_list_that_is_all_wrong_is_refused_with_the_first_row(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.csv", own("abc,2026-11-01", "9e9,2026-11-01"))
    with pytest.raises(CatalogueError) as caught:
        import_places([path])
    assert (
        "none of 2 prices could be taken (2: the row of the price list is wrong, first in line 2: price_usd_per_hour is 'abc'; "
        "a plain number from 0.0001 to 10000 (USD per hour of the whole node) was expected)."
    ) in str(caught.value)


def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(url: str, path: Path, most_bytes: int) -> Fetched:
        path.write_text("name,colour\napple,red\n")
        return Fetched(path, None, "f" * 64, 24)

    monkeypatch.setattr(sources, "fetch", answer)
    with pytest.raises(CatalogueError) as caught:
        import_places(["https://me:secret@raw.example/vms.csv"])
    assert "https://raw.example/vms.csv" in str(caught.value)
    assert "secret" not in f"{caught.value} {caught.value.value}"

    def broken(url: str, path: Path, most_bytes: int) -> Fetched:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sources, "fetch", broken)
    with pytest.raises(CatalogueError, match="No space left") as caught:
        import_places(["https://me:secret@raw.example/vms.csv"])
    assert "secret" not in f"{caught.value} {caught.value.value}"


def test_files_whose_rows_have_their_day_show_the_newest(tmp_path: Path) -> None:
    header = "ArmSkuName,Region,PriceHourly,GeneratedAt\n"
    line = "Standard_ND96asr_v4,eastus,27.2,"
    own_days = write(
        tmp_path, "a.csv", f"{header}{line}2026-06-18T01:02:03Z\n{line.replace('eastus', 'x')}2026-06-20T0:0:0Z\n"
    )
    listed = write(tmp_path, "b.csv", own("50,2026-11-01", "50,2026-11-03"))
    some = write(tmp_path, "c.csv", f"{header}{line}2026-06-18T01:02:03Z\n{line}\n")
    report = import_places([own_days, listed, some], as_of=date(2026, 5, 5))
    assert [(file.as_of, file.as_of_basis) for file in report.files] == [
        (date(2026, 6, 20), "the rows"),
        (date(2026, 11, 3), "the rows"),
        (date(2026, 5, 5), "given"),
    ]


def test_a_day_that_is_given_beats_the_path_and_that_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-05-20/aws/vms.csv", AWS)
    (file,) = import_places([path], as_of=date(2026, 7, 30)).files
    assert (file.as_of, file.as_of_basis, file.day_in_path) == (date(2026, 7, 30), "given", date(2026, 5, 20))
    for day in (None, date(2026, 5, 20)):
        (file,) = import_places([path], as_of=day).files
        assert (file.as_of, file.day_in_path) == (date(2026, 5, 20), None)


def test_offers_whose_day_nobody_states_are_known(tmp_path: Path) -> None:
    path = write(tmp_path, "aws/vms.csv", AWS)
    report = import_places([path])
    assert report.origins == dict.fromkeys((offer.id for offer in report.offers), Origin("SkyPilot catalogue", True))
    assert all("date of the file's last change" in offer.source for offer in report.offers)
    stated = import_places([path], as_of=date(2026, 5, 20))
    assert set(stated.origins.values()) == {Origin("SkyPilot catalogue", False)}


@pytest.mark.parametrize("day", ["1970-01-01", "2014-12-31"])
def test_rows_of_an_impossible_day_are_left_out(tmp_path: Path, day: str) -> None:
    report = import_places([write(tmp_path, "a.csv", own(f"50,{day}", "50,2026-11-01"))])
    assert report.skipped == {"a day before 2015-01-01": 1}
    assert [offer.as_of for offer in report.offers] == [date(2026, 11, 1)]


def test_what_is_left_out_is_told_apart(tmp_path: Path) -> None:
    k80 = AWS.splitlines()[-1]
    rows = [k80, k80, k80.replace("K80", "M60"), *[k80.replace("K80", "P4")] * 3]
    report = import_places([write(tmp_path, "aws/vms.csv", "\n".join([AWS.rstrip(), *rows]) + "\n")])
    told = report.files[0].most("a GPU that the catalogue does not have")
    assert [(one.what, one.line, one.prices) for one in told] == [("K80", 6, 6), ("P4", 10, 6), ("M60", 9, 2)]


def test_a_long_first_line_is_cut(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"its first line is 'x{60}\.\.\.'"):
        import_places([write(tmp_path, "long.csv", "x" * 5000 + "\n")])


@pytest.mark.parametrize(("sign", "signs"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separators_are_named(tmp_path: Path, sign: str, signs: str) -> None:
    with pytest.raises(CatalogueError, match=f"its columns are separated by {signs}; commas were expected"):
        import_places([write(tmp_path, "aws.csv", AWS.replace(",", sign))])


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError):
        import_places([str(tmp_path / "nothing.csv")])


def test_newer_files_win_and_what_differs_is_told(tmp_path: Path) -> None:
    new = write(tmp_path, "2026-05-20/aws/vms.csv", AWS)
    old = write(tmp_path, "2025-05-20/aws/vms.csv", AWS.replace("21.957642", "32.7726"))
    report = import_places([old, new])
    prices = {offer.id: offer.price_usd_per_hour for offer in report.offers}
    assert prices["aws/p4d.24xlarge/us-east-1/on-demand"] == 21.957642
    (difference,) = report.differences
    assert difference.other_usd_per_hour == 32.7726
    assert [file.offers for file in report.files] == [0, 3]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    junk=st.binary(max_size=60),
    at=st.integers(0, len(AWS)),
    cut=st.integers(0, len(AWS)),
    name=st.sampled_from(["aws/vms.csv", "prices.json", "x.csv", "aws/vms.csv.gz", "x.zip"]),
)
def test_broken_files_are_refused_or_read_and_never_more(
    tmp_path: Path, junk: bytes, at: int, cut: int, name: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    text = AWS.encode()
    path.write_bytes((text[:at] + junk + text[at:])[: cut + len(junk)])
    try:
        report = import_places([str(path)])
    except CatalogueError as error:
        assert str(error)
        return
    for offer in report.offers:
        assert 1e-3 <= offer.price_usd_per_hour <= 1e4
        assert offer.id.isprintable()
    for file in report.files:
        assert file.rows == file.taken + file.skipped.total()


@pytest.fixture(scope="module")
def shared() -> ImportReport:
    if not PRICES.exists():
        pytest.skip("the price files of ../shared are not here")
    return import_places([str(PRICES)])


@pytest.fixture(scope="module")
def by_id(shared: ImportReport) -> dict[str, Offer]:
    return {offer.id: offer for offer in shared.offers}


@needs_prices
def test_every_price_file_is_taken_and_every_other_one_refused(shared: ImportReport) -> None:
    files = {Path(file.name).name: file for file in shared.files}
    refused = {name for name, file in files.items() if file.refused is not None}
    assert refused == {
        "aws_gpu_instance_types_karpenter.csv",
        "aws_price_history_us-east-1.csv",
        "epoch_purchase_prices.csv",
    }
    for name in files.keys() - refused:
        file = files[name]
        assert file.taken > 0
        assert file.rows == file.taken + file.skipped.total()
    assert sum(file.offers for file in shared.files) == len(shared.offers) == len({offer.id for offer in shared.offers})


#: HARDWARE.md, section 1; on demand.
ON_DEMAND = {
    "aws/p4d.24xlarge/us-east-1": 21.9576,
    "aws/p4de.24xlarge/us-east-1": 27.4471,
    "aws/p5.48xlarge/us-east-1": 55.04,
    "aws/p5en.48xlarge/us-east-1": 63.296,
    "aws/p6-b200.48xlarge/us-east-1": 113.933,
    "aws/p6-b300.48xlarge/us-east-1": 142.416,
    "aws/g5.48xlarge/us-east-1": 16.288,
    "aws/g6e.48xlarge/us-east-1": 30.131,
    "azure/Standard_ND96asr_v4/eastus": 27.197,
    "azure/Standard_ND96amsr_A100_v4/eastus": 32.77,
    "azure/Standard_ND96isr_H100_v5/eastus": 98.32,
    "gcp/a2-highgpu-8g/us-central1": 29.387,
    "gcp/a2-ultragpu-8g/us-central1": 40.550,
    "gcp/a3-highgpu-8g/us-central1": 88.490,
    "lambda/gpu_8x_a100_80gb_sxm4/us-east-1": 22.32,
    "lambda/gpu_8x_h100_sxm5/us-east-1": 31.92,
    "lambda/gpu_8x_b200_sxm6/us-east-1": 53.52,
    "nebius/gpu-h100-sxm_8gpu-128vcpu-1600gb/eu-north1": 23.6,
    "nebius/gpu-h200-sxm_8gpu-128vcpu-1600gb/eu-north1": 28.0,
    "nebius/gpu-b200-sxm_8gpu-160vcpu-1792gb/us-central1": 44.0,
    "verda/1A100.22V/FIN-01": 1.29,
    "verda/1H100.80S.32V/FIN-02": 2.29,
    "verda/1B300.30V/FIN-03": 6.99,
}
OTHERS = {
    "gcp/a2-highgpu-8g/us-central1/reserved-1y": 18.51,
    "gcp/a2-highgpu-8g/us-central1/reserved-3y": 10.29,
    "gcp/a3-highgpu-8g/us-central1/reserved-1y": 61.38,
    "gcp/a3-highgpu-8g/us-central1/reserved-3y": 38.86,
    "gcp/a2-highgpu-8g/us-central1/spot": 15.42,
    "gcp/a3-highgpu-8g/us-central1/spot": 50.61,
    "azure/Standard_ND96isr_H100_v5/eastus/spot": 18.17,
    "aws/p4d.24xlarge/us-east-1/spot": 8.19,
    "aws/p4de.24xlarge/us-east-1/spot": 9.97,
    "aws/p5.48xlarge/us-east-1/spot": 25.75,
    "nebius/gpu-h100-sxm_8gpu-128vcpu-1600gb/eu-north1/spot": 10.0,
}


@needs_prices
@pytest.mark.parametrize(
    ("offer", "usd_per_hour"), [*((f"{key}/on-demand", usd) for key, usd in ON_DEMAND.items()), *OTHERS.items()]
)
def test_prices_are_those_of_the_studied_table(by_id: dict[str, Offer], offer: str, usd_per_hour: float) -> None:
    assert by_id[offer].price_usd_per_hour == pytest.approx(usd_per_hour, abs=0.006)


@needs_prices
def test_days_are_those_of_the_rows_and_the_paths(by_id: dict[str, Offer]) -> None:
    assert by_id["aws/p5.48xlarge/us-east-1/on-demand"].as_of == date(2026, 7, 20)
    assert by_id["lambda/gpu_8x_h100_sxm5/us-east-1/on-demand"].as_of == date(2026, 5, 20)


@needs_prices
def test_traps_of_the_price_files(shared: ImportReport, by_id: dict[str, Offer]) -> None:
    assert by_id["azure/Standard_NCC40ads_H100_v5/westeurope/on-demand"].node.accelerator.name == "H100-NVL"
    assert by_id["azure/Standard_NC24s_v3/eastus/on-demand"].node.accelerator.name == "V100-16GB-PCIe"
    assert by_id["lambda/gpu_1x_h100_pcie/us-east-1/on-demand"].node.accelerator.name == "H100-PCIe"
    assert by_id["verda/2B300.60V/FIN-03/spot"].price_usd_per_hour == 4.893
    assert "verda/2B300.60V/FIN-03/on-demand" not in by_id
    assert not any(key.startswith("azure/Standard_ND96isr_H200_v5/") and key.endswith("/spot") for key in by_id)
    assert not any("/gpu_2x_a100/" in key for key in by_id)  # 40 GB, but PCIe or SXM?
    yuan = by_id["aws/g4dn.12xlarge/cn-north-1/on-demand"]
    assert yuan.as_of == date(2024, 11, 6)
    assert "CNY at 0.147033 USD of 2026-05-08" in yuan.source
    assert shared.skipped["a part of a GPU"] > 400
