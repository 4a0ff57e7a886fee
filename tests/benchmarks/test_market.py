"""The generated market: a small one is the same each time, is of the kinds that it says, and is imported, solved over and written down."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.market.generate import ROWS, generate
from benchmarks.market.importing import Imported, import_market
from benchmarks.market.render import csv_text, markdown
from benchmarks.market.shapes import OTHERS, PROVIDERS, sellers
from benchmarks.market.solving import QUESTIONS, Solved, differences, measure
from gpuplan.job import resolve
from gpuplan.solve import solve
from gpuplan_hardware.imports.read import import_places

NOWHERE = Path("no such folder")
FEW = 2_000
SOLVED = Solved(
    question="q", status="optimal", value=12.0, built_in_value=14.0, built_in_seconds=0.5, all_seconds=0.8, built_in_process_seconds=1.5,
    all_process_seconds=1.8, every_offer_seconds=3.0, every_offer="", offers=30_000, representatives=1_500, selected=400, kept=200,
    machines=110, built_in_machines=86, ratio=1.6, process_ratio=1.2,
)  # fmt: skip
IMPORTED = Imported(
    seconds=2.5, peak_mb=120.0, steps={"find and parse": 1.0, "resolve": 0.5}, files=45, prices=70_000, taken=50_000,
    skipped=Counter({"no GPU": 20_000}), differences=5, offers=28_000, stored_bytes=3_000_000,
)  # fmt: skip


def texts(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_market_is_the_same_each_time_with_as_many_rows_as_are_asked_for(tmp_path: Path) -> None:
    made = generate(tmp_path / "a", FEW, learn_from=NOWHERE)
    assert generate(tmp_path / "b", FEW, learn_from=NOWHERE) == made
    files = texts(tmp_path / "a")
    assert texts(tmp_path / "b") == files
    generate(tmp_path / "c", FEW, seed=7, learn_from=NOWHERE)
    assert texts(tmp_path / "c") != files
    lines = sum(content.count(b"\n") - 1 for name, content in files.items() if name.endswith(".csv"))
    items = sum(content.count(b'"armSkuName"') for name, content in files.items() if name.endswith(".jsonl"))
    assert lines + items == made.total
    assert made.total == pytest.approx(FEW, rel=0.02)
    assert made.rows["SkyPilot"] == pytest.approx(0.6 * FEW, rel=0.02)
    assert made.providers == len(PROVIDERS) == 20


def test_every_file_is_taken_and_every_mistake_is_among_the_reasons(tmp_path: Path) -> None:
    generate(tmp_path, FEW, learn_from=NOWHERE)
    report = import_places([str(tmp_path)])
    assert [file.name for file in report.files if file.refused is not None] == []
    assert {file.provider for file in report.files} == set(PROVIDERS)
    kinds = {file.format for file in report.files}
    assert kinds == {
        "Azure Retail Prices", "Cyclenerd CSV", "Karpenter price table", "SkyPilot catalogue", "gpuhunt catalogue", "gpuplan price list",
    }  # fmt: skip
    for reason in (
        "no GPU", "for Windows", "no spot price", "not a plausible price", "the row has another number of cells than the header",
        "a spot price above the on-demand price: neither is believed", "a spot price equal to the on-demand price says nothing",
    ):  # fmt: skip
        assert report.skipped[reason] > 0, reason
    assert len(report.offers) > FEW / 4
    assert report.differences
    assert {offer.pricing for offer in report.offers} == {"on-demand", "spot", "reserved-1y", "reserved-3y"}


def test_real_catalogues_add_machines_and_regions() -> None:
    alone, learned = sellers(6, NOWHERE), sellers(6)
    assert set(alone.shapes) == set(PROVIDERS)
    assert all(alone.shapes[name] for name in PROVIDERS)
    assert all(set(alone.shapes[name]) <= set(learned.shapes[name]) for name in PROVIDERS)
    assert all(shape.like is not None for name in OTHERS for shape in alone.shapes[name].values())


def test_every_question_can_be_asked() -> None:
    for words in QUESTIONS.values():
        assert resolve(words).limits.pricing == tuple(words["pricing"])


def test_an_answer_differs_where_anything_of_it_does() -> None:
    words = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "1MB", "alternatives": 0}
    one, other = solve(words), solve({**words, "provider": ["azure"]})
    assert differences(one, one) == ""
    for word in ("objective", "offer", "cost"):
        assert word in differences(one, other)


@pytest.mark.slow
def test_a_small_market_is_imported_and_solved_over(tmp_path: Path) -> None:
    made = generate(tmp_path / "market", FEW, learn_from=NOWHERE)
    imported = import_market(tmp_path / "market", tmp_path / "store", repeats=1)
    assert imported.offers == len(import_places([str(tmp_path / "market")]).offers)
    assert imported.taken + imported.skipped.total() == imported.prices >= made.total
    solved = measure("7B LoRA", tmp_path / "store" / "kept", repeats=1)
    assert solved.every_offer == ""
    assert solved.offers > imported.offers
    assert solved.value is not None
    assert solved.built_in_value is not None
    assert solved.value <= solved.built_in_value
    assert solved.kept <= solved.selected <= solved.representatives <= solved.offers


def test_the_page_says_what_misses_its_figure(tmp_path: Path) -> None:
    made = generate(tmp_path, 500, learn_from=NOWHERE)
    good = markdown(made, IMPORTED, [SOLVED], 3)
    assert "under 10 s" in good
    assert "it does in all 1 questions" in good
    assert "the same plan, cost, bound and status in each" in good
    wrong = replace(SOLVED, question="w", ratio=2.4, every_offer="offer: a and b")
    bad = markdown(made, replace(IMPORTED, seconds=11.0), [SOLVED, wrong], 3)
    assert "**over** 10 s" in bad
    assert "**not so in 1 of 2: w (2.40, process 1.20)**" in bad
    assert "**offer: a and b**" in bad
    rows = list(csv.DictReader(io.StringIO(csv_text([SOLVED, wrong]))))
    assert [row["ratio"] for row in rows] == ["1.6", "2.4"]
    assert ROWS == 50_000
