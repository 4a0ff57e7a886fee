"""`gpuplan offers` with imports: what is taken is listed and shown, what changed is said, what fails changes nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from gpuplan.cli import cli
from gpuplan.cli.offers import FIRST, MOST_WHOLE
from gpuplan.listing import imports, known_offers, offer_changes, offers
from gpuplan.report import catalogue as report
from gpuplan_hardware import nodes
from gpuplan_hardware import offers as built_in
from gpuplan_hardware.imports import packing, read

TODAY = datetime.now(UTC).date()
HEADER = "provider,region,pricing,node,gpu,gpus_per_node,max_nodes,price_usd_per_hour,as_of"
P5 = "aws/p5.48xlarge"


def run(line: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(line))


def as_json(line: str) -> dict[str, Any]:
    found = run(f"{line} --format json")
    assert (found.exit_code, found.stderr) == (0, ""), found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def row(region: str, price: float, pricing: str = "on-demand", days: int = 0, node: str = "p5.48xlarge") -> str:
    return f"aws,{region},{pricing},{node},,,16,{price},{TODAY - timedelta(days)}"


def write(name: str, *rows: str) -> str:
    Path(name).write_text("\n".join([HEADER, *rows]) + "\n")
    return name


def test_a_narrow_terminal_gets_the_counts() -> None:
    answer = imports.import_offers([write("a.csv", row("mars", 50.0), row("moon", 50.0))], dry_run=True)
    buffer = io.StringIO()
    report.render(answer, Console(file=buffer, width=80))
    assert max(map(len, buffer.getvalue().splitlines())) <= 80
    assert re.search(r"^  a\.csv +2 +2 +0 +20", buffer.getvalue(), re.MULTILINE)


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_an_import_says_what_it_took_and_is_then_part_of_the_list(catalogue: Path) -> None:
    write("a.csv", row("mars", 50.0), row("moon", 50.0), row("moon", 20.0, "spot"), row("us-east-1", 54.0))
    found = run("offers import a.csv")
    assert found.exit_code == 0
    assert found.stdout.startswith("4 offers of 1 file imported\n")
    for words in (
        "new              3\n",
        "1 dearer" if price_of_p5() < 54 else "1 cheaper",
        str(catalogue),
        "number 1;",
    ):
        assert words in found.stdout
    rows = {one["id"]: one for one in as_json("offers list")["offers"]}
    assert (rows[f"{P5}/mars/on-demand"]["origin"], rows[f"{P5}/mars/on-demand"]["age_days"]) == ("imported", 0)
    assert rows[f"{P5}/us-east-1/on-demand"]["price_usd_per_hour"] == 54.0
    assert f"{P5}/moon/spot" not in rows
    assert {one["origin"] for one in rows.values()} == {"built-in", "imported"}
    only = as_json("offers list --origin imported --all")["offers"]
    assert {one["region"] for one in only} == {"mars", "moon", "us-east-1"}
    assert all(one["origin"] == "built-in" for one in as_json("offers list --origin built-in --all")["offers"])


def price_of_p5() -> float:
    return next(one.price_usd_per_hour for one in built_in() if one.id == f"{P5}/us-east-1/on-demand")


def test_an_import_in_every_form() -> None:
    write("a.csv", row("mars", 50.0))
    answer = as_json("offers import a.csv")
    (file,) = answer["files"]
    assert (answer["number"], answer["taken"], answer["new"], answer["dry_run"]) == (1, 1, 1, False)
    assert (file["name"], file["taken"], file["offers"], file["skipped"], file["refused"]) == ("a.csv", 1, 1, 0, None)
    (line,) = csv.DictReader(run("offers import a.csv --format csv").stdout.splitlines())
    assert list(line) == list(imports.FileEntry.model_fields)
    assert (line["name"], line["taken"], len(line["sha256"])) == ("a.csv", "1", 64)
    assert run("offers import a.csv --format json --out b.json").stdout == ""
    assert json.loads(Path("b.json").read_text())["unchanged"] == 1


def test_a_file_that_is_refused_beside_one_that_is_taken() -> None:
    write("a.csv", row("mars", 50.0))
    Path("page.html").write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")
    found = run("offers import a.csv page.html")
    assert found.exit_code == 0
    assert "Refused\n  - page.html: " in found.stdout
    (taken, refused) = as_json("offers import a.csv page.html")["files"]
    assert (taken["refused"], refused["taken"]) == (None, 0)
    assert refused["refused"]


def test_rows_that_are_left_out_are_counted_with_examples() -> None:
    write("a.csv", row("mars", 50.0), row("moon", 60.0).replace("60.0", ""), row("sun", 70.0).replace("70.0", ""))
    answer = as_json("offers import a.csv")
    (reason,) = answer["files"][0]["reasons"]
    assert (answer["taken"], reason["prices"], [one["line"] for one in reason["things"]]) == (1, 2, [3])
    assert (reason["things"][0]["prices"], reason["more_things"]) == (2, 0)
    text = " ".join(run("offers import a.csv").stdout.split())
    assert f"2 {reason['reason']} (line 3: {reason['things'][0]['what']}, 2 prices)" in text


def test_prices_that_are_far_apart_or_moved_far_are_told() -> None:
    write("a.csv", row("mars", 50.0), row("moon", 50.0))
    write("b.csv", row("mars", 80.0), row("moon", 59.0))
    answer = as_json("offers import a.csv b.csv")
    (one,) = answer["differences"]
    assert (one["id"], one["kept_usd_per_hour"], one["other_usd_per_hour"]) == (f"{P5}/mars/on-demand", 80.0, 50.0)
    assert one["share"] == pytest.approx(-30 / 80)
    write("c.csv", row("mars", 40.0), row("moon", 58.0))
    found = run("offers import c.csv --replace")
    (moved,) = as_json("offers import b.csv")["moved"]
    assert (moved["id"], moved["share"]) == (f"{P5}/mars/on-demand", 1.0)
    assert "Moved  prices that moved by over 20% against what was known" in found.stdout
    assert "-50%" in found.stdout


def test_trying_and_replacing(catalogue: Path) -> None:
    write("a.csv", row("mars", 50.0), row("moon", 50.0))
    write("b.csv", row("mars", 40.0))
    found = run("offers import a.csv --dry-run")
    assert "2 offers of 1 file would be imported; nothing was changed" in found.stdout
    assert not catalogue.exists()
    run("offers import a.csv")
    assert as_json("offers import b.csv --replace --dry-run")["gone"] == 1
    answer = as_json("offers import b.csv --replace")
    assert (answer["cheaper"], answer["gone"], answer["imported_offers"]) == (1, 1, 1)


def test_the_day_and_the_provider_that_are_given() -> None:
    """An undated list of SkyPilot's kind."""
    Path("vms.csv").write_text(
        "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Region,AvailabilityZone,Price,SpotPrice\n"
        "p5.48xlarge,H100,8.0,192.0,2048.0,,mars,mars-a,50.0,\n"
    )
    answer = as_json("offers import vms.csv --provider amazon --as-of 2026-11-02")
    assert (answer["files"][0]["provider"], answer["files"][0]["as_of_basis"]) == ("aws", "given")
    shown = as_json(f"offers show {P5}/mars/on-demand")
    assert (shown["as_of"], shown["price_usd_per_hour"]) == ("2026-11-02", 50.0)
    assert "last change" in run("offers import vms.csv --provider aws").stdout


VMS = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Region,AvailabilityZone,Price,SpotPrice\n"


def vms(name: str, price: float, *others: str) -> str:
    """A price list of SkyPilot's kind with a p5 in mars, and GPUs that nobody knows."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"p5.48xlarge,H100,8.0,192.0,2048.0,,mars,mars-a,{price},",
        *(f"x,{gpu},1,,,,mars,mars-a,1.0," for gpu in others),
    ]
    path.write_text(VMS + "\n".join(rows) + "\n")
    return name


def test_a_day_that_is_given_later_replaces_that_of_the_file() -> None:
    """Of a folder that was copied today the files have the day of the copy; one of them is then imported with its own."""
    vms("prices/aws_vms.csv", 50.0)
    text = " ".join(run("offers import prices").stdout.split())
    assert "Prices of 1 file that carry no day of their own" in text and "--as-of DATE states it." in text
    answer = as_json("offers import prices/aws_vms.csv --as-of 2026-07-30")
    assert (answer["unchanged"], answer["older"], answer["undated"]) == (1, 0, 0)
    found = as_json(f"offers show {P5}/mars/on-demand")
    assert (found["as_of"], found["source"].rpartition("; ")[2]) == ("2026-07-30", "date given by the user")
    vms("prices/aws_vms.csv", 60.0)
    answer = as_json("offers import prices")
    assert (answer["dearer"], answer["undated"], answer["imported_offers"]) == (0, 1, 1)
    assert "not used 1 known at a stated day" in " ".join(run("offers import prices").stdout.split())
    assert as_json(f"offers show {P5}/mars/on-demand")["price_usd_per_hour"] == 50.0


def test_what_is_known_at_a_newer_day_is_not_used_and_that_is_said() -> None:
    run(f"offers import {write('new.csv', row('mars', 50.0), row('moon', 50.0))}")
    old = write("old.csv", row("mars", 40.0, days=3), row("us-east-1", 1.0, days=2000))
    answer = as_json(f"offers import {old} --dry-run")
    assert (answer["older"], answer["older_than_built_in"]) == (1, 1)
    text = " ".join(run(f"offers import {old}").stdout.split())
    assert "not used 1 known at a newer day, or dearer at the same; --replace begins afresh" in text
    assert "not used 1 built in at a newer day" in text


def test_files_whose_rows_have_their_day_are_not_called_undated() -> None:
    (file,) = as_json(f"offers import {write('a.csv', row('mars', 50.0, days=2), row('moon', 50.0, days=5))}")["files"]
    assert (file["as_of"], file["as_of_basis"]) == (str(TODAY - timedelta(2)), "the rows")
    text = run("offers import a.csv").stdout
    assert "the rows" in text and "no day of their own" not in text


def test_a_day_in_the_path_that_was_overridden_is_told() -> None:
    vms("2026-05-20/aws/vms.csv", 50.0)
    line = "offers import 2026-05-20 --as-of 2026-06-01"
    assert as_json(line)["files"][0]["as_of_in_path"] == "2026-05-20"
    words = "--as-of 2026-06-01 stands in place of the day in the path of 1 file (2026-05-20)."
    assert words in " ".join(run(line).stdout.split())
    assert "stands in place" not in run("offers import 2026-05-20").stdout
    assert "also where the path has one" in " ".join(run("offers import --help").stdout.split())


def test_what_is_left_out_is_told_apart_and_bounded() -> None:
    vms("aws_vms.csv", 50.0, *["K80"] * 3, "M60", *(f"G{number}" for number in range(imports.MOST_THINGS)))
    (file,) = as_json("offers import aws_vms.csv")["files"]
    reason = next(one for one in file["reasons"] if "does not have" in one["reason"])
    assert reason["things"][:2] == [{"what": "K80", "line": 3, "prices": 3}, {"what": "M60", "line": 6, "prices": 1}]
    assert (len(reason["things"]), reason["more_things"]) == (imports.MOST_THINGS, 2)
    assert "(line 3: K80, 3 prices; line 6: M60; line 7: G0; and 199 more)" in run("offers import aws_vms.csv").stdout


def test_only_files_that_gave_prices_are_counted_as_such() -> None:
    vms("prices/aws_vms.csv", 50.0)
    Path("prices/page.csv").write_text("<html>no prices</html>")
    assert run("offers import prices").stdout.startswith("1 offer of 1 file imported; 1 file gave none\n")
    dry = run("offers import prices --dry-run").stdout
    assert dry.startswith("1 offer of 1 file would be imported; 1 file gave none; nothing was changed\n")


def test_what_many_files_left_out_is_told_together() -> None:
    for number in range(60):
        vms(f"prices/{number}/aws_vms.csv", 50.0, "K80", "K80", "M60")
    text = run("offers import prices").stdout
    assert len(text.splitlines()) < 60
    assert "40 more: --format json or csv has all." in text
    assert "180  a GPU that the catalogue does not have (60 files: K80, 120 prices; M60, 60 prices)" in text
    files = as_json("offers import prices")["files"]
    assert len(files) == 60 and all(one["reasons"] for one in files)


def test_a_price_list_that_is_all_wrong_is_refused_with_its_first_row() -> None:
    found = run(f"offers import {write('bad.csv', row('mars', 50.0).replace('50.0', 'abc'))}")
    assert (found.exit_code, found.stderr.count("\n")) == (2, 1)
    assert "first in line 2: price_usd_per_hour is 'abc'; a plain number" in found.stderr


def test_no_password_is_shown_of_what_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://me:secret@raw.example/a.csv"
    report = read.import_places([write("a.csv", row("mars", 50.0))])
    monkeypatch.setattr(offer_changes, "read_places", lambda *_: report)
    assert as_json(f"offers diff {url}")["old"] == "https://raw.example/a.csv"


def test_an_offer_names_the_regions_with_its_price() -> None:
    write("a.csv", row("mars", 50.0), row("moon", 50.0), row("sun", 51.0), row("venus", 50.0, "spot"))
    run("offers import a.csv")
    shown = as_json(f"offers show {P5}/mars/on-demand")
    assert (shown["also_in"], shown["origin"]) == (["moon"], "imported")
    assert "also in          moon, at the same price" in run(f"offers show {P5}/mars/on-demand").stdout
    assert as_json("offers show aws/p4d.24xlarge/us-east-1/on-demand")["origin"] == "built-in"


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("price", lambda one: one["price_usd_per_hour"]),
        ("GPU-price", lambda one: one["price_usd_per_gpu_hour"]),
        ("gpu", lambda one: one["gpu"]),
        ("region", lambda one: one["region"]),
        ("age", lambda one: one["age_days"]),
        ("provider", lambda one: one["provider"]),
    ],
)
def test_orders_of_the_list(sort: str, key: Any) -> None:
    write("a.csv", row("mars", 50.0, days=3), row("moon", 40.0, days=1))
    run("offers import a.csv")
    rows = as_json(f"offers list --sort {sort}")["offers"]
    assert rows == sorted(rows, key=lambda one: (key(one), one["price_usd_per_gpu_hour"], one["id"]))


def test_the_age_of_prices() -> None:
    write("a.csv", row("mars", 50.0, days=3), row("moon", 40.0, days=1))
    run("offers import a.csv")
    found = as_json("offers list --origin imported --max-age 2d")["offers"]
    assert [(one["region"], one["age_days"]) for one in found] == [("moon", 1)]
    assert len(as_json("offers list --origin imported --max-age 3d")["offers"]) == 2


def test_a_long_list_is_cut_for_people_and_whole_for_programs() -> None:
    many = [row(f"r-{number}", 20.0 + number / 100) for number in range(MOST_WHOLE + 1)]
    run(f"offers import {write('a.csv', *many)}")
    line = "offers list --origin imported"
    text = run(line).stdout
    assert text.count("aws/p5.48xlarge/r-") == FIRST
    assert f"The first {FIRST} of {MOST_WHOLE + 1} offers: --all-rows shows all" in text
    assert run(f"{line} --all-rows").stdout.count("aws/p5.48xlarge/r-") == MOST_WHOLE + 1
    answer = as_json(line)
    assert (len(answer["offers"]), answer["more"]) == (MOST_WHOLE + 1, 0)
    assert len(run(f"{line} --format csv").stdout.splitlines()) == MOST_WHOLE + 2


def test_no_answer_is_made_of_what_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of tens of thousands of offers is quick."""
    made: list[Any] = []
    real = offers.offer_entry

    def counted(*words: Any) -> offers.OfferEntry:
        made.append(words)
        return real(*words)

    monkeypatch.setattr(offers, "offer_entry", counted)
    regions = [row(f"r-{number}", 20.0 + number % 977) for number in range(10_000)]
    run(f"offers import {write('a.csv', *regions)}")
    usual = sum(one.pricing == "on-demand" and not one.provider.marketplace for one in built_in())
    assert f"of {10_000 + usual:,} offers: --all-rows" in run("offers list").stdout
    assert len(made) == FIRST


def test_imported_offers_of_a_machine_that_is_no_longer_known(monkeypatch: pytest.MonkeyPatch) -> None:
    run(f"offers import {write('a.csv', row('mars', 50.0), row('mars', 20.0, node='p4d.24xlarge'))}")
    left = {key: node for key, node in nodes().items() if node.name != "p4d.24xlarge"}
    monkeypatch.setattr(packing, "nodes", lambda: left)
    answer = as_json("offers list --origin imported")
    assert ([one["node"] for one in answer["offers"]], answer["dropped"]) == (["p5.48xlarge"], 1)
    assert "Left out: 1 imported offer of machines that this version does not know" in run("offers list").stdout


def test_what_changed_between_imports() -> None:
    run(
        f"offers import {write('a.csv', row('mars', 50.0, days=9), row('moon', 50.0, days=9), row('sun', 5.0, days=9))}"
    )
    run(f"offers import {write('b.csv', row('mars', 60.0), row('moon', 20.0), row('venus', 7.0))} --replace")
    answer = as_json("offers diff")
    assert (answer["old"], answer["new"], answer["unchanged"]) == ("import 1", "import 2", 0)
    assert [(one["change"], one["id"].split("/")[2], one["share"]) for one in answer["changes"]] == [
        ("cheaper", "moon", pytest.approx(-0.6)),
        ("dearer", "mars", pytest.approx(0.2)),
        ("new", "venus", None),
        ("gone", "sun", None),
    ]
    assert as_json("offers diff 1 2") == answer
    assert as_json("offers diff a.csv b.csv")["changes"] == answer["changes"]
    back = as_json("offers diff 2 1")["changes"]
    assert [one["change"] for one in back] == ["dearer", "cheaper", "gone", "new"]
    text = run("offers diff").stdout
    assert text.startswith("From import 1 to import 2\n1 dearer, 1 cheaper, 1 new, 1 gone, 0 unchanged.\n")
    assert "+20%" in text and "-60%" in text
    rows = list(csv.DictReader(run("offers diff --format csv").stdout.splitlines()))
    assert [one["change"] for one in rows] == ["cheaper", "dearer", "new", "gone"]
    since = as_json("offers diff built-in")
    assert {one["id"].split("/")[2] for one in since["changes"] if one["change"] == "new"} == {"mars", "moon", "venus"}
    assert since["unchanged"] == len(built_in())


def test_the_imports_that_are_kept(catalogue: Path) -> None:
    assert "Nothing has been imported" in run("offers history").stdout
    run(f"offers import {write('a.csv', row('mars', 50.0))}")
    run(f"offers import {write('b.csv', row('moon', 50.0))}")
    answer = as_json("offers history")
    assert answer["folder"] == str(catalogue)
    assert [(one["number"], one["offers"], one["taken"], one["files"]) for one in answer["imports"]] == [
        (2, 2, 1, ["b.csv"]),
        (1, 1, 1, ["a.csv"]),
    ]
    assert run("offers history").stdout.splitlines()[2].split()[0] == "2"


def test_what_fails_changes_nothing(catalogue: Path) -> None:
    run(f"offers import {write('a.csv', row('mars', 50.0))}")
    before = {path.name: path.read_bytes() for path in catalogue.iterdir()}
    Path("page.html").write_text("<html>no prices</html>")
    for line in ("page.html", "none.csv", "a.csv --as-of yesterday", "a.csv --provider ''"):
        assert run(f"offers import {line}").exit_code == 2, line
    assert {path.name: path.read_bytes() for path in catalogue.iterdir()} == before


BAD_INPUTS = [
    ("offers import", "places", "", "missing argument"),
    ("offers import none.csv", "offers", "none.csv", "none.csv"),
    ("offers import a.csv --as-of 20.11.2026", "as_of", "20.11.2026", "2026-11-20"),
    ("offers list --sort cheap", "sort", "cheap", "gpu-price"),
    ("offers list --origin import", "origin", "import", "Did you mean imported"),
    ("offers list --origin imported --offers a.csv", "origin", "imported", "leave out one"),
    ("offers list --max-age old", "max_age", "old", "duration"),
    ("offers list --max-age 30", "max_age", "30", "30d"),
    ("offers diff", "import", "1", "gpuplan offers diff built-in"),
    ("offers diff 7", "import", "7", "kept are 1"),
    ("offers diff none.csv", "offers", "none.csv", "none.csv"),
    (f"offers show {P5}/marz/on-demand", "offer", f"{P5}/marz/on-demand", f"Did you mean {P5}/mars/on-demand"),
]


@pytest.mark.parametrize(("line", "field", "value", "words"), BAD_INPUTS)
def test_bad_input_is_one_line_with_the_way_out(line: str, field: str, value: str, words: str) -> None:
    run(f"offers import {write('a.csv', row('mars', 50.0))}")
    found = run(line)
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    assert words in found.stderr
    error = json.loads(run(f"{line} --format json").stderr)["error"]
    assert (error["field"], error["value"]) == (field, value)


def test_a_damaged_catalogue_is_one_line(catalogue: Path) -> None:
    run(f"offers import {write('a.csv', row('mars', 50.0))}")
    (catalogue / "manifest.json").write_text("{")
    for line in (
        "offers list",
        f"offers show {P5}/mars/on-demand",
        "offers diff 1",
        "offers history",
        "offers import a.csv",
    ):
        found = run(line)
        assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (2, "", 1)
        assert "gpuplan offers import --replace" in found.stderr
    assert run("offers import a.csv --replace").exit_code == 0


def test_no_place_for_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUPLAN_OFFERS_DIR", "none")
    found = run(f"offers import {write('a.csv', row('mars', 50.0))}")
    assert found.exit_code == 2
    assert "GPUPLAN_OFFERS_DIR is 'none'" in found.stderr
    assert as_json("offers import a.csv --dry-run")["new"] == 1
    assert "GPUPLAN_OFFERS_DIR is 'none'" in run("offers history").stdout


def test_the_age_of_a_price_that_is_of_tomorrow_where_the_user_is() -> None:
    offer = built_in()[0]
    assert known_offers.age_days(replace(offer, as_of=TODAY + timedelta(1))) == 0
    assert known_offers.age_days(replace(offer, as_of=TODAY - timedelta(2))) == 2
