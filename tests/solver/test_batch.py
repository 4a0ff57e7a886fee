"""`batch`: rows are what `solve` answers, bad rows are rows, and totals add up."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path
from typing import Any

import pytest

import gpuplan
from batch_samples import MIXED, SMALL, lines, main_question, without_seconds
from gpuplan.batching import answering
from gpuplan.batching.answering import Answering, Task
from gpuplan.batching.read import read_rows
from gpuplan.batching.result import BatchResult, BatchRow
from gpuplan.batching.rows import row_of
from gpuplan.batching.summary import Summary, summary_of
from gpuplan.batching.table import COLUMNS
from gpuplan.errors import InputError
from gpuplan.verify import VerificationError
from gpuplan_hardware.imports.store import built_in_offers


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BatchResult]:
    """Rows of every kind, answered in this process."""
    out = tmp_path_factory.mktemp("mixed") / "plans.jsonl"
    return out, gpuplan.batch(MIXED, out)


def test_every_row_is_what_solve_answers(mixed: tuple[Path, BatchResult]) -> None:
    rows = lines(mixed[0])
    assert [row["row"] for row in rows] == list(range(1, len(MIXED) + 1))
    for row, job in zip(rows, MIXED, strict=True):
        words = {name.replace("-", "_"): value for name, value in job.items() if name != "name"}
        assert row["job"] == words
        assert row["name"] == job.get("name", f"{job['model']}, {job['method']}, {job['data']}")
        if row["status"] == "error":
            with pytest.raises(InputError) as raised:
                gpuplan.solve(words)
            assert row["error"]["message"] == row["reason"] == raised.value.message
            assert row["error"]["field"] == raised.value.field
            assert row["answer"] is None
            continue
        expected = gpuplan.solve(words if "alternatives" in words else {**words, "alternatives": 0}).model_dump()
        compared = without_seconds if "alternatives" in words else main_question
        assert compared(row["answer"]) == compared(expected)
        assert row["status"] == expected["status"]


def test_what_the_rows_say(mixed: tuple[Path, BatchResult]) -> None:
    rows = lines(mixed[0])
    statuses = ["optimal"] * 2 + ["infeasible", "optimal", "infeasible", "optimal", "optimal"] + ["error"] * 2
    assert [row["status"] for row in rows] == [*statuses, "optimal", "optimal"]
    assert rows[2]["reason"].startswith("no plan; it takes a deadline of")
    assert rows[4]["reason"].startswith("full in bf16: no plan; ")
    assert rows[7]["error"]["suggestions"][0] == "qwen2.5-0.5b"
    assert [rows[0]["reason"], rows[0]["error"], rows[0]["answer"]["alternatives"]] == [None, None, []]
    assert len(rows[5]["answer"]["alternatives"]) == 2
    assert rows[0]["answer"] == rows[10]["answer"]


def test_the_summary(mixed: tuple[Path, BatchResult]) -> None:
    out, result = mixed
    rows = [BatchRow.model_validate_json(line) for line in out.read_text().splitlines()]
    plans = [row.answer.plan for row in rows if row.answer is not None and row.answer.plan is not None]
    choices = rows[3].answer.choices if rows[3].answer else []
    plans.append(min((one.plan for one in choices if one.plan), key=lambda plan: plan.prediction.cost_usd))
    cost = sum(plan.prediction.cost_usd for plan in plans)
    assert (result.jobs, result.planned, result.infeasible, result.undecided, result.errors) == (11, 7, 2, 0, 2)
    assert (result.status, result.out, result.warnings) == ("decided", str(out), ["2 of 11 rows have errors"])
    assert result.cost_usd == pytest.approx(cost)
    for groups in (result.by_model, result.by_gpu, result.by_provider):
        assert sum(group.cost_usd for group in groups) == pytest.approx(cost)
        assert sum(group.gpu_hours for group in groups) == pytest.approx(result.gpu_hours)
        assert sum(group.planned for group in groups) == 7
    assert {group.name: (group.jobs, group.planned) for group in result.by_model} == {
        "qwen2.5-0.5b": (7, 5),
        "qwen2.5-7b": (3, 2),
        "qwen2.5-05b": (1, 0),
    }
    usd = sorted(plan.prediction.cost_usd for plan in plans)
    assert [one.cost_usd for one in result.cheapest] == usd[:5]
    assert [one.cost_usd for one in result.dearest] == usd[:-6:-1]
    assert [one.row for one in result.cheapest][:2] == [1, 2]  # of equals the first
    assert [(one.status, one.rows) for one in result.unplanned] == [("infeasible", 2), ("error", 1), ("error", 1)]
    assert (result.unplanned[0].reason, result.unplanned[0].examples) == ("deadline cannot be kept", [3, 5])
    solver = result.solver
    assert (solver.asked, solver.resumed, solver.executor, solver.processes, solver.stopped) == (
        11,
        0,
        "local",
        1,
        None,
    )


def test_gpu_hours_are_those_of_the_nodes() -> None:
    # Two of three trials run together, so two rounds: GPUs x 2 x the hours without waiting for the nodes.
    (row,) = gpuplan.batch_rows([{**SMALL, "trials": 3, "parallel": 2}])
    summary = summary_of(iter([row]))
    assert row.answer is not None
    plan = row.answer.plan
    assert plan is not None
    parts = plan.prediction.time_parts_hours
    hours = sum(parts.values()) - parts["lead_time"] - parts["provisioning"]
    assert summary.totals["gpu_hours"] == pytest.approx(plan.gpus * 2 * hours)


def test_csv_has_a_line_for_each_choice(mixed: tuple[Path, BatchResult], tmp_path: Path) -> None:
    out = tmp_path / "plans.csv"
    again = gpuplan.batch(MIXED, out)
    assert again.model_dump(exclude={"solver", "out"}) == mixed[1].model_dump(exclude={"solver", "out"})
    with out.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == COLUMNS
    choices = [len(row["answer"]["choices"]) or 1 if row["answer"] else 1 for row in lines(mixed[0])]
    assert [line["row"] for line in found] == [str(n) for n, many in enumerate(choices, start=1) for _ in range(many)]
    assert [line["method"] for line in found if line["row"] == "4"] == ["full", "lora", "qlora"]
    first = lines(mixed[0])[0]["answer"]
    assert float(found[0]["cost_usd"]) == first["plan"]["prediction"]["cost_usd"]
    assert (found[0]["gpu"], found[0]["status"]) == (first["plan"]["offer"]["gpu"], "optimal")
    bad = next(line for line in found if line["row"] == "8")
    assert (bad["status"], bad["error_field"], bad["model"], bad["cost_usd"]) == ("error", "model", "qwen2.5-05b", "")


def test_two_processes_write_the_same_file(mixed: tuple[Path, BatchResult], tmp_path: Path) -> None:
    out = tmp_path / "plans.jsonl"
    result = gpuplan.batch(MIXED, out, processes=2)
    assert lines(out) == lines(mixed[0])
    assert result.model_dump(exclude={"solver", "out"}) == mixed[1].model_dump(exclude={"solver", "out"})
    assert [path.name for path in tmp_path.iterdir()] == ["plans.jsonl"]


def test_rows_in_memory() -> None:
    found = {row.row: row for row in gpuplan.batch_rows({"grid": {**SMALL, "data": ["1MB", "2MB"]}})}
    assert sorted(found) == [1, 2]
    answer = found[2].answer
    assert answer is not None
    expected = gpuplan.solve({**SMALL, "data": "2MB", "alternatives": 0})
    assert main_question(answer.model_dump()) == main_question(expected.model_dump())
    summary = gpuplan.batch([SMALL])
    assert (summary.jobs, summary.planned, summary.out) == (1, 1, None)


def test_offers_of_the_caller() -> None:
    offers = [offer for offer in built_in_offers() if offer.node.accelerator.name == "L40S"]
    job = {name: SMALL[name] for name in ("model", "method", "data")}
    (row,) = gpuplan.batch_rows([job], offers=offers)
    assert row.answer is not None
    expected = gpuplan.solve({**job, "alternatives": 0}, offers)
    assert main_question(row.answer.model_dump()) == main_question(expected.model_dump())


# -- bad input -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("named", "field", "words"),
    [
        ({"out": "plans.json"}, "out", "must end in .jsonl (every answer whole) or .csv"),
        ({"out": "nowhere/plans.csv"}, "out", "does not exist"),
        ({"out": "folder.csv"}, "out", "is a folder"),
        ({"out": "jobs.csv"}, "out", "is the file that is read"),
        ({}, "out", "is missing"),
        ({"out": "plans.csv", "executor": "slurm"}, "executor", "is not one of local, ray"),
        ({"out": "plans.csv", "processes": 0}, "processes", "must be a whole number from 1"),
        ({"out": "plans.csv", "address": "ray://x"}, "address", "goes with executor ray"),
    ],
)
def test_bad_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: dict[str, Any], field: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.csv").write_text("model,data\nqwen2.5-7b,1GB\n")
    Path("folder.csv").mkdir()
    with pytest.raises(InputError) as raised:
        gpuplan.batch("jobs.csv", **named)
    assert raised.value.field == field
    assert words in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "jobs.csv"]


def test_a_mistake_of_the_program_costs_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(jobs: Any, *more: Any) -> Any:
        if jobs[0].search.seed == 1:
            raise VerificationError("the plan breaks a rule")
        return importlib.import_module("gpuplan.solve").answer_of(jobs, *more)

    monkeypatch.setattr(answering, "answer_of", mistaken)
    first, second = gpuplan.batch_rows([{**SMALL, "seed": 1}, {**SMALL, "seed": 2}])
    assert (first.status, second.status) == ("error", "optimal")
    assert first.error is not None
    assert first.error.field == "internal"
    assert "the plan breaks a rule; please report it" in first.error.message


def test_an_interrupt_inside_a_row_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Any:
        result = gpuplan.solve({**SMALL, "alternatives": 0})
        return result.model_copy(update={"solver": result.solver.model_copy(update={"stopped": "interrupted"})})

    monkeypatch.setattr(answering, "answer_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(Answering()(Task(tuple(read_rows([SMALL])))))


def test_a_row_that_comes_to_its_time_limit_is_undecided_and_leaves_the_next_alone() -> None:
    hard = {"model": "deepseek-r1", "method": "lora", "data": "1GB", "time_limit": "0.01s"}
    first, second = gpuplan.batch_rows([hard, {**SMALL, "name": "after"}])
    assert first.status in ("feasible", "unknown")
    assert second.status == "optimal"
    assert second.answer is not None
    assert second.answer.solver.stopped is None
    if first.status == "unknown":
        assert (first.reason or "").startswith("not decided: time limit")


def test_reasons_and_examples_are_bounded() -> None:
    summary = Summary()
    for number in range(1, 201):
        row = row_of(number, {"model": f"m{number}"})
        summary.add(answering.error_row(row, InputError("model", "m", f"no {number % 100}")))
        summary.add(answering.error_row(row, InputError("model", "m", "often")))
    found = summary.unplanned()
    assert (found[0].reason, found[0].rows, found[0].examples) == ("model: often", 200, [1, 2, 3, 4, 5])
    assert len(found) == 50
