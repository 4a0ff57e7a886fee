"""`batch`: rows are what `solve` answers, bad rows are rows, runs go on, and totals add up."""

from __future__ import annotations

import csv
import importlib
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import gpuplan
from gpuplan import catalogue
from gpuplan.batching import answering, work
from gpuplan.batching.answering import Answered, Answering, Task
from gpuplan.batching.read import read_rows
from gpuplan.batching.result import BatchResult, BatchRow
from gpuplan.batching.rows import Row, row_of
from gpuplan.batching.summary import Summary, summary_of
from gpuplan.batching.table import COLUMNS
from gpuplan.batching.work import tasks_of
from gpuplan.errors import InputError
from gpuplan.journal import Journal
from gpuplan.verify import VerificationError
from gpuplan_hardware.imports.store import built_in_offers

verb = importlib.import_module("gpuplan.batch")

SMALL = {"model": "qwen2.5-0.5b", "method": "lora", "data": "1MB", "gpu": "H100-SXM"}
#: Rows of every kind: plans, no plan, several choices, alternatives, an own price, an error.
MIXED: list[dict[str, Any]] = [
    SMALL,
    {**SMALL, "deadline": "2h"},
    {**SMALL, "deadline": "1m", "name": "too soon"},
    {**SMALL, "model": "qwen2.5-7b", "method": "any", "budget": "$30"},
    {**SMALL, "model": "qwen2.5-7b", "method": "any", "deadline": "1m"},
    {**SMALL, "alternatives": 2, "alternatives_by": "layout"},
    {"model": "qwen2.5-7b", "method": "qlora", "data": "10MB", "gpu": "H100-SXM", "price": 2.5},
    {**SMALL, "model": "qwen2.5-05b"},
    {**SMALL, "framework": "trl"},
    {**SMALL, "data": "10GB", "max-gpus": 1},
    SMALL,
]


def without_seconds(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what depends on the machine."""
    for one in (answer, *answer["choices"]):
        one["solver"]["seconds"] = {}
    return answer


def main_question(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what a plan's neighbours say."""
    for one in (answer, *answer["choices"]):
        one["worth"] = one["alternatives"] = []
        for rule in one["rules"]:
            rule["binding"] = False
    return without_seconds(answer)


def lines(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    for row in found:
        if row["answer"] is not None:
            without_seconds(row["answer"])
    return found


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


# -- runs that go on -----------------------------------------------------------------------------------------------------------
def fake_answers(monkeypatch: pytest.MonkeyPatch, statuses: Sequence[str], stop_after: int | None = None) -> list[int]:
    """Answer rows without a search, in an order of its own; the numbers of rows that are asked."""
    asked: list[int] = []

    def answered(rows: Sequence[Row], *_: object) -> Iterator[Answered]:
        order = list(rows)
        random.Random(1).shuffle(order)
        for row in order:
            if len(asked) == stop_after:
                raise KeyboardInterrupt
            asked.append(row.number)
            status = statuses[row.number - 1]
            row_answer = answering.error_row(row, InputError("model", "x", f"bad {row.number}"))
            yield Answered(
                row.number, row.key, status, row_answer.model_copy(update={"status": status}).model_dump_json()
            )

    monkeypatch.setattr(verb, "answered", answered)
    return asked


JOBS = [{**SMALL, "seed": seed} for seed in range(6)]


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, journal = tmp_path / "plans.jsonl", tmp_path / "plans.jsonl.journal"
    first = fake_answers(monkeypatch, ["error"] * 6, stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        gpuplan.batch(JOBS, out)
    assert not out.exists()
    assert journal.read_bytes().count(b"\n") == 5
    second = fake_answers(monkeypatch, ["error"] * 6)
    told: list[tuple[int, int, int]] = []
    result = gpuplan.batch(JOBS, out, progress=lambda *now: told.append(now))
    assert sorted(first + second) == [1, 2, 3, 4, 5, 6]
    assert (result.solver.asked, result.solver.resumed) == (2, 4)
    assert told == [(4, 6, 4), (5, 6, 4), (6, 6, 4)]
    assert [row["row"] for row in lines(out)] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plans.jsonl"]


def test_undecided_rows_are_written_and_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, journal = tmp_path / "plans.jsonl", tmp_path / "plans.jsonl.journal"
    statuses = ["error", "feasible", "unknown", "infeasible", "optimal", "unknown"]
    fake_answers(monkeypatch, statuses, stop_after=5)
    with pytest.raises(KeyboardInterrupt):
        gpuplan.batch(JOBS, out)
    kept = journal.read_bytes().count(b"\n") - 1
    again = fake_answers(monkeypatch, statuses)
    result = gpuplan.batch(JOBS, out)
    assert len(again) == 6 - kept
    assert {2, 3, 6} <= set(again)
    assert [row["status"] for row in lines(out)] == statuses
    assert (result.status, result.undecided, result.errors) == ("undecided", 3, 1)
    assert [one.reason for one in result.unplanned if one.status == "unknown"] == ["the time limit came first"]


def test_an_interrupt_without_a_file_gives_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_answers(monkeypatch, ["error"] * 6, stop_after=2)
    result = gpuplan.batch(JOBS)
    assert (result.solver.stopped, result.errors, result.undecided, result.status) == ("interrupted", 2, 4, "undecided")


def test_a_row_that_comes_twice_counts_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_answers(monkeypatch, ["error"] * 6)
    once = verb.answered

    def twice(rows: Sequence[Row], *more: object) -> Iterator[Answered]:
        for found in once(rows, *more):
            yield found
            yield found

    monkeypatch.setattr(verb, "answered", twice)
    told: list[tuple[int, int, int]] = []
    result = gpuplan.batch(JOBS, tmp_path / "plans.jsonl", progress=lambda *now: told.append(now))
    assert (result.errors, told[-1]) == (6, (6, 6, 0))
    assert len(lines(tmp_path / "plans.jsonl")) == 6


@pytest.mark.parametrize("what", ["jobs", "offers", "file"])
def test_a_journal_of_another_question_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    out, text = tmp_path / "plans.csv", tmp_path / "text"
    text.write_text("some text")
    jobs = [{**SMALL, "data": str(text)}]
    offers = list(built_in_offers())[:3]
    fake_answers(monkeypatch, ["error"], stop_after=0)
    with pytest.raises(KeyboardInterrupt):
        gpuplan.batch(jobs, out, offers=offers)
    if what == "jobs":
        jobs = [{**jobs[0], "name": "other"}]
    elif what == "offers":
        offers = offers[:2]
    else:
        text.write_text("another text")
    fake_answers(monkeypatch, ["error"])
    with pytest.raises(InputError, match="holds answers to another question"):
        gpuplan.batch(jobs, out, offers=offers)
    assert gpuplan.batch(jobs, out, offers=offers, restart=True).errors == 1


def test_the_journal_is_closed_where_a_row_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_answers(monkeypatch, ["error"] * 6)

    def full(*_: object) -> None:
        raise InputError("journal", "x", "cannot be written (No space left on device)")

    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(InputError, match="No space left"):
        gpuplan.batch(JOBS, tmp_path / "plans.csv")
    monkeypatch.undo()
    fake_answers(monkeypatch, ["error"] * 6)
    assert gpuplan.batch(JOBS, tmp_path / "plans.csv").errors == 6


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


# -- how the work is shared ----------------------------------------------------------------------------------------------------
def rows_of(count: int, models: int) -> list[Row]:
    return [row_of(number, {"model": f"m{number % models}", "seed": number}) for number in range(1, count + 1)]


@pytest.mark.parametrize(("count", "models", "processes"), [(1, 1, 1), (1000, 7, 2), (5000, 1, 4), (100, 100, 2)])
def test_tasks_hold_every_row_once_and_rows_of_one_kind_each(count: int, models: int, processes: int) -> None:
    rows = rows_of(count, models)
    tasks = tasks_of(rows, processes)
    assert sorted(row.number for task in tasks for row in task.rows) == list(range(1, count + 1))
    assert all(len({row.sharing for row in task.rows}) == 1 for task in tasks)
    assert max(len(task.rows) for task in tasks) <= work.MOST_ROWS


def test_what_rows_share_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def looked_up(job: Any, given: Any) -> Any:
        seen.append(job)
        return catalogue.offers_for(job, given)

    monkeypatch.setattr(answering, "offers_for", looked_up)
    grid = {**SMALL, "deadline": ["1h", "2h"], "budget": ["$5", "$50"], "gpu": ["H100-SXM", "L40S"]}
    rows = read_rows({"grid": grid})
    run = Answering()
    assert len(list(run(Task(tuple(rows))))) == 8
    assert len(seen) == 2  # one selection of offers for each GPU
    many = [{**SMALL, "max_price_age": f"{days}d"} for days in range(100, 100 + 2 * answering.MOST_KEPT)]
    list(run(Task(tuple(read_rows(many)))))
    assert len(run._selections) == answering.MOST_KEPT


def test_offers_of_one_row_are_not_those_of_another() -> None:
    jobs = [{**SMALL, "provider": provider} | price for provider in ("lambda", "aws") for price in ({}, {"price": 1.5})]
    rows = {row.row: row for row in gpuplan.batch_rows(jobs)}
    for number, job in enumerate(jobs, start=1):
        answer = rows[number].answer
        assert answer is not None
        expected = gpuplan.solve({**job, "alternatives": 0})
        assert main_question(answer.model_dump()) == main_question(expected.model_dump())


def test_reasons_and_examples_are_bounded() -> None:
    summary = Summary()
    for number in range(1, 201):
        row = row_of(number, {"model": f"m{number}"})
        summary.add(answering.error_row(row, InputError("model", "m", f"no {number % 100}")))
        summary.add(answering.error_row(row, InputError("model", "m", "often")))
    found = summary.unplanned()
    assert (found[0].reason, found[0].rows, found[0].examples) == ("model: often", 200, [1, 2, 3, 4, 5])
    assert len(found) == 50
