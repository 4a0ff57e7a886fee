"""The comparison of solvers: its catalogue, its problems, its rivals on tiny questions, its rendering."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.solve.catalogue import generated, write_price_list
from benchmarks.solve.exhaustive import count_pairs, exhaustive
from benchmarks.solve.plain import plain
from benchmarks.solve.problems import problems
from benchmarks.solve.render import markdown, trouble
from benchmarks.solve.rows import Row, read_csv, worse_with_more, write_csv
from benchmarks.solve.whole import Process, flags
from gpuplan.job import resolve
from gpuplan.pipeline import find
from gpuplan.selection import machine_key
from gpuplan_hardware import read_offers

SMALL = {
    "8B QLoRA": {"model": "llama-3.1-8b", "method": "qlora", "data": "100MB", "deadline": "24h", "global_batch": 8},
    "1B on two frameworks": {
        "model": "llama-3.2-1b",
        "method": "lora",
        "data": "10MB",
        "deadline": "2h",
        "global_batch": 4,
    },
    "impossible": {"model": "llama-3.1-8b", "method": "qlora", "data": "100GB", "deadline": "1h", "global_batch": 8},
}
ROW = Row(
    problem="p", offers=100, expect="loose", minimize="cost", kept_offers=50, machines=40, pairs=1000, status="optimal",
    value=12.5, cold_seconds=0.1, warm_seconds=0.05, peak_mb=90.0, seconds_space=0.01, seconds_tables=0.02,
    seconds_incumbent=0.03, seconds_reduce=0.01, seconds_cp_sat=0.02, seconds_verify=0.01, layouts=20, left_pairs=5, literals=7,
    exhaustive_status="optimal", exhaustive_value=12.5, exhaustive_seconds=0.3, evaluated=600, exhaustive_mb=100.0,
)  # fmt: skip


def test_the_catalogue_is_the_same_each_time_and_a_longer_one_begins_with_it() -> None:
    assert generated(300) == generated(600)[:300]
    assert generated(300, seed=6) != generated(300)
    assert len({offer.id for offer in generated(5_000)}) == 5_000
    assert len({machine_key(offer.node) for offer in generated(5_000)}) > 300


def test_every_generated_offer_is_read_back_from_a_price_list(tmp_path: Path) -> None:
    chosen = generated(1_000)
    write_price_list(chosen, tmp_path / "offers.csv")
    assert read_offers(tmp_path / "offers.csv") == chosen


def test_every_problem_can_be_asked() -> None:
    found = problems()
    assert len(found) >= 66
    assert {problem.sizes[0] for problem in found} == {100, 1_000, 5_000}
    assert {problem.expect for problem in found} == {"loose", "tight", "impossible"}
    for problem in found:
        resolve(problem.words, generated(100))
        assert flags(problem)[:2] == ["--model", problem.words["model"]]


@pytest.mark.parametrize("name", SMALL)
def test_the_exhaustive_search_finds_the_same_optimum(name: str) -> None:
    offers = generated(12)
    job = resolve(SMALL[name], offers)
    outcome, found = find(job, offers), exhaustive(job, offers)
    assert (found.value is None) == (outcome.status == "infeasible")
    assert found.value is None or found.value == pytest.approx(outcome.value, rel=1e-9)
    assert found.evaluated <= count_pairs(job, offers)


def test_the_plain_model_finds_the_same_optimum() -> None:
    offers = generated(3)
    job = resolve(SMALL["8B QLoRA"], offers)
    found = plain(job, offers, seconds=60.0)
    assert found.status == "optimal"
    assert found.value == pytest.approx(find(job, offers).value, rel=1e-4)


def test_a_row_survives_its_file(tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, problem="q", status="infeasible", value=None, exhaustive_value=None)]
    write_csv(tmp_path / "rows.csv", rows)
    assert read_csv(tmp_path / "rows.csv") == rows


@pytest.mark.parametrize(
    "changed",
    [
        {"exhaustive_value": 12.4},
        {"status": "feasible"},
        {"exhaustive_status": "infeasible", "exhaustive_value": None},
        {"plain_status": "optimal", "plain_value": 12.0},
        {"plain_status": "infeasible"},
    ],
)
def test_a_disagreement_is_bold_and_named(changed: dict[str, object]) -> None:
    row = replace(ROW, **changed)  # type: ignore[arg-type]  # each is a field
    assert trouble([ROW]) == []
    assert len(trouble([row])) == 1
    assert "| **p** |" in markdown([row], [])


def test_a_plain_model_that_did_not_finish_disagrees_with_nobody() -> None:
    assert replace(ROW, plain_status="feasible", plain_value=20.0).agrees
    assert not replace(ROW, plain_status="feasible", plain_value=12.0).agrees
    assert replace(ROW, plain_status="unknown").agrees


def test_more_offers_must_not_make_the_plan_worse() -> None:
    better, worse = replace(ROW, offers=1_000, value=10.0), replace(ROW, offers=1_000, value=13.0)
    assert worse_with_more([ROW, better]) == []
    assert worse_with_more([ROW, worse]) == [(ROW, worse)]


def test_what_is_written_says_where_the_rival_was_faster() -> None:
    text = markdown([ROW, replace(ROW, problem="q", exhaustive_seconds=0.05)], [Process("p", 1_000, 1.5, 120.0, 0)])
    assert "faster on 1 of 2 questions (ratio): q with 100 offers 0.50" in text
    assert "median 1.50 s" in text
