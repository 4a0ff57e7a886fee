"""Whatever a file holds, an import takes it or refuses it with one sentence, and what was imported before stays as it is.

Files of every known kind are changed at random (cells swapped, doubled, deleted, replaced by what no catalogue should hold; lines too;
other encodings, cut short, packed), and files of no kind at all are tried. Nothing but `CatalogueError` may come out; then the folder of
the catalogue has the bytes that it had. After an import that succeeds every offer of it can be planned with.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gpuplan_hardware import CatalogueError, Offer, accelerators, nodes
from gpuplan_hardware.imports import sources
from gpuplan_hardware.imports.keep import keep
from gpuplan_hardware.imports.manifest import ImportedFile
from gpuplan_hardware.imports.read import import_places
from gpuplan_hardware.imports.report import FileReport
from gpuplan_hardware.imports.store import Store

SKYPILOT = """\
InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch
p4d.24xlarge,A100,8.0,96.0,1152.0,"{'Gpus': [{'MemoryInfo': {'SizeInMiB': 40960}}]}",21.957642,8.1915,us-east-1,use1-az1,x86_64
p4d.24xlarge,A100,8.0,96.0,1152.0,,21.957642,2.4655,us-east-1,use1-az2,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,,55.04,20.5,us-west-2,usw2-az1,x86_64
g99.xlarge,L4,1.0,4.0,16.0,,0.8,0.3,us-west-2,usw2-az1,x86_64
m5.large,,,2.0,8.0,,0.096,0.04,us-east-1,use1-az1,x86_64
"""
GCP = """\
InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice
a2-highgpu-8g,96.0,680.0,,,,us-central1,us-central1-a,6.0,2.0
,,,A100,8.0,A100,us-central1,us-central1-a,23.4,7.0
a3-highgpu-8g,208.0,1872.0,,,,us-central1,us-central1-b,10.0,4.0
,,,H100,8.0,H100,us-central1,us-central1-b,78.4,20.0
"""
AZURE = """\
InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,Generation
Standard_ND96asr_v4,A100,8,96,900,A100,27.197,9.0,eastus,V1,V2
Standard_NC24ads_A100_v4,A100-80GB,1,24,220,A100,3.673,0.7,westeurope,V2
"""
GPUHUNT = """\
instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor
gpu_8x_h100_sxm5,us-east-1,23.92,208,1800,8,H100,80,False,,nvidia
gpu_8x_h100_sxm5,us-east-1,9.5,208,1800,8,H100,80,True,,nvidia
gpu_1x_a10,us-west-1,0.75,30,200,1,A10,24,False,,nvidia
"""
KARPENTER = """\
InstanceType,Region,PriceHourly,Currency,NetworkMbps,GeneratedAt
p5.48xlarge,us-east-1,55.04,USD,3200000,2026-07-20T13:44:30Z
p3.16xlarge,cn-north-1,173.4,CNY,25000,2026-07-20T13:44:30Z
"""
CYCLENERD = """\
MachineType,Region,hour,hour_spot,month,month_1y,month_3y,month_spot
a2-highgpu-8g,europe-west4,31.2,11.1,22776.1,14349.2,7972.1,8103.4
g2-standard-4,us-east1,0.7,0.28,516.1,325.1,232.2,204.5
"""
PRICING_YML = """\
about:
  timestamp: 1785400000
compute:
  instance:
    a2-highgpu-8g:
      cpu: 96
      ram: 680
      cost:
        us-central1:
          hour: 29.38
          hour_spot: 9.1
          month_1y: 13500.5
"""
AWS = """\
"FormatVersion","v1.0"
"Disclaimer","This pricing list is for informational purposes only."
"Publication Date","2026-10-05T20:59:55Z"
"Version","20261005205955"
"OfferCode","AmazonEC2"
"TermType","Unit","PricePerUnit","Currency","Product Family","Instance Type","vCPU","Memory","Tenancy","Operating System",\
"CapacityStatus","Pre Installed S/W","GPU","Region Code","MarketOption","LeaseContractLength","PurchaseOption","OfferingClass"
"OnDemand","Hrs","21.957","USD","Compute Instance","p4d.24xlarge","96","1,152 GiB","Shared","Linux","Used","NA","8",\
"us-east-1","OnDemand","","",""
"Reserved","Hrs","13.4","USD","Compute Instance","p4d.24xlarge","96","1,152 GiB","Shared","Linux","Used","NA","8",\
"us-east-1","","1yr","No Upfront","standard"
"""
OWN = """\
provider,region,pricing,node,gpu,gpus_per_node,max_nodes,price_usd_per_hour,as_of,intra_node_gb_per_s_per_gpu,vcpus,ram_gib
aws,us-east-1,on-demand,p5.48xlarge,,,16,54.0,2026-10-01,,,
crusoe,us-north,reserved-1y,h100-8x,H100-SXM,8,4,17.0,2026-10-01,450,176,960
"""


def _item(**words: object) -> dict[str, object]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": 27.197,
        "armRegionName": "eastus",
        "meterName": "ND96asr A100 v4",
        "productName": "Virtual Machines NDasr A100 v4 Series",
        "skuName": "ND96asr A100 v4",
        "serviceName": "Virtual Machines",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "Standard_ND96asr_v4",
        **words,
    }


ITEMS = [
    _item(),
    _item(retailPrice=5.98, skuName="ND96asr A100 v4 Spot"),
    _item(type="Reservation", reservationTerm="1 Year"),
]
#: A file of every kind that is taken, under a name that tells the provider.
KINDS: dict[str, tuple[str, str]] = {
    "skypilot": ("2026-10-01/aws/vms.csv", SKYPILOT),
    "skypilot gcp": ("2026-10-01/gcp/vms.csv", GCP),
    "skypilot azure": ("2026-10-01/azure/vms.csv", AZURE),
    "gpuhunt": ("2026-10-01/lambdalabs.csv", GPUHUNT),
    "karpenter": ("karpenter.csv", KARPENTER),
    "cyclenerd": ("gcp.csv", CYCLENERD),
    "cyclenerd yaml": ("pricing.yml", PRICING_YML),
    "azure retail": ("page.json", json.dumps({"Items": ITEMS, "Count": len(ITEMS)}, indent=1)),
    "azure lines": ("pages.jsonl", "".join(f"{json.dumps(item)}\n" for item in ITEMS)),
    "aws price list": ("index.csv", AWS),
    "gpuplan": ("own.csv", OWN),
}  # fmt: skip
#: What no cell should hold.
NASTY = (
    "", " ", "0", "-1", "-0.0", "nan", "NaN", "inf", "-Infinity", "1e308", "1e309", "1e-320", "9" * 400, "1_000", "1,5", "0x10", "٣",
    "null", "true", "[]", "{}", '"', '""', "'", "\0", "\ufeff", "\u202e", "\u2028", "é", "😀", "\ud7ff", "=1+1", "../../etc", "a/b",
    "\\", "\t", "2099-01-01", "0000-00-00", "20260101", "<html>", "x" * 300, "8.5", "1e3", "H100", "us-east-1", "p5.48xlarge", "8",
    "55.04",
)  # fmt: skip
CELLS = re.compile(r"[^,:\n\"\s]+")
TODAY = datetime.now(UTC).date()


# -- the catalogue ---------------------------------------------------------------------------------------------------------
class Catalogue:
    """A catalogue with an import in it, as it was when it was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        first = folder.parent / "first.csv"
        first.write_text(OWN.replace("us-east-1", "mars").replace("us-north", "moon"), encoding="utf-8")
        report = import_places([str(first)])
        keep(Store(folder), report.offers, [])
        self.content = self.bytes()
        self.ids = {offer.id for offer in report.offers}

    def bytes(self) -> dict[str, bytes]:
        """Every file."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}

    def restore(self) -> None:
        """Put back what was there at first."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, content in self.content.items():
            (self.folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    with tempfile.TemporaryDirectory() as folder:
        yield Catalogue(Path(folder) / "offers")


def attempt(catalogue: Catalogue, name: str, content: bytes) -> list[Offer] | None:
    """Import a file; None where it is refused, and then nothing has changed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        try:
            report = import_places([str(path)])
            keep(Store(catalogue.folder), report.offers, [_entry(file) for file in report.files])
        except CatalogueError as error:
            assert str(error)
            assert "\n" not in str(error)
            assert error.field == "offers"
            assert catalogue.bytes() == catalogue.content
            return None
    try:
        for file in report.files:
            assert file.rows == file.taken + file.skipped.total()
            assert min(file.rows, file.taken) >= 0
        return _checked(catalogue, report.offers)
    finally:
        catalogue.restore()


def _entry(file: FileReport) -> ImportedFile:
    """What is kept of the report on a file."""
    skipped = dict(file.skipped)
    words = (file.name, file.format, file.provider, file.as_of, file.as_of_basis, file.sha256, file.rows, file.taken)
    return ImportedFile(*words, file.offers, skipped, file.refused)


def _checked(catalogue: Catalogue, imported: list[Offer]) -> list[Offer]:
    """The catalogue can be read again, nothing of it was lost, and every offer is one to plan with."""
    table = Store(catalogue.folder).table()
    assert table is not None
    assert Store(catalogue.folder).imports()[-1].offers == len(table)
    ids = table.ids()
    assert len(set(ids)) == len(ids) == len(table)
    assert {offer.id for offer in imported} | catalogue.ids == set(ids)
    gpus, known = set(map(id, accelerators().values())), nodes()
    for offer in table:
        node = offer.node
        assert 1e-3 <= offer.price_usd_per_hour <= 1e4
        assert id(node.accelerator) in gpus
        assert node.accelerator.refused is None or offer.source.startswith("gpuplan")
        assert node.gpus_per_node >= 1
        assert (node.gpus_per_node == 1) == (node.intra_node.kind == "none")
        if (node.provider, node.name) in known:
            assert known[node.provider, node.name].gpus_per_node == node.gpus_per_node
        assert offer.max_nodes >= 1
        assert node.network is not None or offer.max_nodes == 1 or node.domain_gpus is not None
        for text in (offer.id, offer.region, offer.source, offer.provider.name, node.name):
            assert text
            assert text.isprintable()
        assert offer.id == f"{offer.provider.name}/{node.name}/{offer.region}/{offer.pricing}"
        assert offer.as_of <= TODAY + timedelta(days=1)  # it may be tomorrow where the prices are from
    return imported


# -- files of a known kind, changed ----------------------------------------------------------------------------------------
def mutated(rng: Random, text: str) -> bytes:
    """A text with a few changes, in bytes."""
    for _ in range(rng.randint(1, 4)):
        text = rng.choice(CHANGES)(rng, text)
    content = text.encode("utf-8", "surrogatepass")
    return rng.choice(ENCODINGS)(rng, content) if rng.random() < 0.2 else content


def _swap_cells(rng: Random, text: str) -> str:
    cells = list(CELLS.finditer(text))
    if len(cells) < 2:
        return text
    one, other = sorted(rng.sample(cells, 2), key=lambda cell: cell.start())
    return f"{text[: one.start()]}{other[0]}{text[one.end() : other.start()]}{one[0]}{text[other.end() :]}"


def _replace_cell(rng: Random, text: str) -> str:
    cells = list(CELLS.finditer(text))
    if not cells:
        return text
    cell = rng.choice(cells)
    return text[: cell.start()] + rng.choice((*NASTY, f"{cell[0]},{cell[0]}", cell[0] * 2)) + text[cell.end() :]


def _replace_column(rng: Random, text: str) -> str:
    """The same in every line, so that no row is as it should be."""
    place, nasty = rng.randrange(12), rng.choice(NASTY)
    lines = [line.split(",") for line in text.splitlines()]
    for cells in lines[1:]:
        if place < len(cells):
            cells[place] = nasty
    return "\n".join(",".join(cells) for cells in lines) + "\n"


def _change_lines(rng: Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        del lines[one]
    elif what == 1:
        lines.insert(other, lines[one])
    elif what == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif what == 3:
        lines[one] = lines[one].replace(",", "", 1)
    else:
        lines[one] = lines[one].replace(",", ",,", 1)
    return "".join(lines)


def _insert(rng: Random, text: str) -> str:
    place = rng.randint(0, len(text))
    return text[:place] + rng.choice((*NASTY, "\n", "\r", '"\n', "\r\n\r\n")) + text[place:]


def _cut(rng: Random, text: str) -> str:
    return text[: rng.randint(0, len(text))]


CHANGES: tuple[Callable[[Random, str], str], ...] = (
    _swap_cells, _replace_cell, _replace_cell, _replace_column, _change_lines, _insert, _cut,
)  # fmt: skip


def _zipped(content: bytes, name: str = "aws/vms.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


ENCODINGS: tuple[Callable[[Random, bytes], bytes], ...] = (
    lambda rng, content: b"\xef\xbb\xbf" + content,
    lambda rng, content: content.decode(errors="replace").encode("utf-16"),
    lambda rng, content: content.decode(errors="replace").encode("utf-32", "replace"),
    lambda rng, content: content.decode(errors="replace").encode("latin-1", "replace"),
    lambda rng, content: content.replace(b"\n", b"\r\n"),
    lambda rng, content: content.replace(b"\n", b"\r"),
    lambda rng, content: content[:-1] + bytes([rng.randrange(256)]),
    lambda rng, content: gzip.compress(content),
    lambda rng, content: gzip.compress(content)[: rng.randrange(1, 60)],
    lambda rng, content: _zipped(content),
    lambda rng, content: _zipped(content)[: rng.randrange(1, 400)],
    lambda rng, content: _zipped(_zipped(content), "inner.zip"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_taken_as_they_are(catalogue: Catalogue, kind: str) -> None:
    name, text = KINDS[kind]
    assert attempt(catalogue, name, text.encode())


@pytest.mark.sources
@settings(max_examples=450, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(KINDS)), rng=st.randoms(use_true_random=False))
def test_a_file_that_is_changed_is_taken_or_refused(catalogue: Catalogue, kind: str, rng: Random) -> None:
    name, text = KINDS[kind]
    attempt(catalogue, name, mutated(rng, text))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from([kind for kind in sorted(KINDS) if "," in KINDS[kind][1].splitlines()[0]]))
def test_a_header_with_anything_below_it(catalogue: Catalogue, data: st.DataObject, kind: str) -> None:
    name, text = KINDS[kind]
    header = text.splitlines()[0]
    width = header.count(",") + 1
    seen = sorted({cell for line in text.splitlines()[1:] for cell in line.split(",")})
    cell = st.one_of(st.sampled_from(seen), st.sampled_from(NASTY), st.floats().map(str), st.text(max_size=8))
    rows = data.draw(st.lists(st.lists(cell, min_size=width - 1, max_size=width + 1), max_size=6))
    lines = [header, *(",".join(row) for row in rows)]
    attempt(catalogue, name, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"))


# -- files of no kind ------------------------------------------------------------------------------------------------------
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
    before=st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b", b"{", b"[", b"<html>", b"\xef\xbb\xbf", b"FormatVersion,OfferCode\n"]),
    name=st.sampled_from(["vms.csv", "aws.json", "x", "a.zip", "a.gz", "own.csv"]),
)  # fmt: skip
def test_bytes_of_any_kind(catalogue: Catalogue, content: bytes, before: bytes, name: str) -> None:
    assert attempt(catalogue, name, before + content) is None


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*ITEMS[0], "Items"]), inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.sources
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.dictionaries(st.sampled_from(sorted(ITEMS[0])), values, max_size=4), around=values, lines=st.booleans())
@example(words={"retailPrice": 10**400}, around=None, lines=False)
@example(words={"armRegionName": "\ud800"}, around=None, lines=False)
@example(words={"currencyCode": "EUR"}, around=None, lines=True)
def test_json_with_the_keys_of_azure(catalogue: Catalogue, words: dict[str, Any], around: Any, lines: bool) -> None:
    items = [_item(), _item(**words), around] if around is not None else [_item(), _item(**words)]
    text = "\n".join(map(json.dumps, items)) if lines else json.dumps({"Items": items})
    attempt(catalogue, "page.json", text.encode())


PAGE = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not Found</body></html>"
HOPELESS = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "a web page": PAGE,
    "a web page after blanks": b"\r\n  " + PAGE.lower(),
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "a header alone": SKYPILOT.splitlines()[0].encode() + b"\n",
    "a header without an end": SKYPILOT.splitlines()[0].encode(),
    "a row that ends early": SKYPILOT.encode()[:300],
    "an open quote": SKYPILOT.encode() + b'p5.48xlarge,"H100',
    "zeros": bytes(100_000),
    "UTF-16": SKYPILOT.encode("utf-16"),
    "a pointer of git": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"Items":[{"armSkuName":"a","retailPrice":1},' + b'{"a":' * 100_000,
    "JSON cut short": KINDS["azure retail"][1].encode()[:900],
    "a number of a million digits": b'{"Items":[{"armSkuName":"Standard_ND96asr_v4","retailPrice":' + b"9" * 1_000_000 + b"}]}",
    "one long line": b"a," * 500_000,
    "one long cell": SKYPILOT.splitlines()[0].encode() + b"\n" + b"x" * 500_000 + b"\n",
    "a zip of nothing": _zipped(b"", "readme.txt"),
    "a zip within a zip": _zipped(_zipped(SKYPILOT.encode()), "aws.zip"),
    "a zip that is cut": _zipped(SKYPILOT.encode())[:-30],
    "a gzip that is cut": gzip.compress(SKYPILOT.encode())[:-12],
    "a gzip of nothing": gzip.compress(b""),
    "a zip of a web page": _zipped(PAGE),
}  # fmt: skip


@pytest.mark.parametrize("what", HOPELESS)
def test_what_cannot_be_a_catalogue_is_refused(catalogue: Catalogue, what: str) -> None:
    for name in ("aws/vms.csv", "prices.json", "catalog.zip"):
        assert attempt(catalogue, name, HOPELESS[what]) is None


@pytest.mark.parametrize("packed", [_zipped(bytes(20_000_000)), gzip.compress(bytes(20_000_000))], ids=["zip", "gzip"])
def test_an_archive_that_swells_is_refused(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, packed: bytes
) -> None:
    """Twenty kilobytes that unpack to twenty megabytes, where two are read."""
    monkeypatch.setattr(sources, "MOST_BYTES", 2_000_000)
    assert len(packed) < 30_000
    assert attempt(catalogue, "prices.zip", packed) is None


def test_members_with_strange_names_stay_in_their_place(catalogue: Catalogue, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("../../aws/vms.csv", "/aws/vms2.csv", "C:\\aws.csv", "aws\n.csv", "x" * 250 + "/aws.csv"):
            archive.writestr(name, SKYPILOT)
    assert attempt(catalogue, "a.zip", out.getvalue())


# -- the same from the command line ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["empty", "a web page", "UTF-16", "deep lists", "JSON cut short", "a zip that is cut"])
def test_the_command_says_it_in_one_line(
    catalogue: Catalogue, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli, runner = pytest.importorskip("gpuplan.cli").cli, pytest.importorskip("click.testing").CliRunner()
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(catalogue.folder))
    path = tmp_path / "prices.csv"
    path.write_bytes(HOPELESS[what])
    found = runner.invoke(cli, ["offers", "import", str(path)])
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    assert "prices.csv" in found.stderr
    assert catalogue.bytes() == catalogue.content
